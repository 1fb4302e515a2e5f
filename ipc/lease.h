/* lease.h - which process is the master: one word, taken by compare-and-swap.
 *
 * The lease lies in `entry` of the master's slot: a count that grows with each master in the upper
 * half, the living master's pidfd in the lower.  Workers watch that pidfd.  A worker that finds it
 * readable, and the lease unchanged, starts a new master, which takes the lease by a CAS from the
 * value the worker saw; of two that are started, the second finds the lease changed and exits. */
#ifndef IPC_LEASE_H
#define IPC_LEASE_H

#include "ipc/slot.h"

#include <stdbool.h>
#include <stdint.h>

/* The pidfd in a lease; -1 if it holds none (lease_void). */
static inline int lease_pidfd(uint64_t lease) {
    return (int)(uint32_t)lease;
}

/* This process takes the lease whose present value is `lease` (0: there was no master yet).  False
 * if another process has it by now, or if no pidfd can be opened. */
bool lease_take(struct slot *slot, uint64_t lease);

/* The pidfd in the lease belongs to another descriptor table, after an execve or in the standby:
 * forgets the number without closing it.  Returns the value to take the lease by. */
uint64_t lease_void(struct slot *slot);

#endif
