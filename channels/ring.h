/* SPDX-License-Identifier: MIT
 *
 * A lock-free ring of messages of any length, from one producer to one consumer, in memory that both see, whether they
 * are threads or processes: offsets only, no pointers, no read-modify-write.
 *
 * Positions count bytes ever written and only grow; modulo the capacity they say where a byte lies. A record is an
 * 8-byte header (its length, plus one) and the body, rounded up to whole cache lines, so that no line ever has two
 * writers' attention at once and a message of up to 56 bytes travels in one line. A record never wraps: where the end
 * of the ring is too near, a filler takes the rest.
 *
 * A record is published twice. The header of the record to come is always 0 and becomes the length when the record is
 * whole: an idle consumer looks at that one word, so a lone message costs the transfer of one line. `tail`, stored
 * after it, tells a busy consumer how many more have come: what is known to be there can be fetched ahead, and neither
 * side looks at the other's lines for each message. (docs/design/0011-the-ring.md has what was measured.)
 *
 * The consumer publishes `head`: the bytes before it are no longer read. It does so now and then (`lag`) and whenever
 * it finds nothing more. Each side keeps a private copy of the other's word and reads it anew only when the copy does
 * not suffice.
 *
 * The other side may be damaged or hostile: whatever it wrote is read once and checked before it is used.
 */
#ifndef WEIR_RING_H
#define WEIR_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <weir/channel.h>

#include "checked.h"
#include "cpu.h"

#define RING_LINE   ((size_t)64)
#define RING_FILLER UINT64_MAX /* in the place of a header: skip to the start of the ring */

/* How far ahead lines are fetched at most, and headers set to 0: the best of what was tried. */
#define RING_READ_AHEAD  ((size_t)1536)
#define RING_WRITE_AHEAD ((size_t)1024)
#define RING_CLEAR_AHEAD ((size_t)256)

/* Longer records are fetched by who copies them, line by line (copy.h). */
#define RING_MOST_AHEAD ((size_t)2112)

/* Longer bodies begin on a line of their own, so that copies of them go line by line. Of most sizes that costs no line
 * more. */
#define RING_MOST_BESIDE ((size_t)512)

/* A ring that is not small goes round through so many bytes at least, however few are in flight: CPUs that fetch ahead
 * by themselves follow one walk a page and remember some 32 pages (Intel's optimization manual on the L2 streamer). Who
 * comes back to a page sooner finds its last walk there, at its end, and nothing is fetched ahead. All rings that one
 * side walks through by turns count together. */
#define RING_SMALL_BYTES ((size_t)32 << 10)
#define RING_LEAST_BYTES ((size_t)256 << 10)

struct weir_ring_words {
    _Alignas(128) _Atomic uint64_t head; /* written by the consumer, read by the producer */
    _Alignas(
        128) _Atomic uint64_t read; /* written by the consumer for its successor: head is behind it, up to the lag */
    _Alignas(128) _Atomic uint64_t tail; /* written by the producer, as is all below */
    _Alignas(128) unsigned char records[];
};
_Static_assert(offsetof(struct weir_ring_words, records) == 384, "the layout is shared between processes");

/* Private to each end, so that nobody else can change it. All are multiples of a line. */
struct weir_ring_geometry {
    size_t capacity;                /* of the records: at least limit and one line more */
    size_t limit;                   /* bytes in flight at most */
    size_t lag;                     /* so many bytes may be read before the consumer says so */
    size_t read_ahead, write_ahead; /* how far ahead lines are fetched */
};

/* Where in its record a body begins. */
static inline size_t weir_ring_body(size_t length)
{
    return length > RING_MOST_BESIDE ? RING_LINE : sizeof(uint64_t);
}

static inline size_t weir_ring_record_bytes(size_t length)
{
    return (weir_ring_body(length) + length + RING_LINE - 1) & ~(RING_LINE - 1);
}

/* In a ring of few bytes less far. */
static inline size_t weir_ring_ahead(size_t limit, size_t most)
{
    return limit / 8 < most ? limit / 8 / RING_LINE * RING_LINE : most;
}

/* For `depth` messages of the longest that surely fit: one more, since the filler at the ring's end may be nearly as
 * long; what the consumer has not yet told of; and the line of the header to come. */
