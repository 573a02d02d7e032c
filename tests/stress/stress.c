/* SPDX-License-Identifier: MIT
 *
 *   stress SPEC threads|processes SECONDS [SEED]
 *
 * Rounds of random shape over one channel each until the time is over: all that a program may do, mixed. In some rounds
 * of processes workers are killed, and others take their places. Whatever is lost, repeated, damaged or out of order,
 * or does not end, is a failure, told with the seed of its round.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "stress.h"

struct place {
    struct party party;
    struct weir_worker *worker;
};

struct stage {
    struct round round;
    enum weir_worker_kind kind;
    struct place places[2 * MOST_SIDE];
    uint32_t count;
    uint64_t random;
};

_Noreturn static void give_up(const struct stage *stage, const char *spec, const char *what)
{
    fprintf(stderr, "stress %s: seed %llu (%ux%u, %zu bytes, depth %zu): %s\n", spec,
            (unsigned long long)stage->round.seed, stage->round.info.producers, stage->round.info.consumers,
            stage->round.info.max_message_bytes, stage->round.info.depth, what);
    _Exit(1);
}

static void open_channel(struct stage *stage, const char *spec)
{
    uint64_t *random = &stage->random;
    struct weir_error error;
    struct weir_channel_config config = {
        .producers = below(random, 2) ? 1 : 1 + below(random, MOST_SIDE),
        .consumers = below(random, 2) ? 1 : 1 + below(random, MOST_SIDE),
        .max_message_bytes =
            below(random, 2) ? LEAST_BYTES + below(random, 200) : LEAST_BYTES + below(random, MOST_BYTES - LEAST_BYTES),
        .depth = below(random, 2) ? 1 + below(random, 4) : 1 + below(random, 100),
        .span = stage->kind == WEIR_THREAD ? WEIR_SPAN_THREADS : WEIR_SPAN_PROCESSES,
        .wait = (enum weir_wait)below(random, 4),
    };
    int result = weir_channel_create(&stage->round.channel, spec, &config, &error);
    if (result == WEIR_ENOTSUP || result == WEIR_EMSGSIZE) { /* what every driver can */
        config.producers = config.consumers = 1;
        config.max_message_bytes = 64;
        result = weir_channel_create(&stage->round.channel, spec, &config, &error);
    }
    if (result != 0) {
        fprintf(stderr, "stress %s: %s\n", spec, error.text);
        _Exit(result == WEIR_EUNAVAILABLE || result == WEIR_EUNKNOWN ? 77 : 1);
    }
    weir_channel_info(stage->round.channel, &stage->round.info);
}

static void start(struct stage *stage, struct place *place, const char *spec)
{
    struct weir_error error;
    struct weir_worker_config config = {
        .kind = stage->kind, .cpu = -1, .name = "stress", .body = take_part, .argument = &place->party};
    if (weir_worker_start(&place->worker, &config, &error) != 0)
        give_up(stage, spec, error.text);
}

static void start_all(struct stage *stage, const char *spec)
{
    const struct weir_channel_info *info = &stage->round.info;
    stage->count = info->producers + info->consumers;
    for (uint32_t i = 0; i < stage->count; i++) {
        bool produces = i < info->producers;
        stage->places[i].party = (struct party){.round = &stage->round,
                                                .role = produces ? WEIR_PRODUCER : WEIR_CONSUMER,
                                                .index = produces ? i : i - info->producers};
        start(stage, &stage->places[i], spec);
    }
}

/* Kills one that still works, and sends another to its place. */
static void kill_one(struct stage *stage, const char *spec)
{
    struct place *place = &stage->places[below(&stage->random, stage->count)];
    struct board *board = stage->round.board;
    struct timespec pause = {.tv_nsec = (long)below(&stage->random, 3000000)};
    struct weir_worker_end end;
    nanosleep(&pause, NULL);
    atomic_fetch_add(&board->kills[place->party.role], 1);
    if (weir_worker_join(place->worker, WEIR_NOW, &end) == 0)
        return;
    weir_worker_kill(place->worker);
    if (weir_worker_join(place->worker, weir_now_ns() + PATIENCE_NS, &end) != 0)
        give_up(stage, spec, "a worker that was killed does not end");
    if (end.how != WEIR_WORKER_SIGNALED || atomic_load(&board->done[place->party.role][place->party.index]))
        return; /* it had just done its part */
    weir_worker_destroy(place->worker);
    place->party.life++;
    start(stage, place, spec);
}

