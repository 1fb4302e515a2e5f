/* unit_keyseq.c - key sequences: where each ends, whatever the split, and what it means. */
#include "worker/protocol/keyseq.h"

#include <criterion/criterion.h>
#include <string.h>

/* Feeds in[0, n); what is no part of a sequence is copied to `text`.  Returns the last key that is
 * one. */
static enum keyseq_key feed(struct keyseq *k, const char *in, size_t n, char *text) {
    enum keyseq_key key, last = KEYSEQ_NOTHING;
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        key = KEYSEQ_TEXT;
        if (keyseq_under_way(k) || in[i] == KEYSEQ_ESC)
            key = keyseq_byte(k, (uint8_t)in[i]);
        if (key == KEYSEQ_TEXT)
            text[len++] = in[i];
        else if (key != KEYSEQ_NOTHING)
            last = key;
    }
    text[len] = '\0';
    return last;
}

static const struct {
    const char *what, *in, *text;
    enum keyseq_key key;
} sequences[] = {
    {"Up", "\033[A", "", KEYSEQ_UP},
    {"a slash behind ESC", "\033/msg", "/msg", KEYSEQ_NOTHING},
    {"a slash behind ESC O", "\033O/msg", "/msg", KEYSEQ_NOTHING},
    {"a slash behind ESC [", "\033[/msg", "/msg", KEYSEQ_NOTHING},
    {"a slash behind ESC [ 1 ;", "\033[1;/msg", "/msg", KEYSEQ_NOTHING},
    {"a slash behind ESC ESC", "\033\033/msg", "/msg", KEYSEQ_NOTHING},
    {"Down, application mode", "\033OB", "", KEYSEQ_DOWN},
    {"Right", "a\033[Cb", "ab", KEYSEQ_RIGHT},
    {"Left", "a\033[Db", "ab", KEYSEQ_LEFT},
    {"Left, application mode", "a\033ODb", "ab", KEYSEQ_LEFT},
    {"Ctrl-Left", "\033[1;5Dx", "x", KEYSEQ_WORD_LEFT},
    {"Alt-Right", "\033[1;3Cx", "x", KEYSEQ_WORD_RIGHT},
    {"Shift-Right", "\033[1;2Cx", "x", KEYSEQ_RIGHT},
    {"Ctrl-Left of old", "\033O5Dx", "x", KEYSEQ_LEFT},
    {"Home", "\033[H", "", KEYSEQ_HOME},
    {"Home of Linux", "\033[1~", "", KEYSEQ_HOME},
    {"Home of rxvt", "\033[7~", "", KEYSEQ_HOME},
    {"Home, application mode", "\033OH", "", KEYSEQ_HOME},
    {"End", "\033[F", "", KEYSEQ_END},
    {"End of Linux", "\033[4~", "", KEYSEQ_END},
    {"Delete", "a\033[3~b", "ab", KEYSEQ_DELETE},
    {"Ctrl-Delete", "\033[3;5~", "", KEYSEQ_DELETE},
    {"Shift-Delete of rxvt", "\033[3$b", "b", KEYSEQ_NOTHING},
    {"Insert", "\033[2~b", "b", KEYSEQ_NOTHING},
    {"F1", "\033OPb", "b", KEYSEQ_NOTHING},
    {"F5", "\033[15~b", "b", KEYSEQ_NOTHING},
    {"F1 of the Linux console", "\033[[Ab", "b", KEYSEQ_NOTHING},
    {"Shift-Tab", "\033[Zb", "b", KEYSEQ_NOTHING},
    {"Alt-x", "a\033xb", "ab", KEYSEQ_NOTHING},
    {"Alt-b", "\033bb", "b", KEYSEQ_WORD_LEFT},
    {"Alt-1", "\0331b", "b", KEYSEQ_NOTHING},
    {"Alt-BackSpace", "a\033\177b", "ab", KEYSEQ_ERASE_WORD},
    {"Alt-Left of rxvt", "\033\033[Db", "b", KEYSEQ_LEFT},
    {"Alt-]", "\033]abc", "abc", KEYSEQ_NOTHING},
    {"Alt-P", "\033Pabc", "abc", KEYSEQ_NOTHING},
    {"a paste", "\033[200~a b\033[201~c", "a bc", KEYSEQ_PASTE_END},
    {"a mouse report of X10", "\033[M !\177b", "b", KEYSEQ_NOTHING},
    {"in the right half of a wide window", "\033[M \377\201b", "b", KEYSEQ_NOTHING},
    {"a mouse report", "\033[<0;12;34Mb\033[<0;12;34mc", "bc", KEYSEQ_NOTHING},
    {"focus", "\033[Ia\033[Ob", "ab", KEYSEQ_NOTHING},
    {"where the cursor is", "\033[12;40Rb", "b", KEYSEQ_NOTHING},
    {"what the terminal is", "\033[?62;1;6cb\033[>0;276;0cc", "bc", KEYSEQ_NOTHING},
    {"a mode", "\033[?2004;1$yb", "b", KEYSEQ_NOTHING},
    {"private, but like a key", "\033[?1Db", "b", KEYSEQ_NOTHING},
    {"a key by its number", "\033[97;5ub\033[27;5;97~c", "bc", KEYSEQ_NOTHING},
    {"a colour", "\033]11;rgb:0/0/0\033\\b", "b", KEYSEQ_NOTHING},
    {"a colour, ended by BEL", "\033]11;rgb:0/0/0\ab", "b", KEYSEQ_NOTHING},
    {"a title in Chinese", "\033]l\344\275\240\033\\b", "b", KEYSEQ_NOTHING},
    {"a version", "\033P>|xterm(390)\033\\b", "b", KEYSEQ_NOTHING},
    {"a picture", "\033_Gi=31;OK\033\\b", "b", KEYSEQ_NOTHING},
    {"a string that a key ends", "\033]11;rgb\033[Db", "b", KEYSEQ_LEFT},
    /* cut short */
    {"ESC and a line's end", "a\033\rb", "a\rb", KEYSEQ_NOTHING},
    {"CSI and a line's end", "a\033[1;\nb", "a\nb", KEYSEQ_NOTHING},
    {"SS3 and a line's end", "a\033O\rb", "a\rb", KEYSEQ_NOTHING},
    {"a string and a line's end", "a\033]0;t\rb", "a\rb", KEYSEQ_NOTHING},
    {"a mouse report and a line's end", "a\033[M \rb", "a\rb", KEYSEQ_NOTHING},
    {"ESC and Chinese", "\033\344\275\240", "\344\275\240", KEYSEQ_NOTHING},
    {"CSI and Chinese", "\033[\344\275\240", "\344\275\240", KEYSEQ_NOTHING},
    {"CSI and another key", "\033[1\033[D", "", KEYSEQ_LEFT},
    {"no CSI of eight bits", "\346\233\264\233A", "\346\233\264\233A", KEYSEQ_NOTHING},
};

