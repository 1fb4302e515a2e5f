/* unit_charset.c - the encodings of the wire: recognising them, decoding and encoding. */
#include "ipc/unicode.h"
#include "worker/text/charset.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void init(void) {
    cr_assert_null(charset_init());
}
TestSuite(charset, .init = init);

/* Lines as received, and the UTF-8 that they decode to.  Escapes are octal, because a hexadecimal
 * one would include letters after it. */
static const struct {
    const char *in;
    enum encoding enc; /* the encoding that the client is sent */
    const char *out;
    enum encoding used;
} lines[] = {
    {"", ENC_UTF8, "", ENC_UTF8},
    {"plain", ENC_UTF8, "plain", ENC_UTF8},
    {"plain", ENC_GBK, "plain", ENC_GBK},
    {"plain", ENC_BIG5, "plain", ENC_BIG5},
    {"你好", ENC_UTF8, "你好", ENC_UTF8},
    {"你好", ENC_GBK, "你好", ENC_UTF8},
    {"你好", ENC_BIG5, "你好", ENC_UTF8},
    {"\304\343\272\303", ENC_UTF8, "你好", ENC_GBK},
    {"\304\343\272\303", ENC_GBK, "你好", ENC_GBK},
    {"\247A\246n", ENC_BIG5, "你好", ENC_BIG5},
    {"a\304\343b", ENC_UTF8, "a你b", ENC_GBK},
    /* two bytes that are also valid UTF-8: the client's encoding decides, unless a character has
     * three */
    {"\314\251\313\277", ENC_UTF8, "\314\251\313\277", ENC_UTF8},
    {"\314\251\313\277", ENC_GBK, "泰丝", ENC_GBK},
    {"login \322\273 \271\376\271\376", ENC_GBK, "login 一 哈哈", ENC_GBK},
    {"\314\251", ENC_BIG5, "怍", ENC_BIG5},
    {"\314\251你", ENC_GBK, "\314\251你", ENC_UTF8},
    {"\314\251\360\237\230\200", ENC_GBK, "\314\251😀", ENC_UTF8},
    {"привет", ENC_UTF8, "привет", ENC_UTF8},
    {"e\314\201", ENC_BIG5, "e\314\201", ENC_UTF8}, /* not valid in Big5 */
    /* second bytes that look like backslash, bar, at, C1 */
    {"\201\\\224|\206@", ENC_GBK, "乗攟咢", ENC_GBK},
    {"\263\\\245\\", ENC_BIG5, "許功", ENC_BIG5},
    {"\200", ENC_UTF8, "€", ENC_GBK},
    /* GB18030 beyond GBK, from a client that is sent GBK */
    {"\304\343\224\071\374\066x", ENC_GBK, "你😀x", ENC_GBK},
    {"\201\071\356\071", ENC_GBK, "㐀", ENC_GBK},
    {"\201\071\356\071", ENC_UTF8, "\357\277\2759\357\277\2759", ENC_UTF8},
    /* valid in no encoding */
    {"a\377b", ENC_UTF8, "a\357\277\275b", ENC_UTF8},
    {"a\377b", ENC_GBK, "a\357\277\275b", ENC_GBK},
    {"a\377b", ENC_BIG5, "a\357\277\275b", ENC_BIG5},
    {"\304\343\377\272\303", ENC_GBK, "你\357\277\275好", ENC_GBK},
    {"\304\343\272", ENC_GBK, "你\357\277\275", ENC_GBK},
    {"\304\343\272 x", ENC_GBK, "你\357\277\275 x", ENC_GBK},
    {"\247A\377\246n", ENC_BIG5, "你\357\277\275好", ENC_BIG5},
    {"你\377好", ENC_UTF8, "你\357\277\275好", ENC_UTF8},
    {"\343 x\343\200", ENC_UTF8, "\357\277\275 x\357\277\275\357\277\275", ENC_UTF8},
    /* like UTF-8, but not valid: overlong, surrogate, beyond Unicode */
    {"\377\300\200", ENC_UTF8, "\357\277\275\357\277\275\357\277\275", ENC_UTF8},
    {"\377\355\240\200", ENC_UTF8, "\357\277\275\357\277\275\357\277\275\357\277\275", ENC_UTF8},
    {"\377\364\220\200\200", ENC_UTF8,
     "\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275", ENC_UTF8},
};

