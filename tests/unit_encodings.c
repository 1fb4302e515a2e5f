/* unit_encodings.c - encodings that have no ring, half-typed lines in them, and what looks Chinese.
 */
#include "ipc/unicode.h"
#include "worker/protocol/draw.h"
#include "worker/protocol/erase.h"
#include "worker/protocol/telnet.h"
#include "worker/text/charset.h"
#include "worker/text/name.h"
#include "worker/text/sanitize.h"
#include "worker/text/sentence.h"

#include <criterion/criterion.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

static void init(void) {
    cr_assert_null(charset_init());
}
TestSuite(wires, .init = init);

static const char *const iconv_names[ENC_COUNT] = {
    [ENC_GBK] = "GBK",
    [ENC_BIG5] = "BIG5-HKSCS",
    [ENC_GB18030] = "GB18030",
    [ENC_SHIFT_JIS] = "CP932",
    [ENC_EUC_JP] = "EUC-JP",
    [ENC_EUC_KR] = "EUC-KR",
    [ENC_KOI8_R] = "KOI8-R",
    [ENC_WINDOWS_1251] = "CP1251",
    [ENC_WINDOWS_1252] = "CP1252",
    [ENC_ISO_8859_1] = "ISO-8859-1",
    [ENC_ISO_8859_15] = "ISO-8859-15",
};

/* The text in an encoding, by the C library alone. */
static size_t in_encoding(enum encoding enc, const char *utf8, uint8_t *out, size_t size) {
    char *from = (char *)utf8, *to = (char *)out;
    size_t n = strlen(utf8), left = size;
    if (enc == ENC_UTF8) {
        memcpy(out, utf8, n);
        return n;
    }
    iconv_t cd = iconv_open(iconv_names[enc], "UTF-8");
    cr_assert_eq(iconv(cd, &from, &n, &to, &left), 0, "%s in %s", utf8, iconv_names[enc]);
    iconv(cd, NULL, NULL, &to, &left);
    iconv_close(cd);
    return size - left;
}

Test(wires, all_exist_here_and_are_found) {
    for (int e = 0; e < ENC_COUNT; e++) {
        const char *label = charset_label((enum encoding)e);
        cr_assert(charset_exists((enum encoding)e));
        cr_assert_eq(charset_find(label, strlen(label))->encoding, e);
        cr_assert(strstr(charset_labels(), label));
    }
    cr_assert_not(charset_exists(ENC_COUNT));
    cr_assert_lt(charset_find("Big5", 4), charset_find("KOI8-R", 6), "the rings' are preferred");
}

/* ASCII is itself in every encoding, both ways, and nothing else becomes a byte of it, but the yen,
 * the overline and the won that Japanese and Korean terminals have in place of a backslash: a text
 * means the same to the server and to every terminal. */
Test(wires, ascii_is_ascii) {
    for (int e = 0; e < ENC_COUNT; e++) {
        enum encoding enc = (enum encoding)e, used;
        for (int32_t cp = 0; cp < 0x110000; cp += cp < 0x10000 ? 1 : 97) {
            char utf8[4], out[8], back[16];
            if (cp == 0xD800)
                cp = 0xE000;
            size_t len = unicode_encode(cp, utf8), n = charset_encode(enc, utf8, len, out, 8);
            if (cp < 0x80)
                cr_assert(n == 1 && out[0] == (char)cp, "%d: U+%04X", e, (unsigned)cp);
            else if (n > 0 && !(n == 1 && strchr("?\\~", out[0])))
                cr_assert((out[0] & 0x80) && n <= CHARSET_ENCODE_MAX(len), "%d: U+%04X", e,
                          (unsigned)cp);
            if (cp < 0x80) { /* behind a character that switches the fast path off */
                size_t lead = in_encoding(enc, e < ENC_KOI8_R ? "中" : " ", (uint8_t *)out, 4);
                out[lead] = (char)cp;
                ptrdiff_t m = charset_decode((uint8_t *)out, lead + 1, enc, back, 16, &used);
                cr_assert(m > 0 && back[m - 1] == (char)cp, "%d: U+%04X", e, (unsigned)cp);
            }
        }
    }
}

