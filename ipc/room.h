/* room.h - the one room: a ledger of events, five byte rings, and the one word that commits.
 *
 * Model.  Conceptually two kinds of infinite array: the ledger of 64-byte entries, and for each
 * ring a stream of bytes.  Positions are 64-bit and never wrap; only the access to memory takes
 * them modulo the power-of-two size.  SENT_RINGS rings hold what clients are sent: text in UTF-8,
 * GBK and Big5, and RING_JSON, the same lines as WebSocket frames (worker/protocol/event.h).  A
 * client in another encoding is sent the first, converted (worker/output/filter.h).  The last,
 * RING_SIDE, holds side data, which no client is sent as it is: names, the text of private lines,
 * the parameters of moves.  Every ring is mapped twice in a row, so that any span up to its size is
 * contiguous.
 *
 *     ledger    ... | entry i-1 | entry i | ...            entry i's bytes in ring e are
 *     ring e    ...........[ line i ]......                [entry[i-1].end[e], entry[i].end[e])
 *
 * The ends in RING_SIDE lie in an array of their own, parallel to the ledger: an entry stays one
 * cache line, and what is sent finds all of its ends there.
 *
 * Writing (under the gate):
 *     struct batch b;
 *     room_begin(room, &b);
 *     room_append(room, &b, &line) ...     bytes and entry go beyond the end: not committed
 *     room_commit(room, &b);               one release store of `count` commits them
 * A death before the store leaves nothing; after it, everything.  There is no third state.
 *
 * Reading (no lock): load-acquire `count`; entries below it and the bytes below the last entry's
 * ends never change until every reader's guard and cursor have passed them.
 *
 * Reading without being waited for.  A reader that publishes no guard copies first and looks
 * afterwards whether what it copied was being overwritten meanwhile (room_unchanged): the reader's
 * side of a seqlock.  `count` does not say it, because a writer overwrites beyond `count` before it
 * commits; `ledger_high` and `text_high` do, which rise before anything is written.
 *
 * Room to write.  Each participant (slot.h) publishes two ledger indexes: `guard`, the oldest entry
 * whose bytes it may still send, and `cursor`, the oldest entry it has not applied.  Entry g-1 and
 * the byte before entry g's text are kept too: they say where g begins and whether a line begins
 * there.  A dead slot's guard no longer holds the text (no send is in progress) but still the
 * ledger, so that its successor can count exactly how many lines a client lost by an overrun.
 *
 * A full ring.  A producer that finds no room keeps its lines staged and sleeps:
 *     room_wait(room); try once more; if still full: slot_sleep, and look at room_waiting last
 * A participant that has made room calls room_progress, which wakes the waiting producers.  Both
 * sides fence between their store and their load, so no wake-up is lost; a death in between is
 * covered by the producer's timer and by the bells that every reaper rings. */
#ifndef IPC_ROOM_H
#define IPC_ROOM_H

#include "ipc/config.h"
#include "ipc/relay.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { RING_JSON = ENC_RINGS, SENT_RINGS, RING_SIDE = SENT_RINGS, RING_COUNT };

/* The id of an event, as its frame bears it: EPOCH-INDEX, both in hexadecimal, of fixed width. */
enum { ID_EPOCH = 16, ID_INDEX = 12, ID_TEXT = ID_EPOCH + 1 + ID_INDEX };

enum entry_kind {
    ENTRY_GENESIS, /* index 0: makes "the entry before" always exist */
    ENTRY_SPEECH,  /* say, /me: bytes for everyone */
    ENTRY_JOIN,    /* side data: the name, NUL, struct side_name; nothing if it has no name */
    ENTRY_LEAVE,   /* side data: the name, or address:port, NUL */
    ENTRY_NICK,    /* side data: the new name, NUL, the old one, NUL, struct side_name */
    ENTRY_PRIVATE, /* side data: struct side_private, then the text */
    ENTRY_SYSTEM,  /* an announcement; the operator */
    ENTRY_KICK, /* of the client that is asked to leave; side data: struct side_private naming the
                   operator whose line it was, then the reason, NUL, the client's name, or
                   address:port, NUL */
    ENTRY_MOVE, /* side data: struct side_move */
    ENTRY_PING, /* bytes in RING_JSON alone: no line */
    ENTRY_NODE, /* a machine, or the link to all, is out of reach or back: `people` may fall */
    ENTRY_NOTE, /* side data: struct side_private, the addressee; a byte, enum relay_note; a name,
                   NUL */
};

