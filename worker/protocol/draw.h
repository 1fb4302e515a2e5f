/* draw.h - the bytes that put a half-typed line on a terminal, change it there, and take it away.
 *
 * Of a line that takes more than DRAW_ROWS rows up to its cursor only the last DRAW_ROWS of these
 * are drawn, and at most one row of what is behind the cursor: so the cost of drawing depends on
 * the terminal's width, not on the line.  What is drawn begins at the left margin.  Whole
 * characters only, as typed_shown gives them.
 *
 * `width` is the terminal's columns, 0 where unknown: such a terminal is sent only CR, BS and
 * blanks, which every terminal obeys, and what it is shown must fit in one row.  A terminal whose
 * width is known also gets cursor movements, where the line has wrapped (ECMA-48: CUU, CUD, CUF,
 * ED).  A row
 * filled to its end leaves the cursor in it until the next character, as the VT100 and all after it
 * do.  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_DRAW_H
#define WORKER_PROTOCOL_DRAW_H

#include "worker/protocol/typed.h"

#include <stddef.h>

/* DRAW_MAX: bytes that any of these writes at most. */
enum { DRAW_ROWS = 2, DRAW_MAX = 4 * TYPED_SHOWN_MAX };

/* What is on the screen. */
struct drawn {
    const char *text; /* in the text that was laid out */
    size_t len;
    size_t behind; /* bytes of it that are behind the cursor */
    unsigned width;
    unsigned row, column; /* the cursor, from where `text` begins; without `behind` that is also
                             where the text ends: `column` cells of `row` are full */
    unsigned end_row, end_column; /* where the text ends */
};

/* What of `shown` is drawn, with the cursor behind it.  Cheap where it is ASCII. */
struct drawn draw_lay(enum encoding enc, unsigned width, const char *shown, size_t n);
/* And what of the n bytes that follow line->text[0, line->len) is drawn behind the cursor. */
void draw_lay_behind(enum encoding enc, struct drawn *line, size_t n);

/* Draws it where the cursor is, at the left margin.  Returns the length. */
size_t draw_show(const struct drawn *line, char *out);
/* Moves the cursor to the end of what is drawn. */
size_t draw_to_end(const struct drawn *line, char *out);

/* Takes it away: the cursor is then where it began.  Returns the length. */
size_t draw_away(const struct drawn *line, char *out);

/* Makes of `old` the line `new`.  Returns the length. */
size_t draw_change(enum encoding enc, const struct drawn *old, const struct drawn *new, char *out);

#endif
