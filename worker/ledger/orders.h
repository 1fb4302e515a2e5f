/* orders.h - lines that are staged when an operator gives an order are decided anew.
 *
 * An order is a kick, or a change of the restrictions: from its moment on a client's lines are not
 * what they were when they were staged.  The word `orders` beside the ledger (room.h) moves with
 * each: under the gate before a kick is committed, and by the master at any time.  A batch is
 * published only if its worker has seen the word's last value; else the worker first applies what
 * is in the ledger and looks at the restrictions; then the lines of a client that was asked to
 * leave, or is banned, are dropped, and those of a muted one refused.  So no line of it follows the
 * kick in the ledger, or the master's answer (master/moderation.h), and its name is freed by its
 * own leave alone. */
#ifndef WORKER_LEDGER_ORDERS_H
#define WORKER_LEDGER_ORDERS_H

#include "worker/state/local.h"

/* The word, under the gate. */
static inline uint64_t orders_given(const struct worker *w) {
    return atomic_load(&w->seg->room.shared->orders);
}

/* Not under the gate, with the word as it was found there, so that every entry before it is
 * committed.  True: the staged lines are decided as of that order.  False: an entry before it
 * cannot be applied yet (apply.h), and nothing may be published. */
bool orders_see(struct worker *w, uint64_t orders);

#endif
