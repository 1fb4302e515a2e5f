/* fd_queue.h - a queue of descriptors without duplicates, in one process's own memory.
 *
 * Each descriptor is in the queue at most once and there is a place for every descriptor, so a push
 * never fails and never overflows, also while the queue is being worked through.  To work through
 * it once, pop as many as it had at the beginning; what is pushed meanwhile waits for the next
 * time.
 *
 *     for (uint32_t todo = q->count; todo > 0; todo--) { fd = fd_queue_pop(q); ... }
 */
#ifndef WORKER_STATE_FD_QUEUE_H
#define WORKER_STATE_FD_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct fd_queue {
    uint32_t *at; /* [capacity], used as a circle from `head` on */
    uint8_t *in;  /* [capacity]: 1 if that descriptor is queued */
    uint32_t head, count, capacity;
};

/* For descriptors below `capacity`; the memory is zeroed pages, untouched until it is used.  False:
 * out of memory. */
bool fd_queue_make(struct fd_queue *q, uint32_t capacity);

/* At the end; no effect if `fd` is queued. */
void fd_queue_push(struct fd_queue *q, uint32_t fd);

/* The first, taken off; the queue is not empty. */
uint32_t fd_queue_pop(struct fd_queue *q);

/* The first, still queued: a push of it has no effect until fd_queue_pop. */
uint32_t fd_queue_first(const struct fd_queue *q);

#endif
