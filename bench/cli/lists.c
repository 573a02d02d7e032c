/* SPDX-License-Identifier: MIT
 *
 * Parsing lists. A list is taken apart at its commas; each kind of value has one function for one word.
 */
#include "lists.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/stage.h"

#define MOST_SIZE ((uint64_t)1 << 30)
#define MOST_RATE UINT64_C(100000000)

/* ---- words --------------------------------------------------------------------------------------------------- */

int find_word(const char *what, const char *word, const char *const *words, struct weir_error *error)
{
    char allowed[300] = "";
    size_t used = 0;
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(word, words[i]) == 0)
            return (int)i;
        if (used < sizeof allowed)
            used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "", words[i]);
    }
    const char *near = weir_nearest(word, words);
    weir_error_set(error, WEIR_EINVAL, "unknown %s '%s'; allowed: %s%s%s%s", what, word, allowed,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return -1;
}

/* ---- growing arrays ------------------------------------------------------------------------------------------ */

static void *grow(void **values, size_t *count, size_t item_bytes, struct weir_error *error)
{
    void *grown = realloc(*values, (*count + 1) * item_bytes);
    if (grown == NULL) {
        weir_error_set(error, WEIR_ENOMEM, "no memory");
        return NULL;
    }
    *values = grown;
    return (char *)grown + (*count)++ * item_bytes;
}

int parse_list(const struct list_kind *kind, const char *text, void **values, size_t *count, struct weir_error *error)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory"), -1;
    int result = 0;
    char *rest = copy;
    while (result == 0 && rest != NULL) {
        const char *word = strsep(&rest, ",");
        if (*word == '\0')
            result = (weir_error_set(error, WEIR_EINVAL, "the list of %s '%s' lacks a value", kind->what, text), -1);
        else
            result = kind->parse(word, values, count, error);
    }
    free(copy);
    return result;
}

#define APPEND(type, value)                                                                                            \
    do {                                                                                                               \
        type *place = grow(values, count, sizeof(type), error);                                                        \
        if (place == NULL)                                                                                             \
            return -1;                                                                                                 \
        *place = (value);                                                                                              \
    } while (0)

/* ---- numbers ------------------------------------------------------------------------------------------------- */

/* Digits and perhaps K, M or G (each `kilo` times the one before); moves *text behind them. -1 if there are none. */
static int take_scaled(const char **text, uint64_t kilo, uint64_t *ret)
{
    if (!isdigit((unsigned char)**text))
        return -1;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(*text, &end, 10);
    uint64_t unit = *end == 'K' ? kilo : *end == 'M' ? kilo * kilo : *end == 'G' ? kilo * kilo * kilo : 1;
    if (errno != 0 || number > UINT64_MAX / unit)
        return -1;
    *text = end + (unit != 1);
    *ret = number * unit;
    return 0;
}

static int take_number(const char **text, uint64_t *ret)
{
    return take_scaled(text, 1024, ret);
}

struct range {
    uint64_t first, last, factor;
};

/* "64", "8..64K" (doubling), "8..64K*4", as a whole. -1 if it is none of that. */
static int parse_range(const char *text, uint64_t kilo, struct range *ret)
{
    struct range range = {.factor = 2};
    if (take_scaled(&text, kilo, &range.first) != 0 || range.first == 0)
        return -1;
    range.last = range.first;
    if (strncmp(text, "..", 2) == 0) {
        text += 2;
        if (take_scaled(&text, kilo, &range.last) != 0 || range.last < range.first)
            return -1;
        if (*text == '*') {
            text++;
            if (take_scaled(&text, kilo, &range.factor) != 0 || range.factor < 2 || range.factor > MOST_SIZE)
                return -1;
        }
    }
    *ret = range;
    return *text == '\0' ? 0 : -1;
}

