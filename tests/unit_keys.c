/* unit_keys.c - a half-typed line: what keys change in it, and what the terminal then shows. */
#include "tests/lib/terminal.h"
#include "worker/protocol/draw.h"
#include "worker/protocol/edit.h"
#include "worker/protocol/typed.h"
#include "worker/text/charset.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void set_up(void) {
    cr_assert_null(charset_init());
}
TestSuite(keys, .init = set_up);

static const char *const charsets[ENC_RINGS] = {NULL, "CP936", "BIG5"};

/* ---- editing ---- */

static const struct {
    const char *what;
    enum encoding enc; /* the encoding that the client is sent */
    enum telnet_kind key;
    const char *line, *left;
} edits[] = {
    {"nothing", ENC_UTF8, TELNET_ERASE_CHAR, "", ""},
    {"ASCII", ENC_UTF8, TELNET_ERASE_CHAR, "ab", "a"},
    {"Chinese", ENC_UTF8, TELNET_ERASE_CHAR, "你好", "你"},
    {"an emoji", ENC_UTF8, TELNET_ERASE_CHAR, "a😀", "a"},
    {"a letter and its accent", ENC_UTF8, TELNET_ERASE_CHAR, "ae\314\201", "a"},
    {"the first half of a character", ENC_UTF8, TELNET_ERASE_CHAR, "你\345\245", "你"},
    {"GBK", ENC_GBK, TELNET_ERASE_CHAR, "\304\343\272\303", "\304\343"},
    {"half of GBK", ENC_GBK, TELNET_ERASE_CHAR, "\304\343\272", "\304\343"},
    {"GBK with a letter in its second half", ENC_GBK, TELNET_ERASE_CHAR, "a\201\\", "a"},
    {"GBK from one not switched yet", ENC_UTF8, TELNET_ERASE_CHAR, "\304\343\272\303", "\304\343"},
    {"the first character in GBK", ENC_UTF8, TELNET_ERASE_CHAR, "\304\343", ""},
    {"UTF-8 from a client that is sent GBK", ENC_GBK, TELNET_ERASE_CHAR, "你好", "你"},
    {"Big5", ENC_BIG5, TELNET_ERASE_CHAR, "\247\101\246\156", "\247\101"},
    {"a word", ENC_UTF8, TELNET_ERASE_WORD, "one two  ", "one "},
    {"a Chinese word", ENC_UTF8, TELNET_ERASE_WORD, "你 好吗", "你 "},
    {"a word of GBK", ENC_GBK, TELNET_ERASE_WORD, "\304\343 \272\303", "\304\343 "},
    {"the only word", ENC_UTF8, TELNET_ERASE_WORD, "one", ""},
    {"the line", ENC_UTF8, TELNET_ERASE_LINE, "one two", ""},
    {"interrupted", ENC_UTF8, TELNET_INTERRUPT, "one two", ""},
    {"GBK that could be UTF-8", ENC_GBK, TELNET_ERASE_CHAR, "\314\251\313\277", "\314\251"},
    {"shown again", ENC_UTF8, TELNET_REPRINT, "one two", "one two"},
};

Test(keys, erase_whole_characters) {
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        uint8_t line[64];
        uint32_t len = (uint32_t)strlen(edits[i].line);
        struct telnet_event ev = {.kind = edits[i].key};
        memcpy(line, edits[i].line, len);
        struct erase erase;
        erase_begin(&erase, edits[i].enc);
        struct edit e = {.line = line, .erase = &erase, .len = len};
        edit_key(&e, &ev);
        len = e.len;
        cr_expect(len == strlen(edits[i].left) && memcmp(line, edits[i].left, len) == 0,
                  "%s: left %.*s", edits[i].what, (int)len, line);
    }
}

/* Telnet commands that GNU telnet may have made of a typed byte. */
static const struct {
    const char *what;
    enum encoding enc;
    enum telnet_kind key;
    uint8_t typed;
    const char *line, *left;
} bytes[] = {
    {"83 in a character", ENC_UTF8, TELNET_INTERRUPT, 0x83, "a\346", "a\346\203"},
    {"9A at its end", ENC_UTF8, TELNET_STATE, 0x9A, "a\346\203", "a惚"},
    {"9C in GBK", ENC_GBK, TELNET_INTERRUPT, 0x9C, "\301", "\301\234"},
    {"a real ^C", ENC_UTF8, TELNET_INTERRUPT, 0x83, "a惚", ""},
    {"a real ^Z", ENC_UTF8, TELNET_STATE, 0x9A, "a惚", "a惚"},
    {"a real ^C in GBK", ENC_GBK, TELNET_INTERRUPT, 0x83, "\301\234", ""},
    {"a real ^C at the start", ENC_UTF8, TELNET_INTERRUPT, 0x83, "", ""},
};

