/* unit_text.c - hostile text: nothing that moves a cursor, hides or reorders text is sent to
 * another client. */
#include "ipc/unicode.h"
#include "worker/text/charset.h"
#include "worker/text/sanitize.h"

#include <criterion/criterion.h>
#include <string.h>

/* Input of a client that is sent UTF-8, and what other clients are sent: after charset and
 * sanitize. */
static const struct {
    const char *what, *in, *out;
} hostile[] = {
    {"clean ASCII", "hello, world~", "hello, world~"},
    {"clean Chinese", "你好，世界。", "你好，世界。"},
    {"clean accents", "café naïve Ωμέγα Привет", "café naïve Ωμέγα Привет"},
    {"clean emoji", "😀👍", "😀👍"},
    {"ideographic space", "a\343\200\200b", "a\343\200\200b"},
    {"tab", "a\tb", "a b"},
    {"line end", "a\r\nb", "a  b"},
    {"clear screen", "\033[2Jx", "[2Jx"},
    {"window title", "\033]0;root\007x", "]0;rootx"},
    {"device control string", "\033P1$r\033\\", "P1$r\\"},
    {"bell, backspace, vertical tab, form feed", "a\007b\bc\013d\014e", "abcde"},
    {"shift out, shift in", "\016lqqk\017", "lqqk"},
    {"delete", "a\177b", "ab"},
    {"carriage return", "abc\rdef", "abc def"},
    {"line feed", "abc\ndef", "abc def"},
    {"CSI as C1", "\302\2332Jx", "2Jx"},
    {"NEL, OSC, DCS, ST as C1", "a\302\205b\302\235c\302\220d\302\234e", "abcde"},
    {"CSI as a raw byte", "\2332J\377", "\357\277\2752J\357\277\275"},
    {"raw C1 inside UTF-8", "é\233x\377", "é\357\277\275x\357\277\275"},
    {"right-to-left override", "a\342\200\256b", "ab"},
    {"left-to-right override", "a\342\200\255b", "ab"},
    {"embeddings and pop", "\342\200\252a\342\200\253b\342\200\254c", "abc"},
    {"isolates", "\342\201\246a\342\201\247b\342\201\250c\342\201\251d", "abcd"},
    {"direction marks", "a\342\200\216b\342\200\217c\330\234d", "abcd"},
    {"zero width space, non-joiner, joiner", "a\342\200\213b\342\200\214c\342\200\215d", "abcd"},
    {"word joiner, invisible times", "a\342\201\240b\342\201\242c", "abc"},
    {"byte order mark", "\357\273\277a", "a"},
    {"soft hyphen", "a\302\255b", "ab"},
    {"Mongolian vowel separator", "a\341\240\216b", "ab"},
    {"grapheme joiner", "a\315\217b", "ab"},
    {"Hangul filler", "a\343\205\244b\341\205\237c\357\276\240d", "abcd"},
    {"variation selectors", "a\357\270\217b\363\240\204\200c你\357\270\200d", "abc你d"},
    {"tags", "a\363\240\200\201\363\240\201\201b", "ab"},
    {"annotation", "a\357\277\271b\357\277\272c\357\277\273d", "abcd"},
    {"line and paragraph separators", "a\342\200\250b\342\200\251c", "abc"},
    {"private use", "a\356\200\200b\357\243\277c\363\260\200\200d\364\217\277\275e", "abcde"},
    {"noncharacters", "a\357\267\220b\357\277\276c\357\277\277d\364\217\277\277e", "abcde"},
    {"unassigned and invisible", "a\342\201\245b\357\277\260c\363\240\202\200d", "abcd"},
    {"lone high surrogate", "\355\240\275\377", "\357\277\275\357\277\275\357\277\275\357\277\275"},
    {"surrogate pair", "\355\240\275\355\270\200\377",
     "\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275"},
    {"overlong slash", "\300\257\377", "\357\277\275\357\277\275\357\277\275"},
    {"overlong escape", "\340\200\233[2J\377",
     "\357\277\275\357\277\275\357\277\275[2J\357\277\275"},
    {"beyond Unicode", "\365\200\200\200\377",
     "\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275"},
    {"truncated at the end", "a\360\237\230", "a\357\277\275\357\277\275\357\277\275"},
    {"continuation alone", "\200\377", "\357\277\275\357\277\275"},
    {"marks within bounds", "a\314\201\314\202\314\203\314\204b",
     "a\314\201\314\202\314\203\314\204b"},
    {"too many marks", "a\314\201\314\202\314\203\314\204\314\205\314\206b",
     "a\314\201\314\202\314\203\314\204b"},
    {"marks with something dropped between",
     "a\314\201\314\202\342\200\213\314\203\314\204\314\205b",
     "a\314\201\314\202\314\203\314\204b"},
    {"marks with nothing below", "\314\201\314\202a", "a"},
    {"enclosing marks", "a\342\203\235\342\203\235\342\203\235\342\203\235\342\203\235",
     "a\342\203\235\342\203\235\342\203\235\342\203\235"},
    {"Korean, spelt out", "\341\204\200\341\205\241\341\206\250가\341\206\250",
     "\341\204\200\341\205\241\341\206\250가\341\206\250"},
    {"old Korean, spelt out", "\352\245\240\355\236\260\355\237\213",
     "\352\245\240\355\236\260\355\237\213"},
    {"Korean vowels and finals alone", "\341\205\241a\341\205\241b\341\206\250\341\206\250", "ab"},
    {"more of them than a syllable has",
     "\341\204\200\341\205\241\341\205\241\341\206\250\341\206\250각\341\206\250ㅋ\341\205\241",
     "\341\204\200\341\205\241\341\206\250각ㅋ"},
    {"one behind something dropped", "\341\204\200\342\200\213\341\205\241",
     "\341\204\200\341\205\241"},
    {"one behind a mark, and a mark on a syllable",
     "\341\204\200\314\201\341\205\241\341\204\200\341\205\241\314\201",
     "\341\204\200\314\201\341\204\200\341\205\241\314\201"},
    {"escape in a double-byte line", "\304\343\033[2J\272\303", "你[2J好"},
    {"replacement character", "a\357\277\275b", "a\357\277\275b"},
    {"nothing left", "\342\200\213\033\007", ""},
};