Test(charset, lines_are_recognised) {
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char out[256];
        enum encoding used;
        ptrdiff_t n = charset_decode((const uint8_t *)lines[i].in, strlen(lines[i].in),
                                     lines[i].enc, out, sizeof out - 1, &used);
        cr_assert_geq(n, 0);
        out[n] = '\0';
        cr_expect_str_eq(out, lines[i].out, "line %zu: %s", i, out);
        cr_expect_eq(used, lines[i].used, "line %zu", i);
    }
}

Test(charset, too_long_is_said_exactly) {
    /* the last: GBK whose characters, except one, would be shorter if they were UTF-8 */
    static const char *const in[] = {"plain", "你好", "\304\343\272\303", "\304\343\377",
                                     "\304\243\304\243\304\243\304\243\304\243\304\243\304\343"};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        for (int enc = 0; enc < ENC_RINGS; enc++) {
            char out[64];
            enum encoding used;
            const uint8_t *bytes = (const uint8_t *)in[i];
            size_t n = strlen(in[i]);
            ptrdiff_t full = charset_decode(bytes, n, (enum encoding)enc, out, sizeof out, &used);
            cr_assert(full > 0 && (size_t)full <= CHARSET_DECODE_MAX(n));
            for (size_t room = 0; room <= (size_t)full; room++)
                cr_expect_eq(charset_decode(bytes, n, (enum encoding)enc, out, room, &used),
                             room == (size_t)full ? full : CHARSET_TOO_LONG, "%zu in %zu", i, room);
        }
}

static const struct {
    const char *utf8, *gbk, *big5;
} written[] = {
    {"", "", ""},
    {"plain", "plain", "plain"},
    {"欢迎进入{room}聊天室!", NULL, NULL}, /* only that GBK has all characters is checked, below */
    {"你好", "\304\343\272\303", "\247A\246n"},
    {"a许b", "a\320\355b", "a?b"},
    {"許功", "\324S\271\246", "\263\\\245\\"},
    {"😀a😀", "?a?", "?a?"},
    {"你😀好", "\304\343?\272\303", "\247A?\246n"},
    {"€", "\200", "\243\341"},
    {"é", "\250\246", "\210m"},
    {"㐀", "?", "?"}, /* four bytes in GB18030: not sent */
    {"\357\277\275", "?", "?"},
    {"עברית", "?????", "?????"},
    {"가나다", "???", "???"},
};

Test(charset, lines_are_written) {
    char out[256];
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        const char *want[] = {written[i].utf8, written[i].gbk, written[i].big5};
        for (int enc = 0; enc < ENC_RINGS; enc++) {
            size_t len = strlen(written[i].utf8);
            size_t n =
                charset_encode((enum encoding)enc, written[i].utf8, len, out, sizeof out - 1);
            cr_assert_leq(n, len);
            out[n] = '\0';
            if (want[enc])
                cr_expect_str_eq(out, want[enc], "%s in %d", written[i].utf8, enc);
            else
                cr_expect(enc != ENC_GBK || strchr(out, '?') == NULL);
        }
    }
}

Test(charset, writing_is_cut_between_characters) {
    static const size_t gbk[] = {0, 1, 1, 3, 4, 4, 6, 6, 6};
    static const size_t utf8[] = {0, 1, 1, 1, 4, 5, 5, 5, 8};
    char out[16];
    for (size_t room = 0; room <= 8; room++) {
        cr_expect_eq(charset_encode(ENC_GBK, "a你b好", 8, out, room), gbk[room]);
        cr_expect_eq(charset_encode(ENC_UTF8, "a你b好", 8, out, room), utf8[room]);
    }
}

/* Every code point, in lines of one and of 64.  A line's encoding is the concatenation of its
 * characters' encodings, and a character that an encoding has is decoded to itself. */