int parse_count(const char *what, const char *text, uint64_t least, uint64_t most, uint64_t *ret,
                struct weir_error *error)
{
    const char *at = text;
    if (take_number(&at, ret) != 0 || *at != '\0' || *ret < least || *ret > most)
        return weir_error_set(error, WEIR_EINVAL, "%s '%s' is not a number from %llu to %llu", what, text,
                              (unsigned long long)least, (unsigned long long)most),
               -1;
    return 0;
}

static int parse_size(const char *word, void **values, size_t *count, struct weir_error *error)
{
    struct range range;
    if (parse_range(word, 1024, &range) != 0 || range.last > MOST_SIZE)
        return weir_error_set(error, WEIR_EINVAL,
                              "size '%s' is not 1 to 1G bytes, such as 64, 4K, or a range such as 8..64K*4", word),
               -1;
    for (uint64_t size = range.first; size <= range.last; size *= range.factor)
        APPEND(size_t, size);
    return 0;
}

const struct list_kind size_list = {"sizes", parse_size, NULL};

static int parse_rate(const char *word, void **values, size_t *count, struct weir_error *error)
{
    struct range range;
    if (parse_range(word, 1000, &range) != 0 || range.last > MOST_RATE)
        return weir_error_set(error, WEIR_EINVAL,
                              "rate '%s' is not 1 to 100M messages a second, such as 500, 10K, or a range such as "
                              "1K..1M*4",
                              word),
               -1;
    for (uint64_t rate = range.first; rate <= range.last; rate *= range.factor)
        APPEND(double, (double)rate);
    return 0;
}

const struct list_kind rate_list = {"rates", parse_rate, NULL};

static int parse_depth(const char *word, void **values, size_t *count, struct weir_error *error)
{
    uint64_t depth;
    if (parse_count("depth", word, 1, 1 << 24, &depth, error) != 0)
        return -1;
    APPEND(size_t, depth);
    return 0;
}

const struct list_kind depth_list = {"depths", parse_depth, NULL};

static int parse_batch(const char *word, void **values, size_t *count, struct weir_error *error)
{
    uint64_t batch;
    if (parse_count("batch", word, 1, 1 << 16, &batch, error) != 0)
        return -1;
    APPEND(uint32_t, (uint32_t)batch);
    return 0;
}

const struct list_kind batch_list = {"batches", parse_batch, NULL};

static int parse_workers(const char *word, void **values, size_t *count, struct weir_error *error)
{
    const char *at = word;
    uint64_t producers, consumers;
    if (take_number(&at, &producers) != 0 || *at++ != 'x' || take_number(&at, &consumers) != 0 || *at != '\0' ||
        producers == 0 || consumers == 0 || producers + consumers > STAGE_MOST_WORKERS || producers > 1000 ||
        consumers > 1000)
        return weir_error_set(error, WEIR_EINVAL,
                              "workers '%s' is not PRODUCERSxCONSUMERS, such as 1x1 or 4x1, of at most %d in all", word,
                              STAGE_MOST_WORKERS),
               -1;
    APPEND(struct workers, ((struct workers){(uint32_t)producers, (uint32_t)consumers}));
    return 0;
}

const struct list_kind workers_list = {"workers", parse_workers, NULL};

/* The number that a text begins with, in digits and at most one point, and what follows it; NULL: there is none. */
static const char *parse_decimal(const char *text, double *ret)
{
    size_t length = strspn(text, "0123456789");
    if (length > 0 && text[length] == '.' && isdigit((unsigned char)text[length + 1]))
        length += 1 + strspn(text + length + 1, "0123456789");
    if (length == 0)
        return NULL;
    *ret = strtod(text, NULL);
    return text + length;
}

int parse_duration(const char *text, int64_t *ret_ns, struct weir_error *error)
{
    double number = 0;
    const char *end = parse_decimal(text, &number);
    double unit = end == NULL              ? 0
                  : strcmp(end, "ms") == 0 ? 1e6
                  : strcmp(end, "m") == 0  ? 60e9
                  : strcmp(end, "s") == 0  ? 1e9
                                           : 0;
    if (unit == 0 || number * unit < 1e6 || number * unit > 86400e9)
        return weir_error_set(error, WEIR_EINVAL, "'%s' is not a duration from 1ms to 1440m, such as 500ms, 10s, 2m",
                              text),
               -1;
    *ret_ns = (int64_t)(number * unit);
    return 0;
}

