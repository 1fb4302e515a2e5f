/* epoll_interest.h - what the slot's epoll set watches for each client, and what an event's 64 bits
 * of data mean.
 *
 * The set outlives the process: a successor finds its clients registered.  A client's events carry
 * its tag (generation << 32 | descriptor); the other descriptors carry one of the numbers below in
 * the upper half, which are no generations (client.h: GENERATION_LAST).  Own process only. */
#ifndef WORKER_STATE_EPOLL_INTEREST_H
#define WORKER_STATE_EPOLL_INTEREST_H

#include "worker/state/local.h"

#define EVENT_BELL 0u
#define EVENT_LISTENER UINT32_MAX
#define EVENT_GUARDIAN (UINT32_MAX - 1) /* the guardian's pidfd: it is dead */
#define EVENT_WATCHDOG (UINT32_MAX - 2) /* the master's watchdog timer: it hangs */
_Static_assert(EVENT_WATCHDOG > GENERATION_LAST, "no client's tag is an event of another kind");

enum { INTEREST_UNKNOWN = 0xffff };

static inline uint64_t event_tag(uint32_t kind, uint32_t fd) {
    return (uint64_t)kind << 32 | fd;
}

/* Registers what the client's pause and mode ask for: input unless it is paused, room in its socket
 * if it is blocked, and its FIN until that was seen, unless it is leaving.  A reset is reported
 * always.  No system call if that is registered already.  If epoll refuses, the
 * connection is ended, because no event of it would ever be reported. */
void interest_arm(struct worker *w, struct client *c);

/* Removes the client from the set, until interest_arm. */
void interest_forget(struct worker *w, struct client *c);

/* Adds a descriptor that is no client's, for `events`; one that is registered already is kept.
 * False with errno. */
bool interest_add(struct worker *w, int fd, uint32_t events, uint32_t kind);

#endif
