/* SPDX-License-Identifier: MIT
 *
 * From a file to cells.
 */
#include "saved.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reading.h"
#include "stage.h"

#define SCHEMA      "weir.run/1"
#define FAMILY      "weir.run/"
#define MOST_CELLS  100000
#define MOST_ROUNDS 1000000
_Static_assert(SAVED_MOST_BYTES == 32u << 20, "the sentence in refuse_file says so");

#define MOST_NS 1e15 /* for one message: eleven days */

/* ---- the file ------------------------------------------------------------------------------------------------- */

static int complain(struct weir_error *error, const char *path, const char *what)
{
    weir_error_set(error, WEIR_EINVAL, "cannot read '%s': %s", path, what);
    return -1;
}

/* Why the open file is not read, or NULL: what blocks or never ends (a pipe, a device), and what is no result. */
static const char *refuse_file(int fd, size_t *ret_length)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return strerror(errno);
    if (!S_ISREG(status.st_mode))
        return "it is not a regular file";
    if ((size_t)status.st_size > SAVED_MOST_BYTES)
        return "it has more than 32 MiB, the most that is read of a result";
    *ret_length = (size_t)status.st_size;
    return status.st_size == 0 ? "it is empty" : NULL;
}

static int slurp(char **ret, size_t *ret_length, const char *path, struct weir_error *error)
{
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return complain(error, path, strerror(errno));
    const char *problem = refuse_file(fd, &size);
    char *text = problem == NULL ? malloc(size + 1) : NULL;
    ssize_t length = text != NULL ? read(fd, text, size) : -1;
    if (problem == NULL && length < 0)
        problem = strerror(errno);
    close(fd);
    if (problem != NULL) {
        free(text);
        return complain(error, path, problem);
    }
    *ret = text;
    *ret_length = (size_t)length;
    return 0;
}

static int load(json_t **ret, const char *path, struct weir_error *error)
{
    char *text;
    size_t length;
    json_error_t problem;
    if (slurp(&text, &length, path, error) != 0)
        return -1;
    bool is_text = memchr(text, '\0', length) == NULL; /* jansson takes a zero byte for the end */
    *ret = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    free(text);
    if (*ret != NULL)
        return 0;
    bool cut_off = is_text && json_error_code(&problem) == json_error_premature_end_of_input;
    weir_error_set(error, WEIR_EINVAL, "cannot read '%s': %s (line %d: %s)", path,
                   cut_off ? "it is cut off" : "it is not JSON", problem.line, problem.text);
    return -1;
}

static int check_schema(const json_t *root, const char *path, struct weir_error *error)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));
    if (schema == NULL || strncmp(schema, FAMILY, strlen(FAMILY)) != 0)
        weir_error_set(error, WEIR_EINVAL, "'%s' is not a result of weir: it has no schema " SCHEMA, path);
    else if (strcmp(schema, SCHEMA) != 0)
        weir_error_set(error, WEIR_EINVAL,
                       "'%s' has the schema '%.40s', of a newer weir as it seems; this one reads " SCHEMA, path,
                       schema);
    else
        return 0;
    return -1;
}

/* ---- a cell --------------------------------------------------------------------------------------------------- */

static const char *pattern_at(size_t i)
{
    return pattern_name((enum pattern)i);
}

static const char *pairing_at(size_t i)
{
    return pairing_name((struct pairing){(enum weir_worker_kind)(i / 2), (enum weir_worker_kind)(i % 2)});
}

static const char *codec_at(size_t i)
{
    return codec_name((enum codec)i);
}

static const char *wait_at(size_t i)
{
    return wait_name((enum weir_wait)i);
}

static const char *access_at(size_t i)
{
    return access_name((enum access)i);
}

static const char *status_at(size_t i)
{
    return status_name((enum cell_status)i);
}

