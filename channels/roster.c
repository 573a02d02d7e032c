/* SPDX-License-Identifier: MIT
 *
 * The roster: who has attached, who has said goodbye, who has died. It is the one place that tells EOF from death, for
 * every driver. Its state changes under a robust lock and rarely; what the calls read on their way is one word of
 * flags and two counters.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checked.h"
#include "core.h"

static struct weir_seat *seats_of(const struct weir_channel *channel, enum weir_role role, uint32_t *ret_count)
{
    *ret_count = role == WEIR_PRODUCER ? channel->config.producers : channel->config.consumers;
    return channel->control->seats + (role == WEIR_PRODUCER ? 0 : channel->config.producers);
}

/* Within one address space memory of our own will do; between several it is a place among those of other channels. */
static struct weir_control *control_alloc(struct weir_channel *channel)
{
    uint32_t seats = channel->config.producers + channel->config.consumers;
    size_t bytes = sizeof(struct weir_control) + seats * sizeof(struct weir_seat);
    if (channel->config.span == WEIR_SPAN_PROCESSES)
        return weir_shelf_take(bytes, &channel->shelf);
    struct weir_control *control = aligned_alloc(128, (bytes + 127) / 128 * 128);
    return control != NULL ? memset(control, 0, bytes) : NULL;
}

void weir_control_free(struct weir_channel *channel)
{
    if (channel->shelf != NULL)
        weir_shelf_give(channel->shelf);
    else
        free(channel->control);
}

int weir_control_init(struct weir_channel *channel)
{
    bool shared = channel->config.span == WEIR_SPAN_PROCESSES;
    channel->control = control_alloc(channel);
    if (channel->control == NULL)
        return WEIR_ENOMEM;
    /* Who sleeps on a doorbell for each message has no use for a cheap wake and a dear sleep. */
    if (channel->config.wait != WEIR_WAIT_BLOCK || !weir_is_ringing(channel->driver))
        channel->fence = weir_fence_offered(shared);
    /* Now, while this process has perhaps one thread only: with several it takes the kernel tens of milliseconds. */
    if (weir_fence_register(channel->fence) != 0)
        channel->fence = WEIR_FENCE_BOTH;
    if (weir_lock_init(&channel->control->roster_lock, shared) != 0)
        return WEIR_ESYSTEM;
    uint32_t count = channel->config.producers + channel->config.consumers;
    cpu_set_t cpus;
    channel->cpu_count = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (uint32_t)CPU_COUNT(&cpus) : UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        if (weir_lock_init(&channel->control->seats[i].alive, shared) != 0)
            return WEIR_ESYSTEM;
    }
    return 0;
}

static void update_present(struct weir_channel *channel)
{
    uint32_t present = 0;
    for (uint32_t i = 0; i < channel->config.producers + channel->config.consumers; i++)
        present += atomic_load_explicit(&channel->control->seats[i].state, memory_order_relaxed) == SEAT_PRESENT;
    WEIR_CHECK(present <= channel->config.producers + channel->config.consumers,
               "no more are present than have places");
    atomic_store_explicit(&channel->control->present, present, memory_order_relaxed);
}

/* Under the roster lock: the GONE flag says that every place of a role was taken once and none is now, the DEAD flag
 * that it was a death which emptied one of them. */
static void update_gone(struct weir_channel *channel, enum weir_role role)
{
    update_present(channel);
    uint32_t count, gone = CONTROL_GONE(role), dead = 0;
    struct weir_seat *seats = seats_of(channel, role, &count);
    for (uint32_t i = 0; i < count && gone != 0; i++) {
        uint32_t state = atomic_load_explicit(&seats[i].state, memory_order_relaxed);
        WEIR_CHECK(state <= SEAT_DEAD, "a seat is in one of its states");
        if (state == SEAT_DEAD)
            dead = CONTROL_DEAD(role);
        else if (state != SEAT_LEFT)
            gone = 0;
    }
    uint32_t ends = gone != 0 ? gone | dead : 0, flags = atomic_load(&channel->control->flags), next;
    do
        next = (flags & ~(CONTROL_GONE(role) | CONTROL_DEAD(role))) | ends;
    /* Release: partner of the acquire in waiting.c, so that who sees the flags also sees what was sent before them. */
    while (!atomic_compare_exchange_weak_explicit(&channel->control->flags, &flags, next, memory_order_release,
                                                  memory_order_relaxed));
}

/* The news descriptor stays readable for as long as the event lasts: only lasting events ring it. Who attaches takes a
 * finished event off under the roster lock; one that is rung too late for that is taken off by sleep_on_fd. */
static void ring_news(struct weir_channel *channel)
{
    if (channel->news_fd >= 0 && atomic_load(&channel->control->flags) != 0) {
        const uint64_t one = 1;
        ssize_t written = write(channel->news_fd, &one, sizeof one); /* fails only when it is readable already */
        (void)written;
    }
}

