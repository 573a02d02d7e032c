/* SPDX-License-Identifier: MIT
 *
 * Reports: what a worker sends home at the end of an epoch, as length-delimited nanopb messages through its report
 * pipe: chunks of its histograms, if it has any, then its report, each in an envelope. The reader takes whatever comes:
 * a garbled or truncated stream is an answer, not an accident.
 */
#ifndef WEIR_PROTO_REPORT_H
#define WEIR_PROTO_REPORT_H

#include <stddef.h>

#include "proto/report.pb.h"

#define REPORT_MOST_BYTES     (weir_Envelope_size + 2) /* with its length before it; below PIPE_BUF */
#define REPORT_LATENCY_COUNTS (sizeof((weir_Latency *)NULL)->counts / sizeof((weir_Latency *)NULL)->counts[0])

/* Each writes one envelope to a blocking descriptor; atomic on a pipe. 0, or -1: it cannot be encoded (text without its
 * NUL, more counts than there are) or not be written. A reader that is gone raises SIGPIPE unless the caller ignores
 * it. */
int report_write(int fd, const weir_Report *report);
int report_write_latency(int fd, const weir_Latency *latency);
int report_forward(int fd, const weir_Envelope *envelope);

enum report_result {
    REPORT_MALFORMED = -2, /* not an envelope, or cut short, or unreadable; so are all later calls */
    REPORT_END = -1,       /* end of file, nothing left over */
    REPORT_NONE = 0,       /* nothing whole yet */
    REPORT_READY = 1,
};

/* Reads one stream of envelopes. All zero to begin with. */
struct report_reader {
    size_t filled;
    unsigned char bytes[REPORT_MOST_BYTES];
};

/* Reads from a non-blocking descriptor; `ret` is filled with REPORT_READY only. */
enum report_result report_read(struct report_reader *reader, int fd, weir_Envelope *ret);

#endif
