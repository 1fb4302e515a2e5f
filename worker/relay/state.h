/* state.h - struct relay_process: what the relay keeps in its own memory.  Nothing of it outlives
 * the process.  Each part belongs to the file named beside it. */
#ifndef WORKER_RELAY_STATE_H
#define WORKER_RELAY_STATE_H

#include "ipc/relay.h"
#include "worker/protocol/item.h"
#include "worker/relay/link.h"
#include "worker/state/label.h"
#include "worker/state/local.h"
#include "worker/transcript/gather.h"

#include <stdbool.h>
#include <stdint.h>

/* An item without an answer. */
struct pass_waiting {
    uint64_t index;
    uint32_t lines; /* own lines up to and with it */
    bool speech;
};

/* Own entries on their way to the engine: pass.c. */
struct pass {
    /* link_pass and link_again, but in tests */
    bool (*send)(struct link *link, const struct link_pass *pass);
    void (*again)(struct link *link, const char *why);
    uint64_t next; /* own entries below are passed on, or are none to pass on */
    uint64_t prev; /* the item before, for the engine */
    uint64_t
        behind;     /* what the next item says is before it: `prev`, or an entry that was skipped */
    uint32_t lines; /* own lines in the entries below `next` */
    bool on;        /* HELLO is answered: these are known */
    bool refused;   /* an item was; the engine's mark is `mark` */
    uint64_t mark;
    uint64_t given;    /* the mark that HELLO gives an engine that has none */
    uint64_t listed;   /* HELLO's list has what the entries below do to it */
    uint32_t unsaid;   /* lines that were skipped since the log was told, */
    uint64_t said_at;  /* which was then, ms; 0: it was not */
    uint64_t lacks_at; /* ms: the log's last line on an engine that has gone back; 0: none */
    uint32_t first;    /* of `waiting`, a ring */
    uint32_t count;    /* items without an answer */
    struct pass_waiting waiting[LINK_WINDOW];
    struct gather_clock clock;
    struct item item; /* the one that is being written */
};

/* What is looked up of remote records, by their rows: 0 is the record clients.len. */
enum { NO_ROW = UINT32_MAX };
struct remotes {
    uint32_t len;
    uint64_t *key;   /* [len]: of the name (speaker_key); 0: the row is in no chain */
    uint32_t *next;  /* [len]: row + 1 of the next one in its chain; 0: none */
    uint32_t *world; /* [len]: the look at the world that last saw its person (world.c) */
    uint8_t *node;   /* [len]: index in place.node; RELAY_NODES: of none */
    uint32_t *chain; /* [mask + 1]: by key: row + 1 */
    uint32_t mask;
    uint32_t *free; /* [free_count]: rows that were used and are not any more */
    uint32_t free_count;
    uint32_t people[RELAY_NODES]; /* rows in a chain */
};

/* A private line of a person elsewhere, from its staging until it is published or refused. */
struct intake_private {
    bool refused;
    uint32_t client, generation; /* its speaker's record; NO_CLIENT: none */
    enum relay_note note;        /* why it is refused */
    char name[LABEL_TEXT];       /* of its addressee */
    uint32_t node;               /* whose item it is, with the mark that it moves */
};

/* Items on their way into the ledger: foreign.c.  `node` and `in` are as of all that is staged,
 * where p->place is as of what is applied.  They are made equal whenever nothing is staged. */
struct intake {
    struct relay_node node[RELAY_NODES];
    struct stream_id in;
    struct item item; /* the one at hand */
    struct intake_private private;
    uint64_t complained[RELAY_NODES + 1]; /* ms: the log's last line on an item of that node's */
    uint32_t unsaid[RELAY_NODES + 1];     /* such items since */
};

/* What the engine says who is in reach: world.c. */
struct world {
    bool due, asked;            /* it is to be asked; it is being answered */
    uint32_t look;              /* number of the answer at hand, or of the last */
    uint32_t node;              /* whose people are being named; RELAY_NODES: none's */
    uint32_t seen[RELAY_NODES]; /* the last look that named it */
    uint64_t again_at; /* ms: it is asked once more, because a machine was missing; 0: it is not */
    uint64_t asked_us, rest_us; /* when it last was asked; until when it is not asked again */
};

/* What was said before this segment began: earlier.c. */
struct earlier {
    bool asked;
    uint32_t count, most;    /* lines that were kept, and that may be */
    struct earlier_item *at; /* newest first */
};

/* How the stream is read: relay.c. */
struct reading {
    struct stream_id at; /* read up to there, on this connection */
    uint32_t items;      /* of the reading under way */
    bool due;            /* the last reading is dealt with: the next one may be asked for */
    bool caught;         /* the stream was read to its end, as it was when the link came up */
    uint64_t asked_us, ended_us; /* the last one, microseconds */
};

struct relay_process {
    struct worker w; /* without members: for stage, gate and publish.  The first field. */
    struct relay *shared;
    struct relay_place place; /* as it is, or is about to be committed (place.h) */
    bool unsaved;             /* it has changed: committed at the turn's end at the latest */
    struct link *link;
    struct pass pass;

    struct remotes remotes;
    struct intake in;
    struct world world;
    struct earlier earlier;

    /* relay.c */
    char node[NODE_NAME_MAX]; /* of this machine, as it was when the process began */
    bool up;                  /* HELLO is answered */
    uint64_t up_at, down_at;  /* when that last changed, ms */
    struct stream_id caught;  /* the stream's end when the link came up */
    struct reading reading;
    struct relay_held *held; /* an event that the full ring keeps waiting; NULL: none */
};

/* Of a remote row. */
static inline struct client *relay_record(const struct relay_process *p, uint32_t row) {
    return &p->w.seg->clients.at[p->w.seg->clients.len + row];
}

#endif