Test(keys, a_command_in_the_middle_of_a_character_is_a_byte_of_it) {
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        uint8_t line[64];
        uint32_t len = (uint32_t)strlen(bytes[i].line);
        struct telnet_event ev = {.kind = bytes[i].key, .typed = bytes[i].typed};
        memcpy(line, bytes[i].line, len);
        struct erase erase;
        erase_begin(&erase, bytes[i].enc);
        struct edit e = {.line = line, .erase = &erase, .len = len};
        edit_key(&e, &ev);
        len = e.len;
        cr_expect(len == strlen(bytes[i].left) && memcmp(line, bytes[i].left, len) == 0,
                  "%s: left %.*s", bytes[i].what, (int)len, line);
    }
}

/* ---- what the terminal is shown ---- */

static const struct {
    const char *what;
    enum encoding enc;
    const char *line, *shown;
} shows[] = {
    {"plain", ENC_UTF8, "hello 你好", "hello 你好"},
    {"no escape sequences", ENC_UTF8, "a\033[2Jb", "a[2Jb"},
    {"no C1", ENC_UTF8, "a\302\233b", "ab"},
    {"nothing that reorders", ENC_UTF8, "a\342\200\256b", "ab"},
    {"half a character", ENC_UTF8, "你\345\245", "你"},
    {"half a character at the start", ENC_UTF8, "\344", ""},
    {"half a character in the middle", ENC_UTF8, "你你\345 x", "你你\357\277\275 x"},
    {"GBK", ENC_GBK, "\304\343\272\303", "\304\343\272\303"},
    {"half of GBK", ENC_GBK, "\304\343\272", "\304\343"},
    {"GBK that could be UTF-8", ENC_GBK, "\314\251\313\277", "\314\251\313\277"},
    {"UTF-8 on a terminal in GBK", ENC_GBK, "你", "\304\343"},
    {"what GBK has not", ENC_GBK, "😀", "?"},
};

Test(keys, show_what_others_will_see) {
    for (size_t i = 0; i < sizeof shows / sizeof shows[0]; i++) {
        char out[TYPED_SHOWN_MAX];
        const char *line = shows[i].line;
        size_t n =
            typed_shown(shows[i].enc, shows[i].enc, (const uint8_t *)line, strlen(line), out);
        cr_expect(n == strlen(shows[i].shown) && memcmp(out, shows[i].shown, n) == 0, "%s: %.*s",
                  shows[i].what, (int)n, out);
    }
}

Test(keys, the_longest_line_of_rubbish_fits) {
    uint8_t line[LINE_MAX_MAX];
    char out[TYPED_SHOWN_MAX];
    for (int e = 0; e < ENC_RINGS; e++)
        for (int byte = 0x7F; byte < 0xFF; byte++) {
            memset(line, byte, sizeof line);
            cr_assert_leq(typed_shown((enum encoding)e, (enum encoding)e, line, sizeof line, out),
                          sizeof out);
        }
}

/* ---- on the screen ---- */

static size_t away(enum encoding enc, unsigned width, const char *shown, size_t n, char *out) {
    struct drawn line = draw_lay(enc, width, shown, n);
    return draw_away(&line, out);
}

static size_t change(enum encoding enc, unsigned width, const char *old, size_t old_len,
                     const char *new, size_t new_len, char *out) {
    struct drawn from = draw_lay(enc, width, old, old_len);
    struct drawn to = draw_lay(enc, width, new, new_len);
    return draw_change(enc, &from, &to, out);
}

static void same_bytes(const char *want, const char *got, size_t len) {
    cr_expect(len == strlen(want) && memcmp(got, want, len) == 0, "%.*s", (int)len, got);
}

