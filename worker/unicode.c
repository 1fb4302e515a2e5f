/* unicode.c - see unicode.h.  Every table is sorted and searched by halves. */
#include "worker/unicode.h"

#include "worker/unicode_table.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

size_t unicode_ascii(const void *s, size_t n) {
    const unsigned char *p = s;
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, p + i, sizeof word);
        if (word & 0x8080808080808080u)
            break;
    }
    while (i < n && p[i] < 0x80)
        i++;
    return i;
}

/* The range the second byte must be in is what keeps out overlong forms, surrogates and the numbers
 * beyond Unicode (RFC 3629, section 4); the others are any continuation byte. */
int32_t unicode_decode(const char *s, size_t n, size_t *len) {
    const unsigned char *p = (const unsigned char *)s;
    unsigned lead = p[0], more = 0, low = 0x80, high = 0xBF;
    *len = 1;
    if (lead < 0x80)
        return (int32_t)lead;
    if (lead >= 0xC2 && lead <= 0xDF)
        more = 1;
    else if (lead >= 0xE0 && lead <= 0xEF) {
        more = 2;
        low = lead == 0xE0 ? 0xA0 : low;
        high = lead == 0xED ? 0x9F : high;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        more = 3;
        low = lead == 0xF0 ? 0x90 : low;
        high = lead == 0xF4 ? 0x8F : high;
    }
    if (more == 0 || n <= more || p[1] < low || p[1] > high)
        return UNICODE_BAD;
    uint32_t cp = (lead & (0x3Fu >> more)) << 6 | (p[1] & 0x3Fu);
    for (unsigned i = 2; i <= more; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return UNICODE_BAD;
        cp = cp << 6 | (p[i] & 0x3Fu);
    }
    *len = more + 1;
    return (int32_t)cp;
}

size_t unicode_encode(int32_t cp, char out[4]) {
    uint32_t c = (uint32_t)cp;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)((0xF00u >> len) | c);
    return len;
}

bool unicode_valid(const char *s, size_t n) {
    for (size_t i = 0, len; i < n; i += len) {
        i += unicode_ascii(s + i, n - i);
        if (i == n)
            break;
        if (unicode_decode(s + i, n - i, &len) == UNICODE_BAD)
            return false;
    }
    return true;
}

struct unicode_properties unicode_properties(int32_t cp) {
    uint32_t key = (uint32_t)cp << 11 | 0x7FF;
    size_t at = 0; /* the last range that begins at or before cp; found without branching */
    for (size_t n = LENGTH(unicode_ranges), half; n > 1; n -= half) {
        half = n / 2;
        at = unicode_ranges[at + half] <= key ? at + half : at;
    }
    uint32_t p = unicode_ranges[at];
    return (struct unicode_properties){p & 7, p >> 3 & 3, p >> 5 & 63};
}

/* Korean syllables are computed, not looked up (Unicode, section 3.12). */
static size_t skeleton_hangul(int32_t cp, int32_t out[UNICODE_SKELETON_MAX]) {
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

static size_t skeleton_search_many(uint32_t cp, int32_t out[UNICODE_SKELETON_MAX]) {
    size_t lo = 0, hi = LENGTH(skeleton_many), len = 0;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (skeleton_many[middle].from < cp)
            lo = middle + 1;
        else
            hi = middle;
    }
    if (lo < LENGTH(skeleton_many) && skeleton_many[lo].from == cp)
        while (len < UNICODE_SKELETON_MAX && skeleton_many[lo].to[len] != 0) {
            out[len] = skeleton_many[lo].to[len];
            len++;
        }
    return len;
}

size_t unicode_skeleton(int32_t cp, int32_t out[UNICODE_SKELETON_MAX]) {
    if (cp >= 0xAC00 && cp <= 0xD7A3)
        return skeleton_hangul(cp, out);
    size_t len = skeleton_search_many((uint32_t)cp, out);
    if (len > 0)
        return len;
    out[0] = cp;
    skeleton_search_one((uint32_t)cp, &out[0]);
    return 1;
}
