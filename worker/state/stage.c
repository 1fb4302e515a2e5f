/* stage.c - see stage.h. */
#include "worker/state/stage.h"

#include "ipc/clock.h"
#include "ipc/unicode.h"
#include "worker/state/label.h"
#include "worker/text/charset.h"

#include <assert.h>
#include <string.h>

enum { STAGE_EVENT = 256 }; /* bytes of an event besides its names and text */

/* A batch is at most a quarter of the smallest ring, so that it fits once the guards have risen. */
void stage_init(struct stage *stage, const struct room *room, uint32_t slot, uint32_t clients) {
    for (int e = 0; e < RING_COUNT; e++) {
        uint64_t quarter = room->ring_size[e] / 4;
        stage->limit[e] = quarter < STAGE_BYTES ? (uint32_t)quarter : STAGE_BYTES;
    }
    stage->slot = (uint8_t)slot;
    stage->clients = clients;
    stage->epoch = room->shared->epoch;
    memset(&stage->clock, 0, sizeof stage->clock);
    stage->closed = false;
    stage_reset(stage);
}

bool stage_fits(const struct stage *stage, uint32_t bytes) {
    if (stage->count == STAGE_LINES || stage->closed)
        return false;
    for (int e = 0; e < RING_COUNT; e++) {
        uint32_t most = e == RING_JSON ? 2 * bytes + STAGE_EVENT : bytes;
        if (stage->used[e] > 0 && stage->used[e] + most > stage->limit[e])
            return false;
    }
    return true;
}

struct staged *stage_add(struct stage *stage, enum entry_kind kind, uint32_t client,
                         uint32_t generation, uint64_t consumed, uint32_t time) {
    assert(stage->count < STAGE_LINES);
    struct staged *s = &stage->line[stage->count++];
    memset(s, 0, sizeof *s);
    s->consumed = consumed;
    s->client = client;
    s->generation = generation;
    s->line.entry = (struct entry){.kind = (uint8_t)kind,
                                   .client = client,
                                   .generation = generation,
                                   .slot = stage->slot,
                                   .consumed = (uint32_t)consumed,
                                   .time = time};
    return s;
}

/* Where the line's next bytes in ring `e` go, and how many may. */
static uint8_t *stage_end(struct stage *stage, struct staged *s, int e, size_t *space) {
    uint8_t *at = stage->text[e] + stage->used[e];
    *space = STAGE_BYTES - stage->used[e];
    if (s->line.len[e] == 0)
        s->line.text[e] = at;
    return at;
}

static void stage_grow(struct stage *stage, struct staged *s, int e, size_t n) {
    s->line.len[e] += (uint32_t)n;
    stage->used[e] += (uint32_t)n;
}

/* Returns the bytes that the ring has got. */
static size_t stage_encode(struct stage *stage, struct staged *s, int e, const char *utf8,
                           size_t len) {
    size_t space;
    uint8_t *out = stage_end(stage, s, e, &space);
    size_t n = charset_encode((enum encoding)e, utf8, len, (char *)out, space);
    stage_grow(stage, s, e, n);
    return n;
}

void stage_text(struct stage *stage, struct staged *s, const char *utf8, uint32_t len) {
    for (int e = 0; e < ENC_RINGS; e++)
        stage_encode(stage, s, e, utf8, len);
}

/* What ring `e` has last got, `n` bytes, without a name that it cannot show. */
static void stage_number(struct stage *stage, struct staged *s, int e, size_t n,
                         enum language language, enum sentence which, const struct words *words) {
    char text[SENTENCE_MAX], name[LABEL_TEXT], renamed[LABEL_TEXT];
    uint64_t number = label_number(s->line.entry.client, s->line.entry.generation, stage->clients);
    struct words in = *words;
    in.name = label_shown((enum encoding)e, words->name, number, name);
    if (which == SAY_NICK)
        in.text = label_shown((enum encoding)e, words->text, number, renamed);
    if (in.name == words->name && in.text == words->text)
        return;
    s->line.len[e] -= (uint32_t)n;
    stage->used[e] -= (uint32_t)n;
    stage_encode(stage, s, e, text, sentence_render(language, which, &in, text, sizeof text));
}

/* Rendered again only for a ring in another language, and looked at twice only where something was
 * shown as `?`, which is no part of a double-byte character. */
void stage_sentence(struct stage *stage, struct staged *s, enum language language,
                    enum sentence which, const struct words *words) {
    char text[SENTENCE_MAX];
    enum language spoken = language;
    size_t len = sentence_render(language, which, words, text, sizeof text);
    bool ascii = unicode_ascii(text, len) == len;
    for (int e = 0; e < ENC_RINGS; e++) {
        if (!ascii && sentence_language(language, (enum encoding)e) != spoken) {
            spoken = sentence_language(language, (enum encoding)e);
            len = sentence_render(spoken, which, words, text, sizeof text);
        }
        size_t n = stage_encode(stage, s, e, text, len);
        if (!ascii && s->line.entry.client != NO_CLIENT &&
            memchr(stage->text[e] + stage->used[e] - n, '?', n))
            stage_number(stage, s, e, n, spoken, which, words);
    }
}

void stage_event(struct stage *stage, struct staged *s, const struct event_line *event) {
    stage_event_at(stage, s, event, (int64_t)clock_wall_ms());
}

void stage_event_at(struct stage *stage, struct staged *s, const struct event_line *event,
                    int64_t ms) {
    struct event_line line = *event;
    size_t space;
    uint8_t *out = stage_end(stage, s, RING_JSON, &space);
    line.epoch = stage->epoch;
    line.ms = ms;
    stage_grow(stage, s, RING_JSON, event_line(&stage->clock, &line, out, space, &s->line.id_at));
}

void stage_ping(struct stage *stage, struct staged *s) {
    size_t space;
    uint8_t *out = stage_end(stage, s, RING_JSON, &space);
    size_t n = space < EVENT_PING_LEN ? 0 : EVENT_PING_LEN;
    memcpy(out, event_ping, n);
    stage_grow(stage, s, RING_JSON, n);
}

void stage_side(struct stage *stage, struct staged *s, const void *bytes, uint32_t len) {
    size_t space;
    uint8_t *out = stage_end(stage, s, RING_SIDE, &space);
    size_t n = len < space ? len : space;
    memcpy(out, bytes, n);
    stage_grow(stage, s, RING_SIDE, n);
}

void stage_reset(struct stage *stage) {
    stage->count = stage->next = stage->answered = 0;
    memset(stage->used, 0, sizeof stage->used);
}
