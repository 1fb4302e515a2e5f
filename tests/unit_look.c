/* unit_look.c - names that look like other names: pairs of every script, and the looks' bounds. */
#include "ipc/unicode.h"
#include "worker/text/name.h"
#include "worker/text/sentence.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t secret[16] = {7, 1, 3};

static bool key_is(const char *one, const char *other) {
    return name_key(one, strlen(one), secret) == name_key(other, strlen(other), secret);
}
static bool look_is(const char *one, const char *other) {
    return name_look_key(one, strlen(one), secret) == name_look_key(other, strlen(other), secret);
}

static void must_be_names(const char *one, const char *other) {
    cr_expect_eq(name_check(one, strlen(one), "Chatroom"), NAME_OK, "%s", one);
    cr_expect_eq(name_check(other, strlen(other), "Chatroom"), NAME_OK, "%s", other);
}

/* All of them are names. */
static const char *const alike[][2] = {
    /* Latin */
    {"paul", "pauI"},
    {"paul", "pau1"},
    {"Iris", "lris"},
    {"Ian", "lan"},
    {"bob1", "bobl"},
    {"bob1", "bobI"},
    {"O0O", "OOO"},
    {"B0B", "BOB"},
    {"R0Y", "ROY"},
    {"œuf", "oeuf"},
    {"Œuf", "Oeuf"},
    {"æsop", "aesop"},

    {"marn", "mam"},
    {"rnike", "mike"},
    {"barn", "bam"},
    {"bıll", "bill"},
    {"ƽam", "sam"},
    {"ɑnna", "anna"},
    {"ɡreg", "greg"},
    {"ᴄody", "cody"},
    {"ʟISA", "LISA"},
    {"ꜱue", "sue"},
    {"tʜor", "tHor"},

    {"Ɩan", "lan"},
    /* full and half width */
    {"ｂｏｂ１", "bobl"},
    {"ｐａｕＩ", "paul"},
    {"ｱﾝﾅ", "アンナ"},
    /* Latin and Cyrillic, Greek, Armenian, Cherokee, Lisu, Coptic */
    {"æ", "ӕ"},
    {"cop", "сор"},
    {"COP", "СОР"},
    {"Cop", "Сор"},
    {"pop", "рор"},
    {"Ӏ", "l"},
    {"Ɛ", "Ԑ"},
    {"HOB", "НОВ"},
    {"BEKA", "ВЕКА"},
    {"yxo", "ухо"},
    {"ooo", "ооо"},
    {"o", "ο"},
    {"NIK", "ΝΙΚ"},
    {"vop", "νορ"},
    {"AMEN", "ΑΜΕΝ"},
    {"TATA", "ΤΑΤΑ"},
    {"uhn", "սհո"},
    {"oo", "օօ"},
    {"DAD", "ᎠᎪᎠ"},
    {"LAW", "ᏞᎪᎳ"},
    {"BAD", "ꓐꓮꓓ"},
    {"oop", "ⲟⲟⲣ"},
    /* Cyrillic among itself, and with Greek */
    {"һор", "hop"},
    {"аӀӀа", "аllа"},
    {"ΡΟ", "РО"},
    {"ЛО", "ΛΟ"},
    /* Arabic */
    {"علی", "على"},
    {"علي", "على"},
    {"علی", "علي"},
    {"كريم", "کریم"},
    {"ناصره", "ناصرە"},
    /* Hebrew */

    {"וו", "װ"},
    {"יי", "ײ"},
    /* digits of other scripts */
    {"٣", "3"},
    {"۳", "٣"},
    {"علی۱", "علی١"},
    {"१", "1"},
    /* Indic, Thai, Lao */
    {"अा", "आ"},

    {"เเดง", "แดง"},
    /* Han, Kana, Hangul */
    {"ロ", "口"},
    {"カ", "力"},
    {"へ", "ヘ"},
    {"ー", "一"},
    {"エロ", "工口"},
    {"가", "\341\204\200\341\205\241"},
    /* accents */
    {"é", "e\314\201"},
    {"ệ", "e\314\202\314\243"},
    {"đ", "d\314\265"},
};

/* All of them are names, and none is the other. */
static const char *const unlike[][2] = {
    {"Lan", "Ian"},   {"Lena", "Iena"}, {"bob1", "bob2"}, {"bob", "b0b"},     {"paul", "raul"},
    {"PAUL", "PAUI"}, {"barn", "BAM"},  {"ann", "anna"},  {"émile", "emile"}, {"oe", "ce"},
    {"вова", "vova"}, {"Анна", "Anna"}, {"王", "玉"},     {"未", "末"},       {"さ", "き"},
    {"김", "검"},     {"علی", "عمر"},   {"شلم", "سلم"},   {"שלום", "שלומ"},   {"ανα", "ава"},
    {"ab", "ba"},     {"a-b", "a_b"},   {"a.b", "ab"},    {"x1", "x7"},       {"日", "曰"},
    {"ไทย", "ไทด"},
};

