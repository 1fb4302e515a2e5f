/* name.h - which texts are names, and which names are the same.
 *
 * A name is checked as typed, before anything is stripped from it.  Two names are the same if
 * either of two forms is equal:
 *
 *   name_fold: what it looks like in capitals.  Case, full and half width, composed and decomposed
 *   accents, and digits of other scripts by value do not make a difference, nor do letters whose
 *   capitals look alike (Latin, Cyrillic, Greek): `nik` is `ΝΙΚ`.
 *
 *   name_look: what it looks like as typed, its skeleton (UTS 39, section 4): `pauI` is `paul`,
 *   `bob1` is `bobl`, `barn` is `bam`.
 *
 * They are different relations: `Ian` is `ian` by the first and `lan` by the second, and is not
 * `Lan`.  What is not seen is in neither: a second dot on an i or j, the line that joins Arabic
 * letters.  One script a name ("highly restrictive", UTS 39, section 5.2).  Pure functions; safe
 * anywhere. */
#ifndef WORKER_TEXT_NAME_H
#define WORKER_TEXT_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAME_POINTS_MAX = 24 }; /* code points, at most 96 bytes */

enum name_error {
    NAME_OK,
    NAME_EMPTY,
    NAME_TOO_LONG,
    NAME_BAD_CHARACTER, /* not a letter, digit, . _ or -; it begins with neither letter nor digit; a
                         * mark without a letter, a Korean vowel without a syllable */
    NAME_MIXED_SCRIPTS, /* as a look-alike would be */
    NAME_RESERVED,      /* the room's name; like a sentence, a time, an address */
};

/* `utf8` need not be valid; `room` is NUL-terminated. */
enum name_error name_check(const char *utf8, size_t n, const char *room);

/* The form as UTF-8, never terminated; its length.  Any text has them (a room's name, an address);
 * bytes that are not UTF-8 count as U+FFFD.  Only the first NAME_FORM_BYTES of it count, which is
 * what a name of another machine can have. */
enum { NAME_FORM_BYTES = 128, NAME_FORM_MAX = 7 * NAME_FORM_BYTES };
size_t name_fold(const char *utf8, size_t n, char out[NAME_FORM_MAX]);
size_t name_look(const char *utf8, size_t n, char out[NAME_FORM_MAX]);

/* Both forms of a name; whether a text, NUL-terminated, is the same name. */
struct name_forms {
    size_t fold_len, look_len;
    char fold[NAME_FORM_MAX], look[NAME_FORM_MAX];
};
void name_forms(const char *utf8, size_t n, struct name_forms *out);
bool name_is(const struct name_forms *name, const char *text);

/* SipHash-2-4 of the form under a secret key, never 0: equal for equal forms, and without the key
 * no two names that collide can be found.  A name is found by its name_key. */
uint64_t name_key(const char *utf8, size_t n, const uint8_t key[16]);
uint64_t name_look_key(const char *utf8, size_t n, const uint8_t key[16]);

#endif
