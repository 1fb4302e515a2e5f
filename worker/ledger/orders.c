/* orders.c - see orders.h. */
#include "worker/ledger/orders.h"

#include "worker/ledger/apply.h"

/* It leaves because it was asked to, and what it has staged is not said.  Only its leave is, by
 * which its name is freed; the room was told already. */
static void orders_drop(struct staged *s) {
    s->dropped = s->line.entry.kind != ENTRY_LEAVE;
    for (int e = 0; e < ENC_RINGS; e++)
        s->line.len[e] = 0;
}

static void orders_look(struct worker *w) {
    struct stage *stage = &w->stage;
    for (uint32_t i = stage->next; i < stage->count; i++) {
        struct staged *s = &stage->line[i];
        const struct client *c = worker_client(w, s->client);
        if (client_is(c, s->generation) && client_facts(c)->flags & FACT_KICKED)
            orders_drop(s);
    }
}

/* The word is read before the ledger's count: an order that moves it later is seen the next time.
 */
bool orders_see(struct worker *w) {
    uint64_t orders = atomic_load(&w->seg->room.shared->orders);
    if (orders == w->orders)
        return true;
    if (!apply(w))
        return false;
    orders_look(w);
    w->orders = orders;
    return true;
}