/* `flags` */
enum {
    ENTRY_AFTER_CR = 1, /* the line that caused it ended with CR: swallow one LF or NUL after it */
    ENTRY_BARE = 2,     /* speech of the open room: a line as it was typed, without a name */
    ENTRY_ACTION = 4,   /* speech said by /me */
    ENTRY_RE = 8, /* the side data ends with a uint32_t: the number of the message that caused it */
    ENTRY_FOREIGN = 16, /* by the relay: the side data ends with struct side_foreign (relay.h) */
    ENTRY_STAMPED = 32, /* the text begins with its time: it came late */
    ENTRY_EARLIER = 64, /* by the relay: history, from before this segment */
};

/* One cache line.  `consumed` is how far the client's input was consumed by this line, modulo 2^32;
 * `lines`, `said` (the lines that are speech) and `people` are running counts *through* this entry,
 * so that a number of lines skipped is a subtraction, the n-th line said is found by halving, and
 * the population is committed with the event that changes it. */
struct entry {
    uint64_t end[SENT_RINGS];
    uint32_t client; /* index in the client table; NO_CLIENT: the server itself */
    uint32_t generation;
    uint32_t consumed;
    uint32_t lines;
    uint32_t people;
    uint32_t time; /* 10 ms since the segment's epoch, modulo 2^32 (segment_ticks) */
    uint32_t said;
    uint8_t kind;
    uint8_t slot; /* of its publisher */
    uint16_t flags;
};
_Static_assert(sizeof(struct entry) == 64, "an entry is one cache line");

#define NO_CLIENT UINT32_MAX

struct side_private {
    uint32_t client, generation; /* the addressee */
};
struct side_name {
    uint64_t key, look; /* what the name is claimed by (name_table.h); look 0: by `key` alone */
};
struct side_move {
    uint32_t from, to; /* slots */
};

struct room_shared {
    _Alignas(64) _Atomic uint64_t count; /* THE commit word */
    /* Behind the last entry that its client's worker applies before it sends what follows: a kick,
     * a private line, or a note.  Stored under the gate before that entry's commit, so that `count`
     * never includes one that this does not tell of. */
    _Atomic uint64_t held;
    _Atomic uint32_t waiting; /* 1: a producer found no room (room_wait) */
    uint8_t pad[44];
    /* Under the gate only: how far may be written without asking the slots again.  A stale limit is
     * only ever too small, because guards rise; a guard that appears lower down lowers it
     * (room_enter). */
    _Alignas(64) uint64_t ledger_limit; /* first index that may not be written */
    uint64_t text_limit[RING_COUNT];    /* first byte that may not be written */
    /* First byte, and first index, never written yet, committed or not.  Written under the gate. */
    _Atomic uint64_t text_high[RING_COUNT];
    _Atomic uint64_t ledger_high;
    _Atomic uint64_t orders; /* moves with each order of an operator (worker/ledger/orders.h) */
    uint64_t epoch;          /* random, never changes: of the ids of this ledger's events */
    _Atomic uint32_t pinged; /* when the last ENTRY_PING was made, segment_ticks */
    uint8_t pad2[12];
};

struct slot;

/* A process's view: where the parts are mapped.  Never stored in the segment. */
struct room {
    struct room_shared *shared;
    struct entry *ledger;
    uint64_t *side_end;        /* [ledger_len]: ends in RING_SIDE */
    uint8_t *ring[RING_COUNT]; /* each 2 x size of address space */
    uint64_t ledger_len;       /* a power of two */
    uint64_t ring_size[RING_COUNT];
    struct slot *slots;
    uint32_t slot_count;
};

/* A line as the publisher hands it in; `entry` needs client, generation, consumed, time,
 * kind, slot and flags; `people` is the change (-1, 0, 1); end and lines are filled in. */
struct room_line {
    struct entry entry;
    const void *text[RING_COUNT];
    uint32_t len[RING_COUNT];
    uint32_t id_at; /* offset in text[RING_JSON] of ID_INDEX digits, which room_append writes */
    int32_t people;
};

