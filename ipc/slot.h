/* slot.h - the participants: where each publishes its progress, how each is woken and found dead.
 *
 * Slots 0..WORKERS_MAX-1 are workers'.  RELAY_SLOT is the relay's, which publishes what people of
 * other machines do (worker/relay/relay.h).  The room waits for these, [0, ROOM_SLOTS).
 * TRANSCRIPT_SLOT is the transcript's, which reads the room and is not waited for: its cursor and
 * guard hold nothing (worker/transcript/transcript.h).  These
 * are the slots that the master starts processes in: [0, CHILD_SLOTS).  MASTER_SLOT is the
 * master's, which neither reads nor writes the room; GUARDIAN_SLOT that of the process that starts
 * the master (master/guardian.h).  A slot outlives the processes that fill it:
 * the master makes its epoll set, bell and listeners before the first worker, and every successor
 * inherits them.
 *
 * Incarnation.  A process is named by a 64-bit number that is never given twice: a count in the
 * upper 56 bits, the slot in the lower 8.  The master writes a new one before it starts a process
 * in the slot.  If two processes are started for one slot, one of them enters it (slot_enter).
 *
 * Bells.  The sleeper: asleep = 1; fence; look once more at everything that could be waiting;
 * epoll_wait.  The ringer: publish; fence; if (exchange(asleep, 0)) write(bell).  Without either
 * fence the sleeper may miss the publication while the ringer misses the sleeper.
 *
 * Writers.  Each cache line below names its writer.  While a slot's process is alive, that process
 * writes its own lines; before it enters, its starter does; after its death, the process that reaps
 * it does. */
#ifndef IPC_SLOT_H
#define IPC_SLOT_H

#include "ipc/config.h"
#include "ipc/tally.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    RELAY_SLOT = WORKERS_MAX,
    ROOM_SLOTS,
    TRANSCRIPT_SLOT = ROOM_SLOTS,
    CHILD_SLOTS,
    MASTER_SLOT = CHILD_SLOTS,
    GUARDIAN_SLOT,
    SLOT_COUNT
};

/* A listener carries its slot in TCP_KEEPIDLE (SLOT_TAG + slot, in seconds), which accepted sockets
 * inherit: so a socket of the server's is recognised when its worker died before filling a record.
 */
enum { SLOT_TAG = 60 };

/* And its kind (client.h) in TCP_KEEPINTVL: KIND_TAG - kind, in seconds between two probes. */
enum { KIND_TAG = 8 };

/* clang-format off */
enum slot_state {
    SLOT_UNUSED,   /* no process, no clients: holds nothing back */
    SLOT_DEAD,     /* its process is gone and not replaced: holds the ledger, not the text */
    SLOT_ADOPTING, /* alive from here on: taking over a predecessor's clients */
    SLOT_SERVING,
    SLOT_RETIRING, /* giving its clients away */
};
/* clang-format on */

/* What a worker is doing to which client.  If two workers in a row die of their own fault with
 * equal breadcrumbs, that client's input is poison and the client is disconnected. */
enum breadcrumb_phase {
    BREADCRUMB_NONE,
    BREADCRUMB_ADOPT,
    BREADCRUMB_INPUT,
    BREADCRUMB_APPLY,
    BREADCRUMB_FLUSH,
    BREADCRUMB_DISK /* the transcript's: waits for its file, which is no hang */
};
struct breadcrumb {
    _Atomic uint32_t phase;
    _Atomic uint32_t client;
    _Atomic uint32_t generation;
    _Atomic uint32_t pad;
    _Atomic uint64_t position; /* input, ledger or ring position, by the phase */
};

/* For an operator's eyes alone: since the server's start, whichever process was in the slot.  Each
 * is a plain count, so a death may lose the last of what it counts. */
struct slot_stats {
    _Atomic uint64_t accepted, closed; /* connections */
    _Atomic uint64_t sends;            /* system calls that took bytes */
    _Atomic uint64_t bytes_out, bytes_in;
    _Atomic uint64_t overruns; /* times that a client lost lines */
    _Atomic uint64_t
        delivered; /* lines of the room times its members, counted once a pass (flush.c) */
};

/* Why a connection is closed as soon as it has come. */
enum refused {
    REFUSED_RATE,    /* connect_rate: closed unheard */
    REFUSED_FULL,    /* max_clients */
    REFUSED_ADDRESS, /* max_clients_per_address */
    REFUSED_BANNED,  /* its address is banned */
    REFUSED_MEMORY,  /* no shared memory for its record */
    REFUSED_HTTP,    /* as many of its kind are served already (http.h) */
    REFUSED_REASONS
};

