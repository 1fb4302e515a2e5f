/* client.h - the client table: one record per descriptor, then one for each person of another
 * machine, and how a change to it is committed.
 *
 * A client's descriptor number is its index, in every process.  A record has one writer at a time:
 * the worker in slot `slot` (its owner), or the worker that is filling it.  Any process may copy a
 * record out with client_peek; nothing else of another worker's record may be read but
 * `state_word`, `slot` and `cookie`, which are atomic.
 *
 * Remote records.  The records [len, rows) have no descriptor: each is a person of another machine,
 * and all are the relay's (RELAY_SLOT), which alone claims and frees them.  Their facts are flags,
 * kind, `web` and a name (NAME@NODE); nothing is ever sent to them, so they are in no flush, and
 * what else is kept for each descriptor (ignore lists, correspondents) they have not.
 *
 * Two counts are the kernel's: `sent`, the bytes its socket has accepted from the server, ever, and
 * `received`, the bytes it has handed out, ever.  The words here are only their last known values;
 * after a death the successor asks the kernel (worker/ledger/counters.h).
 *
 * Everything else that changes lies in two copies of `struct facts`; the low bit of `active` says
 * which copy is in effect.
 *     struct facts *f = client_begin(c);    the inactive copy, made equal to the active one
 *     f->... = ...;                         invisible to every other process and to a successor
 *     client_commit(c);                     one release store: the client's commit
 * A change that is not committed has not happened.  Changes of one client do not nest.
 *
 * Names lie beside the records, in two rows of their own, because few changes touch them and
 * clients without a name need none.  FACT_NAME_ROW says which row is in effect; a new name is
 * written into the other one, and the commit that sets or clears the flag makes it the client's.
 *
 * The output map says where the bytes of the output stream come from.  Bytes [base, base + tx_len)
 * of the stream lie in the chain of buffers `tx`; byte x after them is byte
 * (pos + x - base - tx_len) of the client's ring.  Sending moves only `sent`.  `bias` =
 * pos - base - tx_len is kept beside `sent`, so that a flush touches one cache line: the ring
 * position is sent + bias.  A chain that is sent to its end (drained: sent >= base + tx_len) is
 * given back at once, without a commit: the facts go on naming its buffers, which may be another
 * client's, until the map changes.
 *
 * Address and port are those of the connection's peer until a PROXY header names others: then they
 * are rewritten in place, which is not in effect before the commit that clears FACT_PROXY.  Until
 * the header is complete (client_header_due) no process but the owner reads them.
 *
 * Life cycle.  `state_word` holds the generation (which user of this descriptor number the record
 * describes), the state, and of a FILLING record the slot of the worker that fills it and 24 bits
 * of the socket's cookie.
 *     accept  CAS to (next generation, FILLING); every field written, none read; LIVE
 *     close   CLOSING; leave published; name and buffers released; descriptor closed;
 *             CAS (generation, CLOSING) -> (generation, FREE)
 *     remote  FREE -> LIVE (client_open_remote), in the room by the entry of its coming; FREE again
 *             by that of its leave (client_free_remote)
 * The last step is a CAS because another worker may have been given the number already.  A socket
 * whose worker died between accept and LIVE is an orphan: any worker's successor may find it, also
 * while its accepting worker is just about to claim it.  The worker whose claim succeeds serves it;
 * nothing is done to a socket before its claim. */
#ifndef IPC_CLIENT_H
#define IPC_CLIENT_H

#include "ipc/config.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name of this machine has at most NAME_OWN_MAX bytes; one of another machine NODE behind it, and
 * an @ between them.  NAME_TEXT: any name with its NUL. */
enum { NAME_OWN_MAX = 96, NAME_BYTES_MAX = NAME_OWN_MAX + NODE_NAME_MAX, NAME_TEXT, NO_BUFFER = 0 };

