/* SPDX-License-Identifier: MIT
 *
 * A worker's way through an epoch: prepare, attach, wait for the start, play, report. The parts themselves are in
 * stream.c, pingpong.c and paced.c.
 */
#include "player.h"

#include <alloca.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chunk.h"
#include "machine/clock.h"
#include "random.h"

/* A warm-up message that does not come within this time is lost; the epoch goes on, and the count will tell. */
#define WARM_PATIENCE_NS INT64_C(500000000)

#define LAYOUT_BYTES 4096 /* addresses that agree in their low 12 bits collide */
#define LAYOUT_STEP  64

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

static enum weir_worker_kind part_kind(const struct part *part)
{
    const struct pairing *pairing = &part->epoch->setup->pairing;
    return part->role == WEIR_PRODUCER ? pairing->producer : pairing->consumer;
}

const char *part_name(const struct part *part, char *buffer, size_t capacity)
{
    snprintf(buffer, capacity, "%s %u (%s)", part->role == WEIR_PRODUCER ? "producer" : "consumer", part->index,
             part_kind(part) == WEIR_THREAD ? "thread" : "process");
    return buffer;
}

static uint32_t slot_index(const struct part *part)
{
    return part->index + (part->role == WEIR_PRODUCER ? 0 : part->epoch->setup->workers.producers);
}

static uint64_t layout_seed(const struct part *part)
{
    return (uint64_t)part->epoch->run << 32 | slot_index(part);
}

int player_fail(struct player *player, int code, const char *what)
{
    weir_Report *report = &player->report;
    if (report->status == 0) {
        report->status = code;
        snprintf(report->text, sizeof report->text, "%s: %s", what, weir_strerror(code));
    }
    return code;
}

void player_fail_endless(struct player *player)
{
    player_fail(player, WEIR_ECORRUPT, "more than twice as many messages came as were sent");
}

void player_set_phase(struct player *player, enum phase phase)
{
    atomic_store_explicit(&player->slot->phase, phase, memory_order_release);
}

