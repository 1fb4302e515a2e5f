/* breadcrumb.h - what the watchdog and a successor can see of this worker's work: that it moves,
 * and on which client it is (slot.h, struct breadcrumb).  Plain stores on the slot's own cache
 * lines. */
#ifndef WORKER_STATE_BREADCRUMB_H
#define WORKER_STATE_BREADCRUMB_H

#include "worker/state/local.h"

/* Before each piece of work that is bounded.  Work without end on one client moves it no more. */
static inline void worker_beat(struct worker *w) {
    uint64_t beat = atomic_load_explicit(&w->slot->heartbeat, memory_order_relaxed);
    atomic_store_explicit(&w->slot->heartbeat, beat + 1, memory_order_relaxed);
}

/* Before the client's data are touched. */
static inline void breadcrumb_set(struct worker *w, enum breadcrumb_phase phase,
                                  const struct client *c, uint64_t position) {
    struct breadcrumb *b = &w->slot->breadcrumb;
    uint64_t tag = client_tag(w, c);
    atomic_store_explicit(&b->client, (uint32_t)tag, memory_order_relaxed);
    atomic_store_explicit(&b->generation, (uint32_t)(tag >> 32), memory_order_relaxed);
    atomic_store_explicit(&b->position, position, memory_order_relaxed);
    atomic_store_explicit(&b->phase, phase, memory_order_release);
}
static inline void breadcrumb_clear(struct worker *w) {
    atomic_store_explicit(&w->slot->breadcrumb.phase, BREADCRUMB_NONE, memory_order_release);
}

#endif
