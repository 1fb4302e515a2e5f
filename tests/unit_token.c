/* unit_token.c - the secret by which a browser claims its own place again. */
#include "ipc/token.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(token, .timeout = 60);

static const uint8_t token_key[SIPHASH_KEY] = {1, 2, 3}, token_other_key[SIPHASH_KEY] = {1, 2, 4};

Test(token, is_its_clients_alone) {
    uint8_t a[TOKEN_BYTES], b[TOKEN_BYTES];
    token_of(token_key, 5, 7, a);
    token_of(token_key, 7, 5, b);
    cr_expect(token_is(token_key, 5, 7, a) && token_is(token_key, 7, 5, b));
    cr_expect_not(token_is(token_key, 5, 8, a), "of another client with that number");
    cr_expect_not(token_is(token_key, 6, 7, a), "of another number");
    cr_expect_not(token_is(token_key, 5, 7, b), "two are equal");
    cr_expect_not(token_is(token_other_key, 5, 7, a), "the key does not count");
    cr_expect_neq(memcmp(a, a + TOKEN_BYTES / 2, TOKEN_BYTES / 2), 0, "its halves are equal");
    for (int bit = 0; bit < 8 * TOKEN_BYTES; bit++) {
        uint8_t other[TOKEN_BYTES];
        memcpy(other, a, sizeof other);
        other[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_expect_not(token_is(token_key, 5, 7, other), "bit %d does not count", bit);
    }
}

Test(token, reads_what_is_32_hexadecimal_digits_and_nothing_else) {
    uint8_t bytes[TOKEN_BYTES];
    cr_assert(token_read("00112233445566778899aabbCCDDEEFF", 32, bytes));
    for (int i = 0; i < TOKEN_BYTES; i++)
        cr_expect_eq(bytes[i], 0x11 * i);
    cr_expect_not(token_read("00112233445566778899aabbccddeef", 31, bytes));
    cr_expect_not(token_read("00112233445566778899aabbccddeeff0", 33, bytes));
    cr_expect_not(token_read("00112233445566778899aabbccddeefg", 32, bytes));
    cr_expect_not(token_read("0x112233445566778899aabbccddeeff", 32, bytes));
    cr_expect_not(token_read("", 0, bytes));
}

Test(token, each_segment_has_a_key_of_its_own) {
    struct segment a, b;
    unit_segment(&a, 65536);
    unit_segment(&b, 65536);
    cr_expect_neq(memcmp(a.header->token_key, b.header->token_key, SIPHASH_KEY), 0);
    cr_expect_neq(memcmp(a.header->token_key, a.header->name_key, SIPHASH_KEY), 0);
}
