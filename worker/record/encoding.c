/* encoding.c - see encoding.h. */
#include "worker/record/encoding.h"

#include "worker/protocol/telnet.h"
#include "worker/text/charset.h"

void encoding_switch(struct change *ch, enum encoding to) {
    const struct room *room = &ch->w->seg->room;
    struct facts *f = ch->f;
    enum encoding ring = to < ENC_RINGS ? to : ENC_UTF8;
    change_settle_map(ch);
    if (f->flags & FACT_IN_ROOM) { /* the same line in the other ring */
        uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
        uint64_t at = room_find(room, f->ring, f->pos, guard, room_count(room));
        f->pos = room_start(room, at, (int)ring);
    }
    f->ring = (uint8_t)ring;
    f->wire = (uint8_t)to;
    f->flags &= ~(uint32_t)(FACT_CONVERTED | FACT_READ_UTF8);
    if (to != ring)
        f->flags |= FACT_CONVERTED;
    telnet_letter((struct telnet *)f->telnet, charset_has_255(to));
}