/* Whoever is about to sleep in the driver has said so, and sees the news, or is seen here (sleep_in_driver). */
static void nudge_dozing(struct weir_channel *channel)
{
    uint32_t count;
    struct weir_seat *consumers = seats_of(channel, WEIR_CONSUMER, &count);
    if (channel->driver->nudge == NULL)
        return;
    weir_fence_full(&channel->control->bells[WEIR_CONSUMER].fence);
    for (uint32_t i = 0; i < count; i++)
        if (atomic_load_explicit(&consumers[i].dozes, memory_order_relaxed))
            channel->driver->nudge(&channel->view);
}

/* Wakes every sleeper on both sides, however it sleeps. */
void weir_roster_announce(struct weir_channel *channel)
{
    bool private_futex = channel->config.span == WEIR_SPAN_THREADS;
    for (int role = 0; role < 2; role++)
        weir_bell_wake_always(&channel->control->bells[role], private_futex, &channel->bell_fds[role]);
    ring_news(channel);
    nudge_dozing(channel);
}

/* Who sleeps idle watches those who were there when it fell asleep: it must hear of every change. */
static void stir_sleepers(struct weir_channel *channel)
{
    for (int role = 0; role < 2; role++)
        weir_bell_wake_always(&channel->control->bells[role], channel->config.span == WEIR_SPAN_THREADS, NULL);
}

static int take_roster(struct weir_channel *channel)
{
    int result = weir_lock_take(&channel->control->roster_lock);
    if (result != WEIR_EPEERDIED)
        return result;
    /* Its holder died inside: the seats are right at every step, but he may not have drawn the conclusion, nor told. */
    update_gone(channel, WEIR_PRODUCER);
    update_gone(channel, WEIR_CONSUMER);
    weir_roster_announce(channel);
    return 0;
}

/* Under the roster lock: whether the endpoint at this seat has died; if so, says so in the roster. */
static bool notice_death(struct weir_channel *channel, enum weir_role role, struct weir_seat *seat)
{
    if (atomic_load_explicit(&seat->state, memory_order_relaxed) != SEAT_PRESENT)
        return false;
    int result = pthread_mutex_trylock(&seat->alive.mutex);
    if (result != EOWNERDEAD)
        return false; /* EBUSY: alive. It cannot be free: attach and detach hold the roster lock. */
    /* Release: as in update_gone. Whoever notices may be killed at any step of this: then the lock tells of a death
     * again, and the next one begins anew. Counted twice is better than never. */
    atomic_fetch_add_explicit(&channel->control->deaths[role], 1, memory_order_release);
    atomic_store_explicit(&seat->state, SEAT_DEAD, memory_order_release);
    pthread_mutex_consistent(&seat->alive.mutex);
    pthread_mutex_unlock(&seat->alive.mutex);
    return true;
}

void weir_roster_look(struct weir_channel *channel, enum weir_role role)
{
    uint32_t count;
    struct weir_seat *seats = seats_of(channel, role, &count);
    bool news = false;
    if (take_roster(channel) != 0)
        return; /* whoever holds it is busy with the same; the next slice looks again */
    for (uint32_t i = 0; i < count; i++)
        news |= notice_death(channel, role, &seats[i]);
    if (news)
        update_gone(channel, role);
    weir_lock_give(&channel->control->roster_lock);
    if (news)
        weir_roster_announce(channel);
}

/* The only CPU that this thread may run on, or -1 if there are several. */
static int32_t only_cpu(void)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0 || CPU_COUNT(&cpus) != 1)
        return -1;
    return sched_getcpu();
}

int weir_roster_join(struct weir_channel *channel, enum weir_role role, uint32_t index, struct weir_seat **ret_seat,
                     uint32_t *ret_before)
{
    uint32_t count;
    struct weir_seat *seat = seats_of(channel, role, &count) + index;
    int result = WEIR_EAGAIN;
    for (int attempts = 0; attempts < 200 && result == WEIR_EAGAIN; attempts++) /* 25 ms each */
        result = take_roster(channel);
    if (result != 0)
        return WEIR_ESYSTEM;
    notice_death(channel, role, seat);
    *ret_before = atomic_load_explicit(&seat->state, memory_order_relaxed);
    int locked = pthread_mutex_trylock(&seat->alive.mutex);
    if (locked == EOWNERDEAD)
        locked = pthread_mutex_consistent(&seat->alive.mutex);
    if (locked == 0) {
        WEIR_CHECK(*ret_before != SEAT_PRESENT, "who is present holds the seat's lock");
        atomic_store_explicit(&seat->cpu, only_cpu(), memory_order_relaxed);
        atomic_store_explicit(&seat->dozes, 0, memory_order_relaxed);
        atomic_store_explicit(&seat->state, SEAT_PRESENT, memory_order_relaxed);
        update_gone(channel, role);
        uint64_t news;
        if (channel->news_fd >= 0 && atomic_load(&channel->control->flags) == 0 &&
            read(channel->news_fd, &news, sizeof news) < 0 && errno != EAGAIN)
            result = WEIR_ESYSTEM; /* not an event any more, yet it cannot be taken back: sleepers would not sleep */
    } else {
        result = locked == EBUSY ? WEIR_EBUSY : WEIR_ESYSTEM;
    }
    weir_lock_give(&channel->control->roster_lock);
    stir_sleepers(channel);
    if (result == 0)
        *ret_seat = seat;
    return result;
}