static void end_all(struct stage *stage, const char *spec)
{
    struct board *board = stage->round.board;
    for (uint32_t i = 0; i < stage->count; i++) {
        struct weir_worker_end end;
        char text[100];
        if (weir_worker_join(stage->places[i].worker, weir_now_ns() + PATIENCE_NS, &end) != 0)
            give_up(stage, spec, atomic_load(&board->failed) ? board->reason : "it hangs");
        if (atomic_load(&board->failed))
            give_up(stage, spec, board->reason);
        if (end.how == WEIR_WORKER_SIGNALED && atomic_load(&board->kills[stage->places[i].party.role]) == 0)
            give_up(stage, spec, weir_worker_end_text(&end, text, sizeof text));
        weir_worker_destroy(stage->places[i].worker);
    }
}

/* A consumer that was killed may have taken messages along; of a producer's only the one that it had begun is open. */
static void settle(const struct stage *stage, const char *spec)
{
    const struct board *board = stage->round.board;
    unsigned long begun = atomic_load(&board->begun), sent = atomic_load(&board->sent),
                  received = atomic_load(&board->received);
    if (atomic_load(&board->in_pieces))
        return;
    bool may_lose = atomic_load(&board->kills[WEIR_CONSUMER]) > 0 || atomic_load(&board->kills[WEIR_PRODUCER]) > 0;
    char text[100];
    if (received <= begun && (received >= sent || may_lose))
        return;
    snprintf(text, sizeof text, "%lu begun, %lu sent, %lu received", begun, sent, received);
    give_up(stage, spec, text);
}

/* What has come into the memory of a consumer of an asynchronous driver goes with it, so that there nobody leaves. */
static unsigned long play_round(struct stage *stage, const char *spec, uint64_t seed)
{
    struct board *board = stage->round.board;
    memset(board, 0, sizeof *board);
    stage->random = seed;
    stage->round.seed = seed;
    stage->round.messages = 200 + below(&stage->random, 2000);
    open_channel(stage, spec);
    bool async = (stage->round.info.capabilities & WEIR_CAP_ASYNC) != 0;
    stage->round.may_return = !async && below(&stage->random, 2) == 0;
    stage->round.kills = stage->kind == WEIR_PROCESS && !async && below(&stage->random, 3) == 0;
    start_all(stage, spec);
    for (uint32_t i = below(&stage->random, 4); stage->round.kills && i > 0; i--)
        kill_one(stage, spec);
    end_all(stage, spec);
    settle(stage, spec);
    weir_channel_destroy(stage->round.channel);
    return atomic_load(&board->received);
}

int main(int argc, char **argv)
{
    static struct stage stage;
    if (argc < 4 || argc > 5 || (strcmp(argv[2], "threads") != 0 && strcmp(argv[2], "processes") != 0)) {
        fprintf(stderr, "usage: stress SPEC threads|processes SECONDS [SEED]\n");
        return 2;
    }
    stage.kind = strcmp(argv[2], "threads") == 0 ? WEIR_THREAD : WEIR_PROCESS;
    stage.round.board =
        mmap(NULL, sizeof *stage.round.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (stage.round.board == MAP_FAILED)
        return 1;
    int64_t end_ns = weir_now_ns() + (int64_t)(strtod(argv[3], NULL) * 1e9);
    uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : (uint64_t)weir_now_ns();
    unsigned long rounds = 0, messages = 0;
    do {
        messages += play_round(&stage, argv[1], seed++);
        rounds++;
    } while (weir_now_ns() < end_ns);
    printf("%s between %s: %lu rounds, %lu messages\n", argv[1], argv[2], rounds, messages);
    return 0;
}
