/* unit_json.c - what browsers and bots send: which messages are objects, what of them is kept, and
 * what is refused, however a message is split and whenever a death throws some of it away. */
#include "worker/protocol/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 64 };
#define LONG_A                                                                                     \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                 \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What a reader has committed. */
struct reader {
    struct json j;
    uint32_t text_len;
    struct json_kept *kept; /* of exactly their size, for sanitizers */
    uint8_t *text;
};

static struct reader reader_new(void) {
    struct reader r = {.kept = malloc(sizeof *r.kept), .text = malloc(TEXT_MAX)};
    memset(r.kept, 'K', sizeof *r.kept);
    memset(r.text, 'T', TEXT_MAX);
    return r;
}

static void reader_free(struct reader *r) {
    free(r->kept);
    free(r->text);
}

static void read_bytes(struct reader *r, const char *bytes, size_t n, bool dies) {
    uint8_t *in = malloc(n + !n);
    struct json j = r->j;
    struct json_into into = {r->kept, r->text, r->text_len, TEXT_MAX};
    memcpy(in, bytes, n);
    json_read(&j, &into, in, n);
    free(in);
    if (dies)
        return;
    r->j = j;
    r->text_len = into.text_len;
}

/* The message in two parts (`at`), or in parts of one byte (SIZE_MAX); before each the rest was
 * read and forgotten. */
static struct reader read_split(const char *bytes, size_t n, size_t at) {
    struct reader r = reader_new();
    for (size_t i = 0, part; i < n; i += part) {
        part = at == SIZE_MAX ? 1 : i < at ? at : n - i;
        read_bytes(&r, bytes + i, n - i, true);
        read_bytes(&r, bytes + i, part, false);
    }
    return r;
}

/* "say speech", "do=say text=hi re=7", or "bad FORM re=7" */
static void told(const struct reader *r, enum json_result result, char *out, size_t size) {
    static const char *const verbs[] = {"login", "say",  "me",     "msg",      "nick",
                                        "look",  "who",  "ignore", "unignore", "history",
                                        "since", "ping", "quit",   "?"};
    static const char *const wrongs[] = {"WELL", "FORM", "DEPTH", "TWICE", "VALUE"};
    static const char *const slots[] = {"name", "to", "token", "since"};
    const struct json *j = &r->j;
    int n = 0;
#define TELL(...) n += snprintf(out + n, size - (size_t)n, __VA_ARGS__)
    if (result == JSON_BAD)
        TELL("bad %s", wrongs[j->wrong]);
    else
        TELL(result == JSON_SPEECH ? "speech" : "do=%s", verbs[json_what(j)]);
    if (result == JSON_SPEECH || (result == JSON_OBJECT && json_given(j, JSON_TEXT)))
        TELL(" text=%.*s%s", (int)r->text_len, (char *)r->text, j->too_long ? " too long" : "");
    for (int key = JSON_NAME; key < JSON_KEYS; key++)
        if (json_given(j, (enum json_key)key))
            TELL(" %s=%s", slots[key - JSON_NAME], json_string(j, r->kept, (enum json_key)key));
    if (json_given(j, JSON_BOT))
        TELL(" bot=%d", j->bot);
    if (json_given(j, JSON_RE))
        TELL(" re=%u", j->re);
    if (json_given(j, JSON_N))
        TELL(" n=%u", j->n);
}

static void is(const char *bytes, size_t len, const char *expected) {
    for (size_t at = 0; at <= len; at++) {
        char out[1024];
        struct reader r = read_split(bytes, len, at == 0 ? SIZE_MAX : at);
        told(&r, json_end(&r.j), out, sizeof out);
        cr_assert_str_eq(out, expected, "%s: \"%s\" instead of \"%s\", split at %zu", bytes, out,
                         expected, at);
        reader_free(&r);
    }
}

struct sample {
    const char *bytes, *told;
};
static void are(const struct sample *samples, size_t count) {
    for (size_t i = 0; i < count; i++)
        is(samples[i].bytes, strlen(samples[i].bytes), samples[i].told);
}
#define ARE(...)                                                                                   \
    do {                                                                                           \
        static const struct sample samples[] = {__VA_ARGS__};                                      \
        are(samples, sizeof samples / sizeof samples[0]);                                          \
    } while (0)

