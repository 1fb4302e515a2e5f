/* unit_item.c - entries of the stream: what is written, what is read, and why one is refused. */
#include "ipc/relay.h"
#include "worker/protocol/item.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "1\tparis\t0123456789abcdef\t3\t41\t42\t7\t1700000000123\t"

/* From a copy of exactly `len` bytes, so that a sanitizer sees a read beyond them. */
static const char *read_exactly(const char *bytes, size_t len, struct item *out) {
    char *copy = malloc(len + !len);
    memcpy(copy, bytes, len);
    memset(out, 0xA5, sizeof *out);
    const char *why = item_read(copy, len, "Room", out);
    free(copy);
    return why;
}

struct good {
    const char *bytes;
    enum item_kind kind;
    const char *who, *to, *text;
};

/* clang-format off */
static const struct good good[] = {
    {HEAD "say\tann\t\thello, all", ITEM_SAY, "ann", "", "hello, all"},
    {HEAD "say\t王小明\t\t你好", ITEM_SAY, "王小明", "", "你好"},
    {HEAD "say\tann\t\t", ITEM_SAY, "ann", "", ""},
    {HEAD "me\tann\t\twaves", ITEM_ME, "ann", "", "waves"},
    {HEAD "bare\t10.0.0.5:4711\t\thello", ITEM_BARE, "10.0.0.5:4711", "", "hello"},
    {HEAD "bare\t[2001:db8::1]:4711\t\t1\\2", ITEM_BARE, "[2001:db8::1]:4711", "", "1\\2"},
    {HEAD "join\tann\t\t", ITEM_JOIN, "ann", "", ""},
    {HEAD "join\tweather\t\tb", ITEM_JOIN, "weather", "", "b"},
    {HEAD "join\t10.0.0.5:0\t\t", ITEM_JOIN, "10.0.0.5:0", "", ""},
    {HEAD "leave\tann\t\t", ITEM_LEAVE, "ann", "", ""},
    {HEAD "nick\tann\t\tanna", ITEM_NICK, "ann", "", "anna"},
    {HEAD "kick\tann\t\t", ITEM_KICK, "ann", "", ""},
    {HEAD "kick\t10.0.0.5:4711\t\t", ITEM_KICK, "10.0.0.5:4711", "", ""},
    {HEAD "sys\t\t\tback at ten", ITEM_SYS, "", "", "back at ten"},
    {HEAD "msg\tann\tbob@london\tpsst", ITEM_MSG, "ann", "bob@london", "psst"},
    {HEAD "msg\t10.0.0.5:4711\t[::1]:9@london-2\tpsst", ITEM_MSG, "10.0.0.5:4711", "[::1]:9@london-2", "psst"},
    {HEAD "nobody\tbob\tann@london\t", ITEM_NOBODY, "bob", "ann@london", ""},
    {HEAD "unread\tbob\tann@0\t", ITEM_UNREAD, "bob", "ann@0", ""},
    {HEAD "hello\t\t\t", ITEM_HELLO, "", "", ""},
    {HEAD "end\t\t\t", ITEM_END, "", "", ""},
};
/* clang-format on */

Test(item, each_kind_is_read_and_written_as_it_was) {
    uint32_t seen = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const struct good *g = &good[i];
        struct item item;
        char out[ITEM_MAX];
        const char *why = read_exactly(g->bytes, strlen(g->bytes), &item);
        cr_assert_null(why, "%s: %s", g->bytes, why);
        cr_assert_str_eq(item.node, "paris");
        cr_assert_eq(item.life, 0x0123456789abcdef);
        cr_assert(item.turn == 3 && item.prev == 41 && item.index == 42 && item.lines == 7);
        cr_assert_eq(item.ms, 1700000000123);
        cr_assert_eq(item.kind, g->kind);
        cr_assert_str_eq(item.who, g->who);
        cr_assert_str_eq(item.to, g->to);
        cr_assert_str_eq(item.text, g->text);
        cr_assert_eq(item.text_len, strlen(g->text));
        cr_assert_eq(item_write(&item, out), strlen(g->bytes));
        cr_assert_arr_eq(out, g->bytes, strlen(g->bytes));
        seen |= 1u << g->kind;
    }
    cr_assert_eq(seen, (1u << ITEM_KINDS) - 1, "a kind has no sample");
}

