/* worker.h - one worker process: its scratch, and the entry point.
 *
 * Nothing here outlives the process: whatever must is in the segment.  A worker is single-threaded;
 * one `struct worker` exists per process and is passed to everything.
 *
 * The road of a line:
 *     input          recv -> telnet -> line
 *     command        what the line means
 *     stage          rendered once per encoding, outside the gate
 *     stage_publish  one hold of the gate, one commit
 *     apply          effects on records
 *     flush          bell -> count -> send, in every worker */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "ipc/segment.h"
#include "worker/state/stage.h"

#include <stdbool.h>
#include <stdint.h>

/* Why a client's input waits (bits of worker.hold[fd]). */
enum {
    PAUSE_FLOOD = 1,   /* too many lines a second: until its time comes */
    PAUSE_OUTPUT = 2,  /* replies unread: until they are sent */
    PAUSE_BUFFERS = 4, /* no box free: tried again soon */
    PAUSE_CLOSING = 16 /* it is leaving */
};
enum { PAUSE_LOOK_MS = 10 }; /* between looks at those whose time may have come */

/* A set of descriptors in a list without duplicates. */
struct fd_list {
    uint32_t *at;
    uint32_t count;
    uint8_t *in; /* [clients_len]: 1 if listed */
};

/* What a worker runs in a clone of itself when the master is dead: handed in by main.c, because
 * worker/ knows nothing of master/.  NULL: nobody takes over. */
typedef int (*master_entry)(struct segment *seg, uint64_t lease);

struct worker {
    struct segment *seg;
    struct slot *slot;
    uint32_t index;
    uint64_t me; /* incarnation */
    master_entry start_master;
    /* The master, as far as it is this worker's concern: succession.h. */
    uint64_t master_lease;      /* the one whose pidfd is watched */
    uint64_t master_started;    /* the dead one's seat that this worker has started another for */
    uint64_t master_suspect;    /* the seat of the one who is doubted */
    uint64_t master_beat;       /* its heartbeat when its switch expired */
    uint32_t master_started_at; /* when another was started */
    uint32_t master_still;      /* looks at that heartbeat since */
    uint32_t master_looked;     /* when, last */
    bool master_lost;           /* it is dead and not replaced yet */
    bool master_suspected;      /* it did not set its switch anew */
    struct gate_watch watch;    /* what to do while waiting at the gate in vain */
    struct config config;
    uint64_t config_version;
    uint32_t now; /* segment_now() as of this turn */

    uint32_t *members; /* descriptors of the clients it serves */
    uint32_t member_count;
    uint32_t *member_index; /* [fd]: index in members + 1; 0: not a member */
    uint8_t *pause;         /* [fd] */
    uint8_t *readable;      /* [fd]: epoll said so, and recv has not come up short since */
    uint8_t *armed;         /* [fd]: epoll events registered (EPOLLIN, EPOLLOUT); 0xff: unknown */

    struct fd_list ready;         /* input may be waiting */
    struct fd_list reply_pending; /* replies were queued */
    struct fd_list paused;        /* hold != 0: looked at when pause_look_at comes */
    struct fd_list closing;       /* closing: its leave is not in the ledger yet */
    uint32_t pause_look_at;
    uint32_t blocked;         /* members whose socket is full */
    uint32_t unauthenticated; /* members not logged in (login = yes) */
    uint32_t swept;           /* when timeouts were looked at last */
    uint32_t accept_next;
    bool accept_paused; /* until accept_next: no descriptor was left */

    /* The flush: a circle over members that never starts over (worker/flush.c). */
    uint64_t flush_count;  /* the ledger count this pass brings everyone to */
    uint32_t flush_at;     /* index in members */
    uint32_t flush_left;   /* members not yet visited for flush_count */
    uint64_t circle_count; /* everyone is at least here when circle_left reaches 0 */
    uint32_t circle_left;

    uint32_t buffers_wanted; /* the header's word when this worker last looked (relieve.h) */
    uint32_t reclaim_looked; /* when members were looked at last */
    uint32_t *reclaim_mark;  /* [fd]: how much one that held boxes had taken at the last look */

    struct stage stage;
    bool ring_full;     /* the stage holds lines that found no room */
    bool settled;       /* every committed entry is applied: input may be handled */
    bool orphans_due;   /* a look for orphans was put off */
    bool adopting;      /* settling what a predecessor left: never publishes */
    bool retiring;      /* giving its clients away */
    uint32_t give_next; /* retiring: round robin over the slots that stay */
};

/* Serves until told to go; the process's exit status.  Runs in a child made by the supervisor with
 * the descriptor table shared; `seg` is the supervisor's view. */
int worker_main(struct segment *seg, uint32_t slot, uint64_t incarnation,
                master_entry start_master);

/* The gate, with a word to the watchdog that we wait there. */
void worker_lock(struct worker *w);
void worker_unlock(struct worker *w);

/* What the watchdog looks at: before each thing that may take a while.  Work without end on one
 * client beats no more. */
static inline void worker_beat(struct worker *w) {
    uint64_t beat = atomic_load_explicit(&w->slot->heartbeat, memory_order_relaxed);
    atomic_store_explicit(&w->slot->heartbeat, beat + 1, memory_order_relaxed);
}

/* Lists. */
void fd_list_add(struct fd_list *list, uint32_t fd);

static inline struct client *worker_client(struct worker *w, uint32_t fd) {
    return &w->seg->clients.at[fd];
}
static inline uint32_t client_index(const struct worker *w, const struct client *c) {
    return (uint32_t)(c - w->seg->clients.at);
}
static inline uint64_t client_tag(const struct worker *w, const struct client *c) {
    return buffer_tag(client_index(w, c), client_generation(atomic_load_explicit(
                                              &c->state_word, memory_order_relaxed)));
}

/* Membership: the client is this worker's to serve.  members.c */
/* For descriptors below `len`: zeroed pages, which cost nothing until a client uses them. */
bool members_make(struct worker *w, uint32_t len);
/* How many there are, for all to see; while adopting, the predecessor's count stands. */
void members_count(struct worker *w);
void member_add(struct worker *w, struct client *c);
void member_remove(struct worker *w, struct client *c);
/* Makes epoll's interest what hold and mode say; `again`: it is not known what is registered. */
void member_arm(struct worker *w, struct client *c);
/* epoll no longer tells of it, until member_arm. */
void member_forget(struct worker *w, struct client *c);
void member_pause(struct worker *w, struct client *c, uint8_t why);
void member_resume(struct worker *w, struct client *c, uint8_t why);

/* Says what is about to be done to whom: see slot.h. */
static inline void worker_breadcrumb(struct worker *w, enum breadcrumb_phase phase,
                                     const struct client *c, uint64_t position) {
    struct breadcrumb *breadcrumb = &w->slot->breadcrumb;
    atomic_store_explicit(&breadcrumb->client, client_index(w, c), memory_order_relaxed);
    atomic_store_explicit(
        &breadcrumb->generation,
        client_generation(atomic_load_explicit(&c->state_word, memory_order_relaxed)),
        memory_order_relaxed);
    atomic_store_explicit(&breadcrumb->position, position, memory_order_relaxed);
    atomic_store_explicit(&breadcrumb->phase, phase, memory_order_release);
}
static inline void worker_breadcrumb_clear(struct worker *w) {
    atomic_store_explicit(&w->slot->breadcrumb.phase, BREADCRUMB_NONE, memory_order_release);
}

#endif
