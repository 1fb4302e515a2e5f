/* send.h - the send itself: from a ring or from reply buffers to a client's socket.
 *
 * What a socket accepted is the kernel's to count.  `sent` is stored after each send; a death in
 * between is repaired by asking the kernel (ledger/counters.h).  By the client's owner only. */
#ifndef WORKER_OUTPUT_SEND_H
#define WORKER_OUTPUT_SEND_H

#include "worker/state/local.h"

/* The direct path, for a client whose mode is its ring: everything between its position and the
 * ring's end in one send() from shared memory.  end[]: of each ring, by the ledger entry it is
 * brought to. */
void send_direct(struct worker *w, struct client *c, const uint64_t end[]);

/* Bytes that lie elsewhere in the segment, in one send().  False if the socket did not take all. */
bool send_span(struct worker *w, struct client *c, const void *bytes, size_t len);

/* The client's reply buffers and, where nothing comes in between, its ring up to ledger entry
 * `last`, in one sendmsg().  Buffers that are sent are given back at once, all of the chain
 * together (client.h).  False if the socket did not take all of it. */
bool send_replies(struct worker *w, struct client *c, const struct entry *last);

#endif
