/* goodbye.h - a last sentence to a client, as far as its socket takes it, before the connection
 * ends. */
#ifndef WORKER_OUTPUT_GOODBYE_H
#define WORKER_OUTPUT_GOODBYE_H

#include "worker/state/local.h"
#include "worker/text/sentence.h"

/* Then its leave begins; `why` is for the log.  No effect if it is not live. */
void goodbye(struct worker *w, struct client *c, enum sentence sentence, const char *why);

/* The server ends: to every member, and nothing more is sent to it. */
void goodbye_all(struct worker *w);

#endif
