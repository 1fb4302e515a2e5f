/* growth.h - tables of the segment whose memory is reserved in steps.
 *
 * Memory follows people: each step reserves what GROWTH_CLIENTS more descriptors need (their
 * records and what lies beside them, and a share of buffers), before the first of them is used
 * (segment_grow).  One word of the header counts the steps; it only rises, by a release store, and
 * how much of each table is reserved follows from it.  What is reserved stays reserved.
 *
 * Records of people of other machines are counted apart, by a word of their own, in steps of as
 * many (segment_grow_remote): a server without a relay reserves none. */
#ifndef IPC_GROWTH_H
#define IPC_GROWTH_H

#include <stdatomic.h>
#include <stdint.h>

#ifdef CHATROOM_FAULTS
enum { GROWTH_CLIENTS = 4 }; /* so that a small crowd needs many steps */
#else
enum { GROWTH_CLIENTS = 256 };
#endif

/* The pools of tx and ignore_more buffers: so many, and another for each so many clients. */
enum {
    TX_BUFFERS_MIN = 256,
    TX_CLIENTS = 8,
    IGNORE_MORE_MIN = 64,
    IGNORE_MORE_CLIENTS = 16,
};

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
