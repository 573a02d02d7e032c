/* SPDX-License-Identifier: MIT
 *
 *   channels SPEC threads|processes COUNT [MOST_BYTES]
 *
 * Opens so many channels (64-byte messages, depth 64, one producer, one consumer), attaches both ends of each, sends a
 * message through each, and prints as JSON what an idle channel takes: memory as the kernel counts it (PSS),
 * descriptors and mappings. Fails if one is not opened, a message does not come, or a channel takes more than
 * MOST_BYTES.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

enum { BYTES = 64, DEPTH = 64, SKIPPED = 77 };

struct line {
    struct weir_channel *channel;
    struct weir_endpoint *producer, *consumer;
};

struct taken {
    long bytes, descriptors, mappings;
};

static long pss_bytes(void)
{
    char text[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    while (file != NULL && kib < 0 && fgets(text, sizeof text, file) != NULL)
        if (strncmp(text, "Pss:", 4) == 0)
            kib = strtol(text + 4, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kib * 1024;
}

static long count_mappings(void)
{
    long lines = 0;
    FILE *file = fopen("/proc/self/maps", "re");
    for (int byte; file != NULL && (byte = fgetc(file)) != EOF;)
        lines += byte == '\n';
    if (file != NULL)
        fclose(file);
    return lines;
}

static long count_descriptors(void)
{
    long count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count;
}

static struct taken look(void)
{
    return (struct taken){pss_bytes(), count_descriptors(), count_mappings()};
}

static int fail(size_t i, const char *what, const char *why)
{
    fprintf(stderr, "channels: %zu: %s: %s\n", i, what, why);
    return 1;
}

static int open_line(struct line *line, size_t i, const char *spec, enum weir_span span)
{
    const struct weir_channel_config config = {.max_message_bytes = BYTES, .depth = DEPTH, .span = span};
    struct weir_error error;
    int result = weir_channel_create(&line->channel, spec, &config, &error);
    if (i == 0 && (result == WEIR_EUNKNOWN || result == WEIR_EUNAVAILABLE))
        exit(SKIPPED);
    if (result != 0)
        return fail(i, "create", error.text);
    result = weir_attach(&line->consumer, line->channel, WEIR_CONSUMER, 0);
    if (result == 0)
        result = weir_attach(&line->producer, line->channel, WEIR_PRODUCER, 0);
    return result == 0 ? 0 : fail(i, "attach", weir_strerror(result));
}

static int move_message(const struct line *line, size_t i)
{
    char out[BYTES], in[BYTES];
    snprintf(out, sizeof out, "message of channel %zu", i);
    int result = weir_send(line->producer, out, sizeof out, 0, WEIR_NOW);
    if (result != 0)
        return fail(i, "send", weir_strerror(result));
    ssize_t length = weir_recv(line->consumer, in, sizeof in, WEIR_NOW);
    if (length != BYTES || strcmp(in, out) != 0)
        return fail(i, "receive", length < 0 ? weir_strerror((int)length) : "not what was sent");
    return 0;
}

static void close_line(const struct line *line)
{
    weir_detach(line->producer);
    weir_detach(line->consumer);
    weir_channel_destroy(line->channel);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: channels SPEC threads|processes COUNT [MOST_BYTES]\n");
        return 2;
    }
    enum weir_span span = strcmp(argv[2], "threads") == 0 ? WEIR_SPAN_THREADS : WEIR_SPAN_PROCESSES;
    size_t count = strtoul(argv[3], NULL, 10);
    long most = argc > 4 ? strtol(argv[4], NULL, 10) : -1;
    struct line first = {0}, *lines = malloc(count * sizeof *lines);
    if (lines == NULL || count == 0)
        return 1;
    memset(lines, 0, count * sizeof *lines);
    int result = open_line(&first, 0, argv[1], span); /* what is loaded once is no channel's */
    struct taken before = look();
    for (size_t i = 0; i < count && result == 0; i++)
        result = open_line(&lines[i], i, argv[1], span);
    struct taken after = look();
    for (size_t i = 0; i < count && result == 0; i++)
        result = move_message(&lines[i], i);
    for (size_t i = 0; i < count; i++)
        close_line(&lines[i]);
    close_line(&first);
    free(lines);
    if (result != 0)
        return result;
    long each = (after.bytes - before.bytes) / (long)count;
    printf("{\"spec\": \"%s\", \"span\": \"%s\", \"channels\": %zu, \"bytes_each\": %ld, \"descriptors\": %ld, "
           "\"mappings\": %ld}\n",
           argv[1], argv[2], count, each, after.descriptors - before.descriptors, after.mappings - before.mappings);
    return most >= 0 && each > most ? fail(count, "memory", "a channel takes more than it may") : 0;
}