/* facts.kind: by which listener a client came, and so what its bytes mean.  Never changes. */
enum client_kind {
    KIND_TELNET,
    KIND_CONTROL, /* chatroom-ctl: an operator */
    KIND_METRICS, /* from here on HTTP: Prometheus */
    KIND_WEB,     /* browsers and bots: HTTP until the WebSocket begins (CLIENT_UPGRADED) */
};

/* The first byte of a web client's codec state, once its connection is a WebSocket. */
enum { CLIENT_UPGRADED = 6 };

enum client_state { CLIENT_FREE, CLIENT_FILLING, CLIENT_LIVE, CLIENT_CLOSING };

/* facts.flags */
enum {
    FACT_IN_ROOM = 1u << 0,    /* sees the room: its map leads into a ring */
    FACT_NAMED = 1u << 1,      /* has a name in the name table */
    FACT_LEFT = 1u << 2,       /* its leave is in the ledger */
    FACT_ENC_CHOSEN = 1u << 3, /* chose its encoding: recognition never switches it */
    FACT_OVERLONG = 1u << 4,   /* the line under way is too long: discard up to its end */
    FACT_TORN = 1u << 5,       /* overrun in the middle of a line: end it before the notice */
    FACT_TIMESTAMPS = 1u << 6, /* filtered: times before lines */
    FACT_IGNORES = 1u << 7,    /* filtered: its list of ignored people counts (ignore_list.h) */
    FACT_ECHOED = 1u << 8,     /* the server echoes and edits its line */
    FACT_PROXY = 1u << 9, /* came by a proxy that has named no client (yet): see facts.header_len */
    FACT_MUTED = 1u << 10,     /* what it says is refused */
    FACT_LIST_ROOM = 1u << 11, /* `look` under way from list_next */
    FACT_LIST_ALL = 1u << 12,  /* `who` under way from list_next */
    FACT_DRAWN = 1u << 13,     /* echoed, filtered: the half-typed line is on its screen */
    FACT_KEYS = 1u << 14,      /* its lines have arrived key by key */
    FACT_BINARY = 1u << 15,    /* was asked to send all eight bits */
    FACT_GREETED = 1u << 16,   /* was sent the greeting, or is in the room */
    FACT_SWITCHED = 1u << 17,  /* was switched to the encoding it types in, or agreed on one */
    FACT_HEARD = 1u << 18,     /* a line of it was taken: it speaks no other protocol */
    FACT_LIST_SAID = 1u << 19, /* earlier lines under way (worker/output/history.h) */
    FACT_QUIET = 1u << 20,     /* a guest: its coming is not in the ledger yet (announce.h) */
    FACT_KICKED = 1u << 21,    /* was asked to leave, which was announced: it leaves unannounced */
    FACT_NAME_ROW = 1u << 23,  /* its name is in the second row */
    FACT_DROPPING = 1u << 24,  /* was too fast for too long: its lines are dropped unheard */
    FACT_BBS = 1u << 25,       /* was offered the echo unasked: it may send some keys twice */
    FACT_CONVERTED = 1u << 26, /* filtered: lines are converted to `wire` */
    FACT_READ_UTF8 = 1u << 27, /* has typed UTF-8 beyond ASCII: is read as nothing else */
    FACT_RECALLED = 1u << 28,  /* echoed: its line is the one before, and `last` what it typed */
    FACT_FULL = 1u << 29,      /* echoed: its line is full, and it was told */
    FACT_FILTERED = FACT_TIMESTAMPS | FACT_IGNORES | FACT_DRAWN | FACT_CONVERTED,
    FACT_LISTS = FACT_LIST_ROOM | FACT_LIST_ALL | FACT_LIST_SAID,
};

/* facts.header_len of a web client that came by a proxy, without a header: its request says where
 * from. */
enum { HEADER_ABSENT = UINT16_MAX };

/* facts.web, of a browser or a bot */
enum {
    WEB_BOT = 1u << 0,   /* says that it is a program */
    WEB_RE = 1u << 1,    /* its last message had a number: facts.re */
    WEB_AWAY = 1u << 2,  /* its connection ended; its place is kept for a while */
    WEB_TAKES = 1u << 3, /* its socket is on its way to the record that its token names */
};

