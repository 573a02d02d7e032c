/* SPDX-License-Identifier: MIT
 *
 * Typed values.
 */
#include "reading.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int reading_wrong(const struct reading *reading, const char *key, const char *is)
{
    weir_error_set(reading->error, WEIR_EINVAL, "'%s' is damaged: %s%s%s %s", reading->path, reading->place,
                   reading->place[0] != '\0' && key[0] != '\0' ? "." : "", key, is);
    return -1;
}

int read_object(const struct reading *reading, const json_t *object, const char *key, json_t **ret)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_object(value))
        return reading_wrong(reading, key, value == NULL ? "is missing" : "is not an object");
    *ret = value;
    return 0;
}

int read_array(const struct reading *reading, const json_t *object, const char *key, size_t most, json_t **ret)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_array(value))
        return reading_wrong(reading, key, value == NULL ? "is missing" : "is not an array");
    if (json_array_size(value) > most)
        return reading_wrong(reading, key, "has too many values");
    *ret = value;
    return 0;
}

/* Texts come to a terminal: none may move its cursor. Also those of ISO 8859, U+0080 to U+009F. */
static bool has_controls(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
        if (*at < ' ' || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
            return true;
    return false;
}

int read_text(const struct reading *reading, const json_t *object, const char *key, size_t most, const char **ret)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    if (text == NULL)
        return reading_wrong(reading, key, value == NULL ? "is missing" : "is not a text");
    if (*text == '\0' || strlen(text) > most)
        return reading_wrong(reading, key, *text == '\0' ? "is empty" : "is too long");
    if (has_controls(text))
        return reading_wrong(reading, key, "holds control characters");
    *ret = text;
    return 0;
}

int read_number(const struct reading *reading, const json_t *object, const char *key, double least, double most,
                double *ret)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        return reading_wrong(reading, key, value == NULL ? "is missing" : "is not a number");
    double number = json_number_value(value);
    if (!(number >= least && number <= most))
        return reading_wrong(reading, key, "is out of its range");
    *ret = number;
    return 0;
}

int read_number_or_null(const struct reading *reading, const json_t *object, const char *key, double least, double most,
                        double *ret)
{
    if (!json_is_null(json_object_get(object, key)))
        return read_number(reading, object, key, least, most, ret);
    *ret = NAN;
    return 0;
}

int read_whole(const struct reading *reading, const json_t *object, const char *key, json_int_t least, json_int_t most,
               json_int_t *ret)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return reading_wrong(reading, key, value == NULL ? "is missing" : "is not a whole number");
    if (json_integer_value(value) < least || json_integer_value(value) > most)
        return reading_wrong(reading, key, "is out of its range");
    *ret = json_integer_value(value);
    return 0;
}

int read_name(const struct reading *reading, const json_t *object, const char *key, const char *(*name_of)(size_t),
              size_t count, size_t *ret)
{
    const char *text = NULL;
    if (read_text(reading, object, key, 40, &text) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, name_of(i)) == 0) {
            *ret = i;
            return 0;
        }
    return reading_wrong(reading, key, "is none of the known ones");
}
