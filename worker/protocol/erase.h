/* erase.h - where the characters of a half-typed line begin, and taking them off its end in
 * constant time each.
 *
 *     struct erase e;
 *     erase_begin(&e, enc);                        `enc`: as in charset_decode
 *     n = erase_char(&e, line, n); ...             text may be added to the line in between
 *     erase_to(&e, line, at);                      before bytes from `at` on are changed
 *
 * What a line is in shows only as it grows (charset.h): it is read as UTF-8 and in the client's
 * own encoding at once, each byte once, and where characters begin is kept.  So n keys at the end
 * of a line cost O(n), whatever they are; a key in its middle costs what is behind it.  The line
 * may grow between two calls; below its length it may be changed by these calls only, or after
 * erase_to.  Memory is the caller's; pure functions otherwise; safe anywhere. */
#ifndef WORKER_PROTOCOL_ERASE_H
#define WORKER_PROTOCOL_ERASE_H

#include "ipc/config.h"

#include <stdbool.h>
#include <stdint.h>

struct erase {
    uint8_t encoding; /* enum encoding: what the client is sent, or ENC_ONLY_UTF8 */
    uint8_t pair;     /* enum encoding: the client's own, of two bytes a character most often */
    bool bad;         /* at utf8_to begins what is no UTF-8 */
    uint32_t utf8_to; /* bytes read as UTF-8: whole characters */
    uint32_t pair_to; /* the same in the client's own encoding */
    uint32_t points;  /* that speak for UTF-8 below utf8_to: charset.h */
    uint32_t misfits; /* characters below pair_to that the client's own encoding does not have */
    uint8_t marks[LINE_MAX_MAX];
};

void erase_begin(struct erase *e, enum encoding enc);

/* The line without its last character (with the marks that are on it; half a character is one), or
 * without its last word and the blanks behind it.  Returns the length left. */
uint32_t erase_char(struct erase *e, const uint8_t *line, uint32_t n);
uint32_t erase_word(struct erase *e, const uint8_t *line, uint32_t n);
/* The same for any new length. */
void erase_to(struct erase *e, const uint8_t *line, uint32_t n);

/* Of the line line[0, n): where the character before `at` begins, and where the one at `at` ends,
 * with the marks on it. */
uint32_t erase_before(struct erase *e, const uint8_t *line, uint32_t n, uint32_t at);
uint32_t erase_after(struct erase *e, const uint8_t *line, uint32_t n, uint32_t at);
/* Whether the line is read as UTF-8, as far as it shows; else in erase.pair. */
bool erase_in_utf8(struct erase *e, const uint8_t *line, uint32_t n);

/* How many bytes at the line's end begin a character and do not finish it. */
uint32_t erase_half(struct erase *e, const uint8_t *line, uint32_t n);

#endif
