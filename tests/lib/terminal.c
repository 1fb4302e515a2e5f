/* terminal.c - see terminal.h. */
#include "tests/lib/terminal.h"

#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECODED_MAX = 262144 };

const char *terminal_recode_at(struct where where, const char *to, const char *from,
                               const char *text, size_t len) {
    static char buffers[8][RECODED_MAX];
    static unsigned next;
    char *out = buffers[next++ % 8], *at = out, *in = (char *)text;
    size_t left = RECODED_MAX - 1;
    iconv_t codec = iconv_open(to, from);
    if (codec == (iconv_t)-1)
        fail_at(where, "no iconv from %s to %s", from, to);
    while (len > 0 && iconv(codec, &in, &len, &at, &left) == (size_t)-1) {
        if (left < 8)
            fail_at(where, "too long to recode");
        at += sprintf(at, "<%02x>", (unsigned char)*in++); /* an invalid byte: its number */
        left -= 4;
        len--;
    }
    iconv_close(codec);
    *at = '\0';
    return out;
}

struct terminal *terminal_make(unsigned columns, const char *charset) {
    struct terminal *t = calloc(1, sizeof *t);
    t->columns = columns;
    t->charset = charset;
    return t;
}

static size_t utf8_len(const char *s) {
    unsigned char c = (unsigned char)*s;
    return c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

static unsigned columns_of(const char *s, size_t len) {
    if (len == 2 && ((unsigned char)s[0] == 0xCC || (unsigned char)s[0] == 0xCD))
        return 0; /* U+0300 to U+036F and a little more */
    return len >= 3 ? 2 : 1;
}

static void put(struct terminal *t, const char *s, size_t len) {
    unsigned columns = columns_of(s, len);
    if (columns == 0)
        return;
    if (t->column + columns > t->columns) {
        t->row++;
        t->column = 0;
    }
    char(*cell)[8] = &t->cell[t->row][t->column];
    if (t->column > 0 && columns_of(cell[-1], strlen(cell[-1])) == 2)
        strcpy(cell[-1], ""); /* overwriting one half of a wide character removes all of it */
    for (unsigned i = 0; i < columns; i++)
        strcpy(cell[i], "");
    memcpy(cell[0], s, len);
    cell[0][len] = '\0';
    t->column += columns;
}

static void erase_below(struct terminal *t) {
    for (unsigned c = t->column; c < t->columns; c++)
        strcpy(t->cell[t->row][c], "");
    memset(t->cell[t->row + 1], 0, sizeof t->cell[0] * (TERMINAL_ROWS - 1 - t->row));
}

static void erase_right(struct terminal *t) {
    for (unsigned c = t->column; c < t->columns; c++)
        strcpy(t->cell[t->row][c], "");
}

static void move_to(struct terminal *t, unsigned row, unsigned column) {
    t->row = row - (row > 0);
    t->column = column - (column > 0);
}

/* The alternate screen, xterm's 1049, is another one; the cursor is shown, 25, or not. */
static void set_mode(struct terminal *t, unsigned mode, bool on) {
    if (mode == 25)
        t->no_cursor = !on;
    if (mode != 1049 || t->alternate == on)
        return;
    if (on) {
        t->kept = malloc(sizeof *t);
        memcpy(t->kept, t, sizeof *t);
        t->alternate = true;
    } else {
        struct terminal *kept = t->kept;
        memcpy(t->cell, kept->cell, sizeof t->cell);
        t->row = kept->row;
        t->column = kept->column;
        t->alternate = false;
        free(kept);
    }
}

/* Applies the escape sequence at s; returns its length. */
static size_t steer(struct where where, struct terminal *t, const char *s) {
    unsigned n = 1, column = 1;
    char mode = 0;
    int len = 0;
    if (sscanf(s, "\033[%uA%n", &n, &len) == 1 && len > 0)
        t->row -= n < t->row ? n : t->row;
    else if (sscanf(s, "\033[%uB%n", &n, &len) == 1 && len > 0)
        t->row += n;
    else if (sscanf(s, "\033[%uC%n", &n, &len) == 1 && len > 0)
        t->column = t->column + n < t->columns ? t->column + n : t->columns - 1;
    else if (sscanf(s, "\033[%u;%uH%n", &n, &column, &len) == 2 && len > 0)
        move_to(t, n, column);
    else if (strncmp(s, "\033[J", 3) == 0 && (len = 3))
        erase_below(t);
    else if (strncmp(s, "\033[2J", 4) == 0 && (len = 4))
        memset(t->cell, 0, sizeof t->cell);
    else if (strncmp(s, "\033[K", 3) == 0 && (len = 3))
        erase_right(t);
    else if (sscanf(s, "\033[%um%n", &n, &len) == 1 && len > 0)
        t->inverse = n == 7;
    else if (sscanf(s, "\033[?%u%c%n", &n, &mode, &len) == 2 && len > 0 &&
             (mode == 'h' || mode == 'l'))
        set_mode(t, n, mode == 'h');
    else
        fail_at(where, "an unexpected escape sequence: %.12s", s + 1);
    return (size_t)len;
}

void terminal_show_at(struct where where, struct terminal *t, const char *bytes, size_t len) {
    const char *s = t->charset ? terminal_recode_at(where, "UTF-8", t->charset, bytes, len) : bytes;
    const char *end = t->charset ? s + strlen(s) : s + len;
    while (s < end) {
        size_t n = 1;
        switch (*s) {
        case '\r': t->column = 0; break;
        case '\n': t->row++; break;
        case '\a': break;
        case '\b': /* while a wrap is pending, the cursor is in the last column */
            t->column -= t->column == t->columns ? 2 : t->column > 0;
            break;
        case '\033': n = steer(where, t, s); break;
        default: n = utf8_len(s); put(t, s, n);
        }
        s += n;
        if (t->row >= TERMINAL_ROWS - 2)
            fail_at(where, "more rows than the model has");
    }
}

const char *terminal_row(struct terminal *t, unsigned above) {
    t->text[0] = '\0';
    return t->row >= above ? terminal_line(t, t->row - above) : t->text;
}

const char *terminal_line(struct terminal *t, unsigned row) {
    char *at = t->text;
    for (unsigned c = 0; c < t->columns; c++) {
        const char *cell = t->cell[row][c];
        bool behind_wide = c > 0 && columns_of(cell - sizeof t->cell[0][0],
                                               strlen(cell - sizeof t->cell[0][0])) == 2;
        at = stpcpy(at, *cell || behind_wide ? cell : " ");
    }
    while (at > t->text && at[-1] == ' ')
        at--;
    *at = '\0';
    return t->text;
}
