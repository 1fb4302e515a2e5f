/* unit_event.c - what browsers and bots are sent: every event as text, and the frame around it. */
#include "worker/protocol/event.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BIG = 70000 };
static const int64_t a_time = 1795626245129; /* 2026-11-25T17:04:05.129Z */

/* The frame's payload, NUL-terminated, once its head is the right one. */
static const char *payload(uint8_t *frame, size_t n) {
    cr_assert_geq(n, 2);
    cr_assert_lt(n, BIG);
    size_t head = frame[1] == 126 ? 4 : 2;
    size_t len = head == 4 ? (size_t)frame[2] << 8 | frame[3] : frame[1];
    cr_assert_eq(frame[0], 0x81);
    cr_assert_eq(n, head + len);
    cr_assert(head == 2 ? len <= 125 : len > 125, "not the shortest head: %zu", len);
    frame[n] = '\0';
    return (const char *)frame + head;
}

static void is(uint8_t *frame, size_t n, const char *expected) {
    cr_assert_str_eq(payload(frame, n), expected, "%s", payload(frame, n));
}

static void line_is(struct event_line line, const char *expected) {
    static uint8_t out[BIG];
    struct event_clock clock = {0};
    uint32_t at;
    line.epoch = 0x7f3a;
    line.index = 0x1205;
    line.ms = a_time;
    size_t n = event_line(&clock, &line, out, sizeof out - 1, &at);
    is(out, n, expected);
    cr_assert_eq(memcmp(out + at, "000000001205", EVENT_INDEX_DIGITS), 0);
}

#define ID_AND_TIME "\"id\":\"0000000000007f3a-000000001205\",\"t\":\"2026-11-25T17:04:05.12Z\""
#define TEXT(s) .text = (s), .text_len = strlen(s)

Test(event, lines) {
    line_is((struct event_line){.kind = EVENT_SAY, .who = "ann", TEXT("hi")},
            "{\"ev\":\"say\"," ID_AND_TIME ",\"who\":\"ann\",\"text\":\"hi\"}");
    line_is((struct event_line){.kind = EVENT_ME, .who = "ann", TEXT("waves")},
            "{\"ev\":\"me\"," ID_AND_TIME ",\"who\":\"ann\",\"text\":\"waves\"}");
    line_is((struct event_line){.kind = EVENT_JOIN, .who = "小明"},
            "{\"ev\":\"join\"," ID_AND_TIME ",\"who\":\"小明\"}");
    line_is((struct event_line){.kind = EVENT_LEAVE, .who = "127.0.0.1:5"},
            "{\"ev\":\"leave\"," ID_AND_TIME ",\"who\":\"127.0.0.1:5\"}");
    line_is((struct event_line){.kind = EVENT_KICK, .who = "ann"},
            "{\"ev\":\"kick\"," ID_AND_TIME ",\"who\":\"ann\"}");
    line_is((struct event_line){.kind = EVENT_NICK, .who = "ann", TEXT("anna")},
            "{\"ev\":\"nick\"," ID_AND_TIME ",\"who\":\"ann\",\"new\":\"anna\"}");
    line_is((struct event_line){.kind = EVENT_SYS, TEXT("tea at five")},
            "{\"ev\":\"sys\"," ID_AND_TIME ",\"text\":\"tea at five\"}");
    line_is((struct event_line){.kind = EVENT_MSG, .who = "ann", .to = "bob", TEXT("psst")},
            "{\"ev\":\"msg\"," ID_AND_TIME ",\"who\":\"ann\",\"to\":\"bob\",\"text\":\"psst\"}");
    line_is((struct event_line){.kind = EVENT_SAY, .who = "ann", TEXT("")},
            "{\"ev\":\"say\"," ID_AND_TIME ",\"who\":\"ann\",\"text\":\"\"}");
}

