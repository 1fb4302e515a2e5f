/* flush.h - from `count` to send(): the hot road, and the slow one beside it.
 *
 * Direct: a client is a cursor into its ring; whatever is pending, one line or five hundred, is one
 * contiguous send() straight from shared memory.  No lock, no allocation, no copy, no parsing
 * between reading `count` and the send; what it touches of a client is one cache line.
 *
 * Slow: boxes (private replies), lists under way, the notice of a lap, and filtered clients, whose
 * lines are copied into boxes one by one.
 *
 * A pass goes round the members in a circle that never starts over, in slices, so that input is
 * looked at in between and nobody is always last.  First flush, then raise the guard: a client is
 * lapped only after its own socket refused bytes. */
#ifndef WORKER_FLUSH_H
#define WORKER_FLUSH_H

#include "worker/state/worker.h"

/* Clients between two looks at the input and at `count`.  Few: a look costs less than one send, and
 * whoever comes after it is sent what was said meanwhile in the same send - with 512, each send
 * took fewer lines, and a line took twice as long to its last receiver. */
enum { FLUSH_SLICE = 32 };

/* Takes up what was published since; then one slice.  True if members are left for another. */
bool flush_slice(struct worker *w);

/* Sends what is pending for one client as far as its socket takes it.  May close it. */
void flush_client(struct worker *w, struct client *c);

/* The same, but nothing of the ring at or beyond ledger entry `until`: for a
 * private line in its place among the room's. */
void flush_last(struct worker *w, struct client *c, uint64_t until);

enum { OUTPUT_WAITS = 4096 };
/* So many bytes of replies are unread, or a list is under way, that its input should wait. */
bool flush_waits(const struct client *c);

/* All clients whose replies were queued. */
void flush_reply_pending(struct worker *w);

/* EPOLLOUT: the socket takes bytes again. */
void flush_unblock(struct worker *w, struct client *c);

/* Laps the client if it is behind ledger entry `guard`; [old_guard, count) is there to be read. */
void flush_overrun_behind(struct worker *w, struct client *c, uint64_t old_guard, uint64_t guard,
                          uint64_t count);

#endif
