/* SPDX-License-Identifier: MIT
 *
 * Specs: what is taken, what is refused and in which words, and any text at all without harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weir/weir.h>

static int try_spec(const char *spec, struct weir_error *error)
{
    const struct weir_channel_config config = {.max_message_bytes = 64, .depth = 4, .span = WEIR_SPAN_THREADS};
    struct weir_channel *channel = NULL;
    int result = weir_channel_create(&channel, spec, &config, error);
    assert_true((result == 0) == (channel != NULL));
    weir_channel_destroy(channel);
    return result;
}

static void good_specs_are_taken(void **state)
{
    (void)state;
    const char *const specs[] = {"mutex",           "mutex,slots=1",
                                 "mutex,slots=1K",  "pipe,framing=naive",
                                 "unix,type=dgram", "shm,backing=memfd,capacity=64K,wait=spin",
                                 "null,wait=block"};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        assert_int_equal(try_spec(specs[i], NULL), 0);
}

static void bad_specs_are_refused_in_words(void **state)
{
    (void)state;
    const struct {
        const char *spec;
        int code;
        const char *words[3]; /* that the sentence holds */
    } cases[] = {
        {"", WEIR_EUNKNOWN, {"''", "mutex"}},
        {"pip", WEIR_EUNKNOWN, {"'pip'", "did you mean 'pipe'"}},
        {"pipe,framing=slow", WEIR_EINVAL, {"'slow'", "framing", "tuned|naive"}},
        {"pipe,frming=naive", WEIR_EUNKNOWN, {"'frming'", "did you mean 'framing'"}},
        {"pipe,framing", WEIR_EINVAL, {"'framing'", "key=value"}},
        {"pipe,", WEIR_EINVAL, {"''", "key=value"}},
        {"pipe,=naive", WEIR_EINVAL, {"key=value"}},
        {"pipe,framing=naive,framing=tuned", WEIR_EINVAL, {"'framing'", "twice"}},
        {"pipe,wait=spin,wait=spin", WEIR_EINVAL, {"'wait'", "twice"}},
        {"pipe,framing=tunde", WEIR_EINVAL, {"'tunde'", "tuned|naive", "did you mean 'tuned'"}},
        {"shm,wait=adaptve", WEIR_EINVAL, {"'adaptve'", "did you mean 'adaptive'"}},
        {"shm,wait=sleep", WEIR_EINVAL, {"'sleep'", "block|spin|adaptive"}},
        {"mutex,slots=-1", WEIR_EINVAL, {"'-1'", "slots"}},
        {"mutex,slots=", WEIR_EINVAL, {"''", "slots"}},
        {"mutex,slots=1Q", WEIR_EINVAL, {"'1Q'"}},
        {"mutex,slots=99999999999999999999999", WEIR_EINVAL, {"slots"}},
        {"mutex,slots=18446744073709551615K", WEIR_EINVAL, {"slots"}},
        {"/nowhere/at/all.so", WEIR_EUNKNOWN, {"/nowhere/at/all.so"}},
        {"pi\npe", WEIR_EUNKNOWN, {"'pi?pe'"}},
        {"pipe,framing=\033[31m", WEIR_EINVAL, {"'?[31m'"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir_error error = {0};
        assert_int_equal(try_spec(cases[i].spec, &error), cases[i].code);
        assert_int_equal(error.code, cases[i].code);
        assert_null(strchr(error.text, '\n'));
        for (size_t word = 0; word < 3 && cases[i].words[word] != NULL; word++)
            if (strstr(error.text, cases[i].words[word]) == NULL)
                fail_msg("'%s' says \"%s\" and not \"%s\"", cases[i].spec, error.text, cases[i].words[word]);
    }
}

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    const struct weir_channel_config configs[] = {
        {.producers = 1025},
        {.consumers = UINT32_MAX},
        {.max_message_bytes = SIZE_MAX},
        {.depth = SIZE_MAX},
        {.span = (enum weir_span)7},
        {.wait = (enum weir_wait)9},
        {.max_message_bytes = (size_t)1 << 30, .depth = (size_t)1 << 24},
    };
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        struct weir_channel *channel = NULL;
        struct weir_error error = {0};
        assert_true(weir_channel_create(&channel, "mutex", &configs[i], &error) < 0);
        assert_null(channel);
        assert_true(error.text[0] != '\0');
    }
    struct weir_channel *untouched = NULL;
    assert_int_equal(weir_channel_create(NULL, "mutex", NULL, NULL), WEIR_EINVAL);
    assert_int_equal(weir_channel_create(&untouched, NULL, NULL, NULL), WEIR_EINVAL);
}

static void the_nearest_word_is_found(void **state)
{
    (void)state;
    const struct {
        const char *word;
        const char *words[5];
        const char *nearest;
    } cases[] = {
        {"shm", {"mutex", "shm", "shn"}, "shm"}, /* itself */
        {"shn", {"mutex", "shm"}, "shm"},        /* another letter */
        {"pip", {"mutex", "pipe"}, "pipe"},      /* one too few */
        {"unixx", {"mutex", "unix"}, "unix"},    /* one too many */
        {"tpye", {"wait", "type"}, "type"},      /* two changes, within 4/3 + 1 */
        {"ab", {"cb", "ac", "ab2"}, "cb"},       /* the first of equals */
        {"adaptve", {"block", "spin", "adaptive"}, "adaptive"},
        {"frobnicate", {"mutex", "pipe", "shm"}, NULL}, /* nothing near */
        {"", {"mutex", "shm"}, NULL},
        {"", {"", "m"}, ""},
        {"shm", {NULL}, NULL},
        {"a-word-of-many-more-letters-than-31-at-its-end",
         {"a-word-of-many-more-letters-than-31"},
         "a-word-of-many-more-letters-than-31"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = weir_nearest(cases[i].word, cases[i].words);
        if (nearest == NULL || cases[i].nearest == NULL)
            assert_true(nearest == cases[i].nearest);
        else
            assert_string_equal(nearest, cases[i].nearest);
    }
}

/* Good specs with letters changed, cut and doubled. */
static void any_text_is_survived(void **state)
{
    (void)state;
    const char *const seeds[] = {"shm,backing=memfd,capacity=64K,wait=spin", "unix,type=dgram", "mutex,slots=16"};
    const char letters[] = ",=|KMG0az/.%s\n\x80";
    srand(3);
    for (int round = 0; round < 3000; round++) {
        char spec[64];
        strcpy(spec, seeds[rand() % 3]);
        for (int changes = rand() % 4; changes >= 0; changes--)
            spec[(size_t)rand() % strlen(seeds[1])] = letters[(size_t)rand() % (sizeof letters - 1)];
        spec[1 + (size_t)rand() % 40] = '\0';
        struct weir_error error;
        try_spec(spec, &error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_specs_are_taken),      cmocka_unit_test(bad_specs_are_refused_in_words),
        cmocka_unit_test(the_nearest_word_is_found), cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(any_text_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