Test(event, only_what_must_be_is_escaped) {
    const char bytes[] = "\"\\/<>&'\b\t\n\f\r\x01\x1f\x7f \xC2\x80\xE2\x80\xA8\xF0\x9F\x98\x80";
    line_is((struct event_line){.kind = EVENT_SYS, TEXT(bytes)},
            "{\"ev\":\"sys\"," ID_AND_TIME
            ",\"text\":\"\\\"\\\\/<>&'\\b\\t\\n\\f\\r\\u0001\\u001f\x7f \xC2\x80\xE2\x80\xA8"
            "\xF0\x9F\x98\x80\"}");
    line_is((struct event_line){.kind = EVENT_SYS, .text = "a\0b", .text_len = 3},
            "{\"ev\":\"sys\"," ID_AND_TIME ",\"text\":\"a\\u0000b\"}");
    line_is((struct event_line){.kind = EVENT_JOIN, .who = "a\"b"},
            "{\"ev\":\"join\"," ID_AND_TIME ",\"who\":\"a\\\"b\"}");
}

/* One such byte in a frame would end every browser's connection. */
Test(event, what_is_no_utf8_is_replaced) {
    line_is((struct event_line){.kind = EVENT_SYS,
                                TEXT("a\xFF\xC0\x80 \xED\xA0\x80 \xE4\xB8z \xF4\x90\x80\x80\xE4")},
            "{\"ev\":\"sys\"," ID_AND_TIME ",\"text\":\"a\uFFFD\uFFFD\uFFFD \uFFFD\uFFFD\uFFFD "
            "\uFFFD\uFFFDz \uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\"}");
}

Test(event, the_clock_is_read_anew_with_each_second) {
    static const struct {
        int64_t ms;
        const char *text;
    } times[] = {
        {0, "1970-01-01T00:00:00.00Z"},
        {9, "1970-01-01T00:00:00.00Z"},
        {10, "1970-01-01T00:00:00.01Z"},
        {990, "1970-01-01T00:00:00.99Z"},
        {1000, "1970-01-01T00:00:01.00Z"},
        {1795626245129, "2026-11-25T17:04:05.12Z"},
        {1795626245999, "2026-11-25T17:04:05.99Z"},
        {1795626246000, "2026-11-25T17:04:06.00Z"},
        {1795626245120, "2026-11-25T17:04:05.12Z"}, /* it may be set back */
        {1798761599999, "2026-12-31T23:59:59.99Z"},
        {1798761600000, "2027-01-01T00:00:00.00Z"},
    };
    struct event_clock clock = {0};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        static uint8_t out[BIG];
        uint32_t at;
        struct event_line line = {.kind = EVENT_JOIN, .ms = times[i].ms};
        size_t n = event_line(&clock, &line, out, sizeof out - 1, &at);
        cr_assert(strstr(payload(out, n), times[i].text), "%s", payload(out, n));
    }
}

/* Lengths about which the head changes; the index is found with either. */
Test(event, a_head_has_the_shortest_form) {
    static char text[BIG];
    static uint8_t out[BIG + 1];
    struct event_clock clock = {0};
    const size_t lengths[] = {0, 1, 30, 31, 32, 33, 34, 35, 36, 37, 38, 60, 200, 4096, 65000};
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint32_t at;
        struct event_line line = {
            .kind = EVENT_SYS, .index = 0xABCDEF012345, .text = text, .text_len = lengths[i]};
        size_t n = event_line(&clock, &line, out, BIG, &at);
        const char *json = payload(out, n);
        cr_assert_eq(strlen(json),
                     strlen("{\"ev\":\"sys\"," ID_AND_TIME ",\"text\":\"\"}") + lengths[i]);
        cr_assert_eq(memcmp(out + at, "abcdef012345", EVENT_INDEX_DIGITS), 0);
    }
}

Test(event, a_frame_has_at_most_65535_bytes_of_payload) {
    static char text[BIG];
    static uint8_t out[BIG + 1];
    size_t around = strlen("{\"ev\":\"note\",\"text\":\"\"}");
    memset(text, 'x', sizeof text);
    cr_assert_eq(event_text(EVENT_NOTE, text, 65535 - around, out, BIG), 65539);
    payload(out, 65539);
    cr_assert_eq(event_text(EVENT_NOTE, text, 65536 - around, out, BIG), 0);
}

