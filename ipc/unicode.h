/* unicode.h - code points: UTF-8 in and out, and what Unicode says about each.
 *
 * Pure functions over constant tables (ipc/unicode_table.h, made by scripts/unicode-table); safe
 * anywhere.  UTF-8 is strict (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef IPC_UNICODE_H
#define IPC_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNICODE_BAD = -1, UNICODE_REPLACEMENT = 0xFFFD };

/* The code point at s[0, n), n > 0, and its length in bytes; UNICODE_BAD and 1 if s[0] begins none.
 */
int32_t unicode_decode(const char *s, size_t n, size_t *len);

/* Writes one code point; returns its length, 1 to 4. */
size_t unicode_encode(int32_t cp, char out[4]);

bool unicode_valid(const char *s, size_t n);

/* How many bytes at the start of s[0, n) are ASCII. */
size_t unicode_ascii(const void *s, size_t n);

enum unicode_class {
    UNICODE_OTHER,        /* punctuation, symbols, letters unfit for names */
    UNICODE_DROP,         /* invisible, reordering, private, noncharacters: never shown */
    UNICODE_LETTER,       /* of a name */
    UNICODE_DIGIT,        /* decimal, of any script */
    UNICODE_MARK,         /* takes no column: combines with the character before it */
    UNICODE_SPACING_MARK, /* vowel signs beside it */
    UNICODE_BLANK,        /* spaces of any script, empty Braille */
    UNICODE_UNASSIGNED,   /* newer than these tables, if anything */
};

/* Numbers of scripts, in the order of scripts/unicode-table; those not named here matter only as
 * different from one another.  Accents of any script and ASCII digits are UNICODE_COMMON. */
enum unicode_script {
    UNICODE_COMMON = 0,
    UNICODE_LATIN = 1,
    UNICODE_ARABIC = 6,
    UNICODE_DEVANAGARI = 8, /* and the scripts of India up to */
    UNICODE_SINHALA = 17,
    UNICODE_MYANMAR = 21,
    UNICODE_HANGUL = 23,
    UNICODE_KHMER = 25,
    UNICODE_KANA = 26,
    UNICODE_BOPOMOFO = 27,
    UNICODE_HAN = 28,
    UNICODE_OTHER_SCRIPT = 29, /* any that is rare today: Syriac, N'Ko, Mongolian, ... */
    UNICODE_PICTOGRAPH = 30,   /* of what is no letter: emoji, skin tones (UTS 51) */
};

struct unicode_properties {
    uint8_t class;   /* enum unicode_class */
    uint8_t columns; /* 0, 1, 2 on a terminal (UAX 11; ambiguous is 1) */
    uint8_t script;  /* of what may stand in a name; below 64 */
};
struct unicode_properties unicode_properties(int32_t cp);

#endif
