/* encoding.c - see encoding.h. */
#include "worker/record/encoding.h"

void encoding_switch(struct change *ch, enum encoding to) {
    const struct room *room = &ch->w->seg->room;
    struct facts *f = ch->f;
    change_settle_map(ch);
    if (f->flags & FACT_IN_ROOM) { /* the same line in the other ring */
        uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
        uint64_t at = room_find(room, f->encoding, f->pos, guard, room_count(room));
        f->pos = room_start(room, at, (int)to);
    }
    f->encoding = (uint8_t)to;
}
