/* stage.h - lines that are rendered and wait for one hold of the gate.
 *
 * A line is staged outside the gate, rendered once per ring.  worker/ledger/publish.c
 * decides it under the gate (is the name free? is the addressee here?) and makes it a ledger entry.
 * Its effects on records come after the commit (apply.c); a line that was refused is answered
 * (command/refusal.c).
 *
 * Indexes.  Of `count` lines, those below `next` are published or refused, those below `answered`
 * are done with.  When all are done the stage is emptied.  Memory is the owner's; nothing here
 * fails: the caller asks stage_fits first, and what does not fit in spite of that is cut. */
#ifndef WORKER_STATE_STAGE_H
#define WORKER_STATE_STAGE_H

#include "ipc/room.h"
#include "worker/protocol/event.h"
#include "worker/text/sentence.h"

#include <stdbool.h>
#include <stdint.h>

enum { STAGE_LINES = 256, STAGE_BYTES = 65536 };

enum stage_verdict {
    STAGE_PUBLISHED,
    STAGE_NAME_TAKEN,
    STAGE_NOBODY, /* no addressee of that name; of a move: its receiver is gone */
    STAGE_NAMES_FULL,
    STAGE_UNREAD,  /* the addressee has too much unread */
    STAGE_LINK,    /* the addressee is of another machine, and the link is down */
    STAGE_MUTED,   /* its client was muted since it was staged */
    STAGE_DROPPED, /* its client was kicked or banned: it is not answered either */
};

struct staged {
    struct room_line line;
    uint64_t key;                /* of the new name, or of the addressee's; 0: nothing to decide */
    uint64_t look;               /* JOIN, NICK: the other key of the new name; 0: it has one */
    uint64_t old_key;            /* LEAVE, NICK: of the name given up; 0: none */
    uint64_t old_look;           /* likewise */
    uint64_t consumed;           /* the client's input up to and with this line */
    uint32_t client, generation; /* whose line it is; of a kick, the entry is of another */
    uint8_t
        ordered; /* enum stage_verdict, by an order since it was staged; STAGE_PUBLISHED: none */
    uint8_t verdict; /* enum stage_verdict, once decided */
};

struct stage {
    uint32_t limit[RING_COUNT]; /* bytes of a batch */
    uint32_t clients;           /* records, remote ones too, for label_number */
    uint64_t epoch;             /* of the room, for events */
    struct event_clock clock;
    uint8_t slot; /* of the publisher */
    bool closed;  /* the ring is full, or a predecessor's entries are being applied */
    uint32_t count, next, answered;
    uint32_t used[RING_COUNT];
    struct staged line[STAGE_LINES];
    uint8_t text[RING_COUNT][STAGE_BYTES];
};

void stage_init(struct stage *stage, const struct room *room, uint32_t slot, uint32_t clients);

/* Whether one more line of up to `bytes` of sanitized text in every ring fits, as an event too: of
 * such text no character takes more than twice its bytes there. */
bool stage_fits(const struct stage *stage, uint32_t bytes);

/* A new staged line, after stage_fits.  `consumed`: the client's input up to and with it; `time`:
 * in 10 ms (segment_ticks).  Text and side data are appended, each as often as needed. */
struct staged *stage_add(struct stage *stage, enum entry_kind kind, uint32_t client,
                         uint32_t generation, uint64_t consumed, uint32_t time);
/* UTF-8, rendered into every encoding; cut between characters if it does not fit. */
void stage_text(struct stage *stage, struct staged *s, const char *utf8, uint32_t len);
/* A sentence about the entry's client: in a ring whose encoding cannot show its name, it is `???#N`
 * there (label.h).  words->name is that name, and words->text its new one in SAY_NICK.  Of an entry
 * without a client (NO_CLIENT) it is any sentence. */
void stage_sentence(struct stage *stage, struct staged *s, enum language language,
                    enum sentence which, const struct words *words);
/* What browsers are sent: never cut.  `event`: all but its epoch and time, which is now. */
void stage_event(struct stage *stage, struct staged *s, const struct event_line *event);
/* The same with its time, milliseconds since 1970. */
void stage_event_at(struct stage *stage, struct staged *s, const struct event_line *event,
                    int64_t ms);
/* A ping for every browser, which is no line. */
void stage_ping(struct stage *stage, struct staged *s);
/* Cut if it does not fit. */
void stage_side(struct stage *stage, struct staged *s, const void *bytes, uint32_t len);

/* Every line is answered: the stage is empty again. */
void stage_reset(struct stage *stage);

/* Lines that wait because the ring is full. */
static inline bool stage_blocked(const struct stage *stage) {
    return stage->next < stage->count;
}

#endif
