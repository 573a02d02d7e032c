/* SPDX-License-Identifier: MIT
 *
 * The bodies of the workers. The clock of a stream starts when every warm-up message has been received (so the channel
 * is empty) and stops when the last message has been checked. Two clock reads an epoch: one by each producer before its
 * first measured message, one by the consumer after the last. With several consumers nobody knows which message is
 * the last, so the clock is read after each of the final few.
 */
#include "roles.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/report.h"

/* A warm-up message that does not come within this time is lost; the epoch goes on, and the count will tell. */
#define WARM_PATIENCE_NS INT64_C(500000000)

struct player {
    const struct part *part;
    const struct epoch *epoch;
    const struct setup *setup;
    struct stage_slot *slot;
    struct weir_endpoint *sending, *receiving; /* of a server: `sending` is unused */
    struct weir_endpoint **answering;          /* of a server: to each producer */
    struct sample_encoder *encoder;            /* of a server and of made-up receives: one for each producer */
    struct sample_decoder *decoder;
    struct tracker *tracker;
    unsigned char *out, *in;
    uint64_t sent;
    weir_Report report;
    struct rusage begin, end;
};

/* ---- bookkeeping --------------------------------------------------------------------------------------------- */

static _Thread_local struct stage_slot *own_slot;

static void leave_mark(int signal_number)
{
    if (own_slot != NULL)
        atomic_store(&own_slot->crashed, signal_number);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void mark_crashes(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        struct sigaction action = {.sa_handler = leave_mark, .sa_flags = SA_NODEFER};
        sigaction(fatal[i], &action, NULL);
    }
}

static enum weir_worker_kind kind_of(const struct part *part)
{
    const struct pairing *pairing = &part->epoch->setup->pairing;
    return part->role == WEIR_PRODUCER ? pairing->producer : pairing->consumer;
}

const char *part_name(const struct part *part, char *buffer, size_t capacity)
{
    snprintf(buffer, capacity, "%s %u (%s)", part->role == WEIR_PRODUCER ? "producer" : "consumer", part->index,
             kind_of(part) == WEIR_THREAD ? "thread" : "process");
    return buffer;
}

static uint32_t slot_index(const struct part *part)
{
    return part->index + (part->role == WEIR_PRODUCER ? 0 : part->epoch->setup->workers.producers);
}

/* Of a process all its threads count: a driver may have threads of its own. */
static void read_usage(const struct player *player, struct rusage *ret_usage)
{
    getrusage(kind_of(player->part) == WEIR_THREAD ? RUSAGE_THREAD : RUSAGE_SELF, ret_usage);
}

static uint64_t microseconds(struct timeval begin, struct timeval end)
{
    return (uint64_t)((end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_usec - begin.tv_usec));
}

static int fail(struct player *player, int code, const char *what)
{
    weir_Report *report = &player->report;
    if (report->status == 0) {
        report->status = code;
        snprintf(report->text, sizeof report->text, "%s: %s", what, weir_strerror(code));
    }
    return code;
}

static inline void set_count(struct player *player, uint64_t count)
{
    atomic_store_explicit(&player->slot->count, count, memory_order_relaxed);
}

static void set_phase(struct player *player, enum phase phase)
{
    atomic_store_explicit(&player->slot->phase, phase, memory_order_release);
}

/* ---- coming and going ---------------------------------------------------------------------------------------- */

static int attach_answers(struct player *player)
{
    uint32_t clients = player->setup->workers.producers;
    player->answering = calloc(clients, sizeof(struct weir_endpoint *));
    if (player->answering == NULL)
        return WEIR_ENOMEM;
    int result = 0;
    for (uint32_t i = 0; i < clients && result == 0; i++)
        result = weir_attach(&player->answering[i], player->epoch->replies[i], WEIR_PRODUCER, player->part->index);
    return result;
}

static int attach(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    const struct part *part = player->part;
    int64_t begin = weir_now_ns();
    struct weir_endpoint **own = part->role == WEIR_PRODUCER ? &player->sending : &player->receiving;
    int result = weir_attach(own, epoch->channel, part->role, part->index);
    if (result == 0 && epoch->replies != NULL)
        result = part->role == WEIR_PRODUCER
                     ? weir_attach(&player->receiving, epoch->replies[part->index], WEIR_CONSUMER, 0)
                     : attach_answers(player);
    player->report.attach_ns = (uint64_t)(weir_now_ns() - begin);
    return result;
}

