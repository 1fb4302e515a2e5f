/* skeleton.c - see skeleton.h.  Both tables are sorted and searched by halves. */
#include "worker/text/skeleton.h"

#include "worker/text/skeleton_table.h"

#include <stdbool.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Korean syllables are computed, not looked up (Unicode, section 3.12). */
static size_t skeleton_hangul(int32_t cp, int32_t out[SKELETON_MAX]) {
    int32_t index = cp - 0xAC00;
    out[0] = 0x1100 + index / 588;
    out[1] = 0x1161 + index % 588 / 28;
    out[2] = 0x11A7 + index % 28;
    return index % 28 ? 3 : 2;
}

static bool skeleton_search_one(uint32_t cp, int32_t *out) {
    size_t lo = 0, hi = LENGTH(skeleton_one);
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (skeleton_one[middle].first <= cp)
            lo = middle + 1;
        else
            hi = middle;
    }
    if (lo == 0)
        return false;
    uint32_t distance = cp - skeleton_one[lo - 1].first, step = skeleton_one[lo - 1].step;
    if (distance % step != 0 || distance / step >= skeleton_one[lo - 1].count)
        return false;
    *out = (int32_t)cp + skeleton_one[lo - 1].delta;
    return true;
}

static size_t skeleton_search_many(uint32_t cp, int32_t out[SKELETON_MAX]) {
    size_t lo = 0, hi = LENGTH(skeleton_many), len = 0;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (skeleton_many[middle].from < cp)
            lo = middle + 1;
        else
            hi = middle;
    }
    if (lo < LENGTH(skeleton_many) && skeleton_many[lo].from == cp)
        while (len < SKELETON_MAX && skeleton_many[lo].to[len] != 0) {
            out[len] = skeleton_many[lo].to[len];
            len++;
        }
    return len;
}

size_t skeleton(int32_t cp, int32_t out[SKELETON_MAX]) {
    if (cp >= 0xAC00 && cp <= 0xD7A3)
        return skeleton_hangul(cp, out);
    size_t len = skeleton_search_many((uint32_t)cp, out);
    if (len > 0)
        return len;
    out[0] = cp;
    skeleton_search_one((uint32_t)cp, &out[0]);
    return 1;
}
