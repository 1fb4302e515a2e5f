/* decimal.h - numbers in configuration, protocols and commands: decimal digits and nothing else. */
#ifndef IPC_DECIMAL_H
#define IPC_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* False: the text is no number, has more than nine digits, or is above `max`. */
static inline bool decimal_parse(const char *text, uint32_t max, uint32_t *out) {
    size_t len = strspn(text, "0123456789");
    *out = 0;
    for (size_t i = 0; i < len && len <= 9; i++)
        *out = *out * 10 + (uint32_t)(text[i] - '0');
    return len > 0 && len <= 9 && text[len] == '\0' && *out <= max;
}

/* Writes the digits, no NUL behind them; their number. */
enum { DECIMAL_MAX = 20 };
static inline size_t decimal_write(uint64_t number, char out[DECIMAL_MAX]) {
    char digits[DECIMAL_MAX];
    size_t at = DECIMAL_MAX;
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    memcpy(out, digits + at, DECIMAL_MAX - at);
    return DECIMAL_MAX - at;
}

#endif
