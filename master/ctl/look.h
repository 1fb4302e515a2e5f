/* look.h - all that chatroom-ctl shows of the server at one moment, and what two such looks tell.
 *
 * The numbers come from the segment (ipc/survey.h), whether a process is stopped or gone from
 * /proc.  The ids of a server in another PID namespace (a container, seen from outside or from
 * another one) name other processes here or none: of its processes nothing is said but what the
 * segment tells.  Looking changes nothing, and waits for no process. */
#ifndef MASTER_CTL_LOOK_H
#define MASTER_CTL_LOOK_H

#include "ipc/pid_stat.h"
#include "ipc/survey.h"

#include <stdbool.h>

struct look {
    struct survey survey;
    struct survey_clients clients;
    struct survey_pool rx, tx, ignore_more;
    bool foreign; /* the server's ids are of another PID namespace: `process` is empty */
    struct pid_stat process[SLOT_COUNT]; /* of the slots that have one */
};

void look_take(struct look *look, const struct segment *seg);

/* Slots in the order in which they are shown, k from 0 to SLOT_COUNT - 1: the master and other
 * participants, then the workers. */
static inline uint32_t look_slot(uint32_t k) {
    return (k + WORKERS_MAX) % SLOT_COUNT;
}
/* Whether it is shown: a worker's that was ever used, another's that has a process, the master's.
 */
bool look_shown(const struct look *look, uint32_t slot);

/* Whether the slot has a process, by the segment. */
bool look_manned(const struct look *look, uint32_t slot);
/* None of the server's processes exists any more, as far as that can be known. */
bool look_ended(const struct look *look);

/* One word for a slot; the first that is true.  What an operator should know of is in capitals. */
enum look_verdict {
    LOOK_DEAD,    /* its process was found dead, and none has taken its place yet */
    LOOK_GONE,    /* its process does not exist, which no other has found yet */
    LOOK_STOPPED, /* by a signal or a debugger */
    LOOK_AT_GATE, /* waits for the gate, at both looks */
    LOOK_AT_DISK, /* waits for a file */
    LOOK_STILL,   /* has work and does not move: it hangs */
    LOOK_BEHIND,  /* lives, but more than a quarter of the ledger is not applied */
    LOOK_WELL,    /* as the slot's state says */
};
enum look_verdict look_verdict(const struct look *before, const struct look *now, uint32_t slot);
/* "STOPPED"; for LOOK_WELL the state. */
const char *look_word(const struct look *before, const struct look *now, uint32_t slot);

/* Two looks, with so much time in between that a worker at work has moved: at once if none is
 * suspect, within LOOK_WAIT_MS otherwise. */
enum { LOOK_WAIT_MS = 300 };
void look_twice(struct look *before, struct look *now, const struct segment *seg);

#endif
