/* chain.h - a client's replies: tx buffers linked into a chain, the first of which its facts name.
 *
 * Every step along a chain is checked with buffer_owned, so that a damaged chain costs its client
 * alone. By the client's owner only. */
#ifndef WORKER_RECORD_CHAIN_H
#define WORKER_RECORD_CHAIN_H

#include "ipc/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/* The last buffer of the chain, which holds byte tx_len - 1; NO_BUFFER if the chain is damaged. The
 * chain is not empty. */
uint32_t chain_tail(const struct buffer_pool *pool, const struct facts *f, uint64_t tag);

/* The bytes of the chain from stream position `sent` on, as at most `max` spans.  Returns how many,
 * with *complete saying whether these are all; -1 if the chain is damaged. */
int chain_spans(const struct buffer_pool *pool, const struct facts *f, uint64_t tag, uint64_t sent,
                struct iovec *span, int max, bool *complete);

/* Whether `buffer` is in the chain. */
bool chain_has(const struct buffer_pool *pool, const struct facts *f, uint64_t tag,
               uint32_t buffer);

/* Gives back the buffers that hold `len` bytes from `head` on; stops at a damaged link. */
void chain_give(struct buffer_pool *pool, uint64_t tag, uint32_t head, uint32_t len);

#endif
