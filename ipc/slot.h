/* slot.h - the participants: a pair of hands each, and how each is reached and found dead.
 *
 * Slot 0..WORKERS_MAX-1 are workers; slot MASTER_SLOT is the master, which neither reads nor writes
 * the room.  A slot outlives the processes that fill it: its epoll set, bell and listeners are made
 * by the master before the first worker and are inherited by every successor.
 *
 * Incarnation.  A process is named by a 64-bit number that is never given twice: a counter in the
 * upper 56 bits, the slot in the lower 8.  The master writes a
 * new one before it starts a process in the slot; of many who might start one, one enters
 * (`entry`).
 *
 * Bells.  asleep = 1; fence; look at everything that could be waiting once more; epoll_wait.
 * The ringer: publish; fence; if (exchange(asleep, 0)) write(bell).  Both fences matter: without
 * either, the sleeper may miss the publication and the ringer the sleeper.
 *
 * Each cache line of a slot has one writer: the line of `asleep` is the ringers', the rest is the
 * owner's (its starter's before, and its undertaker's once it is dead). */
#ifndef IPC_SLOT_H
#define IPC_SLOT_H

#include "ipc/config.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { MASTER_SLOT = WORKERS_MAX, SLOT_COUNT = WORKERS_MAX + 1 };

/* Listeners carry their slot in TCP_KEEPIDLE (SLOT_TAG + slot, in seconds), which accepted sockets
 * inherit: so a socket whose worker died before it had a record can still be told whose it is. */
enum { SLOT_TAG = 60 };

/* SLOT_UNUSED: holds nothing back.  SLOT_DEAD: its process is gone and not replaced: holds the
 * ledger but not the text.  SLOT_ADOPTING, SLOT_SERVING, SLOT_RETIRING: alive. */
enum slot_state { SLOT_UNUSED, SLOT_DEAD, SLOT_ADOPTING, SLOT_SERVING, SLOT_RETIRING };

/* What a worker was about to do when it was last seen: if two in a row die of their own fault on
 * the same note, the client named here is disconnected. */
enum breadcrumb_phase {
    BREADCRUMB_NONE,
    BREADCRUMB_ADOPT,
    BREADCRUMB_INPUT,
    BREADCRUMB_APPLY,
    BREADCRUMB_FLUSH
};
struct breadcrumb {
    _Atomic uint32_t phase;
    _Atomic uint32_t client;
    _Atomic uint32_t generation;
    _Atomic uint32_t pad;
    _Atomic uint64_t position;
};

struct slot_stats {
    _Atomic uint64_t accepted, closed, lines_in, sends, bytes_out, bytes_in, overruns, flushes;
};

struct slot {
    _Alignas(64) _Atomic uint32_t asleep;

    _Alignas(64) _Atomic uint64_t cursor; /* ledger: entries below are applied */
    _Atomic uint64_t guard;               /* ledger: the oldest entry whose text may be sent */
    _Atomic uint64_t
        overrun_floor; /* adopting: ledger entries from here on are still to be counted; 0: none */
    _Atomic uint64_t heartbeat; /* moves with every turn, and per client while adopting */
    _Atomic uint32_t state;
    _Atomic uint32_t at_gate; /* waiting for the gate: look at its owner instead */
    _Atomic uint32_t clients; /* connections it serves */
    _Atomic uint32_t people;  /* of these, in the room */

    _Alignas(64) _Atomic uint64_t incarnation; /* 0: never filled */
    _Atomic int32_t pid;
    _Atomic int32_t pidfd;   /* -1: none.  Closed only after `incarnation` moved on */
    _Atomic uint64_t entry;  /* who may enter, and whether it has; the master's: its seat */
    _Atomic uint32_t fault;  /* the signal it died of by its own fault; 0: none */
    _Atomic uint32_t deaths; /* since it last finished adopting */
    int32_t epoll_fd;
    int32_t bell_fd;

    _Alignas(64) struct breadcrumb breadcrumb; /* of the process now in the slot */
    struct breadcrumb last_breadcrumb;         /* of the one before, if it died of its own fault */
    _Alignas(64) struct slot_stats stats;
};

static inline uint32_t incarnation_slot(uint64_t incarnation) {
    return incarnation & 0xff;
}

static inline bool slot_alive(uint32_t state) {
    return state >= SLOT_ADOPTING;
}

/* After the publication that the sleeper is to see, and a fence. */
void slot_wake_up(struct slot *slot);
static inline void slot_ring(struct slot *slot) {
    if (atomic_load_explicit(&slot->asleep, memory_order_relaxed) != 0)
        slot_wake_up(slot);
}
/* Fences, and rings the bells of slots [0, count) but `except`'s (-1: none). */
void slots_ring(struct slot *slots, uint32_t count, int except);

/* The sleeper: before looking once more; then sleep only if nothing was found; afterwards wake. */
void slot_sleep(struct slot *slot);
void slot_wake(struct slot *slot);

/* Entering.  A starter may die between clone() and recording what it made, and its successor must
 * not start a second process beside a first that is just coming up.  So a child enters its slot by
 * a CAS, once; a successor that finds nobody entered revokes the permission by a CAS before it
 * starts another. */
void slot_invite(struct slot *slot, uint64_t incarnation); /* before clone */
bool slot_enter(struct slot *slot, uint64_t incarnation);  /* in the child; false: go away */
bool slot_revoke(struct slot *slot);                       /* false: somebody has entered */

/* Whether the process `incarnation` is dead, by its pidfd.  False when that cannot be told. */
bool slot_dead(struct slot *slots, uint64_t incarnation);

#endif
