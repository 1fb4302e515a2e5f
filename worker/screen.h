/* screen.h - the half-typed line on the screen of a client that the server echoes (FACT_EDITED).
 *
 * FACT_DRAWN: the line that the committed record holds stands on the screen, behind everything said
 * so far.  Whoever wants to say something has it taken away first (screen_clear, by edit_bytes),
 * and the commit puts back what is then the line (screen_settle, by edit_commit).  So between two
 * commits an edited client's line is always drawn, and what is drawn is always a function of the
 * record: a successor knows the screen as well as its predecessor did. */
#ifndef WORKER_SCREEN_H
#define WORKER_SCREEN_H

#include "worker/edit.h"

/* FACT_DRAWN is set and something is to be said: takes the line away.  If the line under way has
 * been finished in this edit it stays, and is ended. */
void screen_clear(struct edit *e);

/* Last in an edit of an edited client. */
void screen_settle(struct edit *e);

/* A key changed the line, which nothing said in this edit has taken away. */
void screen_typed(struct edit *e);

/* The client begins or ceases to be edited.  Until now it showed itself what it typed. */
void screen_turn(struct edit *e, bool on);

#endif