/* Every character of an encoding, one by one and all in one line, is what the C library says. */
Test(wires, every_character_of_gb18030_and_the_single_bytes_goes_both_ways) {
    for (int e = ENC_GB18030; e < ENC_COUNT; e++) {
        enum encoding enc = (enum encoding)e, used;
        size_t shown = 0;
        for (int32_t cp = 0x80; cp < 0x30000; cp++) {
            char utf8[4], out[8], back[16];
            if (cp == 0xD800)
                cp = 0xF900;
            size_t len = unicode_encode(cp, utf8);
            size_t n = charset_encode(enc, utf8, len, out, sizeof out);
            if (n == 0 || out[0] == '?')
                continue;
            ptrdiff_t m = charset_decode((uint8_t *)out, n, enc, back, sizeof back, &used);
            bool same = m == (ptrdiff_t)len && memcmp(back, utf8, len) == 0;
            cr_assert(same || used == ENC_UTF8 || (e >= ENC_SHIFT_JIS && e <= ENC_EUC_KR),
                      "%d: U+%04X", e, (unsigned)cp);
            shown += same;
        }
        cr_expect_gt(shown, e == ENC_GB18030 ? 120000 : 90, "%d: %zu", e, shown);
    }
}

/* ---- half-typed lines ---- */

static const struct {
    enum encoding enc;
    const char *text[8]; /* cells, with their marks */
    size_t columns[8];
} typed[] = {
    {ENC_GB18030, {"a", "你", "😀", "Ł", "㐀", "e\314\201", "!"}, {1, 2, 2, 1, 2, 1, 1}},
    {ENC_SHIFT_JIS, {"a", "表", "ｱ", "ソ", "\\", "日"}, {1, 2, 1, 2, 1, 2}},
    {ENC_EUC_JP, {"a", "ｱ", "漢", "丂", "!"}, {1, 1, 2, 2, 1}},
    {ENC_EUC_KR, {"안", "a", "녕"}, {2, 1, 2}},
    {ENC_KOI8_R, {"п", "р", "Ъ", "!"}, {1, 1, 1, 1}},
    {ENC_WINDOWS_1251, {"я", "и", "ц"}, {1, 1, 1}},
    {ENC_ISO_8859_1, {"é", "ÿ", "a"}, {1, 1, 1}},
};
enum { TYPED = sizeof typed / sizeof typed[0] };

Test(wires, backspace_takes_whole_characters_and_their_columns) {
    for (int i = 0; i < TYPED; i++) {
        uint8_t line[128];
        uint32_t at[9] = {0}, count = 0;
        unsigned columns = 0;
        for (; count < 8 && typed[i].text[count]; count++) {
            at[count + 1] = at[count] + (uint32_t)in_encoding(typed[i].enc, typed[i].text[count],
                                                              line + at[count], 16);
            columns += (unsigned)typed[i].columns[count];
        }
        struct erase e;
        erase_begin(&e, typed[i].enc);
        for (; count > 0; count--) {
            char shown[4 * 128];
            size_t n = typed_shown(typed[i].enc, typed[i].enc, line, at[count], shown);
            cr_expect(n == at[count] && memcmp(shown, line, n) == 0, "%d: %u", i, count);
            struct drawn drawn = draw_lay(typed[i].enc, 80, shown, n);
            cr_expect_eq(drawn.column, columns, "%d: %u of %u columns", i, drawn.column, columns);
            columns -= (unsigned)typed[i].columns[count - 1];
            cr_expect_eq(erase_char(&e, line, at[count]), at[count - 1], "%d: %u", i, count);
        }
    }
}