/* An item that is cut off anywhere before its text is none. */
Test(item, no_beginning_is_an_item) {
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        size_t text = (size_t)(strrchr(good[i].bytes, '\t') + 1 - good[i].bytes);
        struct item item;
        for (size_t n = 0; n < text; n++)
            cr_assert_not_null(read_exactly(good[i].bytes, n, &item), "%.*s", (int)n,
                               good[i].bytes);
    }
}

Test(item, the_least_and_the_greatest_numbers) {
    static const char least[] = "1\t0\t0000000000000001\t0\t0\t1\t0\t0\tsys\t\t\t";
    static const char most[] =
        "1\tabcdefghijklmnopqrstuvwxyz-0123\tffffffffffffffff\t4294967295\t18446744073709551614\t"
        "18446744073709551615\t4294967295\t253402300799999\tsys\t\t\t";
    static const char hello[] = "1\tparis\t0000000000000001\t1\t0\t0\t0\t0\thello\t\t\t";
    struct item item;
    cr_assert_null(read_exactly(least, sizeof least - 1, &item));
    cr_assert(item.life == 1 && item.turn == 0 && item.prev == 0 && item.index == 1);
    cr_assert_null(read_exactly(most, sizeof most - 1, &item));
    cr_assert(item.life == UINT64_MAX && item.turn == UINT32_MAX && item.prev == UINT64_MAX - 1);
    cr_assert(item.index == UINT64_MAX && item.lines == UINT32_MAX && item.ms == ITEM_MS_MAX);
    cr_assert_eq(strlen(item.node), NODE_NAME_MAX - 1);
    cr_assert_null(read_exactly(hello, sizeof hello - 1, &item), "before its first item");
}

/* As no reader lets it in: a writer's memory holds all the same. */
Test(item, the_longest_that_can_be_written_fits) {
    struct item item = {.life = UINT64_MAX,
                        .turn = UINT32_MAX,
                        .prev = UINT64_MAX,
                        .index = UINT64_MAX,
                        .lines = UINT32_MAX,
                        .ms = INT64_MIN,
                        .kind = ITEM_NOBODY,
                        .text_len = LINE_MAX_MAX};
    memset(item.node, 'n', sizeof item.node - 1);
    memset(item.who, 'w', sizeof item.who - 1);
    memset(item.to, 't', sizeof item.to - 1);
    memset(item.text, 'x', LINE_MAX_MAX);
    char *out = malloc(ITEM_MAX);
    size_t n = item_write(&item, out);
    cr_assert_leq(n, ITEM_MAX);
    cr_assert_eq(out[n - 1], 'x');
    free(out);
}

struct bad {
    const char *bytes, *why;
};

#define NODE "1\tparis\t"
#define LIFE NODE "0123456789abcdef\t"
#define VERSION "its version is not 1"
#define MACHINE "it names no machine"
#define NOT_LIFE "its life is not 16 hexadecimal digits"
#define TURN "its turn is no number"
#define PREV "the index of the one before is no number"
#define INDEX "its index is no number"
#define ORDER "its index is not above that of the one before"
#define LINES "its number of lines is no number"
#define TIME "its time is none"
#define KIND "its kind is not known"
#define WHO "it is of no name that may be one"
#define NO_WHO "it has a name, which its kind has not"
#define TO "it is for no NAME@NODE"
#define NO_TO "it has an addressee, which its kind has not"
#define NO_TEXT "it has a text, which its kind has not"
#define NICK "its new name is none that may be one"
#define NAME_97 /* bytes, 24 points of which would be the most */                                  \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaa"

