/* unit_draw.c - the end of a half-typed line on a terminal: after any sequence of keys and lines of
 * others, the screen has the lines said so far and below them the last rows of the line, whatever
 * the terminal's width; and what that costs does not grow with the line. */
#include "tests/lib/terminal.h"
#include "worker/protocol/draw.h"
#include "worker/protocol/edit.h"
#include "worker/protocol/typed.h"
#include "worker/text/charset.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    UNKNOWN_WIDTH = 80,
    TEXT_MAX = TYPED_SHOWN_BYTES * (TYPED_TAIL_MAX + TYPED_HEAD_MAX),
    SAID_MAX = 400
};

static const char *const charsets[ENC_RINGS] = {NULL, "CP936", "BIG5"};

static void set_up(void) {
    cr_assert_null(charset_init());
}
TestSuite(draw, .init = set_up);

/* A client's line, and its screen. */
struct screen {
    enum encoding enc;
    unsigned width; /* as the server knows it */
    size_t len, behind;
    uint8_t line[LINE_MAX_MAX];
    char text[TEXT_MAX];
    struct drawn drawn;
    unsigned said;
    struct terminal *terminal, *want;
};

static struct drawn lay(const struct screen *s, char *text) {
    size_t cursor = s->len - s->behind, from = typed_tail(s->enc, s->line, cursor, s->width);
    cr_assert_leq(from, cursor);
    cr_assert_leq(cursor - from, TYPED_TAIL_MAX);
    size_t n = typed_shown(s->enc, s->enc, s->line + from, cursor - from, text);
    struct drawn drawn = draw_lay(s->enc, s->width, text, n);
    n = typed_shown(s->enc, s->enc, s->line + cursor, typed_head(s->behind, s->width), text + n);
    draw_lay_behind(s->enc, &drawn, n);
    return drawn;
}

static struct screen *screen_make(enum encoding enc, unsigned width) {
    struct screen *s = calloc(1, sizeof *s);
    unsigned columns = width > 0 ? width : UNKNOWN_WIDTH;
    s->enc = enc;
    s->width = width;
    s->terminal = terminal_make(columns, charsets[enc]);
    s->want = terminal_make(columns, charsets[enc]);
    s->drawn = lay(s, s->text);
    return s;
}

static void screen_free(struct screen *s) {
    free(s->terminal);
    free(s->want);
    free(s);
}

/* CR, LF, BS and CSI A-D, G, J, K are all that is sent besides text; to an unknown terminal no CSI.
 */
static void assert_obeyed(const struct screen *s, const char *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)out[i];
        if (c == '\033') {
            cr_assert(s->width > 0);
            cr_assert_eq(out[++i], '[');
            for (i++; out[i] >= '0' && out[i] <= '9'; i++)
                ;
            cr_assert(strchr("ABCDGJK", out[i]), "CSI %c", out[i]);
        } else {
            cr_assert(c >= 0x20 || c == '\r' || c == '\n' || c == '\b', "byte %02x", c);
        }
    }
}

static void show(struct screen *s, const char *out, size_t n) {
    assert_obeyed(s, out, n);
    terminal_show(s->terminal, out, n);
}

static bool same_cell(const char *got, const char *want) {
    return strcmp(got, want) == 0 || (strspn(got, " ") == strlen(got) && *want == '\0');
}

/* The rows from `row` on are what the drawn text alone gives on a blank terminal. */
static void assert_screen(struct screen *s, const char *after) {
    struct terminal *got = s->terminal, *want = s->want;
    memset(want->cell, 0, 6 * sizeof want->cell[0]);
    want->row = want->column = 0;
    terminal_show(want, s->drawn.text, s->drawn.len);
    if (s->drawn.behind > 0) { /* and the cursor where these alone would leave it */
        want->row = want->column = 0;
        terminal_show(want, s->drawn.text, s->drawn.len - s->drawn.behind);
        if (want->column == want->columns) {
            want->row++;
            want->column = 0;
        }
    }
    cr_assert(got->row == s->said + want->row && got->column == want->column,
              "%s, width %u, %zu bytes: the cursor is at %u, %u, not %u, %u", after, s->width,
              s->len, got->row, got->column, s->said + want->row, want->column);
    for (unsigned row = 0; row < 6; row++)
        for (unsigned i = 0; i < got->columns; i++)
            cr_assert(same_cell(got->cell[s->said + row][i], want->cell[row][i]),
                      "%s, width %u, %zu bytes: row %u, column %u has \"%s\"", after, s->width,
                      s->len, row, i, got->cell[s->said + row][i]);
    for (unsigned row = 0; row < s->said; row++) {
        const char is[] = {(char)('A' + row % 26), '\0'};
        cr_assert_str_eq(got->cell[row][0], is, "%s, width %u: row %u", after, s->width, row);
        cr_assert(got->columns < 3 || same_cell(got->cell[row][1], ""), "%s, width %u: row %u",
                  after, s->width, row);
    }
}