Test(keys, erasing_is_a_backspace_for_each_column) {
    char out[DRAW_MAX] = "";
    same_bytes("\b \b", out, change(ENC_UTF8, 80, "ab", 2, "a", 1, out));
    same_bytes("\b \b\b \b", out, change(ENC_UTF8, 0, "a你", 4, "a", 1, out));
    same_bytes("\b \b\b \b", out, change(ENC_GBK, 0, "\304\343", 2, "", 0, out));
    same_bytes("b", out, change(ENC_UTF8, 80, "a", 1, "ab", 2, out));
    /* a mark is erased with its letter, and a character with all its bytes */
    same_bytes("\b \be", out, change(ENC_UTF8, 0, "ae\314\240", 4, "ae", 2, out));
    same_bytes("\314\240", out, change(ENC_UTF8, 0, "ae", 2, "ae\314\240", 4, out));
    same_bytes("\b \b￥", out, change(ENC_UTF8, 0, "\357\277\275", 3, "￥", 3, out));
    same_bytes("\r   \r", out, away(ENC_UTF8, 0, "a你", 4, out));
}

Test(keys, a_terminal_of_unknown_width_gets_no_escape_sequence) {
    char line[400], out[DRAW_MAX] = "";
    memset(line, 'x', sizeof line);
    for (size_t n = 1; n < sizeof line; n++) {
        cr_assert_null(memchr(out, '\033', away(ENC_UTF8, 0, line, n, out)));
        cr_assert_null(memchr(out, '\033', change(ENC_UTF8, 0, line, n, line, n / 2, out)));
    }
}

/* A line of `n` characters; `seed` mixes wide and narrow ones. */
static size_t mixed(enum encoding enc, unsigned seed, unsigned n, char *out) {
    static const char *const wide[ENC_RINGS] = {"你", "\304\343", "\247\101"};
    char *at = out;
    srand(seed);
    for (unsigned i = 0; i < n; i++) {
        char narrow[2] = {(char)('a' + rand() % 26), 0};
        at = stpcpy(at, rand() % 2 ? wide[enc] : narrow);
    }
    return (size_t)(at - out);
}

static void same_screen(enum encoding enc, unsigned width, const char *drawn, size_t n,
                        const char *line, size_t line_len, const char *what) {
    struct terminal *got = terminal_make(width, charsets[enc]);
    struct terminal *want = terminal_make(width, charsets[enc]);
    terminal_show(got, "said before\r\n", 13);
    terminal_show(want, "said before\r\n", 13);
    terminal_show(got, drawn, n);
    terminal_show(want, line, line_len);
    cr_expect(got->row == want->row && got->column == want->column,
              "%s: cursor at %u, %u not %u, %u", what, got->row, got->column, want->row,
              want->column);
    for (int row = 8; row-- > 0;) /* the rows below are empty, too */
        for (unsigned i = 0; i < width; i++)
            cr_expect(strcmp(got->cell[row][i], want->cell[row][i]) == 0 ||
                          (strspn(got->cell[row][i], " ") == strlen(got->cell[row][i]) &&
                           *want->cell[row][i] == '\0'),
                      "%s: row %d, column %u: \"%s\"", what, row, i, got->cell[row][i]);
    free(got);
    free(want);
}

/* For any change of the line, the screen is the same as if the new line had been typed at once. */
Test(keys, every_change_looks_like_the_new_line) {
    enum { WIDTH = 12 };
    for (int e = 0; e < ENC_RINGS; e++)
        for (unsigned n = 0; n < 40; n++) {
            enum encoding enc = (enum encoding)e;
            char old[256], new[256], out[DRAW_MAX + 256];
            size_t old_len = mixed(enc, n, n, old), len;
            struct drawn was = draw_lay(enc, WIDTH, old, old_len), now;
            memcpy(out, was.text, was.len);
            len = draw_away(&was, out + was.len);
            same_screen(enc, WIDTH, out, was.len + len, "", 0, "away");
            for (unsigned m = 0; m < 40; m += 3) {
                size_t kept = mixed(enc, n, m, new), other = mixed(enc, 7 * n + m, m, new + kept);
                now = draw_lay(enc, WIDTH, new, kept);
                len = draw_change(enc, &was, &now, out + was.len);
                same_screen(enc, WIDTH, out, was.len + len, now.text, now.len, "shorter or longer");
                now = draw_lay(enc, WIDTH, new + kept, other);
                len = draw_change(enc, &was, &now, out + was.len);
                same_screen(enc, WIDTH, out, was.len + len, now.text, now.len, "another");
            }
        }
}
