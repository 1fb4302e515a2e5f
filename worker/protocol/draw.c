/* draw.c - see draw.h. */
#include "worker/protocol/draw.h"

#include "ipc/unicode.h"

#include <stdio.h>
#include <string.h>

/* Where the cursor is after some text: `column` of `row` cells are filled. */
struct place {
    unsigned row, column;
};

/* The character at the start of s[0, n) and its columns. */
static size_t draw_step(enum encoding enc, const char *s, size_t n, unsigned *columns) {
    size_t len;
    if (enc == ENC_UTF8) {
        *columns = unicode_properties(unicode_decode(s, n, &len)).columns;
        return len;
    }
    /* Two bytes, two columns; at 80 code page 936 has the euro. */
    *columns = (unsigned char)*s > 0x80 && n > 1 ? 2 : 1;
    return *columns;
}

static struct place draw_place(enum encoding enc, unsigned width, const char *s, size_t n) {
    struct place at = {0, 0};
    unsigned columns;
    for (size_t i = 0; i < n; at.column += columns) {
        i += draw_step(enc, s + i, n - i, &columns);
        if (width > 0 && at.column + columns > width) {
            at.row++;
            at.column = 0;
        }
    }
    return at;
}

static bool draw_in_one_row(struct place at, unsigned width) {
    return at.row == 0 && (width == 0 || at.column < width);
}

size_t draw_away(enum encoding enc, unsigned width, const char *shown, size_t n, char *out) {
    struct place end = draw_place(enc, width, shown, n);
    size_t at = 0;
    out[at++] = '\r';
    if (draw_in_one_row(end, width)) {
        memset(out + at, ' ', end.column);
        at += end.column;
        out[at++] = '\r';
        return at;
    }
    if (end.row > 0)
        at += (size_t)sprintf(out + at, "\033[%uA", end.row);
    return at + (size_t)sprintf(out + at, "\033[J");
}

/* How much of `old` may stay: the characters that begin `new` as well, with all their marks. */
static size_t draw_kept(enum encoding enc, const char *old, size_t old_len, const char *new,
                        size_t new_len) {
    size_t last = 0, len;
    unsigned columns;
    for (size_t i = 0; i < old_len; i += len) {
        len = draw_step(enc, old + i, old_len - i, &columns);
        if (i + len > new_len || memcmp(old + i, new + i, len) != 0)
            return columns > 0 ? i : last;
        last = columns > 0 ? i : last;
    }
    return old_len;
}

size_t draw_change(enum encoding enc, unsigned width, const char *old, size_t old_len,
                   const char *new, size_t new_len, char *out) {
    size_t same = draw_kept(enc, old, old_len, new, new_len), at = 0;
    struct place end = draw_place(enc, width, old, old_len);
    struct place kept = draw_place(enc, width, old, same);
    if (same < old_len && !(kept.row == end.row && (width == 0 || end.column < width))) {
        at = draw_away(enc, width, old, old_len, out); /* BS does not go up a row */
        same = 0;
    } else {
        for (unsigned n = kept.column; n < end.column; n++, at += 3)
            memcpy(out + at, "\b \b", 3);
    }
    memcpy(out + at, new + same, new_len - same);
    return at + new_len - same;
}
