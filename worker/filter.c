/* filter.c - see filter.h. */
#include "worker/filter.h"

#include "worker/ignore.h"

#include <stdio.h>
#include <time.h>

enum { FILTER_PART = 3500 };

/* "[21:04] ": the local time a ledger entry was made. */
static void filter_time(struct edit *e, const struct entry *entry) {
    uint32_t age = segment_ticks(e->w->seg) - entry->time; /* 10 ms */
    time_t when = time(NULL) - (time_t)(age / 100);
    struct tm local;
    char out[64];
    localtime_r(&when, &local);
    int n = snprintf(out, sizeof out, "[%02d:%02d] ", local.tm_hour, local.tm_min);
    edit_bytes(e, out, (size_t)n);
}

bool filter_continue(struct worker *w, struct client *c) {
    const struct room *room = &w->seg->room;
    uint64_t count = room_count(room);
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    int ring = client_facts(c)->encoding;
    uint64_t pos = sent + c->bias;
    if (pos >= room_entry(room, count - 1)->end[ring])
        return false;
    struct edit e;
    edit_begin(&e, w, c);
    edit_settle_map(&e);
    uint64_t guard = atomic_load_explicit(&w->slot->guard, memory_order_relaxed);
    uint64_t index = room_find(room, ring, e.f->pos, guard, count);
    for (; index < count && e.f->box_len < FILTER_PART; index++) {
        const struct entry *entry = room_entry(room, index);
        uint32_t len = room_len(room, index, ring);
        e.f->pos += len;
        if (ignore_hides(w, c, e.f, entry) || len == 0)
            continue;
        if (e.f->flags & FACT_TIMESTAMPS)
            filter_time(&e, entry);
        edit_bytes(&e, room_text(room, ring, room_start(room, index, ring)), len);
    }
    return edit_commit(&e);
}
