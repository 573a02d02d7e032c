/* SPDX-License-Identifier: MIT
 *
 * A lock-free ring of messages of any length, from one producer to one consumer, in memory that both see, whether they
 * are threads or processes: offsets only, no pointers, no read-modify-write.
 *
 * Positions count bytes ever written and only grow; `position & mask` is where a byte lies. A record is an 8-byte
 * header (its length) and the body, rounded up to whole cache lines, so that no line ever has two writers' attention at
 * once and a message of up to 56 bytes travels in one line. A record never wraps: where the end of the ring is too
 * near, a filler record takes the rest.
 *
 * The producer publishes `tail` (release) and the consumer acquires it: the records before it are then whole. The
 * consumer publishes `head` (release) and the producer acquires it: the bytes before it are then no longer read. Each
 * keeps a private copy of the other's word and reads it anew only when the copy does not suffice.
 *
 * The other side may be damaged or hostile: whatever it wrote is read once and checked before it is used.
 */
#ifndef WEIR_RING_H
#define WEIR_RING_H

#include <stdatomic.h>
#include <string.h>

#include <weir/channel.h>

#define RING_LINE   ((size_t)64)
#define RING_PAGE   ((size_t)4096)
#define RING_FILLER UINT64_MAX /* in the place of a length: skip to the start of the ring */

/* The consumer's word has a page of its own; the producer's word lies with the records, which are the producer's too.
 */
struct weir_ring_words {
    _Alignas(4096) _Atomic uint64_t head; /* written by the consumer */
    _Alignas(4096) _Atomic uint64_t tail; /* written by the producer */
    _Alignas(128) unsigned char records[];
};
_Static_assert(offsetof(struct weir_ring_words, records) == 4096 + 128, "the layout is shared between processes");

static inline size_t weir_ring_record_bytes(size_t length)
{
    return (sizeof(uint64_t) + length + RING_LINE - 1) & ~(RING_LINE - 1);
}

/* `capacity` is a power of two; it and the producer's limit hold at least two of the longest records. */
static inline size_t weir_ring_bytes(size_t capacity)
{
    return (offsetof(struct weir_ring_words, records) + capacity + RING_PAGE - 1) & ~(RING_PAGE - 1);
}

/* ---- the producer's end -------------------------------------------------------------------------------------- */

struct weir_ring_producer {
    struct weir_ring_words *ring;
    uint64_t capacity;
    uint64_t limit;     /* bytes in flight at most: the channel's depth, not the capacity, which is rounded up */
    uint64_t tail;      /* published */
    uint64_t head_seen; /* the consumer's word, when last read */
    uint64_t next;      /* where the reserved record begins: tail, or the start of the ring behind a filler */
};

static inline void weir_ring_producer_init(struct weir_ring_producer *end, struct weir_ring_words *ring,
                                           size_t capacity, size_t limit)
{
    *end = (struct weir_ring_producer){.ring = ring, .capacity = capacity, .limit = limit};
    end->tail = atomic_load_explicit(&ring->tail, memory_order_relaxed); /* a predecessor's, after a re-attach */
    /* Acquire: partner of the release in weir_ring_release, for it counts as read until the room is used up. */
    end->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
}

static inline int weir_ring_read_head(struct weir_ring_producer *end)
{
    /* Acquire: partner of the release in weir_ring_release. */
    uint64_t head = atomic_load_explicit(&end->ring->head, memory_order_acquire);
    if (head < end->head_seen || head > end->tail || end->tail - head > end->capacity)
        return WEIR_ECORRUPT;
    end->head_seen = head;
    return 0;
}

