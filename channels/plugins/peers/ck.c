/* SPDX-License-Identifier: MIT
 *
 * The ck driver: Concurrency Kit's ck_ring. A message is written into a slot and the ring carries which slot, by value
 * (CK_RING_PROTOTYPE): so processes can share it, and nothing is copied but the message itself.
 *
 * One producer and one consumer use the slots in turn: with two more than the ring may hold, a slot that comes round is
 * surely free. Else a second ring carries free slots back. There are never more slots than places in a ring, so only
 * the want of a free slot is the want of room.
 *
 * Not kept: with many producers ck_ring waits in a loop of its own for a producer that was overtaken between its two
 * steps; one that is killed there stops the others for ever. A slot held by who is killed is lost.
 */
#include <sched.h>
#include <string.h>

#include <ck_ring.h>

#include <weir/driver.h>

enum { OPTION_KIND };
enum kind { AUTO, SPSC, MPSC, SPMC, MPMC };

static const struct weir_option options[] = {
    [OPTION_KIND] = {.name = "kind",
                     .type = WEIR_OPTION_CHOICE,
                     .fallback = "auto",
                     .choices = "auto|spsc|mpsc|spmc|mpmc",
                     .help = "single or multiple producers and consumers; auto is as the channel has them"},
    {.name = NULL},
};

enum { SPINS_BEFORE_YIELD = 32 };

struct ticket {
    uint32_t slot;
    uint32_t length;
};
CK_RING_PROTOTYPE(ticket, ticket)

struct rings {
    _Alignas(64) ck_ring_t full;
    _Alignas(64) ck_ring_t free;
    _Alignas(64) struct ticket tickets[]; /* of `full`, then of `free` */
};

struct state {
    struct rings *rings;
    struct ticket *full, *free;
    unsigned char *slots;
    size_t stride;
    uint32_t slot_count;
    uint32_t room; /* of `full`, where slots are used in turn */
    enum kind kind;
};

struct end {
    const struct state *state;
    uint32_t slot;   /* producer: to be written next; consumer: being read */
    uint32_t length; /* of what is being read */
    bool holds;      /* `slot` is ours; not where slots are used in turn */
};

/* As ck_ring_enqueue_mpmc, which waits for its turn to publish in a bare loop: when who is before us has lost the CPU
 * that costs a time slice for each message, so give way. The caller knows that there is room. */
static void enqueue_shared(ck_ring_t *ring, struct ticket *tickets, uint32_t slot, size_t length)
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

/* ---- create -------------------------------------------------------------------------------------------------- */

static int choose_kind(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    const struct weir_channel_config *config = channel->config;
    static const char *const words[] = {"", "spsc", "mpsc", "spmc", "mpmc"};
    enum kind least =
        config->producers == 1 ? (config->consumers == 1 ? SPSC : SPMC) : (config->consumers == 1 ? MPSC : MPMC);
    state->kind = (enum kind)channel->options[OPTION_KIND].number;
    if (state->kind == AUTO)
        state->kind = least;
    if (state->kind == least || state->kind == MPMC || least == SPSC)
        return 0;
    return weir_error_set(error, WEIR_ENOTSUP, "kind=%s does not carry %u producers and %u consumers: kind=%s does",
                          words[state->kind], config->producers, config->consumers, words[least]);
}

