/* client.c - the flip and a record's life; see client.h. */
#include "ipc/client.h"

#include "ipc/fault.h"

#include <stddef.h>

/* Copies word by word with relaxed atomics: a reader in another process may look on, and finds out
 * by `turn` that what it read is not to be trusted. */
static void facts_copy(struct facts *to, const struct facts *from) {
    uint64_t *t = (uint64_t *)to;
    const uint64_t *f = (const uint64_t *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *t; i++)
        __atomic_store_n(&t[i], __atomic_load_n(&f[i], __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

struct facts *client_begin(struct client *c) {
    uint32_t turn = atomic_load_explicit(&c->active, memory_order_relaxed);
    struct facts *next = &c->facts[(turn + 1) & 1];
    atomic_thread_fence(memory_order_release); /* who sees this copy change sees the other's turn */
    facts_copy(next, &c->facts[turn & 1]);
    return next;
}

static void client_cache(struct client *c, const struct facts *f) {
    c->bias = f->pos - f->base - f->tx_len;
    if (c->mode == MODE_BLOCKED || c->mode == MODE_WRITE_FAILED)
        return;
    const uint32_t slow = FACT_FILTERED | FACT_GOODBYE | FACT_LIST_ROOM | FACT_LIST_ALL;
    bool direct =
        (f->flags & FACT_IN_ROOM) && !(f->flags & slow) && f->tx == NO_BUFFER && f->lines_lost == 0;
    c->mode = direct ? f->encoding : MODE_SLOW;
}

void client_refresh(struct client *c) {
    client_cache(c, client_facts(c));
}

void client_commit(struct client *c) {
    uint32_t turn = atomic_load_explicit(&c->active, memory_order_relaxed) + 1;
    FAULT("client.commit.before");
    atomic_store_explicit(&c->active, turn, memory_order_release);
    FAULT("client.commit.after");
    client_cache(c, &c->facts[turn & 1]);
}

bool client_peek(const struct client *c, struct facts *out, uint32_t *generation) {
    for (int tries = 0; tries < 100; tries++) {
        uint64_t state_word = atomic_load_explicit(&c->state_word, memory_order_acquire);
        if (client_state(state_word) != CLIENT_LIVE)
            return false;
        uint32_t turn = atomic_load_explicit(&c->active, memory_order_acquire);
        facts_copy(out, &c->facts[turn & 1]);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&c->active, memory_order_relaxed) == turn &&
            atomic_load_explicit(&c->state_word, memory_order_relaxed) == state_word) {
            *generation = client_generation(state_word);
            return true;
        }
    }
    return false;
}

static uint64_t client_filling(uint32_t generation, uint32_t slot, uint64_t cookie) {
    return client_state_word(generation, CLIENT_FILLING) | slot << 8 | (cookie & 0xffff) << 16;
}

/* Whether another is at this very socket.  A record of another socket is nobody's any more: the
 * number would not be ours if that were not closed. */
static bool client_contended(const struct client *c, uint64_t state_word, uint32_t slot,
                             uint64_t cookie) {
    switch (client_state(state_word)) {
    case CLIENT_FREE: return false;
    case CLIENT_FILLING:
        return state_word == client_filling(client_generation(state_word),
                                            client_filler(state_word), cookie) &&
               client_filler(state_word) != slot;
    default: return c->cookie == cookie;
    }
}

uint32_t client_claim(struct client *c, uint32_t slot, uint64_t cookie) {
    uint64_t state_word = atomic_load_explicit(&c->state_word, memory_order_acquire);
    for (;;) {
        if (client_contended(c, state_word, slot, cookie))
            return 0;
        uint32_t generation = client_generation(state_word) + 1;
        FAULT("client.claim.before");
        if (atomic_compare_exchange_strong(&c->state_word, &state_word,
                                           client_filling(generation, slot, cookie))) {
            FAULT("client.claim.after");
            return generation;
        }
    }
}

void client_unclaim(struct client *c, uint32_t generation, uint32_t slot, uint64_t cookie) {
    uint64_t state_word = client_filling(generation, slot, cookie);
    FAULT("client.unclaim.before"); /* left so, it is claimed by whoever gets the number next */
    atomic_compare_exchange_strong(&c->state_word, &state_word,
                                   client_state_word(generation, CLIENT_FREE));
}

void client_open(struct client *c, uint32_t slot, uint64_t cookie, const struct facts *facts,
                 const struct in6_addr *addr, uint16_t port) {
    uint32_t generation =
        client_generation(atomic_load_explicit(&c->state_word, memory_order_relaxed));
    atomic_store_explicit(&c->sent, 0, memory_order_relaxed);
    c->received = 0;
    c->cookie = cookie;
    c->addr = *addr;
    c->port = port;
    c->mode = MODE_SLOW;
    facts_copy(&c->facts[0], facts);
    atomic_store_explicit(&c->active, 0, memory_order_release);
    client_cache(c, &c->facts[0]);
    atomic_store_explicit(&c->slot, (uint8_t)slot, memory_order_release);
    FAULT("client.open.before");
    atomic_store_explicit(&c->state_word, client_state_word(generation, CLIENT_LIVE),
                          memory_order_release);
    FAULT("client.open.after");
}
