/* vanished.h - clients whose network has vanished while something sent to them is unacknowledged.
 *
 * TCP's keepalive ends a silent connection within 3 minutes (master/listen.h), but does not run
 * while something is unacknowledged, which in a talking room is always; the retransmissions alone
 * end it only after 15 minutes (tcp(7), tcp_retries2).  TCP_USER_TIMEOUT would also end a client
 * that is suspended: that answers each window probe and shows a closed window, for hours.  The time
 * since its last acknowledgement tells the two apart.
 *
 * Keepalive probes are at most 128 s apart (master/listen.h), window probes LISTEN_RTO_MAX_MS or,
 * before Linux 6.15, up to 125 s; so a peer that is there has answered within VANISHED_MS.  One
 * window probe may be lost: at 125 s the second comes too late for 3 minutes, and a suspended
 * client whose network vanishes is found after a little more than 4.
 *
 * A pass over the members begins VANISHED_PASS_MS after something was sent, and again as long as
 * a pass finds something unacknowledged: a worker with nothing to say is not woken. */
#ifndef WORKER_VANISHED_H
#define WORKER_VANISHED_H

#include "worker/state/local.h"

struct tcp_info;

enum {
    VANISHED_MS = 150000,     /* since the last acknowledgement */
    VANISHED_PROBES = 2,      /* window probes unanswered, at least */
    VANISHED_PASS_MS = 10000, /* between the beginnings of two passes */
    VANISHED_SLICE = 64,      /* members in a turn of the loop, at 0.7 us each */
    VANISHED_SLICE_MS = 5,    /* between two slices, if nothing else wakes the loop */
};

struct vanished {
    bool due;          /* a pass begins at begin_at */
    bool unanswered;   /* the last pass found something unacknowledged */
    uint32_t begin_at; /* segment_now() */
    uint32_t left;     /* members[0, left) are still to be looked at in the pass under way */
    uint64_t sends;    /* the slot's when the last pass began */
    uint32_t members;  /* their number then: clients may have moved to this worker */
};

/* Whether something sent to the peer has not arrived, or is not known to have. */
bool vanished_unanswered(const struct tcp_info *info);

/* Whether the peer has left retransmissions or probes unanswered for VANISHED_MS. */
bool vanished_peer(const struct tcp_info *info);

/* Once a turn of the loop: clients whose network has vanished leave. */
void vanished_look(struct worker *w, struct vanished *v);

/* Milliseconds until vanished_look has something to do; -1: no need to wake for it. */
int vanished_timeout(const struct worker *w, const struct vanished *v);

#endif
