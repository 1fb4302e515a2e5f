/* intake.h - how the relay stages entries of its own, and publishes them.
 *
 *     if (!intake_room(p)) return false;            the ring is full: later
 *     struct staged *s = intake_stage(p, ENTRY_SPEECH, row, ticks);
 *     intake_say(p, s, SAY_SPEECH, &words);         what is shown
 *     intake_seal(p, s, node);                      the last: what it makes of the place
 *     intake_flush(p);                              whenever enough is staged
 *
 * p->in.node and p->in.in are as of what is staged.  What changes them without an entry becomes a
 * part of the place once nothing is staged any more; so no mark ever gets ahead of an entry. */
#ifndef WORKER_RELAY_INTAKE_H
#define WORKER_RELAY_INTAKE_H

#include "worker/protocol/event.h"
#include "worker/relay/state.h"
#include "worker/text/sentence.h"

#include <stdbool.h>
#include <stdint.h>

/* As of the place: nothing is staged. */
void intake_begin(struct relay_process *p);

/* Whether the longest line fits, and a notice before it; publishes what is staged to make room. */
bool intake_room(struct relay_process *p);

/* Whether what is staged frees a name. */
bool intake_frees_names(const struct relay_process *p);

/* Publishes what is staged, and applies it.  False: the ring has no room for all of it; the rest
 * stays staged. */
bool intake_flush(struct relay_process *p);

/* A line of the row's person (NO_ROW: of none). `ticks`: its time (segment_ticks). */
struct staged *intake_stage(struct relay_process *p, enum entry_kind kind, uint32_t row,
                            uint32_t ticks);
void intake_say(struct relay_process *p, struct staged *s, enum sentence which,
                const struct words *words);
/* For browsers.  `ms`: its time since 1970; 0: now. */
void intake_event(struct relay_process *p, struct staged *s, enum event_kind kind, const char *who,
                  const char *text, int64_t ms);
/* Makes it an entry that moves the place: p->in.node[node], or RELAY_LINK (`mark`: 1: down), or
 * RELAY_EARLIER; and p->in.in. */
void intake_seal(struct relay_process *p, struct staged *s, uint32_t node);
void intake_seal_link(struct relay_process *p, struct staged *s, bool down);

/* A private line of the row's person whose staging is all but sealed: what is to be said if it is
 * refused. */
void intake_private(struct relay_process *p, uint32_t row, const char *addressee, uint32_t node);
/* To the client: what became of its private line to `name`. */
void intake_note(struct relay_process *p, uint32_t client, uint32_t generation,
                 enum relay_note note, const char *name, uint32_t node);

/* Index of the machine; RELAY_NODES: it has none. */
uint32_t intake_node(const struct relay_process *p, const char *name);
/* Gives it one.  False: later.  *node is RELAY_NODES if all are in use. */
bool intake_add_node(struct relay_process *p, const char *name, uint32_t *node);

/* Whether an operator has muted the person (NAME@NODE). */
bool intake_muted(const struct relay_process *p, uint64_t key);

/* Something is refused that came from the machine (RELAY_NODES: none that is known): the log says
 * why, not more often than every 10 s. */
void intake_refuse(struct relay_process *p, uint32_t node, const char *name, const char *why);

#endif