/* Times: `tat` (rate limit: theoretical arrival time, see rate_limit.h) in milliseconds, and
 * `last_input` in tenths of a second, both since the segment's epoch, modulo 2^32 (49 days and 13
 * years). */
struct facts {
#ifdef LAYOUT_TEST /* another layout: see header.h */
    uint32_t flags;
    uint32_t layout_test;
#endif
    uint64_t consumed; /* input: bytes of the stream that need no second look */
    uint64_t seen;     /* ledger: entries below are applied to this client */
    uint64_t base;     /* output map, see above */
    uint64_t pos;
    uint32_t tx_len;      /* bytes */
    uint32_t tx;          /* first buffer of the chain; NO_BUFFER: none */
    uint32_t rx;          /* struct rx_buffer: raw input, subnegotiation, half-typed line */
    uint32_t line_buffer; /* a half-typed line that is too long for the rx buffer */
    uint32_t tat;
    uint32_t last_input;
    uint32_t lines_lost;    /* room lines overrun and not yet reported to the client */
    uint32_t list_next;     /* FACT_LISTS: the record at which the list goes on; or see history.h */
    uint32_t lines_dropped; /* FACT_DROPPING: not yet reported to the client */
    uint32_t reply_client, reply_generation; /* addressee of /reply; generation 0: none */
#ifndef LAYOUT_TEST
    uint32_t flags;
#endif
    uint16_t line_len; /* bytes of the half-typed line */
    uint16_t sub_len;  /* bytes of the telnet subnegotiation under way */
    uint16_t raw_off;  /* offset of byte `consumed` in the rx buffer's raw area */
    uint8_t ring;      /* the client is sent that ring: one of SENT_RINGS */
    uint8_t wire;      /* FACT_CONVERTED: enum encoding, one without a ring; `ring` is UTF-8's */
    union {            /* by kind: */
        uint8_t telnet[12];    /* struct telnet */
        uint8_t http[12];      /* struct http */
        uint8_t websocket[12]; /* struct websocket, once the request is answered with 101 */
    };
    uint32_t last;       /* echoed: tx buffer of the line before this one; NO_BUFFER: none */
    uint16_t last_len;   /* bytes */
    uint16_t behind;     /* bytes of the half-typed line that are behind its cursor */
    uint16_t columns;    /* of its terminal; 0: unknown */
    uint16_t header_len; /* bytes of its PROXY header, before its own first byte; 0: none came
                            (yet); HEADER_ABSENT */
    uint8_t kind;        /* enum client_kind */
    uint8_t web;         /* WEB_... */
    uint8_t pad[2];
    uint32_t re; /* the number of a browser's last message that was taken */
#ifdef LAYOUT_TEST
    uint8_t spare[4];
#else
    uint8_t spare[8];
#endif
};
_Static_assert(sizeof(struct facts) == 128, "two cache lines a copy");

/* How a flush treats a client: derived from its facts, for its owner alone.  A value below
 * SENT_RINGS is the direct path: everything pending is sent straight from that ring.
 */
enum client_mode {
    MODE_SLOW = 8,     /* buffers, lists, filters, not in the room: the facts decide */
    MODE_BLOCKED,      /* its socket is full: waits for EPOLLOUT */
    MODE_WRITE_FAILED, /* its socket takes nothing any more: it is leaving */
};

struct client {
    /* the cache line that a flush touches */
    _Alignas(64) _Atomic uint64_t sent;
    uint64_t bias;
    _Atomic uint32_t active; /* facts[active & 1] is in effect */
    uint8_t mode;            /* a ring, or enum client_mode */
    _Atomic uint8_t slot;    /* of the owner */
    uint16_t port;
    uint64_t received;
    _Atomic uint64_t state_word;
    _Atomic uint64_t cookie; /* SO_COOKIE: does this descriptor still name that socket? */
    struct in6_addr addr;
    struct facts facts[2];
};
_Static_assert(sizeof(struct client) == 320, "five cache lines a client");