Test(json, what_begins_with_no_brace_is_speech) {
    ARE({"hi", "speech text=hi"}, {"", "speech text="}, {"  \t\r\n ", "speech text="},
        {" \n hi {}", "speech text=hi {}"}, {"[1]", "speech text=[1]"},
        {"\"hi\"", "speech text=\"hi\""}, {"null", "speech text=null"},
        {"/msg bob {\"do\"}", "speech text=/msg bob {\"do\"}"}, {"}", "speech text=}"},
        {"a\x01\x7f\nb", "speech text=a\x01\x7f\nb"}, {"你好 ", "speech text=你好 "},
        {"\uFEFFhi", "speech text=hi"}, {" \uFEFF \uFEFF hi", "speech text=hi"},
        {"／who", "speech text=／who"},       /* its first byte is one of the mark's */
        {"\uFEFE x", "speech text=\uFEFE x"}, /* its first two are */
        {"\u00A0{}", "speech text=\u00A0{}"}, {"\\{}", "speech text=\\{}"});
    is("\0{}", 3, "speech text="); /* printed up to the NUL */
}

Test(json, each_do) {
    ARE({"{\"do\":\"login\",\"name\":\"weather\",\"bot\":true,\"re\":1}",
         "do=login name=weather bot=1 re=1"},
        {"{\"do\":\"login\",\"name\":\"ann\",\"token\":\"0123456789abcdef0123456789abcdef\","
         "\"since\":\"0123456789abcdef-000000001205\"}",
         "do=login name=ann token=0123456789abcdef0123456789abcdef "
         "since=0123456789abcdef-000000001205"},
        {"{\"do\":\"say\",\"text\":\"hi\",\"re\":7}", "do=say text=hi re=7"},
        {"{\"do\":\"me\",\"text\":\"\"}", "do=me text="},
        {"{\"do\":\"msg\",\"to\":\"bob\",\"text\":\"psst\"}", "do=msg text=psst to=bob"},
        {"{\"do\":\"nick\",\"name\":\"anna\"}", "do=nick name=anna"},
        {"{\"do\":\"look\"}", "do=look"}, {"{\"do\":\"who\"}", "do=who"},
        {"{\"do\":\"ignore\",\"name\":\"bob\"}", "do=ignore name=bob"},
        {"{\"do\":\"unignore\",\"name\":\"bob\"}", "do=unignore name=bob"},
        {"{\"do\":\"history\",\"n\":20}", "do=history n=20"},
        {"{\"do\":\"since\",\"since\":\"x\"}", "do=since since=x"},
        {"{\"do\":\"ping\"}", "do=ping"}, {"{\"do\":\"quit\"}", "do=quit"});
}

Test(json, another_do_or_none) {
    ARE({"{}", "do=?"}, {"{\"do\":\"\"}", "do=?"}, {"{\"do\":\"sa\"}", "do=?"},
        {"{\"do\":\"says\"}", "do=?"}, {"{\"do\":\"SAY\"}", "do=?"}, {"{\"do\":\" say\"}", "do=?"},
        {"{\"do\":\"unignor\"}", "do=?"}, {"{\"do\":\"since\\u0000\"}", "do=?"},
        {"{\"do\":null}", "do=?"}, {"{\"text\":\"x\"}", "do=? text=x"});
}

Test(json, blanks_between_and_any_order) {
    ARE({" \t\r\n{ \"re\" : 7 , \"text\"\n:\r\"a b\" ,\t\"do\" : \"say\" } \r\n",
         "do=say text=a b re=7"},
        {"\uFEFF {}", "do=?"}, {"{\t}", "do=?"}, {"{\"do\":\"say\"}\n", "do=say"},
        {"{\"re\":1\f}", "bad FORM re=1"}, {"{\"re\":1\v,\"n\":2}", "bad FORM re=1"},
        {"{\u00A0}", "bad FORM"}, {"{\uFEFF}", "bad FORM"});
}

Test(json, escapes) {
    ARE({"{\"text\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "do=? text=\"\\/\b\f\n\r\t"},
        {"{\"text\":\"\\u0041\\u00e9\\u4E2d\\uFFFF\"}", "do=? text=Aé中\uFFFF"},
        {"{\"text\":\"\\ud83d\\ude00\\uDBFF\\uDFFF\\uD800\\uDC00\"}",
         "do=? text=\U0001F600\U0010FFFF\U00010000"},
        {"{\"text\":\"\\uD7FF\\uE000\"}", "do=? text=\uD7FF\uE000"},
        {"{\"text\":\"\x7f\"}", "do=? text=\x7f"}, {"{\"text\":\"\u2028\"}", "do=? text=\u2028"},
        {"{\"d\\u006f\":\"s\\u0061y\"}", "do=say"}, {"{\"\\u0064\\u006f\":\"\\u006de\"}", "do=me"});
}

