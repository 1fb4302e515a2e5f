/* child.h - what the processes that the master starts have in common: their signals, and how one
 * that starts no master finds out that there is none any more. */
#ifndef WORKER_STATE_CHILD_H
#define WORKER_STATE_CHILD_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stdint.h>

/* The kernel that lacks memory is to end a process that others replace. */
enum { CHILD_OOM = 200 }; /* above the guardian's oom_score_adj */

/* A fault is noted in the slot, then ends the process.  The master's orders come by the bell, so a
 * terminal's Ctrl-C, which reaches every process of the group, is ignored.  None is blocked. */
void child_signals(const struct segment *seg, struct slot *slot);

/* Zero at first. */
struct child_alone {
    uint64_t beat, seen_ms; /* the master's heartbeat, and when it last moved, clock_ms() */
};

/* Whether the master has made no progress for so long that workers would have started another:
 * there are none. */
bool child_is_alone(struct child_alone *alone, const struct segment *seg,
                    uint64_t worker_timeout_ms);

#endif
