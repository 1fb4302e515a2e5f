/* relay.h - what the relay has done: the room's place in the stream that it shares with other
 * machines, and how the link to them is.
 *
 * The relay is a process in RELAY_SLOT (worker/relay/relay.h).  All that its successor must know
 * lies here or in the ledger; what the link did is found out from the engine.
 *
 * Exactly once.  There are two places, and `turn` names the one in effect: the relay fills the
 * other, then moves `turn` by one release store.  A place is as of ledger entry `index`: the
 * entries below are applied, and with them the marks that foreign entries bear in their side data
 * (struct side_foreign).  A successor applies the entries from `index` on again.
 *
 * Its slot.  While the slot is not SLOT_UNUSED its cursor binds producers as a worker's does
 * (slot.h). It is unused before the first process has entered under the gate; after one has ended
 * as it was asked to; and, set so by the master, while a new process waits because the last ones
 * died at once: the room is not held for a relay that cannot start.  So a process that begins
 *   - in a slot that is not unused finds every entry from place.index on;
 *   - in an unused one takes the gate and looks: if the entry at place.index and its side data are
 *     whole still (room_oldest, text_high), it goes on there.  Else it has lapped: what was applied
 *     is not known, own lines in between are a gap, and the records of people elsewhere, with the
 *     number of people in the room, are to be set right anew.
 *
 * Its end.  The process ends when `asked` has moved on from `begun`, or the configuration names
 * another machine or engine than it has begun with (relay_same); it does not adopt that one.  It
 * passes on what there is if the link is up, and does not wait for a link that is down.  Then, if
 * the server ends (shutdown) or the configuration is another, it says goodbye to the engine; if no
 * relay is configured any more it also lets the people elsewhere leave the room.  Last of all it
 * stores SLOT_UNUSED and exits with status 0.  Any other end is a death, after which the master
 * starts another process, whether a relay is configured still or not.  The master publishes a
 * configuration before it moves `asked`.
 *
 * A life is one segment of a machine: a number that rises from one to the next.  A turn counts how
 * often a life came into reach of the others.  An item is an entry of the stream: of one life they
 * are numbered by the ledger index of the entry that each passes on.
 *
 * Written by the relay, or by the master, as marked; read by every process. */
#ifndef IPC_RELAY_H
#define IPC_RELAY_H

#include "ipc/config.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { RELAY_NODES = 32 };

/* A place in the stream: an engine's id of an entry. */
struct stream_id {
    uint64_t ms, seq;
};

/* UNUSED: a machine that was never in reach, or, without a name, none. */
enum relay_node_state { RELAY_NODE_UNUSED, RELAY_NODE_AWAY, RELAY_NODE_HERE };

/* Another machine. */
struct relay_node {
    char name[NODE_NAME_MAX];
    uint64_t life;
    uint64_t mark;  /* the last item of that life that is applied */
    uint32_t turn;  /* the last that began or ended */
    uint32_t lines; /* its running number of lines, as of `mark` */
    uint32_t people;
    uint32_t state; /* enum relay_node_state */
};

struct relay_place {
    uint64_t index;           /* ledger entries below are applied */
    struct stream_id in;      /* where to read from; only a hint, because marks decide */
    struct stream_id floor;   /* nothing up to there is read: it was said before this segment */
    uint64_t from;            /* own entries below are never passed on; 0: not chosen yet */
    uint64_t acked;           /* the last own item that the engine has acknowledged; or from - 1 */
    uint64_t life;            /* of this segment, under `name`; 0: not chosen yet */
    uint64_t former;          /* the one before, under another name; 0: there was none */
    char name[NODE_NAME_MAX]; /* of this machine */
    uint32_t turn;            /* of this life */
    uint32_t own_lines;       /* speech of this machine's people, in the entries below `index`, */
    uint32_t acked_lines;     /* and in those up to `acked` */
    uint32_t link_said;       /* 1: the room was told that the link is down */
    uint32_t filled;          /* 1: the stream's history is in the ledger, or is not wanted */
    uint32_t pad;
    struct relay_node node[RELAY_NODES];
};

enum relay_link { RELAY_DOWN, RELAY_UP };

struct relay {
    /* by the relay */
    struct relay_place place[2];
    _Atomic uint32_t turn;  /* place[turn & 1] is in effect */
    _Atomic uint32_t link;  /* enum relay_link; the master stores that it is down, too */
    _Atomic uint32_t since; /* when that last changed, segment_now */
    _Atomic uint32_t lag;   /* items that wait to be passed on, and are not acknowledged */
    /* for an operator's eyes alone; a death may lose the last of what each counts */
    _Atomic uint64_t lines_out, lines_in, skipped_out, skipped_in, refused;
    char peer[64];   /* HOST:PORT of the engine that is spoken to; "": none */
    char state[192]; /* one line for people: "up", or why the link is down */

    /* by the master */
    _Atomic uint32_t asked; /* moved on: the process ends */
    _Atomic uint32_t begun; /* `asked`, when the process was started */
};

/* A machine's name: 1 to NODE_NAME_MAX - 1 small letters, digits and `-`, the first no `-`. */
bool relay_is_node(const char *text);

/* Whether a room over several machines is configured. */
static inline bool relay_configured(const struct config *config) {
    return config->relay_count > 0;
}
/* Whether it is the same machine, engine, account and database. */
bool relay_same(const struct config *a, const struct config *b);

static inline const struct relay_place *relay_place(const struct relay *r) {
    return &r->place[atomic_load_explicit(&r->turn, memory_order_acquire) & 1];
}

/* Whether the process is to end. */
static inline bool relay_asked(const struct relay *r) {
    return atomic_load_explicit(&r->asked, memory_order_acquire) !=
           atomic_load_explicit(&r->begun, memory_order_relaxed);
}

/* Whether people elsewhere can be written to. */
static inline bool relay_is_up(const struct relay *r) {
    return atomic_load_explicit(&r->link, memory_order_acquire) == RELAY_UP;
}

/* `node` of struct side_foreign where it is no machine's: of an entry on the link itself (`mark` is
 * 1 when it is down), and of a line that was said before this segment began (only `in` counts). */
enum { RELAY_LINK = RELAY_NODES, RELAY_EARLIER };

/* The last thing in the side data of an entry with ENTRY_FOREIGN: what its application makes of the
 * place.  `state` and `people` are of the machine from then on. */
struct side_foreign {
    uint64_t life, mark;
    struct stream_id in;
    uint32_t node; /* index in place.node, or RELAY_LINK, RELAY_EARLIER */
    uint32_t turn, lines, people;
    uint32_t state;
    uint32_t pad;
};

/* What an ENTRY_NOTE says to its addressee of a private line to the name in it: no client has the
 * name, the client that has it does not read, the link was lost before the line was passed on. */
enum relay_note { RELAY_NOTE_NOBODY, RELAY_NOTE_UNREAD, RELAY_NOTE_LINK, RELAY_NOTES };

#endif