static void detach(struct player *player)
{
    weir_detach(player->sending);
    weir_detach(player->receiving);
    for (uint32_t i = 0; player->answering != NULL && i < player->setup->workers.producers; i++)
        weir_detach(player->answering[i]);
    free(player->answering);
}

static int prepare(struct player *player)
{
    const struct setup *setup = player->setup;
    uint32_t producers = setup->workers.producers;
    bool is_producer = player->part->role == WEIR_PRODUCER;
    uint32_t encoders = is_producer ? 1 : producers;
    player->encoder = calloc(encoders, sizeof *player->encoder);
    player->decoder = calloc(1, sizeof *player->decoder);
    player->tracker = tracker_create(producers);
    player->out = aligned_alloc(64, (setup->size + 63) / 64 * 64);
    player->in = aligned_alloc(64, (setup->size + 63) / 64 * 64);
    if (!player->encoder || !player->decoder || !player->tracker || !player->out || !player->in)
        return WEIR_ENOMEM;
    for (uint32_t i = 0; i < encoders; i++)
        sample_encoder_init(&player->encoder[i], setup->codec, player->epoch->run,
                            is_producer ? player->part->index : i, setup->size);
    sample_decoder_init(player->decoder, setup->codec, player->epoch->run, setup->size,
                        codec_numbers(setup->codec, setup->size, producers, setup->workers.consumers));
    memset(player->out, 0, setup->size);
    memset(player->in, 0, setup->size);
    return 0;
}

static void clean_up(struct player *player)
{
    free(player->encoder);
    free(player->decoder);
    tracker_destroy(player->tracker);
    free(player->out);
    free(player->in);
}

static void wait_for_go(struct player *player)
{
    set_phase(player, PHASE_READY);
    for (unsigned looks = 0; atomic_load_explicit(&player->epoch->stage->go, memory_order_acquire) == 0; looks++)
        stage_pause(looks);
}

/* Until `slots` from `first` together count `total`; gives up when nothing moves any more. */
static void wait_for_sum(struct player *player, uint32_t first, uint32_t slots, uint64_t total)
{
    const struct stage *stage = player->epoch->stage;
    uint64_t last = 0;
    int64_t moved_ns = weir_now_ns();
    for (unsigned looks = 0;; looks++) {
        uint64_t sum = stage_sum(stage, first, slots);
        if (sum >= total)
            return;
        if (sum != last) {
            last = sum;
            moved_ns = weir_now_ns();
        } else if (weir_now_ns() - moved_ns > WARM_PATIENCE_NS) {
            return;
        }
        stage_pause(looks);
    }
}

/* Where nothing is carried no end waits for the other, and who leaves early would end the channel for the rest. */
static void wait_for_all(struct player *player)
{
    struct workers workers = player->setup->workers;
    for (unsigned looks = 0; !stage_all(player->epoch->stage, 0, workers.producers + workers.consumers, PHASE_MEASURED);
         looks++)
        stage_pause(looks);
}

static void begin_measuring(struct player *player)
{
    set_phase(player, PHASE_MEASURING);
    read_usage(player, &player->begin);
    player->report.first_ns = weir_now_ns();
}

static void end_measuring(struct player *player)
{
    player->report.last_ns = weir_now_ns();
    read_usage(player, &player->end);
}

/* ---- stream -------------------------------------------------------------------------------------------------- */

static int send_samples(struct player *player, uint64_t from, uint64_t to)
{
    int64_t sent_ns = weir_now_ns(); /* once: a clock read a message would be a good part of some channels' cost */
    uint32_t batch = player->setup->batch;
    for (uint64_t sequence = from; sequence < to; sequence++) {
        unsigned flags = batch > 1 && (sequence + 1) % batch != 0 && sequence + 1 < to ? WEIR_MORE : 0;
        if (sample_encode(player->encoder, sequence, sent_ns, player->out) != 0)
            return fail(player, WEIR_EINVAL, "encoding");
        int result = weir_send(player->sending, player->out, player->setup->size, flags, WEIR_FOREVER);
        if (result != 0)
            return fail(player, result, "sending");
        player->sent = sequence + 1;
        set_count(player, player->sent);
    }
    return 0;
}

