/* buffer.h - pools of fixed-size buffers for what fits neither a record nor a ring.
 *
 * Three pools, whose buffers come in steps (growth.h).  rx: raw input, a telnet subnegotiation and
 * a half-typed line; one for each client that may be connected, so that reading never fails for
 * want of one.  tx: private replies, long half-typed lines; fewer, so that taking one may fail and
 * the caller waits.  ignore_more: the rows of long lists of ignored people (ignore_list.h).
 *
 * A buffer belongs to the client whose tag, (generation << 32 | client), is its owner word.  Taking
 * one is a CAS from 0, giving it back a CAS to 0, so either may be repeated after a death.  A
 * buffer is taken before a record's facts refer to it and given back after they no longer do.  What
 * a death leaves in between is freed by the successor's sweep (worker/ledger/adopt.c).  Buffer
 * numbers start at 1; 0 is NO_BUFFER.  Any process; no locks. */
#ifndef IPC_BUFFER_H
#define IPC_BUFFER_H

#include "ipc/client.h"
#include "ipc/growth.h"

#include <stdatomic.h>
#include <stdint.h>

enum { RX_RAW = 1024, RX_SUB = 512, RX_LINE = 512, TX_DATA = 4096 };

/* Raw bytes are never moved: byte `p` of the input stream is raw[raw_off + p - consumed].  Beyond
 * `received` the raw area is zero: where a peer's FIN makes the kernel count one byte too many,
 * that phantom byte is a NUL and never ends a line. */
struct rx_buffer {
    uint8_t raw[RX_RAW];
    uint8_t sub[RX_SUB];
    uint8_t line[RX_LINE];
};
struct tx_buffer {
    uint32_t next; /* number of the next in the chain; NO_BUFFER ends it */
    uint32_t pad;
    uint8_t data[TX_DATA];
};

enum { BUFFER_RECENT = 4 };

/* A process's view of one pool. */
struct buffer_pool {
    _Atomic uint64_t *owner; /* [count + 1]; 0: free */
    uint8_t *data;
    uint32_t size;                 /* bytes of a buffer */
    uint32_t count;                /* when all are reserved */
    struct growth growth;          /* of them, */
    const _Atomic uint32_t *steps; /* by the header's count */
    uint32_t hint; /* where this process looks first for a free one: below it all were taken when
                      it last looked; not shared */
    uint32_t recent[BUFFER_RECENT]; /* given back last by this process, perhaps taken since: looked
                                       at first, their bytes are in its caches; not shared */
};

static inline uint64_t buffer_tag(uint32_t client, uint32_t generation) {
    return (uint64_t)generation << 32 | client;
}

/* How many of them there are by now: those up to this number have memory (growth.h). */
static inline uint32_t buffer_count(const struct buffer_pool *pool) {
    return growth_at(&pool->growth, atomic_load_explicit(pool->steps, memory_order_acquire));
}

/* Returns NO_BUFFER if all are taken. */
uint32_t buffer_take(struct buffer_pool *pool, uint64_t tag);
/* The same from the first `limit` buffers only: what is behind them is kept for more urgent uses.
 */
uint32_t buffer_take_below(struct buffer_pool *pool, uint64_t tag, uint32_t limit);
/* Whether less than half of the pool is taken, as far as this process has seen: for a taker that
 * may do with fewer. */
static inline bool buffer_plenty(const struct buffer_pool *pool) {
    return pool->hint < buffer_count(pool) / 2;
}
/* Does nothing if the buffer is not, or no longer, the tag's. */
void buffer_give(struct buffer_pool *pool, uint32_t buffer, uint64_t tag);
static inline void *buffer_at(const struct buffer_pool *pool, uint32_t buffer) {
    return pool->data + (uint64_t)(buffer - 1) * pool->size;
}
/* Whether `buffer` is a number of this pool and belongs to `tag`: the check before each step along
 * a chain, so that a damaged chain costs its client alone. */
bool buffer_owned(const struct buffer_pool *pool, uint32_t buffer, uint64_t tag);

/* How many are taken: walks the pool, for tests and statistics. */
uint32_t buffer_used(const struct buffer_pool *pool);

#endif
