/* hist.h - counts of durations in buckets 1.6 percent wide (64 to each power of two). */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdint.h>

enum { HIST_BITS = 6, HIST_SUB = 1 << HIST_BITS, HIST_BUCKETS = HIST_SUB * 36 };

struct hist {
    uint64_t count, max;
    uint32_t bucket[HIST_BUCKETS];
};

static inline void hist_add(struct hist *h, uint64_t ns) {
    uint32_t shift = ns < HIST_SUB ? 0 : 63 - HIST_BITS - (uint32_t)__builtin_clzll(ns);
    uint32_t at = shift * HIST_SUB + (uint32_t)(ns >> shift);
    h->bucket[at < HIST_BUCKETS ? at : HIST_BUCKETS - 1]++;
    h->count++;
    h->max = ns > h->max ? ns : h->max;
}

void hist_merge(struct hist *into, const struct hist *from);

/* The bucket's middle in ns below which `share` (0..1) of the counts lie; 0 when empty. */
uint64_t hist_at(const struct hist *h, double share);

#endif
