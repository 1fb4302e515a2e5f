/* unit_regular.c - a line made regular: what counts as a blank, a slash, a command's word; and
 * whether an argument is as it was typed. */
#include "ipc/unicode.h"
#include "worker/command/commands.h"
#include "worker/text/charset.h"
#include "worker/text/regular.h"
#include "worker/text/sanitize.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(regular, .timeout = 180);

static char cleaned[4096];

static struct regular read_line(const char *typed) {
    size_t len = strlen(typed);
    memcpy(cleaned, typed, len);
    return regular_read(cleaned, sanitize(cleaned, len));
}

/* Blanks of one kind each. */
static const struct {
    const char *what, *blank;
} blanks[] = {
    {"space", " "},
    {"spaces", "    "},
    {"tab", "\t"},
    {"no-break space", "\302\240"},
    {"Ogham", "\341\232\200"},
    {"em space", "\342\200\203"},
    {"hair space", "\342\200\212"},
    {"narrow no-break space", "\342\200\257"},
    {"mathematical space", "\342\201\237"},
    {"ideographic space", "\343\200\200"},
    {"empty Braille", "\342\240\200"},
    {"byte order mark", "\357\273\277"},
    {"zero width space", "\342\200\213"},
    {"a mixture", " \343\200\200\t\302\240\357\273\277 "},
    {"more than are shown", "                                        "},
};
enum { BLANKS = sizeof blanks / sizeof blanks[0] };

Test(regular, blanks_around_a_line_are_no_part_of_it) {
    for (int i = 0; i < BLANKS; i++)
        for (int k = 0; k < BLANKS; k++) {
            char typed[256];
            snprintf(typed, sizeof typed, "%shello  there%s", blanks[i].blank, blanks[k].blank);
            struct regular line = read_line(typed);
            cr_expect_str_eq(line.text, "hello  there", "%s, %s: '%s'", blanks[i].what,
                             blanks[k].what, line.text);
            cr_expect_eq(line.mark, REGULAR_BARE);
            cr_expect_str_eq(line.word, "hello");
            cr_expect_str_eq(line.argument, "there");
        }
}

Test(regular, a_line_of_blanks_is_nothing) {
    static const char *const nothing[] = {"", "\033", "\007\177", "\342\200\256", "\302\255"};
    for (int i = 0; i < BLANKS; i++) {
        struct regular line = read_line(blanks[i].blank);
        cr_expect_str_eq(line.text, "", "%s", blanks[i].what);
        cr_expect(*line.word == '\0' && *line.argument == '\0' && line.first == 0);
    }
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        cr_expect_str_eq(read_line(nothing[i]).text, "");
}

/* Those that are seen: what is invisible is no blank between words, but is not there. */
Test(regular, blanks_around_an_argument_are_no_part_of_it) {
    for (int i = 0; i < BLANKS - 4; i++) {
        char typed[256];
        const char *b = blanks[i].blank;
        snprintf(typed, sizeof typed, "%s/msg%s%sbob%stext  so%s", b, b, b, b, b);
        struct regular line = read_line(typed);
        cr_expect_eq(line.mark, REGULAR_SLASH, "%s", blanks[i].what);
        cr_expect_str_eq(line.word, "msg", "%s", blanks[i].what);
        cr_expect_eq(strncmp(line.argument, "bob", 3), 0);
        cr_expect_eq(regular_word(line.argument), 3);
        cr_expect_str_eq(line.argument + 3 + regular_blanks(line.argument + 3), "text  so");
        snprintf(typed, sizeof typed, "login%sann%s", b, b);
        line = read_line(typed);
        cr_expect_str_eq(line.word, "login");
        cr_expect_str_eq(line.argument, "ann");
    }
}

/* What stands on a blank that is dropped would stand on the line's beginning. */
Test(regular, marks_on_a_dropped_blank_go_with_it) {
    cr_expect_str_eq(read_line(" \314\207hello").text, "hello");
    cr_expect_str_eq(read_line(" \314\207 \314\201\314\201/who").word, "who");
    cr_expect_str_eq(read_line("say \314\207hello").argument, "hello");
    cr_expect_str_eq(read_line("hello \314\207").text, "hello \314\207", "it is seen");
    cr_expect_str_eq(read_line("e\314\201t\303\251").text, "e\314\201t\303\251");
}

Test(regular, blanks_inside_stay) {
    static const char *const said[] = {"a  b",         "a\302\240b",  "a\343\200\200b",
                                       "look  at  me", "Look  at me", "你好\343\200\200世界"};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        cr_expect_str_eq(read_line(said[i]).text, said[i]);
}