static void produce(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    struct workers workers = player->setup->workers;
    if (send_samples(player, 0, epoch->warm) != 0)
        return;
    wait_for_sum(player, workers.producers, workers.consumers, epoch->warm * workers.producers);
    begin_measuring(player);
    send_samples(player, epoch->warm, epoch->warm + epoch->count);
    end_measuring(player);
}

static void check(struct player *player, ssize_t length, struct sample_seen *ret_seen)
{
    enum sample_verdict verdict = sample_decode(player->decoder, player->in, (size_t)length, ret_seen);
    tracker_note(player->tracker, verdict, ret_seen);
}

static void consume(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    struct workers workers = player->setup->workers;
    const bool alone = workers.consumers == 1;
    const uint64_t warm = epoch->warm * workers.producers;
    const uint64_t all = (epoch->warm + epoch->count) * workers.producers;
    const uint64_t window = epoch->count / 64 + workers.consumers;
    const bool numbered = player->decoder->numbered;
    /* Alone, the count tells where warm-up and epoch end; else the sequences do, if the messages have them. */
    const uint64_t first_measured = alone ? UINT64_MAX : numbered ? epoch->warm : 0;
    const uint64_t first_of_last = alone ? UINT64_MAX : numbered ? epoch->warm + epoch->count - window : 0;
    bool measuring = false, done = false;
    struct sample_seen seen = {0};
    for (uint64_t received = 0;;) {
        ssize_t length = weir_recv(player->receiving, player->in, player->setup->size, WEIR_FOREVER);
        if (length < 0) {
            if (length != WEIR_EOF)
                fail(player, (int)length, "receiving");
            break;
        }
        check(player, length, &seen);
        received++;
        if ((alone && received == all) || seen.sequence >= first_of_last)
            player->report.last_ns = weir_now_ns();
        set_count(player, received);
        if (!measuring && ((alone && received >= warm) || seen.sequence >= first_measured)) {
            measuring = true;
            set_phase(player, PHASE_MEASURING);
            read_usage(player, &player->begin);
        }
        if (alone && received == all) {
            done = true;
            read_usage(player, &player->end);
        }
    }
    if (!done)
        read_usage(player, &player->end);
}

/* The consumer of a channel that carries nothing makes up what the producers would have sent. Its share is every
 * consumers-th sequence of each producer: writes message `number` of that share, or returns false past the last. */
static bool make_up(struct player *player, uint64_t number, uint64_t *ret_sequence)
{
    struct workers workers = player->setup->workers;
    *ret_sequence = player->part->index + number / workers.producers * workers.consumers;
    if (*ret_sequence >= player->epoch->warm + player->epoch->count)
        return false;
    sample_encode(&player->encoder[number % workers.producers], *ret_sequence, 0, player->in);
    return true;
}

static void consume_made_up(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    struct sample_seen seen;
    uint64_t sequence;
    bool measuring = false;
    for (uint64_t received = 0; make_up(player, received, &sequence); received++) {
        if (!measuring && sequence >= epoch->warm) {
            measuring = true;
            for (unsigned looks = 0; !stage_all(epoch->stage, 0, player->setup->workers.producers, PHASE_MEASURING);
                 looks++)
                stage_pause(looks);
            begin_measuring(player);
        }
        ssize_t length = weir_recv(player->receiving, player->in, player->setup->size, WEIR_FOREVER);
        if (length < 0) {
            fail(player, (int)length, "receiving");
            return;
        }
        check(player, length, &seen);
        set_count(player, received + 1);
    }
    end_measuring(player);
}

/* ---- pingpong ------------------------------------------------------------------------------------------------ */

static int make_trips(struct player *player, uint64_t from, uint64_t to)
{
    struct sample_seen seen;
    for (uint64_t sequence = from; sequence < to; sequence++) {
        if (sample_encode(player->encoder, sequence, 0, player->out) != 0)
            return fail(player, WEIR_EINVAL, "encoding");
        int result = weir_send(player->sending, player->out, player->setup->size, 0, WEIR_FOREVER);
        if (result != 0)
            return fail(player, result, "sending");
        player->sent = sequence + 1;
        if (player->epoch->is_synthetic)
            sample_encode(player->encoder, sequence, 0, player->in);
        ssize_t length = weir_recv(player->receiving, player->in, player->setup->size, WEIR_FOREVER);
        if (length < 0)
            return fail(player, (int)length, "waiting for the answer");
        check(player, length, &seen);
        set_count(player, player->sent);
    }
    return 0;
}

