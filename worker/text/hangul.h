/* hangul.h - Korean syllables that are spelt out (Unicode, section 3.12): a leading consonant, a
 * vowel, perhaps a final consonant.
 *
 * Vowels and finals are letters that take no column: they are drawn into the syllable before them.
 * Without one they would be drawn on whatever is there.  Pure functions; safe anywhere. */
#ifndef WORKER_TEXT_HANGUL_H
#define WORKER_TEXT_HANGUL_H

#include <stdbool.h>
#include <stdint.h>

static inline bool hangul_leading(int32_t cp) {
    return (cp >= 0x1100 && cp <= 0x115E) || (cp >= 0xA960 && cp <= 0xA97C);
}
static inline bool hangul_vowel(int32_t cp) {
    return (cp >= 0x1161 && cp <= 0x11A7) || (cp >= 0xD7B0 && cp <= 0xD7C6);
}
static inline bool hangul_final(int32_t cp) {
    return (cp >= 0x11A8 && cp <= 0x11FF) || (cp >= 0xD7CB && cp <= 0xD7FB);
}
/* A whole syllable that could take a final consonant. */
static inline bool hangul_open(int32_t cp) {
    return cp >= 0xAC00 && cp <= 0xD7A3 && (cp - 0xAC00) % 28 == 0;
}

/* Whether the vowel or final `cp` belongs to a syllable that ends in `before`. */
static inline bool hangul_joins(int32_t before, int32_t cp) {
    return hangul_vowel(cp) ? hangul_leading(before) : hangul_vowel(before) || hangul_open(before);
}

#endif
