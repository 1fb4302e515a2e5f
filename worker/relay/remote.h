/* remote.h - the rows of people of other machines (ipc/client.h: remote records), looked up by
 * name.
 *
 * The relay alone claims and frees them.  A row's life: remote_claim makes its record LIVE when the
 * entry of its coming is staged; the application of that entry gives it its name and lets it into
 * the room; when its leave is staged it is forgotten, and so not found any more; the leave's
 * application frees it.  What is kept here follows from the records (remote_adopt), which are the
 * truth: a record that is LIVE and not in the room, once all that is committed is applied, is of a
 * coming that was never committed. */
#ifndef WORKER_RELAY_REMOTE_H
#define WORKER_RELAY_REMOTE_H

#include "worker/relay/state.h"

#include <stdbool.h>
#include <stdint.h>

bool remote_make(struct relay_process *p); /* false: no memory */

/* A successor's beginning: what its predecessor left. */
void remote_adopt(struct relay_process *p);
/* After the entries that it left are applied: frees rows whose coming was not committed. */
void remote_sweep(struct relay_process *p);

/* NO_ROW: there is none. */
uint32_t remote_find(const struct relay_process *p, uint64_t key);

/* A row for a person of machine `node` that is about to come.  NO_ROW: all are in use, or there is
 * no shared memory. */
uint32_t remote_claim(struct relay_process *p, uint32_t node, uint64_t key, bool bot);

/* It is found by that key alone; from its machine on it counts there. */
void remote_know(struct relay_process *p, uint32_t row, uint32_t node, uint64_t key);
void remote_forget(struct relay_process *p, uint32_t row);
void remote_free(struct relay_process *p, uint32_t row);

/* Index in place.node of the machine that the name (NAME@NODE) is of; RELAY_NODES: none. */
uint32_t remote_node(const struct relay_process *p, const char *name);

static inline uint32_t remote_client(const struct relay_process *p, uint32_t row) {
    return row == NO_ROW ? NO_CLIENT : p->w.seg->clients.len + row;
}
static inline uint32_t remote_generation(const struct relay_process *p, uint32_t row) {
    return row == NO_ROW ? 0 : client_generation(client_word(relay_record(p, row)));
}
/* Rows that were ever used. */
static inline uint32_t remote_high(const struct relay_process *p) {
    return atomic_load_explicit(&p->w.seg->header->remote_high, memory_order_relaxed);
}

#endif
