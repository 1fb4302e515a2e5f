/* client.h - the client table: one record per descriptor, and how a change to it is committed.
 *
 * A client's descriptor number is its index, in every process.  A record is written by one process
 * at a time: the worker in slot `slot` (its owner), or the one that is filling it.  Others may read
 * the facts of a record with client_peek.
 *
 * Two counts are the kernel's: `sent`, the bytes its socket has accepted from us, ever, and
 * `taken`, the bytes it has handed us, ever.  The words here are only their last known values;
 * after a death the successor asks the kernel (worker/counters.h).
 *
 * Everything else that changes is the flip: two copies of `struct facts` and `turn`, whose low bit
 * says which copy counts.
 *     struct facts *f = client_begin(c);     the other copy, made equal to the one that counts
 *     f->... = ...;                         invisible
 *     client_commit(c);                     one release store: the client's commit
 * An edit that is not committed has not happened.  Edits do not nest.
 *
 * The output map says where the stream's bytes come from: bytes [base, base + tx_len) of the
 * stream lie in the chain of boxes `tx`; byte x after them is byte (pos + x - base - tx_len)
 * of the client's ring.  Sending moves only `sent`.  `bias` = pos - base - tx_len is kept beside
 * `sent`, so that a flush touches one cache line: ring position = sent + bias.
 *
 * Life.  `life` = birth << 32 | state; of a record being filled, the low 16 bits of its socket's
 * cookie and its filler's slot lie between (16 and 8).  Accept: claim the record by a CAS to
 * (birth + 1, FILLING), fill it without asking what it held, make it LIVE.  Close: CLOSING; leave
 * published; name and boxes released; the descriptor closed; then CAS(life, (birth, CLOSING) ->
 * (birth, FREE)), because another worker may have been given the number already.  A socket that was
 * accepted by a worker that died before its record was LIVE is an orphan: any worker's successor
 * may find it, also one that its accepter is just about to claim; whoever claims the record first
 * serves it, and nothing is done to a socket before. */
#ifndef IPC_CLIENT_H
#define IPC_CLIENT_H

#include "ipc/config.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { NAME_BYTES_MAX = 96, NO_BUFFER = 0 };

enum client_state { CLIENT_FREE, CLIENT_FILLING, CLIENT_LIVE, CLIENT_CLOSING };

/* facts.flags */
enum {
    FACT_IN_ROOM = 1u << 0,    /* sees the room: its map leads into a ring */
    FACT_NAMED = 1u << 1,      /* has a name in the names */
    FACT_LEFT = 1u << 2,       /* its leave is in the ledger */
    FACT_ENC_CHOSEN = 1u << 3, /* said which encoding: never switched by recognition */
    FACT_OVERLONG = 1u << 4,   /* the line under way is too long: discard up to its end */
    FACT_TORN = 1u << 5,       /* lapped in the middle of a line: end it before the notice */
    FACT_TIMESTAMPS = 1u << 6, /* filtered: times before lines */
    FACT_IGNORES = 1u << 7,    /* filtered: has a box with keys of ignored names */
    FACT_ECHOED = 1u << 8,     /* filtered: the server echoes and edits its line */
    FACT_GOODBYE = 1u << 9,    /* close once what lies in the boxes is sent */
    FACT_LIST_ROOM = 1u << 11, /* `look` under way from list_next */
    FACT_LIST_ALL = 1u << 12,  /* `who` under way from list_next */
    FACT_DRAWN = 1u << 13,     /* edited: the half-typed line stands on its screen */
    FACT_KEYS = 1u << 14,      /* its lines have arrived key by key */
    FACT_BINARY = 1u << 15,    /* was asked to send all eight bits */
    FACT_GREETED = 1u << 16,   /* was sent the greeting, or is in the room */
    FACT_SWITCHED = 1u << 17,  /* was switched to what it types, and told so */
    FACT_FILTERED = FACT_TIMESTAMPS | FACT_IGNORES | FACT_ECHOED,
};

/* Times: `tat` (flood control: theoretical arrival time, GCRA) and `heard` (the last input) in
 * milliseconds since the segment's epoch modulo 2^32, compared by signed difference. */
