/* unit_forgery.c - no person's line begins like the server's or like another person's: every
 * sentence of the table against every form that puts a person's words first. */
#include "worker/text/name.h"
#include "worker/text/sentence.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const languages[] = {"en", "zh", "zh-hant"};

/* The first line of a sentence, without its end. */
static const char *first_line(enum language language, enum sentence which, const char *name,
                              const char *text) {
    static char out[SENTENCE_MAX];
    struct words words = {.room = "R", .name = name, .text = text, .n = 7};
    size_t len = sentence_render(language, which, &words, out, sizeof out - 1);
    out[len] = '\0';
    out[strcspn(out, "\r")] = '\0';
    return out;
}

/* Bytes at the start of a line that a name may begin with: letters of any script, digits, . _ - */
static size_t nameable(const char *line) {
    size_t len = 0;
    while (line[len] && (line[len] & 0x80 || strchr("._-", line[len]) ||
                         (line[len] >= '0' && line[len] <= '9') ||
                         ((line[len] | 32) >= 'a' && (line[len] | 32) <= 'z')))
        len++;
    static const char *const not_letters[] = {"。", "、"};
    for (size_t i = 0; i < sizeof not_letters / sizeof not_letters[0]; i++) {
        const char *at = strstr(line, not_letters[i]);
        if (at && (size_t)(at - line) < len)
            len = (size_t)(at - line);
    }
    return len;
}

static bool is_name(const char *text, size_t len) {
    return name_check(text, len, "R") == NAME_OK;
}

static bool is_a_persons(enum sentence which) {
    return which == SAY_SPEECH || which == SAY_BARE || which == SAY_WHO_IDLE;
}

/* `NAME: ` is how speech begins: whoever had the start of a sentence as its name, up to a colon or
 * through the whole sentence but its last mark, would speak like the server. */
Test(forgery, no_name_makes_speech_that_begins_like_the_server) {
    int looked = 0;
    for (int language = 0; language < LANG_COUNT; language++)
        for (int which = 0; which < SAY_COUNT; which++) {
            const char *line = first_line(language, which, "bob", "rob");
            size_t len = nameable(line);
            if (is_a_persons(which) || len == 0 || (len == 3 && strncmp(line, "bob", 3) == 0))
                continue;
            bool colon = line[len] == ':', whole = line[len] == '\0' || line[len] == '!';
            bool named = strncmp(line, "bob", 3) == 0;
            whole |= strncmp(line + len, "。", strlen("。")) == 0 && !strstr(line, "bob");
            if (!colon && !whole && !named)
                continue;
            looked++;
            cr_expect_not(is_name(line, len), "%s: %.*s is a name: %s", languages[language],
                          (int)len, line, line);
        }
    cr_assert_geq(looked, 10);
}

/* Where a name is followed by letters, a name that ends in those letters is another sentence's. */
Test(forgery, no_sentence_about_one_person_is_one_about_another) {
    static const enum sentence about[] = {SAY_JOINED, SAY_LEFT, SAY_NICK, SAY_WAS_KICKED};
    enum { ABOUT = sizeof about / sizeof about[0] };
    for (int language = 0; language < LANG_COUNT; language++)
        for (int i = 0; i < ABOUT; i++) {
            char whole[SENTENCE_MAX], name[SENTENCE_MAX];
            strcpy(whole, first_line(language, about[i], "bob", "rob"));
            size_t len = nameable(whole);
            if (len == 3)
                continue; /* a blank follows the name, which no name has */
            snprintf(name, sizeof name, "%.*s", (int)len, whole);
            cr_expect_not(is_name(name, len), "%s", name);
            for (int k = 0; k < ABOUT; k++) /* bob is now known as ROB-HAS-LEFT */
                if (about[k] != SAY_NICK) {
                    const char *second = first_line(language, about[k], "rob", "");
                    cr_expect_not(is_name(second, nameable(second)), "%s", second);
                }
        }
}

/* What a sentence says before a name or a number: a name that begins so could say the rest. */
Test(forgery, no_name_begins_as_a_sentence_does_before_its_first_mark) {
    int looked = 0;
    for (int language = 0; language < LANG_COUNT; language++)
        for (int which = 0; which < SAY_COUNT; which++) {
            char one[SENTENCE_MAX], name[SENTENCE_MAX];
            struct words words = {.room = "rob", .name = "rob", .text = "rob", .n = 20};
            size_t fixed = 0, len = sentence_render(language, which, &words, one, sizeof one);
            one[len] = '\0';
            words = (struct words){.room = "bob", .name = "bob", .text = "bob", .n = 31};
            len = sentence_render(language, which, &words, name, sizeof name);
            while (fixed < len && name[fixed] == one[fixed])
                fixed++;
            if (fixed == 0 || fixed == len || nameable(name) < fixed)
                continue; /* nothing before it; no mark; a name cannot have all that */
            looked++;
            snprintf(name, sizeof name, "%.*s", (int)fixed, one);
            cr_expect_not(is_name(name, fixed), "%s", name);
            strcpy(name + fixed, "bob");
            cr_expect_not(is_name(name, fixed + 3), "%s", name);
        }
    cr_assert_geq(looked, 5);
}

/* The forms of a person's lines are told apart before its own words begin. */
Test(forgery, no_form_of_a_persons_line_is_another_form) {
    static const enum sentence forms[] = {SAY_SPEECH, SAY_ME, SAY_PRIVATE_TO, SAY_PRIVATE_COPY};
    enum { FORMS = sizeof forms / sizeof forms[0] };
    static const char *const names[] = {"to", "对",  "bob",    "对bob", "tobob", "to-bob", "a",
                                        "21", "-to", "to.bob", "11-24", "對bob", "對"};
    enum { NAMES = sizeof names / sizeof names[0] };
    for (int language = 0; language < LANG_COUNT; language++)
        for (int f = 0; f < FORMS * NAMES; f++)
            for (int k = 0; k < FORMS * NAMES; k++) {
                char one[SENTENCE_MAX], other[SENTENCE_MAX];
                const char *name = names[f % NAMES];
                if (f == k || !is_name(name, strlen(name)))
                    continue;
                strcpy(one, first_line(language, forms[f / NAMES], name, ""));
                strcpy(other, first_line(language, forms[k / NAMES], names[k % NAMES], ""));
                cr_expect_neq(strncmp(other, one, strlen(one)), 0, "%s: %s begins %s",
                              languages[language], one, other);
            }
}

Test(forgery, such_names_are_reserved_in_both_ways_of_writing) {
    static const char *const bad[] = {
        "bob进入聊天室", "bob進入聊天室", "进入聊天室",   "甲离开聊天室", "甲離開聊天室x",
        "bob改名为rob",  "bob改名為rob",  "被请出聊天室", "未知命令",     "这不是名字",
        "在线用户",      "在線用戶",      "聊天室里有",   "聊天室裡有",   "请先登录",
        "bob进人聊天室", "聊天室",        "对bob",        "對bob",        "对",
        "你是ann",       "你已屏蔽20人"};
    static const char *const good[] = {"bob对", "你",   "我是你", "改名", "聊天",
                                       "进入",  "用户", "登录",   "bob"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_eq(name_check(bad[i], strlen(bad[i]), "R"), NAME_RESERVED, "%s", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_expect_eq(name_check(good[i], strlen(good[i]), "R"), NAME_OK, "%s", good[i]);
}