Test(json, escapes_that_are_none) {
    ARE({"{\"text\":\"\\", "bad FORM"}, {"{\"text\":\"\\a\"}", "bad FORM"},
        {"{\"text\":\"\\x41\"}", "bad FORM"}, {"{\"text\":\"\\'\"}", "bad FORM"},
        {"{\"text\":\"\\U0041\"}", "bad FORM"}, {"{\"text\":\"\\0\"}", "bad FORM"},
        {"{\"text\":\"\\u\"}", "bad FORM"}, {"{\"text\":\"\\u004\"}", "bad FORM"},
        {"{\"text\":\"\\u004g\"}", "bad FORM"}, {"{\"text\":\"\\u+041\"}", "bad FORM"},
        {"{\"text\":\"\\u 041\"}", "bad FORM"}, {"{\"text\":\"\\u00\\u0041\"}", "bad FORM"},
        {"{\"text\":\"\\é\"}", "bad FORM"}, {"{\"text\":\"\\\n\"}", "bad FORM"});
    is("{\"text\":\"\\\0\"}", 12, "bad FORM");
}

Test(json, lone_surrogates) {
    ARE({"{\"text\":\"\\ud83d\"}", "bad FORM"}, {"{\"text\":\"\\ude00\"}", "bad FORM"},
        {"{\"text\":\"\\ud83dx\"}", "bad FORM"}, {"{\"text\":\"\\ud83d\\n\"}", "bad FORM"},
        {"{\"text\":\"\\ud83d\\n\\ude00\"}", "bad FORM"},
        {"{\"text\":\"\\ud83d\\u0041\"}", "bad FORM"},
        {"{\"text\":\"\\ud83d\\ud83d\\ude00\"}", "bad FORM"},
        {"{\"text\":\"\\ude00\\ud83d\"}", "bad FORM"}, {"{\"text\":\"\\udfff\"}", "bad FORM"},
        {"{\"text\":\"\\udbff\\ue000\"}", "bad FORM"}, {"{\"text\":\"\\ud800\\\\\"}", "bad FORM"},
        {"{\"x\":\"\\udc00\"}", "bad FORM"}, {"{\"\\udc00\":1}", "bad FORM"},
        {"{\"name\":\"\\ud800 \"}", "bad FORM"});
}

Test(json, control_characters) {
    for (int c = 0; c < 0x20; c++) {
        char bytes[] = "{\"text\":\"a?b\"}";
        bytes[10] = (char)c;
        is(bytes, sizeof bytes - 1, "bad FORM");
        char key[] = "{\"?\":1}";
        key[2] = (char)c;
        is(key, sizeof key - 1, "bad FORM");
    }
    ARE({"{\"name\":\"ann\\u0000x\"}", "do=? name=ann\uFFFDx"},
        {"{\"to\":\"\\u0000\"}", "do=? to=\uFFFD"}, {"{\"token\":\"\\u0001\"}", "do=? token=\x01"});
}

Test(json, a_nul_in_a_text_stays_for_the_sanitiser) {
    struct reader r = read_split("{\"text\":\"a\\u0000b\"}", 19, SIZE_MAX);
    cr_assert_eq(json_end(&r.j), JSON_OBJECT);
    cr_assert_eq(r.text_len, 3);
    cr_assert_eq(memcmp(r.text, "a\0b", 3), 0);
    reader_free(&r);
}

Test(json, numbers) {
    ARE({"{\"re\":0}", "do=? re=0"}, {"{\"re\":4294967295}", "do=? re=4294967295"},
        {"{\"n\":12,\"re\":345}", "do=? re=345 n=12"}, {"{\"re\":7 }", "do=? re=7"},
        {"{\"re\":4294967296}", "bad VALUE"}, {"{\"re\":99999999999999999999}", "bad VALUE"},
        {"{\"re\":18446744073709551617}", "bad VALUE"}, {"{\"re\":-1}", "bad VALUE"},
        {"{\"re\":-0}", "bad VALUE"}, {"{\"re\":1.0}", "bad VALUE"}, {"{\"re\":1e2}", "bad VALUE"},
        {"{\"n\":0.5}", "bad VALUE"}, {"{\"re\":01}", "bad FORM re=0"}, {"{\"re\":+1}", "bad FORM"},
        {"{\"re\":1x}", "bad FORM re=1"}, {"{\"re\":0x10}", "bad FORM re=0"});
}