Test(look, names_that_look_alike_are_the_same) {
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++) {
        const char *one = alike[i][0], *other = alike[i][1];
        cr_expect(key_is(one, other) || look_is(one, other), "%s, %s", one, other);
    }
}

Test(look, names_that_do_not_are_not) {
    for (size_t i = 0; i < sizeof unlike / sizeof *unlike; i++) {
        const char *one = unlike[i][0], *other = unlike[i][1];
        must_be_names(one, other);
        cr_expect_not(key_is(one, other), "%s, %s", one, other);
        cr_expect_not(look_is(one, other), "%s, %s", one, other);
    }
}

Test(look, case_is_one_relation_and_look_another) {
    cr_expect(key_is("Ian", "ian") && !look_is("Ian", "ian"));
    cr_expect(look_is("Ian", "lan") && !key_is("Ian", "lan"));
    cr_expect(key_is("lan", "Lan") && !look_is("lan", "Lan"));
    cr_expect(key_is("bob", "ВОВ"), "as BOB, which is bob");
    cr_expect(key_is("nik", "ΝΙΚ"));
    cr_expect(key_is("anna", "ᴀɴɴᴀ"));
}

Test(look, a_key_of_one_kind_is_never_one_of_the_other) {
    cr_expect_neq(name_key("111", 3, secret), name_look_key("111", 3, secret));
    cr_expect_neq(name_key("X", 1, secret), name_look_key("X", 1, secret));
    cr_expect_neq(name_look_key("", 0, secret), 0);
}

/* Marks in any order, of expansions, too. */
Test(look, the_look_of_a_text_is_settled) {
    static const char *const texts[] = {
        "rnrnrn", "œ\314\201\314\243",       "ﷺ", "ØøŁł", "ǅ\314\243", "가각갂",
        "علیﻻ",   "mmmmmmmmmmmmmmmmmmmmmmmm"};
    char look[NAME_FORM_MAX], again[NAME_FORM_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t n = name_look(texts[i], strlen(texts[i]), look);
        size_t m = name_look(look, n < NAME_FORM_BYTES ? n : NAME_FORM_BYTES, again);
        cr_expect(m == (n < NAME_FORM_BYTES ? n : NAME_FORM_BYTES) && memcmp(look, again, m) == 0,
                  "%s", texts[i]);
    }
}

static bool reserved(const char *name, const char *room) {
    return name_check(name, strlen(name), room) == NAME_RESERVED;
}

Test(look, the_rooms_name_is_reserved_by_its_looks) {
    cr_expect(reserved("HaIl", "Hall"));
    cr_expect(reserved("НАLL", "HALL") || name_check("НАLL", 6, "HALL") == NAME_MIXED_SCRIPTS);
    cr_expect(reserved("Chatroorn", "Chatroom"));
    cr_expect(reserved("CHATR00M", "CHATROOM"));
    cr_expect(reserved("ロ", "口"));
    cr_expect_not(reserved("Hallo", "Hall"));
    cr_expect_not(reserved("1ooks", "Hall"));
}

/* Whatever stands before a colon in a sentence is no speaker's name, in any language. */
Test(look, no_name_begins_a_line_as_a_sentence_does) {
    for (int language = 0; language < LANG_COUNT; language++)
        for (int say = 0; say < SAY_COUNT; say++) {
            char text[SENTENCE_MAX];
            struct words words = {.room = "大厅", .name = "\1", .text = "\1"};
            size_t len = sentence_render((enum language)language, (enum sentence)say, &words, text,
                                         sizeof text - 1);
            text[len] = '\0';
            text[strcspn(text, ":\r")] = '\0';
            cr_expect_neq(name_check(text, strlen(text), "Chatroom"), NAME_OK, "%s", text);
        }
}

/* `bob` and what happened to it, in one name. */
Test(look, no_name_contains_an_event) {
    static const char *const names[] = {
        "bob进入聊天室", "bob离开聊天室", "bob改名为ann",   "bob被请出聊天室", "bob離開聊天室",
        "改名為",        "bob進入聊天室", "小明改名为小红", "欢迎进入",        "未知命令"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_expect(reserved(names[i], "Chatroom"), "%s", names[i]);
    cr_expect_not(reserved("聊天", "Chatroom"));
    cr_expect_not(reserved("改名", "Chatroom"));
    cr_expect_not(reserved("小明进入", "Chatroom"));
}
