/* relieve.h - what is done when no box is free.
 *
 * Boxes are few on purpose (ipc/buffer.h), and one who does not read its replies keeps some for as
 * long as it likes, one who types a long line without end keeps one.  So whoever finds none free
 * asks, and in every worker those who hold boxes and have taken nothing from one look to the next
 * are disconnected - whoever reads, however slowly, stays - and half a long line that is there at
 * two looks in a row counts as too long. */
#ifndef WORKER_RELIEVE_H
#define WORKER_RELIEVE_H

#include "worker/state/worker.h"

enum {
    RECLAIM_MS = 3000, /* between looks */
};

/* No box was free.  The asker's client is held, and tried again every PAUSE_LOOK_MS. */
void reclaim_ask(struct worker *w);
/* Whether somebody has asked since this worker last looked. */
bool reclaim_asked(const struct worker *w);
/* Once a turn. */
void reclaim_look(struct worker *w);

#endif
