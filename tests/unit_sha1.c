/* unit_sha1.c - SHA-1 against the standards' examples, and at each length around a block's end. */
#include "worker/protocol/sha1.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hash_is(const void *in, size_t n, const char *hex) {
    uint8_t hash[SHA1_BYTES], *exact = malloc(n + !n); /* of exactly its size, for sanitizers */
    char text[2 * SHA1_BYTES + 1];
    memcpy(exact, in, n);
    sha1(exact, n, hash);
    for (int i = 0; i < SHA1_BYTES; i++)
        sprintf(text + 2 * i, "%02x", hash[i]);
    cr_expect_str_eq(text, hex, "of %zu bytes", n);
    free(exact);
}

Test(sha1, examples_of_the_standards) {
    static const char *const texts[][2] = {
        /* RFC 3174 7.3 and FIPS 180-4's examples */
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"a", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"},
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "a49b2446a02c645bf419f995b67091253a04a259"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        hash_is(texts[i][0], strlen(texts[i][0]), texts[i][1]);
}

Test(sha1, many_blocks) {
    size_t million = 1000000;
    char *a = malloc(million);
    memset(a, 'a', million);
    hash_is(a, million, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"); /* RFC 3174 7.3 */
    for (size_t i = 0; i < 640; i++)
        a[i] = (char)("01234567"[i % 8]);
    hash_is(a, 640, "dea356a2cddd90c7a7ecedc5ebb563934f460452"); /* RFC 3174 7.3 */
    free(a);
}

/* From coreutils' sha1sum. */
Test(sha1, lengths_around_the_end_of_a_block) {
    static const struct {
        size_t n;
        const char *hex;
    } lengths[] = {
        {54, "31045e7bb077ff8d188a776b196b980388735dbb"},
        {55, "cef734ba81a024479e09eb5a75b6ddae62e6abf1"},
        {56, "901305367c259952f4e7af8323f480d59f81335b"},
        {57, "025ecbd5d70f8fb3c5457cd96bab13fda305dc59"},
        {63, "0ddc4e0cccd9a12850deb5abb0853a4425559fec"},
        {64, "bb2fa3ee7afb9f54c6dfb5d021f14b1ffe40c163"},
        {65, "78c741ddc482e4cdf8c474a0876347a0905b6233"},
        {119, "4300320394f7ee239bcdce7d3b8bcee173a0cd5c"},
        {120, "ceb2821639c4b6dcb10bce0e522ca2e608ce056d"},
        {127, "e463484d274607e1897d4099497cbf2aedcf8206"},
        {128, "150fa3fbdc899bd0b8f95a9fb6027f564d953762"},
    };
    char x[128];
    memset(x, 'x', sizeof x);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        hash_is(x, lengths[i].n, lengths[i].hex);
}
