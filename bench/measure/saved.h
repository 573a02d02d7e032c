/* SPDX-License-Identifier: MIT
 *
 * A result that was saved as weir.run/1 (docs/weir.run.schema.json), as far as comparing needs it. It comes from
 * outside, so that nothing in it is believed: whatever is missing, of the wrong type, out of its range or contradicts
 * itself makes it unreadable, with a sentence that says where.
 */
#ifndef WEIR_BENCH_SAVED_H
#define WEIR_BENCH_SAVED_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/weir.h>

#include "journal.h"

/* Larger files are not read: a long run of all cells has a few MiB. */
#define SAVED_MOST_BYTES ((size_t)32 << 20)

struct saved {
    const char *path;
    const char *version, *build_type, *compiler; /* of the weir that wrote it */
    const char *started;
    const char *cpu, *kernel, *hypervisor; /* hypervisor: "" if there was none */
    int cpus;
    bool interrupted;
    double noise_floor;     /* NaN: not known */
    struct cells cells;     /* with the setup, the rounds' wall time, epoch and round; the rest is not filled in */
    struct journal journal; /* likewise: the rounds' regime and the regimes */
    void *document;         /* a json_t; owns the texts */
};

/* 0, or -1 with a sentence that names the file. */
int saved_read(struct saved *ret, const char *path, struct weir_error *error);
void saved_free(struct saved *saved);

#endif
