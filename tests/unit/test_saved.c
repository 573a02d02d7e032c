/* SPDX-License-Identifier: MIT
 *
 * Reading saved results: what a good one gives, and that every kind of damage is refused with a sentence.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "measure/random.h"
#include "measure/saved.h"

static char path[] = "/tmp/weir-test-saved-XXXXXX";

static const char good[] =
    "{\"schema\":\"weir.run/1\",\"tool\":{\"version\":\"0.1.0\",\"build_type\":\"release\",\"compiler\":\"gcc 12\"},"
    "\"started\":\"2026-11-21T12:00:00Z\",\"wall_s\":1.5,\"seed\":7,\"interrupted\":false,"
    "\"env\":{\"cpu\":\"A CPU\",\"cpus\":2,\"kernel\":\"Linux 6.1\",\"hypervisor\":null},"
    "\"design\":{\"rounds\":3,\"noise_floor\":0.015,"
    "\"regimes\":[{\"name\":\"near\",\"line_ns\":190.5},{\"name\":\"far\",\"line_ns\":800}],"
    "\"rounds_list\":[{\"line_ns\":190,\"regime\":\"near\"},{\"line_ns\":800,\"regime\":\"far\"},{\"line_ns\":null,"
    "\"regime\":null}]},"
    "\"cells\":["
    "{\"id\":\"shm/process:process/64/1x1/stream/raw\",\"channel\":\"shm\",\"spec\":\"shm,wait=spin\","
    "\"pairing\":\"process:thread\",\"size\":64,\"producers\":2,\"consumers\":1,\"pattern\":\"stream\",\"codec\":"
    "\"nanopb\",\"wait\":\"spin\",\"depth\":512,\"batch\":3,\"access\":\"place\",\"pin\":\"auto\",\"status\":\"ok\","
    "\"reason\":null,"
    "\"cost_ns\":{\"median\":20.5,\"lo\":null,\"hi\":null,\"rounds\":[20.5,21,19],\"round_numbers\":[0,2,5]}},"
    "{\"id\":\"pipe/process:process/64/1x1/paced/raw\",\"channel\":\"pipe\",\"spec\":\"pipe\","
    "\"pairing\":\"process:process\",\"size\":64,\"producers\":1,\"consumers\":1,\"pattern\":\"paced\",\"codec\":"
    "\"raw\",\"wait\":\"block\",\"depth\":512,\"batch\":1,\"pin\":\"0:1\",\"status\":\"failed\",\"reason\":\"lost\","
    "\"rate\":{\"asked\":1000},\"cost_ns\":null}],"
    "\"comparisons\":[]}";

static void write_bytes(const char *text, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static int read_text(const char *text, struct saved *ret, struct weir_error *error)
{
    write_bytes(text, strlen(text));
    return saved_read(ret, path, error);
}

static void a_good_file(void **state)
{
    (void)state;
    struct saved saved;
    struct weir_error error = {0};
    assert_int_equal(read_text(good, &saved, &error), 0);
    assert_string_equal(saved.version, "0.1.0");
    assert_string_equal(saved.cpu, "A CPU");
    assert_string_equal(saved.hypervisor, "");
    assert_int_equal(saved.cpus, 2);
    assert_true(saved.noise_floor == 0.015);
    assert_int_equal(saved.cells.count, 2);
    assert_int_equal(saved.journal.regime_count, 2);
    assert_true(saved.journal.regimes[1].line_ns == 800);
    assert_int_equal(saved.journal.round_count, 3);
    assert_int_equal(saved.journal.rounds[1].regime, 1);
    assert_int_equal(saved.journal.rounds[2].regime, REGIME_BETWEEN);
    const struct cell *cell = &saved.cells.items[0];
    assert_string_equal(cell->setup.spec, "shm,wait=spin");
    assert_int_equal(cell->setup.pairing.producer, WEIR_PROCESS);
    assert_int_equal(cell->setup.pairing.consumer, WEIR_THREAD);
    assert_int_equal(cell->setup.codec, CODEC_NANOPB);
    assert_int_equal(cell->setup.wait, WEIR_WAIT_SPIN);
    assert_int_equal(cell->setup.workers.producers, 2);
    assert_int_equal(cell->round_count, 3);
    assert_int_equal(cell->rounds[2].round, 5);
    assert_true(cell->rounds[1].wall_ns == 21);
    assert_int_equal(saved.cells.items[1].status, CELL_FAILED);
    assert_true(saved.cells.items[1].setup.rate == 1000);
    assert_int_equal(cell->setup.access, ACCESS_PLACE);
    assert_int_equal(saved.cells.items[1].setup.access, ACCESS_COPY);
    saved_free(&saved);
}

/* Replaces the first `from` of the good file by `to`; the file must then be refused with a sentence that holds `says`.
 */
