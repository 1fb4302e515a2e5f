/* local.h - struct worker: what one worker process keeps in its own memory.
 *
 * Nothing here outlives the process: everything that must is in the segment, and a successor finds
 * it there.  A worker is single-threaded.  One struct worker exists per process and is passed to
 * every function.  Each part of it belongs to the file named beside it. */
#ifndef WORKER_STATE_LOCAL_H
#define WORKER_STATE_LOCAL_H

#include "ipc/segment.h"
#include "worker/state/fd_queue.h"
#include "worker/state/flush_pass.h"
#include "worker/state/label.h"
#include "worker/state/stage.h"
#include "worker/state/stamp.h"

#include <stdbool.h>
#include <stdint.h>

/* The clients that this worker serves: members.h. */
struct members {
    uint32_t *at; /* [count]: descriptors, in no order */
    uint32_t count;
    uint32_t *index;          /* [fd]: index in `at` + 1; 0: not a member */
    uint32_t unauthenticated; /* members that are not in the room */
    uint32_t tools;           /* members that are no clients of the room: client_is_tool */
    uint32_t asking;          /* members that speak HTTP */
    uint32_t browsers;        /* members that are browsers: client_is_browser */
    uint32_t header_due;      /* members whose address is not known: client_header_due */
    uint32_t away;            /* members whose connection has ended (record/away.h) */
};

/* What epoll watches: epoll_interest.h. */
struct interest {
    uint16_t *armed; /* [fd]: events registered (EPOLLIN, EPOLLOUT, EPOLLRDHUP); INTEREST_UNKNOWN */
    uint8_t *readable; /* [fd]: 1: epoll reported input, and no recv has come up short since */
    uint32_t *ended;   /* [fd]: when the FIN was seen, segment_now() | 1; 0: not yet (ending.h) */
};

/* clang-format off */
enum pause_reason {
    PAUSE_FLOOD = 1,    /* beyond its rate limit: until time has passed */
    PAUSE_OUTPUT = 2,   /* replies unread: until they are sent */
    PAUSE_BUFFERS = 4,  /* no buffer was free: tried again after PAUSE_LOOK_MS, output too */
    PAUSE_CLOSING = 8,  /* it is leaving: for good */
    PAUSE_ARRIVAL = 16, /* its greeting is not complete, or its join is not applied */
    PAUSE_PUBLISH = 32, /* nothing can be staged: until this worker can publish again */
    PAUSE_MEMORY = 64,  /* no kernel memory for its socket: tried again after PAUSE_LOOK_MS */
};
/* clang-format on */

/* Why the input of clients waits: pause.h. */
struct pauses {
    uint8_t *why;         /* [fd]: bits, enum pause_reason */
    struct fd_queue look; /* those whose reason ends with time */
    uint32_t look_at;     /* when the next look is due, segment_now() */
};

/* What clients have sent and not paid for yet: account.h; and how long they have been too fast:
 * worker/input/flood.h. */
struct accounts {
    uint32_t *owed;    /* [fd]: in 1/ACCOUNT_LINE of a line */
    uint32_t *drop_at; /* [fd]: when its waiting input is dropped, segment_now() | 1; 0: it is not
                          too fast */
    /* [fd], FACT_DROPPING: stream positions up to which, and how far that may still move; 0: not
     * known */
    uint64_t *drop_to, *drop_most;
};

/* Which browsers answer: ledger/ping.h. */
struct heard {
    uint32_t received : 24; /* bytes, modulo 2^24, at the last look */
    uint32_t silent : 8;    /* looks in a row at which they had not changed */
};
struct pings {
    struct heard *heard; /* [fd] */
    uint32_t looked;     /* segment_now() */
};

/* Which bans and mutes this worker has looked at: ledger/moderation.h. */
struct moderated {
    uint64_t generation; /* of the table by which all members were looked at */
    uint64_t next_end;   /* when a mute ends, milliseconds of the wall clock; 0: none does */
    struct fd_queue due; /* to be looked at before their input is read */
};

struct worker {
    struct segment *seg;
    struct slot *slot;
    uint32_t index; /* of the slot */
    uint64_t me;    /* incarnation */
    struct config config;
    uint64_t config_version;
    /* As of this turn of the loop: segment_now(), segment_ticks(), segment_tenths(). */
    uint32_t now, ticks, tenths;

    bool adopting;    /* settling what a predecessor left: nothing is published meanwhile */
    bool settled;     /* every committed entry is applied: input may be read */
    uint64_t applied; /* the entry below is applied, or is being (ledger/apply.h) */
    bool orphans_due; /* a look for orphans was put off (adopt.h) */

    struct members members;
    struct interest interest;
    struct pauses pauses;
    struct accounts accounts;
    struct flush_pass flush;
    struct stage stage;
    struct moderated moderated;
    struct pings pings;
    uint64_t log_tat; /* the account of this worker's lines about clients (client_log.h), us */
    struct stamp stamp;
    uint64_t orders;       /* the last of the room that this worker has seen (ledger/orders.h) */
    uint32_t buffers_seen; /* the header's buffers_wanted when last looked at (buffer_request.h) */

    struct fd_queue ready;         /* input may be waiting, or the greeting is not complete */
    struct fd_queue reply_pending; /* replies were queued since the last flush of that client */
    struct fd_queue closing;       /* state CLOSING, the leave is not staged yet */
    struct fd_queue quiet;         /* guests whose coming is to be announced (command/announce.h) */
};

static inline struct client *worker_client(struct worker *w, uint32_t fd) {
    return &w->seg->clients.at[fd];
}
static inline uint32_t client_index(const struct worker *w, const struct client *c) {
    return (uint32_t)(c - w->seg->clients.at);
}
static inline uint64_t client_tag(const struct worker *w, const struct client *c) {
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_relaxed);
    return buffer_tag(client_index(w, c), client_generation(word));
}
/* In the room's lines, with these facts of it.  Returns out. */
static inline const char *client_label(const struct worker *w, const struct client *c,
                                       const struct facts *f, char out[LABEL_TEXT]) {
    char name[NAME_TEXT];
    return label_name(client_name(&w->seg->clients, c, f, name), &c->addr, out);
}
/* What label_shown calls it where its name cannot be shown (label.h). */
static inline uint64_t client_number(const struct worker *w, uint32_t client, uint32_t generation) {
    return label_number(client, generation, w->seg->clients.rows);
}
static inline bool client_live(const struct client *c) {
    return client_state(atomic_load_explicit(&c->state_word, memory_order_relaxed)) == CLIENT_LIVE;
}
static inline void worker_read_clock(struct worker *w) {
    w->now = segment_now(w->seg);
    w->ticks = segment_ticks(w->seg);
    w->tenths = segment_tenths(w->seg);
}
static inline bool worker_serves(const struct worker *w, uint32_t fd) {
    return w->members.index[fd] != 0;
}

#endif
