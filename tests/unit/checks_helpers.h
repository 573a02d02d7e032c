/* SPDX-License-Identifier: MIT
 *
 * What the tests of the checks share: a machine that is made of a folder, and judged.
 */
#ifndef WEIR_TESTS_CHECKS_HELPERS_H
#define WEIR_TESTS_CHECKS_HELPERS_H

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <weir/weir.h>

#include "machine/checks.h"

static char root[64];
static struct environment machine;
static struct checks checks;

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/weir-test-XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static void put(const char *path, const char *text)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(whole, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(whole, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The facts in the folder, on a machine of two CPUs of its own that measures one cell of 1x1. */
static void look(void)
{
    environment_read(&machine, root);
    machine.cpus = 2;
    machine.hypervisor[0] = '\0';
    environment_seat_on(&machine, "auto", (int[]){0, 1}, 2);
}

static const struct check *judge(const char *id)
{
    checks_make(&checks, &machine);
    for (size_t i = 0; i < CHECK_COUNT; i++)
        if (strcmp(checks.items[i].id, id) == 0)
            return &checks.items[i];
    fail_msg("no check is called %s", id);
    return NULL;
}

static void expect(const char *id, enum check_state state, const char *words, const char *fix)
{
    const struct check *check = judge(id);
    if (check->state != state || strstr(check->text, words) == NULL || strstr(check->fix, fix) == NULL)
        fail_msg("%s is %s: %s (%s)", id, check_state_name(check->state), check->text, check->fix);
    if (strlen(check->text) > CHECK_TEXT)
        fail_msg("%s is too long for a line: %s", id, check->text);
    if (strlen(check->fix) > 76) /* of 80, behind four spaces */
        fail_msg("the remedy of %s is too long for a line: %s", id, check->fix);
    if ((check->state == CHECK_WARNING) != (check->fix[0] != '\0'))
        fail_msg("%s: a warning has a remedy, and nothing else has one", id);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, make_root, remove_root)

#endif