/* clang-format off */
static const struct bad bad[] = {
    {"", MACHINE}, {"1", MACHINE}, {"1\t", MACHINE}, {"1\t\t", MACHINE}, {"\t\t\t\t\t\t\t\t\t\t\t", MACHINE},
    {"1\tParis\t", MACHINE}, {"1\t-paris\t", MACHINE}, {"1\tpar is\t", MACHINE}, {"1\tpàris\t", MACHINE},
    {"1\tparis\n\t", MACHINE}, {"1\tabcdefghijklmnopqrstuvwxyz-01234\t", MACHINE}, {"1 paris ", MACHINE},
    {"2\tparis\t", VERSION}, {"0\tparis", VERSION}, {"01\tparis\t", VERSION}, {"\tparis\t", VERSION},
    {"1 \tparis\t", VERSION}, {"11\tparis\tanything\telse", VERSION}, {"x\tparis", VERSION},
    {NODE, NOT_LIFE}, {NODE "0123456789abcde\t", NOT_LIFE}, {NODE "0123456789abcdef0\t", NOT_LIFE},
    {NODE "0123456789ABCDEF\t", NOT_LIFE}, {NODE "0x23456789abcdef\t", NOT_LIFE}, {NODE "0000000000000000\t", NOT_LIFE},
    {NODE " 123456789abcdef\t", NOT_LIFE},
    {LIFE, TURN}, {LIFE "\t", TURN}, {LIFE "-1\t", TURN}, {LIFE "+1\t", TURN}, {LIFE "01\t", TURN},
    {LIFE "4294967296\t", TURN}, {LIFE "1 \t", TURN}, {LIFE "99999999999999999999\t", TURN}, {LIFE "1x\t", TURN},
    {LIFE "1\t18446744073709551616\t", PREV}, {LIFE "1\t\t", PREV}, {LIFE "1\t1.0\t", PREV},
    {LIFE "1\t1\t18446744073709551616\t", INDEX}, {LIFE "1\t1\t184467440737095516150\t", INDEX}, {LIFE "1\t1", INDEX},
    {LIFE "1\t1\t2\t4294967296\t", LINES}, {LIFE "1\t1\t2\tx\t", LINES},
    {LIFE "1\t1\t2\t3\t253402300800000\t", TIME}, {LIFE "1\t1\t2\t3\t-1\t", TIME}, {LIFE "1\t1\t2\t3\t\t", TIME},
    {LIFE "1\t1\t2\t3\t18446744073709551617\t", TIME},
    {HEAD "\tann\t\tx", KIND}, {HEAD "Say\tann\t\tx", KIND}, {HEAD "says\tann\t\tx", KIND}, {HEAD "sa\tann\t\tx", KIND},
    {HEAD, KIND},
    {LIFE "1\t2\t2\t3\t4\tsay\tann\t\tx", ORDER}, {LIFE "1\t3\t2\t3\t4\tsay\tann\t\tx", ORDER},
    {LIFE "1\t0\t0\t3\t4\tjoin\tann\t\t", ORDER},
    {HEAD "say\t\t\tx", WHO}, {HEAD "say\tann lee\t\tx", WHO}, {HEAD "say\tann:\t\tx", WHO}, {HEAD "say\troom\t\tx", WHO},
    {HEAD "say\tann@paris\t\tx", WHO}, {HEAD "say\t***\t\tx", WHO}, {HEAD "say\tan\x1b[2Jn\t\tx", WHO}, {HEAD "say\t\xff\t\tx", WHO},
    {HEAD "say\tаnn\t\tx", WHO}, /* its first letter is Cyrillic */
    {HEAD "say\tabcdefghijklmnopqrstuvwxy\t\tx", WHO}, {HEAD "say\t" NAME_97 "\t\tx", WHO}, {HEAD "say\t21.04\t\tx", WHO},
    {HEAD "bare\t10.0.0.5\t\tx", WHO}, {HEAD "bare\t10.0.0.5:65536\t\tx", WHO}, {HEAD "bare\t10.0.0.5:04711\t\tx", WHO},
    {HEAD "bare\t010.0.0.5:1\t\tx", WHO}, {HEAD "bare\t2001:db8::1:1\t\tx", WHO}, {HEAD "bare\t[2001:DB8::1]:1\t\tx", WHO},
    {HEAD "bare\t[::ffff:10.0.0.5]:1\t\tx", WHO}, {HEAD "bare\t10.0.0.5:1 \t\tx", WHO}, {HEAD "bare\t:1\t\tx", WHO},
    {HEAD "leave\tann\t\tbye", NO_TEXT}, {HEAD "kick\tann\t\tspam", NO_TEXT}, {HEAD "nobody\tbob\tann@london\tx", NO_TEXT}, {HEAD "unread\tbob\tann@london\tx", NO_TEXT},
    {HEAD "hello\t\t\tx", NO_TEXT}, {HEAD "end\t\t\t ", NO_TEXT},
    {HEAD "sys\tann\t\tx", NO_WHO}, {HEAD "hello\tann\t\t", NO_WHO}, {HEAD "end\t \t\t", NO_WHO},
    {HEAD "sys\t" NAME_97 "\t\tx", NO_WHO},
    {HEAD "say\tann\tbob@london\tx", NO_TO}, {HEAD "sys\t\tx\tx", NO_TO}, {HEAD "kick\tann\tbob\t", NO_TO},
    {HEAD "say\tann\t" NAME_97 NAME_97 "\tx", NO_TO},
    {HEAD "msg\tann\t\tx", TO}, {HEAD "msg\tann\tbob\tx", TO}, {HEAD "msg\tann\tbob@\tx", TO}, {HEAD "msg\tann\t@london\tx", TO},
    {HEAD "msg\tann\tbob@London\tx", TO}, {HEAD "msg\tann\tbob@a@b\tx", TO}, {HEAD "msg\tann\troom@london\tx", TO},
    {HEAD "msg\tann\tb b@london\tx", TO}, {HEAD "nobody\tbob\tann\t", TO}, {HEAD "unread\tbob\t\t", TO},
    {HEAD "msg\tann\t" NAME_97 "@london\tx", TO},
    {HEAD "say\tann\t\ta\tb", "it has a field too many"}, {HEAD "sys\t\t\t\t", "it has a field too many"},
    {HEAD "say\tann\t", "it ends before its text"}, {HEAD "say\tann", "it ends before its text"}, {HEAD "sys\t\t", "it ends before its text"},
    {HEAD "join\tann\t\tbot", "the text of a join is neither empty nor b"}, {HEAD "join\tann\t\t ", "the text of a join is neither empty nor b"},
    {HEAD "nick\tann\t\t", NICK}, {HEAD "nick\tann\t\tan na", NICK}, {HEAD "nick\tann\t\tRoom", NICK}, {HEAD "nick\tann\t\t1.2.3.4:5", NICK},
    {HEAD "nick\tann\t\tan\u200bna", NICK},
};
/* clang-format on */