Test(keyseq, sequences_are_no_text_wherever_they_are_split) {
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        char text[64];
        struct keyseq k = {0};
        enum keyseq_key key = feed(&k, sequences[i].in, strlen(sequences[i].in), text);
        cr_expect_str_eq(text, sequences[i].text, "%s: %s", sequences[i].what, text);
        cr_expect_eq(key, sequences[i].key, "%s: %d", sequences[i].what, key);
        cr_expect_not(keyseq_under_way(&k), "%s", sequences[i].what);
    }
}

/* However long it is: its rest is no text, and after the end of the line all is. */
Test(keyseq, a_sequence_ends_with_its_line_and_never_becomes_text_before) {
    static const char *const begin[] = {"\033]0;", "\033]52;c;", "\033P>", "\033_G", "\033[?"};
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
        for (size_t n = 200; n < 2000; n += 89) {
            char in[2048], text[2048];
            struct keyseq k = {0};
            memset(in, '1', sizeof in);
            memcpy(in, begin[i], strlen(begin[i]));
            memcpy(in + n, "\r/b", 3);
            feed(&k, in, n + 3, text);
            cr_assert_str_eq(text, "\r/b", "%zu, %zu: %.20s", i, n, text);
            cr_assert_not(keyseq_under_way(&k));
        }
}

/* Nor does what is a key of few bytes take more than these. */
Test(keyseq, no_key_eats_text_without_end) {
    static const char *const begin[] = {"\033O", "\033[M", "\033[[", "\033["};
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
        for (int byte = '@'; byte < 0x7F; byte++) {
            char in[64], text[65];
            struct keyseq k = {0};
            memset(in, byte, sizeof in);
            memcpy(in, begin[i], strlen(begin[i]));
            feed(&k, in, sizeof in, text);
            cr_assert_geq(strlen(text), sizeof in - 6, "%zu, %c", i, byte);
            cr_assert_not(keyseq_under_way(&k));
        }
}

Test(keyseq, one_whole_key_is_told_from_more_and_from_less) {
    static const char *const whole[] = {"\033[A",    "\033OA",  "\033[3~", "\033x",
                                        "\033[1;5D", "\033[[A", "\033\177"};
    static const char *const not [] = {
        "",        "a",        "\033",   "\033[",  "\033[A\033[A", "\033[Aa",
        "a\033[A", "\033[A\r", "\033\r", "\033[3", "\344\275\240", "\r"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        cr_expect(keyseq_whole((const uint8_t *)whole[i], strlen(whole[i])), "%zu", i);
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        cr_expect_not(keyseq_whole((const uint8_t *)not [i], strlen(not [i])), "%zu", i);
}