/* The end of a long line is found at a character, wherever the cut falls. */
Test(wires, the_tail_of_a_long_line_begins_at_a_character) {
    for (int i = 0; i < TYPED; i++) {
        uint8_t line[LINE_MAX_MAX], cell[64];
        uint32_t n = 0, cells = 0;
        while (cells < 8 && typed[i].text[cells])
            cells++;
        for (uint32_t k = 0; n < 1500; k++) {
            size_t len = in_encoding(typed[i].enc, typed[i].text[k % cells], cell, sizeof cell);
            memcpy(line + n, cell, len);
            n += (uint32_t)len;
            for (unsigned width = 0; width <= 80; width += 40) {
                char all[4 * 1600], tail[4 * 1600];
                size_t from = typed_tail(typed[i].enc, line, n, width);
                size_t whole = typed_shown(typed[i].enc, typed[i].enc, line, n, all);
                size_t len2 = typed_shown(typed[i].enc, typed[i].enc, line + from, n - from, tail);
                cr_assert_leq(n - from, (size_t)TYPED_TAIL_MAX);
                cr_assert(len2 <= whole && memcmp(all + whole - len2, tail, len2) == 0,
                          "%d: %u bytes, width %u", i, n, width);
            }
        }
    }
}

Test(wires, half_a_character_is_not_shown) {
    static const struct {
        enum encoding enc;
        const char *line;
        size_t shown;
    } halves[] = {
        {ENC_GB18030, "a\224", 1},         {ENC_GB18030, "a\224\071", 1},
        {ENC_GB18030, "a\224\071\374", 1}, {ENC_GB18030, "a\224\071\374\066", 5},
        {ENC_EUC_JP, "a\217\260", 1},      {ENC_EUC_JP, "a\216", 1},
        {ENC_SHIFT_JIS, "a\223", 1},       {ENC_SHIFT_JIS, "a\261", 2},
        {ENC_KOI8_R, "a\320", 2},          {ENC_WINDOWS_1251, "\377", 1},
    };
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        char out[64];
        size_t n = strlen(halves[i].line);
        cr_expect_eq(
            typed_shown(halves[i].enc, halves[i].enc, (const uint8_t *)halves[i].line, n, out),
            halves[i].shown, "line %zu", i);
    }
}

/* ---- recognition ---- */

