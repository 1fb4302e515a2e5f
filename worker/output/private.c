/* private.c - see private.h. */
#include "worker/output/private.h"

#include "worker/protocol/event.h"
#include "worker/state/stamp.h"

#include <string.h>

/* The string behind `at`, in `text` of `len` bytes and a NUL.  NULL: there is none. */
static const char *private_next(const char *at, const char *text, size_t len) {
    const char *next = at + strlen(at) + 1;
    return next <= text + len ? next : NULL;
}

bool private_read(const struct room *room, uint64_t index, struct private_line *out) {
    uint32_t len;
    const uint8_t *side = room_side(room, index, &len);
    if (len < sizeof out->addressee)
        return false;
    memcpy(&out->addressee, side, sizeof out->addressee);
    len -= sizeof out->addressee;
    if (len > sizeof out->text - 1)
        len = sizeof out->text - 1;
    memcpy(out->text, side + sizeof out->addressee, len);
    out->text[len] = '\0';
    out->speaker = out->text;
    out->to = private_next(out->speaker, out->text, len);
    out->said = out->to ? private_next(out->to, out->text, len) : NULL;
    return out->said != NULL;
}

size_t private_event(const struct worker *w, uint64_t index, uint32_t time,
                     const struct private_line *line, uint8_t *out) {
    uint32_t id_at;
    struct event_clock clock = {0};
    struct stamp_now now = stamp_now(w->seg);
    struct event_line event = {.kind = EVENT_MSG,
                               .epoch = w->seg->room.shared->epoch,
                               .index = index,
                               .ms = stamp_ms(&now, time),
                               .who = line->speaker,
                               .to = line->to,
                               .text = line->said,
                               .text_len = strlen(line->said)};
    return event_line(&clock, &event, out, EVENT_LINE_MAX, &id_at);
}