/* UTF-8; NUL-padded, and without a NUL where all of it is taken. */
struct client_name {
    char text[NAME_OWN_MAX];
};
struct remote_name {
    char text[NAME_BYTES_MAX];
};

struct client_table {
    struct client *at;                  /* indexed by descriptor; behind those, remote records */
    struct client_name *name[2];        /* likewise, of descriptors */
    struct remote_name *remote_name[2]; /* of remote records, the first at 0 */
    uint32_t len;                       /* records of descriptors */
    uint32_t remote_len;                /* records of people of other machines, behind them */
    uint32_t rows;                      /* both */
};

static inline bool client_is_remote(const struct client_table *table, uint32_t client) {
    return client >= table->len && client < table->rows;
}

/* ---- the state word: generation << 32 | cookie << 8 | slot << 2 | state ---- */

enum { CLIENT_COOKIE_BITS = 24 };

/* The last generation before the count starts over at 1: 0 and the numbers above are never given,
 * so that epoll tags and owner words may use them (worker/state/epoll_interest.h). */
#define GENERATION_LAST (UINT32_MAX - 16)

static inline uint32_t client_generation(uint64_t word) {
    return (uint32_t)(word >> 32);
}
static inline uint32_t client_generation_next(uint32_t generation) {
    return generation >= GENERATION_LAST ? 1 : generation + 1;
}
static inline enum client_state client_state(uint64_t word) {
    return (enum client_state)(word & 3);
}
/* The slot whose worker fills a FILLING record. */
static inline uint32_t client_filler(uint64_t word) {
    return word >> 2 & 63;
}
_Static_assert(WORKERS_MAX <= 64, "a slot fits into six bits");

static inline uint64_t client_state_word(uint32_t generation, enum client_state state) {
    return (uint64_t)generation << 32 | state;
}
static inline bool client_is(const struct client *c, uint32_t generation) {
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_acquire);
    return client_generation(word) == generation && client_state(word) >= CLIENT_LIVE;
}

/* ---- for the owner ---- */

/* The active copy, by plain reading. */
static inline const struct facts *client_facts(const struct client *c) {
    return &c->facts[atomic_load_explicit(&c->active, memory_order_relaxed) & 1];
}

static inline enum client_kind client_kind(const struct client *c) {
    return (enum client_kind)client_facts(c)->kind;
}
/* Whether it may be in the room, with these facts: not a tool, nor a browser's request. */
static inline bool client_is_person(const struct facts *f) {
    return f->kind == KIND_TELNET || (f->kind == KIND_WEB && f->http[0] == CLIENT_UPGRADED);
}
static inline bool client_speaks_http(const struct facts *f) {
    return f->kind >= KIND_METRICS && !client_is_person(f);
}
/* A browser or a bot whose connection is a WebSocket. */
static inline bool client_is_browser(const struct facts *f) {
    return f->kind == KIND_WEB && client_is_person(f);
}
/* An operator's tool, a collector of metrics: it counts for no limit of the room. */
static inline bool client_is_tool(const struct facts *f) {
    return f->kind == KIND_CONTROL || f->kind == KIND_METRICS;
}

/* The encoding that the client is sent. */
static inline enum encoding client_wire(const struct facts *f) {
    return f->flags & FACT_CONVERTED ? (enum encoding)f->wire
           : f->ring < ENC_RINGS     ? (enum encoding)f->ring
                                     : ENC_UTF8; /* JSON is */
}

/* Whether its PROXY header, or in its place a web client's request, is not complete yet: nothing
 * else is known of it, or said to it. */
static inline bool client_header_due(const struct facts *f) {
    return f->flags & FACT_PROXY && f->header_len == 0;
}

/* Whether its connection has ended and its place is kept (worker/record/away.h). */
static inline bool client_away(const struct facts *f) {
    return f->web & WEB_AWAY;
}

/* What its lines are read in: that, or ENC_ONLY_UTF8. */
static inline enum encoding client_read(const struct facts *f) {
    return f->flags & FACT_READ_UTF8 ? ENC_ONLY_UTF8 : client_wire(f);
}

