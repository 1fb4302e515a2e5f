/* fuzz_json.c - reads any bytes as a browser's message, and asserts:
 *
 *   - the outcome and what is kept do not depend on how the bytes are split;
 *   - nor on what a reader had read, and not committed, when it died;
 *   - what is kept lies within its limits, and has whole characters if the message has;
 *   - what was said, sent to others as an event, is read as the same again.
 *
 * The first two bytes say how the others are split. */
#include "ipc/unicode.h"
#include "worker/protocol/event.h"
#include "worker/protocol/json.h"

#include <string.h>

enum { TEXT_MAX = 100 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

struct reader {
    struct json j;
    enum json_result result;
    uint32_t len;
    struct json_kept kept;
    uint8_t text[TEXT_MAX];
};

static void read_all(struct reader *r, const uint8_t *in, size_t n, uint8_t part, uint8_t ahead) {
    memset(r, 0, sizeof *r);
    for (size_t at = 0; at < n;) {
        size_t now = part == 0 || part > n - at ? n - at : part;
        size_t lost = ahead > n - at ? n - at : ahead;
        struct json j = r->j;
        struct json_into into = {&r->kept, r->text, r->len, TEXT_MAX};
        json_read(&j, &into, in + at, lost);
        into.text_len = r->len;
        json_read(&r->j, &into, in + at, now);
        r->len = into.text_len;
        at += now;
    }
    r->result = json_end(&r->j);
}

/* Nothing that was read ahead and forgotten may show. */
static void same(const struct reader *a, const struct reader *b) {
    MUST(memcmp(&a->j, &b->j, sizeof a->j) == 0 && a->result == b->result);
    MUST(a->len == b->len && memcmp(a->text, b->text, a->len) == 0);
    for (int key = JSON_NAME; key < JSON_KEYS; key++)
        if (json_given(&a->j, (enum json_key)key))
            MUST(strcmp(json_string(&a->j, &a->kept, (enum json_key)key),
                        json_string(&b->j, &b->kept, (enum json_key)key)) == 0);
}

static void check(const struct reader *r, bool utf8) {
    MUST(r->len <= TEXT_MAX && r->j.depth <= 2);
    MUST((r->result == JSON_BAD) == (r->j.wrong != JSON_WELL));
    MUST((r->j.given & ~r->j.seen) == 0 && r->j.seen < 1 << JSON_KEYS);
    MUST(json_what(&r->j) <= JSON_DO_UNKNOWN);
    for (int key = JSON_NAME; key < JSON_KEYS; key++) {
        const char *s = json_string(&r->j, &r->kept, (enum json_key)key);
        MUST(!s ||
             (strlen(s) == r->j.kept[key - JSON_NAME] && (!utf8 || unicode_valid(s, strlen(s)))));
    }
}

/* An event's "text" and "to" are keys that the reader knows, too. */
static void again(const struct reader *r) {
    static uint8_t frame[EVENT_LINE_MAX];
    static struct reader back;
    struct event_clock clock = {0};
    uint32_t at;
    struct event_line line = {.kind = EVENT_MSG,
                              .to = json_string(&r->j, &r->kept, JSON_TO),
                              .text = (const char *)r->text,
                              .text_len = r->len};
    size_t n = event_line(&clock, &line, frame, sizeof frame, &at), head = frame[1] == 126 ? 4 : 2;
    MUST(n > head && at < n);
    read_all(&back, frame + head, n - head, 0, 0);
    MUST(back.result == JSON_OBJECT && !back.j.too_long);
    MUST(back.len == r->len && memcmp(back.text, r->text, r->len) == 0);
    MUST(!line.to == !json_given(&back.j, JSON_TO));
    MUST(!line.to || strcmp(line.to, json_string(&back.j, &back.kept, JSON_TO)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct reader whole, split;
    if (size < 2)
        return 0;
    bool utf8 = unicode_valid((const char *)data + 2, size - 2);
    read_all(&whole, data + 2, size - 2, 0, 0);
    check(&whole, utf8);
    read_all(&split, data + 2, size - 2, data[0], data[1]);
    check(&split, utf8);
    same(&whole, &split);
    if (utf8 && whole.result != JSON_BAD && !whole.j.too_long)
        again(&whole);
    return 0;
}
