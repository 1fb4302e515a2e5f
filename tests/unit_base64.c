/* unit_base64.c - base64 against RFC 4648's examples, and that nothing else is decoded. */
#include "worker/protocol/base64.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static bool decode(const char *text, size_t len, size_t size, uint8_t *out, size_t *n) {
    char *in = malloc(len + !len); /* of exactly its size, for sanitizers */
    uint8_t *exact = malloc(size + !size);
    memcpy(in, text, len);
    bool ok = base64_decode(in, len, exact, size, n);
    if (ok)
        memcpy(out, exact, *n);
    free(in);
    free(exact);
    return ok;
}

static void both_ways(const void *bytes, size_t n, const char *text) {
    uint8_t back[256];
    size_t len = BASE64_LEN(n), back_n;
    char *out = malloc(len + !len);
    base64_encode(bytes, n, out);
    cr_assert_eq(len, strlen(text), "%s", text);
    cr_expect_arr_eq(out, text, len, "%s", text);
    free(out);
    cr_assert(decode(text, len, n, back, &back_n), "%s", text);
    cr_assert_eq(back_n, n, "%s", text);
    cr_expect_arr_eq(back, bytes, n, "%s", text);
    if (n > 0)
        cr_expect_not(decode(text, len, n - 1, back, &back_n), "%s in too little room", text);
}

Test(base64, examples_of_the_rfc) {
    static const char *const texts[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\x14\xfb\x9c\x03\xd9\x7e", "FPucA9l+"},
        {"\x14\xfb\x9c\x03\xd9", "FPucA9k="},
        {"\x14\xfb\x9c\x03", "FPucAw=="},
        {"the sample nonce", "dGhlIHNhbXBsZSBub25jZQ=="},
        {"\xff\xff\xff\xfb\xef\xbe", "////++++"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        both_ways(texts[i][0], strlen(texts[i][0]), texts[i][1]);
    both_ways("\0\0\0\0", 4, "AAAAAA==");
}

Test(base64, what_is_decoded_is_encoded_alike) {
    static const char digits[] = "AQgw/+Zz=\n \0-_";
    uint8_t bytes[3];
    char again[4];
    size_t n, decoded = 0;
    for (size_t i = 0; i < 14 * 14 * 14 * 14; i++) {
        char text[4] = {digits[i % 14], digits[i / 14 % 14], digits[i / 196 % 14],
                        digits[i / 2744]};
        if (!decode(text, 4, 3, bytes, &n))
            continue;
        decoded++;
        base64_encode(bytes, n, again);
        cr_expect_arr_eq(again, text, 4, "%.4s", text);
    }
    /* Eight digits stand in the string; four of them, A Q g w, have no bits to spare. */
    cr_expect_eq(decoded, 8 * 8 * 8 * 8 + 8 * 8 * 4 + 8 * 4);
}

Test(base64, nothing_else_is_decoded) {
    static const char *const texts[] = {
        "Z",    "Zg",   "Zg=",      "Zm8",      "Zm9vYg", "=",        "==",     "====",
        "Z===", "=Zg=", "Zg==Zm9v", "Zm8=Zm9v", "Zh==",   "Zm9=",     "Zg==\n", "Zm9v\r\n\r\n",
        " Zg=", "Zm 9", "Zm-_",     "Zm9\xc3",  "Z=g=",   "Zg==    ",
    };
    uint8_t out[16];
    size_t n;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_expect_not(decode(texts[i], strlen(texts[i]), sizeof out, out, &n), "%s", texts[i]);
}
