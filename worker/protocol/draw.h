/* draw.h - the bytes that put a half-typed line on a terminal, change it there, and take it away.
 *
 * Of a line that takes more than DRAW_ROWS rows only the last DRAW_ROWS are drawn, the last of them
 * perhaps not full: so the cost of drawing depends on the terminal's width, not on the line.  What
 * is drawn begins at the left margin and ends at the cursor, and nothing is behind it.  Whole
 * characters only, as typed_shown gives them.
 *
 * `width` is the terminal's columns, 0 where unknown: such a terminal is sent only CR, BS and
 * blanks, which every terminal obeys, and what it is shown must fit in one row.  A terminal whose
 * width is known also gets cursor movements, where the line has wrapped (ECMA-48: CUU, ED).  A row
 * filled to its end leaves the cursor in it until the next character, as the VT100 and all after it
 * do.  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_DRAW_H
#define WORKER_PROTOCOL_DRAW_H

#include "worker/protocol/typed.h"

#include <stddef.h>

/* DRAW_MAX: bytes that any of these writes at most. */
enum { DRAW_ROWS = 2, DRAW_MAX = 3 * TYPED_SHOWN_MAX };

/* What is on the screen. */
struct drawn {
    const char *text; /* in the text that was laid out */
    size_t len;
    unsigned width;
    unsigned row,
        column; /* the cursor, from where `text` begins; `column` cells of `row` are full */
};

/* What of `shown` is drawn.  Cheap where it is ASCII. */
struct drawn draw_lay(enum encoding enc, unsigned width, const char *shown, size_t n);

/* Takes it away: the cursor is then where it began.  Returns the length. */
size_t draw_away(const struct drawn *line, char *out);

/* Makes of `old` the line `new`.  Returns the length. */
size_t draw_change(enum encoding enc, const struct drawn *old, const struct drawn *new, char *out);

#endif
