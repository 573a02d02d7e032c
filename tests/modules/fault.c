/* SPDX-License-Identifier: MIT
 *
 * A driver that does wrong on purpose, to test the tests: it wraps a real channel, given as of=SPEC with ':' in place
 * of ',', and spoils one message in `every`, or comes to a bad end there. Which message of each run of `every` is drawn
 * from the seed. A message that it sends twice or late is kept in `pending` until the inner channel has room.
 */
#include <weir/driver.h>

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wrap.h"

enum { OPTION_OF, OPTION_KIND, OPTION_EVERY, OPTION_SEED, OPTION_ROLE, OPTION_DELAY };

enum { CREATOR = WEIR_CONSUMER + 1 }; /* a role of ours */

enum kind { NONE, DROP, REPEAT, SWAP, FLIP, TRUNCATE, CRASH, EXIT, HANG, SLOW, REFUSE, STICK };

static const struct weir_option fault_options[] = {
    [OPTION_OF] = WRAP_OPTION_OF,
    [OPTION_KIND] = {.name = "kind",
                     .type = WEIR_OPTION_CHOICE,
                     .fallback = "none",
                     .choices = "none|drop|repeat|swap|flip|truncate|crash|exit|hang|slow|refuse|stick",
                     .help = "what goes wrong; refuse: one attach in `every` fails, the first one too; stick: the "
                             "first message is received again and again"},
    [OPTION_EVERY] = {.name = "every",
                      .type = WEIR_OPTION_NUMBER,
                      .fallback = "1000",
                      .min = 1,
                      .max = UINT32_MAX,
                      .help = "with one message in so many"},
    [OPTION_SEED] = {.name = "seed",
                     .type = WEIR_OPTION_NUMBER,
                     .fallback = "1",
                     .max = UINT32_MAX,
                     .help = "decides which message, and which bit"},
    [OPTION_ROLE] = {.name = "role",
                     .type = WEIR_OPTION_CHOICE,
                     .fallback = "producer",
                     .choices = "producer|consumer|creator",
                     .help = "who crashes, exits, hangs or is slow; creator: who makes the channel"},
    [OPTION_DELAY] = {.name = "delay_ns",
                      .type = WEIR_OPTION_NUMBER,
                      .fallback = "1000000",
                      .max = UINT32_MAX,
                      .help = "how long who is slow takes"},
    {0},
};

struct fault_channel {
    struct weir_channel *inner;
    uint64_t attaches; /* of this process */
};

/* When the copy in `pending` goes out. */
enum pending { EMPTY = 0, BEFORE_NEXT, AFTER_NEXT };

struct fault_endpoint {
    struct weir_endpoint *inner;
    uint64_t random;
    uint64_t moved;  /* messages that this endpoint has sent or received */
    uint64_t offset; /* moved % every == offset: this one */
    enum pending pending;
    size_t pending_length;
    unsigned char *copy; /* max_message_bytes; what is pending, or what is spoiled */
};

static uint64_t number_of(const struct weir_driver_channel *channel, size_t option)
{
    return channel->options[option].number;
}

/* splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014) */
static uint64_t draw(struct fault_endpoint *state)
{
    uint64_t z = state->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* ---- bad ends ---------------------------------------------------------------------------------------------- */

/* A sanitizer would turn the signal into a report and an exit. */
__attribute__((no_sanitize("null", "address", "undefined"))) static void crash(void)
{
    volatile int *volatile nowhere = NULL;
    signal(SIGSEGV, SIG_DFL);
    *nowhere = 1;
}

static void come_to_a_bad_end(enum kind kind, uint64_t delay_ns)
{
    struct timespec delay = {.tv_sec = (time_t)(delay_ns / 1000000000), .tv_nsec = (long)(delay_ns % 1000000000)};
    switch (kind) {
    case CRASH:
        crash();
        break;
    case EXIT:
        _exit(7);
    case HANG:
        for (;;) {
            pause();
        }
    case SLOW:
        nanosleep(&delay, NULL);
        break;
    default:
        break;
    }
}

/* If it is this role's time to come to a bad end. */
static void perhaps_end(const struct weir_driver_channel *channel, uint64_t role)
{
    if (number_of(channel, OPTION_ROLE) == role) {
        come_to_a_bad_end((enum kind)number_of(channel, OPTION_KIND), number_of(channel, OPTION_DELAY));
    }
}

/* A probe knows no options: the environment says what becomes of it. */
static int fault_probe(struct weir_error *error)
{
    (void)error;
    const char *word = getenv("WEIR_FAULT_PROBE");
    if (word != NULL) {
        come_to_a_bad_end(strcmp(word, "crash") == 0 ? CRASH : strcmp(word, "hang") == 0 ? HANG : EXIT, 0);
    }
    return WEIR_OK;
}

/* ---- create and attach ------------------------------------------------------------------------------------- */

static int fault_create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct fault_channel *state = channel->state;
    perhaps_end(channel, CREATOR);
    return wrap_create(channel, channel->options[OPTION_OF].text, "fault", &state->inner, error);
}

static void fault_destroy(struct weir_driver_channel *channel)
{
    struct fault_channel *state = channel->state;
    weir_channel_destroy(state->inner);
}