static void refuse(const char *from, const char *to, const char *says)
{
    char text[8192];
    struct saved saved;
    struct weir_error error = {0};
    const char *at = strstr(good, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    if (read_text(text, &saved, &error) == 0)
        fail_msg("not refused: %s", to);
    if (strstr(error.text, says) == NULL || strstr(error.text, path) == NULL || strchr(error.text, '\n') != NULL)
        fail_msg("'%s' for %s", error.text, to);
}

static void damage_is_refused(void **state)
{
    (void)state;
    refuse("weir.run/1", "weir.run/2", "newer");
    refuse("weir.run/1", "hyperfine", "not a result of weir");
    refuse("\"place\"", "\"swap\"", "access");
    refuse("\"schema\"", "\"scheme\"", "not a result of weir");
    refuse("\"cpus\":2", "\"cpus\":2.5", "env.cpus is not a whole number");
    refuse("\"cpus\":2", "\"cpus\":-2", "env.cpus is out of its range");
    refuse("\"cpu\":\"A CPU\",", "", "env.cpu is missing");
    refuse("\"cpu\":\"A CPU\"", "\"cpu\":\"A\\u001b[31m\"", "control");
    refuse("\"cpu\":\"A CPU\"", "\"cpu\":\"A\\u009b31m\"", "control");
    refuse("\"release\"", "7", "tool.build_type is not a text");
    refuse("\"noise_floor\":0.015", "\"noise_floor\":-1", "design.noise_floor is out of its range");
    refuse("\"noise_floor\":0.015", "\"noise_floor\":\"none\"", "design.noise_floor is not a number");
    refuse("\"regime\":\"far\"", "\"regime\":\"near by\"", "design.rounds_list.regime");
    refuse("\"regime\":\"far\"", "\"regime\":8", "design.rounds_list.regime");
    refuse("\"line_ns\":190.5", "\"line_ns\":0", "design.regimes.line_ns");
    refuse("[{\"name\":\"near\"", "[7,{\"name\":\"near\"", "design.regimes has too many");
    refuse("\"size\":64", "\"size\":0", "cells[0].size is out of its range");
    refuse("\"size\":64", "\"size\":99999999999999999999", "cannot read"); /* no JSON integer of ours */
    refuse("\"pattern\":\"paced\"", "\"pattern\":\"chatter\"", "cells[1].pattern");
    refuse("{\"asked\":1000}", "null", "cells[1].rate is missing");
    refuse("\"status\":\"ok\"", "\"status\":\"skipped\"", "cells[0].cost_ns");
    refuse("\"median\":20.5", "\"median\":30", "cells[0].cost_ns.median contradicts");
    refuse("[20.5,21,19]", "[20.5,-21,19]", "cells[0].cost_ns.rounds");
    refuse("[20.5,21,19]", "[20.5,\"21\",19]", "cells[0].cost_ns.rounds");
    refuse("[20.5,21,19]", "[20.5,21e99,19]", "cells[0].cost_ns.rounds");
    refuse("[20.5,21,19]", "[20.5,19]", "round_numbers");
    refuse("[20.5,21,19]", "[]", "round_numbers");
    refuse("[0,2,5]", "[0,2,2]", "round_numbers");
    refuse("[0,2,5]", "[0,2,-5]", "round_numbers");
    refuse("[0,2,5]", "[0,2,5000000000]", "round_numbers");
    refuse("pipe/process:process/64/1x1/paced/raw", "shm/process:process/64/1x1/stream/raw", "twice");
    refuse("\"cells\":[", "\"cells\":[3,", "cells[0] is not an object");
    refuse("\"cells\":[", "\"other\":[", "cells is missing");
    refuse("\"seed\":7", "\"seed\":7,\"seed\":8", "not JSON");
    refuse("\"tool\"", "tool", "not JSON");
}

static void truncation_is_refused(void **state)
{
    (void)state;
    struct saved saved;
    for (size_t length = 0; length < strlen(good); length++) {
        struct weir_error error = {0};
        write_bytes(good, length);
        assert_int_equal(saved_read(&saved, path, &error), -1);
        assert_non_null(strstr(error.text, path));
    }
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    struct saved saved;
    struct weir_error error;
    const char *const paths[] = {"/nonexistent.json", "/tmp", "/dev/zero", "/dev/null", ""};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(saved_read(&saved, paths[i], &error), -1);
}

/* Too large, too deep, too many. */
static void hostile_files_are_refused(void **state)
{
    (void)state;
    struct saved saved;
    struct weir_error error;
    write_bytes("", 0);
    assert_int_equal(truncate(path, (off_t)SAVED_MOST_BYTES + 1), 0);
    assert_int_equal(saved_read(&saved, path, &error), -1);
    assert_non_null(strstr(error.text, "32 MiB"));
    size_t length = (size_t)4 << 20;
    char *text = malloc(length + 1);
    assert_non_null(text);
    memset(text, '[', length);
    text[length] = '\0';
    assert_int_equal(read_text(text, &saved, &error), -1);
    static const char begin[] = "{\"schema\":\"weir.run/1\",\"cells\":[";
    snprintf(text, length, "%s", begin);
    for (size_t i = sizeof begin - 1; i + 1 < length; i++)
        text[i] = i % 2 ? '1' : ',';
    snprintf(text + length - 4, 5, ",1]}");
    assert_int_equal(read_text(text, &saved, &error), -1);
    free(text);
}

/* Bytes changed, swapped, doubled and cut out at random; a sanitizer tells more than the asserts. */
static void mutated_files_do_no_harm(void **state)
{
    (void)state;
    static const char letters[] = "\0\"{}[],:0123456789eE.-+\\unltrfas/\x80\xff";
    const char *times = getenv("WEIR_TEST_MUTATIONS");
    uint64_t random = 1, count = times != NULL ? strtoull(times, NULL, 10) : 1500;
    char text[sizeof good + 64];
    for (uint64_t i = 0; i < count; i++) {
        struct saved saved;
        struct weir_error error = {0};
        size_t length = strlen(good);
        snprintf(text, sizeof text, "%s", good);
        for (uint64_t changes = 1 + random_below(&random, 3); changes > 0; changes--) {
            size_t at = random_below(&random, length - 20), span = 1 + random_below(&random, 16);
            switch (random_below(&random, 3)) {
            case 0:
                text[at] = letters[random_below(&random, sizeof letters - 1)];
                break;
            case 1:
                memmove(text + at, text + at + span, length - at - span);
                length -= span;
                break;
            default:
                memmove(text + at, text + random_below(&random, length - 20), span);
            }
        }
        write_bytes(text, length);
        if (saved_read(&saved, path, &error) == 0)
            saved_free(&saved);
        else
            assert_true(strlen(error.text) > 10);
    }
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(truncation_is_refused),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(mutated_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
