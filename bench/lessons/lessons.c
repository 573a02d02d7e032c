/* SPDX-License-Identifier: MIT
 *
 * The lessons, in the order in which they are best taken.
 */
#include "lessons.h"

static const struct lesson *const lessons[] = {
    &lesson_speed, &lesson_spawn,   &lesson_memory,   &lesson_crash,  &lesson_race, &lesson_lock,
    &lesson_cores, &lesson_idle,    &lesson_channels, &lesson_switch, &lesson_wait, &lesson_copies,
    &lesson_queue, &lesson_sharing, &lesson_omission, &lesson_twice,
};

const struct lesson *lesson_at(size_t i)
{
    return i < sizeof lessons / sizeof lessons[0] ? lessons[i] : NULL;
}
