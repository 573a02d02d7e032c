/* SPDX-License-Identifier: MIT
 *
 * Lines go through inih (https://github.com/benhoyt/inih), which takes them apart. It tells neither of sections without
 * settings nor, as it is usually built, of the number of a line, cuts long lines in two, and takes an indented line for
 * more of the text before. So the lines pass through our hands first: they are counted, stripped and measured, and
 * headings are taken from them.
 */
#include "sections.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- growing ------------------------------------------------------------------------------------------------- */

int sections_add(struct sections *sections, const char *title, int line)
{
    char *copy = strdup(title);
    struct section *items = realloc(sections->items, (sections->count + 1) * sizeof *items);
    if (items != NULL)
        sections->items = items;
    if (items == NULL || copy == NULL) {
        free(copy);
        return -1;
    }
    items[sections->count++] = (struct section){.title = copy, .line = line};
    return 0;
}

int section_set(struct section *section, const char *name, const char *text, int line)
{
    struct setting setting = {.name = strdup(name), .text = strdup(text), .line = line};
    struct setting *settings = realloc(section->settings, (section->count + 1) * sizeof *settings);
    if (settings != NULL)
        section->settings = settings;
    if (settings == NULL || setting.name == NULL || setting.text == NULL) {
        free(setting.name);
        free(setting.text);
        return -1;
    }
    settings[section->count++] = setting;
    return 0;
}

bool section_has(const struct section *section, const char *name)
{
    for (size_t i = 0; i < section->count; i++)
        if (strcmp(section->settings[i].name, name) == 0)
            return true;
    return false;
}

void sections_free(struct sections *sections)
{
    for (size_t i = 0; i < sections->count; i++) {
        struct section *section = &sections->items[i];
        for (size_t k = 0; k < section->count; k++) {
            free(section->settings[k].name);
            free(section->settings[k].text);
        }
        free(section->settings);
        free(section->title);
    }
    free(sections->items);
    *sections = (struct sections){0};
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

struct reading {
    FILE *file;
    const char *name;
    struct sections *sections;
    struct weir_error *error;
    int line;
    int bad_line; /* the first of which `error` tells; 0: none */
};

#define COMPLAIN(reading, ...)                                                                                         \
    do {                                                                                                               \
        if ((reading)->bad_line == 0) {                                                                                \
            struct weir_error why;                                                                                     \
            weir_error_set(&why, WEIR_EINVAL, __VA_ARGS__);                                                            \
            weir_error_set((reading)->error, WEIR_EINVAL, "%s:%d: %.400s", (reading)->name, (reading)->line,           \
                           why.text);                                                                                  \
            (reading)->bad_line = (reading)->line;                                                                     \
        }                                                                                                              \
    } while (0)

static void strip_end(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++)
        if (iscntrl((unsigned char)*text))
            return true;
    return false;
}

/* "[title]", and nothing behind it but a comment. */
static void take_heading(struct reading *reading, const char *line)
{
    char title[SECTIONS_MOST_LETTERS + 16];
    const char *begin = line + 1 + strspn(line + 1, " \t");
    const char *end = strchr(begin, ']');
    if (end == NULL)
        return; /* inih blames it */
    snprintf(title, sizeof title, "%.*s", (int)(end - begin), begin);
    strip_end(title);
    const char *rest = end + 1 + strspn(end + 1, " \t\r\n");
    if (*rest != '\0' && *rest != ';' && *rest != '#')
        COMPLAIN(reading, "after [%s] a line of its own begins", title);
    if (*title == '\0' || has_control(title))
        COMPLAIN(reading, "a section needs a name");
    for (size_t i = 0; i < reading->sections->count; i++)
        if (strcmp(reading->sections->items[i].title, title) == 0)
            COMPLAIN(reading, "section [%s] is there twice; the first is in line %d", title,
                     reading->sections->items[i].line);
    if (sections_add(reading->sections, title, reading->line) != 0)
        COMPLAIN(reading, "no memory");
}

