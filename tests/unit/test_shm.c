/* SPDX-License-Identifier: MIT
 *
 * The shm driver's own refusals: more memory than there is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include <weir/channel.h>

/* Files of that size are an error here, so that nothing is really taken should the check be missing. */
static int limit_files(void **state)
{
    (void)state;
    const struct rlimit most = {.rlim_cur = (rlim_t)64 << 20, .rlim_max = (rlim_t)64 << 20};
    return signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -1 : setrlimit(RLIMIT_FSIZE, &most);
}

static void more_than_the_machine_has_is_refused(void **state)
{
    (void)state;
    const char *const specs[] = {"shm,backing=memfd,capacity=4G", "shm,backing=posix,capacity=4G"};
    const struct weir_channel_config config = {.producers = 1024}; /* 4 TiB, and some more */
    for (size_t i = 0; i < 2; i++) {
        struct weir_channel *channel = NULL;
        struct weir_error error = {0};
        assert_int_equal(weir_channel_create(&channel, specs[i], &config, &error), WEIR_ENOMEM);
        assert_null(channel);
        assert_int_equal(error.code, WEIR_ENOMEM);
        assert_non_null(strstr(error.text, "more than this machine has"));
    }
}

static void what_a_file_may_not_hold_is_an_error(void **state)
{
    (void)state;
    const char *const specs[] = {"shm,backing=memfd,capacity=128M", "shm,backing=posix,capacity=128M"};
    for (size_t i = 0; i < 2; i++) {
        struct weir_channel *channel = NULL;
        struct weir_error error = {0};
        assert_int_equal(weir_channel_create(&channel, specs[i], NULL, &error), WEIR_ESYSTEM);
        assert_null(channel);
        assert_true(error.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_the_machine_has_is_refused),
        cmocka_unit_test(what_a_file_may_not_hold_is_an_error),
    };
    return cmocka_run_group_tests(tests, limit_files, NULL);
}
