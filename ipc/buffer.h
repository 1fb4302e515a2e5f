/* box.h - pools of fixed-size chunks for what cannot lie in a record or a ring.
 *
 * Two pools: rx_buffers (raw input and a half-typed line; one for each client there may be, so
 * input never fails for want of one) and tx_buffers (private replies, long half-typed lines, lists
 * of ignored names; fewer, so asking for one may fail and the asker waits).
 *
 * A box belongs to whom its owner word names, (birth << 32 | client); taking one is a CAS from 0,
 * giving it back a CAS to 0, so both may be tried again after a death.  A box is taken before the
 * record's facts refer to it and given back after they no longer do; what a death between leaves is
 * returned by the sweep of the next owner (worker/adopt.c).  Box numbers start at 1; 0 is
 * NO_BUFFER.
 */
#ifndef IPC_BOX_H
#define IPC_BOX_H

#include "ipc/client.h"

#include <stdatomic.h>
#include <stdint.h>

enum { RX_RAW = 1024, RX_SUB = 512, RX_LINE = 512, TX_DATA = 4096 };

/* Raw bytes are never moved: byte `p` of the input stream lies at raw[raw_off + p - handled].
 * Beyond `taken` the raw area is zero: where a peer's FIN makes the kernel count one byte too many,
 * that phantom byte is a NUL and never ends a line. */
struct rx_buffer {
    uint8_t raw[RX_RAW];
    uint8_t sub[RX_SUB];
    uint8_t line[RX_LINE];
};
struct tx_buffer {
    uint32_t next; /* NO_BUFFER ends the chain */
    uint32_t used; /* a long line's or a list's own business */
    uint8_t data[TX_DATA];
};

struct buffer_pool {
    _Atomic uint64_t *owner; /* [count + 1]; 0: free */
    uint8_t *data;
    uint32_t size; /* bytes of a box */
    uint32_t count;
    uint32_t hint; /* this process's guess where a free one is; not shared */
};

static inline uint64_t buffer_tag(uint32_t client, uint32_t generation) {
    return (uint64_t)generation << 32 | client;
}

/* NO_BUFFER if all are taken.  buffer_take_low: of the first half of the pool only, for what is
 * kept long.
 */
uint32_t buffer_take(struct buffer_pool *pool, uint64_t tag);
uint32_t buffer_take_low(struct buffer_pool *pool, uint64_t tag);
/* Nothing happens if the box is not (or no longer) the tag's. */
void buffer_give(struct buffer_pool *pool, uint32_t box, uint64_t tag);
static inline void *buffer_at(const struct buffer_pool *pool, uint32_t box) {
    return pool->data + (uint64_t)(box - 1) * pool->size;
}
/* Whether `box` is a number this pool has and belongs to `tag`: what a chain is checked by. */
bool buffer_owned(const struct buffer_pool *pool, uint32_t box, uint64_t tag);

uint32_t buffer_used(const struct buffer_pool *pool);

#endif