Test(item, malformed_items_are_refused_with_a_reason) {
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct item item;
        const char *why = read_exactly(bad[i].bytes, strlen(bad[i].bytes), &item);
        cr_assert_not_null(why, "%s", bad[i].bytes);
        cr_assert_str_eq(why, bad[i].why, "%s: %s", bad[i].bytes, why);
    }
}

/* A log names the machine, whatever is wrong with the item. */
Test(item, the_machine_of_a_refused_item_is_known) {
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct item item;
        const char *why = read_exactly(bad[i].bytes, strlen(bad[i].bytes), &item);
        cr_assert_str_eq(item.node, strcmp(why, MACHINE) == 0 ? "" : "paris", "%s", bad[i].bytes);
    }
}

Test(item, a_nul_is_in_no_field) {
    static const char sample[] = HEAD "msg\tann\tbob@london\tpsst";
    char bytes[sizeof sample];
    for (size_t at = 0; at < sizeof sample - 1; at++) {
        struct item item;
        memcpy(bytes, sample, sizeof sample);
        bytes[at] = '\0';
        cr_assert_not_null(read_exactly(bytes, sizeof sample - 1, &item), "byte %zu", at);
    }
}

Test(item, text_is_cleaned_again) {
    static const struct {
        const char *text, *clean;
    } texts[] = {
        {"a\x1b[2Jb", "a[2Jb"},
        {"a\nbob: b", "a bob: b"},
        {"a\r\n*** b", "a  *** b"},
        {"\u202Ea\u200Bb", "ab"},
        {"a\xff\xfe\xC2\x9B b\xE4\xBD", "a b"},
        {"\x01\x02", ""},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char bytes[256];
        struct item item;
        int n = snprintf(bytes, sizeof bytes, HEAD "say\tann\t\t%s", texts[i].text);
        cr_assert_null(read_exactly(bytes, (size_t)n, &item));
        cr_assert_str_eq(item.text, texts[i].clean);
        cr_assert_eq(item.text_len, strlen(texts[i].clean));
    }
}

