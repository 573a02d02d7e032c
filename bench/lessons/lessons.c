/* SPDX-License-Identifier: MIT
 *
 * The lessons, in the order in which they are best taken.
 */
#include "lessons.h"

static const struct lesson *const lessons[] = {
    &lesson_spawn,    &lesson_race, &lesson_lock,   &lesson_sharing, &lesson_memory, &lesson_crash,
    &lesson_channels, &lesson_wait, &lesson_copies, &lesson_speed,   &lesson_cores,  &lesson_idle,
};

const struct lesson *lesson_at(size_t i)
{
    return i < sizeof lessons / sizeof lessons[0] ? lessons[i] : NULL;
}
