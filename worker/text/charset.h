/* charset.h - encodings on the wire: what a client types becomes UTF-8, and UTF-8 becomes what it
 * is sent.
 *
 * The only state is a set of iconv descriptors, opened once in the parent of all processes.  Each
 * process uses its copy, from one thread.  They are reset at each call.  Nothing is allocated after
 * charset_init.
 *
 * GBK is code page 936 (the euro is 80), Big5 is Big5-HKSCS, Shift_JIS is code page 932 (glibc's
 * SHIFT_JIS has no backslash).  In every encoding a byte of ASCII that is no part of a character of
 * several bytes is that character of ASCII. */
#ifndef WORKER_TEXT_CHARSET_H
#define WORKER_TEXT_CHARSET_H

#include "ipc/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL, or a sentence why the encodings cannot be had.  Those that have no ring are there only
 * where the C library has them, GB18030 always. */
const char *charset_init(void);
bool charset_exists(enum encoding enc);

/* clang-format off */
/* A finished line as UTF-8.  Its encoding is recognised: valid UTF-8 is UTF-8 (charset_is_utf8); else it is
 * in the client's own encoding.  Of a client that is sent UTF-8 that is GBK, if the line is valid in it or
 * looks Chinese (charset_is_chinese).  A line is never dropped for its bytes: each byte that is no UTF-8,
 * and each character that another encoding lacks, becomes one U+FFFD; the second byte of such a character
 * stays if it is ASCII (WHATWG Encoding, section 4.1).
 *     enc    what the client is sent, or ENC_ONLY_UTF8
 *     used   what the line was read as; `enc` where its bytes do not tell (ASCII, or valid in nothing)
 * Returns the length, or CHARSET_TOO_LONG if that is beyond out_size (out then holds rubbish).
 * CHARSET_DECODE_MAX(n) bytes are always enough. */
/* clang-format on */
#define CHARSET_TOO_LONG (-1)
#define CHARSET_DECODE_MAX(n) (3 * (n))
ptrdiff_t charset_decode(const uint8_t *in, size_t n, enum encoding enc, char *out, size_t out_size,
                         enum encoding *used);

/* Is it valid UTF-8, and not rather what the client is sent?  A line that is valid in that as well
 * is in it, unless CHARSET_PROOF points speak for UTF-8: one in seven Chinese characters is two
 * bytes that UTF-8 has, too. */
bool charset_is_utf8(enum encoding enc, const uint8_t *in, size_t n);
enum { CHARSET_PROOF = 2 };
unsigned charset_points(enum encoding enc, uint8_t byte);

/* Whether the bytes look like a Chinese line in GBK, and not like one in another encoding of pairs:
 * of its characters of two bytes CHARSET_CHINESE times as many are among the most frequent Chinese
 * ones as are not.  In running text nine of ten are; in words in EUC-KR, EUC-JP or KOI8-R, whose
 * pairs lie anywhere in GB 2312's level 1, one of three (Li and Momoi, "A composite approach to
 * language/encoding detection", 2001: character distribution).  If all bytes are words in KOI8-R
 * or Windows-1251 as well, all must be frequent, and two at least. */
enum { CHARSET_CHINESE = 3 };
bool charset_is_chinese(const uint8_t *in, size_t n);

/* Valid UTF-8 in a client's encoding; what that cannot show becomes `?`, and what is invisible
 * there nothing.  Never longer than utf8 in an encoding that has a ring, nor than
 * CHARSET_ENCODE_MAX in others.  If out_size is smaller it is cut between characters.  Returns the
 * length. */
#define CHARSET_ENCODE_MAX(n) (2 * (n))
size_t charset_encode(enum encoding enc, const char *utf8, size_t n, char *out, size_t out_size);

/* Whether all of it can be shown in that encoding. */
bool charset_shows(enum encoding enc, const char *utf8, size_t n);

/* An encoding that exists by any of its usual names, in any case; NULL if it is none of ours.  The
 * names lie in the order of preference: the smaller pointer is the better. */
struct charset_name {
    const char *name;
    uint8_t encoding;
};
const struct charset_name *charset_find(const char *name, size_t n);

/* What /encoding calls it: "utf-8"; and all that exist: "utf-8, gbk, big5". */
const char *charset_label(enum encoding enc);
const char *charset_labels(void);

/* Whether it has a letter 255, which telnet calls IAC. */
bool charset_has_255(enum encoding enc);

/* For editing a line as typed, raw.
 *
 * Length of the character at the start of p[0, n), n > 0, and its columns.  A terminal gives a
 * double-byte character two columns, whatever it is; half of one is taken to be shown as one. */
size_t charset_length(enum encoding enc, const uint8_t *p, size_t n, size_t *columns);
/* Whether p[0, n), n > 0, begins a character of several bytes and does not finish it; not for
 * UTF-8. */
bool charset_half(enum encoding enc, const uint8_t *p, size_t n);
/* Whether the encoding has the character p[0, n). */
bool charset_has(enum encoding enc, const uint8_t *p, size_t n);
/* Whether characters can be found from any byte of ASCII on, in pairs or one by one. */
bool charset_pairs(enum encoding enc);
/* Where the last character of line[0, n), n > 0, begins (with the
 * marks that are on it; half a character is one). */
size_t charset_last_start(enum encoding enc, const uint8_t *line, size_t n);
/* What a line is in that is no UTF-8, of a client that is sent `enc`. */
enum encoding charset_own(enum encoding enc);

#endif
