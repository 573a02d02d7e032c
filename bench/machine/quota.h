/* SPDX-License-Identifier: MIT
 *
 * How much CPU time the control groups of this process allow it.
 */
#ifndef WEIR_BENCH_QUOTA_H
#define WEIR_BENCH_QUOTA_H

struct quota {
    double cpus;    /* the least of all groups up the tree; INFINITY: no quota; NaN: not known */
    char file[256]; /* that sets it */
};

/* Reads /proc and the cgroup file systems below `root` ("" is this machine). */
void quota_read(struct quota *ret, const char *root);

#endif
