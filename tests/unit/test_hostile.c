/* SPDX-License-Identifier: MIT
 *
 * Honest ends, while what they share is written over at random, between their calls and during them: each call comes
 * back, with a result that it may have, and nobody reads or writes beyond a message's place or a buffer's end. Which
 * damage is found, and what it is then called, is for test_damage.c and the rings' own tests. Locks are spared: glibc
 * keeps pointers in them, which nobody else can check.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../channels/core.h"
#include "../../channels/framing.h"
#include "../../channels/sanitizer.h"
#include "random.h"

enum { LONGEST = 700, DEPTH = 8, CHANNELS = 60, CALLS = 300, BLOWS = 4096, MOST_CONSUMERS = 2, MOST_CORRUPT = 10 };

/* A hang is the one thing that a call cannot report. */
#define WATCHDOG_S 100

struct target {
    const char *spec;
    uint32_t consumers;
    enum weir_span span;
    size_t spared;   /* bytes of the first mapping: a lock */
    bool has_stream; /* the channel's state begins with a struct weir_stream, whose bytes may be anybody's too */
    bool has_file;
};

static const struct target targets[] = {
    {.spec = "ring", .consumers = 1, .span = WEIR_SPAN_THREADS},
    {.spec = "ring", .consumers = 2, .span = WEIR_SPAN_THREADS},
    {.spec = "eventfd", .consumers = 1},
    {.spec = "eventfd", .consumers = 2},
    {.spec = "mutex", .consumers = 1, .spared = sizeof(struct weir_lock)},
    {.spec = "mutex", .consumers = 2, .spared = sizeof(struct weir_lock)},
    {.spec = "mutex,form=naive", .consumers = 1, .spared = sizeof(struct weir_lock)},
    {.spec = "file", .consumers = 1, .has_file = true},
    {.spec = "file", .consumers = 2, .has_file = true},
    {.spec = "pipe", .consumers = 1, .has_stream = true},
    {.spec = "unix", .consumers = 1, .has_stream = true},
    {.spec = "unix,type=stream", .consumers = 1, .has_stream = true},
    {.spec = "tcp", .consumers = 1, .has_stream = true},
    {.spec = "unix", .consumers = 2, .has_stream = true}, /* these share no memory, but bytes all the same */
    {.spec = "unix,type=stream", .consumers = 2, .has_stream = true},
};

struct party {
    const struct target *target;
    struct weir_channel *channel;
    struct weir_endpoint *producer, *consumers[MOST_CONSUMERS];
    bool reserved, shown[MOST_CONSUMERS];
    unsigned corrupt; /* results that said so */
};

/* One word that is written over. */
struct blow {
    _Atomic uint64_t *at;
    uint64_t value;
};

static unsigned char *buffer; /* LONGEST bytes, on the heap, so that the address sanitizer sees who goes beyond */

/* ---- blows ---------------------------------------------------------------------------------------------------- */

/* Near to what stands there, or near to what may be taken for a length or a position, or anything. */
static uint64_t draw_value(uint64_t old)
{
    switch (random_below(8)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX - random_below(64);
    case 2:
        return old + random_below(5) - 2;
    case 3:
        return old + 64 * (random_below(65) - 32);
    case 4:
        return old ^ (uint64_t)1 << random_below(64);
    case 5:
        return LONGEST - 8 + random_below(16);
    case 6:
        return random_below((uint64_t)1 << 32) << 32 | random_below((uint64_t)1 << 32);
    default:
        return 64 * random_below(256);
    }
}

/* What matters stands at the beginning of a mapping, and at the beginnings of its cache lines. */
static bool draw_blow(const struct party *party, struct blow *ret)
{
    unsigned count = party->channel->mapping_count;
    if (count == 0)
        return false;
    unsigned which = (unsigned)random_below(count);
    const struct weir_mapping *mapping = &party->channel->mappings[which];
    size_t from = which == 0 ? party->target->spared : 0;
    size_t words = (mapping->bytes - from) / sizeof(uint64_t);
    size_t word = random_below(random_below(2) == 0 && words > 64 ? 64 : words);
    if (random_below(2) == 0)
        word = word / 8 * 8;
    ret->at = (_Atomic uint64_t *)(void *)((unsigned char *)mapping->address + from) + word;
    ret->value = draw_value(atomic_load_explicit(ret->at, memory_order_relaxed));
    return true;
}

static void write_noise_to_stream(const struct party *party)
{
    const struct weir_stream *stream = party->channel->view.state;
    unsigned char noise[64];
    uint32_t length = (uint32_t)draw_value(20);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)random_below(256);
    memcpy(noise, &length, sizeof length);
    ssize_t written = write(stream->write_fd, noise, 1 + random_below(sizeof noise));
    (void)written; /* a full stream takes no noise */
}

