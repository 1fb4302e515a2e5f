/* survey.h - from a segment to plain numbers: what an operator's tool and the metrics show.
 *
 * Pure functions that only read: they take no lock, allocate nothing, and may be called at any
 * moment beside living, stopped and dead writers.  The segment may be a view of a foreign object
 * (segment_view): every index and length is bounded by the view, strings are ended, and loops are
 * counted, so that a hostile object gives wrong numbers at worst.  Numbers are of one moment each,
 * not all of the same one.
 *
 * Nothing of what clients say or type is copied. */
#ifndef IPC_SURVEY_H
#define IPC_SURVEY_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- the server: as much work as there are slots ---- */

/* Since the server's start, whichever process was in the slot: slot_stats. */
struct survey_counts {
    uint64_t accepted, closed, sends, bytes_out, bytes_in, overruns, delivered;
};

/* One participant. */
struct survey_slot {
    uint32_t state; /* enum slot_state; the master's slot has none */
    int32_t pid;    /* of the process that is or was in it last; 0: none */
    uint64_t incarnation;
    uint64_t heartbeat;
    bool asleep;  /* waits for something to happen */
    bool at_gate; /* waits for the gate */
    bool at_disk; /* waits for a file (the transcript) */
    uint32_t clients;
    uint32_t deaths; /* in a row, each soon after its start */
    uint64_t died;   /* since the server's start */
    uint64_t refused[REFUSED_REASONS];
    uint64_t lag;       /* entries of the ledger that it has not applied */
    uint64_t flush_lag; /* entries whose text it keeps: about half a ring is usual (room.h) */
    struct survey_counts counts;
};

/* Another machine. */
struct survey_machine {
    char name[NODE_NAME_MAX]; /* relay_is_node */
    uint32_t people;
    bool in_reach;
};

/* The room on other machines (relay.h). */
struct survey_relay {
    bool configured;
    bool up;                  /* people elsewhere can be written to */
    char node[NODE_NAME_MAX]; /* this machine */
    char peer[64];            /* HOST:PORT of the engine; "": none */
    char state[192];          /* why it is not up, for people */
    uint64_t since_ms;        /* that it is up, or not */
    uint32_t lag;             /* items that are not acknowledged */
    uint64_t lines_out, lines_in, skipped_out, skipped_in, refused;
    uint32_t machine_count;
    struct survey_machine machine[RELAY_NODES];
};

struct survey {
    uint64_t taken_ms;  /* clock_ms() */
    uint64_t uptime_ms; /* since the segment was made; the time of a suspended machine included */
    char room[ROOM_NAME_MAX];
    bool login;
    bool ending;             /* it says goodbye */
    uint32_t workers;        /* as configured */
    uint32_t slots_used;     /* slots of workers below this have been used */
    uint32_t max_clients;    /* that there may be, by the system's limit too */
    uint64_t config_version; /* 1, and one more with each reload */
    uint64_t pid_namespace;  /* of the ids in slot[]: system_pid_namespace() */
    uint32_t listen_count;
    struct listen_address listen[LISTENERS_MAX]; /* `bound` of those that serve */

    uint64_t count;       /* ledger entries ever */
    uint32_t people;      /* in the room */
    uint32_t lines;       /* that the room was shown, modulo 2^32 */
    uint32_t said;        /* of them, speech */
    uint32_t connections; /* of any kind */
    int32_t gate_slot;    /* whose process holds the gate; -1: none does */
    bool waiting;         /* a worker has found no room in a ring or the ledger */
    /* Between the oldest text that a living participant keeps and the newest; usually about half of
     * it, and beyond 5/8 (flush.c) a worker is behind.  And what of the ledger is kept. */
    uint64_t ring_used[RING_COUNT], ring_size[RING_COUNT];
    uint64_t ledger_used, ledger_len;

    bool transcript;              /* there is one, and a process that writes it */
    uint64_t transcript_lag;      /* entries of the ledger that it has not come to */
    uint64_t transcript_unsynced; /* bytes that are written and perhaps not on the disk */
    uint64_t transcript_lines, transcript_missed;

    struct survey_relay relay;

    struct survey_slot slot[SLOT_COUNT];
    struct survey_counts total; /* of all workers' */
};

void survey_take(const struct segment *seg, struct survey *out);

/* Whether the same process was in the slot at both looks, had work at both, and did not move in
 * between.  That a process is stopped is known sooner by /proc. */
bool survey_stands_still(const struct survey *before, const struct survey *now, uint32_t slot);

/* ---- buffers: as much work as there are ---- */

struct survey_pool {
    uint32_t used, reserved, most;
};
struct survey_pool survey_pool(const struct buffer_pool *pool);

/* ---- clients: as much work as records ---- */

/* What is known of one connection, or of a person of another machine: name, flags, bot or not. */
struct survey_client {
    uint32_t client, generation;
    char name[NAME_BYTES_MAX + 1]; /* "": none */
    struct in6_addr addr;
    uint16_t port;
    bool remote;      /* of another machine */
    uint8_t kind;     /* enum client_kind */
    bool person;      /* client_is_person */
    uint8_t slot;     /* of the worker that serves it */
    uint8_t encoding; /* enum encoding: that it is sent */
    bool blocked;     /* its socket is full: it does not read */
    uint8_t web;      /* WEB_... */
    uint32_t flags;   /* FACT_... */
    uint32_t idle;    /* tenths of a second without a line */
};

/* Records that may be looked at: of connections below this, */
uint32_t survey_records(const struct segment *seg);
/* and of people of other machines so many, from clients.len on. */
uint32_t survey_remote_records(const struct segment *seg);
/* False: there is no live client under that number. */
bool survey_client(const struct segment *seg, uint32_t client, struct survey_client *out);

enum { SURVEY_KINDS = 5 };
/* Sums over all live records of connections. */
struct survey_clients {
    uint32_t by_kind[SURVEY_KINDS]; /* enum client_kind; those beyond are counted in the last */
    uint32_t in_room;               /* announced guests and people */
    uint32_t quiet;                 /* guests that are not announced yet */
    uint32_t not_logged_in;         /* others that are no tools (client.h), nor requests */
    uint32_t muted, blocked;        /* of those in the room; of all */
    uint32_t echoed, converted;     /* edited by the server; in an encoding without a ring */
    uint32_t encoding[ENC_COUNT];
};
/* Adds the records from `from` on, `most` of them; returns where to go on, or 0 when done.  A
 * caller that has a room to serve does it piece by piece. */
uint32_t survey_add_clients(const struct segment *seg, uint32_t from, uint32_t most,
                            struct survey_clients *sum);

/* ---- words ---- */

const char *survey_state_name(uint32_t state);       /* "serving" */
const char *survey_ring_name(int ring);              /* the same; "side" */
const char *survey_encoding_name(uint32_t encoding); /* as in chatroom.conf: "utf-8" */

#endif
