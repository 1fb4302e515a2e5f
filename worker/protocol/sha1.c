/* sha1.c - see sha1.h.  Names of variables are those of FIPS 180-4, 6.1. */
#include "worker/protocol/sha1.h"

#include <string.h>

enum { SHA1_BLOCK = 64 /* bytes */ };

static uint32_t sha1_rotate(uint32_t x, int n) {
    return x << n | x >> (32 - n);
}

/* The function and the constant of round t. */
static uint32_t sha1_mix(int t, uint32_t b, uint32_t c, uint32_t d) {
    if (t < 20)
        return ((b & c) | (~b & d)) + 0x5A827999;
    if (t < 40)
        return (b ^ c ^ d) + 0x6ED9EBA1;
    if (t < 60)
        return ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC;
    return (b ^ c ^ d) + 0xCA62C1D6;
}

static void sha1_block(uint32_t h[5], const uint8_t *in) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)in[4 * t] << 24 | (uint32_t)in[4 * t + 1] << 16 |
               (uint32_t)in[4 * t + 2] << 8 | in[4 * t + 3];
    for (int t = 16; t < 80; t++)
        w[t] = sha1_rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    for (int t = 0; t < 80; t++) {
        uint32_t next = sha1_rotate(a, 5) + sha1_mix(t, b, c, d) + e + w[t];
        e = d;
        d = c;
        c = sha1_rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

void sha1(const void *in, size_t n, uint8_t out[SHA1_BYTES]) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    const uint8_t *bytes = in;
    size_t whole = n / SHA1_BLOCK * SHA1_BLOCK, rest = n - whole;
    for (size_t at = 0; at < whole; at += SHA1_BLOCK)
        sha1_block(h, bytes + at);
    /* The rest, a bit 1, zeros up to the end of a block, whose last eight bytes are n in bits. */
    uint8_t last[2 * SHA1_BLOCK] = {0};
    if (rest > 0)
        memcpy(last, bytes + whole, rest);
    last[rest] = 0x80;
    size_t end = rest + 1 + 8 <= SHA1_BLOCK ? SHA1_BLOCK : 2 * SHA1_BLOCK;
    for (int i = 0; i < 8; i++)
        last[end - 1 - i] = (uint8_t)((uint64_t)n * 8 >> 8 * i);
    for (size_t at = 0; at < end; at += SHA1_BLOCK)
        sha1_block(h, last + at);
    for (int i = 0; i < SHA1_BYTES; i++)
        out[i] = (uint8_t)(h[i / 4] >> (24 - i % 4 * 8));
}
