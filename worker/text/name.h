/* name.h - which texts are names, and which names are the same.
 *
 * A name is checked as typed, before anything is stripped from it.  Two names are the same if their
 * folded forms are equal: case, full and half width, composed and decomposed accents, digits of
 * other scripts by value, and letters that look like Latin ones (Cyrillic, Greek, small capitals,
 * ...) do not make a difference.  Within ASCII only case does not: `bob1`, `bobl` and `bobI` are
 * three. In the spirit of UTS 39: one script a name ("highly restrictive"), and its skeletons. Pure
 * functions; safe anywhere. */
#ifndef WORKER_TEXT_NAME_H
#define WORKER_TEXT_NAME_H

#include <stddef.h>
#include <stdint.h>

enum { NAME_POINTS_MAX = 24 }; /* code points, at most 96 bytes */

enum name_error {
    NAME_OK,
    NAME_EMPTY,
    NAME_TOO_LONG,
    NAME_BAD_CHARACTER, /* not a letter, digit, . _ or -; or a mark without a letter */
    NAME_MIXED_SCRIPTS, /* as a look-alike would be */
    NAME_RESERVED,      /* a command, the room's name, or like a sentence of the server */
};

/* `utf8` need not be valid; `room` is NUL-terminated. */
enum name_error name_check(const char *utf8, size_t n, const char *room);

/* The folded form as UTF-8, never terminated; its length.  Any text may be folded (a room's name,
 * an address); bytes that are not UTF-8 fold to U+FFFD.  Only the first NAME_FOLD_BYTES of it
 * count, which is more than a name can have. */
enum { NAME_FOLD_BYTES = 128, NAME_FOLDED_MAX = 3 * NAME_FOLD_BYTES };
size_t name_fold(const char *utf8, size_t n, char out[NAME_FOLDED_MAX]);

/* SipHash-2-4 of the folded form under a secret key, never 0: equal for names that are the same,
 * and without the key no two names that collide can be found. */
uint64_t name_key(const char *utf8, size_t n, const uint8_t key[16]);

#endif