static void leave(struct weir_channel *channel, enum weir_role role, struct weir_seat *seat, uint32_t state,
                  bool is_goodbye)
{
    int attempts = 0;
    while (take_roster(channel) != 0 && ++attempts < 200) /* 25 ms each; then the peers learn it as a death */
        ;
    if (attempts == 200)
        return;
    WEIR_CHECK(atomic_load(&seat->state) == SEAT_PRESENT, "only who is present leaves");
    atomic_store_explicit(&seat->state, state, memory_order_relaxed);
    if (is_goodbye)
        atomic_fetch_add_explicit(&channel->control->leaves[role], 1, memory_order_release); /* as in update_gone */
    update_gone(channel, role);
    pthread_mutex_unlock(&seat->alive.mutex);
    weir_lock_give(&channel->control->roster_lock);
    if (atomic_load(&channel->control->flags) != 0)
        weir_roster_announce(channel);
    else
        stir_sleepers(channel);
}

void weir_roster_leave(struct weir_endpoint *endpoint)
{
    leave(endpoint->channel, endpoint->view.role, endpoint->seat, SEAT_LEFT, true);
}

/* After a failed attach: the place is again what it was before. */
void weir_roster_vacate(struct weir_channel *channel, struct weir_seat *seat, uint32_t before)
{
    enum weir_role role = seat < channel->control->seats + channel->config.producers ? WEIR_PRODUCER : WEIR_CONSUMER;
    leave(channel, role, seat, before, false);
}

int64_t weir_roster_in_flight(const struct weir_channel *channel)
{
    int64_t in_flight = 0;
    for (int role = 0; role < 2; role++) {
        uint32_t count;
        struct weir_seat *seats = seats_of(channel, (enum weir_role)role, &count);
        for (uint32_t i = 0; i < count; i++) {
            /* Acquire: partner of the release in count_moved, transfer.c. */
            int64_t moved = (int64_t)atomic_load_explicit(&seats[i].moved, memory_order_acquire);
            in_flight += role == WEIR_PRODUCER ? moved : -moved;
        }
    }
    return in_flight;
}

/* Whether spinning keeps a peer from working: more endpoints have attached than there are CPUs, or all of them may run
 * on one CPU only, the same. Reads what was noted at attach: no system call. */
bool weir_roster_spins_in_vain(const struct weir_endpoint *endpoint)
{
    const struct weir_channel *channel = endpoint->channel;
    if (atomic_load_explicit(&channel->control->present, memory_order_relaxed) > channel->cpu_count)
        return true;
    int32_t cpu = atomic_load_explicit(&endpoint->seat->cpu, memory_order_relaxed);
    uint32_t count = channel->config.producers + channel->config.consumers;
    for (uint32_t i = 0; i < count && cpu >= 0; i++) {
        const struct weir_seat *seat = &channel->control->seats[i];
        if (atomic_load_explicit(&seat->state, memory_order_relaxed) == SEAT_PRESENT &&
            atomic_load_explicit(&seat->cpu, memory_order_relaxed) != cpu)
            cpu = -1;
    }
    return cpu >= 0;
}

uint64_t weir_driver_in_flight(const struct weir_driver_endpoint *view)
{
    int64_t in_flight = weir_roster_in_flight(((const struct weir_endpoint *)view)->channel);
    return in_flight > 0 ? (uint64_t)in_flight : 0;
}

int weir_driver_peers_gone(const struct weir_driver_endpoint *view)
{
    const struct weir_endpoint *endpoint = (const struct weir_endpoint *)view;
    weir_roster_look(endpoint->channel, weir_other(view->role));
    uint32_t flags = atomic_load_explicit(&endpoint->control->flags, memory_order_acquire);
    return (flags & (CONTROL_SHUTDOWN | CONTROL_GONE(weir_other(view->role)))) != 0;
}

int weir_driver_has_died(const struct weir_driver_endpoint *view, enum weir_role role, uint32_t index)
{
    const struct weir_endpoint *endpoint = (const struct weir_endpoint *)view;
    uint32_t count;
    const struct weir_seat *seats = seats_of(endpoint->channel, role, &count);
    return index < count && atomic_load_explicit(&seats[index].state, memory_order_acquire) == SEAT_DEAD;
}