static inline struct weir_ring_geometry weir_ring_plan(size_t depth, size_t longest, size_t most_lag, size_t rings)
{
    size_t record = weir_ring_record_bytes(longest), limit = (depth + 1) * record;
    size_t lag = depth < 8 ? 0 : limit / 8 < most_lag ? limit / 8 / RING_LINE * RING_LINE : most_lag;
    size_t capacity = limit + lag + RING_LINE;
    size_t least = RING_LEAST_BYTES / rings / RING_LINE * RING_LINE;
    if (capacity > RING_SMALL_BYTES && capacity < least)
        capacity = least;
    return (struct weir_ring_geometry){.capacity = capacity,
                                       .limit = limit + lag,
                                       .lag = lag,
                                       .read_ahead = weir_ring_ahead(limit, RING_READ_AHEAD),
                                       .write_ahead = weir_ring_ahead(limit, RING_WRITE_AHEAD)};
}

static inline size_t weir_ring_bytes(const struct weir_ring_geometry *geometry)
{
    return offsetof(struct weir_ring_words, records) + geometry->capacity;
}

static inline _Atomic uint64_t *weir_ring_header(struct weir_ring_words *ring, size_t offset)
{
    return (_Atomic uint64_t *)(void *)(ring->records + offset);
}

/* ---- the producer's end -------------------------------------------------------------------------------------- */

struct weir_ring_producer {
    struct weir_ring_words *ring;
    struct weir_ring_geometry geometry;
    uint64_t tail;      /* published */
    uint64_t head_seen; /* the consumer's word, when last read */
    size_t offset;      /* of tail */
    size_t filler;      /* bytes between tail and the reserved record: 0, or up to the end of the ring */
    size_t reserved;    /* bytes of that record */
    size_t beyond;      /* so much behind a long record is free too, and may be fetched while it is written */
    uint64_t cleared;   /* from tail to here headers are 0 */
    size_t cleared_offset;
};

/* Sets the headers to come to 0, as far as `position` and as there is room: long before they are needed, so that it
 * delays no message. Every line may become one. */
static inline void weir_ring_clear(struct weir_ring_producer *end, uint64_t position)
{
    while (end->cleared < position && end->cleared < end->head_seen + end->geometry.limit) {
        atomic_store_explicit(weir_ring_header(end->ring, end->cleared_offset), 0, memory_order_relaxed);
        end->cleared += RING_LINE;
        end->cleared_offset += RING_LINE;
        if (end->cleared_offset == end->geometry.capacity)
            end->cleared_offset = 0;
    }
}

/* The bytes behind `position` are not known to be clear. */
static inline void weir_ring_soil(struct weir_ring_producer *end, uint64_t position, size_t offset)
{
    end->cleared = position;
    end->cleared_offset = offset;
}

static inline void weir_ring_publish(struct weir_ring_producer *end, size_t length)
{
    size_t record = weir_ring_record_bytes(length), offset = end->filler == 0 ? end->offset : 0;
    size_t next = offset + record < end->geometry.capacity ? offset + record : 0;
    uint64_t tail = end->tail + end->filler + record;
    WEIR_CHECK(end->offset == end->tail % end->geometry.capacity, "the producer's offset is that of its tail");
    WEIR_CHECK(offset + record <= end->geometry.capacity, "a record never wraps");
    WEIR_CHECK(tail - end->head_seen <= end->geometry.limit, "no more is in flight than the limit");
    WEIR_CHECK(atomic_load_explicit(weir_ring_header(end->ring, end->offset), memory_order_relaxed) == 0 ||
                   end->reserved == 0,
               "the header of a record is 0 until it is published");
    /* Before the record is seen, so that the consumer never takes old bytes for a header. */
    if (end->cleared <= tail) {
        atomic_store_explicit(weir_ring_header(end->ring, next), 0, memory_order_relaxed);
        weir_ring_soil(end, tail + RING_LINE, next + RING_LINE < end->geometry.capacity ? next + RING_LINE : 0);
    }
    /* Release: partner of the acquire in weir_ring_peek. */
    atomic_store_explicit(weir_ring_header(end->ring, offset), length + 1, memory_order_release);
    if (end->filler != 0)
        atomic_store_explicit(weir_ring_header(end->ring, end->offset), RING_FILLER, memory_order_release);
    end->tail = tail;
    end->offset = next;
    /* Release: partner of the acquire in weir_ring_read_tail. */
    atomic_store_explicit(&end->ring->tail, end->tail, memory_order_release);
    if (record <= RING_CLEAR_AHEAD)
        weir_ring_clear(end, tail + RING_CLEAR_AHEAD);
}