struct slot {
    /* by every process */
    _Alignas(64) _Atomic uint32_t asleep;
    uint8_t pad[60];

    /* by the worker in the slot; read by producers and by the watchdog */
    _Alignas(64) _Atomic uint64_t cursor; /* ledger: entries below are applied */
    _Atomic uint64_t guard;               /* ledger: the oldest entry whose text may be sent */
    /* while adopting: the ledger from this entry on is still needed to count lost lines; 0: not */
    _Atomic uint64_t overrun_floor;
    _Atomic uint64_t heartbeat; /* moves before each piece of work */
    _Atomic uint32_t state;     /* enum slot_state */
    _Atomic uint32_t at_gate;   /* 1: waiting for the gate, so its owner is to blame for a hang */
    _Atomic uint32_t clients;   /* connections it serves */
    uint8_t pad2[20];

    /* by the master, and by a process that enters */
    _Alignas(64) _Atomic uint64_t incarnation; /* 0: never filled */
    _Atomic int32_t pid;
    _Atomic int32_t pidfd;  /* -1: none.  Closed only after `incarnation` moved on */
    _Atomic uint64_t entry; /* a worker's: permission to enter; the master's: its lease (lease.h) */
    _Atomic uint32_t fault; /* the signal its process died of by its own fault; 0: none */
    _Atomic uint32_t deaths; /* in a row, each soon after its start (master/respawn.h) */
    int32_t epoll_fd;
    int32_t bell_fd;
    _Atomic uint64_t died;  /* processes that died in it, but for those that were to end */
    _Atomic uint32_t cause; /* how its process ended, by the guardian: slot_cause(); 0: not known */
    _Atomic int32_t reaper; /* pid of its parent, which stores that; by its starter */
    uint8_t pad3[8];

    /* by the worker in the slot */
    _Alignas(64) struct breadcrumb breadcrumb; /* of the process now in the slot */
    struct breadcrumb last_breadcrumb;         /* of the one before, if it died of its own fault */
    uint8_t pad4[16];
#ifdef LAYOUT_TEST /* another layout: see header.h */
    _Alignas(64) uint64_t layout_test[24];
#endif
    _Alignas(64) struct slot_stats stats;
    uint8_t pad5[8];
    struct tally tally; /* lines that it did not write to the log */
    _Atomic uint64_t refused[REFUSED_REASONS];
    uint8_t pad6[24];
};

static inline uint32_t incarnation_slot(uint64_t incarnation) {
    return incarnation & 0xff;
}

static inline bool slot_alive(uint32_t state) {
    return state >= SLOT_ADOPTING;
}

/* What the process in the slot is called: "worker 3", "relay", "transcript", "master", "guardian".
 * Returns out. */
enum { SLOT_NAME = 16 };
const char *slot_name(uint32_t index, char out[SLOT_NAME]);

/* ---- bells ---- */

/* After the publication that the sleeper is to see, and a fence. */
void slot_wake_up(struct slot *slot);
static inline void slot_ring(struct slot *slot) {
    if (atomic_load_explicit(&slot->asleep, memory_order_relaxed) != 0)
        slot_wake_up(slot);
}
/* Ends the wait of the process in the slot, whether it has said that it sleeps or not. */
void slot_ring_awake(const struct slot *slot);
/* The same for the master: requests wait (request.h). */
void slots_ring_master(const struct slot *slots);
/* Fences, and rings the bells of slots [0, count) but `except`'s (-1: of all). */
void slots_ring(struct slot *slots, uint32_t count, int except);

/* The sleeper: before its last look; it sleeps only if that finds nothing.  slot_wake afterwards.
 */
void slot_sleep(struct slot *slot);
void slot_wake(struct slot *slot);

/* ---- entering ----
 *
 * A starter may die between clone() and recording the child, and its successor must not start a
 * second process beside a first that is just coming up.  So a child enters its slot by a CAS, once;
 * a successor that finds the slot not entered revokes the permission by a CAS before it starts
 * another process. */
void slot_invite(struct slot *slot, uint64_t incarnation); /* before clone */
bool slot_enter(struct slot *slot, uint64_t incarnation);  /* in the child; false: it must exit */
bool slot_revoke(struct slot *slot);                       /* false: a process has entered */

/* Whether the process `incarnation` is dead, by its pidfd.  False when that cannot be told. */
bool slot_dead(struct slot *slots, uint64_t incarnation);

#endif
