/* client.c - committing changes to a record, and its life cycle; see client.h. */
#include "ipc/client.h"

#include "ipc/fault.h"

#include <stddef.h>
#include <string.h>

/* Records are copied word by word with relaxed atomics, because another process may change them
 * meanwhile; the reader then finds `active` or the state word changed and discards the copy.  The
 * types may alias whatever lies there. */
typedef uint64_t __attribute__((may_alias)) word64;
typedef uint32_t __attribute__((may_alias)) word32;

static void client_copy_facts(struct facts *to, const struct facts *from) {
    word64 *t = (word64 *)to;
    const word64 *f = (const word64 *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *t; i++)
        __atomic_store_n(&t[i], __atomic_load_n(&f[i], __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

/* A whole name: `size` is a multiple of eight. */
static void client_copy_name(void *to, const void *from, size_t size) {
    word64 *t = to;
    const word64 *f = from;
    for (size_t i = 0; i < size / sizeof *t; i++)
        __atomic_store_n(&t[i], __atomic_load_n(&f[i], __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}
_Static_assert(sizeof(struct client_name) % 8 == 0 && sizeof(struct remote_name) % 8 == 0, "words");

/* Where the client's name is with these flags: *size bytes. */
static char *client_name_row(const struct client_table *table, const struct client *c,
                             uint32_t flags, size_t *size) {
    int row = flags & FACT_NAME_ROW ? 1 : 0;
    size_t at = (size_t)(c - table->at);
    *size = at < table->len ? sizeof(struct client_name) : sizeof(struct remote_name);
    return at < table->len ? table->name[row][at].text
                           : table->remote_name[row][at - table->len].text;
}

static void client_copy_addr(struct in6_addr *to, const struct in6_addr *from) {
    word32 *t = (word32 *)to;
    const word32 *f = (const word32 *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *t; i++)
        __atomic_store_n(&t[i], __atomic_load_n(&f[i], __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

struct facts *client_begin(struct client *c) {
    uint32_t active = atomic_load_explicit(&c->active, memory_order_relaxed);
    struct facts *next = &c->facts[(active + 1) & 1];
    /* A reader that sees this copy change also sees that the other one is active. */
    atomic_thread_fence(memory_order_release);
    client_copy_facts(next, &c->facts[active & 1]);
    return next;
}

static void client_cache(struct client *c, const struct facts *f) {
    c->bias = f->pos - f->base - f->tx_len;
    if (c->mode == MODE_BLOCKED || c->mode == MODE_WRITE_FAILED)
        return;
    const uint32_t slow = FACT_FILTERED | FACT_LISTS;
    bool direct =
        (f->flags & FACT_IN_ROOM) && !(f->flags & slow) && f->tx == NO_BUFFER && f->lines_lost == 0;
    c->mode = direct ? f->ring : MODE_SLOW;
}

void client_refresh(struct client *c) {
    client_cache(c, client_facts(c));
}

void client_commit(struct client *c) {
    uint32_t active = atomic_load_explicit(&c->active, memory_order_relaxed) + 1;
    FAULT("client.commit.before");
    atomic_store_explicit(&c->active, active, memory_order_release);
    FAULT("client.commit.after");
    client_cache(c, &c->facts[active & 1]);
}

const char *client_name(const struct client_table *table, const struct client *c,
                        const struct facts *f, char out[NAME_TEXT]) {
    size_t size;
    if (!(f->flags & FACT_NAMED))
        return NULL;
    const char *row = client_name_row(table, c, f->flags, &size);
    memcpy(out, row, size);
    out[size] = '\0';
    return out;
}

/* The row is not in effect: the active copy leads to the other one, or to none.  A reader that sees
 * this name also sees that the copy that led to the row is active no more (client_begin's fence).
 */
void client_set_name(const struct client_table *table, const struct client *c, struct facts *f,
                     const char *name) {
    const struct facts *active = client_facts(c);
    _Alignas(uint64_t) char new[NAME_BYTES_MAX] = "";
    uint32_t flags = active->flags & FACT_NAMED ? ~active->flags : 0;
    size_t size;
    char *row = client_name_row(table, c, flags, &size);
    memcpy(new, name, strnlen(name, size));
    FAULT("client.name.before");
    client_copy_name(row, new, size);
    FAULT("client.name.after");
    f->flags = (f->flags & ~(uint32_t)FACT_NAME_ROW) | (flags & FACT_NAME_ROW) | FACT_NAMED;
}

void client_set_address(struct client *c, const struct in6_addr *addr, uint16_t port) {
    FAULT("client.address.before");
    client_copy_addr(&c->addr, addr);
    FAULT("client.address.half");
    __atomic_store_n(&c->port, port, __ATOMIC_RELAXED);
    FAULT("client.address.after");
}

/* Whether its address is complete: it is rewritten while a PROXY header is due, and while the
 * client is away. */
static bool client_has_address(const struct facts *f) {
    return !client_header_due(f) && !client_away(f);
}

/* False if the record changed meanwhile. */
static bool client_copy_view(const struct client_table *table, const struct client *c,
                             uint64_t word, struct client_view *out) {
    uint32_t active = atomic_load_explicit(&c->active, memory_order_acquire);
    client_copy_facts(&out->facts, &c->facts[active & 1]);
    if (out->facts.flags & FACT_NAMED) {
        size_t size;
        const char *row = client_name_row(table, c, out->facts.flags, &size);
        client_copy_name(out->name, row, size);
        out->name[size] = '\0';
    }
    out->addr = in6addr_any;
    out->port = 0;
    if (client_has_address(&out->facts)) {
        client_copy_addr(&out->addr, &c->addr);
        out->port = __atomic_load_n(&c->port, __ATOMIC_RELAXED);
    }
    out->generation = client_generation(word);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&c->active, memory_order_relaxed) == active &&
           atomic_load_explicit(&c->state_word, memory_order_relaxed) == word;
}

enum { CLIENT_PEEKS = 100 };

bool client_peek(const struct client_table *table, uint32_t client, struct client_view *out) {
    const struct client *c = &table->at[client];
    for (int tries = 0; tries < CLIENT_PEEKS; tries++) {
        uint64_t word = atomic_load_explicit(&c->state_word, memory_order_acquire);
        if (client_state(word) != CLIENT_LIVE)
            return false;
        if (client_copy_view(table, c, word, out))
            return true;
    }
    return false;
}

bool client_peek_last(const struct client_table *table, uint32_t client, uint32_t generation,
                      struct client_view *out) {
    const struct client *c = &table->at[client];
    for (int tries = 0; tries < CLIENT_PEEKS; tries++) {
        uint64_t word = atomic_load_explicit(&c->state_word, memory_order_acquire);
        if (client_generation(word) != generation || client_state(word) == CLIENT_FILLING)
            return false;
        if (client_copy_view(table, c, word, out))
            return true;
    }
    return false;
}

/* Whether the address may be read now.  If the facts change meanwhile, they are those of a later
 * moment, when the address was complete. */
static bool client_addressed(const struct client *c) {
    uint32_t active = atomic_load_explicit(&c->active, memory_order_acquire);
    const struct facts *f = &c->facts[active & 1];
    struct facts now = {.flags = __atomic_load_n(&f->flags, __ATOMIC_RELAXED),
                        .header_len = __atomic_load_n(&f->header_len, __ATOMIC_RELAXED)};
    atomic_thread_fence(memory_order_acquire); /* pairs with client_begin's */
    return !client_header_due(&now);
}

bool client_peek_address(const struct client *c, struct in6_addr *addr) {
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_acquire);
    if (client_state(word) != CLIENT_LIVE || !client_addressed(c))
        return false;
    client_copy_addr(addr, &c->addr);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&c->state_word, memory_order_relaxed) == word;
}

/* The kind is the same in both copies, but for one that no change has filled yet. */
bool client_peek_person(const struct client *c) {
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_acquire);
    if (client_state(word) != CLIENT_LIVE)
        return false;
    uint32_t active = atomic_load_explicit(&c->active, memory_order_acquire);
    const struct facts *f = &c->facts[active & 1];
    struct facts now = {.kind = __atomic_load_n(&f->kind, __ATOMIC_RELAXED),
                        .http = {__atomic_load_n(&f->http[0], __ATOMIC_RELAXED)}};
    atomic_thread_fence(memory_order_acquire);
    return client_is_person(&now) &&
           atomic_load_explicit(&c->state_word, memory_order_relaxed) == word;
}

bool client_glance(const struct client *c, const struct in6_addr *addr, uint16_t port) {
    struct in6_addr found;
    if (__atomic_load_n(&c->port, __ATOMIC_RELAXED) != port)
        return false;
    return client_peek_address(c, &found) && memcmp(&found, addr, sizeof found) == 0;
}

static uint64_t client_filling(uint32_t generation, uint32_t slot, uint64_t cookie) {
    uint64_t bits = cookie & ((1u << CLIENT_COOKIE_BITS) - 1);
    return client_state_word(generation, CLIENT_FILLING) | (uint64_t)slot << 2 | bits << 8;
}

/* Whether another worker serves, or is about to serve, this very socket.  A record that names
 * another socket is left over from one that is closed: the caller has found this one under the
 * number after `word` was read. */
static bool client_contended(const struct client *c, uint64_t word, uint32_t slot,
                             uint64_t cookie) {
    switch (client_state(word)) {
    case CLIENT_FREE: return false;
    case CLIENT_FILLING:
        return word == client_filling(client_generation(word), client_filler(word), cookie) &&
               client_filler(word) != slot;
    default: return atomic_load_explicit(&c->cookie, memory_order_relaxed) == cookie;
    }
}

uint32_t client_claim(struct client *c, uint64_t word, uint32_t slot, uint64_t cookie) {
    if (client_contended(c, word, slot, cookie))
        return 0;
    uint32_t generation = client_generation_next(client_generation(word));
    FAULT("client.claim.before");
    if (!atomic_compare_exchange_strong(&c->state_word, &word,
                                        client_filling(generation, slot, cookie)))
        return 0;
    FAULT("client.claim.after");
    return generation;
}

void client_unclaim(struct client *c, uint32_t generation, uint32_t slot, uint64_t cookie) {
    uint64_t word = client_filling(generation, slot, cookie);
    FAULT(
        "client.unclaim.before"); /* a record left FILLING is claimed with the number's next use */
    atomic_compare_exchange_strong(&c->state_word, &word,
                                   client_state_word(generation, CLIENT_FREE));
}

/* Every field, none of which is read before the record is LIVE. */
static void client_fill(struct client *c, uint32_t slot, uint64_t cookie, const struct facts *facts,
                        const struct in6_addr *addr, uint16_t port) {
    /* A reader that sees any field change also sees that the record is no longer the former one. */
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&c->sent, 0, memory_order_relaxed);
    c->received = 0;
    atomic_store_explicit(&c->cookie, cookie, memory_order_relaxed);
    client_copy_addr(&c->addr, addr);
    __atomic_store_n(&c->port, port, __ATOMIC_RELAXED);
    c->mode = MODE_SLOW;
    client_copy_facts(&c->facts[0], facts);
    atomic_store_explicit(&c->active, 0, memory_order_release);
    client_cache(c, &c->facts[0]);
    atomic_store_explicit(&c->slot, (uint8_t)slot, memory_order_release);
}

void client_open(struct client *c, uint32_t slot, uint64_t cookie, const struct facts *facts,
                 const struct in6_addr *addr, uint16_t port) {
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_relaxed);
    client_fill(c, slot, cookie, facts, addr, port);
    FAULT("client.open.before");
    atomic_store_explicit(&c->state_word, client_state_word(client_generation(word), CLIENT_LIVE),
                          memory_order_release);
    FAULT("client.open.after");
}

/* ---- remote records ---- */

/* It has no socket to be claimed for, and one process claims: FILLING only tells readers that the
 * generation before is no more while the fields change. */
uint32_t client_open_remote(struct client *c, uint32_t slot, const struct facts *facts) {
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_relaxed);
    uint32_t generation = client_generation_next(client_generation(word));
    FAULT("client.remote.before");
    atomic_store_explicit(&c->state_word, client_state_word(generation, CLIENT_FILLING),
                          memory_order_relaxed);
    FAULT("client.remote.filling");
    client_fill(c, slot, 0, facts, &in6addr_any, 0);
    FAULT("client.remote.filled");
    atomic_store_explicit(&c->state_word, client_state_word(generation, CLIENT_LIVE),
                          memory_order_release);
    FAULT("client.remote.after");
    return generation;
}

void client_free_remote(struct client *c) {
    uint32_t generation = client_generation(client_word(c));
    FAULT("client.remote_free.before");
    atomic_store_explicit(&c->state_word, client_state_word(generation, CLIENT_FREE),
                          memory_order_release);
    FAULT("client.remote_free.after");
}
