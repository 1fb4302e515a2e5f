/* orders.h - lines that are staged when an operator gives an order are decided anew.
 *
 * An order is a kick, or a change of the restrictions: from its moment on a client's lines are not
 * what they were when they were staged.  The word `orders` beside the ledger (room.h) moves with
 * each: under the gate before a kick is committed, and by the master at any time.  A batch is
 * published only if its worker has seen the word's last value; else the worker first applies what
 * is in the ledger, and the lines of a client that was asked to leave are dropped.  So no line of
 * it follows its kick in the ledger, and its name is freed by its own leave alone. */
#ifndef WORKER_LEDGER_ORDERS_H
#define WORKER_LEDGER_ORDERS_H

#include "worker/state/local.h"

/* Under the gate: whether this worker has seen the last order. */
static inline bool orders_seen(const struct worker *w) {
    return atomic_load_explicit(&w->seg->room.shared->orders, memory_order_relaxed) == w->orders;
}

/* Not under the gate.  True: the staged lines are decided as of the last order.  False: an entry
 * before it cannot be applied yet (apply.h), and nothing may be published. */
bool orders_see(struct worker *w);

#endif