Test(regular, marks_of_a_command) {
    static const struct {
        const char *typed;
        enum regular_mark mark;
        const char *word, *text, *argument;
    } lines[] = {
        {"/who", REGULAR_SLASH, "who", "/who", ""},
        {"／who", REGULAR_SLASH, "who", "/who", ""},
        {"／ｗｈｏ", REGULAR_SLASH, "who", "/ｗｈｏ", ""},
        {"、who", REGULAR_COMMA, "who", "、who", ""},
        {"､who", REGULAR_COMMA, "who", "､who", ""},
        {"・ｗｈｏ", REGULAR_COMMA, "who", "・ｗｈｏ", ""},
        {"、 who", REGULAR_COMMA, "", "、 who", "who"},
        {"、你好", REGULAR_COMMA, "", "、你好", ""},
        {"who", REGULAR_BARE, "who", "who", ""},
        {"ｗｈｏ", REGULAR_BARE, "who", "ｗｈｏ", ""},
        {"/", REGULAR_SLASH, "", "/", ""},
        {"／", REGULAR_SLASH, "", "/", ""},
        {"/ msg bob x", REGULAR_SLASH, "", "/", "msg bob x"},
        {"//", REGULAR_BARE, "/", "/", ""},
        {"//who", REGULAR_BARE, "/who", "/who", ""},
        {"／／who", REGULAR_BARE, "/who", "/who", ""},
        {"/／who", REGULAR_BARE, "/who", "/who", ""},
        {"／/who", REGULAR_BARE, "/who", "/who", ""},
        {"///who", REGULAR_BARE, "//who", "//who", ""},
        {"//  who", REGULAR_BARE, "/", "/  who", "who"},
        {"\\who", REGULAR_BARE, "\\who", "\\who", ""},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct regular line = read_line(lines[i].typed);
        cr_expect_eq(line.mark, lines[i].mark, "%s: %d", lines[i].typed, (int)line.mark);
        cr_expect_str_eq(line.word, lines[i].word, "%s: %s", lines[i].typed, line.word);
        cr_expect_str_eq(line.argument, lines[i].argument, "%s", lines[i].typed);
        if (strcmp(lines[i].text, "/") != 0)
            cr_expect_str_eq(line.text, lines[i].text, "%s: %s", lines[i].typed, line.text);
    }
}

Test(regular, a_word_is_the_same_in_capitals_and_full_width) {
    static const char *const who[] = {"who", "Who", "WHO", "wHo", "ｗｈｏ", "ＷＨＯ", "Ｗhｏ"};
    static const char *const none[] = {"whó", "wh\303\266", "ωho",
                                       "谁",  "who谁",      "timestampstimestamps"};
    for (size_t i = 0; i < sizeof who / sizeof who[0]; i++)
        cr_expect_str_eq(read_line(who[i]).word, "who", "%s", who[i]);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        cr_expect_str_eq(read_line(none[i]).word, "", "%s", none[i]);
    cr_expect_str_eq(read_line("？").word, "?");
    cr_expect_str_eq(read_line("fifteen-letters now").word, "fifteen-letters");
}

static bool as_typed(const char *typed) {
    struct regular line = read_line(typed);
    return regular_as_typed(typed, strlen(typed), line.argument);
}

