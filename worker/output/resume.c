/* resume.c - see resume.h. */
#include "worker/output/resume.h"

#include "worker/output/ignore.h"
#include "worker/output/private.h"
#include "worker/protocol/event.h"

/* How many of the room's lines lie in entries [from, guard).  Entry from - 1 may be overwritten:
 * then there are as many as entries, or fewer. */
static uint32_t resume_lost(const struct room *room, uint64_t from, uint64_t guard) {
    uint32_t before = room_entry(room, from - 1)->lines;
    uint64_t end = room_end(room, room_count(room) - 1, RING_JSON);
    if (room_unchanged(room, from, RING_JSON, end))
        return room_entry(room, guard - 1)->lines - before;
    return (uint32_t)(guard - from);
}

void resume_room(struct change *ch, uint64_t from) {
    const struct room *room = &ch->w->seg->room;
    uint64_t count = room_count(room);
    uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
    change_settle_map(ch);
    if (from > count)
        from = count;
    if (from < guard) {
        ch->f->lines_lost += resume_lost(room, from > 0 ? from : 1, guard);
        from = guard;
    }
    ch->f->pos = room_start(room, from, ch->f->ring);
}

/* ---- private lines ---- */

static bool resume_is(const struct change *ch, uint32_t client, uint32_t generation) {
    return buffer_tag(client, generation) == ch->tag;
}

/* The event of entry `index`, if it is a private line of or to the client.  0: it is not, or is
 * overwritten. */
static size_t resume_event(struct change *ch, uint64_t index, uint8_t *out) {
    const struct room *room = &ch->w->seg->room;
    struct entry entry = *room_entry(room, index);
    struct private_line line;
    if (entry.kind != ENTRY_PRIVATE)
        return 0;
    uint64_t start = room_start(room, index, RING_SIDE);
    bool read = private_read(room, index, &line);
    if (!room_unchanged(room, index, RING_SIDE, start) || !read)
        return 0;
    bool own = resume_is(ch, entry.client, entry.generation);
    if (!own && (!resume_is(ch, line.addressee.client, line.addressee.generation) ||
                 ignore_has(ch->w, ch->c, ch->f, buffer_tag(entry.client, entry.generation))))
        return 0;
    return private_event(ch->w, index, entry.time, &line, out);
}

void resume_private(struct change *ch, uint64_t from, uint64_t upto) {
    const struct room *room = &ch->w->seg->room;
    uint64_t high = atomic_load_explicit(&room->shared->ledger_high, memory_order_relaxed);
    uint8_t out[EVENT_LINE_MAX];
    uint64_t bytes = 0;
    if (high > room->ledger_len && from < high - room->ledger_len + 1)
        from = high - room->ledger_len + 1;
    for (uint64_t index = from; index < upto; index++)
        bytes += resume_event(ch, index, out);
    for (uint64_t index = from; index < upto; index++) {
        size_t n = resume_event(ch, index, out);
        if (n > 0 && bytes > RESUME_PRIVATE)
            ch->f->lines_lost++;
        else
            change_frames(ch, out, n);
        bytes -= n < bytes ? n : bytes;
    }
}
