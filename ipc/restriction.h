/* restriction.h - bans and mutes: one table in the segment, in two copies and a generation.
 *
 * The copy restrictions.copy[generation & 1] is in effect.  A writer fills the other one, which no
 * reader looks at by then, and stores the generation: before that store a death leaves the old
 * table, after it the new one.  Written by the master alone.  Read by every process, in place:
 *
 *     do {
 *         at = restriction_begin(restrictions);
 *         found = restriction_banned(at.table, &addr, now);
 *     } while (restriction_changed(restrictions, &at));
 *
 * A copy is overwritten by the next publication but one; restriction_changed is true from the next
 * one on.  What a reader takes out of the table is a copy, because the row may change afterwards.
 *
 * Time.  `until_ms` is the wall clock's, milliseconds since 1970 (UTC), as in the file of bans: a
 * restriction ends when the clock shows that time, also if the clock was set meanwhile.  `now` is
 * clock_wall_ms (clock.h).  A row
 * whose time has come has no effect; it is dropped when the table is next written.  0: no end.
 *
 * A ban holds for the addresses of a network (network.h).  A mute holds for a name (its key, so in
 * any spelling) and, if `by_address` is 1, for its address (for IPv6 its /64, origin.h):
 * set where the muted client was alone at its address, so that no neighbour behind one address
 * (NAT, a proxy) is silenced.  A guest of the open room has no name: its mute holds for its address
 * and port, and for its address likewise. */
#ifndef IPC_RESTRICTION_H
#define IPC_RESTRICTION_H

#include "ipc/config.h"
#include "ipc/network.h"
#include "ipc/timestamp.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    BANS_MAX = 1024,
    MUTES_MAX = 256,
    BAN_REASON_MAX = 136, /* bytes, with the NUL */
    MUTE_NAME_MAX = 136,  /* bytes, with the NUL */
    RESTRICTION_TIME = TIMESTAMP_TEXT,
};

struct ban {
    struct network network;
    uint8_t pad[4];
    uint64_t until_ms;
    char reason[BAN_REASON_MAX]; /* printable UTF-8; "": none was given */
};

struct mute {
    uint64_t until_ms;
    uint64_t key;         /* of the name (worker/text/name.h); 0: of a guest, which has no name */
    struct in6_addr addr; /* where the client was when it was muted */
    uint16_t port;        /* of a guest; else 0 */
    uint8_t by_address;   /* 1: it holds for every client at `addr` */
    uint8_t pad[5];
    char name[MUTE_NAME_MAX]; /* as it was when it was muted; of a guest: address:port */
};

struct restriction_table {
    uint32_t bans, mutes;
    struct ban ban[BANS_MAX];
    struct mute mute[MUTES_MAX];
};

struct restrictions {
    _Atomic uint64_t generation;
    struct restriction_table copy[2];
};

/* ---- reading ---- */

struct restriction_look {
    const struct restriction_table *table;
    uint64_t generation;
};

static inline uint64_t restriction_generation(const struct restrictions *restrictions) {
    return atomic_load_explicit(&restrictions->generation, memory_order_acquire);
}
static inline struct restriction_look restriction_begin(const struct restrictions *restrictions) {
    uint64_t generation = restriction_generation(restrictions);
    return (struct restriction_look){&restrictions->copy[generation & 1], generation};
}
static inline bool restriction_changed(const struct restrictions *restrictions,
                                       const struct restriction_look *look) {
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&restrictions->generation, memory_order_relaxed) !=
           look->generation;
}

/* The first ban that holds for the address; NULL: none does. */
const struct ban *restriction_banned(const struct restriction_table *table,
                                     const struct in6_addr *addr, uint64_t now);

/* The first mute that holds for the client with that name's key (0: it has none), address and port;
 * NULL: none does. */
const struct mute *restriction_muted(const struct restriction_table *table, uint64_t key,
                                     const struct in6_addr *addr, uint16_t port, uint64_t now);

/* The bans that have not ended, in out[BANS_MAX], and the mutes, in out[MUTES_MAX].  Each returns
 * how many. */
uint32_t restriction_copy_bans(const struct restriction_table *table, uint64_t now,
                               struct ban *out);
uint32_t restriction_copy_mutes(const struct restriction_table *table, uint64_t now,
                                struct mute *out);

/* When the next mute ends; 0: none has an end. */
uint64_t restriction_next_end(const struct restriction_table *table, uint64_t now);

/* ---- texts, which the file of bans, the log and chatroom-ctl share ---- */

/* ADDRESS or ADDRESS/BITS.  False with a sentence in `err`: no address, bits set beyond the prefix,
 * or everybody (/0). */
bool restriction_parse_network(const char *text, struct network *out, char *err, size_t err_size);

/* 2026-12-31T23:59:59Z (timestamp.h), or "-": 0, no end. */
bool restriction_parse_time(const char *text, uint64_t *until_ms);
/* 0 is "-".  Returns out. */
const char *restriction_format_time(uint64_t until_ms, char out[RESTRICTION_TIME]);

/* A number and s, m, h or d: "90s", "10m", "2h", "7d".  False: it is none, is 0, or is more than
 * ten years. */
bool restriction_parse_duration(const char *text, uint64_t *ms);

/* The word that may be a restriction's term: a duration from now on, up to a whole second, or "-":
 * no end.  A word that begins with a number was meant as one ("1.5h", "-5m", "2027-01-01"): read as
 * a reason it would be a restriction without an end.  A reason that begins so stands behind "-". */
enum restriction_term { TERM_GIVEN, TERM_NONE, TERM_BAD };
enum restriction_term restriction_read_term(const char *word, uint64_t *until_ms);
#define RESTRICTION_BAD_TERM                                                                       \
    "\"%.40s\" is not a duration (such as 90s, 10m, 2h, 7d, or - for no end)"

/* Makes printable UTF-8 of it, in one line: what is not becomes a blank, blanks at its ends are
 * dropped.  False: it is longer than `size` with the NUL. */
bool restriction_clean(const char *text, size_t len, char *out, size_t size);

/* ---- by the master ---- */

/* The copy that is not in effect, made equal to the one that is, without what has ended. */
struct restriction_table *restriction_edit(struct restrictions *restrictions, uint64_t now);
/* Makes it the one in effect. */
void restriction_publish(struct restrictions *restrictions);

#endif
