/* moderation.h - bans and mutes (ipc/restriction.h) as they concern this worker's clients.
 *
 * An address is looked at when a client is accepted there, or named by its PROXY header: a banned
 * one is let in no further.  A client is looked at when its header is complete, when its join or
 * its new name is applied, which is before a line of it is read, and when it is adopted or has
 * moved here.  All members are looked at when the table has changed, and when a mute ends.  A
 * banned client is told and leaves.  A muted one has FACT_MUTED, by which its lines are refused
 * before they are staged; what was staged already is looked at again (orders.h).
 *
 * A death or a move before such a look costs nothing: what is due is not remembered, because the
 * next owner looks at each client that it gets.  By the clients' owner. */
#ifndef WORKER_LEDGER_MODERATION_H
#define WORKER_LEDGER_MODERATION_H

#include "worker/state/local.h"

/* Whether people at the address are banned. */
bool moderation_bans(const struct worker *w, const struct in6_addr *addr);

/* Whether a person of another machine, of that name (NAME@NODE), is muted here. */
bool moderation_mutes(const struct worker *w, const char *name);

/* The client is looked at by the next moderation_look. */
void moderation_later(struct worker *w, const struct client *c);

/* Before anything is read: looks at the clients that are due, or at all of them.  Costs two loads
 * if there is nothing to do. */
void moderation_look(struct worker *w);
/* Milliseconds until a mute ends, at most MODERATION_LOOK_MS, because the wall clock may be set;
 * -1: none has an end. */
enum { MODERATION_LOOK_MS = 30000 };
int moderation_timeout(const struct worker *w);

#endif