/* The line has changed. */
static void redraw(struct screen *s, const char *after) {
    static char out[DRAW_MAX], text[TEXT_MAX];
    struct drawn new = lay(s, text);
    show(s, out, draw_change(s->enc, &s->drawn, &new, out));
    memcpy(s->text, text, sizeof text);
    s->drawn = new;
    s->drawn.text = s->text + (new.text - text);
    assert_screen(s, after);
}

/* The line before a key, which may be pressed in its middle. */
static struct edit edit(const struct screen *s, struct erase *erase) {
    erase_begin(erase, s->enc);
    return (struct edit){.line = (uint8_t *)s->line,
                         .erase = erase,
                         .len = (uint32_t)s->len,
                         .behind = (uint32_t)s->behind};
}

static void add(struct screen *s, const char *key) {
    static struct erase erase;
    struct edit e = edit(s, &erase);
    edit_text(&e, (const uint8_t *)key, (uint32_t)strlen(key));
    s->len = e.len;
}

static void type(struct screen *s, const char *key) {
    add(s, key);
    redraw(s, "a key");
}

static void press(struct screen *s, enum telnet_kind key, unsigned times) {
    static struct erase erase;
    struct edit e = edit(s, &erase);
    while (times-- > 0)
        edit_key(&e, &(struct telnet_event){.kind = (uint8_t)key});
    s->len = e.len;
    s->behind = e.behind;
    redraw(s, "an editing key");
}

/* A line of another client comes. */
static void said(struct screen *s) {
    static char out[DRAW_MAX];
    const char line[] = {(char)('A' + s->said % 26), '\r', '\n'};
    show(s, out, draw_away(&s->drawn, out));
    show(s, line, sizeof line);
    show(s, out, draw_show(&s->drawn, out));
    s->said++;
    assert_screen(s, "a line");
}

/* ---- any keys and lines ---- */

static const char *const keys[ENC_RINGS][8] = {
    {"a", "b", " ", "你", "好", "e\314\201", "\314\201", "ж"},
    {"a", "b", " ", "\304\343", "\272\303", "\201\\", "\304", "c"},
    {"a", "b", " ", "\247\101", "\246\156", "\244\244", "\247", "~"},
};

static const uint8_t editing[] = {
    TELNET_LEFT, TELNET_RIGHT,  TELNET_WORD_LEFT,  TELNET_WORD_RIGHT, TELNET_HOME,
    TELNET_END,  TELNET_DELETE, TELNET_ERASE_TAIL, TELNET_ERASE_HEAD, TELNET_ERASE_WORD};

/* Most often one step; sometimes across rows. */
static void press_any(struct screen *s) {
    unsigned times = rand() % 3 == 0 ? 1 + (unsigned)rand() % (s->width + 2) : 1;
    unsigned key = (unsigned)rand() % 24;
    press(s, (enum telnet_kind)editing[key < sizeof editing ? key : key % 2], times);
}

static void any_keys(enum encoding enc, unsigned width, unsigned ops, unsigned mix) {
    struct screen *s = screen_make(enc, width);
    srand(width * 3 + (unsigned)enc + mix);
    for (unsigned i = 0; i < ops; i++) {
        unsigned what = (unsigned)rand() % 22;
        if (what < 10) {
            for (unsigned n = width / 4; n > 0; n--) { /* in one read */
                add(s, keys[enc][(unsigned)rand() % mix]);
            }
            type(s, keys[enc][(unsigned)rand() % mix]);
        } else if (what < 13) {
            press(s, TELNET_ERASE_CHAR, 1);
        } else if (what < 18) {
            press_any(s);
        } else if (s->said < SAID_MAX) {
            said(s);
        }
        if (s->len > LINE_MAX_MAX - 512) {
            s->len = s->behind = 0;
            redraw(s, "erasing the line");
        }
    }
    screen_free(s);
}

Test(draw, any_keys_and_lines_leave_the_lines_and_the_end_of_the_line, .timeout = 180) {
    for (int enc = 0; enc < ENC_RINGS; enc++)
        for (unsigned width = 0; width <= UINT8_MAX; width += width == 0 ? 2 : 1) {
            any_keys((enum encoding)enc, width, 80, 2); /* ASCII alone */
            any_keys((enum encoding)enc, width, 80, 8);
        }
}

Test(draw, any_keys_on_wide_terminals_and_many_on_usual_ones, .timeout = 120) {
    static const unsigned widths[] = {256, 257, 300, 400, 511};
    for (int enc = 0; enc < ENC_RINGS; enc++) {
        for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
            any_keys((enum encoding)enc, widths[i], 200, 8);
        for (unsigned width = 0; width <= 20; width += width == 0 ? 2 : 1)
            any_keys((enum encoding)enc, width, 1500, 5); /* whole characters */
    }
}

/* ---- what is shown ---- */

/* A line of `key` again and again, behind `first`. */
static void fill(struct screen *s, const char *first, const char *key, size_t len) {
    s->len = strlen(first);
    memcpy(s->line, first, s->len);
    for (; s->len + strlen(key) <= len; s->len += strlen(key))
        memcpy(s->line + s->len, key, strlen(key));
}