/* Where the next record to be read begins, which the first shared word says, or anywhere. */
static void write_noise_to_file(const struct party *party)
{
    char path[4096];
    struct stat status;
    snprintf(path, sizeof path, "%s/messages", party->channel->folder);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &status) == 0);
    const _Atomic uint64_t *head = party->channel->mappings[0].address;
    uint64_t position = random_below(2) == 0 ? atomic_load(head) : random_below((uint64_t)status.st_size);
    uint32_t length = (uint32_t)draw_value(20);
    assert_int_equal(pwrite(fd, &length, sizeof length, (off_t)(position % (uint64_t)status.st_size)), sizeof length);
    close(fd);
}

static void strike(const struct party *party)
{
    struct blow blow;
    if (party->target->has_stream && random_below(4) == 0)
        write_noise_to_stream(party);
    else if (party->target->has_file && random_below(2) == 0)
        write_noise_to_file(party);
    else if (draw_blow(party, &blow))
        atomic_store_explicit(blow.at, blow.value, memory_order_relaxed);
}

/* ---- calls ---------------------------------------------------------------------------------------------------- */

static void check(struct party *party, ssize_t result)
{
    static const int allowed[] = {WEIR_EAGAIN, WEIR_ETIMEDOUT, WEIR_EMSGSIZE, WEIR_ECORRUPT, WEIR_ESYSTEM};
    party->corrupt += result == WEIR_ECORRUPT;
    bool is_allowed = result >= 0 && result <= LONGEST;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        is_allowed |= result == allowed[i];
    if (!is_allowed)
        fail_msg("%s: %zd", party->target->spec, result);
}

/* A message in place lies wholly where the channel keeps its messages, or in memory of the end's own. */
static void check_place(const struct party *party, const unsigned char *at, size_t length)
{
    for (unsigned i = 0; i < party->channel->mapping_count; i++) {
        const struct weir_mapping *mapping = &party->channel->mappings[i];
        const unsigned char *start = mapping->address, *end = start + mapping->bytes;
        if (at >= start && at < end)
            assert_true(length <= (size_t)(end - at));
    }
}

static int64_t draw_deadline(void)
{
    return random_below(8) == 0 ? weir_now_ns() + (int64_t)random_below(100000) : WEIR_NOW;
}

static void produce(struct party *party)
{
    size_t length = random_below(LONGEST + 1);
    unsigned flags = random_below(4) == 0 ? WEIR_MORE : 0;
    void *place = NULL;
    ssize_t result;
    if (party->reserved) {
        result = random_below(4) == 0 ? weir_abort(party->producer)
                                      : weir_commit(party->producer, 0, flags, draw_deadline());
        party->reserved = result < 0;
    } else if (random_below(4) == 0) {
        result = weir_reserve(party->producer, length, &place, draw_deadline());
        party->reserved = result == 0;
        if (result == 0) {
            check_place(party, place, length);
            memset(place, 0x5a, length);
        }
    } else if (random_below(8) == 0) {
        result = weir_flush(party->producer, draw_deadline());
    } else {
        memset(buffer, 0xa5, LONGEST);
        result = weir_send(party->producer, buffer + LONGEST - length, length, flags, draw_deadline());
    }
    check(party, result);
}

static ssize_t look_at_place(struct party *party, uint32_t i)
{
    const void *place = NULL;
    ssize_t result = weir_peek(party->consumers[i], &place, draw_deadline());
    if (result >= 0) {
        check_place(party, place, (size_t)result);
        memcpy(buffer, place, (size_t)result);
    }
    party->shown[i] = result >= 0;
    return result;
}

static void consume(struct party *party, uint32_t i)
{
    ssize_t result;
    if (party->shown[i] && random_below(2) == 0) {
        result = weir_release(party->consumers[i]);
        party->shown[i] = false;
    } else if (!party->shown[i] && random_below(4) == 0) {
        result = look_at_place(party, i);
    } else {
        size_t capacity = random_below(4) == 0 ? random_below(LONGEST) : LONGEST;
        result = weir_recv(party->consumers[i], buffer + LONGEST - capacity, capacity, draw_deadline());
        party->shown[i] = party->shown[i] && result < 0;
    }
    check(party, result);
}

/* ---- life ----------------------------------------------------------------------------------------------------- */

static void open_party(struct party *party, const struct target *target)
{
    const struct weir_channel_config config = {
        .consumers = target->consumers, .max_message_bytes = LONGEST, .depth = DEPTH, .span = target->span};
    *party = (struct party){.target = target};
    assert_int_equal(weir_channel_create(&party->channel, target->spec, &config, NULL), WEIR_OK);
    assert_int_equal(weir_attach(&party->producer, party->channel, WEIR_PRODUCER, 0), WEIR_OK);
    for (uint32_t i = 0; i < target->consumers; i++)
        assert_int_equal(weir_attach(&party->consumers[i], party->channel, WEIR_CONSUMER, i), WEIR_OK);
}

static void close_party(struct party *party)
{
    weir_detach(party->producer);
    for (uint32_t i = 0; i < party->target->consumers; i++)
        weir_detach(party->consumers[i]);
    weir_channel_destroy(party->channel);
}

