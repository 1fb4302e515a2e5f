/* filter.c - see filter.h. */
#include "worker/output/filter.h"

#include "worker/output/ignore.h"
#include "worker/record/change.h"

#include <stdio.h>
#include <time.h>

enum { FILTER_PART = 3500 }; /* bytes */

/* "[21:04] ": the local time at which a ledger entry was made. */
static void filter_time(struct change *ch, const struct entry *entry) {
    uint32_t age = segment_ticks(ch->w->seg) - entry->time; /* 10 ms */
    time_t when = time(NULL) - (time_t)(age / 100);
    struct tm local;
    char out[64];
    localtime_r(&when, &local);
    int n = snprintf(out, sizeof out, "[%02d:%02d] ", local.tm_hour, local.tm_min);
    change_bytes(ch, out, (size_t)n);
}

bool filter_continue(struct worker *w, struct client *c) {
    const struct room *room = &w->seg->room;
    uint64_t count = room_count(room);
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    int ring = client_facts(c)->encoding;
    if (sent + c->bias >= room_entry(room, count - 1)->end[ring])
        return false;
    struct change ch;
    change_begin(&ch, w, c);
    change_settle_map(&ch);
    uint64_t guard = atomic_load_explicit(&w->slot->guard, memory_order_relaxed);
    uint64_t index = room_find(room, ring, ch.f->pos, guard, count);
    for (; index < count && ch.f->tx_len < FILTER_PART; index++) {
        const struct entry *entry = room_entry(room, index);
        uint32_t len = room_len(room, index, ring);
        ch.f->pos += len;
        if (ignore_hides(w, c, ch.f, entry) || len == 0)
            continue;
        if (ch.f->flags & FACT_TIMESTAMPS)
            filter_time(&ch, entry);
        change_bytes(&ch, room_text(room, ring, room_start(room, index, ring)), len);
    }
    return change_commit(&ch);
}