/* What is staged beyond the commit word.  Lives on the stack of the gate's owner. */
struct batch {
    uint64_t first, next; /* ledger indexes: [first, next) is staged */
    uint64_t end[RING_COUNT];
    uint32_t lines, said, people;
};

void room_init(struct room *room); /* by the segment's maker: writes the genesis entry */

/* Under the gate. */
void room_begin(struct room *room, struct batch *batch);
bool room_append(struct room *room, struct batch *batch,
                 const struct room_line *line); /* false: full */
void room_commit(struct room *room, const struct batch *batch);

static inline uint64_t room_count(const struct room *room) {
    return atomic_load_explicit(&room->shared->count, memory_order_acquire);
}
static inline struct entry *room_entry(const struct room *room, uint64_t index) {
    return &room->ledger[index & (room->ledger_len - 1)];
}
static inline uint64_t room_end(const struct room *room, uint64_t index, int e) {
    return e == RING_SIDE ? room->side_end[index & (room->ledger_len - 1)]
                          : room_entry(room, index)->end[e];
}
/* Where entry `index` begins in ring `e`. */
static inline uint64_t room_start(const struct room *room, uint64_t index, int e) {
    return room_end(room, index - 1, e);
}
static inline const uint8_t *room_text(const struct room *room, int e, uint64_t pos) {
    return room->ring[e] + (pos & (room->ring_size[e] - 1));
}
static inline uint32_t room_len(const struct room *room, uint64_t index, int e) {
    return (uint32_t)(room_end(room, index, e) - room_start(room, index, e));
}

/* The entry's side data, *len bytes, without what ENTRY_RE or ENTRY_FOREIGN puts behind them. */
static inline const uint8_t *room_side(const struct room *room, uint64_t index, uint32_t *len) {
    uint16_t flags = room_entry(room, index)->flags;
    uint32_t number = flags & ENTRY_RE        ? sizeof(uint32_t)
                      : flags & ENTRY_FOREIGN ? sizeof(struct side_foreign)
                                              : 0;
    uint32_t all = room_len(room, index, RING_SIDE);
    *len = all > number ? all - number : 0;
    return room_text(room, RING_SIDE, room_start(room, index, RING_SIDE));
}

/* For a reader without a guard, after it has copied: whether the entries from `index` - 1 on,
 * and the text of ring `e` from `pos` on, were not overwritten up to now. */
bool room_unchanged(const struct room *room, uint64_t index, int e, uint64_t pos);

/* The first entry in [lo, hi) whose end in ring `e` lies beyond `pos`; hi if none.  The caller's
 * guard covers [lo, hi). */
uint64_t room_find(const struct room *room, int e, uint64_t pos, uint64_t lo, uint64_t hi);

/* The entry in [lo, hi) that is speech and the `number`-th by the running count `said`, modulo
 * 2^32; hi if none.  The caller's guard covers [lo, hi). */
uint64_t room_find_said(const struct room *room, uint32_t number, uint64_t lo, uint64_t hi);

/* The oldest index that a reader at `count` should guard: no more than half of any ring and of the
 * ledger behind `count`, and not below `floor` (its guard now, or the oldest entry that exists). */
uint64_t room_guard_for(const struct room *room, uint64_t count, uint64_t floor);

/* The oldest entry, from `floor` on, whose text and the byte before it are not overwritten, neither
 * by committed lines nor by what a dead writer left beyond `count`.  Under the gate. */
uint64_t room_whole(const struct room *room, uint64_t count, uint64_t floor);

/* Lowers the limits for a guard, or a cursor, that is about to appear at `guard`, perhaps below all
 * that the last survey saw.  Under the gate, before the slot's state says that it is alive. */
void room_enter(struct room *room, uint64_t guard);

/* The oldest index that a new participant may guard: that entry and the one before it are intact,
 * whatever a dead writer left beyond `count`, because no writer passes the limit.  Under the gate.
 */
uint64_t room_oldest(const struct room *room);

/* A producer has lines that found no room: asks to be woken.  It must try once more afterwards. */
void room_wait(struct room *room);
/* Whether no room was made since room_wait. */
static inline bool room_waiting(const struct room *room) {
    return atomic_load_explicit(&room->shared->waiting, memory_order_relaxed) != 0;
}
/* A guard or a cursor has risen, or a slot holds nothing any more: wakes waiting producers. */
void room_progress(struct room *room);

#endif