struct facts {
    uint64_t consumed; /* input: bytes of the stream handled */
    uint64_t seen;     /* ledger: entries below are applied to this client */
    uint64_t base;     /* output map, see above */
    uint64_t pos;
    uint32_t tx_len;
    uint32_t tx;
    uint32_t rx;          /* struct rx_buffer: raw input, subnegotiation, half-typed line */
    uint32_t line_buffer; /* a half-typed line too long for the inbox */
    uint32_t tat;
    uint32_t last_input;
    uint32_t lines_lost; /* room lines lapped and not yet told */
    uint32_t list_next;
    uint32_t ignore_buffer;
    uint32_t reply_client, reply_generation; /* whom /reply answers */
    uint32_t flags;
    uint16_t line_len;
    uint16_t sub_len;
    uint16_t raw_off; /* offset of byte `handled` in the inbox's raw area */
    uint8_t encoding; /* enum encoding */
    uint8_t columns;  /* of its terminal; 0: unknown */
    uint8_t telnet[8];
    char name[NAME_BYTES_MAX]; /* UTF-8; NUL-padded */
};
_Static_assert(sizeof(struct facts) == 192, "three cache lines a copy");

/* How a flush treats a client: a cache of what its facts say, for its owner alone.  Below
 * ENC_COUNT: direct - whatever is pending goes straight from the ring of that encoding. */
enum client_mode {
    MODE_SLOW = 8,     /* boxes, lists, filters, not in the room: look at the facts */
    MODE_BLOCKED,      /* its socket is full: wait for EPOLLOUT */
    MODE_WRITE_FAILED, /* its socket takes nothing any more; what it sent before is still read */
};

struct client {
    /* what a flush touches */
    _Alignas(64) _Atomic uint64_t sent;
    uint64_t bias;
    _Atomic uint32_t active;
    uint8_t mode; /* enum encoding or enum client_mode */
    _Atomic uint8_t slot;
    uint16_t port;
    uint64_t received;
    _Atomic uint64_t state_word;
    uint64_t cookie;      /* SO_COOKIE: is this descriptor still that socket? */
    struct in6_addr addr; /* IPv4 as ::ffff:a.b.c.d */
    struct facts facts[2];
};
_Static_assert(sizeof(struct client) == 448, "seven cache lines a client");

struct client_table {
    struct client *at; /* indexed by descriptor */
    uint32_t len;
};

static inline uint32_t client_generation(uint64_t state_word) {
    return (uint32_t)(state_word >> 32);
}
static inline enum client_state client_state(uint64_t state_word) {
    return (enum client_state)(state_word & 0xffu);
}
/* Who is filling a FILLING record. */
static inline uint32_t client_filler(uint64_t state_word) {
    return state_word >> 8 & 0xff;
}
static inline uint64_t client_state_word(uint32_t generation, enum client_state state) {
    return (uint64_t)generation << 32 | state;
}
static inline bool client_is(const struct client *c, uint32_t generation) {
    uint64_t state_word = atomic_load_explicit(&c->state_word, memory_order_acquire);
    return client_generation(state_word) == generation && client_state(state_word) >= CLIENT_LIVE;
}

/* The copy that counts.  By the owner: plain reading.  */
static inline const struct facts *client_facts(const struct client *c) {
    return &c->facts[atomic_load_explicit(&c->active, memory_order_relaxed) & 1];
}

/* Recomputes bias and mode; MODE_BLOCKED and MODE_WRITE_FAILED stay until the owner sets another.
 */
void client_refresh(struct client *c);

struct facts *client_begin(struct client *c);
void client_commit(struct client *c);

/* Another process's client, or one that may change meanwhile: copies its facts out as of one
 * moment. False if it is not live, or changed too often while looking. */
bool client_peek(const struct client *c, struct facts *out, uint32_t *generation);

/* Claims the record of an accepted socket for the worker in `slot`; returns its birth, or 0 if
 * another has it already.  What a predecessor in this slot began is begun anew. */
uint32_t client_claim(struct client *c, uint32_t slot, uint64_t cookie);
/* The socket is closed, or is not what it seemed to be. */
void client_unclaim(struct client *c, uint32_t generation, uint32_t slot, uint64_t cookie);
/* Fills a claimed record and makes it live. */
void client_open(struct client *c, uint32_t slot, uint64_t cookie, const struct facts *facts,
                 const struct in6_addr *addr, uint16_t port);

/* The stream position of the last byte the boxes give. */
static inline uint64_t client_tx_end(const struct facts *f) {
    return f->base + f->tx_len;
}

#endif
