/* stage.h - lines rendered and waiting for one hold of the gate.
 *
 * A line is decided once, under the gate (is the name free? is the addressee here?), and becomes a
 * ledger entry; its effects on records come after the commit, in apply.c.  What is refused under
 * the gate is answered by a private reply (command_refused). */
#ifndef WORKER_STAGE_H
#define WORKER_STAGE_H

#include "ipc/room.h"

#include <stdbool.h>
#include <stdint.h>

enum { STAGE_LINES = 256, STAGE_BYTES = 65536 };

struct worker;

enum stage_verdict {
    STAGE_PUBLISHED,
    STAGE_NAME_TAKEN,
    STAGE_NOBODY, /* no addressee of that name */
    STAGE_NAMES_FULL,
};

struct staged {
    struct room_line line;
    uint64_t key;      /* the new name's, or the addressee's */
    uint64_t old_key;  /* LEAVE, NICK: the name given up; 0: none */
    uint64_t consumed; /* the client's input up to and with this line */
    uint8_t telnet[8]; /* the codec's state there: a refusal commits it */
    uint8_t verdict;
};

struct stage {
    uint32_t count; /* lines staged */
    uint32_t next;  /* of these, published */
    uint32_t used[RING_COUNT];
    struct staged line[STAGE_LINES];
    uint8_t text[RING_COUNT][STAGE_BYTES];
};

/* Room for one more line of up to `bytes` in every encoding? */
bool stage_fits(const struct worker *w, uint32_t bytes);

/* A new staged line with kind, client, birth, time and slot filled in; never fails after
 * stage_fits. The text is appended by stage_text (rendered into every encoding from UTF-8) and
 * stage_side. */
struct staged *stage_add(struct worker *w, enum entry_kind kind, uint32_t client,
                         uint32_t generation, uint64_t consumed);
void stage_text(struct worker *w, struct staged *s, const char *utf8, uint32_t len);
void stage_side(struct worker *w, struct staged *s, const void *bytes, uint32_t len);

/* Publishes all that is staged in one hold of the gate, rings the bells, applies the entries.
 * False if the ring is full: the rest stays staged; try again after the next flush. */
bool stage_publish(struct worker *w);

#endif
