/* history.c - see history.h. */
#include "worker/output/history.h"

#include "worker/output/ignore.h"

/* The first entry from which no more than `lines` lines lead up to `before`.  The entries that the
 * slot's guard covers can be shown. */
static uint64_t history_first(const struct worker *w, uint64_t before, uint32_t lines) {
    const struct room *room = &w->seg->room;
    uint64_t lo = atomic_load_explicit(&w->slot->guard, memory_order_relaxed), hi = before;
    uint32_t last = room_entry(room, before - 1)->lines;
    while (lo < hi) {
        uint64_t middle = lo + (hi - lo) / 2;
        if (last - room_entry(room, middle - 1)->lines <= lines)
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo;
}

/* A bare line of an open room may look like anything.  In a room that asks for names by now, what
 * is shown begins behind the last of them. */
static uint64_t history_named(const struct worker *w, uint64_t first, uint64_t before) {
    uint64_t at = w->config.login ? before : first;
    while (at > first && !(room_entry(&w->seg->room, at - 1)->flags & ENTRY_BARE))
        at--;
    return at;
}

/* How many lines from `first` up to `before` the client will see. */
static uint32_t history_lines(struct change *ch, uint64_t first, uint64_t before) {
    const struct room *room = &ch->w->seg->room;
    uint32_t lines = room_entry(room, before - 1)->lines - room_entry(room, first - 1)->lines;
    for (uint64_t i = first; i < before && (ch->f->flags & FACT_IGNORES); i++)
        lines -= ignore_hides(ch->w, ch->c, ch->f, room_entry(room, i));
    return lines;
}

void history_show(struct change *ch, uint64_t before, uint32_t lines) {
    const struct room *room = &ch->w->seg->room;
    uint64_t first = history_named(ch->w, history_first(ch->w, before, lines), before);
    uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
    change_settle_map(ch);
    bool behind = (client_facts(ch->c)->flags & FACT_IN_ROOM) &&
                  ch->f->pos < room_start(room, first, ch->f->encoding);
    if (behind) /* lines that it has not been sent are not skipped */
        first = room_find(room, ch->f->encoding, ch->f->pos, guard, before);
    struct words words = {.n = history_lines(ch, first, before)};
    if (words.n > 0)
        change_sentence(ch, SAY_EARLIER, &words);
    if (!behind)
        ch->f->pos = room_start(room, first, ch->f->encoding);
    ch->answered += (uint32_t)(room_start(room, before, ch->f->encoding) - ch->f->pos);
}