/* The stream position behind the last byte that buffers give. */
static inline uint64_t client_tx_end(const struct facts *f) {
    return f->base + f->tx_len;
}
/* Whether all of the chain is sent, so that its buffers are no longer the client's. */
static inline bool client_drained(const struct client *c, const struct facts *f) {
    return atomic_load_explicit(&c->sent, memory_order_relaxed) >= client_tx_end(f);
}

/* Recomputes bias and mode; MODE_BLOCKED and MODE_WRITE_FAILED stay until the owner sets another.
 */
void client_refresh(struct client *c);

struct facts *client_begin(struct client *c);
void client_commit(struct client *c);

/* Copies the name that the client has with these facts.  Returns out; NULL: it has none. */
const char *client_name(const struct client_table *table, const struct client *c,
                        const struct facts *f, char out[NAME_TEXT]);
/* Gives the client another name in a change under way; what its row has no room for is cut. */
void client_set_name(const struct client_table *table, const struct client *c, struct facts *f,
                     const char *name);

/* The address that its PROXY header names, before the commit of a change under way that clears
 * FACT_PROXY. */
void client_set_address(struct client *c, const struct in6_addr *addr, uint16_t port);

/* ---- for any process ---- */

/* A copy of another worker's client as of one moment. */
struct client_view {
    struct facts facts;
    _Alignas(uint64_t) char name[NAME_TEXT]; /* if FACT_NAMED */
    struct in6_addr addr; /* zeros while its PROXY header is due, or it is away, */
    uint32_t generation;
    uint16_t port; /* and 0 */
};

/* False if the client is not live, or changed too often while it was copied. */
bool client_peek(const struct client_table *table, uint32_t client, struct client_view *out);
/* The same of that generation, also after it has left, as long as its number is not given again. */
bool client_peek_last(const struct client_table *table, uint32_t client, uint32_t generation,
                      struct client_view *out);
/* NULL: it has no name. */
static inline const char *client_view_name(const struct client_view *view) {
    return view->facts.flags & FACT_NAMED ? view->name : NULL;
}
/* The address alone; false if the client is not live, or its PROXY header is due.  Of a client that
 * is away it may be torn: half of the address that it comes back from. */
bool client_peek_address(const struct client *c, struct in6_addr *addr);
/* Whether it is live and no tool (client_is_tool), nor a browser's request (client_is_person). */
bool client_peek_person(const struct client *c);
/* Whether it may be the live client with that address and port: a cheap look, to be confirmed by
 * client_peek. */
bool client_glance(const struct client *c, const struct in6_addr *addr, uint16_t port);

static inline uint64_t client_word(const struct client *c) {
    return atomic_load_explicit(&c->state_word, memory_order_acquire);
}

/* Claims the record of an accepted socket for the worker in `slot`.  Returns its generation, or 0
 * if another worker serves that socket or is about to, or the record is no longer as in `word`.  A
 * record that a predecessor in the same slot left FILLING is claimed anew.
 *
 * `word`: client_word, read before the socket's cookie was read once more.  A cookie that was read
 * earlier may be a closed socket's, whose number is another one's by now: then the record is that
 * one's, and would look left over. */
uint32_t client_claim(struct client *c, uint64_t word, uint32_t slot, uint64_t cookie);
/* Gives a claimed record back: its socket is closed, or was none. */
void client_unclaim(struct client *c, uint32_t generation, uint32_t slot, uint64_t cookie);
/* Fills a claimed record and makes it LIVE. */
void client_open(struct client *c, uint32_t slot, uint64_t cookie, const struct facts *facts,
                 const struct in6_addr *addr, uint16_t port);

/* The relay alone: makes a remote record that is FREE LIVE, owned by `slot`.  Returns its
 * generation. */
uint32_t client_open_remote(struct client *c, uint32_t slot, const struct facts *facts);
/* And FREE again. */
void client_free_remote(struct client *c);

#endif
