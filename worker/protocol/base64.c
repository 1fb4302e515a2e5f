/* base64.c - see base64.h. */
#include "worker/protocol/base64.h"

#include <string.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const uint8_t *in, size_t n, char *out) {
    for (size_t at = 0; at < n; at += 3, out += 4) {
        size_t bytes = n - at < 3 ? n - at : 3;
        uint32_t bits = (uint32_t)in[at] << 16;
        bits |= bytes > 1 ? (uint32_t)in[at + 1] << 8 : 0;
        bits |= bytes > 2 ? in[at + 2] : 0;
        for (size_t i = 0; i < 4; i++)
            out[i] = i <= bytes ? base64_digits[bits >> (18 - 6 * i) & 63] : '=';
    }
}

/* The bits of four digits, of which the last ones may be padding; false: one is no digit. */
static bool base64_bits(const char *text, size_t digits, uint32_t *bits) {
    *bits = 0;
    for (size_t i = 0; i < digits; i++) {
        const char *digit = text[i] ? strchr(base64_digits, text[i]) : NULL;
        if (!digit)
            return false;
        *bits |= (uint32_t)(digit - base64_digits) << (18 - 6 * i);
    }
    return true;
}

bool base64_decode(const char *text, size_t len, uint8_t *out, size_t size, size_t *n) {
    *n = 0;
    if (len % 4 != 0)
        return false;
    for (size_t at = 0; at < len; at += 4) {
        size_t padding = at + 4 < len || text[at + 3] != '=' ? 0 : text[at + 2] != '=' ? 1 : 2;
        size_t bytes = 3 - padding;
        uint32_t bits;
        if (!base64_bits(text + at, 4 - padding, &bits) || bits & ((1u << 8 * padding) - 1) ||
            bytes > size - *n)
            return false;
        for (size_t i = 0; i < bytes; i++)
            out[(*n)++] = (uint8_t)(bits >> (16 - 8 * i));
    }
    return true;
}
