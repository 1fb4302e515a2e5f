/* screen.h - a model of the terminal row in which a line is typed, as wide as any line.
 *
 * It supports what the server may send a client of unknown width (worker/protocol/draw.h).  A
 * failure is a trap, because fuzzers use it. */
#ifndef TESTS_FUZZ_SCREEN_H
#define TESTS_FUZZ_SCREEN_H

#include "ipc/unicode.h"
#include "worker/text/charset.h"

#include <stdbool.h>
#include <string.h>

enum { SCREEN_COLUMNS = 16384, SCREEN_CELL = 32 };

struct screen {
    enum encoding enc;
    size_t column, used;
    char cell[SCREEN_COLUMNS][SCREEN_CELL]; /* a character and its marks; "": half a wide one */
};

static void screen_blank(struct screen *s) {
    memset(s->cell, 0, s->used * SCREEN_CELL);
    s->used = 0;
}

static void screen_put(struct screen *s, const char *bytes, size_t len, size_t columns) {
    char *cell = s->cell[s->column];
    if (columns == 0) {
        if (s->column > 0 && strlen(cell = s->cell[s->column - 1]) + len < SCREEN_CELL)
            strncat(cell, bytes, len);
        return;
    }
    if (s->column + columns >= SCREEN_COLUMNS)
        __builtin_trap();
    if (cell[0] == '\0' && s->column < s->used && s->column > 0)
        strcpy(s->cell[s->column - 1], " "); /* half a wide character cannot stay */
    memset(cell, 0, columns * SCREEN_CELL);
    memcpy(cell, bytes, len);
    s->column += columns;
    if (s->column < s->used && s->cell[s->column][0] == '\0')
        strcpy(s->cell[s->column], " "); /* nor can the other half */
    s->used = s->column > s->used ? s->column : s->used;
}

static size_t screen_character(struct screen *s, const char *bytes, size_t n) {
    unsigned char byte = (unsigned char)*bytes;
    size_t len = 1, columns = 1;
    if (s->enc == ENC_UTF8)
        columns = unicode_properties(unicode_decode(bytes, n, &len)).columns;
    else if (byte > 0x80 && n > 1)
        columns = len = 2;
    if (byte < 0x20 || byte == 0x7F)
        __builtin_trap();
    screen_put(s, bytes, len, columns);
    return len;
}

/* Length of the telnet command at `bytes`. */
static size_t screen_telnet(const char *bytes, size_t n) {
    if (n > 2 && (unsigned char)bytes[1] != 250)
        return 3;
    const char *end = memmem(bytes, n, "\377\360", 2);
    if (!end)
        __builtin_trap();
    return (size_t)(end + 2 - bytes);
}

static void screen_show(struct screen *s, const char *bytes, size_t n) {
    for (size_t i = 0, len; i < n; i += len) {
        len = 1;
        switch ((unsigned char)bytes[i]) {
        case '\r': s->column = 0; break;
        case '\n': screen_blank(s); break;
        case '\a': break;
        case '\b':
            if (s->column-- == 0)
                __builtin_trap();
            break;
        case 255: len = screen_telnet(bytes + i, n - i); break;
        default: len = screen_character(s, bytes + i, n - i);
        }
    }
}

/* The row's text without blanks at its end; a text longer than `size` is a failure. */
static size_t screen_text(const struct screen *s, char *out, size_t size) {
    size_t len = 0;
    for (size_t i = 0; i < s->used; i++) {
        size_t cell = strlen(s->cell[i]);
        if (len + cell > size)
            __builtin_trap();
        memcpy(out + len, s->cell[i], cell);
        len += cell;
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    return len;
}

/* Whether the row has exactly this text, with the cursor `behind` columns before its end. */
static bool screen_is(const struct screen *s, const char *text, size_t n, size_t behind) {
    static struct screen want;
    static char a[SCREEN_COLUMNS * 4], b[SCREEN_COLUMNS * 4];
    screen_blank(&want);
    want.column = 0;
    want.enc = s->enc;
    screen_show(&want, text, n);
    size_t len = screen_text(s, a, sizeof a);
    return s->column + behind == want.column && screen_text(&want, b, sizeof b) == len &&
           memcmp(a, b, len) == 0;
}

#endif
