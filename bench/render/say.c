/* SPDX-License-Identifier: MIT
 *
 * Sentences for people, broken at the width of a terminal.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "render.h"

size_t terminal_width(FILE *file)
{
    struct winsize window;
    if (isatty(fileno(file)) && ioctl(fileno(file), TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
        return window.ws_col;
    return COLUMNS;
}

size_t text_width(const char *text, size_t length)
{
    size_t width = 0;
    for (size_t i = 0; i < length; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* One line of the text, its words broken into as many as it takes; those begin as far in as the first. */
static void say_line(FILE *file, const char *line, size_t length)
{
    const size_t most = terminal_width(file) < COLUMNS ? terminal_width(file) : COLUMNS;
    const int indent = (int)strspn(line, " ");
    const char *end = line + length;
    size_t column = (size_t)indent;
    fprintf(file, "%*s", indent, "");
    for (const char *at = line + indent; at < end;) {
        size_t word = strcspn(at, " \n"), width = text_width(at, word);
        if (column > (size_t)indent && column + 1 + width > most) {
            fprintf(file, "\n%*s", indent, "");
            column = (size_t)indent;
        } else if (column > (size_t)indent) {
            fputc(' ', file);
            column++;
        }
        fprintf(file, "%.*s", (int)word, at);
        column += width;
        at += word;
        at += strspn(at, " ");
    }
}

void say(FILE *file, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        say_line(file, line, length);
        line += length;
        if (*line == '\n') {
            fputc('\n', file);
            line++;
        }
    }
}
