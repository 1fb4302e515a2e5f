/* growth.h - tables of the segment whose memory is reserved in steps.
 *
 * Memory follows people: each step reserves what GROWTH_CLIENTS more descriptors need (their
 * records and what lies beside them, and a share of buffers), before the first of them is used
 * (segment_grow).  One word of the header counts the steps; it only rises, by a release store, and
 * how much of each table is reserved follows from it.  What is reserved stays reserved. */
#ifndef IPC_GROWTH_H
#define IPC_GROWTH_H

#include <stdatomic.h>
#include <stdint.h>

#ifdef CHATROOM_FAULTS
enum { GROWTH_CLIENTS = 4 }; /* so that a small crowd needs many steps */
#else
enum { GROWTH_CLIENTS = 256 };
#endif

/* Elements of one table: `first` with the first step, one for each `clients` descriptors, and never
 * more than `most`. */
struct growth {
    uint32_t first, clients, most;
};

static inline uint32_t growth_at(const struct growth *growth, uint32_t steps) {
    uint64_t n = growth->first + (uint64_t)steps * GROWTH_CLIENTS / growth->clients;
    if (steps == 0)
        return 0;
    return n < growth->most ? (uint32_t)n : growth->most;
}

#endif
