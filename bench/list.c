/* SPDX-License-Identifier: MIT
 *
 * `weir list`: the drivers, their options and capabilities, and why one is not available.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "commands.h"
#include "cli/specs.h"
#include "cli/words.h"
#include "render/render.h"

static int take(void *values, int key, const char *text, struct weir_error *error)
{
    const char **name = values;
    if (key != ARGP_KEY_ARG)
        return NOT_MINE;
    if (*name != NULL)
        return weir_error_set(error, WEIR_EINVAL, "list takes one CHANNEL, not also '%s'", text), -1;
    *name = text;
    return TAKEN;
}

static const struct option_group own_group = {NULL, take, NULL};

const struct syntax list_syntax = {
    "[CHANNEL]",
    "List the channel drivers, or one with its options and capabilities, and why one is not available.",
    {&own_group},
};

static void list_all(void)
{
    for (size_t i = 0; weir_driver_at(i) != NULL; i++) {
        struct weir_error error;
        const char *name = weir_driver_at(i);
        const struct weir_driver *driver = driver_check(name, &error) == 0 ? weir_driver_find(name, &error) : NULL;
        bool available = driver != NULL && weir_driver_probe(name, &error) == 0;
        printf("%-10s %s%s\n", name, available ? driver->summary : "not available: ", available ? "" : error.text);
    }
}

static void print_capabilities(const struct weir_driver *driver)
{
    static const struct {
        uint32_t bit;
        const char *yes, *no;
    } table[] = {
        {WEIR_CAP_RESERVE, "writes in place", "lends a buffer to write in place"},
        {WEIR_CAP_PEEK, "reads in place", "lends a buffer to read in place"},
        {WEIR_CAP_MORE, "lets messages travel together (--batch)", "sends each message by itself"},
        {WEIR_CAP_FD, "waits on a descriptor in the kernel", "waits on doorbells (futex)"},
        {WEIR_CAP_ASYNC, "messages travel by themselves: a send returns before they arrive", NULL},
        {WEIR_CAP_KERNEL, "messages pass through the kernel", "messages stay in user space"},
        {WEIR_CAP_SYNTHETIC, "carries nothing: receives are made up", NULL},
    };
    printf("capabilities:\n");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *text = driver->capabilities & table[i].bit ? table[i].yes : table[i].no;
        if (text != NULL)
            printf("  %s\n", text);
    }
}

static void print_options(const struct weir_driver *driver)
{
    printf("options:\n");
    for (const struct weir_option *option = driver->options; option != NULL && option->name != NULL; option++) {
        printf("  %s=", option->name);
        if (option->type == WEIR_OPTION_CHOICE)
            printf("%s", option->choices);
        else if (option->type == WEIR_OPTION_NUMBER)
            printf("%llu..%llu", (unsigned long long)option->min, (unsigned long long)option->max);
        else
            printf("TEXT");
        printf(" (default %s)\n", option->fallback);
        say(stdout, "      %s\n", option->help);
    }
    static const char *const waits[] = {"", "block", "spin", "adaptive"};
    printf("  wait=block|spin|adaptive (default %s)\n      how to wait when there is nothing to do\n",
           waits[driver->wait]);
}

static void list_one(const char *name)
{
    struct weir_error error;
    const struct weir_driver *driver = driver_check(name, &error) == 0 ? weir_driver_find(name, &error) : NULL;
    if (driver == NULL && error.code == WEIR_EUNKNOWN)
        usage_error("%s", error.text);
    if (driver == NULL) {
        printf("%s: not available: %s\n", name, error.text);
        return;
    }
    printf("%s: %s\n", driver->name, driver->summary);
    if (weir_driver_probe(name, &error) != 0)
        printf("not available: %s\n", error.text);
    print_options(driver);
    print_capabilities(driver);
    if (driver->max_message_bytes != 0)
        printf("messages of at most %zu bytes\n", driver->max_message_bytes);
}

int command_list(int argc, char **argv)
{
    const char *name = NULL;
    void *const values[] = {&name};
    syntax_parse(&list_syntax, values, NULL, argc, argv);
    if (name != NULL)
        list_one(name);
    else
        list_all();
    return 0;
}
