/* account.h - what a client pays for, besides its lines: a telnet command, a key that edits, a look
 * at its input, every ACCOUNT_BYTES bytes that it is answered with.
 *
 * A finished line is charged in the client's record (rate_limit.h).  Everything else is less than a
 * line: it is owed here, in 1/ACCOUNT_LINE of a line, and goes into the record by whole lines with
 * the next commit.  Own process only: a death forgives what was not committed. */
#ifndef WORKER_STATE_ACCOUNT_H
#define WORKER_STATE_ACCOUNT_H

#include "worker/state/local.h"

enum {
    ACCOUNT_LINE = 32,
    ACCOUNT_BYTES = 16, /* of an answer, or of input that is no line's: 512 bytes are a line */
};

/* The client owes `work` more. */
void account_owe(struct worker *w, const struct client *c, uint32_t work);

/* The whole lines among what it owes. */
static inline uint32_t account_lines(const struct worker *w, const struct client *c) {
    return w->accounts.owed[client_index(w, c)] / ACCOUNT_LINE;
}

/* They are in the record now. */
void account_paid(struct worker *w, const struct client *c, uint32_t lines);

/* How long its input has to wait, in ms; 0: it need not.  `tat`: its account, perhaps ahead of the
 * record's. */
uint32_t account_wait(const struct worker *w, const struct client *c, uint32_t tat);

#endif