static void init(void) {
    cr_assert_null(charset_init());
}
TestSuite(text, .init = init);

Test(text, hostile_lines) {
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        char out[256];
        enum encoding used;
        ptrdiff_t n = charset_decode((const uint8_t *)hostile[i].in, strlen(hostile[i].in),
                                     ENC_UTF8, out, sizeof out - 1, &used);
        cr_assert_geq(n, 0);
        size_t len = sanitize(out, (size_t)n);
        out[len] = '\0';
        cr_expect_str_eq(out, hostile[i].out, "%s: %s", hostile[i].what, out);
        cr_expect_eq(sanitize(out, len), len, "%s, again", hostile[i].what);
    }
}

Test(text, a_nul_is_dropped) {
    char line[] = "a\0b\0";
    cr_assert_eq(sanitize(line, 4), 2);
    cr_assert_eq(memcmp(line, "ab", 2), 0);
}

/* Every code point between two letters: a code point that is kept is unchanged and no control, or
 * is a blank, and the rest of the line is kept in any case. */
Test(text, every_code_point) {
    size_t kept = 0;
    for (int32_t cp = 0; cp < 0x110000; cp++) {
        if (cp == 0xD800)
            cp = 0xE000;
        char line[8] = "a", was[8];
        size_t len = unicode_encode(cp, line + 1);
        line[len + 1] = 'b';
        memcpy(was, line, sizeof was);
        size_t n = sanitize(line, len + 2);
        if (n == 2) {
            cr_assert_eq(memcmp(line, "ab", 2), 0, "U+%04X", (unsigned)cp);
            continue;
        }
        kept++;
        bool blank = cp == '\t' || cp == '\n' || cp == '\r';
        if (blank)
            was[1] = ' ';
        cr_assert(n == len + 2 && memcmp(line, was, n) == 0, "U+%04X", (unsigned)cp);
        cr_assert(blank || (cp >= 0x20 && (cp < 0x7F || cp > 0x9F)), "U+%04X", (unsigned)cp);
    }
    cr_expect(kept > 145000, "%zu", kept);
}

/* Columns as the server counts them for an echoed client. */
static size_t columns_of(const char *text, size_t n) {
    size_t columns = 0, len;
    for (size_t i = 0; i < n; i += len) {
        int32_t cp = unicode_decode(text + i, n - i, &len);
        columns += cp == UNICODE_BAD ? 1 : unicode_properties(cp).columns;
    }
    return columns;
}

/* Every character that takes no column is dropped behind a letter, or is one of few marks on it. */
Test(text, nothing_without_a_column_is_kept_in_bulk) {
    for (int32_t cp = 0x80; cp < 0x110000; cp++) {
        struct unicode_properties p = unicode_properties(cp);
        if ((cp >= 0xD800 && cp <= 0xDFFF) || p.columns > 0)
            continue;
        char line[64] = "a";
        size_t n = 1;
        while (n + 4 < sizeof line)
            n += unicode_encode(cp, line + n);
        cr_assert_leq(sanitize(line, n), (size_t)1 + 4 * SANITIZE_MARKS_MAX, "U+%04X",
                      (unsigned)cp);
    }
}

Test(text, columns) {
    static const struct {
        const char *text;
        size_t columns;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"你好", 4},
        {"ａｂ", 4},
        {"e\314\201", 1},
        {"ｱ", 1},
        {"😀", 2},
        {"가", 2},
        {"\341\204\200\341\205\241", 2},
        {"é", 1},
        {"к", 1},
        {"\377", 1},
        {"a\342\200\213b", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(columns_of(cases[i].text, strlen(cases[i].text)), cases[i].columns, "%s",
                     cases[i].text);
}
