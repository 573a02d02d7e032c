/* SPDX-License-Identifier: MIT
 *
 * The lesson `queue`: a fast producer and a slow consumer, with room for few or for many messages between them.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>

#include "lessons.h"
#include "machine/clock.h"
#include "measure/random.h"
#include "teach/crew.h"
#include "teach/page.h"

#define SERVICE_NS 2000 /* of a message, on the average */
#define MESSAGES   12000u
#define WARM       5000u /* not counted: until the queue is as full as it gets */

struct counter {
    struct weir_channel *channel;
    size_t depth;
    atomic_uint offered; /* messages that the producer has begun to send */
    unsigned served, looked_offered;
    double latency_ns; /* from the one to the other, summed over messages */
    double inside_ns;  /* offered and not yet served, summed over time */
    int64_t begin_ns, looked_ns;
};

enum part { PRODUCER, CONSUMER, PARTS };

static int produce(struct counter *counter)
{
    struct weir_endpoint *endpoint;
    if (weir_attach(&endpoint, counter->channel, WEIR_PRODUCER, 0) != 0)
        return 1;
    for (size_t i = 0; i < WARM + MESSAGES + counter->depth; i++) { /* the queue does not run dry while it counts */
        atomic_fetch_add_explicit(&counter->offered, 1, memory_order_relaxed);
        int64_t sent_ns = clock_now_ns();
        if (weir_send(endpoint, &sent_ns, sizeof sent_ns, 0, WEIR_FOREVER) != 0)
            break;
    }
    weir_detach(endpoint);
    return 0;
}

/* At the clock, and how many are inside; since the last look it is taken for the mean of then and now. */
static int64_t look(struct counter *counter)
{
    int64_t now_ns = clock_now_ns();
    unsigned offered = atomic_load_explicit(&counter->offered, memory_order_relaxed);
    double inside = (counter->looked_offered + offered) / 2.0 - counter->served;
    counter->inside_ns += inside * (double)(now_ns - counter->looked_ns);
    counter->looked_offered = offered;
    counter->looked_ns = now_ns;
    return now_ns;
}

/* Takes from none to twice the average for each, so that the queue is now longer, now shorter. */
static void serve(struct counter *counter, uint64_t *random)
{
    int64_t end_ns = look(counter) + (int64_t)random_below(random, 2 * SERVICE_NS);
    while (look(counter) < end_ns)
        ;
    counter->served++;
}

static int consume(struct counter *counter)
{
    struct weir_endpoint *endpoint;
    uint64_t random = 1;
    int64_t sent_ns;
    if (weir_attach(&endpoint, counter->channel, WEIR_CONSUMER, 0) != 0)
        return 1;
    while (weir_recv(endpoint, &sent_ns, sizeof sent_ns, WEIR_FOREVER) == sizeof sent_ns) {
        if (counter->served == WARM + MESSAGES)
            continue; /* who is left over goes uncounted */
        serve(counter, &random);
        counter->latency_ns += (double)(counter->looked_ns - sent_ns);
        if (counter->served == WARM) {
            counter->latency_ns = counter->inside_ns = 0;
            counter->begin_ns = counter->looked_ns;
        }
    }
    weir_detach(endpoint);
    return 0;
}

static int work(void *shared, uint32_t index)
{
    return index == PRODUCER ? produce(shared) : consume(shared);
}

/* ---- the rows -------------------------------------------------------------------------------------------------- */

static const size_t depths[] = {1, 4, 16, 64, 256, 1024, 4096};