static int read_names(const struct reading *reading, const json_t *object, struct cell *cell)
{
    size_t pairing = 0, pattern = 0, codec = 0, wait = 0, status = 0, access = ACCESS_COPY;
    if (read_name(reading, object, "pairing", pairing_at, 4, &pairing) != 0 ||
        read_name(reading, object, "pattern", pattern_at, 3, &pattern) != 0 ||
        read_name(reading, object, "codec", codec_at, 2, &codec) != 0 ||
        read_name(reading, object, "wait", wait_at, 4, &wait) != 0 ||
        read_name(reading, object, "status", status_at, 3, &status) != 0 ||
        (json_object_get(object, "access") != NULL && read_name(reading, object, "access", access_at, 2, &access) != 0))
        return -1;
    cell->setup.pairing = (struct pairing){(enum weir_worker_kind)(pairing / 2), (enum weir_worker_kind)(pairing % 2)};
    cell->setup.pattern = (enum pattern)pattern;
    cell->setup.codec = (enum codec)codec;
    cell->wait = cell->setup.wait = (enum weir_wait)wait;
    cell->setup.access = (enum access)access;
    cell->status = (enum cell_status)status;
    return 0;
}

static int read_setup(const struct reading *reading, const json_t *object, struct cell *cell)
{
    json_int_t size = 0, producers = 0, consumers = 0, depth = 0, batch = 0;
    const char *id = NULL, *channel = NULL;
    if (read_text(reading, object, "id", sizeof cell->id - 1, &id) != 0 ||
        read_text(reading, object, "channel", sizeof cell->channel - 1, &channel) != 0 ||
        read_text(reading, object, "spec", 200, &cell->setup.spec) != 0 ||
        read_text(reading, object, "pin", 200, &cell->setup.pin) != 0 ||
        read_whole(reading, object, "size", 1, (json_int_t)1 << 30, &size) != 0 ||
        read_whole(reading, object, "producers", 1, STAGE_MOST_WORKERS, &producers) != 0 ||
        read_whole(reading, object, "consumers", 1, STAGE_MOST_WORKERS, &consumers) != 0 ||
        read_whole(reading, object, "depth", 1, (json_int_t)1 << 32, &depth) != 0 ||
        read_whole(reading, object, "batch", 1, 1 << 16, &batch) != 0)
        return -1;
    strcpy(cell->id, id);
    strcpy(cell->channel, channel);
    cell->setup.size = (size_t)size;
    cell->setup.workers = (struct workers){(uint32_t)producers, (uint32_t)consumers};
    cell->depth = cell->setup.depth = (size_t)depth;
    cell->setup.batch = (uint32_t)batch;
    return 0;
}

/* The asked rate of a paced cell, which has none if it was written by a weir that had no such pattern. */
static int read_rate(struct reading *reading, const json_t *object, struct cell *cell)
{
    const json_t *rate = json_object_get(object, "rate");
    if (rate == NULL || json_is_null(rate))
        return cell->setup.pattern == PATTERN_PACED ? reading_wrong(reading, "rate", "is missing") : 0;
    if (!json_is_object(rate))
        return reading_wrong(reading, "rate", "is not an object");
    return read_number(reading, rate, "asked", 1e-9, 1e12, &cell->setup.rate);
}

static int read_rounds(const struct reading *reading, const json_t *cost, double epoch_ns, struct cell *cell)
{
    json_t *rounds = NULL, *numbers = NULL;
    if (read_array(reading, cost, "rounds", MOST_ROUNDS, &rounds) != 0)
        return -1;
    if (json_object_get(cost, "round_numbers") != NULL &&
        read_array(reading, cost, "round_numbers", MOST_ROUNDS, &numbers) != 0)
        return -1;
    size_t count = json_array_size(rounds);
    if (numbers != NULL && json_array_size(numbers) != count)
        return reading_wrong(reading, "round_numbers", "has not as many values as rounds");
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(rounds, i), *number = numbers ? json_array_get(numbers, i) : NULL;
        double wall_ns = json_number_value(value); /* 0 for what is none */
        json_int_t round = number == NULL ? (json_int_t)i : json_is_integer(number) ? json_integer_value(number) : -1;
        if (!(wall_ns > 0 && wall_ns < MOST_NS))
            return reading_wrong(reading, "rounds", "holds what is not a cost");
        if (round < 0 || round > MOST_ROUNDS || (i > 0 && round <= (json_int_t)cell->rounds[i - 1].round))
            return reading_wrong(reading, "round_numbers", "are not rounds in their order");
        const struct epoch_cost epoch = {.round = (uint32_t)round, .wall_ns = wall_ns, .epoch_ns = epoch_ns};
        if (cell_add_round(cell, &epoch) != 0)
            return reading_wrong(reading, "rounds", "do not fit into memory");
    }
    return 0;
}