static size_t worst_line(uint8_t *out, size_t size) {
    static char text[LINE_MAX_MAX], name[NAME_BYTES_MAX + 1];
    struct event_clock clock = {0};
    uint32_t at;
    memset(text, 1, sizeof text);
    memset(name, 1, NAME_BYTES_MAX);
    struct event_line line = {.kind = EVENT_MSG,
                              .epoch = UINT64_MAX,
                              .index = UINT64_MAX,
                              .ms = a_time,
                              .who = name,
                              .to = name,
                              .text = text,
                              .text_len = sizeof text};
    size_t n = event_line(&clock, &line, out, size, &at);
    cr_assert_eq(at != 0, n != 0);
    return n;
}

Test(event, the_longest_line_fits) {
    uint8_t *out = malloc(EVENT_LINE_MAX);
    cr_assert_gt(worst_line(out, EVENT_LINE_MAX), EVENT_LINE_MAX - 256);
    free(out);
}

/* Every size below a line's own: nothing comes, and nothing is written behind it. */
Test(event, a_frame_is_never_cut) {
    struct event_clock clock = {0};
    struct event_line line = {
        .kind = EVENT_SAY, .who = "ann", TEXT("a longer one\"\x01\xFF\xE4\xB8\xAD")};
    uint8_t *whole = malloc(EVENT_LINE_MAX);
    uint32_t at;
    size_t n = event_line(&clock, &line, whole, EVENT_LINE_MAX, &at);
    cr_assert_gt(n, 125);
    for (size_t size = 0; size <= n; size++) {
        uint8_t *out = malloc(size + !size);
        cr_assert_eq(event_line(&clock, &line, out, size, &at), size == n ? n : 0);
        free(out);
    }
    free(whole);
    cr_assert_eq(worst_line((uint8_t[8]){0}, 8), 0);
}

Test(event, for_one_client) {
    static uint8_t out[BIG];
    const size_t size = sizeof out - 1;
    const uint8_t token[EVENT_TOKEN_BYTES] = {0x00, 0x01, 0x0a, 0xff, [15] = 0x80};
    struct event_hello hello = {.room = "Tea \"room\"",
                                .epoch = 0xfedcba9876543210,
                                .index = 0x1204,
                                .login = true,
                                .line_max = 1024,
                                .language = "en"};
    is(out, event_hello(&hello, out, size),
       "{\"ev\":\"hello\",\"v\":1,\"room\":\"Tea \\\"room\\\"\",\"epoch\":\"fedcba9876543210\","
       "\"id\":\"fedcba9876543210-000000001204\",\"login\":true,\"line_max\":1024,"
       "\"language\":\"en\"}");
    is(out, event_ok(7, out, size), "{\"ev\":\"ok\",\"re\":7}");
    is(out, event_ok(0, out, size), "{\"ev\":\"ok\",\"re\":0}");
    is(out, event_ok(UINT32_MAX, out, size), "{\"ev\":\"ok\",\"re\":4294967295}");
    is(out, event_ok(EVENT_NO_RE, out, size), "{\"ev\":\"ok\"}");
    is(out, event_logged_in(7, "ann", token, 6, out, size),
       "{\"ev\":\"ok\",\"re\":7,\"name\":\"ann\",\"token\":\"00010aff000000000000000000000080\","
       "\"last\":6}");
    is(out, event_error(7, "taken", "The name \"ann\" is taken.", 24, out, size),
       "{\"ev\":\"error\",\"re\":7,\"code\":\"taken\",\"text\":\"The name \\\"ann\\\" is "
       "taken.\"}");
    is(out, event_error(EVENT_NO_RE, "json", "No", 2, out, size),
       "{\"ev\":\"error\",\"code\":\"json\",\"text\":\"No\"}");
    is(out, event_text(EVENT_NOTE, "a\nb", 3, out, size), "{\"ev\":\"note\",\"text\":\"a\\nb\"}");
    is(out, event_text(EVENT_MOTD, "", 0, out, size), "{\"ev\":\"motd\",\"text\":\"\"}");
    is(out, event_number(EVENT_HISTORY, 20, out, size), "{\"ev\":\"history\",\"n\":20}");
    is(out, event_number(EVENT_SKIPPED, UINT64_MAX, out, size),
       "{\"ev\":\"skipped\",\"n\":18446744073709551615}");
    is(out, event_number(EVENT_DROPPED, 1, out, size), "{\"ev\":\"dropped\",\"n\":1}");
    cr_assert_eq(memcmp(event_ping, "\x89\x00", EVENT_PING_LEN), 0);
}