/* On zeroed memory, or on what a predecessor has left. */
static inline void weir_ring_producer_init(struct weir_ring_producer *end, struct weir_ring_words *ring,
                                           const struct weir_ring_geometry *geometry)
{
    *end = (struct weir_ring_producer){.ring = ring, .geometry = *geometry};
    end->tail = atomic_load_explicit(&ring->tail, memory_order_relaxed) & ~(uint64_t)(RING_LINE - 1);
    /* Acquire: partner of the release in weir_ring_tell, for it counts as read until the room is used up. */
    end->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
    end->offset = end->tail % geometry->capacity;
    /* Who died between the two publications has sent that message. */
    uint64_t header = atomic_load_explicit(weir_ring_header(ring, end->offset), memory_order_relaxed);
    if (header == RING_FILLER) {
        end->filler = geometry->capacity - end->offset;
        header = atomic_load_explicit(weir_ring_header(ring, 0), memory_order_relaxed);
    }
    if (header != 0 && header <= geometry->capacity)
        weir_ring_publish(end, header - 1);
    end->filler = 0;
}

static inline int weir_ring_read_head(struct weir_ring_producer *end)
{
    /* Acquire: partner of the release in weir_ring_tell. */
    uint64_t head = atomic_load_explicit(&end->ring->head, memory_order_acquire);
    if (head < end->head_seen || head > end->tail || end->tail - head > end->geometry.capacity)
        return WEIR_ECORRUPT;
    end->head_seen = head;
    return 0;
}

/* 0 with room for `length` bytes at *ret_body, WEIR_EAGAIN, WEIR_ECORRUPT. */
static inline int weir_ring_reserve(struct weir_ring_producer *end, size_t length, void **ret_body)
{
    size_t record = weir_ring_record_bytes(length), capacity = end->geometry.capacity, offset = end->offset;
    size_t filler = offset + record > capacity ? capacity - offset : 0;
    uint64_t needed = end->tail + filler + record - end->geometry.limit; /* where head must have come to */
    int64_t room = (int64_t)(end->head_seen - needed);                   /* that is left then; needed may be below 0 */
    if (room < 0) {
        int damaged = weir_ring_read_head(end);
        if (damaged)
            return damaged;
        room = (int64_t)(end->head_seen - needed);
        if (room < 0)
            return WEIR_EAGAIN;
    }
    end->filler = filler;
    end->reserved = record;
    offset = filler == 0 ? offset : 0;
    const size_t first = end->geometry.write_ahead;
    if (record <= RING_MOST_AHEAD && room >= (int64_t)(first + record))
        for (size_t ahead = first; ahead < first + record; ahead += RING_LINE)
            weir_cpu_fetch_to_write(end->ring->records +
                                    (offset + ahead < capacity ? offset + ahead : offset + ahead - capacity));
    end->beyond = room >= (int64_t)first ? first : 0;
    *ret_body = end->ring->records + offset + weir_ring_body(length);
    return 0;
}

/* Less is sent than was reserved: there may be more in place, and a body that is short now lies elsewhere. */
static inline void weir_ring_shorten(struct weir_ring_producer *end, size_t length)
{
    unsigned char *record = end->ring->records + (end->filler == 0 ? end->offset : 0);
    weir_ring_soil(end, end->tail, end->offset);
    if (length <= RING_MOST_BESIDE && end->reserved > weir_ring_record_bytes(RING_MOST_BESIDE))
        memmove(record + weir_ring_body(length), record + RING_LINE, length);
}

/* Publishes the reserved record with its first `length` bytes. */
static inline void weir_ring_commit(struct weir_ring_producer *end, size_t length)
{
    if (weir_ring_record_bytes(length) < end->reserved)
        weir_ring_shorten(end, length);
    weir_ring_publish(end, length);
}

/* What was written in place stays where headers may come to lie. */
static inline void weir_ring_abort(struct weir_ring_producer *end)
{
    if (end->reserved > RING_LINE || end->filler != 0)
        weir_ring_soil(end, end->tail, end->offset);
}

/* ---- the consumer's end -------------------------------------------------------------------------------------- */

struct weir_ring_consumer {
    struct weir_ring_words *ring;
    struct weir_ring_geometry geometry;
    size_t longest;
    uint64_t head;      /* read */
    uint64_t head_told; /* published */
    uint64_t tail_seen; /* known to be there; at least head */
    size_t offset;      /* of head */
    size_t record;      /* of the message shown: its bytes, and those of a filler before it */
    size_t beyond;      /* so much behind a long record is there too, and may be fetched while it is read */
    bool busy;          /* the last look found something */
};

