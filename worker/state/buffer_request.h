/* buffer_request.h - asking all workers for tx buffers when none is free.
 *
 * The request is a word in the segment's header that moves; each worker compares it with what it
 * saw last.  What a worker does about it is worker/output/reclaim.h's. */
#ifndef WORKER_STATE_BUFFER_REQUEST_H
#define WORKER_STATE_BUFFER_REQUEST_H

#include "worker/state/local.h"

/* Whether a request came since this worker last looked. */
static inline bool buffer_request_pending(const struct worker *w) {
    return atomic_load_explicit(&w->seg->header->buffers_wanted, memory_order_acquire) !=
           w->buffers_seen;
}

/* No buffer was free.  One request is enough until this worker has looked at it. */
static inline void buffer_request(struct worker *w) {
    struct segment_header *h = w->seg->header;
    if (buffer_request_pending(w))
        return;
    atomic_fetch_add(&h->buffers_wanted, 1);
    slots_ring(w->seg->slots, atomic_load(&h->slots_used), (int)w->index);
}

/* This worker has seen the request. */
static inline void buffer_request_seen(struct worker *w) {
    w->buffers_seen = atomic_load(&w->seg->header->buffers_wanted);
}

#endif
