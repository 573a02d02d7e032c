/* SPDX-License-Identifier: MIT
 *
 * What C has no words for: a pause while spinning, and asking for a cache line in order to write it.
 */
#ifndef WEIR_CPU_H
#define WEIR_CPU_H

static inline void weir_cpu_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline void weir_cpu_fetch_to_write(const unsigned char *line)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*line)); /* gcc's own needs -mprfchw and else fetches to read */
#else
    __builtin_prefetch(line, 1);
#endif
}

#endif