/* As RFC 8259 has them, where their value does not matter. */
Test(json, numbers_of_unknown_keys) {
    static const char *const good[] = {
        "0",   "-0",   "10",      "-123",   "0.0",    "1.05",
        "0e0", "1E+2", "1.5e-07", "-0.1E1", "1e9999", "123456789012345678901234567890"};
    static const char *const bad[] = {"-",     "+1",  "01",  "-01",   ".5",       "1.",
                                      "1.e2",  "1e",  "1e+", "1e1.5", "1.2.3",    "--1",
                                      "1-2",   "0x1", "1_0", "NaN",   "Infinity", "-Infinity",
                                      "1e+-2", "00",  "-.5", "1a",    "1 2",      "\uFF11"};
    char bytes[128];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        is(bytes, (size_t)sprintf(bytes, "{\"x\":%s}", good[i]), "do=?");
        is(bytes, (size_t)sprintf(bytes, "{\"x\":[%s,%s ]}", good[i], good[i]), "do=?");
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        is(bytes, (size_t)sprintf(bytes, "{\"x\":%s}", bad[i]), "bad FORM");
        is(bytes, (size_t)sprintf(bytes, "{\"x\":{\"y\":%s}}", bad[i]), "bad FORM");
    }
}

Test(json, literals) {
    ARE({"{\"bot\":true}", "do=? bot=1"}, {"{\"bot\":false}", "do=? bot=0"},
        {"{\"x\":true,\"y\":false,\"z\":null}", "do=?"}, {"{\"bot\":True}", "bad VALUE"},
        {"{\"bot\":tru}", "bad FORM"}, {"{\"bot\":truee}", "bad FORM bot=1"},
        {"{\"x\":nul}", "bad FORM"}, {"{\"x\":fals e}", "bad FORM"}, {"{\"x\":nULL}", "bad FORM"},
        {"{\"x\":undefined}", "bad FORM"}, {"{\"x\":'y'}", "bad FORM"}, {"{\"x\":y}", "bad FORM"},
        {"{\"bot\":true", "bad FORM bot=1"}, {"{\"bot\":t", "bad FORM"});
}

/* A program that has no value for a key sends null. */
Test(json, null_is_as_good_as_no_key) {
    ARE({"{\"do\":\"login\",\"name\":\"ann\",\"token\":null,\"since\":null,\"re\":null,"
         "\"bot\":null,\"text\":null,\"to\":null,\"n\":null}",
         "do=login name=ann"},
        {"{\"token\":null,\"token\":null}", "bad TWICE"});
}

Test(json, values_of_another_kind) {
    ARE({"{\"do\":1}", "bad VALUE"}, {"{\"do\":[\"say\"]}", "bad VALUE"},
        {"{\"text\":1}", "bad VALUE"}, {"{\"text\":{}}", "bad VALUE"},
        {"{\"text\":true}", "bad VALUE"}, {"{\"name\":[]}", "bad VALUE"},
        {"{\"token\":0}", "bad VALUE"}, {"{\"since\":false}", "bad VALUE"},
        {"{\"to\":-1}", "bad VALUE"}, {"{\"re\":\"7\"}", "bad VALUE"},
        {"{\"re\":true}", "bad VALUE"}, {"{\"n\":[1]}", "bad VALUE"}, {"{\"bot\":1}", "bad VALUE"},
        {"{\"bot\":\"true\"}", "bad VALUE"}, {"{\"re\":7,\"text\":5}", "bad VALUE re=7"});
}

Test(json, known_keys_come_once) {
    ARE({"{\"do\":\"say\",\"do\":\"say\"}", "bad TWICE"}, {"{\"re\":1,\"re\":2}", "bad TWICE re=1"},
        {"{\"text\":\"a\",\"d\\u006f\":\"say\",\"te\\u0078t\":\"b\"}", "bad TWICE"},
        {"{\"name\":\"a\",\"name\":\"a\"}", "bad TWICE name=a"},
        {"{\"bot\":false,\"bot\":true}", "bad TWICE bot=0"},
        {"{\"x\":1,\"x\":2,\"\":1,\"\":2}", "do=?"},
        {"{\"x\":{\"do\":\"say\",\"do\":\"me\",\"re\":[]},\"re\":1}", "bad DEPTH"},
        {"{\"x\":{\"do\":\"say\",\"do\":\"me\",\"re\":\"a\"},\"re\":1}", "do=? re=1"});
}

