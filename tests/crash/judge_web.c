/* judge_web.c - tests the checks of web.h: what a correct server sends passes in any portions,
 * every seeded fault is found. */
#include "tests/crash/judge_web.h"

#include "tests/crash/web.h"
#include "tests/lib/frame.h"

#include <stdio.h>

#define GRANTED                                                                                    \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
#define ID(n) "\"id\":\"0123456789abcdef-00000000000" n "\""
#define HELLO "{\"ev\":\"hello\",\"v\":1,\"epoch\":\"0123456789abcdef\"," ID("4") "}"
#define OK                                                                                         \
    "{\"ev\":\"ok\",\"re\":1,\"name\":\"n1-\",\"token\":\"00112233445566778899aabbccddeeff\"}"
#define SAY(n) "{\"ev\":\"say\"," ID(n) ",\"t\":\"-\",\"who\":\"n2-\",\"text\":\"a \\\"word\\\"\"}"

enum { EVENTS_MAX = 12, PORTIONS = 200 };

static const struct judged {
    const char *name, *lines; /* lines: what a telnet is sent; NULL: a fault */
    const char *event[EVENTS_MAX];
} judged[] = {
    {"good",
     "*** 2 earlier lines\n[00:00] n2-: a \"word\"\n[00:00] n2-: a \"word\"\n"
     "n1- has entered the room.\nn2-: a \"word\"\n[n2-] psst\n[to n2-] psst\n*** 3 lines skipped\n"
     "n2-: a \"word\"\nThe following are logged in:\nn1-\nn2-\nn3-\n",
     {HELLO, OK, "{\"ev\":\"history\",\"n\":2}", SAY("2"), SAY("3"),
      "{\"ev\":\"join\"," ID("5") ",\"t\":\"-\",\"who\":\"n1-\"}", SAY("6"),
      "{\"ev\":\"msg\"," ID("7") ",\"who\":\"n2-\",\"to\":\"n1-\",\"text\":\"psst\"}",
      "{\"ev\":\"msg\"," ID("8") ",\"who\":\"n1-\",\"to\":\"n2-\",\"text\":\"psst\"}",
      "{\"ev\":\"skipped\",\"n\":3}" SAY("9"),
      "{\"ev\":\"people\",\"re\":2,\"names\":[{\"name\":\"n1-\",\"idle\":0},"
      "{\"name\":\"n2-\",\"idle\":7,\"bot\":true}],\"more\":true}"
      "{\"ev\":\"people\",\"re\":2,\"names\":[{\"name\":\"n3-\",\"idle\":0}]}",
      "{\"ev\":\"ok\",\"re\":3}"}},
    {"an event twice", NULL, {HELLO, OK, SAY("5"), SAY("5")}},
    {"events swapped", NULL, {HELLO, OK, SAY("6"), SAY("5")}},
    {"an earlier line too many",
     NULL,
     {HELLO, OK, "{\"ev\":\"history\",\"n\":1}", SAY("2"), SAY("3")}},
    {"another epoch",
     NULL,
     {HELLO, OK,
      "{\"ev\":\"say\",\"id\":\"0123456789abcdee-000000000005\",\"who\":\"n2-\",\"text\":\"x\"}"}},
    {"a short id",
     NULL,
     {HELLO, OK, "{\"ev\":\"say\",\"id\":\"5\",\"who\":\"n2-\",\"text\":\"x\"}"}},
    {"an answer twice", NULL, {HELLO, OK, OK}},
    {"an answer missing", NULL, {HELLO, OK, "{\"ev\":\"ok\",\"re\":3}"}},
    {"an error twice",
     NULL,
     {HELLO, OK, "{\"ev\":\"error\",\"re\":2,\"code\":\"muted\",\"text\":\"-\"}",
      "{\"ev\":\"error\",\"re\":2,\"code\":\"muted\",\"text\":\"-\"}"}},
    {"an unknown event", NULL, {HELLO, OK, "{\"ev\":\"sya\",\"text\":\"x\"}"}},
    {"half an event", NULL, {HELLO, OK, "{\"ev\":\"note\",\"text\":\"x"}},
    {"no event", NULL, {HELLO, OK, "n2-: x"}},
    {"a masked frame", NULL, {HELLO, OK, "~" SAY("5")}},
};

static void judge_frame(struct text *stream, const char *event, size_t len) {
    char bytes[FRAME_HEAD_MAX + 1024], *payload = bytes + FRAME_HEAD_MAX;
    bool masked = event[0] == '~';
    memcpy(payload, event + masked, len - masked);
    char *at = frame_before(payload, len - masked, FRAME_TEXT, masked);
    text_add(stream, at, (size_t)(payload + len - masked - at));
}

/* Several events may be written in one string. */
static void judge_stream(const struct judged *j, struct text *stream) {
    text_add(stream, GRANTED, sizeof GRANTED - 1);
    for (int i = 0; i < EVENTS_MAX && j->event[i]; i++) {
        const char *at = j->event[i], *next;
        for (; (next = strstr(at, "}{")) != NULL; at = next + 1)
            judge_frame(stream, at, (size_t)(next + 1 - at));
        judge_frame(stream, at, strlen(at));
    }
}

/* True if something is wrong with what the browser heard. */
static bool judge_heard(const struct judged *j, const struct text *stream) {
    static struct web w;
    struct text lines = {0}, out = {0};
    bool wrong = false;
    web_begin(&w, 1, false);
    w.re = 9;
    snprintf(w.name, sizeof w.name, "n1-");
    for (size_t at = 0, n; at < stream->len; at += n) {
        n = 1 + (size_t)random() % 40;
        n = n < stream->len - at ? n : stream->len - at;
        wrong |= !web_hear(&w, stream->at + at, n, &lines, &out);
    }
    wrong |= w.in.len > 0 || !w.open || !w.token[0];
    text_add(&lines, "", 1);
    if (j->lines && strcmp(lines.at, j->lines) != 0)
        wrong = true;
    free(lines.at);
    free(out.at);
    return wrong;
}

uint32_t judge_web(void) {
    uint32_t failures = 0;
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++) {
        struct text stream = {0};
        uint32_t n = 0;
        judge_stream(&judged[i], &stream);
        for (int round = 0; round < PORTIONS; round++)
            n += judge_heard(&judged[i], &stream);
        printf("browser: %-24s found in %u of %d\n", judged[i].name, n, PORTIONS);
        failures += n != (judged[i].lines ? 0 : PORTIONS);
        free(stream.at);
    }
    return failures;
}
