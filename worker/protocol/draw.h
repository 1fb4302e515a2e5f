/* draw.h - the bytes that put a half-typed line on a terminal, change it there, and take it away.
 *
 * The line begins at the left margin and ends at the cursor, and nothing is behind it.  Whole
 * characters only, as typed_shown gives them.  `width` is the terminal's columns, 0 where unknown:
 * such a terminal is sent only CR, BS and blanks, which every terminal obeys, and the line is taken
 * to fit in one row.  A terminal whose width is known also gets cursor movements, where the line
 * has wrapped (ECMA-48: CUU, ED).  A row filled to its end leaves the cursor in it until the next
 * character, as the VT100 and all after it do.  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_DRAW_H
#define WORKER_PROTOCOL_DRAW_H

#include "worker/protocol/typed.h"

#include <stddef.h>

/* Bytes that any of these writes at most. */
enum { DRAW_MAX = 3 * TYPED_SHOWN_MAX };

/* Takes away `shown`: the cursor is then where the line began.  Returns the length. */
size_t draw_away(enum encoding enc, unsigned width, const char *shown, size_t n, char *out);

/* Makes of `old` the line `new`.  Returns the length. */
size_t draw_change(enum encoding enc, unsigned width, const char *old, size_t old_len,
                   const char *new, size_t new_len, char *out);

#endif