/* For inih, in the place of fgets. */
static char *read_line(char *line, int capacity, void *stream)
{
    struct reading *reading = stream;
    if (reading->bad_line != 0 || fgets(line, capacity, reading->file) == NULL)
        return NULL;
    reading->line++;
    if (strchr(line, '\n') == NULL && !feof(reading->file)) {
        COMPLAIN(reading, "the line is longer than %d letters, or not text; lists may go on with their name again",
                 capacity - 2);
        return NULL;
    }
    const char *begin = line;
    if (reading->line == 1 && strncmp(begin, "\xEF\xBB\xBF", 3) == 0) /* a byte order mark */
        begin += 3;
    begin += strspn(begin, " \t");
    memmove(line, begin, strlen(begin) + 1);
    if (*line == '[')
        take_heading(reading, line);
    return line;
}

/* For inih: 0 for what is wrong. */
static int take_setting(void *user, const char *ignored, const char *name, const char *text)
{
    struct reading *reading = user;
    (void)ignored;
    if (reading->sections->count == 0)
        COMPLAIN(reading, "'%s' stands before the first [section]", name);
    else if (section_set(&reading->sections->items[reading->sections->count - 1], name, text, reading->line) != 0)
        COMPLAIN(reading, "no memory");
    return reading->bad_line == 0;
}

/* Nobody waits for a writer of a FIFO, whom there may never be; one who has opened it already is given time. */
static FILE *open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    fcntl(fd, F_SETFL, 0);
    FILE *file = fdopen(fd, "r");
    if (file == NULL)
        close(fd);
    return file;
}

int sections_read(struct sections *ret, const char *path, struct weir_error *error)
{
    struct sections sections = {0};
    bool is_stdin = strcmp(path, "-") == 0;
    struct reading reading = {.file = is_stdin ? stdin : open_file(path),
                              .name = is_stdin ? "stdin" : path,
                              .sections = &sections,
                              .error = error};
    if (reading.file == NULL)
        return weir_error_set(error, WEIR_ESYSTEM, "cannot read '%s': %s", path, strerror(errno)), -1;
    int line = ini_parse_stream(read_line, &reading, take_setting, &reading);
    int failed = ferror(reading.file) ? errno : 0;
    if (line > 0 && (reading.bad_line == 0 || line < reading.bad_line))
        weir_error_set(error, WEIR_EINVAL, "%s:%d: this is neither [section] nor name = text", reading.name, line);
    else if (failed != 0)
        weir_error_set(error, WEIR_ESYSTEM, "cannot read '%s': %s", path, strerror(failed));
    else if (line < 0)
        weir_error_set(error, WEIR_ENOMEM, "no memory for '%s'", path);
    else if (reading.bad_line == 0 && sections.count == 0)
        weir_error_set(error, WEIR_EINVAL, "%s:%d: there is no [section]", reading.name,
                       reading.line + (reading.line == 0));
    else if (reading.bad_line == 0)
        *ret = sections;
    bool good = line == 0 && failed == 0 && reading.bad_line == 0 && sections.count > 0;
    if (!is_stdin)
        fclose(reading.file);
    if (!good)
        sections_free(&sections);
    return good ? 0 : -1;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* Ends of space are stripped, and ; after space begins a comment. */
static bool can_stand(const struct setting *setting)
{
    const char *text = setting->text;
    size_t length = strlen(text);
    if (length == 0 || strlen(setting->name) + length > SECTIONS_MOST_LETTERS - 3 || has_control(text))
        return false;
    return *text != ' ' && *text != ';' && text[length - 1] != ' ' && strstr(text, " ;") == NULL;
}

int sections_print(FILE *file, const struct sections *sections, struct weir_error *error)
{
    for (size_t i = 0; i < sections->count; i++)
        for (size_t k = 0; k < sections->items[i].count; k++)
            if (!can_stand(&sections->items[i].settings[k]))
                return weir_error_set(error, WEIR_EINVAL, "%s '%.200s' cannot stand in a job file",
                                      sections->items[i].settings[k].name, sections->items[i].settings[k].text),
                       -1;
    for (size_t i = 0; i < sections->count; i++) {
        fprintf(file, "%s[%s]\n", i > 0 ? "\n" : "", sections->items[i].title);
        for (size_t k = 0; k < sections->items[i].count; k++)
            fprintf(file, "%s = %s\n", sections->items[i].settings[k].name, sections->items[i].settings[k].text);
    }
    return 0;
}
