/* members.h - which clients this worker serves.  Own process only. */
#ifndef WORKER_STATE_MEMBERS_H
#define WORKER_STATE_MEMBERS_H

#include "worker/state/local.h"

/* Memory for descriptors below `len`: all per-descriptor arrays of struct worker.  False: none
 * left. */
bool members_make(struct worker *w, uint32_t len);

/* Publishes how many there are in the slot; while adopting, the predecessor's number stays. */
void members_publish_count(struct worker *w);

/* No effect if it is a member already. */
void member_add(struct worker *w, struct client *c);
/* No effect if it is none. */
void member_remove(struct worker *w, struct client *c);
/* A member has entered the room, or has left it and stays connected. */
void member_authenticated(struct worker *w, const struct client *c);
void member_unauthenticated(struct worker *w, const struct client *c);

#endif
