/* lock.c - see lock.h. */
#include "worker/state/lock.h"

/* The gate was waited for in vain: its owner may be dead. */
static void lock_suspect(void *arg, uint64_t owner) {
    struct worker *w = arg;
    if (slot_dead(w->seg->slots, owner))
        gate_repair(w->seg->gate, owner);
}

/* In the relay's descriptor table the numbers of pidfds are other files, so it cannot tell a dead
 * owner: workers and the master do. */
void worker_lock(struct worker *w) {
    struct gate_watch watch = {w->index == RELAY_SLOT ? NULL : lock_suspect, w};
    atomic_store_explicit(&w->slot->at_gate, 1, memory_order_relaxed);
    gate_lock(w->seg->gate, w->me, &watch);
    atomic_store_explicit(&w->slot->at_gate, 0, memory_order_relaxed);
}

void worker_unlock(struct worker *w) {
    gate_unlock(w->seg->gate, w->me);
}