static void ask(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    uint32_t clients = player->setup->workers.producers;
    if (make_trips(player, 0, epoch->warm) != 0)
        return;
    wait_for_sum(player, 0, clients, epoch->warm * clients);
    begin_measuring(player);
    make_trips(player, epoch->warm, epoch->warm + epoch->count);
    end_measuring(player);
}

/* 0, or why there is no more to answer. */
static int answer_one(struct player *player, uint64_t number, struct sample_seen *seen)
{
    uint64_t sequence;
    if (player->epoch->is_synthetic && !make_up(player, number, &sequence))
        return WEIR_EOF;
    ssize_t length = weir_recv(player->receiving, player->in, player->setup->size, WEIR_FOREVER);
    if (length == WEIR_EOF)
        return WEIR_EOF;
    if (length < 0)
        return fail(player, (int)length, "receiving");
    check(player, length, seen);
    if (seen->producer >= player->setup->workers.producers)
        return fail(player, WEIR_ECORRUPT, "answering");
    if (sample_encode(&player->encoder[seen->producer], seen->sequence, 0, player->out) != 0)
        return fail(player, WEIR_EINVAL, "encoding");
    int result = weir_send(player->answering[seen->producer], player->out, player->setup->size, 0, WEIR_FOREVER);
    return result != 0 ? fail(player, result, "answering") : 0;
}

static void answer(struct player *player)
{
    bool measuring = false;
    for (uint64_t answered = 0;; answered++) {
        struct sample_seen seen = {0};
        if (answer_one(player, answered, &seen) != 0)
            break;
        player->sent = answered + 1;
        set_count(player, player->sent);
        if (!measuring && seen.sequence + 1 >= player->epoch->warm) {
            measuring = true;
            set_phase(player, PHASE_MEASURING);
            read_usage(player, &player->begin);
        }
    }
    read_usage(player, &player->end);
}

/* ---- a part -------------------------------------------------------------------------------------------------- */

static void fill_report(struct player *player)
{
    struct tracker_tally tally;
    weir_Report *report = &player->report;
    tracker_tally(player->tracker, &tally);
    report->role = player->part->role == WEIR_PRODUCER ? weir_Role_ROLE_PRODUCER : weir_Role_ROLE_CONSUMER;
    report->index = player->part->index;
    report->pid = getpid();
    report->sent = player->sent;
    report->received = tally.received;
    report->duplicated = tally.duplicated;
    report->reordered = tally.reordered;
    report->corrupted = tally.corrupted;
    report->unplaced = tally.unplaced;
    report->sequence_sum = tally.sequence_sum;
    report->user_ns = 1000 * microseconds(player->begin.ru_utime, player->end.ru_utime);
    report->system_ns = 1000 * microseconds(player->begin.ru_stime, player->end.ru_stime);
    report->voluntary_switches = (uint64_t)(player->end.ru_nvcsw - player->begin.ru_nvcsw);
    report->involuntary_switches = (uint64_t)(player->end.ru_nivcsw - player->begin.ru_nivcsw);
}

static void play(struct player *player)
{
    bool is_producer = player->part->role == WEIR_PRODUCER;
    if (player->epoch->replies != NULL) {
        is_producer ? ask(player) : answer(player);
    } else if (is_producer) {
        produce(player);
    } else {
        player->epoch->is_synthetic ? consume_made_up(player) : consume(player);
    }
}

int play_part(void *argument, int report_fd)
{
    struct player player = {.part = argument};
    player.epoch = player.part->epoch;
    player.setup = player.epoch->setup;
    player.slot = &player.epoch->stage->slots[slot_index(player.part)];
    own_slot = player.slot;
    atomic_store(&player.slot->pid, getpid());
    int result = prepare(&player);
    if (result == 0)
        result = attach(&player);
    if (result == 0) {
        wait_for_go(&player);
        play(&player);
    } else {
        fail(&player, result, "attaching");
    }
    if (player.tracker != NULL)
        fill_report(&player);
    set_phase(&player, PHASE_MEASURED);
    if (result == 0 && player.epoch->is_synthetic)
        wait_for_all(&player);
    detach(&player);
    clean_up(&player);
    return report_write(report_fd, &player.report) == 0 ? 0 : 1;
}
