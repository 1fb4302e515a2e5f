/* lease.h - which process is the guardian: one word, taken by compare-and-swap.
 *
 * The lease lies in `entry` of the guardian's slot: a count that grows with each guardian in the
 * upper half, the living one's pidfd in the lower.  Master and workers watch that pidfd.  A process
 * that finds it readable, and the lease unchanged, starts a new guardian, which takes the lease by
 * a CAS from the value that was seen; of two that are started, the second finds the lease changed
 * and exits. */
#ifndef IPC_LEASE_H
#define IPC_LEASE_H

#include "ipc/slot.h"

#include <stdbool.h>
#include <stdint.h>

/* The pidfd in a lease; -1 if it holds none (lease_void). */
static inline int lease_pidfd(uint64_t lease) {
    return (int)(uint32_t)lease;
}

/* This process takes the lease whose present value is `lease` (0: there was no guardian yet).
 * False if another process has it by now, or if no pidfd can be opened. */
bool lease_take(struct slot *slot, uint64_t lease);

/* The pidfd in the lease belongs to another descriptor table, after an execve or in the standby:
 * forgets the number without closing it.  Returns the value to take the lease by. */
uint64_t lease_void(struct slot *slot);

/* What a process runs that becomes the guardian in place of a dead one that held `lease`; passed in
 * by master/main.c, because worker/ does not include master/.  Returns the exit status. */
struct segment;
typedef int (*guardian_entry)(struct segment *seg, uint64_t lease);

/* What a process remembers of the last guardian it started, so that it starts one for each death,
 * and another after LEASE_AGAIN_MS if that one took no lease.  Zero at first. */
struct lease_watch {
    uint64_t replaced; /* the lease of the dead one */
    uint64_t at_ms;    /* on the clock of its own that the process passes in */
};
enum { LEASE_AGAIN_MS = 1000 };

/* Whether the process that holds `lease` is dead; false also if another holds the lease by now. */
bool lease_lost(const struct slot *slot, uint64_t lease);
/* Whether this process is to start another for it now; then it is remembered. */
bool lease_due(struct lease_watch *watch, uint64_t lease, uint64_t now_ms);

#endif