Test(json, unknown_keys_are_skipped_whatever_their_values) {
    ARE({"{\"x\":\"a\\n\\u0041\",\"do\":\"say\",\"y\":[],\"text\":\"hi\",\"z\":{}}",
         "do=say text=hi"},
        {"{\"x\":[1,\"a\",true,null,-1.5e3],\"do\":\"me\"}", "do=me"},
        {"{\"x\":{\"a\":1,\"b\":\"c\",\"name\":\"ann\"},\"do\":\"me\"}", "do=me"},
        {"{\"x\":[\"text\"],\"names\":\"a\",\"nam\":\"b\",\"Name\":\"c\",\"do\":\"me\"}", "do=me"},
        {"{\"id\":\"1\",\"v\":1,\"tex\":\"a\",\"t\":0,\"textt\":[],\"do \":1}", "do=?"},
        {"{\"\":\"\",\"你\":\"好\",\"\\u0000\":0}", "do=?"});
}

Test(json, deep_values) {
    ARE({"{\"x\":[[]]}", "bad DEPTH"}, {"{\"x\":[{}]}", "bad DEPTH"},
        {"{\"x\":{\"y\":{}}}", "bad DEPTH"}, {"{\"x\":{\"y\":[]}}", "bad DEPTH"},
        {"{\"x\":[1,[", "bad DEPTH"}, {"{\"re\":3,\"x\":[[[[[[[[", "bad DEPTH re=3"},
        {"{\"x\":{},\"y\":[],\"z\":{\"a\":1},\"re\":3}", "do=? re=3"});
    char deep[4096] = "{\"x\":";
    memset(deep + 5, '[', sizeof deep - 6);
    struct reader r = reader_new();
    read_bytes(&r, deep, sizeof deep, false);
    cr_assert_eq(json_end(&r.j), JSON_BAD);
    reader_free(&r);
}

Test(json, objects_that_are_none) {
    ARE({"{", "bad FORM"}, {"{\"", "bad FORM"}, {"{\"do", "bad FORM"}, {"{\"do\"", "bad FORM"},
        {"{\"do\":", "bad FORM"}, {"{\"do\":\"say", "bad FORM"}, {"{\"do\":\"say\"", "bad FORM"},
        {"{\"do\":\"say\",", "bad FORM"}, {"{\"do\":\"say\",}", "bad FORM"}, {"{,}", "bad FORM"},
        {"{\"x\"}", "bad FORM"}, {"{\"x\",1}", "bad FORM"}, {"{\"x\"::1}", "bad FORM"},
        {"{\"x\":}", "bad FORM"}, {"{\"x\":,}", "bad FORM"}, {"{\"x\":1,,\"y\":2}", "bad FORM"},
        {"{\"x\":1 \"y\":2}", "bad FORM"}, {"{x:1}", "bad FORM"}, {"{'x':1}", "bad FORM"},
        {"{1:1}", "bad FORM"}, {"{null:1}", "bad FORM"}, {"{[]:1}", "bad FORM"},
        {"{\"x\":1]", "bad FORM"}, {"{]", "bad FORM"}, {"{\"x\":[}", "bad FORM"},
        {"{\"x\":[1}", "bad FORM"}, {"{\"x\":[1,]}", "bad FORM"}, {"{\"x\":[,1]}", "bad FORM"},
        {"{\"x\":[1 2]}", "bad FORM"}, {"{\"x\":[1:2]}", "bad FORM"}, {"{\"x\":{]}", "bad FORM"},
        {"{\"x\":{1}}", "bad FORM"}, {"{\"x\":{\"y\":1]}", "bad FORM"}, {"{\"x\":[]", "bad FORM"},
        {"{\"x\":{\"y\":1}", "bad FORM"}, {"{{}}", "bad FORM"}, {"{/**/}", "bad FORM"},
        {"{//\n}", "bad FORM"}, {"{\"x\":1;}", "bad FORM"});
}

Test(json, bytes_behind_an_object) {
    ARE({"{}x", "bad FORM"}, {"{}{}", "bad FORM"}, {"{}}", "bad FORM"}, {"{},", "bad FORM"},
        {"{} ]", "bad FORM"}, {"{\"do\":\"say\",\"re\":2}#", "bad FORM re=2"},
        {"{}\uFEFF", "bad FORM"}, {"{} 1", "bad FORM"}, {"{}\"", "bad FORM"});
    is("{}\0", 3, "bad FORM");
}

