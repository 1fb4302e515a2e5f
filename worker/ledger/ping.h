/* ping.h - browsers are pinged, so that proxies keep their connections, and those that do not
 * answer are given up.
 *
 * A ping is an entry with bytes in the ring of frames alone: it serves every browser of every
 * worker, a blocked one as soon as it reads, and is no line.  Every worker that serves a browser
 * stages one when the last is PING_EVERY ago; which of them is published is decided under the gate.
 * A busy room is pinged like a silent one: frames show a proxy that a connection lives, but only
 * an answer shows the server that a browser does. */
#ifndef WORKER_LEDGER_PING_H
#define WORKER_LEDGER_PING_H

#include "worker/state/local.h"

#ifdef CHATROOM_FAULTS
enum { PING_TICKS = 50 }; /* so that a trial of a fault point sees some */
#else
enum { PING_TICKS = 2500 }; /* 25 s: proxies cut a silent connection after 60 s */
#endif
enum {
    PING_LOOK_MS = 5000, /* between looks at the members */
    /* Nothing was received for so many, a minute: two pings are not answered. */
    PING_LOST_LOOKS = 60000 / PING_LOOK_MS,
};

/* Once a turn of the loop, before publish: stages a ping that is due. */
void ping_stage(struct worker *w);

/* Under the gate: whether none was made since; and that one is made now. */
bool ping_due(const struct worker *w);
void ping_made(struct worker *w);

/* Once a turn of the loop: ends the browsers that have answered nothing. */
void ping_look(struct worker *w);

/* Milliseconds to sleep at most; -1: no browser is served. */
int ping_timeout(const struct worker *w);

#endif