Test(charset, every_character) {
    for (int enc = ENC_GBK; enc < ENC_RINGS; enc++) {
        size_t alike = 0, shown = 0, line_len = 0, single_len = 0;
        char line[256], singles[256], whole[256], back[16];
        for (int32_t cp = 0x80; cp < 0x110000; cp++) {
            if (cp == 0xD800)
                cp = 0xE000;
            if ((cp >= 0xE000 && cp < 0xF900) || cp >> 7 == 0xE0000 >> 7)
                continue; /* private use; and tags, which iconv drops */
            char utf8[4];
            enum encoding used;
            size_t len = unicode_encode(cp, utf8);
            size_t n = charset_encode((enum encoding)enc, utf8, len, singles + single_len, 4);
            cr_assert(n <= 2);
            if (n == 0) {
                cr_assert_eq(unicode_properties(cp).class, UNICODE_DROP, "U+%04X", (unsigned)cp);
                continue;
            }
            if (n == 2) {
                uint8_t *raw = (uint8_t *)singles + single_len;
                ptrdiff_t m = charset_decode(raw, 2, (enum encoding)enc, back, sizeof back, &used);
                bool same = m == (ptrdiff_t)len && memcmp(back, utf8, len) == 0;
                if (!same) { /* symbols of Big5 and Big5-HKSCS that look alike share their bytes */
                    char twice[8];
                    cr_assert_eq(enc, ENC_BIG5, "U+%04X", (unsigned)cp);
                    cr_assert_eq(charset_encode(ENC_BIG5, back, (size_t)m, twice, 8), 2);
                    cr_assert_eq(memcmp(twice, raw, 2), 0, "U+%04X", (unsigned)cp);
                    alike++;
                }
                shown++;
            }
            memcpy(line + line_len, utf8, len);
            line_len += len;
            single_len += n;
            if (line_len > sizeof line - 8) {
                size_t m = charset_encode((enum encoding)enc, line, line_len, whole, sizeof whole);
                cr_assert(m == single_len && memcmp(whole, singles, m) == 0, "U+%04X",
                          (unsigned)cp);
                line_len = single_len = 0;
            }
        }
        cr_expect_leq(alike, 16, "%zu", alike);
        cr_expect_gt(shown, enc == ENC_GBK ? 21700 : 13400, "%zu", shown);
    }
}

Test(charset, random_lines_stay_within_bounds_and_give_valid_utf8) {
    uint64_t seed = 20;
    for (int round = 0; round < 20000; round++) {
        uint8_t in[64];
        char out[CHARSET_DECODE_MAX(sizeof in)], again[sizeof out];
        enum encoding used;
        size_t n = (size_t)round % sizeof in;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            in[i] = (uint8_t)(seed >> 56 | (round & 64 ? 0x80 : 0));
        }
        enum encoding enc = (enum encoding)(round % ENC_RINGS);
        ptrdiff_t len = charset_decode(in, n, enc, out, sizeof out, &used);
        cr_assert(len >= 0 && unicode_valid(out, (size_t)len));
        for (int e = 0; e < ENC_RINGS; e++)
            cr_assert_leq(charset_encode((enum encoding)e, out, (size_t)len, again, (size_t)len),
                          (size_t)len);
    }
}

Test(charset, names) {
    cr_expect_eq(charset_find("utf-8", 5)->encoding, ENC_UTF8);
    cr_expect_eq(charset_find("GB18030", 7)->encoding, ENC_GB18030);
    cr_expect_eq(charset_find("gb2312", 6)->encoding, ENC_GBK);
    cr_expect_eq(charset_find("big5xx", 4)->encoding, ENC_BIG5);
    cr_expect_null(charset_find("big", 3));
    cr_expect_null(charset_find("", 0));
    cr_expect_lt(charset_find("UTF-8", 5), charset_find("GB18030", 7));
    cr_expect_lt(charset_find("GB18030", 7), charset_find("GBK", 3));
    cr_expect_lt(charset_find("GBK", 3), charset_find("Big5", 4));
}

/* Half-typed lines, and the offset of their last character. */
static const struct {
    const char *line;
    enum encoding enc;
    size_t last;
} typed[] = {
    {"a", ENC_UTF8, 0},
    {"ab", ENC_GBK, 1},
    {"a你", ENC_UTF8, 1},
    {"你a", ENC_UTF8, 3},
    {"e\314\201", ENC_UTF8, 0}, /* e and its accent */
    {"ae\314\201\314\202", ENC_UTF8, 1},
    {"a\344\275", ENC_UTF8, 2}, /* half a character is erased byte by byte */
    {"a\304\343", ENC_GBK, 1},
    {"\304\343\304", ENC_GBK, 2}, /* half a character */
    {"\201\\", ENC_GBK, 0},
    {"a\201\\b", ENC_GBK, 3},
    {"\201\071\356\071", ENC_GBK, 0},
    {"\201\071\356", ENC_GBK, 0},
    {"\304\343\201\071\356\071", ENC_GBK, 2},
    {"\263\\", ENC_BIG5, 0},
    {"\263\063", ENC_BIG5, 1}, /* Big5 has no four bytes */
    {"\377a", ENC_GBK, 1},
    {"a\033", ENC_GBK, 0}, /* a control has no column: it is erased with the character before it */
};

Test(charset, typed_lines_are_edited_by_character) {
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        const uint8_t *line = (const uint8_t *)typed[i].line;
        size_t n = strlen(typed[i].line);
        cr_expect_eq(charset_last_start(typed[i].enc, line, n), typed[i].last, "line %zu", i);
    }
}
