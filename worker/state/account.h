/* account.h - what a client pays for, besides its lines: a telnet command, a key that edits, a look
 * at its input, every ACCOUNT_BYTES bytes that it is answered with.
 *
 * The account itself is in the client's record (rate_limit.h).  What is less than a line is owed
 * here, in 1/ACCOUNT_LINE of a line, and goes into the record by whole lines with the next commit
 * (record/change.h).  Own process only: a death forgives less than a line. */
#ifndef WORKER_STATE_ACCOUNT_H
#define WORKER_STATE_ACCOUNT_H

#include "worker/state/local.h"

enum {
    ACCOUNT_LINE = 32,
    ACCOUNT_BYTES = 16, /* of an answer, or of input that is no line's */
    ACCOUNT_LOGIN = 2,  /* lines: what its address pays for a login's first words, besides */
};

/* The client owes `work` more. */
void account_owe(struct worker *w, const struct client *c, uint32_t work);

static inline uint32_t account_owed(const struct worker *w, const struct client *c) {
    return w->accounts.owed[client_index(w, c)];
}

/* How long its input has to wait, in ms; 0: it need not.  `tat`: its account, perhaps ahead of the
 * record's. */
uint32_t account_wait(const struct worker *w, uint32_t tat);

/* The account of its address (ipc/origin.h), which is charged with what the clients' own accounts
 * let through. */
uint32_t account_origin_wait(const struct worker *w, const struct client *c);
void account_origin_charge(struct worker *w, const struct client *c, uint32_t lines);

#endif
