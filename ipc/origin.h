/* origin.h - accounts of origins: how much each address has done lately, over all workers.
 *
 * An origin is what connections are counted by: an IPv4 address, or the /64 of an IPv6 address.
 * Each has some accounts, and each account is a theoretical arrival time of the generic cell rate
 * algorithm (ITU-T I.371): microseconds since the segment was made (segment_us), in 64 bits.  What
 * comes while its account is more than the slack ahead of the clock is refused or waits.
 *
 * The table has no keys.  An origin has one place in each of ORIGIN_ROWS rows, chosen by a keyed
 * hash; its account is the one that is least ahead, and a charge raises the others to no more than
 * that (a count-min sketch with conservative update: Cormode and Muthukrishnan 2005; Estan and
 * Varghese 2002).  So nothing is ever evicted, and no number of origins brings one a new burst.
 * What overflows is harm, and it is bounded: an origin is held to account for others only while
 * *both* its places are shared with origins at their limit.  With n of those among m places, that
 * befalls (1 - exp(-n / m))^2 of all others: of 2,048 places and 500 origins, 1 in 20; and they
 * stay at their limit only by 500 times the rate.  IPv4 and IPv6 have a half of each row each,
 * because a /64 is cheaper than an IPv4 address.
 *
 * By any process, at any time; no lock.  An account is one word, so it is whole after every death.
 * A death, or two charges at once, may lose one increment in one row; no account is ever further
 * ahead of the clock than two bursts take. */
#ifndef IPC_ORIGIN_H
#define IPC_ORIGIN_H

#include "ipc/config.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    ORIGIN_ROWS = 2,
    ORIGIN_LINES_TIMES = 50,  /* an address may say so many times what one client may */
    ORIGIN_LOGGED = 20,       /* connections a second that are logged one by one, and at once */
    ORIGIN_LOGGED_OTHERS = 40 /* other lines about an address's connections: names, ends */
};

/* clang-format off */
enum origin_account {
    ORIGIN_CONNECTIONS,   /* accepted: connect_rate, connect_burst */
    ORIGIN_LINES,         /* said: ORIGIN_LINES_TIMES flood_rate, flood_burst */
    ORIGIN_LOG_CONNECTED, /* written to the log: ORIGIN_LOGGED */
    ORIGIN_LOG_OTHERS,    /* ORIGIN_LOGGED_OTHERS */
    ORIGIN_ACCOUNTS
};
/* clang-format on */

struct origin {
    _Atomic uint64_t tat[ORIGIN_ACCOUNTS]; /* us since the segment was made */
};

struct origin_table {
    struct origin *at;  /* [ORIGIN_ROWS * len], row by row */
    uint32_t len;       /* places in a row; a power of two */
    const uint8_t *key; /* [16]: secret of the hash */
};

/* Places in a row, by the number of clients: 4096 at least. */
uint32_t origin_table_len(uint32_t max_clients);

/* What an account may do: `rate` a second (0: no limit), `burst` at once. */
struct origin_limit {
    uint64_t rate;
    uint64_t burst; /* 0 counts as 1 */
};
struct origin_limit origin_limit(const struct config *config, enum origin_account account);

/* How long `addr` has to wait before the account takes one more, in ms; 0: it need not. */
uint32_t origin_wait(const struct origin_table *table, const struct in6_addr *addr,
                     const struct config *config, enum origin_account account, uint64_t now_us);

/* Charges the account, whether it may or not. */
void origin_charge(struct origin_table *table, const struct in6_addr *addr,
                   const struct config *config, enum origin_account account, uint32_t units,
                   uint64_t now_us);

/* Charges one if the account takes it; false: it does not. */
bool origin_try(struct origin_table *table, const struct in6_addr *addr,
                const struct config *config, enum origin_account account, uint64_t now_us);

/* Whether both addresses are of one origin. */
bool origin_same(const struct in6_addr *a, const struct in6_addr *b);

#endif
