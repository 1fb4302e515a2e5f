/* token.c - see token.h. */
#include "ipc/token.h"

#include <string.h>

void token_of(const uint8_t key[SIPHASH_KEY], uint32_t client, uint32_t generation,
              uint8_t bytes[TOKEN_BYTES]) {
    for (uint32_t half = 0; half < 2; half++) {
        const uint32_t of[] = {client, generation, half};
        uint64_t hash = siphash(of, sizeof of, key);
        memcpy(bytes + half * sizeof hash, &hash, sizeof hash);
    }
}

bool token_is(const uint8_t key[SIPHASH_KEY], uint32_t client, uint32_t generation,
              const uint8_t bytes[TOKEN_BYTES]) {
    uint8_t token[TOKEN_BYTES];
    volatile uint8_t differ = 0; /* so that no compiler ends the loop early */
    token_of(key, client, generation, token);
    for (int i = 0; i < TOKEN_BYTES; i++)
        differ |= (uint8_t)(token[i] ^ bytes[i]);
    return differ == 0;
}

static int token_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool token_read(const char *text, size_t len, uint8_t bytes[TOKEN_BYTES]) {
    if (len != TOKEN_DIGITS)
        return false;
    for (int i = 0; i < TOKEN_BYTES; i++) {
        int high = token_digit(text[2 * i]), low = token_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