static int fault_attach(struct weir_driver_endpoint *endpoint)
{
    struct weir_driver_channel *channel = endpoint->channel;
    struct fault_channel *shared = channel->state;
    struct fault_endpoint *state = endpoint->state;
    state->random = number_of(channel, OPTION_SEED) * 2048 + endpoint->role * 1024u + endpoint->index;
    state->offset = draw(state) % number_of(channel, OPTION_EVERY);
    state->copy = malloc(channel->config->max_message_bytes);
    bool refuses =
        number_of(channel, OPTION_KIND) == REFUSE && shared->attaches++ % number_of(channel, OPTION_EVERY) == 0;
    if (state->copy == NULL || refuses) {
        return WEIR_ENOMEM;
    }
    return wrap_attach(endpoint, shared->inner, &state->inner);
}

/* ---- doing wrong ------------------------------------------------------------------------------------------- */

static bool is_chosen(const struct weir_driver_endpoint *endpoint)
{
    const struct fault_endpoint *state = endpoint->state;
    return state->moved % number_of(endpoint->channel, OPTION_EVERY) == state->offset;
}

/* ---- send -------------------------------------------------------------------------------------------------- */

static int forward(struct fault_endpoint *state, const void *buffer, size_t length)
{
    return (int)wrap_result(weir_send(state->inner, buffer, length, 0, WEIR_NOW));
}

static void keep(struct fault_endpoint *state, const void *buffer, size_t length, enum pending when)
{
    if (length > 0) {
        memcpy(state->copy, buffer, length);
    }
    state->pending_length = length;
    state->pending = when;
}

static int send_pending(struct fault_endpoint *state)
{
    int result = forward(state, state->copy, state->pending_length);
    if (result == WEIR_OK) {
        state->pending = EMPTY;
    }
    return result;
}

/* Nothing is pending: the copy is free. */
static int send_wrong(struct fault_endpoint *state, enum kind kind, const void *buffer, size_t length)
{
    int result;
    switch (kind) {
    case DROP:
        return WEIR_OK;
    case REPEAT:
        result = forward(state, buffer, length);
        if (result == WEIR_OK) {
            keep(state, buffer, length, BEFORE_NEXT);
            send_pending(state); /* if there is no room now, before the next message */
        }
        return result;
    case SWAP:
        keep(state, buffer, length, AFTER_NEXT);
        return WEIR_OK;
    case FLIP:
        if (length > 0) {
            uint64_t bit = draw(state) % (length * 8);
            memcpy(state->copy, buffer, length);
            state->copy[bit / 8] ^= (unsigned char)(1u << bit % 8);
            return forward(state, state->copy, length);
        }
        return forward(state, buffer, length);
    case TRUNCATE:
        return forward(state, buffer, length > 0 ? draw(state) % length : 0);
    default:
        return forward(state, buffer, length);
    }
}

static int fault_send(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    struct fault_endpoint *state = endpoint->state;
    struct weir_driver_channel *channel = endpoint->channel;
    int result = state->pending == BEFORE_NEXT ? send_pending(state) : WEIR_OK;
    if (result != WEIR_OK) {
        return result;
    }
    bool chosen = state->pending == EMPTY && is_chosen(endpoint);
    if (chosen) {
        perhaps_end(channel, WEIR_PRODUCER);
    }
    enum kind kind = chosen ? (enum kind)number_of(channel, OPTION_KIND) : NONE;
    bool swapping = state->pending == AFTER_NEXT;
    result = send_wrong(state, kind, buffer, length);
    if (result == WEIR_OK) {
        state->moved++;
    }
    if (result == WEIR_OK && swapping) {
        state->pending = BEFORE_NEXT;
        send_pending(state);
    }
    return result;
}

/* ---- receive and detach ------------------------------------------------------------------------------------ */

static ssize_t fault_recv(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    struct fault_endpoint *state = endpoint->state;
    if (endpoint->channel->options[OPTION_KIND].number == STICK && state->moved > 0)
        return (ssize_t)endpoint->channel->config->max_message_bytes; /* `buffer` holds it still */
    ssize_t length = wrap_result(weir_recv(state->inner, buffer, capacity, WEIR_NOW));
    if (length >= 0) {
        if (is_chosen(endpoint)) {
            perhaps_end(endpoint->channel, WEIR_CONSUMER);
        }
        state->moved++;
    }
    return length;
}

static void fault_detach(struct weir_driver_endpoint *endpoint)
{
    struct fault_endpoint *state = endpoint->state;
    if (state->pending != EMPTY) {
        /* The consumer may be slow, but it may also have gone, which the inner channel knows. */
        weir_send(state->inner, state->copy, state->pending_length, 0, weir_now_ns() + 1000000000);
    }
    weir_detach(state->inner);
    free(state->copy);
}

static const struct weir_driver fault_driver = {
    .abi = WEIR_DRIVER_ABI,
    .name = "fault",
    .summary = "another channel with mistakes made on purpose, to test tests",
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct fault_channel),
    .endpoint_bytes = sizeof(struct fault_endpoint),
    .options = fault_options,
    .probe = fault_probe,
    .create = fault_create,
    .destroy = fault_destroy,
    .attach = fault_attach,
    .detach = fault_detach,
    .send = fault_send,
    .recv = fault_recv,
};

WEIR_DRIVER_MODULE(fault_driver);
