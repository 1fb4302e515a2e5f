/* ending.h - a client's FIN, known before everything sent before it has been read.
 *
 * epoll reports the FIN when it arrives (EPOLLRDHUP); recv() finds it only behind the client's last
 * byte, which at the client's rate may take hours.  From the report on the client's lines go on
 * for flood_wait at most (input_resume).  Own process only: epoll reports the FIN again to a
 * successor and to the worker that the client moves to, so flood_wait starts over once for each
 * death and each move. */
#ifndef WORKER_STATE_ENDING_H
#define WORKER_STATE_ENDING_H

#include "worker/state/local.h"

#define ENDING_NONE UINT32_MAX

/* The FIN was reported or read.  No effect if that is known. */
void ending_seen(struct worker *w, struct client *c);

/* How long the client's lines may still go on, in ms; ENDING_NONE: no FIN was seen. */
uint32_t ending_left(const struct worker *w, uint32_t fd);

#endif
