/* buffer.c - see buffer.h. */
#include "ipc/buffer.h"

#include "ipc/fault.h"

static bool buffer_claim(struct buffer_pool *pool, uint32_t buffer, uint64_t tag) {
    _Atomic uint64_t *owner = &pool->owner[buffer];
    uint64_t unowned = 0;
    if (atomic_load_explicit(owner, memory_order_relaxed) != 0 ||
        !atomic_compare_exchange_strong(owner, &unowned, tag))
        return false;
    FAULT("buffer.take.after");
    return true;
}

static uint32_t buffer_take_recent(struct buffer_pool *pool, uint64_t tag, uint32_t limit) {
    for (int i = 0; i < BUFFER_RECENT; i++) {
        uint32_t buffer = pool->recent[i];
        if (buffer != NO_BUFFER && buffer <= limit) {
            pool->recent[i] = NO_BUFFER;
            if (buffer_claim(pool, buffer, tag))
                return buffer;
        }
    }
    return NO_BUFFER;
}

uint32_t buffer_take_below(struct buffer_pool *pool, uint64_t tag, uint32_t limit) {
    uint32_t buffer = buffer_take_recent(pool, tag, limit), at = pool->hint;
    if (buffer != NO_BUFFER)
        return buffer;
    for (uint32_t tries = 0; tries < limit; tries++, at++) {
        if (at >= limit)
            at = 0;
        if (buffer_claim(pool, at + 1, tag)) {
            pool->hint = at + 1;
            return at + 1;
        }
    }
    pool->hint = limit;
    return NO_BUFFER;
}

uint32_t buffer_take(struct buffer_pool *pool, uint64_t tag) {
    return buffer_take_below(pool, tag, buffer_count(pool));
}

bool buffer_owned(const struct buffer_pool *pool, uint32_t buffer, uint64_t tag) {
    return buffer != NO_BUFFER && buffer <= buffer_count(pool) &&
           atomic_load_explicit(&pool->owner[buffer], memory_order_relaxed) == tag;
}

void buffer_give(struct buffer_pool *pool, uint32_t buffer, uint64_t tag) {
    if (buffer == NO_BUFFER || buffer > buffer_count(pool))
        return;
    FAULT("buffer.give.before");
    if (!atomic_compare_exchange_strong(&pool->owner[buffer], &tag, 0))
        return;
    FAULT("buffer.give.after");
    if (buffer - 1 < pool->hint)
        pool->hint = buffer - 1;
    for (int i = 0; i < BUFFER_RECENT; i++)
        if (pool->recent[i] == NO_BUFFER) {
            pool->recent[i] = buffer;
            return;
        }
}

uint32_t buffer_used(const struct buffer_pool *pool) {
    uint32_t used = 0, count = buffer_count(pool);
    for (uint32_t buffer = 1; buffer <= count; buffer++)
        used += atomic_load_explicit(&pool->owner[buffer], memory_order_relaxed) != 0;
    return used;
}
