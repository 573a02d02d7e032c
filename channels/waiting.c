/* SPDX-License-Identifier: MIT
 *
 * Waiting: what happens between a first attempt that said WEIR_EAGAIN and the answer. One place for every driver, so
 * that block, spin and adaptive mean the same for all of them, and a death, a goodbye, a shutdown and a deadline are
 * seen by every blocked call. Invariant: nobody sleeps longer than WEIR_SLICE_NS without looking at the roster, or is
 * woken by the kernel when a peer dies (watch.c).
 */
#include <sched.h>

#include "cpu.h"
#include "waiting.h"

/* Adaptive spins about as long as a sleep and a wake across CPUs cost: the competitive argument for spin-then-block
 * (Karlin et al., "Empirical studies of competitive spinning", 1991) bounds the loss at a factor of two. */
#define SPIN_BUDGET_NS INT64_C(50000)

/* Where CPUs are short a wait begins with yields, and a yield is not wasted: with many ends a turn comes late, and who
 * sleeps meanwhile must be woken. It stays below a thousandth of the time that an idle end waits (patience.h). Time
 * alone says nothing: a turn may come after several milliseconds of somebody else's. */
#define YIELD_BUDGET_NS INT64_C(500000)
#define LEAST_SPINS     16

/* Where CPUs are short a consumer that never waits gives way after so many quarters of the depth. */
#define QUARTERS_IN_A_ROW 8

/* So many messages between two waits are few enough for a fence with each. */
#define FEW_MESSAGES 2

/* So many messages in a row, each slept for, and so many more are slept for at once. */
#define LONE_WAITS 4
#define MOST_SKIPS 31

/* The clock is read once in so many attempts while spinning. */
#define SPINS_PER_CLOCK 16

/* So much time between two reads of the clock was somebody else's: the CPUs are short, and spinning takes them away
 * from those that are waited for. */
#define PREEMPTED_NS INT64_C(20000)

/* A consumer that comes behind a busy producer and looks again at once takes each line from under its hands; one that
 * leaves it alone for a moment gets several messages for one transfer. This long at most, and in such steps. */
#define MOST_LAG_NS INT64_C(512)
#define LAG_STEP_NS 32

/* How long messages that travel by themselves are waited for once nobody is left who could send more: after a clean
 * end all that was sent must come; after a death the rest is lost with the dead. */
#define SETTLE_CLEAN_NS INT64_C(5000000000)
#define SETTLE_DEATH_NS INT64_C(25000000)

/* ---- verdicts: has the channel ended for this endpoint? ------------------------------------------------------ */

bool weir_has_news(struct weir_endpoint *endpoint)
{
    struct weir_control *control = endpoint->control;
    enum weir_role peers = weir_other(endpoint->view.role);
    /* Acquire: partner of the releases in roster.c: what the peers sent before they left or died is seen after this. */
    uint32_t flags = atomic_load_explicit(&control->flags, memory_order_acquire);
    uint32_t deaths = atomic_load_explicit(&control->deaths[peers], memory_order_acquire);
    return (flags & (CONTROL_SHUTDOWN | CONTROL_GONE(peers))) != 0 || deaths != endpoint->deaths_reported;
}

int weir_ended(struct weir_endpoint *endpoint)
{
    struct weir_control *control = endpoint->control;
    enum weir_role peers = weir_other(endpoint->view.role);
    uint32_t flags = atomic_load_explicit(&control->flags, memory_order_acquire);
    uint32_t deaths = atomic_load_explicit(&control->deaths[peers], memory_order_acquire);
    if (flags & CONTROL_SHUTDOWN)
        return WEIR_ECANCELED;
    bool unreported = deaths != endpoint->deaths_reported;
    endpoint->deaths_reported += unreported;
    if (unreported || (flags & CONTROL_DEAD(peers)))
        return WEIR_EPEERDIED;
    if (flags & CONTROL_GONE(peers))
        return peers == WEIR_PRODUCER ? WEIR_EOF : WEIR_EPIPE;
    return WEIR_EAGAIN;
}

