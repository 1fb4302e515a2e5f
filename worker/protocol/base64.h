/* base64.h - bytes as base64 (RFC 4648 4), and back.  Pure; safe anywhere. */
#ifndef WORKER_PROTOCOL_BASE64_H
#define WORKER_PROTOCOL_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the text that n bytes give. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_LEN(n) bytes, no NUL behind them. */
void base64_encode(const uint8_t *in, size_t n, char *out);

/* The bytes of text[0, len), at most `size` of them, and their number in *n.  Strict (RFC 4648 3.3,
 * 3.5): false, with `out` undefined, for any text that base64_encode does not write, such as one
 * without padding, or with blanks, or with bits set that no byte has; and for one of more than
 * `size` bytes. */
bool base64_decode(const char *text, size_t len, uint8_t *out, size_t size, size_t *n);

#endif