static int prepare(struct experiment *experiment)
{
    int result = 0;
    for (size_t i = 0; i < sizeof depths / sizeof depths[0] && result == 0; i++) {
        char key[32];
        snprintf(key, sizeof key, "%zu", depths[i]);
        result = experiment_row(experiment, key, "room for %zu", depths[i]);
    }
    return result;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    struct counter *counter = crew_memory(sizeof *counter);
    struct crew_result result;
    struct weir_error error;
    if (counter == NULL)
        return experiment_failed(experiment, "there is no memory for it");
    struct weir_channel_config config = {.max_message_bytes = sizeof(int64_t), .depth = depths[row]};
    counter->depth = depths[row];
    int end = weir_channel_create(&counter->channel, "mutex", &config, &error) == 0
                  ? 0
                  : experiment_failed(experiment, "%s", error.text);
    struct crew crew = {
        .kind = WEIR_PROCESS, .count = PARTS, .pin = experiment->knobs.pin, .work = work, .shared = counter};
    if (end == 0)
        end = crew_run(experiment, &crew, &result);
    if (end == 0 && counter->served == WARM + MESSAGES) {
        double window_ns = (double)(counter->looked_ns - counter->begin_ns);
        ret[0] = MESSAGES / (window_ns / 1e9);
        ret[1] = counter->latency_ns / MESSAGES;
        ret[2] = counter->inside_ns / window_ns;
        ret[3] = ret[0] * ret[1] / 1e9;
    }
    weir_channel_destroy(counter->channel);
    munmap(counter, sizeof *counter);
    return end;
}

static void judge(struct experiment *experiment)
{
    double slow = experiment_figure(experiment, "16", "rate"), fast = experiment_figure(experiment, "4096", "rate");
    double soon = experiment_figure(experiment, "16", "latency_ns"),
           late = experiment_figure(experiment, "4096", "latency_ns");
    double inside = experiment_figure(experiment, "4096", "inside"),
           product = experiment_figure(experiment, "4096", "product"), ratio = fast / slow;
    const char *answer = ratio > 1.5 ? "faster" : ratio > 0.9 ? "same" : "slower";
    experiment_conclude(
        experiment, ratio > 1.5 ? VERDICT_HOLDS : VERDICT_REFUTED, answer,
        "Room for 4096 instead of 16 made %s the messages a second, and each was %s as long under way: %s "
        "instead of %s. %.0f messages were counted inside; by Little's law there should be %.0f.",
        told(UNIT_TIMES, ratio), told(UNIT_TIMES, late / soon), told(UNIT_NS, late), told(UNIT_NS, soon), inside,
        product);
}

static const struct lesson_column columns[] = {{"rate", "A SECOND", UNIT_COUNT},
                                               {"latency_ns", "UNDER WAY", UNIT_NS},
                                               {"inside", "INSIDE", UNIT_COUNT},
                                               {"product", "PRODUCT", UNIT_COUNT},
                                               {0}};

static const struct lesson_choice choices[] = {
    {"faster", "half as many again, or more"},
    {"same", "about as many"},
    {"slower", "fewer"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson queue --pin same", "on one CPU room saves switches: compare room for 1 with room for 16"},
    {"weir run mutex -d 1,16,4K -m paced -r 10K", "a producer that is slower than the consumer: the queue stays empty"},
    {0},
};

const struct lesson lesson_queue = {
    .name = "queue",
    .question = "Is a bigger buffer faster?",
    .claim = "A bigger buffer is faster.",
    .ask = "A consumer needs 2 us for each message, and the producer is faster. How many more messages a second get "
           "through if there is room for 4096 of them instead of 16?",
    .choices = choices,
    .seconds = 5,
    .cpus = 2,
    .heeds = KNOB_PIN,
    .columns = columns,
    .pictured = 1,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why =
        "The slowest one sets the pace. If that is the consumer, more room does not make it faster: the producer fills "
        "the room, waits again, and from then on each message stands in a longer line. What grows is not the number of "
        "messages a second but the time that each is under way.\n"
        "Little's law says how the three belong together: messages inside = messages a second x time under way. It "
        "holds whatever the order of arrivals and whatever the service, as long as what comes in goes out. INSIDE was "
        "counted and PRODUCT is the law's right side, measured apart from it: compare them. Inside are those in the "
        "room, one that is being served, and one that waits to be let in.\n"
        "Room is good for something else: it bridges moments. With room for one, each waits for the other at each "
        "message; with room for some, short unevenness no longer stops anybody. Enough for that is enough.",
    .see = "J. D. C. Little, A Proof for the Queuing Formula L = lambda W, Operations Research 9 (1961)",
    .twists = twists,
};