/* How long the cell's epochs were: one figure for all of them; NaN: it is not said. */
static int read_epoch(const struct reading *reading, const json_t *object, double *ret)
{
    const json_t *epoch = json_object_get(object, "epoch");
    *ret = NAN;
    if (epoch == NULL || json_is_null(epoch))
        return 0;
    if (!json_is_object(epoch))
        return reading_wrong(reading, "epoch", "is not an object");
    return read_number_or_null(reading, epoch, "ns", 0, MOST_NS, ret);
}

/* A figure must be one that its rounds can give, whichever of them it stands for. */
static int check_median(const struct reading *reading, const struct cell *cell, double median)
{
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < cell->round_count; i++) {
        least = fmin(least, cell->rounds[i].wall_ns);
        most = fmax(most, cell->rounds[i].wall_ns);
    }
    if (cell->round_count == 0 || median < least * (1 - 1e-6) || median > most * (1 + 1e-6))
        return reading_wrong(reading, "median", "contradicts the rounds");
    return 0;
}

static int read_cell(const struct reading *outer, const json_t *object, size_t index, struct cell *cell)
{
    struct reading reading = *outer;
    double median = NAN, epoch_ns = NAN;
    cell->memory = (struct memory){NAN, NAN};
    snprintf(reading.place, sizeof reading.place, "cells[%zu]", index);
    if (!json_is_object(object))
        return reading_wrong(&reading, "", "is not an object");
    if (read_setup(&reading, object, cell) != 0 || read_names(&reading, object, cell) != 0 ||
        read_rate(&reading, object, cell) != 0 || read_epoch(&reading, object, &epoch_ns) != 0)
        return -1;
    const json_t *cost = json_object_get(object, "cost_ns");
    if (json_is_null(cost))
        return 0;
    if (!json_is_object(cost))
        return reading_wrong(&reading, "cost_ns", cost == NULL ? "is missing" : "is not an object");
    if (cell->status != CELL_OK)
        return reading_wrong(&reading, "cost_ns", "belongs to a cell that is not ok");
    snprintf(reading.place, sizeof reading.place, "cells[%zu].cost_ns", index);
    if (read_number(&reading, cost, "median", 0, MOST_NS, &median) != 0 ||
        read_rounds(&reading, cost, epoch_ns, cell) != 0)
        return -1;
    return check_median(&reading, cell, median);
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

static int read_cells(const struct reading *reading, const json_t *root, struct saved *saved)
{
    json_t *array = NULL;
    if (read_array(reading, root, "cells", MOST_CELLS, &array) != 0)
        return -1;
    size_t count = json_array_size(array);
    if (count == 0)
        return reading_wrong(reading, "cells", "are none");
    saved->cells.items = calloc(count, sizeof *saved->cells.items);
    if (saved->cells.items == NULL)
        return reading_wrong(reading, "cells", "do not fit into memory");
    saved->cells.count = count;
    for (size_t i = 0; i < count; i++)
        if (read_cell(reading, json_array_get(array, i), i, &saved->cells.items[i]) != 0)
            return -1;
    const char *id = cells_find_twice(&saved->cells);
    if (id == NULL)
        return 0;
    weir_error_set(reading->error, WEIR_EINVAL, "'%s' is damaged: it has the cell %s twice", reading->path, id);
    return -1;
}

static int read_origin(struct reading *reading, const json_t *root, struct saved *saved)
{
    json_t *tool = NULL, *environment = NULL;
    json_int_t cpus = 0;
    if (read_text(reading, root, "started", 40, &saved->started) != 0 ||
        read_object(reading, root, "tool", &tool) != 0 || read_object(reading, root, "env", &environment) != 0)
        return -1;
    strcpy(reading->place, "tool");
    if (read_text(reading, tool, "version", 40, &saved->version) != 0 ||
        read_text(reading, tool, "build_type", 40, &saved->build_type) != 0 ||
        read_text(reading, tool, "compiler", 200, &saved->compiler) != 0)
        return -1;
    strcpy(reading->place, "env");
    if (read_text(reading, environment, "cpu", 200, &saved->cpu) != 0 ||
        read_text(reading, environment, "kernel", 200, &saved->kernel) != 0 ||
        read_whole(reading, environment, "cpus", 1, 1 << 20, &cpus) != 0)
        return -1;
    saved->cpus = (int)cpus;
    saved->hypervisor = "";
    if (!json_is_null(json_object_get(environment, "hypervisor")) &&
        read_text(reading, environment, "hypervisor", 40, &saved->hypervisor) != 0)
        return -1;
    reading->place[0] = '\0';
    return 0;
}

static int read_regimes(struct reading *reading, const json_t *design, struct journal *journal)
{
    json_t *array = NULL;
    if (json_object_get(design, "regimes") == NULL)
        return 0;
    if (read_array(reading, design, "regimes", sizeof journal->regimes / sizeof journal->regimes[0], &array) != 0)
        return -1;
    strcpy(reading->place, "design.regimes");
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct regime *regime = &journal->regimes[i];
        if (read_text(reading, json_array_get(array, i), "name", 40, &regime->name) != 0 ||
            read_number(reading, json_array_get(array, i), "line_ns", 0.1, 1e9, &regime->line_ns) != 0)
            return -1;
    }
    journal->regime_count = json_array_size(array);
    strcpy(reading->place, "design");
    return 0;
}

