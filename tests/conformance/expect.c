/* SPDX-License-Identifier: MIT
 *
 * Expectations and messages. A broken expectation ends every thread and process of the case at once: they form one
 * process group, and whoever is first leaves the one line that says why on the board.
 */
#include "conformance.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- verdicts ---------------------------------------------------------------------------------------------- */

static _Noreturn void end_case(int verdict, const char *reason)
{
    int none = EXIT_PASSED;
    if (atomic_compare_exchange_strong(&board->verdict, &none, verdict)) {
        snprintf(board->reason, sizeof board->reason, "%s", reason);
        kill(0, SIGKILL);
    }
    for (;;) {
        pause(); /* whoever was first ends us all */
    }
}

_Noreturn void fail_at(const char *file, int line, const char *format, ...)
{
    const char *slash = strrchr(file, '/');
    char text[1024];
    int prefix = snprintf(text, sizeof text, "%s:%d: ", slash != NULL ? slash + 1 : file, line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + prefix, sizeof text - (size_t)prefix, format, arguments);
    va_end(arguments);
    end_case(EXIT_FAILED, text);
}

_Noreturn void skip(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    end_case(EXIT_SKIPPED, text);
}

const char *result_text(int64_t result, char *buffer, size_t capacity)
{
    switch (result) {
#define ERROR_NAME(name, number, sentence)                                                                             \
    case number:                                                                                                       \
        return "WEIR_" #name;
        WEIR_ERROR_LIST(ERROR_NAME)
#undef ERROR_NAME
    default:
        snprintf(buffer, capacity, "%" PRId64, result);
        return buffer;
    }
}

void expect_at(const char *file, int line, const char *call, int64_t got, int64_t wanted)
{
    if (got != wanted) {
        char wanted_text[24];
        char got_text[24];
        fail_at(file, line, "%s: expected %s, got %s", call, result_text(wanted, wanted_text, sizeof wanted_text),
                result_text(got, got_text, sizeof got_text));
    }
}

/* ---- messages ---------------------------------------------------------------------------------------------- */

static unsigned char byte_at(size_t position, uint32_t producer, uint64_t sequence)
{
    if (position < 8) {
        return (unsigned char)(sequence >> (8 * position));
    }
    if (position < 12) {
        return (unsigned char)(producer >> (8 * (position - 8)));
    }
    return (unsigned char)(position * 13 + (position >> 8) + sequence * 31 + producer * 7);
}

void message_fill(void *buffer, size_t length, uint32_t producer, uint64_t sequence)
{
    unsigned char *bytes = buffer;
    for (size_t i = 0; i < length; i++) {
        bytes[i] = byte_at(i, producer, sequence);
    }
}

void message_require(const char *file, int line, const void *buffer, size_t length, uint32_t producer,
                     uint64_t sequence)
{
    const unsigned char *bytes = buffer;
    for (size_t i = 0; i < length; i++) {
        unsigned char wanted = byte_at(i, producer, sequence);
        if (bytes[i] != wanted) {
            fail_at(file, line, "message %" PRIu64 " of producer %" PRIu32 ", byte %zu of %zu: expected %d, got %d",
                    sequence, producer, i, length, wanted, bytes[i]);
        }
    }
}

uint64_t message_sequence(const void *buffer)
{
    uint64_t sequence = 0;
    for (size_t i = 0; i < 8; i++) {
        sequence |= (uint64_t)((const unsigned char *)buffer)[i] << (8 * i);
    }
    return sequence;
}

uint32_t message_producer(const void *buffer)
{
    uint32_t producer = 0;
    for (size_t i = 0; i < 4; i++) {
        producer |= (uint32_t)((const unsigned char *)buffer)[8 + i] << (8 * i);
    }
    return producer;
}

size_t message_length(uint64_t sequence, size_t longest)
{
    return 8 + (size_t)((sequence * 0x9E3779B97F4A7C15u >> 32) % (longest - 7));
}

/* ---- moving them ------------------------------------------------------------------------------------------- */

/* One buffer a thread: the workers of one case may be threads of one process. */
static _Thread_local unsigned char scratch[LARGE_BYTES + 64];

int send_message(struct weir_endpoint *endpoint, uint64_t sequence, size_t length, unsigned flags, int64_t deadline_ns)
{
    message_fill(scratch, length, 0, sequence);
    return weir_send(endpoint, scratch, length, flags, deadline_ns);
}

void recv_message(const char *file, int line, struct weir_endpoint *endpoint, uint64_t sequence, size_t length)
{
    ssize_t got = weir_recv(endpoint, scratch, sizeof scratch, WEIR_FOREVER);
    if (got >= 8 && length >= 8 && message_sequence(scratch) != sequence) {
        fail_at(file, line, "expected message %" PRIu64 ", got message %" PRIu64, sequence, message_sequence(scratch));
    }
    if (got != (ssize_t)length) {
        char text[24];
        fail_at(file, line, "message %" PRIu64 ": expected %zu bytes, got %s", sequence, length,
                result_text(got, text, sizeof text));
    }
    message_require(file, line, scratch, length, 0, sequence);
}

int send_until_refused(struct weir_endpoint *endpoint, size_t length, int64_t deadline_ns)
{
    for (unsigned long sequence = 0;; sequence++) {
        int result = send_message(endpoint, sequence, length, 0, deadline_ns);
        if (result != WEIR_OK) {
            return result;
        }
        atomic_store(&board->sent, sequence + 1);
    }
}