Test(regular, an_argument_is_as_typed_unless_something_was_stripped_from_it) {
    static const char *const yes[] = {
        "login ann",
        "  login   ann  ",
        "login\tann\t",
        "login\302\240ann\343\200\200",
        "\357\273\277login \357\273\277ann\357\273\277",
        "login ann\342\200\213",
        "/nick a b",
        "lo\033gin ann",
        "／ｎｉｃｋ　安",
    };
    static const char *const no[] = {
        "login a\342\200\213nn",
        "login \342\200\256ann",
        "login ann\342\200\256",
        "login \356\200\200 ann",
        "login \033 ann ",
        "login \314\207ann",
        "login a\302\255nn",
        "login ann\007",
        "login \033ann",
        "login",
        "login a\tb",
        "login ann\357\270\217",
        "loginann",
        "login a\314\201\314\201\314\201\314\201\314\201",
    };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        cr_expect(as_typed(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        cr_expect_not(as_typed(no[i]), "%s", no[i]);
    cr_expect_not(regular_as_typed("login ann\0", 10, "ann"));
    cr_expect_not(regular_as_typed("login \0ann", 10, "ann"));
    cr_expect_not(regular_as_typed("", 0, ""));
    cr_expect_not(regular_as_typed("ann", 3, "ann"), "the whole line is no argument");
}

/* Around a letter each code point is either dropped, and nothing of it is left, or kept whole. */
Test(regular, every_code_point_around_a_line) {
    int around = 0;
    for (int32_t cp = 1; cp < 0x110000; cp++) {
        char line[16], point[5] = "", middle[16];
        if (cp == 0xD800)
            cp = 0xE000;
        point[unicode_encode(cp, point)] = '\0';
        snprintf(line, sizeof line, "%sx%s", point, point);
        struct regular is = read_line(line);
        snprintf(middle, sizeof middle, "%s", is.text);
        size_t len = strlen(middle);
        cr_assert(unicode_valid(middle, len) && strchr(middle, 'x'), "U+%04X", (unsigned)cp);
        cr_assert_eq(sanitize(middle, len), len, "U+%04X", (unsigned)cp);
        around += unicode_properties(cp).class == UNICODE_BLANK;
        cr_assert(unicode_properties(cp).class != UNICODE_BLANK || strcmp(middle, "x") == 0,
                  "U+%04X", (unsigned)cp);
    }
    cr_assert_eq(around, 21);
}

/* Twice is once: but for a slash that another one stood before. */
Test(regular, what_is_regular_stays_so) {
    static const char *const typed[] = {" hello ",    "／who　", "\tsay  hi", "、msg bob x",
                                        " \314\207x", "/ x",     "Look  at"};
    for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
        char once[64];
        struct regular line = read_line(typed[i]), again;
        snprintf(once, sizeof once, "%s", line.text);
        again = read_line(once);
        cr_expect_str_eq(again.text, once);
        cr_expect_str_eq(again.word, line.word);
        cr_expect(again.mark == line.mark && again.first == line.first);
    }
}

Test(regular, every_command_has_a_word_that_can_be_typed) {
    static const char *const names[] = {"say",      "look",     "who",        "logout",  "quit",
                                        "me",       "msg",      "reply",      "nick",    "ignore",
                                        "unignore", "encoding", "timestamps", "history", "help",
                                        "login",    "exit",     "bye",        "?"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char typed[32];
        snprintf(typed, sizeof typed, "/%s", names[i]);
        cr_expect_not_null(command_find(read_line(typed).word), "%s", names[i]);
        cr_expect(command_is_called(names[i]), "%s", names[i]);
    }
    cr_expect_null(command_find(""));
}

Test(regular, no_command_s_name_is_a_name) {
    static const char *const like[] = {
        "Quit", "QUIT",  "ＱＵＩＴ", "ｅｘｉｔ",   "Bye",           "heIp", "Iook",
        "1ook", "Iogin", "1ogout",   "ＷＨＯ",     "rnsg",          "MSG",  "Me",
        "LOOK", "1ogin", "ѕау",      "TimeStamps", "ｈｉｓｔｏｒｙ"};
    static const char *const unlike[] = {"quitter", "exits", "goodbye", "who2",   "mes",   "looks",
                                         "a",       "",      "安",      "helper", "say.it"};
    for (size_t i = 0; i < sizeof like / sizeof like[0]; i++)
        cr_expect(command_is_called(like[i]), "%s", like[i]);
    for (size_t i = 0; i < sizeof unlike / sizeof unlike[0]; i++)
        cr_expect_not(command_is_called(unlike[i]), "%s", unlike[i]);
}

/* A slash behind characters that could not be read, as a no-break space of another encoding is. */
Test(regular, what_cannot_be_read_makes_no_command_speech) {
    static const char *const before[] = {"\357\277\275", "\357\277\275 ", " \357\277\275",
                                         "\357\277\275\357\277\275\343\200\200"};
    static const char *const slashes[] = {"/", "\357\274\217"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        char typed[64];
        for (size_t k = 0; k < sizeof slashes / sizeof *slashes; k++) {
            snprintf(typed, sizeof typed, "%s%smsg bob secret", before[i], slashes[k]);
            struct regular line = read_line(typed);
            cr_expect_eq(line.mark, REGULAR_SLASH, "%zu %zu", i, k);
            cr_expect_str_eq(line.word, "msg", "%zu %zu", i, k);
            cr_expect_str_eq(line.argument, "bob secret");
        }
        snprintf(typed, sizeof typed, "%sa/b", before[i]);
        struct regular line = read_line(typed);
        cr_expect_eq(line.mark, REGULAR_BARE);
        cr_expect_str_eq(line.text, typed + (*typed == ' '), "stays in speech");
    }
}
