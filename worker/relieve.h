/* relieve.h - what is done when no box is free.
 *
 * Boxes are few on purpose (ipc/box.h), and one who does not read its replies keeps some for as
 * long as it likes.  So whoever finds none free asks, and in every worker those who hold boxes and
 * have taken nothing for a while are disconnected; whoever reads, however slowly, stays. */
#ifndef WORKER_RELIEVE_H
#define WORKER_RELIEVE_H

#include "worker/worker.h"

enum {
    RELIEVE_MS = 3000, /* between looks: who has taken nothing from one to the next must go */
    RELIEVE_TYPED_MS = 20000, /* that half a long line may rest meanwhile */
};

/* No box was free.  The asker's client is held, and tried again every HELD_LOOK_MS. */
void relieve_ask(struct worker *w);
/* Whether somebody has asked since this worker last looked. */
bool relieve_asked(const struct worker *w);
/* Once a turn. */
void relieve_look(struct worker *w);

#endif
