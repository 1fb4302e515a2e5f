/* unit_sentence.c - the server's sentences: what is put in, where they are cut, how they end. */
#include "ipc/unicode.h"
#include "worker/text/sentence.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct words ann = {.room = "Units", .name = "ann", .text = "hello", .n = 12};

/* The pattern filled into a buffer of `size` bytes, NUL-terminated. */
static const char *filled(const char *pattern, const struct words *words, size_t size) {
    static char out[512];
    memset(out, '#', sizeof out);
    size_t len = sentence_fill(pattern, words, out, size);
    cr_assert_leq(len, size);
    cr_assert_eq(out[size], '#', "nothing is written beyond the buffer");
    out[len] = '\0';
    return out;
}

Test(sentence, every_mark_is_replaced_by_its_value) {
    static const struct {
        const char *pattern, *text;
    } cases[] = {
        {"", "\r\n"},
        {"plain", "plain\r\n"},
        {"{room}", "Units\r\n"},
        {"{name}", "ann\r\n"},
        {"{text}", "hello\r\n"},
        {"{n}", "12\r\n"},
        {"{name}{name}{n}", "annann12\r\n"},
        {"a{name}b{text}c", "aannbhelloc\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(filled(cases[i].pattern, &ann, 400), cases[i].text, "%s",
                         cases[i].pattern);
}

Test(sentence, a_brace_that_begins_no_mark_stands_for_itself) {
    static const struct {
        const char *pattern, *text;
    } cases[] = {
        {"{", "{\r\n"},
        {"}", "}\r\n"},
        {"{}", "{}\r\n"},
        {"{nam", "{nam\r\n"},
        {"{name", "{name\r\n"},
        {"{names}", "{names}\r\n"},
        {"{Name}", "{Name}\r\n"},
        {"{who} {name} {", "{who} ann {\r\n"},
        {"{{name}}", "{ann}\r\n"},
        {"{{{", "{{{\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(filled(cases[i].pattern, &ann, 400), cases[i].text, "%s",
                         cases[i].pattern);
}

/* What a client says is never taken for a pattern. */
Test(sentence, a_mark_in_a_value_stays_as_it_is) {
    const struct words words = {.name = "{text}", .text = "{name} {n} {", .room = "{room}"};
    cr_assert_str_eq(filled("{name}: {text} {room}", &words, 400),
                     "{text}: {name} {n} { {room}\r\n");
}

Test(sentence, a_value_that_is_not_given_is_empty) {
    const struct words none = {0};
    cr_assert_str_eq(filled("[{name}][{text}][{room}][{n}]", &none, 400), "[][][][0]\r\n");
}

Test(sentence, a_number_may_have_64_bits) {
    const struct words words = {.n = UINT64_MAX};
    cr_assert_str_eq(filled("{n}", &words, 400), "18446744073709551615\r\n");
}

/* Characters of one, two, three and four bytes, in the pattern and in a value. */
Test(sentence, a_long_one_is_cut_between_characters_and_ends_with_its_line_end) {
    static const char whole[] = "aé你😀zé你😀é你😀";
    const struct words words = {.text = "é你😀", .name = "é你😀"};
    for (size_t size = 3; size <= sizeof whole + 4; size++) {
        const char *out = filled("aé你😀z{text}{name}", &words, size);
        size_t len = strlen(out);
        cr_assert_str_eq(out + len - 2, "\r\n", "size %zu", size);
        cr_assert(unicode_valid(out, len), "size %zu: %s", size, out);
        if (size >= sizeof whole - 1 + 2)
            cr_assert_eq(len, sizeof whole - 1 + 2, "size %zu", size);
        else
            cr_assert_lt(len, sizeof whole - 1 + 2, "size %zu", size);
    }
}

/* A part that does not fit is cut at its longest whole beginning. */
Test(sentence, a_text_fills_the_space_as_far_as_characters_allow) {
    static const char *const begins[] = {"",     "a",    "a",    "aé",   "aé",    "aé",
                                         "aé你", "aé你", "aé你", "aé你", "aé你😀", "aé你😀z"};
    const struct words words = {.text = "aé你😀z"};
    for (size_t space = 1; space < sizeof begins / sizeof begins[0]; space++) {
        const char *out = filled("{text}", &words, space + 2);
        cr_assert_eq(strncmp(out, begins[space], strlen(begins[space])), 0, "space %zu", space);
        cr_assert_str_eq(out + strlen(begins[space]), "\r\n", "space %zu: %s", space, out);
    }
}

static bool is_whole(const char *text, size_t len) {
    return len >= 2 && memcmp(text + len - 2, "\r\n", 2) == 0 && unicode_valid(text, len);
}

/* With the longest that may be put in. */
Test(sentence, every_sentence_of_every_language_is_whole_at_any_size) {
    static char text[LINE_MAX_MAX + 1], out[SENTENCE_MAX + 1];
    static const size_t sizes[] = {3, 4, 5, 10, 20, 33, 64, 257, 4096, SENTENCE_MAX};
    const struct words words = {
        .room = "聊天室", .name = "ÄÖÜ\360\237\230\200", .text = text, .n = UINT64_MAX};
    for (size_t i = 0; i + 3 <= LINE_MAX_MAX; i += 3)
        memcpy(text + i, "好", 3);
    for (int language = 0; language < LANG_COUNT; language++) {
        for (int which = 0; which < SAY_COUNT; which++) {
            for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
                out[sizes[i]] = '#';
                size_t len = sentence_render((enum language)language, (enum sentence)which, &words,
                                             out, sizes[i]);
                cr_assert(len <= sizes[i] && is_whole(out, len), "sentence %d, language %d, %zu",
                          which, language, sizes[i]);
                cr_assert_eq(out[sizes[i]], '#');
            }
        }
    }
}

Test(sentence, no_sentence_of_any_language_is_missing_or_has_an_unknown_mark) {
    const struct words words = {.room = "r", .name = "n", .text = "t", .n = 1};
    for (int language = 0; language < LANG_COUNT; language++) {
        for (int which = 0; which < SAY_COUNT; which++) {
            char out[512];
            size_t len = sentence_render((enum language)language, (enum sentence)which, &words, out,
                                         sizeof out);
            cr_assert_gt(len, 2, "sentence %d, language %d", which, language);
            cr_assert_null(memchr(out, '{', len), "sentence %d: %.*s", which, (int)len, out);
        }
    }
}
