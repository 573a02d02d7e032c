/* SPDX-License-Identifier: MIT
 *
 * Names of samples: who a message is (run, producer, sequence), mixed into one word. The check is drawn from the name,
 * the send time and the size, the body from the name alone.
 *
 * The check is the top of a sum of words times constants. One flipped bit adds or takes away a constant shifted left;
 * the constants are odd and no 16 bits in a row of them are all equal, so the top changes: a single flip is found for
 * certain. Other damage to the header passes with odds of about 1 in 2^32 (1 in 2^16 below 32 bytes).
 */
#ifndef WEIR_PROTO_NAME_H
#define WEIR_PROTO_NAME_H

#include <stddef.h>
#include <stdint.h>

/* The constants of splitmix64 (Steele, Lea, Flood 2014) and of wyhash. */
#define NAME_WHO_FACTOR      UINT64_C(0x9e3779b97f4a7c15)
#define NAME_SEQUENCE_FACTOR UINT64_C(0xbf58476d1ce4e5b9)
#define NAME_SENT_FACTOR     UINT64_C(0x94d049bb133111eb)
#define NAME_SIZE_FACTOR     UINT64_C(0xa0761d6478bd642f)

/* `who` is the producer above the run, 32 bits each: what they add to the name. */
static inline uint64_t name_key(uint64_t who)
{
    return who * NAME_WHO_FACTOR;
}

static inline uint64_t name_who(uint32_t run, uint32_t producer)
{
    return (uint64_t)producer << 32 | run;
}

static inline uint64_t name_of(uint64_t key, uint64_t sequence)
{
    return key + sequence * NAME_SEQUENCE_FACTOR;
}

/* What the size adds to the check. */
static inline uint64_t name_check_key(size_t size)
{
    return size * NAME_SIZE_FACTOR; /* not 0, so a message of zeros fails */
}

static inline uint32_t name_check(uint64_t check_key, uint64_t name, uint64_t sent_ns)
{
    return (uint32_t)((check_key + name + sent_ns * NAME_SENT_FACTOR) >> 32);
}

static inline uint64_t name_short_check(uint64_t check_key, uint64_t name)
{
    return (check_key + name) >> 48;
}

/* The first word of the body: names differ in both halves, and so does each byte of their mixture. */
static inline uint64_t name_body(uint64_t name)
{
    return (name ^ name >> 32) * NAME_SENT_FACTOR;
}

#endif