static inline void weir_ring_consumer_init(struct weir_ring_consumer *end, struct weir_ring_words *ring,
                                           const struct weir_ring_geometry *geometry, size_t longest)
{
    *end = (struct weir_ring_consumer){.ring = ring, .geometry = *geometry, .longest = longest};
    /* Acquire: partner of the release in weir_ring_release, by a predecessor. */
    end->head = atomic_load_explicit(&ring->read, memory_order_acquire) & ~(uint64_t)(RING_LINE - 1);
    end->head_told = atomic_load_explicit(&ring->head, memory_order_relaxed);
    end->tail_seen = end->head;
    end->offset = end->head % geometry->capacity;
}

static inline void weir_ring_tell(struct weir_ring_consumer *end)
{
    end->head_told = end->head;
    /* Release: partner of the acquire in weir_ring_read_head. */
    atomic_store_explicit(&end->ring->head, end->head, memory_order_release);
}

/* The tail may be behind the headers, by the record whose publication is under way. */
static inline int weir_ring_read_tail(struct weir_ring_consumer *end)
{
    /* Acquire: partner of the release in weir_ring_publish. */
    uint64_t tail = atomic_load_explicit(&end->ring->tail, memory_order_acquire);
    int64_t more = (int64_t)(tail - end->head), most = (int64_t)end->geometry.capacity;
    if (more > most || more < -most || tail % RING_LINE != 0)
        return WEIR_ECORRUPT;
    if (more > 0)
        end->tail_seen = tail;
    return 0;
}

static inline void weir_ring_fetch_to_read(const struct weir_ring_consumer *end, size_t offset, size_t record)
{
    const size_t capacity = end->geometry.capacity, first = end->geometry.read_ahead;
    for (size_t ahead = first; ahead < first + record; ahead += RING_LINE)
        __builtin_prefetch(end->ring->records +
                           (offset + ahead < capacity ? offset + ahead : offset + ahead - capacity));
}

/* The length of the next message, shown at *ret_body, or WEIR_EAGAIN, WEIR_ECORRUPT. */
static inline ssize_t weir_ring_peek(struct weir_ring_consumer *end, const void **ret_body)
{
    const size_t capacity = end->geometry.capacity;
    size_t offset = end->offset, filler = 0;
    /* Acquire: partner of the release in weir_ring_publish. */
    uint64_t header = atomic_load_explicit(weir_ring_header(end->ring, offset), memory_order_acquire);
    if (end->head == end->tail_seen) {
        if (header == 0) {
            end->busy = false;
            if (end->head_told != end->head)
                weir_ring_tell(end);
            return WEIR_EAGAIN;
        }
        int damaged = end->busy ? weir_ring_read_tail(end) : 0;
        if (damaged)
            return damaged;
        end->busy = true;
    }
    if (header == RING_FILLER) {
        filler = capacity - offset;
        offset = 0;
        header = atomic_load_explicit(weir_ring_header(end->ring, 0), memory_order_acquire);
    }
    size_t length = header - 1; /* of 0, which must not be here, that is longer than any */
    if (length > end->longest)
        return WEIR_ECORRUPT;
    size_t record = weir_ring_record_bytes(length);
    if (record > capacity - offset)
        return WEIR_ECORRUPT;
    int64_t more = (int64_t)(end->tail_seen - (end->head + filler + record)); /* below 0: only the header is known */
    if (more < 0 && end->tail_seen != end->head)
        return WEIR_ECORRUPT;
    if (record <= RING_MOST_AHEAD && more >= (int64_t)(end->geometry.read_ahead + record))
        weir_ring_fetch_to_read(end, offset, record);
    end->beyond = more >= (int64_t)end->geometry.read_ahead ? end->geometry.read_ahead : 0;
    end->record = filler + record;
    *ret_body = end->ring->records + offset + weir_ring_body(length);
    return (ssize_t)length;
}

static inline void weir_ring_release(struct weir_ring_consumer *end)
{
    const size_t capacity = end->geometry.capacity;
    end->head += end->record;
    WEIR_CHECK(end->record != 0, "only what was shown is released");
    WEIR_CHECK(end->head_told <= end->head && end->head - end->head_told <= end->geometry.limit + RING_LINE,
               "the consumer has told of nothing that it has not read");
    end->offset =
        end->offset + end->record < capacity ? end->offset + end->record : end->offset + end->record - capacity;
    if ((int64_t)(end->tail_seen - end->head) < 0)
        end->tail_seen = end->head;
    /* Release: partner of the acquire in weir_ring_consumer_init. */
    atomic_store_explicit(&end->ring->read, end->head, memory_order_release);
    WEIR_CHECK(end->offset == end->head % end->geometry.capacity, "the consumer's offset is that of its head");
    if (end->head - end->head_told > end->geometry.lag)
        weir_ring_tell(end);
}

#endif
