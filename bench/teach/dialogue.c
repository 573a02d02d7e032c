/* SPDX-License-Identifier: MIT
 *
 * A terminal's two sides.
 */
#include "dialogue.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/session.h"
#include "render/render.h"

/* ---- the guess ----------------------------------------------------------------------------------------------- */

bool dialogue_is_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* One line without its end, read byte by byte so that nothing behind it is taken. 1: interrupted, -1: no more. */
static int read_line(char *line, size_t capacity, int interrupt_fd)
{
    size_t length = 0;
    for (;;) {
        struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = interrupt_fd, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -1;
        if (fds[1].revents != 0)
            return 1;
        if (fds[0].revents == 0)
            continue;
        char byte;
        if (read(STDIN_FILENO, &byte, 1) != 1)
            return -1;
        if (byte == '\n')
            break;
        if (length + 1 < capacity)
            line[length++] = byte;
    }
    line[length] = '\0';
    return 0;
}

/* Without blanks around it, in small letters. */
static void tidy_line(char *line)
{
    size_t begin = strspn(line, " \t\r"), length = strlen(line + begin);
    while (length > 0 && strchr(" \t\r", line[begin + length - 1]) != NULL)
        length--;
    for (size_t i = 0; i < length; i++)
        line[i] = (char)tolower((unsigned char)line[begin + i]);
    line[length] = '\0';
}

/* The choice that the text begins alone. */
static const struct lesson_choice *match(const struct lesson *lesson, const char *text)
{
    const struct lesson_choice *found = choice_find(lesson, text);
    for (const struct lesson_choice *choice = lesson->choices; found == NULL && choice->word != NULL; choice++)
        if (strncmp(choice->word, text, strlen(text)) == 0)
            found = choice;
    for (const struct lesson_choice *other = lesson->choices; found != NULL && other->word != NULL; other++)
        if (other != found && strcmp(found->word, text) != 0 && strncmp(other->word, text, strlen(text)) == 0)
            return NULL;
    return found;
}

int dialogue_ask(const struct lesson *lesson, int interrupt_fd, const char **ret_word)
{
    char line[64];
    *ret_word = NULL;
    for (;;) {
        printf("\nYour guess (Enter skips): ");
        fflush(stdout);
        int result = read_line(line, sizeof line, interrupt_fd);
        if (result == 0)
            tidy_line(line);
        if (result != 0 || line[0] == '\0') {
            if (result != 0)
                putchar('\n');
            return result > 0;
        }
        const struct lesson_choice *choice = match(lesson, line);
        if (choice != NULL) {
            *ret_word = choice->word;
            return 0;
        }
        printf("That is none of the answers. They are");
        for (choice = lesson->choices; choice->word != NULL; choice++)
            printf(" %s%s", choice->word, choice[1].word != NULL ? "," : ".");
    }
}

/* ---- the history --------------------------------------------------------------------------------------------- */

static const char *history_path(void)
{
    const char *path = getenv("WEIR_LESSONS");
    return path != NULL && *path != '\0' ? path : NULL;
}

/* Only a file is opened: a FIFO, say, would make the lesson wait for whoever reads it. NULL: with errno. */
static FILE *open_history(int flags)
{
    struct stat about;
    int fd = open(history_path(), flags | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        return fdopen(fd, flags == O_RDONLY ? "r" : "a");
    if (fd >= 0) {
        close(fd);
        errno = EINVAL;
    }
    return NULL;
}

bool history_holds(const char *lesson)
{
    char line[256];
    bool found = false;
    FILE *file = history_path() != NULL ? open_history(O_RDONLY) : NULL;
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, " \n")] = '\0';
        found = strcmp(line, lesson) == 0;
    }
    fclose(file);
    return found;
}

int history_add(const struct page *page)
{
    char stamp[32];
    if (history_path() == NULL)
        return 0;
    session_stamp(stamp, sizeof stamp);
    FILE *file = open_history(O_WRONLY | O_APPEND | O_CREAT);
    bool failed = file == NULL || fprintf(file, "%s %s %s guess=%s\n", page->lesson->name, stamp,
                                          verdict_word(page->experiment->verdict),
                                          page->predicted != NULL ? page->predicted : "none") < 0;
    if (file != NULL)
        failed |= fclose(file) != 0;
    if (failed)
        fprintf(stderr, "weir: cannot write to '%s': %s\n", history_path(), strerror(errno));
    return failed ? -1 : 0;
}
