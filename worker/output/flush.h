/* flush.h - from `count` to send(): which client is sent what, and when the guard may rise.
 *
 * Direct path: a client is a cursor into its ring; what is pending, one line or five hundred, is
 * one contiguous send() straight from shared memory.  Between reading `count` and the send there is
 * no lock, no allocation, no copy and no parsing, and of a client one cache line is touched.
 *
 * Slow path: replies, lists under way, the notice of lost lines, and filtered clients, whose lines
 * are copied into buffers one by one.
 *
 * The flush walks the members in slices, so that input is read in between, and never starts over
 * (state/flush_pass.h).  First it flushes, then it raises the guard: a client is overrun only after
 * its own socket refused bytes. */
#ifndef WORKER_OUTPUT_FLUSH_H
#define WORKER_OUTPUT_FLUSH_H

#include "worker/state/local.h"

/* Members between two looks at the input and at `count`.  Few: a look costs less than one send, and
 * the members after it are sent the lines that came meanwhile in the same send.  With 512, each
 * send took fewer lines, and a line took twice as long to its last receiver. */
enum { FLUSH_SLICE = 32 };

/* Includes what was published since; then one slice.  True if members are left for another slice.
 */
bool flush_slice(struct worker *w);

/* Sends what is pending for one client as far as its socket takes it.  May begin its leave. */
void flush_client(struct worker *w, struct client *c);

/* The same, but nothing of the ring at or beyond ledger entry `until`: for a private line in its
 * place among the room's. */
void flush_until(struct worker *w, struct client *c, uint64_t until);

/* Whether its input should wait for its output: OUTPUT_WAITS bytes of replies are unread, or a list
 * is under way. */
enum { OUTPUT_WAITS = 4096 };
bool flush_waits(const struct client *c);

/* All clients whose replies were queued since their last flush. */
void flush_reply_pending(struct worker *w);

/* The socket may take bytes again: EPOLLOUT, or a pause for memory has ended. */
void flush_unblock(struct worker *w, struct client *c);

#endif