/* HEAD, a say of ann's, and a text of `text` bytes. */
static size_t with_text(char *out, size_t text) {
    size_t n = strlen(strcpy(out, HEAD "say\tann\t\t"));
    memset(out + n, 'x', text);
    return n + text;
}

Test(item, the_longest_text) {
    static char bytes[ITEM_MAX + 200];
    struct item item;
    cr_assert_null(read_exactly(bytes, with_text(bytes, LINE_MAX_MAX), &item));
    cr_assert_eq(item.text_len, LINE_MAX_MAX);
    cr_assert_str_eq(read_exactly(bytes, with_text(bytes, LINE_MAX_MAX + 1), &item),
                     "its text is too long");
    size_t head = with_text(bytes, 0);
    with_text(bytes, ITEM_MAX + 1 - head);
    cr_assert_str_eq(read_exactly(bytes, ITEM_MAX, &item), "its text is too long");
    cr_assert_str_eq(read_exactly(bytes, ITEM_MAX + 1, &item), "it is too long");
    cr_assert_str_eq(item.node, "paris");
}

Test(item, whose_an_item_is) {
    static const char item[] = HEAD "say\tann\t\thi";
    cr_assert(item_is_of(item, sizeof item - 1, "paris"));
    cr_assert(item_is_of("7\tparis", 7, "paris"));
    cr_assert_not(item_is_of(item, sizeof item - 1, "pari"));
    cr_assert_not(item_is_of(item, sizeof item - 1, "paris-2"));
    cr_assert_not(item_is_of("1\tparis", 6, "paris"));
    cr_assert_not(item_is_of("paris", 5, "paris"));
    cr_assert_not(item_is_of("", 0, "paris"));
}

Test(item, names_of_machines) {
    static const char *const are[] = {
        "a", "0", "paris", "eu-west-1", "a-", "9--9", "abcdefghijklmnopqrstuvwxyz-0123"};
    static const char *const are_not[] = {"",
                                          "-",
                                          "-a",
                                          "A",
                                          "a b",
                                          "a.b",
                                          "a_b",
                                          "a@b",
                                          "a\t",
                                          "é",
                                          "abcdefghijklmnopqrstuvwxyz-01234"};
    for (size_t i = 0; i < sizeof are / sizeof are[0]; i++)
        cr_assert(relay_is_node(are[i]), "%s", are[i]);
    for (size_t i = 0; i < sizeof are_not / sizeof are_not[0]; i++)
        cr_assert_not(relay_is_node(are_not[i]), "%s", are_not[i]);
}
