/* siphash.c - see siphash.h. */
#include "ipc/siphash.h"

#include <endian.h>
#include <string.h>

static uint64_t siphash_load64(const void *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

static uint64_t siphash_rotate(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

static void siphash_rounds(uint64_t v[4], int rounds) {
    while (rounds-- > 0) {
        v[0] += v[1], v[2] += v[3];
        v[1] = siphash_rotate(v[1], 13) ^ v[0], v[3] = siphash_rotate(v[3], 16) ^ v[2];
        v[0] = siphash_rotate(v[0], 32) + v[3], v[2] += v[1];
        v[3] = siphash_rotate(v[3], 21) ^ v[0], v[1] = siphash_rotate(v[1], 17) ^ v[2];
        v[2] = siphash_rotate(v[2], 32);
    }
}

uint64_t siphash(const void *bytes, size_t n, const uint8_t key[16]) {
    uint64_t k0 = siphash_load64(key), k1 = siphash_load64(key + 8), word;
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                     k1 ^ 0x7465646279746573};
    const uint8_t *p = bytes;
    for (size_t left = n;; left -= 8, p += 8) {
        uint8_t last[8] = {[7] = (uint8_t)n};
        if (left < 8)
            memcpy(last, p, left);
        word = siphash_load64(left < 8 ? last : p);
        v[3] ^= word;
        siphash_rounds(v, 2);
        v[0] ^= word;
        if (left < 8)
            break;
    }
    v[2] ^= 0xFF;
    siphash_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
