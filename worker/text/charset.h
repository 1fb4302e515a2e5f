/* charset.h - encodings on the wire: what a client types becomes UTF-8, and UTF-8 becomes what it
 * is sent.
 *
 * The only state is a set of iconv descriptors, opened once in the parent of all processes.  Each
 * process uses its copy, from one thread.  They are reset at each call.  Nothing is allocated after
 * charset_init.  GBK is code page 936 (glibc's GBK has the euro at 80). */
#ifndef WORKER_TEXT_CHARSET_H
#define WORKER_TEXT_CHARSET_H

#include "ipc/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL, or a sentence why the encodings cannot be had. */
const char *charset_init(void);

/* clang-format off */
/* A finished line as UTF-8.  Its encoding is recognised: valid UTF-8 is UTF-8 (charset_is_utf8); else, if
 * valid in the client's double-byte encoding, that (GBK until it chose Big5); else each bad byte becomes
 * U+FFFD, and the rest is read as `enc`.  A line is never dropped for its bytes.
 *     enc    what the client is sent
 *     used   what the line was read as; `enc` where its bytes do not tell (ASCII, or valid in nothing)
 * Returns the length, or CHARSET_TOO_LONG if that is beyond out_size (out then holds rubbish).
 * CHARSET_DECODE_MAX(n) bytes are always enough. */
/* clang-format on */
#define CHARSET_TOO_LONG (-1)
#define CHARSET_DECODE_MAX(n) (3 * (n))
ptrdiff_t charset_decode(const uint8_t *in, size_t n, enum encoding enc, char *out, size_t out_size,
                         enum encoding *used);

/* Is it valid UTF-8, and not rather what the client is sent?  A line that has no character of three
 * bytes and is valid in that double-byte encoding as well is in it: one in seven Chinese characters
 * is two bytes that UTF-8 has, too. */
bool charset_is_utf8(enum encoding enc, const uint8_t *in, size_t n);

/* Valid UTF-8 in a client's encoding; what that cannot show becomes `?`.  Never longer than utf8.
 * If out_size is smaller than that it is cut between characters.  Returns the length. */
size_t charset_encode(enum encoding enc, const char *utf8, size_t n, char *out, size_t out_size);

/* Whether all of it can be shown in that encoding. */
bool charset_shows(enum encoding enc, const char *utf8, size_t n);

/* An encoding by any of its usual names, in any case; NULL if it is none of ours.  The names lie in
 * the order of preference: the smaller pointer is the better. */
struct charset_name {
    const char *name;
    uint8_t encoding;
};
const struct charset_name *charset_find(const char *name, size_t n);

/* What /encoding calls it: "utf-8". */
const char *charset_label(enum encoding enc);

/* For editing a line as typed, raw.
 *
 * Length of the character at the start of p[0, n), n > 0, and its columns.  A terminal gives a
 * double-byte character two columns, whatever it is; half of one is taken to be shown as one. */
size_t charset_length(enum encoding enc, const uint8_t *p, size_t n, size_t *columns);
/* Whether p[0, n), n > 0, begins a character of a double-byte encoding and does not finish it. */
bool charset_half(enum encoding enc, const uint8_t *p, size_t n);
/* Whether the double-byte encoding has the character p[0, n). */
bool charset_has(enum encoding enc, const uint8_t *p, size_t n);
/* Where the last character of line[0, n), n > 0, begins (with the
 * marks that are on it; half a character is one). */
size_t charset_last_start(enum encoding enc, const uint8_t *line, size_t n);

#endif
