/* orders.c - see orders.h. */
#include "worker/ledger/orders.h"

#include "worker/ledger/apply.h"
#include "worker/ledger/moderation.h"

/* It leaves because it was asked to, and what it has staged is not said.  Only its leave is, by
 * which its name is freed; the room was told already. */
static void orders_drop(struct staged *s) {
    if (s->line.entry.kind != ENTRY_LEAVE)
        s->ordered = STAGE_DROPPED;
    for (int e = 0; e < SENT_RINGS; e++)
        s->line.len[e] = 0;
    s->line.id_at = 0;
}

/* What other people would see of its client, besides its coming and going. */
static bool orders_is_aloud(uint8_t kind) {
    return kind == ENTRY_SPEECH || kind == ENTRY_PRIVATE || kind == ENTRY_NICK;
}

static void orders_look(struct worker *w) {
    struct stage *stage = &w->stage;
    for (uint32_t i = stage->next; i < stage->count; i++) {
        struct staged *s = &stage->line[i];
        if (s->client == NO_CLIENT)
            continue; /* a ping */
        const struct client *c = worker_client(w, s->client);
        if (!client_is(c, s->generation))
            continue;
        if (client_facts(c)->flags & FACT_KICKED)
            orders_drop(s);
        else if (orders_is_aloud(s->line.entry.kind) && !client_live(c)) /* banned */
            s->ordered = STAGE_DROPPED;
        else if (orders_is_aloud(s->line.entry.kind) && client_facts(c)->flags & FACT_MUTED)
            s->ordered = STAGE_MUTED;
    }
}

bool orders_see(struct worker *w, uint64_t orders) {
    if (!apply(w))
        return false;
    moderation_look(w);
    orders_look(w);
    w->orders = orders;
    return true;
}
