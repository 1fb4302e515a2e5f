/* unicode.c - see unicode.h.  Every table is sorted and searched by halves. */
#include "ipc/unicode.h"

#include "ipc/unicode_table.h"

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

/* As the table has it; most text is ASCII. */
static struct unicode_properties unicode_ascii_properties(int32_t cp) {
    int32_t letter = cp | 0x20;
    if (letter >= 'a' && letter <= 'z')
        return (struct unicode_properties){UNICODE_LETTER, 1, UNICODE_LATIN};
    if (cp < ' ' || cp == 0x7F)
        return (struct unicode_properties){UNICODE_DROP, 0, UNICODE_COMMON};
    bool digit = cp >= '0' && cp <= '9';
    uint8_t class = cp == ' ' ? UNICODE_BLANK : digit ? UNICODE_DIGIT : UNICODE_OTHER;
    return (struct unicode_properties){class, 1, UNICODE_COMMON};
}

struct unicode_properties unicode_properties(int32_t cp) {
    if (cp >= 0 && cp < 0x80)
        return unicode_ascii_properties(cp);
    uint32_t key = (uint32_t)cp << 11 | 0x7FF;
    size_t at = 0; /* the last range that begins at or before cp; found without branching */
    for (size_t n = LENGTH(unicode_ranges), half; n > 1; n -= half) {
        half = n / 2;
        at = unicode_ranges[at + half] <= key ? at + half : at;
    }
    uint32_t p = unicode_ranges[at];
    return (struct unicode_properties){p & 7, p >> 3 & 3, p >> 5 & 63};
}
