/* decimal.h - numbers in configuration, protocols and commands: decimal digits and nothing else. */
#ifndef IPC_DECIMAL_H
#define IPC_DECIMAL_H

#include <stdbool.h>
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

#endif