/* Whether a message may still be under way to this consumer, which is then worth waiting for. */
static bool is_settling(struct weir_endpoint *endpoint)
{
    struct weir_control *control = endpoint->control;
    if (!endpoint->counts || endpoint->view.role != WEIR_CONSUMER || weir_roster_in_flight(endpoint->channel) <= 0)
        return false;
    /* A consumer that left or died may have taken along what it had not yet received in its own memory. */
    bool clean = atomic_load(&control->deaths[0]) == 0 && atomic_load(&control->deaths[1]) == 0 &&
                 atomic_load(&control->leaves[WEIR_CONSUMER]) == 0;
    int64_t now = weir_now_ns();
    uint32_t deaths = atomic_load(&control->deaths[WEIR_PRODUCER]);
    if (endpoint->settle_until_ns == 0 || endpoint->settle_deaths != deaths) {
        endpoint->settle_until_ns = now + (clean ? SETTLE_CLEAN_NS : SETTLE_DEATH_NS);
        endpoint->settle_deaths = deaths;
    }
    return now < endpoint->settle_until_ns;
}

/* Everything that was committed comes before the bad news: so one more attempt after the news was seen. */
static ssize_t attempt_or_end(struct weir_endpoint *endpoint, struct weir_attempt *attempt)
{
    if (atomic_load(&endpoint->control->flags) & CONTROL_SHUTDOWN)
        return WEIR_ECANCELED;
    ssize_t result = attempt->try(endpoint, attempt);
    if (result != WEIR_EAGAIN)
        return result;
    return is_settling(endpoint) ? WEIR_EAGAIN : weir_ended(endpoint);
}

/* For a call that does not wait. Who polls a descriptor that must be told: announce, and look again, as before a sleep.
 */
static ssize_t arm_and_look(struct weir_endpoint *endpoint, struct weir_attempt *attempt)
{
    if (!weir_arm_poller(endpoint))
        return WEIR_EAGAIN;
    return weir_has_news(endpoint) ? attempt_or_end(endpoint, attempt) : attempt->try(endpoint, attempt);
}

/* ---- waking -------------------------------------------------------------------------------------------------- */

/* A message needs one consumer; room, or several messages at once, may be for all that wait. */
void weir_ring_peers(struct weir_endpoint *endpoint)
{
    enum weir_role peers = weir_other(endpoint->view.role);
    struct weir_bell *bell = &endpoint->control->bells[peers];
    if (!endpoint->rings || !weir_bell_wanted(bell, endpoint->fence))
        return;
    bool one = peers == WEIR_CONSUMER && endpoint->channel->config.consumers > 1 &&
               (endpoint->driver->capabilities & WEIR_CAP_MORE) == 0;
    weir_bell_wake(bell, weir_is_process_private(endpoint), &endpoint->channel->bell_fds[peers], one);
}

/* A consumer that always finds something never yields. Producers on its CPU do whenever their lanes are full, and the
 * scheduler takes a yield for the renunciation of a time slice (Linux 6.18): they would starve. Each time that it gives
 * way they fill their lanes once, so twice the depth gives them half their share at least. */
void weir_give_way(struct weir_endpoint *endpoint)
{
    if (++endpoint->quarters < QUARTERS_IN_A_ROW)
        return;
    endpoint->quarters = 0;
    if (endpoint->channel->config.producers > 1 && endpoint->channel->config.wait != WEIR_WAIT_BLOCK &&
        weir_roster_spins_in_vain(endpoint))
        sched_yield();
}

/* ---- spinning ------------------------------------------------------------------------------------------------ */

/* Until `enough_ns` at least, but not past the wait. Where a peer needs this CPU each look is followed by a yield: a
 * look is then a turn given away, not a turn wasted. */
static ssize_t spin(struct weir_endpoint *endpoint, struct weir_attempt *attempt, const struct weir_sleep *wait,
                    int64_t enough_ns, bool yielding)
{
    int64_t last_ns = 0;
    for (unsigned spins = 1;; spins++) {
        ssize_t result = attempt->try(endpoint, attempt);
        if (result != WEIR_EAGAIN)
            return result;
        if (yielding)
            sched_yield();
        else
            weir_cpu_pause();
        if (!yielding && spins % SPINS_PER_CLOCK != 0)
            continue;
        int64_t now_ns = weir_now_ns();
        bool preempted = !yielding && last_ns != 0 && now_ns - last_ns > PREEMPTED_NS;
        bool enough = now_ns >= wait->until_ns || (now_ns >= enough_ns && spins >= LEAST_SPINS);
        if (enough || preempted || weir_has_news(endpoint))
            return WEIR_EAGAIN;
        last_ns = now_ns;
    }
}

