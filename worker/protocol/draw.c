/* draw.c - see draw.h. */
#include "worker/protocol/draw.h"

#include "ipc/unicode.h"
#include "worker/text/charset.h"

#include <limits.h>
#include <stdbool.h>
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
    return (struct drawn){shown + begin, n - begin, width, l.at.row - hidden, l.at.column};
}

static bool draw_in_one_row(const struct drawn *d) {
    return d->row == 0 && (d->width == 0 || d->column < d->width);
}

size_t draw_away(const struct drawn *line, char *out) {
    size_t at = 0;
    out[at++] = '\r';
    if (draw_in_one_row(line)) {
        memset(out + at, ' ', line->column);
        at += line->column;
        out[at++] = '\r';
        return at;
    }
    _Static_assert(DRAW_ROWS <= 10, "a row is one digit");
    if (line->row > 0) {
        const char up[] = {'\033', '[', (char)('0' + line->row), 'A'};
        memcpy(out + at, up, sizeof up);
        at += sizeof up;
    }
    memcpy(out + at, "\033[J", 3);
    return at + 3;
}

/* How much of `old` may stay: the characters that begin `new` as well, with all their marks. */
static size_t draw_kept(enum encoding enc, const struct drawn *old, const struct drawn *new) {
    size_t last = 0, len;
    unsigned columns;
    if (old->len <= new->len && memcmp(old->text, new->text, old->len) == 0)
        return old->len;
    for (size_t i = 0; i < old->len; i += len) {
        len = draw_step(enc, old->text + i, old->len - i, &columns);
        if (i + len > new->len || memcmp(old->text + i, new->text + i, len) != 0)
            return columns > 0 ? i : last;
        last = columns > 0 ? i : last;
    }
    return old->len;
}

size_t draw_change(enum encoding enc, const struct drawn *old, const struct drawn *new, char *out) {
    size_t same = draw_kept(enc, old, new), at = 0;
    if (same < old->len) {
        struct drawn kept = draw_lay(enc, old->width, old->text, same);
        if (kept.row == old->row && (old->width == 0 || old->column < old->width)) {
            for (unsigned n = kept.column; n < old->column; n++, at += 3)
                memcpy(out + at, "\b \b", 3);
        } else { /* BS does not go up a row */
            at = draw_away(old, out);
            same = 0;
        }
    }
    memcpy(out + at, new->text + same, new->len - same);
    return at + new->len - same;
}