/* Who takes a place must cope with what he finds there. False: he was told that it is damaged. */
static bool replace(struct weir_endpoint **end, struct weir_channel *channel, enum weir_role role, uint32_t index)
{
    weir_detach(*end);
    *end = NULL;
    int result = weir_attach(end, channel, role, index);
    assert_true(result == WEIR_OK || result == WEIR_ECORRUPT);
    return result == WEIR_OK;
}

static bool replace_one(struct party *party)
{
    uint32_t i = (uint32_t)random_below(party->target->consumers + 1);
    if (i == party->target->consumers) {
        party->reserved = false;
        return replace(&party->producer, party->channel, WEIR_PRODUCER, 0);
    }
    party->shown[i] = false;
    return replace(&party->consumers[i], party->channel, WEIR_CONSUMER, i);
}

static void play(struct party *party, bool strikes)
{
    bool whole = true;
    for (int call = 0; call < CALLS && whole && party->corrupt < MOST_CORRUPT; call++) {
        if (strikes && random_below(8) == 0)
            strike(party);
        if (random_below(40) == 0)
            whole = replace_one(party);
        else if (random_below(2) == 0)
            produce(party);
        else
            consume(party, (uint32_t)random_below(party->target->consumers));
    }
}

/* ---- tests ---------------------------------------------------------------------------------------------------- */

static void no_blow_between_calls_leads_astray(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHANNELS * sizeof targets / sizeof targets[0]; i++) {
        struct party party;
        open_party(&party, &targets[i / CHANNELS]);
        play(&party, true);
        close_party(&party);
    }
}

struct attack {
    struct blow blows[BLOWS];
    atomic_bool over;
};

static void *attack(void *argument)
{
    struct attack *attack = argument;
    for (size_t i = 0; !atomic_load_explicit(&attack->over, memory_order_relaxed); i = (i + 1) % BLOWS) {
        atomic_store_explicit(attack->blows[i].at, attack->blows[i].value, memory_order_relaxed);
        if (i % 16 == 0)
            sched_yield();
    }
    return NULL;
}

static void no_blow_during_calls_leads_astray(void **state)
{
    (void)state;
    static struct attack of_one;
    for (size_t i = 0; i < CHANNELS * sizeof targets / sizeof targets[0]; i++) {
        struct party party;
        struct blow blow;
        pthread_t attacker;
        open_party(&party, &targets[i / CHANNELS]);
        if (draw_blow(&party, &blow)) {
            for (size_t k = 0; k < BLOWS; k++)
                draw_blow(&party, &of_one.blows[k]);
            atomic_store(&of_one.over, false);
            assert_int_equal(pthread_create(&attacker, NULL, attack, &of_one), 0);
            party.corrupt = 0;
            play(&party, false);
            atomic_store(&of_one.over, true);
            pthread_join(attacker, NULL);
        }
        close_party(&party);
    }
}

/* Of the roster everything but its locks: wrong news may come of it, and every call still comes back. */
static void wrong_news_leads_nobody_astray(void **state)
{
    (void)state;
    for (int i = 0; i < 4 * CHANNELS; i++) {
        struct party party;
        open_party(&party, &targets[(size_t)i % (sizeof targets / sizeof targets[0])]);
        struct weir_control *control = party.channel->control;
        _Atomic uint32_t *const words[] = {
            &control->flags,
            &control->deaths[0],
            &control->deaths[1],
            &control->leaves[0],
            &control->leaves[1],
            &control->present,
            &control->polled,
            &control->seats[0].state,
            &control->seats[1].state,
            &control->bells[0].rings,
            &control->bells[1].rings,
            &control->bells[0].sleepers,
            &control->bells[1].sleepers,
        };
        for (int call = 0; call < CALLS / 4; call++) {
            if (random_below(4) == 0)
                atomic_store(words[random_below(sizeof words / sizeof words[0])], (uint32_t)draw_value(1));
            memset(buffer, 1, LONGEST);
            int sent = weir_send(party.producer, buffer, random_below(LONGEST), 0, draw_deadline());
            ssize_t got = weir_recv(party.consumers[0], buffer, LONGEST, draw_deadline());
            assert_true(sent <= 0 && sent >= WEIR_ESYSTEM && got <= LONGEST && got >= WEIR_ESYSTEM);
        }
        close_party(&party);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_blow_between_calls_leads_astray),
#if !WEIR_THREAD_SANITIZER /* to which every blow during a call is a data race, as it is */
        cmocka_unit_test(no_blow_during_calls_leads_astray),
#endif
        cmocka_unit_test(wrong_news_leads_nobody_astray),
    };
#if WEIR_CHECKED
    return 77; /* it ends where others say WEIR_ECORRUPT */
#endif
    buffer = malloc(LONGEST);
    alarm(WATCHDOG_S);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    free(buffer);
    return buffer == NULL ? 1 : result;
}