/* How long a consumer leaves the producers alone before it looks: longer while several messages come between two waits,
 * which is a stream; not at all where they come one by one, as answers do, or where it has nearly let the channel fill.
 */
static void leave_alone(struct weir_endpoint *endpoint, uint32_t run, int64_t now_ns)
{
    if (run < 2 || run >= endpoint->tell_after / 2)
        endpoint->lag_ns /= 2;
    else if (endpoint->lag_ns < MOST_LAG_NS)
        endpoint->lag_ns += LAG_STEP_NS;
    for (int64_t until_ns = now_ns + endpoint->lag_ns; endpoint->lag_ns > 0 && weir_now_ns() < until_ns;)
        weir_cpu_pause();
}

/* ---- the loop ------------------------------------------------------------------------------------------------ */

/* Who must wait first lets go of what it kept back: a sender of its WEIR_MORE messages, a receiver of the news that
 * there is room. Else both sides could wait for each other. */
static void let_go(struct weir_endpoint *endpoint)
{
    bool flushed = endpoint->kept_back && endpoint->driver->flush(&endpoint->view) == 0;
    if (flushed)
        endpoint->kept_back = false;
    /* Where messages pass through the kernel an attempt may have moved a part of one. */
    if (flushed || endpoint->untold > 0 || !weir_is_ringing(endpoint->driver))
        weir_ring_peers(endpoint);
    endpoint->untold = 0;
    endpoint->quarters = 0;
}

/* Sleeps are rare again: the peers need not pay for them. */
static void relax(struct weir_endpoint *endpoint)
{
    if (endpoint->rings)
        weir_bell_relax(&endpoint->control->bells[endpoint->view.role]);
}

ssize_t weir_recv_nothing(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    (void)endpoint, (void)buffer, (void)capacity;
    return WEIR_EAGAIN;
}

/* An attempt in vain takes a system call where messages pass through the kernel. So a consumer that has slept for each
 * of several messages sleeps for the next ones without it, and then tries whether that is still so. */
static void note_lone_waits(struct weir_endpoint *endpoint)
{
    bool is_lone = endpoint->unslept <= 1;
    endpoint->unslept = 0;
    if (endpoint->skips_left > 0) {
        if (--endpoint->skips_left == 0)
            endpoint->first_recv = endpoint->recv;
        return;
    }
    if (!is_lone)
        endpoint->lone_waits = 0;
    else if (endpoint->lone_waits < LONE_WAITS)
        endpoint->lone_waits++;
    if (endpoint->lone_waits == LONE_WAITS) {
        endpoint->first_recv = weir_recv_nothing;
        endpoint->skips_left = MOST_SKIPS;
    }
}

/* Who never spins sleeps often while hardly more than one message comes between two waits. */
static void note_sleeps(struct weir_endpoint *endpoint, uint32_t run)
{
    if (endpoint->view.role != WEIR_CONSUMER)
        return;
    if (weir_is_ringing(endpoint->driver)) {
        bool often = run <= FEW_MESSAGES;
        if (endpoint->sleeps_often && !often)
            relax(endpoint);
        endpoint->sleeps_often = often;
    } else if (endpoint->dozes) {
        note_lone_waits(endpoint);
    }
}

