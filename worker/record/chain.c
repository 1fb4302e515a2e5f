/* chain.c - see chain.h. */
#include "worker/record/chain.h"

static uint32_t chain_next(const struct buffer_pool *pool, uint32_t buffer) {
    return ((struct tx_buffer *)buffer_at(pool, buffer))->next;
}

uint32_t chain_tail(const struct buffer_pool *pool, const struct facts *f, uint64_t tag) {
    uint32_t buffer = f->tx;
    for (uint32_t at = TX_DATA; at < f->tx_len && buffer_owned(pool, buffer, tag); at += TX_DATA)
        buffer = chain_next(pool, buffer);
    return buffer_owned(pool, buffer, tag) ? buffer : NO_BUFFER;
}

int chain_spans(const struct buffer_pool *pool, const struct facts *f, uint64_t tag, uint64_t sent,
                struct iovec *span, int max, bool *complete) {
    uint32_t offset = (uint32_t)(sent - f->base), buffer = f->tx;
    uint32_t left = f->tx_len - offset;
    int n = 0;
    while (left > 0 && n < max) {
        if (!buffer_owned(pool, buffer, tag))
            return -1;
        if (offset >= TX_DATA) {
            offset -= TX_DATA;
        } else {
            uint32_t here = TX_DATA - offset < left ? TX_DATA - offset : left;
            uint8_t *data = ((struct tx_buffer *)buffer_at(pool, buffer))->data;
            span[n++] = (struct iovec){data + offset, here};
            left -= here;
            offset = 0;
        }
        buffer = chain_next(pool, buffer);
    }
    *complete = left == 0;
    return n;
}

bool chain_has(const struct buffer_pool *pool, const struct facts *f, uint64_t tag,
               uint32_t buffer) {
    uint32_t link = f->tx;
    for (uint32_t at = 0; at < f->tx_len && buffer_owned(pool, link, tag); at += TX_DATA) {
        if (link == buffer)
            return true;
        link = chain_next(pool, link);
    }
    return false;
}

void chain_give(struct buffer_pool *pool, uint64_t tag, uint32_t head, uint32_t len) {
    for (uint32_t at = 0; at < len && buffer_owned(pool, head, tag); at += TX_DATA) {
        uint32_t next = chain_next(pool, head);
        buffer_give(pool, head, tag);
        head = next;
    }
}