Test(draw, two_full_rows_and_the_last_are_shown_of_a_long_line) {
    static const struct {
        enum encoding enc;
        const char *key;
    } table[] = {{ENC_UTF8, "x"},       {ENC_UTF8, "你"},
                 {ENC_UTF8, "ж"},       {ENC_UTF8, "\340\270\201"},
                 {ENC_GBK, "\304\343"}, {ENC_BIG5, "\247\101"}};
    static char text[TEXT_MAX];
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (unsigned width = 8; width <= UINT8_MAX; width += 13)
            for (size_t len = 9 * width; len < 11 * width; len += 5) {
                struct screen s = {.enc = table[i].enc, .width = width};
                fill(&s, "", table[i].key, len);
                cr_assert_geq(lay(&s, text).row, 1, "row %zu, width %u", i, width);
                if (*table[i].key != '\340') /* three bytes a column */
                    cr_assert_eq(lay(&s, text).row, DRAW_ROWS - 1, "row %zu, width %u, %zu bytes",
                                 i, width, len);
            }
}

/* What is shown of a long line is the end of what all of it would be. */
Test(draw, the_end_of_a_line_is_in_the_encoding_of_the_line) {
    static const struct {
        enum encoding enc;
        const char *first, *key;
    } table[] = {
        {ENC_GBK, "", "\304\343\272\303"},
        {ENC_GBK, "a", "\304\343\272\303"},
        {ENC_GBK, "\200", "\304\343"},
        {ENC_GBK, "\304\343\200", "\272\303"},
        {ENC_GBK, "", "\201\\"},
        {ENC_GBK, "a", "\201\\\304\343"},
        {ENC_BIG5, "", "\247\101\246\156"},
        {ENC_BIG5, "a", "\244\244"},
        {ENC_UTF8, "", "\304\343\272\303"},
        {ENC_UTF8, "a", "\304\343\272\303"},
        {ENC_GBK, "", "你好"},
        {ENC_UTF8, "a", "你"},
        {ENC_UTF8, "ab", "😀"},
    };
    static char text[TEXT_MAX], all[TYPED_SHOWN_MAX];
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (unsigned width = 0; width <= UINT8_MAX; width += width == 0 ? 2 : 11)
            for (size_t len = 20; len < 3000; len += 61) {
                struct screen s = {.enc = table[i].enc, .width = width};
                fill(&s, table[i].first, table[i].key, len);
                struct drawn drawn = lay(&s, text);
                size_t n = typed_shown(s.enc, s.enc, s.line, s.len, all);
                cr_assert(drawn.len <= n && memcmp(all + n - drawn.len, drawn.text, drawn.len) == 0,
                          "row %zu, width %u, %zu bytes: %.*s", i, width, s.len, (int)drawn.len,
                          drawn.text);
                cr_assert(drawn.len > 0);
            }
}

Test(draw, the_window_moves_once_in_a_row_of_typing) {
    static char out[DRAW_MAX], text[TEXT_MAX];
    static const unsigned widths[] = {0, 20, 80, 132, 255};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        struct screen *s = screen_make(ENC_UTF8, widths[i]);
        unsigned moved = 0, row = widths[i] > 0 ? widths[i] : 40;
        for (s->len = 1; s->len < 3000; s->len++) {
            s->line[s->len - 1] = (uint8_t)('a' + s->len % 23);
            struct drawn new = lay(s, text);
            moved += draw_change(ENC_UTF8, &s->drawn, &new, out) > 1;
            memcpy(s->text, text, sizeof text);
            s->drawn = new;
            s->drawn.text = s->text + (new.text - text);
        }
        cr_assert_leq(moved, 3000 / row, "width %u", widths[i]);
        cr_assert_gt(moved, 0);
        screen_free(s);
    }
}

/* The bytes for a line of 4 kB are those for one of a few rows. */
Test(draw, taking_away_and_showing_cost_columns) {
    static char out[DRAW_MAX], text[TEXT_MAX];
    for (unsigned width = 0; width <= UINT8_MAX; width += width == 0 ? 2 : 1) {
        struct screen s = {.enc = ENC_UTF8, .width = width};
        fill(&s, "", "x", LINE_MAX_MAX);
        struct drawn drawn = lay(&s, text);
        cr_assert_leq(drawn.len, width > 0 ? DRAW_ROWS * width : UNKNOWN_WIDTH - 1);
        cr_assert_leq(draw_away(&drawn, out), width > 0 ? 16 : UNKNOWN_WIDTH + 2);
    }
}

Test(draw, a_terminal_of_unknown_width_is_shown_one_row) {
    static char text[TEXT_MAX];
    for (size_t len = 1; len < 3000; len++) {
        struct screen s = {.enc = ENC_UTF8};
        fill(&s, "", len % 2 ? "你" : "x", len);
        struct drawn drawn = lay(&s, text);
        cr_assert_eq(drawn.row, 0);
        cr_assert_lt(drawn.column, UNKNOWN_WIDTH, "%zu bytes", len);
        cr_assert(len < 100 || drawn.column >= 24);
    }
}