/* Before the sleep, if that is worth while. `run`: messages that came between two waits. */
static ssize_t spin_first(struct weir_endpoint *endpoint, struct weir_attempt *attempt, struct weir_sleep *wait,
                          uint32_t run)
{
    enum weir_wait policy = endpoint->channel->config.wait;
    if (policy == WEIR_WAIT_BLOCK)
        note_sleeps(endpoint, run);
    if (policy == WEIR_WAIT_BLOCK || (policy == WEIR_WAIT_ADAPTIVE && !weir_patience_spins(&endpoint->patience)))
        return WEIR_EAGAIN;
    bool yielding = weir_roster_spins_in_vain(endpoint);
    if (!yielding)
        leave_alone(endpoint, run, wait->now_ns);
    int64_t budget_ns = yielding ? YIELD_BUDGET_NS : SPIN_BUDGET_NS;
    ssize_t result = spin(endpoint, attempt, wait, wait->now_ns + budget_ns, yielding);
    bool slept_often = endpoint->patience.failures != 0;
    weir_patience_learn(&endpoint->patience, result != WEIR_EAGAIN);
    if (result == WEIR_EAGAIN)
        wait->now_ns = weir_now_ns();
    else if (slept_often && endpoint->patience.failures == 0)
        relax(endpoint);
    return result;
}

static ssize_t wait_once(struct weir_endpoint *endpoint, struct weir_attempt *attempt, const struct weir_sleep *wait,
                         unsigned *futile)
{
    /* Whoever has spun in vain for so long gives way to others between two looks: a yield is not a sleep. */
    if (endpoint->channel->config.wait == WEIR_WAIT_SPIN)
        return spin(endpoint, attempt, wait, wait->until_ns, true);
    if (wait->until_ns <= wait->now_ns)
        return WEIR_EAGAIN;
    return weir_sleep(endpoint, attempt, wait, futile);
}

/* Looks whether a peer has died, once per slice at most. Also for calls that do not wait: who only ever polls must
 * learn of a death too. */
static void look_at_times(struct weir_endpoint *endpoint, int64_t now_ns)
{
    if (now_ns - endpoint->looked_ns >= WEIR_SLICE_NS) {
        endpoint->looked_ns = now_ns;
        weir_roster_look(endpoint->channel, weir_other(endpoint->view.role));
    }
}

ssize_t weir_await(struct weir_endpoint *endpoint, struct weir_attempt *attempt, int64_t deadline_ns)
{
    struct weir_bell *bell = &endpoint->control->bells[endpoint->view.role];
    uint32_t run = endpoint->untold;
    unsigned futile = 0;
    for (bool first = true;; first = false) {
        let_go(endpoint);
        struct weir_sleep wait = {.now_ns = weir_now_ns()};
        look_at_times(endpoint, wait.now_ns);
        /* Read before the look for news: an event after that has changed it, and no sleep follows. */
        wait.seen = atomic_load_explicit(&bell->rings, memory_order_acquire);
        wait.heard_news = weir_has_news(endpoint);
        ssize_t result = wait.heard_news ? attempt_or_end(endpoint, attempt) : WEIR_EAGAIN;
        if (result != WEIR_EAGAIN)
            return result;
        /* A descriptor does not tell of what the driver has read ahead: only in the driver itself a sleep may begin
         * without an attempt. */
        bool dozes =
            endpoint->dozes && !endpoint->idle && !wait.heard_news && deadline_ns >= wait.now_ns + WEIR_SLICE_NS;
        if (first && !dozes && endpoint->first_recv == weir_recv_nothing) {
            result = attempt->try(endpoint, attempt);
            if (result != WEIR_EAGAIN)
                return result;
        }
        if (deadline_ns == WEIR_NOW)
            return arm_and_look(endpoint, attempt);
        if (wait.now_ns >= deadline_ns)
            return WEIR_ETIMEDOUT;
        /* Heard and still here: stragglers may be under way. They are looked for often. */
        int64_t most_ns = wait.heard_news ? STRAGGLER_NS : endpoint->idle ? WEIR_IDLE_NS : WEIR_SLICE_NS;
        wait.until_ns = weir_earlier(deadline_ns, wait.now_ns + most_ns);
        wait.is_slice = wait.until_ns == wait.now_ns + WEIR_SLICE_NS;
        result = first ? spin_first(endpoint, attempt, &wait, run) : WEIR_EAGAIN;
        if (result == WEIR_EAGAIN)
            result = wait_once(endpoint, attempt, &wait, &futile);
        if (result != WEIR_EAGAIN)
            return result;
    }
}