int parse_percentage(const char *what, const char *text, double *ret, struct weir_error *error)
{
    double number = 0;
    const char *end = parse_decimal(text, &number);
    if (end == NULL || strcmp(end, "%") != 0 || number < 0.01 || number > 50)
        return weir_error_set(error, WEIR_EINVAL,
                              "%s '%s' is not a percentage from 0.01%% to 50%%, such as 2%% or 0.5%%", what, text),
               -1;
    *ret = number / 100;
    return 0;
}

/* ---- names --------------------------------------------------------------------------------------------------- */

static const char *const pairing_words[] = {
    "thread:thread", "thread:process", "process:thread", "process:process", "all", NULL};

static int parse_pairing(const char *word, void **values, size_t *count, struct weir_error *error)
{
    int index = find_word("pairing", word, pairing_words, error);
    if (index < 0)
        return -1;
    for (int i = index == 4 ? 0 : index; i < (index == 4 ? 4 : index + 1); i++)
        APPEND(struct pairing, ((struct pairing){(enum weir_worker_kind)(i / 2), (enum weir_worker_kind)(i % 2)}));
    return 0;
}

const struct list_kind pairing_list = {"pairings", parse_pairing, pairing_words};

static const char *const pattern_words[] = {"stream", "pingpong", "paced", NULL};

static int parse_pattern(const char *word, void **values, size_t *count, struct weir_error *error)
{
    int index = find_word("pattern", word, pattern_words, error);
    if (index < 0)
        return -1;
    APPEND(enum pattern, (enum pattern)index);
    return 0;
}

const struct list_kind pattern_list = {"patterns", parse_pattern, pattern_words};

static const char *const codec_words[] = {"raw", "nanopb", NULL}; /* in the order of enum codec */

static int parse_codec(const char *word, void **values, size_t *count, struct weir_error *error)
{
    int index = find_word("codec", word, codec_words, error);
    if (index < 0)
        return -1;
    APPEND(enum codec, (enum codec)index);
    return 0;
}

const struct list_kind codec_list = {"codecs", parse_codec, codec_words};

static const char *const wait_words[] = {"default", "block", "spin", "adaptive", NULL};

static int parse_wait(const char *word, void **values, size_t *count, struct weir_error *error)
{
    int index = find_word("wait", word, wait_words, error);
    if (index < 0)
        return -1;
    APPEND(enum weir_wait, (enum weir_wait)index);
    return 0;
}

const struct list_kind wait_list = {"waits", parse_wait, wait_words};

static const char *const access_words[] = {"copy", "place", NULL}; /* in the order of enum access */

static int parse_access(const char *word, void **values, size_t *count, struct weir_error *error)
{
    int index = find_word("access", word, access_words, error);
    if (index < 0)
        return -1;
    APPEND(enum access, (enum access)index);
    return 0;
}

const struct list_kind access_list = {"accesses", parse_access, access_words};

static const char *const pin_words[] = {"auto", "none", "same", NULL}; /* or CPUs */

static int parse_pin(const char *word, void **values, size_t *count, struct weir_error *error)
{
    int cpus[2];
    char *copy = strdup(word);
    if (copy == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory"), -1;
    for (char *at = copy; *at != '\0'; at++)
        if (*at == '+') /* within one value: commas are taken */
            *at = ',';
    const char **place = NULL;
    if (weir_placement(cpus, copy, 1, 1, error) == 0)
        place = grow(values, count, sizeof *place, error);
    if (place == NULL) {
        free(copy);
        return -1;
    }
    *place = copy;
    return 0;
}

const struct list_kind pin_list = {"pins", parse_pin, pin_words};
