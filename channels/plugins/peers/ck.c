/* SPDX-License-Identifier: MIT
 *
 * The ck driver: Concurrency Kit's ck_ring, carrying values (CK_RING_PROTOTYPE), so that processes can share it.
 *
 * From one producer to one consumer a tiny message travels in the ring itself, as a record of the least size that
 * holds the longest message. Others are written into a slot, and the ring carries which: one producer and one consumer
 * use the slots in turn (with two more than the ring may hold, a slot that comes round is surely free); else a second
 * ring carries free slots back. There are never more slots than places in a ring, so only the want of a free slot is
 * the want of room.
 *
 * Not kept: with many producers ck_ring waits in a loop of its own for a producer that was overtaken between its two
 * steps; one that is killed there stops the others for ever. A slot held by who is killed is lost.
 */
#include <sched.h>
#include <string.h>

#include <ck_ring.h>

#include <weir/driver.h>

#include "ck_records.h"

enum { OPTION_KIND, OPTION_CARRY };
enum carry { CARRY_AUTO, CARRY_VALUE, CARRY_SLOT };
enum kind { AUTO, SPSC, MPSC, SPMC, MPMC };

static const struct weir_option options[] = {
    [OPTION_KIND] = {.name = "kind",
                     .type = WEIR_OPTION_CHOICE,
                     .fallback = "auto",
                     .choices = "auto|spsc|mpsc|spmc|mpmc",
                     .help = "single or multiple producers and consumers; auto is as the channel has them"},
    [OPTION_CARRY] = {.name = "carry",
                      .type = WEIR_OPTION_CHOICE,
                      .fallback = "auto",
                      .choices = "auto|value|slot",
                      .help =
                          "messages in the ring itself (one to one, up to 260 bytes) or in slots; auto is the faster"},
    {.name = NULL},
};

enum {
    SPINS_BEFORE_YIELD = 32,
    MOST_VALUE_BYTES = 12, /* above these slots were as fast or faster, as measured */
};

/* ---- slots --------------------------------------------------------------------------------------------------- */

struct ticket {
    uint32_t slot;
    uint32_t length;
};
CK_RING_PROTOTYPE(ticket, ticket)

struct rings {
    _Alignas(64) ck_ring_t full;
    _Alignas(64) ck_ring_t free;
    _Alignas(64) unsigned char memory[]; /* records; or the tickets of `full`, those of `free`, and the slots */
};

struct state {
    struct rings *rings;
    const struct record_kind *record; /* NULL: slots */
    struct ticket *full, *free;
    unsigned char *slots;
    size_t stride;
    uint32_t slot_count;
    uint32_t room; /* of `full`, where slots are used in turn */
    bool many_producers, many_consumers;
    bool in_turn;
};

struct end {
    const struct state *state;
    struct record *record; /* producer: being written */
    uint32_t slot;         /* producer: to be written next; consumer: being read */
    bool holds;            /* `slot` is ours; not where slots are used in turn */
    _Alignas(8) unsigned char taken[MOST_RECORD_BYTES];
};

/* As ck_ring_enqueue_mpmc, which waits for its turn to publish in a bare loop: when who is before us has lost the CPU
 * that costs a time slice for each message, so give way. The caller knows that there is room. */
static void put_shared(ck_ring_t *ring, struct ticket *tickets, uint32_t slot, size_t length)
{
    unsigned int turn;
    struct ticket *place = ck_ring_enqueue_reserve_mpmc_ticket(ring, tickets, &turn);
    *place = (struct ticket){slot, (uint32_t)length};
    for (unsigned spins = 0; ck_pr_load_uint(&ring->p_tail) != turn; spins++)
        if (spins < SPINS_BEFORE_YIELD)
            ck_pr_stall();
        else
            sched_yield();
    ck_ring_enqueue_commit_mpmc(ring, turn);
}

/* The caller knows that there is room. */
static void put(bool many, ck_ring_t *ring, struct ticket *tickets, uint32_t slot, size_t length)
{
    struct ticket ticket = {slot, (uint32_t)length};
    if (many)
        put_shared(ring, tickets, slot, length);
    else
        ck_ring_enqueue_spsc_ticket(ring, tickets, &ticket);
}

static bool take(bool many, ck_ring_t *ring, struct ticket *tickets, struct ticket *ret_ticket)
{
    return many ? ck_ring_dequeue_mpmc_ticket(ring, tickets, ret_ticket)
                : ck_ring_dequeue_spsc_ticket(ring, tickets, ret_ticket);
}

