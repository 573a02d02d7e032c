/* SPDX-License-Identifier: MIT
 *
 * A pipeline of processes, source -> transform -> sink, that survives its middle: there are messages on which the
 * transform aborts, as at a failed assertion. Only that process dies. The channels and what lies in them live on, the
 * parent starts another transform in the same places, and source and sink go on where they were. What the dead one had
 * in its hands is lost, and nothing else: a ledger in shared memory tells which message that was. (On a channel whose
 * messages travel by themselves, zmq, the dead one has more in its hands than it knows; the last line tells how many.)
 *
 *     cc pipeline.c -o pipeline $(pkg-config --cflags --libs weir)
 *     ./pipeline [CHANNEL]
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <weir/weir.h>

enum { MESSAGES = 10000, MOST_DEATHS = 5, NONE = MESSAGES };

struct message {
    uint32_t number;
    uint32_t square;
};

/* In memory that all of the processes share. Each entry has one writer; the parent reads it when that one has ended. */
struct ledger {
    uint32_t sent;          /* by the source */
    uint32_t in_hand;       /* the message that a transform has taken and not yet passed on, or NONE */
    bool arrived[MESSAGES]; /* at the sink */
};

struct line {
    struct weir_channel *raw;    /* from source to transform */
    struct weir_channel *worked; /* from transform to sink */
    struct ledger *ledger;
};

/* ---- the three workers ----------------------------------------------------------------------------------------- */

static bool is_deadly(uint32_t number)
{
    return number == 2500 || number == 7500;
}

/* Until there is another transform; should there be none, the parent shuts the channels down: WEIR_ECANCELED. */
static void wait_for_the_parent(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int source(void *argument, int report_fd)
{
    (void)report_fd;
    struct line *line = argument;
    struct weir_endpoint *out;
    int result = weir_attach(&out, line->raw, WEIR_PRODUCER, 0);
    if (result != 0)
        return 1;
    while (line->ledger->sent < MESSAGES && result == 0) {
        const struct message message = {.number = line->ledger->sent};
        while ((result = weir_send(out, &message, sizeof message, 0, WEIR_FOREVER)) == WEIR_EPEERDIED)
            wait_for_the_parent(); /* nothing was sent: once more */
        line->ledger->sent += result == 0;
    }
    weir_detach(out);
    return result != 0;
}

static int transform(void *argument, int report_fd)
{
    (void)report_fd;
    struct line *line = argument;
    struct weir_endpoint *in, *out;
    struct message message;
    ssize_t length;
    int result = 0;
    if (weir_attach(&in, line->raw, WEIR_CONSUMER, 0) != 0 || weir_attach(&out, line->worked, WEIR_PRODUCER, 0) != 0)
        return 1;
    while (result == 0 && (length = weir_recv(in, &message, sizeof message, WEIR_FOREVER)) > 0) {
        line->ledger->in_hand = message.number;
        if (is_deadly(message.number))
            abort();
        message.square = message.number * message.number;
        result = weir_send(out, &message, sizeof message, 0, WEIR_FOREVER);
        line->ledger->in_hand = NONE;
    }
    weir_detach(in);
    weir_detach(out);
    return result != 0 || length != WEIR_EOF;
}

static int sink(void *argument, int report_fd)
{
    (void)report_fd;
    struct line *line = argument;
    struct weir_endpoint *in;
    struct message message;
    ssize_t length;
    if (weir_attach(&in, line->worked, WEIR_CONSUMER, 0) != 0)
        return 1;
    while ((length = weir_recv(in, &message, sizeof message, WEIR_FOREVER)) != WEIR_EOF) {
        if (length == WEIR_EPEERDIED) {
            wait_for_the_parent();
            continue;
        }
        if (length < 0 || message.number >= MESSAGES || line->ledger->arrived[message.number] ||
            message.square != message.number * message.number)
            break; /* the channel was shut down, or a message came twice or wrong */
        line->ledger->arrived[message.number] = true;
    }
    weir_detach(in);
    return length != WEIR_EOF;
}

/* ---- the parent ------------------------------------------------------------------------------------------------ */

static struct weir_worker *start(struct line *line, weir_worker_body body)
{
    const struct weir_worker_config worker = {.kind = WEIR_PROCESS, .cpu = -1, .body = body, .argument = line};
    struct weir_worker *started;
    struct weir_error error;
    if (weir_worker_start(&started, &worker, &error) != 0)
        errx(1, "%s", error.text); /* the others die with their parent */
    return started;
}

static struct weir_worker_end end_of(struct weir_worker *worker)
{
    struct weir_worker_end end = {.how = WEIR_WORKER_RUNNING};
    weir_worker_join(worker, WEIR_FOREVER, &end);
    weir_worker_destroy(worker);
    return end;
}

/* Keeps a transform running until one comes to the end, or gives up. Returns how many were replaced; ret_lost says with
 * what in their hands they died. */
static unsigned keep_transforming(struct line *line, uint32_t ret_lost[MOST_DEATHS])
{
    for (unsigned deaths = 0;; deaths++) {
        char how[64], what[32] = "nothing";
        line->ledger->in_hand = NONE;
        struct weir_worker_end end = end_of(start(line, transform));
        if (end.how == WEIR_WORKER_EXITED && end.value == 0)
            return deaths;
        if (end.how != WEIR_WORKER_SIGNALED || deaths == MOST_DEATHS) {
            weir_channel_shutdown(line->raw);
            weir_channel_shutdown(line->worked);
            return deaths;
        }
        ret_lost[deaths] = line->ledger->in_hand;
        if (ret_lost[deaths] != NONE)
            snprintf(what, sizeof what, "message %u", ret_lost[deaths]);
        printf("transform was %s with %s in its hands; another one takes its place\n",
               weir_worker_end_text(&end, how, sizeof how), what);
        fflush(stdout); /* before the next fork: the copy would have what is unwritten, too */
    }
}

/* True if each message has either arrived or is known to be lost. */
static bool account(const struct ledger *ledger, const uint32_t *lost, unsigned deaths)
{
    unsigned arrived = 0, in_dead_hands = 0;
    for (uint32_t i = 0; i < ledger->sent; i++)
        arrived += ledger->arrived[i];
    for (unsigned i = 0; i < deaths; i++)
        in_dead_hands += lost[i] != NONE && !ledger->arrived[lost[i]];
    printf("%u sent = %u arrived + %u lost in dead hands + %u not accounted for\n", ledger->sent, arrived,
           in_dead_hands, ledger->sent - arrived - in_dead_hands);
    return ledger->sent == arrived + in_dead_hands;
}

int main(int argc, char **argv)
{
    const char *spec = argc > 1 ? argv[1] : "shm";
    const struct weir_channel_config config = {.max_message_bytes = sizeof(struct message)};
    struct line line;
    struct weir_error error;
    uint32_t lost[MOST_DEATHS];
    line.ledger = mmap(NULL, sizeof *line.ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (line.ledger == MAP_FAILED)
        err(1, "no memory for the ledger");
    if (weir_channel_create(&line.raw, spec, &config, &error) != 0 ||
        weir_channel_create(&line.worked, spec, &config, &error) != 0)
        errx(1, "%s", error.text);
    struct weir_worker *first = start(&line, source), *last = start(&line, sink);
    unsigned deaths = keep_transforming(&line, lost);
    struct weir_worker_end first_end = end_of(first), last_end = end_of(last);
    bool well = account(line.ledger, lost, deaths) && first_end.value == 0 && last_end.value == 0;
    weir_channel_destroy(line.raw);
    weir_channel_destroy(line.worked);
    return !well;
}
