/* place.c - see place.h. */
#include "worker/relay/place.h"

#include "ipc/fault.h"

void place_flip(struct relay_process *p) {
    uint32_t turn = atomic_load_explicit(&p->shared->turn, memory_order_relaxed);
    FAULT("relay.place.before");
    p->shared->place[(turn + 1) & 1] = p->place;
    FAULT("relay.place.filled");
    atomic_store_explicit(&p->shared->turn, turn + 1, memory_order_release);
    FAULT("relay.place.after");
    p->unsaved = false;
}

void place_commit(struct relay_process *p) {
    struct slot *slot = p->w.slot;
    place_flip(p);
    if (atomic_load_explicit(&slot->cursor, memory_order_relaxed) == p->place.index)
        return;
    atomic_store_explicit(&slot->guard, p->place.index, memory_order_release);
    FAULT("relay.place.guard");
    atomic_store_explicit(&slot->cursor, p->place.index, memory_order_release);
    FAULT("relay.place.cursor");
    room_progress(&p->w.seg->room);
}
