/* terminal.h - a small model of a terminal: what stands on the screen after some bytes.
 *
 * It knows what the server and the clients under test send: CR, LF, BS, blanks, CUU, ED, and the
 * wrap of a full row, which waits for the next character (VT100).  Chinese characters take two
 * columns, combining accents none.  Rows are never scrolled away. */
#ifndef TESTS_LIB_TERMINAL_H
#define TESTS_LIB_TERMINAL_H

#include "tests/lib/fail.h"

#include <stddef.h>

enum { TERMINAL_ROWS = 512, TERMINAL_COLUMNS_MAX = 256, TERMINAL_ROW_MAX = 2048 };

struct terminal {
    const char *charset; /* iconv's name of what it is sent; NULL: UTF-8 */
    unsigned columns;
    unsigned row, column;                              /* the cursor */
    char cell[TERMINAL_ROWS][TERMINAL_COLUMNS_MAX][8]; /* UTF-8; "" behind a wide one */
    char text[TERMINAL_ROW_MAX];                       /* the row last asked for */
};

/* A blank one; lives as long as the test. */
struct terminal *terminal_make(unsigned columns, const char *charset);
void terminal_show_at(struct where where, struct terminal *t, const char *bytes, size_t len);
#define terminal_show(t, bytes, len) terminal_show_at(HERE, t, bytes, len)

/* The row of the cursor, or one `above` it, without blanks at its end; valid until the next call.
 */
const char *terminal_row(struct terminal *t, unsigned above);

/* UTF-8 in another charset and back, NUL-terminated, in one of eight buffers taken in turn. */
const char *terminal_recode_at(struct where where, const char *to, const char *from,
                               const char *text, size_t len);
#define terminal_recode(to, from, text, len) terminal_recode_at(HERE, to, from, text, len)

#endif