Test(event, people) {
    static uint8_t out[BIG];
    struct event e;
    event_people(&e, 7, out, sizeof out - 1);
    is(out, event_people_end(&e, false), "{\"ev\":\"people\",\"re\":7,\"names\":[]}");
    event_people(&e, EVENT_NO_RE, out, sizeof out - 1);
    cr_assert(event_person(&e, "ann", 5, false));
    cr_assert(event_person(&e, "weather", 0, true));
    is(out, event_people_end(&e, true),
       "{\"ev\":\"people\",\"names\":[{\"name\":\"ann\",\"idle\":5},"
       "{\"name\":\"weather\",\"idle\":0,\"bot\":true}],\"more\":true}");
}

/* Whatever the room, as many as fit come, and the event is whole. */
Test(event, a_long_list_takes_several_events) {
    char name[NAME_BYTES_MAX + 1] = "";
    memset(name, 1, NAME_BYTES_MAX);
    for (size_t size = EVENT_PERSON_MAX; size < EVENT_PERSON_MAX + 1500; size++) {
        uint8_t *out = malloc(size), *copy = malloc(BIG);
        struct event e;
        event_people(&e, UINT32_MAX, out, size);
        cr_assert(event_person(&e, name, UINT32_MAX, true));
        while (event_person(&e, "bob", 1, false))
            continue;
        size_t n = event_people_end(&e, true);
        memcpy(copy, out, n);
        const char *json = payload(copy, n);
        cr_assert(strstr(json, "}],\"more\":true}"), "%s", json);
        cr_assert_leq(size - n, strlen(",{\"name\":\"bob\",\"idle\":1}") + 2);
        free(out);
        free(copy);
    }
}

Test(event, a_person_without_room_in_any_event) {
    size_t empty = EVENT_HEAD_MAX + strlen("{\"ev\":\"people\",\"names\":[]}");
    for (size_t size = 0; size < empty + 10; size++) {
        uint8_t *out = malloc(size + !size);
        struct event e;
        event_people(&e, EVENT_NO_RE, out, size);
        cr_assert_not(event_person(&e, "a", 1, false));
        cr_assert_eq(event_people_end(&e, false) > 0, size >= empty);
        free(out);
    }
}

Test(event, ids_are_read) {
    uint64_t epoch, index;
    const char *good = "fedcba9876543210-00abcdef1205";
    cr_assert(event_id_read(good, strlen(good), &epoch, &index));
    cr_assert_eq(epoch, 0xfedcba9876543210);
    cr_assert_eq(index, 0xabcdef1205);
    static const char *const bad[] = {
        "",
        "fedcba9876543210",
        "fedcba9876543210-",
        "fedcba9876543210-00abcdef120",
        "fedcba9876543210-00abcdef12055",
        "fedcba9876543210:00abcdef1205",
        "FEDCBA9876543210-00abcdef1205",
        "fedcba987654321g-00abcdef1205",
        "fedcba9876543210-00abcdef120 ",
        " edcba9876543210-00abcdef1205",
        "fedcba987654321-000abcdef1205",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(event_id_read(bad[i], strlen(bad[i]), &epoch, &index), "%s", bad[i]);
    cr_assert_not(event_id_read("fedcba9876543210-00abcdef12\0\0", EVENT_ID_LEN, &epoch, &index));
}
