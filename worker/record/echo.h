/* screen.h - the half-typed line on the screen of a client that the server echoes (FACT_ECHOED).
 *
 * FACT_DRAWN: the line that the committed record holds stands on the screen, behind everything said
 * so far.  Whoever wants to say something has it taken away first (echo_clear, by change_bytes),
 * and the commit puts back what is then the line (echo_settle, by change_commit).  So between two
 * commits an edited client's line is always drawn, and what is drawn is always a function of the
 * record: a successor knows the screen as well as its predecessor did. */
#ifndef WORKER_SCREEN_H
#define WORKER_SCREEN_H

#include "worker/record/change.h"

/* FACT_DRAWN is set and something is to be said: takes the line away.  If the line under way has
 * been finished in this edit it stays, and is ended. */
void echo_clear(struct change *ch);

/* Last in an edit of an edited client. */
void echo_settle(struct change *ch);

/* A key changed the line, which nothing said in this edit has taken away. */
void echo_typed(struct change *ch);

/* The client begins or ceases to be edited.  Until now it showed itself what it typed. */
void echo_set(struct change *ch, bool on);

#endif