static uint32_t power_of_two_over(size_t least)
{
    uint32_t power = 2;
    while (power <= least)
        power *= 2;
    return power;
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    const struct weir_channel_config *config = channel->config;
    int result = choose_kind(channel, error);
    if (result != 0)
        return result;
    /* Two more in turn: one being written, one being read. Else as many as ends may hold. */
    state->room = (uint32_t)channel->depth;
    state->slot_count = state->room + (state->kind == SPSC ? 2 : config->producers + config->consumers);
    uint32_t size = power_of_two_over(state->slot_count);
    state->stride = (config->max_message_bytes + 63) / 64 * 64;
    size_t head = sizeof *state->rings + 2 * (size_t)size * sizeof(struct ticket);
    head = (head + 63) / 64 * 64;
    state->rings = weir_shared_alloc(channel, head + state->slot_count * state->stride);
    if (state->rings == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %u slots", state->slot_count);
    state->full = state->rings->tickets;
    state->free = state->full + size;
    state->slots = (unsigned char *)state->rings + head;
    ck_ring_init(&state->rings->full, (unsigned)size);
    ck_ring_init(&state->rings->free, (unsigned)size);
    for (uint32_t i = 0; i < state->slot_count; i++)
        enqueue_shared(&state->rings->free, state->free, i, 0);
    return 0;
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
    if (end->state->kind == SPSC && endpoint->role == WEIR_PRODUCER)
        end->slot = ck_pr_load_uint(&end->state->rings->full.p_tail) % end->state->slot_count;
    return 0;
}

static void give_slot(struct end *end)
{
    const struct state *state = end->state;
    if (end->holds)
        enqueue_shared(&state->rings->free, state->free, end->slot, 0);
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

/* ---- messages ------------------------------------------------------------------------------------------------ */

static int reserve(struct weir_driver_endpoint *endpoint, size_t length, void **ret_buffer)
{
    (void)length;
    struct end *end = endpoint->state;
    const struct state *state = end->state;
    if (state->kind == SPSC) {
        if (ck_ring_size(&state->rings->full) >= state->room)
            return WEIR_EAGAIN;
    } else if (!end->holds) {
        struct ticket ticket;
        if (!ck_ring_dequeue_mpmc_ticket(&state->rings->free, state->free, &ticket))
            return WEIR_EAGAIN;
        end->slot = ticket.slot;
        end->holds = true;
    }
    *ret_buffer = slot_at(state, end->slot);
    return 0;
}

static int commit(struct weir_driver_endpoint *endpoint, size_t length, unsigned flags)
{
    (void)flags;
    struct end *end = endpoint->state;
    const struct state *state = end->state;
    if (state->kind == SPSC) {
        struct ticket ticket = {end->slot, (uint32_t)length};
        ck_ring_enqueue_spsc_ticket(&state->rings->full, state->full, &ticket);
        end->slot = end->slot + 1 < state->slot_count ? end->slot + 1 : 0;
    } else {
        end->holds = false;
        enqueue_shared(&state->rings->full, state->full, end->slot, length);
    }
    return 0;
}

static void abort_reservation(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint; /* the slot is kept for the next message */
}

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    void *slot;
    int result = reserve(endpoint, length, &slot);
    if (result != 0)
        return result;
    if (length > 0)
        memcpy(slot, buffer, length);
    return commit(endpoint, length, flags);
}

static ssize_t peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    struct end *end = endpoint->state;
    const struct state *state = end->state;
    struct ticket ticket;
    bool got = state->kind == SPSC ? ck_ring_dequeue_spsc_ticket(&state->rings->full, state->full, &ticket)
                                   : ck_ring_dequeue_mpmc_ticket(&state->rings->full, state->full, &ticket);
    if (!got)
        return WEIR_EAGAIN;
    end->slot = ticket.slot;
    end->holds = state->kind != SPSC;
    if (ticket.slot >= state->slot_count || ticket.length > endpoint->channel->config->max_message_bytes)
        return WEIR_ECORRUPT;
    *ret_buffer = slot_at(state, ticket.slot);
    return ticket.length;
}

static void release(struct weir_driver_endpoint *endpoint)
{
    give_slot(endpoint->state);
}

static ssize_t recv_message(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    (void)capacity; /* never below max_message_bytes */
    const void *slot;
    ssize_t length = peek(endpoint, &slot);
    if (length < 0)
        return length;
    memcpy(buffer, slot, (size_t)length);
    release(endpoint);
    return length;
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct weir_driver ck_driver = {
    .abi = WEIR_DRIVER_ABI,
    .name = "ck",
    .summary = "peer: Concurrency Kit's ck_ring, of slots in shared memory",
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