/* 0 with room for `length` bytes at *ret_body, WEIR_EAGAIN, WEIR_ECORRUPT. */
static inline int weir_ring_reserve(struct weir_ring_producer *end, size_t length, void **ret_body)
{
    uint64_t record = weir_ring_record_bytes(length);
    uint64_t offset = end->tail & (end->capacity - 1);
    uint64_t filler = offset + record > end->capacity ? end->capacity - offset : 0;
    uint64_t needed = end->tail + filler + record - end->limit; /* where head must have come to; may be "negative" */
    if ((int64_t)(needed - end->head_seen) > 0) {
        int damaged = weir_ring_read_head(end);
        if (damaged)
            return damaged;
        if ((int64_t)(needed - end->head_seen) > 0)
            return WEIR_EAGAIN;
    }
    end->next = end->tail + filler;
    *ret_body = end->ring->records + (end->next & (end->capacity - 1)) + sizeof(uint64_t);
    return 0;
}

/* Publishes the reserved record with its first `length` bytes. */
static inline void weir_ring_commit(struct weir_ring_producer *end, size_t length)
{
    if (end->next != end->tail) {
        uint64_t filler = RING_FILLER;
        memcpy(end->ring->records + (end->tail & (end->capacity - 1)), &filler, sizeof filler);
    }
    uint64_t header = length;
    memcpy(end->ring->records + (end->next & (end->capacity - 1)), &header, sizeof header);
    end->tail = end->next + weir_ring_record_bytes(length);
    /* Release: partner of the acquire in weir_ring_read_tail. */
    atomic_store_explicit(&end->ring->tail, end->tail, memory_order_release);
}

/* ---- the consumer's end -------------------------------------------------------------------------------------- */

struct weir_ring_consumer {
    struct weir_ring_words *ring;
    uint64_t capacity;
    size_t max_message_bytes;
    uint64_t head;      /* published */
    uint64_t tail_seen; /* the producer's word, when last read */
    uint64_t next;      /* where the record after the one shown begins */
};

static inline void weir_ring_consumer_init(struct weir_ring_consumer *end, struct weir_ring_words *ring,
                                           size_t capacity, size_t max_message_bytes)
{
    *end = (struct weir_ring_consumer){.ring = ring, .capacity = capacity, .max_message_bytes = max_message_bytes};
    end->head = atomic_load_explicit(&ring->head, memory_order_relaxed); /* a predecessor's, after a re-attach */
    end->tail_seen = end->head;
}

static inline int weir_ring_read_tail(struct weir_ring_consumer *end)
{
    /* Acquire: partner of the release in weir_ring_commit. */
    uint64_t tail = atomic_load_explicit(&end->ring->tail, memory_order_acquire);
    if (tail < end->tail_seen || tail - end->head > end->capacity || tail % RING_LINE != 0)
        return WEIR_ECORRUPT;
    end->tail_seen = tail;
    return 0;
}

/* The length of the next message, shown at *ret_body, or WEIR_EAGAIN, WEIR_ECORRUPT. */
static inline ssize_t weir_ring_peek(struct weir_ring_consumer *end, const void **ret_body)
{
    uint64_t at = end->head;
    if (at == end->tail_seen) {
        int damaged = weir_ring_read_tail(end);
        if (damaged)
            return damaged;
        if (at == end->tail_seen)
            return WEIR_EAGAIN;
    }
    uint64_t length;
    memcpy(&length, end->ring->records + (at & (end->capacity - 1)), sizeof length);
    if (length == RING_FILLER) {
        at += end->capacity - (at & (end->capacity - 1));
        if (at >= end->tail_seen) /* a filler is published together with the record behind it */
            return WEIR_ECORRUPT;
        memcpy(&length, end->ring->records, sizeof length);
    }
    if (length > end->max_message_bytes)
        return WEIR_ECORRUPT;
    uint64_t record = weir_ring_record_bytes(length);
    if (record > end->tail_seen - at || (at & (end->capacity - 1)) + record > end->capacity)
        return WEIR_ECORRUPT;
    end->next = at + record;
    *ret_body = end->ring->records + (at & (end->capacity - 1)) + sizeof(uint64_t);
    return (ssize_t)length;
}

static inline void weir_ring_release(struct weir_ring_consumer *end)
{
    end->head = end->next;
    /* Release: partner of the acquire in weir_ring_read_head. */
    atomic_store_explicit(&end->ring->head, end->head, memory_order_release);
}

#endif