Test(wires, own_encoding_or_utf8) {
    static const struct {
        enum encoding enc;
        const char *in, *out;
    } lines[] = {
        {ENC_KOI8_R, "\320\322\311\327\305\324", "привет"},
        {ENC_KOI8_R, "привет", "привет"},
        {ENC_KOI8_R, "\305\243", "её"}, /* UTF-8 has it, too */
        {ENC_WINDOWS_1251, "\305\270", "Её"},
        {ENC_ISO_8859_1, "caf\351", "café"},
        {ENC_SHIFT_JIS, "\223\372\226\173", "日本"},
        {ENC_SHIFT_JIS, "日本", "日本"},
        {ENC_EUC_KR, "안녕", "안녕"},
        {ENC_GB18030, "\224\071\374\066", "😀"},
        {ENC_GB18030, "你好", "你好"},
        {ENC_GB18030, "\200", "€"}, /* of a terminal in GBK */
        {ENC_ONLY_UTF8, "\304\343", "\357\277\275\357\277\275"},
        {ENC_ONLY_UTF8, "a\304\343é", "a\357\277\275\357\277\275é"},
        {ENC_BIG5, "\241\343", "～"},
        {ENC_BIG5, "\210\142 \235\367", "Ê\314\204 咗"}, /* two code points; Cantonese */
        {ENC_BIG5, "\243\341\241\376", "€／"},           /* that Big5-HKSCS lacks */
        {ENC_EUC_JP, "\306\374\217\241\241a", "日\357\277\275a"},
        {ENC_EUC_JP, "\306\374\217\241a", "日\357\277\275a"},
        {ENC_EUC_JP, "\216a", "\357\277\275a"},
        {ENC_EUC_KR, "\311\241a\311b", "\357\277\275a\357\277\275b"},
        {ENC_SHIFT_JIS, "\205\100\223\372", "\357\277\275@日"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char out[64];
        enum encoding used;
        ptrdiff_t n = charset_decode((const uint8_t *)lines[i].in, strlen(lines[i].in),
                                     lines[i].enc, out, sizeof out - 1, &used);
        cr_assert_geq(n, 0);
        out[n] = '\0';
        cr_expect_str_eq(out, lines[i].out, "line %zu: %s", i, out);
    }
}

Test(wires, what_looks_chinese) {
    static const char *const chinese[] = {
        "你好",   "大家好",     "好",   "中文测试", "OK了吗", "hi, 好", "在吗？", "明天见！",
        "哈哈哈", "login 小明", "欢迎", "辛苦了吗", "3点见",  "晚安",   "早上好"};
    static const struct {
        const char *charset, *text;
    } others[] = {
        {"ISO-8859-1", "café"},
        {"ISO-8859-1", "über"},
        {"ISO-8859-1", "CRÉÉ"},
        {"ISO-8859-1", "JÄÄ"},
        {"KOI8-R", "привет"},
        {"KOI8-R", "да"},
        {"KOI8-R", "ты"},
        {"KOI8-R", "Привет, Маша"},
        {"CP1251", "Как дела?"},
        {"KOI8-R", "здравствуйте"},
        {"CP1251", "ПРИВЕТ"},
        {"CP1251", "привет"},
        {"CP932", "こんにちは"},
        {"CP932", "日本語"},
        {"CP932", "ﾃｽﾄ"},
        {"EUC-JP", "日本語"},
        {"EUC-JP", "こんにちは"},
        {"EUC-KR", "안녕하세요"},
        {"EUC-KR", "감사합니다"},
        {"BIG5", "你好"},
        {"BIG5", "大家好"},
        {"EUC-KR", "고마워"},
        {"EUC-KR", "좋아요"},
        {"EUC-KR", "날씨가"},
        {"EUC-KR", "뭐예요"},
        {"EUC-KR", "내일봐"},
        {"EUC-JP", "連絡用無線"},
        {"KOI8-U", "самоотруєнню"},
        {"KOI8-U", "несертифікована"},
    };
    for (size_t i = 0; i < sizeof chinese / sizeof chinese[0]; i++) {
        uint8_t line[64];
        size_t n = in_encoding(ENC_GBK, chinese[i], line, sizeof line);
        cr_expect(charset_is_chinese(line, n), "%s", chinese[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char out[64], *from = (char *)others[i].text, *to = out;
        size_t n = strlen(from), left = sizeof out;
        iconv_t cd = iconv_open(others[i].charset, "UTF-8");
        cr_assert_eq(iconv(cd, &from, &n, &to, &left), 0, "%s", others[i].text);
        iconv_close(cd);
        cr_expect_not(charset_is_chinese((uint8_t *)out, sizeof out - left), "%s in %s",
                      others[i].text, others[i].charset);
    }
    cr_expect_not(charset_is_chinese((const uint8_t *)"plain", 5));
}

/* ---- 255 ---- */

/* What the codec makes of the bytes, from a client whose encoding has a letter 255 or not: text,
 * and C for a command. */
static void scanned_as(const char *bytes, bool letter, const char *want) {
    struct telnet t = {0};
    uint8_t sub[TELNET_SUB_MAX];
    uint16_t sub_len = 0;
    char got[64] = "";
    size_t n = strlen(bytes), len = 0;
    telnet_letter(&t, letter);
    for (size_t at = 0; at < n;) {
        struct telnet_event ev;
        at += telnet_next(&t, sub, &sub_len, (const uint8_t *)bytes + at, n - at, &ev);
        if (ev.kind == TELNET_TEXT)
            memcpy(got + len, ev.bytes, ev.len), len += ev.len;
        else if (ev.kind != TELNET_NONE)
            got[len++] = 'C';
    }
    cr_expect_str_eq(got, want, "%s (%d): %s", bytes, letter, got);
}

Test(wires, a_letter_255_is_no_command_of_a_client_without_telnet) {
    scanned_as("\377\360\352", true, "\377\360\352");
    scanned_as("\377\360\352", false, "C\352");
    scanned_as("a\377", true, "a\377");
    scanned_as("\377\r", true, "\377C");
    scanned_as("\377 \377\b", true, "\377 \377C");
    scanned_as("\377\377a", true, "\377a");            /* doubled */
    scanned_as("\377\364a", true, "Ca");               /* Ctrl-C */
    scanned_as("\377\373\037a\377\360b", true, "Cab"); /* it speaks telnet from here on */
    scanned_as("\377\375\001a", true, "Ca");
}

/* ---- the server's own sentences ---- */

/* Big5 shows all that the server says in Traditional Chinese, GBK all in Simplified. */
Test(wires, every_sentence_can_be_shown) {
    for (int which = 0; which < SAY_COUNT; which++) {
        struct words words = {.room = "r", .name = "n", .text = "t", .n = 2};
        char out[SENTENCE_MAX];
        size_t n = sentence_render(LANG_ZH_HANT, (enum sentence)which, &words, out, sizeof out);
        cr_expect(charset_shows(ENC_BIG5, out, n), "%.*s", (int)n, out);
        n = sentence_render(LANG_ZH, (enum sentence)which, &words, out, sizeof out);
        cr_expect(charset_shows(ENC_GBK, out, n), "%.*s", (int)n, out);
    }
    cr_assert_eq(sentence_language(LANG_ZH, ENC_BIG5), LANG_ZH_HANT);
    cr_assert_eq(sentence_language(LANG_ZH, ENC_GB18030), LANG_ZH);
    cr_assert_eq(sentence_language(LANG_EN, ENC_BIG5), LANG_EN);
}

/* ---- invisible characters ---- */

/* No name has one, and a text has no more of them than of visible characters. */
Test(wires, joiners_are_few_and_in_no_name) {
    static const char *const joiners[] = {"\342\200\214", "\342\200\215", "\357\270\216",
                                          "\357\270\217", "\363\240\204\200"};
    static const char *const before[] = {"م", "क", "क्", "👨", "1", "a", "你", "ܐ", "", " "};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        for (size_t k = 0; k < 125; k++) {
            char text[256];
            int len = snprintf(text, sizeof text, "%s%s%s%s%s", before[i], joiners[k % 5],
                               joiners[k / 5 % 5], joiners[k / 25], before[i]);
            cr_assert_neq(name_check(text, (size_t)len, "r"), NAME_OK, "%s", text);
            size_t n = sanitize(text, (size_t)len), most = 2 * strlen(before[i]) + 6;
            cr_assert_leq(n, most, "%zu, %zu: %zu", i, k, n);
            cr_assert_eq(sanitize(text, n), n);
        }
}

/* An unassigned character is passed on, and is no name; what is invisible is not, assigned or not.
 */
Test(wires, newer_characters_are_passed_on) {
    size_t newer = 0;
    for (int32_t cp = 0x80; cp < 0x110000; cp++) {
        char text[8] = "a";
        if (cp == 0xD800)
            cp = 0xE000;
        size_t len = 1 + unicode_encode(cp, text + 1);
        struct unicode_properties p = unicode_properties(cp);
        if (p.class != UNICODE_UNASSIGNED)
            continue;
        newer++;
        cr_assert((cp & 0xFFFE) != 0xFFFE && !(cp >= 0xFDD0 && cp <= 0xFDEF) &&
                      !(cp >= 0xE0000 && cp <= 0xE0FFF) && !(cp >= 0x2060 && cp <= 0x206F) &&
                      !(cp >= 0xFFF0 && cp <= 0xFFF8),
                  "U+%04X", (unsigned)cp);
        cr_assert(p.columns > 0 && name_check(text, len, "r") == NAME_BAD_CHARACTER);
        cr_assert_eq(sanitize(text, len), len, "U+%04X", (unsigned)cp);
    }
    cr_assert_gt(newer, 500000);
}