static uint64_t microseconds(struct timeval begin, struct timeval end)
{
    return (uint64_t)((end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_usec - begin.tv_usec));
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

/* By chance the addresses of a worker's memory collide in caches and predictors, or do not, and that can cost more than
 * the message: so they are drawn anew for each worker of each epoch (Mytkowicz et al., "Producing wrong data without
 * doing anything obviously wrong!", ASPLOS 2009). The memory is zero, and on a cache line of its own. */
static void *allocate(struct player *player, size_t block, size_t bytes)
{
    size_t shift = random_below(&player->random, LAYOUT_BYTES / LAYOUT_STEP) * LAYOUT_STEP;
    player->blocks[block] = calloc(1, bytes + LAYOUT_BYTES + LAYOUT_STEP);
    if (player->blocks[block] == NULL)
        return NULL;
    uintptr_t start = (uintptr_t)player->blocks[block] + shift;
    return (unsigned char *)player->blocks[block] + shift + (LAYOUT_STEP - start % LAYOUT_STEP) % LAYOUT_STEP;
}

/* Of the thread workers of a process the first counts the driver's threads. */
static void open_meter(struct player *player)
{
    const struct pairing *pairing = &player->setup->pairing;
    bool is_thread = part_kind(player->part) == WEIR_THREAD;
    bool is_first =
        player->part->index == 0 && (player->part->role == WEIR_PRODUCER || pairing->producer != WEIR_THREAD);
    usage_meter_open(&player->meter, is_thread, is_first ? player->epoch->stage : NULL);
}

static int prepare_histograms(struct player *player)
{
    enum pattern pattern = player->setup->pattern;
    bool is_producer = player->part->role == WEIR_PRODUCER;
    bool is_paced = pattern == PATTERN_PACED && !is_producer;
    if ((is_paced || (pattern == PATTERN_PINGPONG && is_producer)) && (player->latency = histogram_create()) == NULL)
        return -1;
    if (is_paced && (player->uncorrected = histogram_create()) == NULL)
        return -1;
    return 0;
}

static int prepare(struct player *player)
{
    const struct setup *setup = player->setup;
    uint32_t producers = setup->workers.producers;
    bool is_producer = player->part->role == WEIR_PRODUCER;
    uint32_t encoders = is_producer ? 1 : producers;
    player->encoder = allocate(player, 0, encoders * sizeof *player->encoder);
    player->decoder = allocate(player, 1, sizeof *player->decoder);
    player->out = allocate(player, 2, setup->size);
    player->in = allocate(player, 3, setup->size);
    player->message = player->in;
    player->in_place = setup->access == ACCESS_PLACE;
    player->tracker = tracker_create(producers);
    if (!player->encoder || !player->decoder || !player->tracker || !player->out || !player->in)
        return WEIR_ENOMEM;
    if (prepare_histograms(player) != 0)
        return WEIR_ENOMEM;
    for (uint32_t i = 0; i < encoders; i++) {
        sample_encoder_init(&player->encoder[i], setup->codec, player->epoch->run,
                            is_producer ? player->part->index : i, setup->size);
        player->encoder[i].is_far = player->in_place;
    }
    sample_decoder_init(player->decoder, setup->codec, player->epoch->run, setup->size,
                        codec_numbers(setup->codec, setup->size, producers, setup->workers.consumers));
    player->decoder->is_far = player->in_place;
    open_meter(player);
    return 0;
}

static void clean_up(struct player *player)
{
    for (size_t i = 0; i < sizeof player->blocks / sizeof player->blocks[0]; i++)
        free(player->blocks[i]);
    tracker_destroy(player->tracker);
    free(player->latency);
    free(player->uncorrected);
    usage_meter_close(&player->meter);
}

static void wait_for_go(struct player *player)
{
    player_set_phase(player, PHASE_READY);
    for (unsigned looks = 0; atomic_load_explicit(&player->epoch->stage->go, memory_order_acquire) == 0; looks++)
        stage_pause(looks);
}

/* Where nothing is carried no end waits for the other, and who leaves early would end the channel for the rest. */
static void wait_for_all(struct player *player)
{
    struct workers workers = player->setup->workers;
    for (unsigned looks = 0; !stage_all(player->epoch->stage, 0, workers.producers + workers.consumers, PHASE_MEASURED);
         looks++)
        stage_pause(looks);
}

/* ---- steps that all parts share ------------------------------------------------------------------------------- */

void player_wait_for_sum(struct player *player, uint32_t first, uint32_t slots, uint64_t total)
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

void player_begin_measuring(struct player *player)
{
    player_set_phase(player, PHASE_MEASURING);
    usage_read(&player->meter, &player->begin);
    player->report.first_ns = clock_now_ns();
}

void player_end_measuring(struct player *player)
{
    player->report.last_ns = clock_now_ns();
    usage_read(&player->meter, &player->end);
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
    const struct rusage *begin = &player->begin.rusage, *end = &player->end.rusage;
    uint64_t user_us = microseconds(begin->ru_utime, end->ru_utime);
    uint64_t system_us = microseconds(begin->ru_stime, end->ru_stime);
    uint64_t cpu_ns = (uint64_t)(player->end.cpu_ns - player->begin.cpu_ns);
    report->system_ns = user_us + system_us > 0 ? cpu_ns * system_us / (user_us + system_us) : 0;
    report->user_ns = cpu_ns - report->system_ns;
    report->user_ns -= report->user_ns < (uint64_t)player->spun_ns ? report->user_ns : (uint64_t)player->spun_ns;
    report->has_clock_reads = true;
    report->clock_reads = player->end.clock_reads - player->begin.clock_reads;
    /* Threads of a driver that have ended meanwhile took their account with them. */
    report->has_driver_ns = player->begin.driver_ns >= 0 && player->end.driver_ns >= player->begin.driver_ns;
    report->driver_ns = (uint64_t)(player->end.driver_ns - player->begin.driver_ns);
    report->has_delayed_ns = player->begin.delayed_ns >= 0 && player->end.delayed_ns >= 0;
    report->delayed_ns = (uint64_t)(player->end.delayed_ns - player->begin.delayed_ns);
    report->voluntary_switches = (uint64_t)(end->ru_nvcsw - begin->ru_nvcsw);
    report->involuntary_switches = (uint64_t)(end->ru_nivcsw - begin->ru_nivcsw);
}

static int send_home(const struct player *player, int report_fd)
{
    if (player->latency != NULL && chunk_write_all(report_fd, player->latency, true) != 0)
        return -1;
    if (player->uncorrected != NULL && chunk_write_all(report_fd, player->uncorrected, false) != 0)
        return -1;
    return report_write(report_fd, &player->report);
}

/* Threads share the memory of their process. */
static void report_memory(struct player *player)
{
    const struct setup *setup = player->setup;
    int64_t bytes = usage_memory_bytes();
    uint32_t sharers = 1;
    if (part_kind(player->part) == WEIR_THREAD)
        sharers = (setup->pairing.producer == WEIR_THREAD ? setup->workers.producers : 0) +
                  (setup->pairing.consumer == WEIR_THREAD ? setup->workers.consumers : 0);
    player->report.has_memory_bytes = bytes >= 0;
    player->report.memory_bytes = bytes >= 0 && sharers > 0 ? (uint64_t)bytes / sharers : 0;
}

static void play(struct player *player)
{
    bool is_producer = player->part->role == WEIR_PRODUCER;
    if (player->epoch->replies != NULL) {
        is_producer ? pingpong_ask(player) : pingpong_answer(player);
    } else if (player->setup->pattern == PATTERN_PACED) {
        is_producer ? paced_produce(player) : paced_consume(player);
    } else if (is_producer) {
        stream_produce(player);
    } else {
        player->epoch->is_synthetic ? stream_consume_made_up(player) : stream_consume(player);
    }
}

__attribute__((noinline)) static int play_here(void *argument, int report_fd)
{
    struct player player = {.part = argument, .meter.delay_fd = -1}; /* none is open until it is prepared */
    player.epoch = player.part->epoch;
    player.setup = player.epoch->setup;
    player.slot = &player.epoch->stage->slots[slot_index(player.part)];
    own_slot = player.slot;
    atomic_store(&player.slot->pid, getpid());
    atomic_store(&player.slot->tid, gettid());
    player.random = layout_seed(player.part);
    int result = prepare(&player);
    if (result == 0)
        result = attach(&player);
    if (result == 0) {
        wait_for_go(&player);
        play(&player);
    } else {
        player_fail(&player, result,
                    result == WEIR_ESYSTEM ? "attaching (no descriptors or processes left? ulimit -n, -u)"
                                           : "attaching");
    }
    if (player.tracker != NULL)
        fill_report(&player);
    if (player.epoch->exploring)
        report_memory(&player);
    player_set_phase(&player, PHASE_MEASURED);
    if (result == 0 && player.epoch->is_synthetic)
        wait_for_all(&player);
    detach(&player);
    result = send_home(&player, report_fd);
    clean_up(&player);
    return result == 0 ? 0 : 1;
}

/* The stack is moved as the rest of the worker's memory is. */
int play_part(void *argument, int report_fd)
{
    uint64_t random = layout_seed(argument) + 1;
    volatile char *shift = alloca(random_below(&random, LAYOUT_BYTES / LAYOUT_STEP) * LAYOUT_STEP + 1);
    shift[0] = 0;
    return play_here(argument, report_fd);
}
