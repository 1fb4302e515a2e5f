/* terminal.h - a small model of a terminal: the rows on its screen after some output.
 *
 * It supports what the programs under test send: CR, LF, BS, blanks, CUU, CUD, CUF, CUP, ED, EL,
 * SGR, the alternate screen, and autowrap, which is delayed until the next character (VT100).
 * Chinese characters take two columns, combining accents none.  Rows never scroll off the screen.
 */
#ifndef TESTS_LIB_TERMINAL_H
#define TESTS_LIB_TERMINAL_H

#include "tests/lib/fail.h"

#include <stddef.h>

enum { TERMINAL_ROWS = 512, TERMINAL_COLUMNS_MAX = 512, TERMINAL_ROW_MAX = 4096 };

struct terminal {
    const char *charset; /* encoding of the output, by its iconv name; NULL: UTF-8 */
    unsigned columns;
    unsigned row, column;                              /* the cursor */
    char cell[TERMINAL_ROWS][TERMINAL_COLUMNS_MAX][8]; /* UTF-8; "": right half of a wide one */
    char text[TERMINAL_ROW_MAX];                       /* result of terminal_row */
    bool alternate, no_cursor, inverse;                /* modes that are on */
    struct terminal *kept;                             /* alternate: the screen before */
};

/* A blank terminal, from malloc; the caller may free it. */
struct terminal *terminal_make(unsigned columns, const char *charset);
void terminal_show_at(struct where where, struct terminal *t, const char *bytes, size_t len);
#define terminal_show(t, bytes, len) terminal_show_at(HERE, t, bytes, len)

/* The row `above` rows over the cursor, without blanks at its end; valid until the next call. */
const char *terminal_row(struct terminal *t, unsigned above);
/* The same of row `row`, counted from 0 at the top. */
const char *terminal_line(struct terminal *t, unsigned row);

/* Converts text between charsets.  The result is NUL-terminated, in one of eight static buffers
 * that are used in turn. */
const char *terminal_recode_at(struct where where, const char *to, const char *from,
                               const char *text, size_t len);
#define terminal_recode(to, from, text, len) terminal_recode_at(HERE, to, from, text, len)

#endif
