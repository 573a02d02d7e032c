/* SPDX-License-Identifier: MIT
 *
 * The lessons: one file each.
 */
#ifndef WEIR_BENCH_LESSONS_H
#define WEIR_BENCH_LESSONS_H

#include "teach/lesson.h"

extern const struct lesson lesson_speed, lesson_spawn, lesson_memory, lesson_crash, lesson_race, lesson_lock,
    lesson_cores, lesson_idle, lesson_channels, lesson_switch, lesson_wait, lesson_copies, lesson_queue, lesson_sharing,
    lesson_omission, lesson_twice;

#endif
