/* flood.h - input that comes too fast: it waits, and what has waited for too long is dropped.
 *
 * A client that is beyond its rate waits (PAUSE_FLOOD), and its input in the socket.  From the
 * first such moment until one at which none of its input waits, it is too fast.  When that has
 * lasted flood_wait, all that it has sent by then is read and dropped (FACT_DROPPING): lines are
 * counted and not understood, but for those that make it leave; telnet commands are obeyed.  Then
 * it is told how many.  The time that the answer costs with which it became too fast (a long list)
 * does not count.  That of further ones does: a client that asks for nothing but lists would be
 * dropped after hours otherwise, and its FIN, which waits behind them, be seen as late.
 *
 * The count is in the record, so a death loses none of it; how long it has been too fast is this
 * process's own, and begins anew in a successor.  By the client's owner only. */
#ifndef WORKER_INPUT_FLOOD_H
#define WORKER_INPUT_FLOOD_H

#include "worker/record/change.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether the next line has to wait.  Then the client is paused, or it has been too fast for too
 * long and *drop is set.  `tat`: its account, perhaps ahead of the record's. */
bool flood_waits(struct worker *w, struct client *c, uint32_t tat, bool *drop);

/* None of its input waits. */
void flood_rested(struct worker *w, const struct client *c);

/* The stream position behind what it has sent by now, or had when its dropping began. */
uint64_t flood_drop_to(struct worker *w, const struct client *c);

/* Up to there all is dropped.  True if more has arrived meanwhile, which goes the same way: it
 * waited in the peer's socket, because this one was full.  Not more than FLOOD_DROP_MAX bytes,
 * which are more than a socket holds, so that dropping ends. */
enum { FLOOD_DROP_MAX = 8 << 20 };
bool flood_drop_on(struct worker *w, const struct client *c);

/* The client has been too fast for too long: from here on what it has sent is dropped. */
void flood_begin(struct worker *w, struct client *c);

/* In a change up to stream position `at`: so many lines more are dropped; at the end of what is
 * dropped, or if it `ends` here, the client is told. */
void flood_count(struct change *ch, uint32_t dropped, uint64_t at, bool ends);

/* It is told; a new account of how long it is too fast begins. */
void flood_dropped(struct worker *w, const struct client *c);

#endif