/* ---- create -------------------------------------------------------------------------------------------------- */

static int choose_kind(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    const struct weir_channel_config *config = channel->config;
    static const char *const words[] = {"auto", "spsc", "mpsc", "spmc", "mpmc"};
    enum kind least =
        config->producers == 1 ? (config->consumers == 1 ? SPSC : SPMC) : (config->consumers == 1 ? MPSC : MPMC);
    enum kind kind = (enum kind)channel->options[OPTION_KIND].number;
    if (kind == AUTO)
        kind = least;
    if (kind != least && kind != MPMC && least != SPSC)
        return weir_error_set(error, WEIR_ENOTSUP, "kind=%s does not carry %u producers and %u consumers: kind=%s does",
                              words[kind], config->producers, config->consumers, words[least]);
    state->many_producers = kind == MPSC || kind == MPMC;
    state->many_consumers = kind == SPMC || kind == MPMC;
    state->in_turn = kind == SPSC;
    return 0;
}

static uint32_t power_of_two_over(size_t least)
{
    uint32_t power = 2;
    while (power <= least)
        power *= 2;
    return power;
}

static int make_records(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    uint32_t size = power_of_two_over(channel->depth);
    state->rings = weir_shared_alloc(channel, sizeof *state->rings + size * state->record->bytes);
    if (state->rings == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %u records", size);
    ck_ring_init(&state->rings->full, size);
    channel->depth = size - 1;
    return 0;
}

static int make_slots(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    const struct weir_channel_config *config = channel->config;
    /* Two more in turn: one being written, one being read. Else as many as ends may hold. */
    state->room = (uint32_t)channel->depth;
    state->slot_count = state->room + (state->in_turn ? 2 : config->producers + config->consumers);
    state->stride = (config->max_message_bytes + 63) / 64 * 64;
    uint32_t size = power_of_two_over(state->slot_count);
    size_t tickets_bytes = (2 * (size_t)size * sizeof(struct ticket) + 63) / 64 * 64;
    state->rings = weir_shared_alloc(channel, sizeof *state->rings + tickets_bytes + state->slot_count * state->stride);
    if (state->rings == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %u slots", state->slot_count);
    state->full = (struct ticket *)(void *)state->rings->memory;
    state->free = state->full + size;
    state->slots = state->rings->memory + tickets_bytes;
    ck_ring_init(&state->rings->full, size);
    ck_ring_init(&state->rings->free, size);
    for (uint32_t i = 0; i < state->slot_count; i++)
        put(state->many_consumers, &state->rings->free, state->free, i, 0);
    return 0;
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    const enum carry carry = (enum carry)channel->options[OPTION_CARRY].number;
    const size_t longest = channel->config->max_message_bytes;
    int result = choose_kind(channel, error);
    if (result != 0)
        return result;
    if (state->in_turn && (carry == CARRY_VALUE || (carry == CARRY_AUTO && longest <= MOST_VALUE_BYTES)))
        state->record = least_record(longest);
    if (carry == CARRY_VALUE && state->record == NULL)
        return weir_error_set(error, WEIR_ENOTSUP,
                              "carry=value takes one producer, one consumer and messages of at most %zu bytes",
                              MOST_RECORD_BYTES - sizeof(struct record));
    return state->record != NULL ? make_records(channel, error) : make_slots(channel, error);
}

static void destroy(struct weir_driver_channel *channel)
{
    (void)channel;
}

/* ---- ends ---------------------------------------------------------------------------------------------------- */

static int attach(struct weir_driver_endpoint *endpoint)
{
    struct end *end = endpoint->state;
    end->state = endpoint->channel->state;
    /* In turn: the successor of a producer goes on after the last slot that was published; the ring itself knows. */
    if (end->state->slots != NULL && end->state->in_turn && endpoint->role == WEIR_PRODUCER)
        end->slot = ck_pr_load_uint(&end->state->rings->full.p_tail) % end->state->slot_count;
    return 0;
}

static void give_slot(struct end *end)
{
    const struct state *state = end->state;
    if (end->holds)
        put(state->many_consumers, &state->rings->free, state->free, end->slot, 0);
    end->holds = false;
}

static void detach(struct weir_driver_endpoint *endpoint)
{
    give_slot(endpoint->state);
}

static void *slot_at(const struct state *state, uint32_t slot)
{
    return state->slots + slot * state->stride;
}

/* ---- sending ------------------------------------------------------------------------------------------------- */

static int reserve_slot(struct end *end, void **ret_buffer)
{
    const struct state *state = end->state;
    if (state->in_turn) {
        if (ck_ring_size(&state->rings->full) >= state->room)
            return WEIR_EAGAIN;
    } else if (!end->holds) {
        struct ticket ticket;
        if (!take(state->many_producers, &state->rings->free, state->free, &ticket))
            return WEIR_EAGAIN;
        end->slot = ticket.slot;
        end->holds = true;
    }
    *ret_buffer = slot_at(state, end->slot);
    return 0;
}

static int reserve(struct weir_driver_endpoint *endpoint, size_t length, void **ret_buffer)
{
    (void)length;
    struct end *end = endpoint->state;
    const struct state *state = end->state;
    if (state->record == NULL)
        return reserve_slot(end, ret_buffer);
    end->record = state->record->reserve(&state->rings->full, state->rings->memory);
    if (end->record == NULL)
        return WEIR_EAGAIN;
    *ret_buffer = end->record->body;
    return 0;
}

static int commit(struct weir_driver_endpoint *endpoint, size_t length, unsigned flags)
{
    (void)flags;
    struct end *end = endpoint->state;
    const struct state *state = end->state;
    if (state->record != NULL) {
        end->record->length = (uint32_t)length;
        ck_ring_enqueue_commit_spsc(&state->rings->full);
        return 0;
    }
    put(state->many_producers, &state->rings->full, state->full, end->slot, length);
    end->holds = false;
    if (state->in_turn)
        end->slot = end->slot + 1 < state->slot_count ? end->slot + 1 : 0;
    return 0;
}

static void abort_reservation(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint; /* the place is kept for the next message */
}

/* The core would do the same for us, but not in one piece: a message cost 6 % more. */
static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    void *place;
    int result = reserve(endpoint, length, &place);
    if (result != 0)
        return result;
    if (length > 0)
        memcpy(place, buffer, length);
    return commit(endpoint, length, flags);
}

/* ---- receiving ----------------------------------------------------------------------------------------------- */

static ssize_t peek_slot(struct end *end, const void **ret_buffer)
{
    const struct state *state = end->state;
    struct ticket ticket;
    if (!take(state->many_consumers, &state->rings->full, state->full, &ticket))
        return WEIR_EAGAIN;
    if (ticket.slot >= state->slot_count)
        return WEIR_ECORRUPT;
    end->slot = ticket.slot;
    end->holds = !state->in_turn;
    *ret_buffer = slot_at(state, ticket.slot);
    return ticket.length;
}

static ssize_t peek_record(struct end *end, const void **ret_buffer)
{
    const struct state *state = end->state;
    const struct record *record = (const struct record *)(const void *)end->taken;
    if (!state->record->take(&state->rings->full, state->rings->memory, end->taken))
        return WEIR_EAGAIN;
    *ret_buffer = record->body;
    return record->length;
}

static ssize_t peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    struct end *end = endpoint->state;
    ssize_t length = end->state->record != NULL ? peek_record(end, ret_buffer) : peek_slot(end, ret_buffer);
    return length > (ssize_t)endpoint->channel->config->max_message_bytes ? WEIR_ECORRUPT : length;
}

static void release(struct weir_driver_endpoint *endpoint)
{
    give_slot(endpoint->state);
}

/* As with send_message. */
static ssize_t recv_message(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    (void)capacity; /* never below max_message_bytes */
    const void *message;
    ssize_t length = peek(endpoint, &message);
    if (length < 0)
        return length;
    memcpy(buffer, message, (size_t)length);
    release(endpoint);
    return length;
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct weir_driver ck_driver = {
    .abi = WEIR_DRIVER_ABI,
    .name = "ck",
    .summary = "peer: Concurrency Kit's ck_ring in shared memory",
    .capabilities = WEIR_CAP_RESERVE | WEIR_CAP_PEEK,
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct state),
    .endpoint_bytes = sizeof(struct end),
    .options = options,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .recv = recv_message,
    .reserve = reserve,
    .commit = commit,
    .abort = abort_reservation,
    .peek = peek,
    .release = release,
};
WEIR_DRIVER_MODULE(ck_driver);