/* `n` bytes of `unit`, in an object's text. */
static size_t long_text(char *bytes, size_t n, const char *unit) {
    size_t at = (size_t)sprintf(bytes, "{\"do\":\"say\",\"text\":\"");
    for (; n > 0; n--)
        at += (size_t)sprintf(bytes + at, "%s", unit);
    return at + (size_t)sprintf(bytes + at, "\",\"re\":9}");
}

Test(json, a_text_beyond_its_limit_is_read_to_its_end) {
    static const struct {
        const char *unit;
        size_t bytes;
    } units[] = {{"x", 1},  {"\\u0041", 1}, {"\\n", 1},
                 {"中", 3}, {"\\u4e2d", 3}, {"\\ud83d\\ude00", 4}};
    static char bytes[4096];
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        for (size_t n = TEXT_MAX / units[i].bytes; n < TEXT_MAX + 3; n++) {
            size_t len = long_text(bytes, n, units[i].unit);
            struct reader r = read_split(bytes, len, SIZE_MAX);
            cr_assert_eq(json_end(&r.j), JSON_OBJECT);
            cr_assert_eq(r.j.too_long, n * units[i].bytes > TEXT_MAX, "%zu of %s", n,
                         units[i].unit);
            cr_assert_leq(r.text_len, TEXT_MAX);
            cr_assert_eq(r.j.re, 9);
            reader_free(&r);
        }
}

Test(json, a_speech_beyond_its_limit) {
    char bytes[TEXT_MAX + 2];
    memset(bytes, 'x', sizeof bytes);
    for (size_t n = TEXT_MAX - 1; n <= sizeof bytes; n++) {
        struct reader r = read_split(bytes, n, SIZE_MAX);
        cr_assert_eq(json_end(&r.j), JSON_SPEECH);
        cr_assert_eq(r.j.too_long, n > TEXT_MAX);
        reader_free(&r);
    }
}

/* What is cut stays longer than any name (24 characters), id and token, and is whole characters. */
Test(json, strings_longer_than_their_place_are_cut) {
    static const char *const units[] = {"a",  "é", "中", "\U0001F600", "\\u00e9", "\\ud83d\\ude00",
                                        "a中"};
    static char bytes[4096];
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        for (int key = JSON_NAME; key < JSON_KEYS; key++) {
            static const char *const names[] = {"name", "to", "token", "since"};
            static const size_t least[] = {97, 97, 32, 28};
            size_t at = (size_t)sprintf(bytes, "{\"%s\":\"", names[key - JSON_NAME]);
            for (int n = 0; n < 200; n++)
                at += (size_t)sprintf(bytes + at, "%s", units[i]);
            at += (size_t)sprintf(bytes + at, "\",\"re\":9}");
            struct reader r = read_split(bytes, at, SIZE_MAX);
            cr_assert_eq(json_end(&r.j), JSON_OBJECT);
            const char *kept = json_string(&r.j, r.kept, (enum json_key)key);
            cr_assert_geq(strlen(kept), least[key - JSON_NAME]);
            cr_assert_eq(r.j.re, 9);
            reader_free(&r);
        }
}

/* Nothing follows a character that did not fit, and the next string begins anew. */
Test(json, what_is_cut_is_a_beginning) {
    char bytes[256], expected[256];
    for (int n = 105; n < 118; n++) {
        int kept = n < 111 ? n : 111;
        const char *wide = n < 108 ? "\U0001F600" : "", *narrow = n < 107 ? "b" : "";
        snprintf(bytes, sizeof bytes, "{\"name\":\"%.*s\U0001F600b\",\"to\":\"bob\"}", n, LONG_A);
        snprintf(expected, sizeof expected, "do=? name=%.*s%s%s to=bob", kept, LONG_A, wide,
                 narrow);
        is(bytes, strlen(bytes), expected);
    }
}

/* The next message overwrites what the last one kept. */
Test(json, a_message_leaves_nothing_to_the_next) {
    char out[256];
    struct reader r = reader_new();
    const char *first = "{\"do\":\"login\",\"name\":\"annabel\",\"token\":\"abc\"}";
    const char *second = "{\"do\":\"nick\",\"name\":\"bo\"}";
    read_bytes(&r, first, strlen(first), false);
    cr_assert_eq(json_end(&r.j), JSON_OBJECT);
    r.j = (struct json){0};
    r.text_len = 0;
    read_bytes(&r, second, strlen(second), false);
    told(&r, json_end(&r.j), out, sizeof out);
    cr_assert_str_eq(out, "do=nick name=bo");
    reader_free(&r);
}
