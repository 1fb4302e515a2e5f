/* draw.c - see draw.h. */
#include "worker/protocol/draw.h"

#include "ipc/unicode.h"
#include "worker/text/charset.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The character at the start of s[0, n) and its columns. */
static size_t draw_step(enum encoding enc, const char *s, size_t n, unsigned *columns) {
    size_t of_it, len = charset_length(enc, (const uint8_t *)s, n, &of_it);
    *columns = (unsigned)of_it;
    return len;
}

/* Rows that fill while a text is laid out. */
struct layout {
    unsigned width;
    struct drawn at;         /* the cursor, from where the text begins */
    size_t begin[DRAW_ROWS]; /* of the last rows, by row modulo DRAW_ROWS */
};

/* The next characters take `columns`, at most those of a row.  `i`: where the text goes on. */
static void draw_advance(struct layout *l, size_t i, unsigned columns) {
    if (columns > l->width - l->at.column) {
        l->at.row++;
        l->at.column = 0;
        l->begin[l->at.row % DRAW_ROWS] = i;
    }
    l->at.column += columns;
}

static void draw_ascii(struct layout *l, size_t i, size_t n) {
    while (n > 0) {
        size_t space = l->width - l->at.column;
        size_t row = space > 0 ? space : l->width;
        size_t take = n < row ? n : row;
        draw_advance(l, i, (unsigned)take);
        i += take;
        n -= take;
    }
}

struct drawn draw_lay(enum encoding enc, unsigned width, const char *shown, size_t n) {
    struct layout l = {.width = width > 0 ? width : UINT_MAX};
    for (size_t i = 0; i < n;) {
        size_t len = unicode_ascii(shown + i, n - i);
        draw_ascii(&l, i, len);
        i += len;
        if (i < n) {
            unsigned columns;
            len = draw_step(enc, shown + i, n - i, &columns);
            draw_advance(&l, i, columns);
            i += len;
        }
    }
    unsigned hidden = l.at.row < DRAW_ROWS ? 0 : l.at.row - (DRAW_ROWS - 1);
    size_t begin = hidden > 0 ? l.begin[hidden % DRAW_ROWS] : 0;
    unsigned row = l.at.row - hidden, column = l.at.column;
    return (struct drawn){shown + begin, n - begin, 0, width, row, column, row, column};
}

/* ---- behind the cursor ---- */

enum { DRAW_UNKNOWN_WIDTH = 79 }; /* every terminal has these columns */

/* Columns of what is behind the cursor that may be drawn: to the end of the row after the last that
 * there may be before it, and not beyond one row. */
static unsigned draw_space(const struct drawn *line) {
    if (line->width == 0)
        return line->column < DRAW_UNKNOWN_WIDTH ? DRAW_UNKNOWN_WIDTH - line->column : 0;
    unsigned left = (DRAW_ROWS + 1 - line->row) * line->width - line->column;
    unsigned row = line->width < TYPED_WIDTH_MAX ? line->width : TYPED_WIDTH_MAX;
    return left < row ? left : row;
}

/* A wide character that does not fit at the end of a row takes a column more. */
void draw_lay_behind(enum encoding enc, struct drawn *line, size_t n) {
    struct layout l = {.width = line->width > 0 ? line->width : UINT_MAX,
                       .at = {.row = line->row, .column = line->column}};
    unsigned space = draw_space(line), columns;
    const char *text = line->text + line->len;
    size_t i = 0, len;
    for (; i < n; i += len) {
        len = draw_step(enc, text + i, n - i, &columns);
        bool wraps = columns > 1 && l.at.column < l.width && columns > l.width - l.at.column;
        if (columns + wraps > space)
            break;
        space -= columns + wraps;
        draw_advance(&l, i, columns);
    }
    if (i == 0)
        return;
    line->behind = i;
    line->len += i;
    line->end_row = l.at.row;
    line->end_column = l.at.column;
    if (line->column == l.width) { /* the character at the cursor is in the next row */
        line->row++;
        line->column = 0;
    }
}

/* ---- the cursor ---- */

/* ESC [ n final, but nothing for 0. */
static size_t draw_steer(char *out, unsigned n, char final) {
    return n > 0 ? (size_t)sprintf(out, "\033[%u%c", n, final) : 0;
}

/* A place on the screen, in rows and columns from where the text begins. */
struct place {
    unsigned row, column;
};

/* Back in a row, by BS; else, and where a wrap is pending, from the left margin. */
static size_t draw_move(unsigned width, struct place from, struct place to, char *out) {
    enum { BS_MOST = 8 };
    size_t at = 0;
    if (to.row < from.row)
        at += draw_steer(out, from.row - to.row, 'A');
    if (to.row > from.row)
        at += draw_steer(out, to.row - from.row, 'B');
    bool pending = width > 0 && from.column == width, near = from.column - to.column <= BS_MOST;
    if (to.column <= from.column && !pending && (near || width == 0)) {
        memset(out + at, '\b', from.column - to.column);
        return at + from.column - to.column;
    }
    out[at++] = '\r';
    return at + draw_steer(out + at, to.column, 'C');
}

