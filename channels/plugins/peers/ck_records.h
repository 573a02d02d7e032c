/* SPDX-License-Identifier: MIT
 *
 * Records of the ck driver: a message and its length as one value of a size that the compiler knows, which is how
 * ck_ring carries it in the ring itself; for each size the functions that ck_ring makes of a macro.
 */
#ifndef WEIR_CK_RECORDS_H
#define WEIR_CK_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ck_ring.h>

/* What all of them begin with. */
struct record {
    uint32_t length;
    unsigned char body[];
};

/* A record's size must be known to the compiler: it is copied as a value. */
#define RECORD(size)                                                                                                   \
    struct record##size {                                                                                              \
        uint32_t length;                                                                                               \
        unsigned char body[(size)-4];                                                                                  \
    };                                                                                                                 \
    CK_RING_PROTOTYPE(record##size, record##size)                                                                      \
    static struct record *reserve_##size(ck_ring_t *ring, void *records)                                               \
    {                                                                                                                  \
        return (struct record *)ck_ring_enqueue_reserve_spsc_record##size(ring, records);                              \
    }                                                                                                                  \
    static bool take_##size(ck_ring_t *ring, void *records, void *target)                                              \
    {                                                                                                                  \
        return ck_ring_dequeue_spsc_record##size(ring, records, target);                                               \
    }

#define RECORDS(DO) DO(16) DO(32) DO(40) DO(48) DO(64) DO(72) DO(96) DO(128) DO(192) DO(264)
RECORDS(RECORD)

struct record_kind {
    size_t bytes;
    struct record *(*reserve)(ck_ring_t *ring, void *records);
    bool (*take)(ck_ring_t *ring, void *records, void *target);
};

enum { MOST_RECORD_BYTES = 264 };
#define RECORD_LINE(size) {size, reserve_##size, take_##size},
static const struct record_kind record_kinds[] = {RECORDS(RECORD_LINE)};

static const struct record_kind *least_record(size_t max_message_bytes)
{
    for (size_t i = 0; i < sizeof record_kinds / sizeof record_kinds[0]; i++)
        if (record_kinds[i].bytes >= sizeof(struct record) + max_message_bytes)
            return &record_kinds[i];
    return NULL;
}

#endif
