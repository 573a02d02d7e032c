/* SPDX-License-Identifier: MIT
 *
 * Which specs there are to test: each driver that can be had here, and each choice of its options that is not the
 * default. How a channel waits is left out: cases of their own try every policy.
 */
#include "conformance.h"

#include <stdio.h>
#include <string.h>

#include <weir/driver.h>

static void print_choices(const char *name, const struct weir_option *option)
{
    for (const char *choice = option->choices; *choice != '\0';) {
        size_t length = strcspn(choice, "|");
        if (strlen(option->fallback) != length || strncmp(choice, option->fallback, length) != 0) {
            printf("%s,%s=%.*s\n", name, option->name, (int)length, choice);
        }
        choice += length + (choice[length] == '|');
    }
}

int print_specs(void)
{
    const char *name;
    for (size_t i = 0; (name = weir_driver_at(i)) != NULL; i++) {
        const struct weir_driver *driver = weir_driver_find(name, NULL);
        if (driver == NULL || weir_driver_probe(name, NULL) != WEIR_OK) {
            continue;
        }
        puts(name);
        for (const struct weir_option *option = driver->options; option != NULL && option->name != NULL; option++) {
            if (option->type == WEIR_OPTION_CHOICE && strcmp(option->name, "wait") != 0) {
                print_choices(name, option);
            }
        }
    }
    return EXIT_PASSED;
}