static struct place draw_cursor(const struct drawn *line) {
    return (struct place){line->row, line->column};
}

static struct place draw_end(const struct drawn *line) {
    return (struct place){line->end_row, line->end_column};
}

size_t draw_show(const struct drawn *line, char *out) {
    memcpy(out, line->text, line->len);
    if (line->behind == 0)
        return line->len;
    return line->len + draw_move(line->width, draw_end(line), draw_cursor(line), out + line->len);
}

size_t draw_to_end(const struct drawn *line, char *out) {
    memcpy(out, line->text + line->len - line->behind, line->behind);
    return line->behind;
}

static bool draw_in_one_row(const struct drawn *d) {
    return d->end_row == 0 && (d->width == 0 || d->end_column < d->width);
}

size_t draw_away(const struct drawn *line, char *out) {
    size_t at = 0;
    out[at++] = '\r';
    if (draw_in_one_row(line)) {
        memset(out + at, ' ', line->end_column);
        at += line->end_column;
        out[at++] = '\r';
        return at;
    }
    at += draw_steer(out + at, line->row, 'A');
    memcpy(out + at, "\033[J", 3);
    return at + 3;
}

/* ---- changes ---- */

/* How much of `old` may stay: the characters that begin `new` as well, with all their marks. */
static size_t draw_kept(enum encoding enc, const struct drawn *old, const struct drawn *new) {
    size_t last = 0, len;
    unsigned columns;
    if (old->len <= new->len && memcmp(old->text, new->text, old->len) == 0 &&
        (old->behind == 0 || old->len == new->len))
        return old->len;
    for (size_t i = 0; i < old->len; i += len) {
        len = draw_step(enc, old->text + i, old->len - i, &columns);
        if (i + len > new->len || memcmp(old->text + i, new->text + i, len) != 0)
            return columns > 0 ? i : last;
        last = columns > 0 ? i : last;
    }
    return old->behind == 0 ? old->len : last;
}

/* The text is the same: the cursor alone moves. */
static size_t draw_cursor_moves(const struct drawn *old, const struct drawn *new, char *out) {
    size_t from = old->len - old->behind, to = new->len - new->behind;
    bool wraps = new->behind > 0 && new->column == 0; /* it would only be about to */
    if (to > from && !wraps) {
        memcpy(out, old->text + from, to - from); /* over the same again */
        return to - from;
    }
    return draw_move(old->width, draw_cursor(old), draw_cursor(new), out);
}

static size_t draw_anew(const struct drawn *old, const struct drawn *new, char *out) {
    size_t at = draw_away(old, out);
    return at + draw_show(new, out + at);
}

/* Both lines are in one row: from where they differ, or the cursor, the new one is written over the
 * old, and blanks over what is left of that. */
static size_t draw_over(enum encoding enc, const struct drawn *old, const struct drawn *new,
                        size_t same, char *out) {
    size_t cursor = old->len - old->behind, from = same < cursor ? same : cursor, at = 0;
    struct drawn kept = draw_lay(enc, old->width, old->text, from);
    unsigned left = old->end_column > new->end_column ? old->end_column - new->end_column : 0;
    unsigned back = new->end_column + left - new->column;
    memset(out, '\b', old->column - kept.column);
    at = old->column - kept.column;
    memcpy(out + at, new->text + from, new->len - from);
    at += new->len - from;
    memset(out + at, ' ', left);
    memset(out + at + left, '\b', back);
    return at + left + back;
}

/* The cursor was behind the text, and is so again. */
static size_t draw_at_end(enum encoding enc, const struct drawn *old, const struct drawn *new,
                          size_t same, char *out) {
    size_t at = 0;
    if (same < old->len) {
        struct drawn kept = draw_lay(enc, old->width, old->text, same);
        if (kept.row != old->row || (old->width > 0 && old->column == old->width))
            return draw_anew(old, new, out); /* BS does not go up a row */
        for (unsigned n = kept.column; n < old->column; n++, at += 3)
            memcpy(out + at, "\b \b", 3);
    }
    memcpy(out + at, new->text + same, new->len - same);
    return at + new->len - same;
}

size_t draw_change(enum encoding enc, const struct drawn *old, const struct drawn *new, char *out) {
    size_t same = draw_kept(enc, old, new);
    if (old->behind == 0 && new->behind == 0)
        return draw_at_end(enc, old, new, same, out);
    if (same == old->len && same == new->len && old->width == new->width)
        return draw_cursor_moves(old, new, out);
    if (old->width == new->width && draw_in_one_row(old) && draw_in_one_row(new))
        return draw_over(enc, old, new, same, out);
    return draw_anew(old, new, out);
}
