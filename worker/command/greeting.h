/* greeting.h - the first words to a client: the greeting and how to log in, or in the open room the
 * message of the day and earlier lines; and what follows from a reload of `login`.
 *
 * A client is greeted when it is accepted, and when it is adopted from a worker that died or
 * retired before it did.  In the open room it is a guest from then on; its coming is announced
 * later (announce.h).  A reload that opens the room lets clients in that were asked to log in. One
 * that closes it makes each client in the room without a name leave the room, as any client does
 * but for its connection: it is asked to log in, and from then on is one that has not.  What is due
 * follows from the record and the configuration, so that a successor finds it.  Input is paused
 * (PAUSE_ARRIVAL) meanwhile. */
#ifndef WORKER_COMMAND_GREETING_H
#define WORKER_COMMAND_GREETING_H

#include "worker/record/change.h"

/* The client comes into the room, before ledger entry `at`: the greeting, the message of the day,
 * earlier lines, and what `why` says (enum history_why).  `from`: instead of earlier lines, all
 * from that entry on (resume.h); 0: none. */
void greeting_enter(struct change *ch, uint64_t at, uint64_t from, uint32_t why);

/* It leaves the room, before ledger entry `until`, and is asked to log in.  Lines before that entry
 * which its socket has not taken are passed over and counted. */
void greeting_leave(struct change *ch, uint64_t until, uint32_t tenths);

/* Whether there is something to be said, or a join or leave to be staged. */
bool greeting_due(const struct worker *w, const struct client *c);

/* Begins it, and completes it unless the stage is full or no buffer is free. */
void greeting_begin(struct worker *w, struct client *c);

/* Tries again, for a client of the ready queue with PAUSE_ARRIVAL.  True if it should be tried once
 * more in the next round; else it is complete, or another event will queue the client again. */
bool greeting_continue(struct worker *w, struct client *c);

/* A join or a leave of a live client is applied: its input goes on, unless a reload in between
 * makes the opposite due. */
void greeting_applied(struct worker *w, struct client *c);

/* A reload may have opened the room or closed it. */
void greeting_reloaded(struct worker *w);

#endif