/* Which regime each round of the run stood in. */
static int read_round_list(struct reading *reading, const json_t *design, struct journal *journal)
{
    json_t *array = NULL;
    if (json_object_get(design, "rounds_list") == NULL)
        return 0;
    if (read_array(reading, design, "rounds_list", MOST_ROUNDS, &array) != 0)
        return -1;
    size_t count = json_array_size(array);
    journal->rounds = calloc(count + 1, sizeof *journal->rounds);
    if (journal->rounds == NULL)
        return reading_wrong(reading, "rounds_list", "does not fit into memory");
    journal->round_count = count;
    strcpy(reading->place, "design.rounds_list");
    for (size_t i = 0; i < count; i++) {
        const json_t *round = json_array_get(array, i);
        const char *name = NULL;
        journal->rounds[i] = (struct round){NAN, NAN, REGIME_BETWEEN};
        if (json_is_null(json_object_get(round, "regime")))
            continue;
        if (read_text(reading, round, "regime", 40, &name) != 0)
            return -1;
        for (size_t regime = 0; regime < journal->regime_count; regime++)
            if (strcmp(name, journal->regimes[regime].name) == 0)
                journal->rounds[i].regime = (int)regime;
        if (journal->rounds[i].regime == REGIME_BETWEEN)
            return reading_wrong(reading, "regime", "is none of the regimes");
    }
    strcpy(reading->place, "design");
    return 0;
}

static int read_design(struct reading *reading, const json_t *root, struct saved *saved)
{
    json_t *design = NULL;
    if (read_object(reading, root, "design", &design) != 0)
        return -1;
    strcpy(reading->place, "design");
    if (read_number_or_null(reading, design, "noise_floor", 0, 1e6, &saved->noise_floor) != 0 ||
        read_regimes(reading, design, &saved->journal) != 0 || read_round_list(reading, design, &saved->journal) != 0)
        return -1;
    reading->place[0] = '\0';
    return 0;
}

int saved_read(struct saved *ret, const char *path, struct weir_error *error)
{
    struct saved saved = {.path = path};
    struct reading reading = {.path = path, .error = error};
    json_t *root;
    if (load(&root, path, error) != 0)
        return -1;
    saved.document = root;
    if (check_schema(root, path, error) != 0 || read_origin(&reading, root, &saved) != 0 ||
        read_design(&reading, root, &saved) != 0 || read_cells(&reading, root, &saved) != 0) {
        saved_free(&saved);
        return -1;
    }
    saved.interrupted = json_is_true(json_object_get(root, "interrupted"));
    *ret = saved;
    return 0;
}

void saved_free(struct saved *saved)
{
    cells_free(&saved->cells);
    journal_free(&saved->journal);
    json_decref(saved->document);
    *saved = (struct saved){0};
}
