/* hist.c - merging and reading histograms; see hist.h for the buckets. */
#include "tests/bench/gen/hist.h"

void hist_merge(struct hist *into, const struct hist *from) {
    for (uint32_t i = 0; i < HIST_BUCKETS; i++)
        into->bucket[i] += from->bucket[i];
    into->count += from->count;
    into->max = from->max > into->max ? from->max : into->max;
}

/* Buckets [0, 2 * HIST_SUB) are single values; above, bucket shift * HIST_SUB + m stands for the
 * values [m << shift, (m + 1) << shift) with m in [HIST_SUB, 2 * HIST_SUB). */
static uint64_t bucket_middle(uint32_t at) {
    if (at < 2 * HIST_SUB)
        return at;
    uint32_t shift = at / HIST_SUB - 1;
    uint64_t m = at % HIST_SUB + HIST_SUB;
    return (m << shift) + ((1ULL << shift) >> 1);
}

uint64_t hist_at(const struct hist *h, double share) {
    uint64_t below = 0, wanted = (uint64_t)(share * (double)h->count);
    for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
        below += h->bucket[i];
        if (below > wanted)
            return bucket_middle(i);
    }
    return h->max;
}
