/* gather.c - see gather.h. */
#include "worker/transcript/gather.h"

#include "ipc/clock.h"
#include "ipc/unicode.h"
#include "worker/state/stamp.h"
#include "worker/text/sentence.h"

#include <stdio.h>
#include <string.h>

enum {
    GATHER_STEP_MS = 50, /* a wall clock that differs by more was set */
    GATHER_NEED = TRANSCRIPT_HEAD + GATHER_LINE(SENTENCE_MAX)
};
_Static_assert((int)GATHER_NEED * 2 < (int)GATHER_BYTES, "a line fits behind one on those missed");

enum transcript_kind gather_kind(const struct entry *entry) {
    switch ((enum entry_kind)entry->kind) {
    case ENTRY_SPEECH: return entry->flags & ENTRY_ACTION ? TRANSCRIPT_ME : TRANSCRIPT_SAY;
    case ENTRY_JOIN: return TRANSCRIPT_JOIN;
    case ENTRY_LEAVE: return TRANSCRIPT_LEAVE;
    case ENTRY_NICK: return TRANSCRIPT_NICK;
    case ENTRY_KICK: return TRANSCRIPT_KICK;
    case ENTRY_SYSTEM:
    case ENTRY_NODE: return TRANSCRIPT_SYS;
    default: return TRANSCRIPT_NONE;
    }
}

int64_t gather_time(const struct segment *seg, struct gather_clock *clock, uint32_t ticks) {
    int64_t since = (int64_t)(clock_boot_ms() - seg->header->epoch_boot_ms);
    int64_t epoch = (int64_t)clock_wall_ms() - since;
    if (epoch > clock->epoch_ms + GATHER_STEP_MS || epoch < clock->epoch_ms - GATHER_STEP_MS)
        clock->epoch_ms = epoch;
    /* An entry's time is modulo 2^32; one a moment ahead of `since` has a negative age. */
    int32_t wrapped = (int32_t)((uint32_t)(since / 10) - ticks);
    int64_t age = wrapped < -100 ? (int64_t)(uint32_t)wrapped : wrapped;
    return clock->epoch_ms + (since / 10 - age) * 10;
}

static bool gather_shows(int32_t cp) {
    return cp >= 0x20 && !(cp >= 0x7F && cp < 0xA0) && cp != 0x2028 && cp != 0x2029;
}

size_t gather_escape(char *out, const char *text, size_t len) {
    size_t at = 0, n;
    for (size_t i = 0; i < len; i += n) {
        if (gather_shows(unicode_decode(text + i, len - i, &n))) {
            memcpy(out + at, text + i, n);
            at += n;
            continue;
        }
        for (size_t k = 0; k < n; k++)
            at += (size_t)sprintf(out + at, "\\x%02x", (unsigned char)text[i + k]);
    }
    out[at] = '\n';
    return at + 1;
}

static void gather_put(struct gathered *g, int64_t ms, enum transcript_kind kind, const char *text,
                       size_t len) {
    if (len >= 2 && memcmp(text + len - 2, "\r\n", 2) == 0)
        len -= 2;
    g->len += transcript_write_head(g->text + g->len, ms, kind);
    g->len += gather_escape(g->text + g->len, text, len);
    g->count++;
}

/* False: the entry is torn, for it is being overwritten. */
static bool gather_entry(const struct segment *seg, struct gather_clock *clock, struct gathered *g,
                         const struct entry *entry, uint64_t start) {
    char text[SENTENCE_MAX];
    uint64_t len = entry->end[ENC_UTF8] - start;
    enum transcript_kind kind = gather_kind(entry);
    if (len > sizeof text)
        return false;
    memcpy(text, room_text(&seg->room, ENC_UTF8, start), len);
    /* A line that came late begins with its time, as the row in the file does. */
    size_t late = entry->flags & ENTRY_STAMPED ? stamp_len(text, len) : 0;
    /* Of history this machine's own file has what was said while it was there. */
    if (kind != TRANSCRIPT_NONE && len > late && !(entry->flags & ENTRY_EARLIER))
        gather_put(g, gather_time(seg, clock, entry->time), kind, text + late, len - late);
    return true;
}

/* False: some of it was overwritten meanwhile. */
static bool gather_from(const struct segment *seg, struct gather_clock *clock, uint64_t index,
                        struct gathered *g) {
    const struct room *room = &seg->room;
    uint64_t count = room_count(room);
    struct entry before = *room_entry(room, index - 1);
    uint64_t start = before.end[ENC_UTF8];
    size_t most = g->most > 0 ? g->most : sizeof g->text - GATHER_NEED;
    for (g->index = index; g->index < count && g->len < most; g->index++) {
        struct entry entry = *room_entry(room, g->index);
        if (!gather_entry(seg, clock, g, &entry, before.end[ENC_UTF8]))
            return false;
        before = entry;
    }
    g->lines = before.lines;
    return room_unchanged(room, index, ENC_UTF8, start);
}

/* An entry whose text will be there for a while, and entry.lines of the one before. */
static uint64_t gather_skip(const struct room *room, uint32_t *lines) {
    for (;;) {
        uint64_t count = room_count(room), half = room->ledger_len / 2;
        uint64_t index = room_guard_for(room, count, count > half ? count - half : 1);
        const struct entry before = *room_entry(room, index - 1);
        *lines = before.lines;
        if (room_unchanged(room, index, ENC_UTF8, before.end[ENC_UTF8]))
            return index;
    }
}

static void gather_missed(const struct segment *seg, struct gather_clock *clock,
                          struct gathered *g) {
    char text[128];
    struct config config;
    struct words words = {.n = g->missed};
    segment_read_config(seg, &config);
    size_t len =
        sentence_render((enum language)config.language, SAY_SKIPPED, &words, text, sizeof text);
    gather_put(g, gather_time(seg, clock, segment_ticks(seg)), TRANSCRIPT_SYS, text, len);
    g->count = 0; /* it is none of the room's lines */
}

void gather(const struct segment *seg, struct gather_clock *clock, uint64_t index, uint32_t lines,
            struct gathered *out) {
    uint32_t skipped_to = lines;
    for (;;) {
        out->len = out->count = 0;
        out->missed = skipped_to - lines;
        if (out->missed > 0)
            gather_missed(seg, clock, out);
        if (gather_from(seg, clock, index, out))
            return;
        index = gather_skip(&seg->room, &skipped_to);
    }
}
