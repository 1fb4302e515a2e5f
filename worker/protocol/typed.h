/* typed.h - what a terminal is shown of a line while it is being typed: bytes as received, in
 * whatever encoding.
 *
 * What a line is in shows only as it grows.  The rules are those by which a finished line is read
 * (charset.h), but for a character at its end of which only the first bytes are here; of a long
 * line they are applied to its end, so that the cost does not grow with it.  `read` is what the
 * client is sent, or ENC_ONLY_UTF8 (charset.h).  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_TYPED_H
#define WORKER_PROTOCOL_TYPED_H

#include "ipc/config.h"

#include <stddef.h>
#include <stdint.h>

/* Where the end of the line begins of which a terminal of `width` columns (0: unknown) is shown the
 * last rows: at a character, more than two rows from the end (width 0: less than 80 columns from
 * it), and for a row or so of typing at the same place.  It is computed from the bytes near the
 * end, what the line is in included. */
size_t typed_tail(enum encoding read, const uint8_t *line, size_t n, unsigned width);
enum {
    TYPED_WIDTH_MAX = 255,                /* a wider terminal is shown no more than one so wide */
    TYPED_TAIL_MAX = 7 * TYPED_WIDTH_MAX, /* bytes from there to the end */
};

/* How many bytes of line[0, n), which is behind the cursor, are enough for a row; the last may be
 * half of a character. */
size_t typed_head(size_t n, unsigned width);
enum { TYPED_HEAD_MAX = 4 * TYPED_WIDTH_MAX };

/* What of the line, or of its end, its own terminal may be shown, in its encoding `sent`: what
 * others would see of it, and nothing of a character still half to come.  `out` has
 * TYPED_SHOWN_BYTES * n bytes; n is at most LINE_MAX_MAX.  Returns the length. */
enum { TYPED_SHOWN_BYTES = 4, TYPED_SHOWN_MAX = TYPED_SHOWN_BYTES * LINE_MAX_MAX };
size_t typed_shown(enum encoding read, enum encoding sent, const uint8_t *line, size_t n,
                   char *out);

#endif
