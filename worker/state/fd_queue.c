/* fd_queue.c - see fd_queue.h. */
#include "worker/state/fd_queue.h"

#include <assert.h>
#include <stdlib.h>

bool fd_queue_make(struct fd_queue *q, uint32_t capacity) {
    q->at = calloc(capacity, sizeof *q->at);
    q->in = calloc(capacity, sizeof *q->in);
    q->head = q->count = 0;
    q->capacity = capacity;
    return q->at && q->in;
}

void fd_queue_push(struct fd_queue *q, uint32_t fd) {
    assert(fd < q->capacity);
    if (q->in[fd])
        return;
    q->in[fd] = 1;
    uint64_t end = (uint64_t)q->head + q->count++;
    q->at[end < q->capacity ? end : end - q->capacity] = fd;
}

uint32_t fd_queue_first(const struct fd_queue *q) {
    assert(q->count > 0);
    return q->at[q->head];
}

uint32_t fd_queue_pop(struct fd_queue *q) {
    uint32_t fd = fd_queue_first(q);
    q->in[fd] = 0;
    /* An empty queue starts over, so that it touches few pages. */
    q->head = --q->count == 0 || q->head + 1 == q->capacity ? 0 : q->head + 1;
    return fd;
}
