/* tally.h - lines about connections that a worker did not write to the log, because there were too
 * many: how many of which kind, by origin (origin.h).  Each slot has one (slot.h).
 *
 * By the worker in the slot alone; a successor goes on with it.  What is in it is written to the
 * log once it is TALLY_SECONDS old (worker/state/client_log.h).  After a death in the middle of
 * that it is written again. */
#ifndef IPC_TALLY_H
#define IPC_TALLY_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdint.h>

enum { TALLY_ROWS = 17, TALLY_SECONDS = 10 };

enum tally_kind {
    TALLY_UNHEARD, /* closed beyond connect_rate; never has a line of its own */
    TALLY_CONNECTED,
    TALLY_NAMED,
    TALLY_DISCONNECTED,
    TALLY_REFUSED,
    TALLY_UNPOLLED,
    TALLY_ASKED,
    TALLY_KINDS
};

/* Row 0 has no address: it is for all origins that find no free row. */
struct tally_row {
    struct in6_addr addr; /* any address of the origin */
    _Atomic uint32_t used;
    _Atomic uint32_t count[TALLY_KINDS];
};

struct tally {
    _Atomic uint64_t since_us; /* segment_us() of the first count; 0: nothing is counted */
    struct tally_row row[TALLY_ROWS];
};

#endif
