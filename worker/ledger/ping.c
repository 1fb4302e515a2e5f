/* ping.c - see ping.h. */
#include "worker/ledger/ping.h"

#include "ipc/fault.h"
#include "worker/record/leave.h"

static uint32_t ping_age(const struct worker *w) {
    uint32_t last = atomic_load_explicit(&w->seg->room.shared->pinged, memory_order_relaxed);
    return w->ticks - last; /* another worker's may be a moment ahead: then it is not old */
}

bool ping_due(const struct worker *w) {
    uint32_t age = ping_age(w);
    return age >= PING_TICKS && age < UINT32_MAX - PING_TICKS;
}

/* Behind the commit: a death in between makes one more ping, never one less. */
void ping_made(struct worker *w) {
    FAULT("ping.made.before");
    atomic_store_explicit(&w->seg->room.shared->pinged, w->ticks, memory_order_relaxed);
    FAULT("ping.made.after");
}

void ping_stage(struct worker *w) {
    if (w->members.browsers == 0 || w->stage.count > 0 || !ping_due(w) || w->stage.closed)
        return;
    struct staged *s = stage_add(&w->stage, ENTRY_PING, NO_CLIENT, 0, 0, w->ticks);
    stage_ping(&w->stage, s);
}

/* A look is all that notices what was received, so that input costs nothing. */
static void ping_look_at(struct worker *w, struct client *c) {
    struct heard *heard = &w->pings.heard[client_index(w, c)];
    uint32_t received = (uint32_t)c->received & 0xffffff;
    if (heard->received != received)
        *heard = (struct heard){.received = received};
    else if (heard->silent < PING_LOST_LOOKS)
        heard->silent++;
    else if (client_live(c))
        leave_lost(w, c, LEAVE_NETWORK);
}

void ping_look(struct worker *w) {
    if (w->members.browsers == 0 || w->now - w->pings.looked < PING_LOOK_MS)
        return;
    w->pings.looked = w->now;
    for (uint32_t i = w->members.count; i-- > 0;) {
        struct client *c = worker_client(w, w->members.at[i]);
        if (client_is_browser(client_facts(c)))
            ping_look_at(w, c);
    }
}

int ping_timeout(const struct worker *w) {
    if (w->members.browsers == 0)
        return -1;
    uint32_t age = ping_age(w), next = age < PING_TICKS ? (PING_TICKS - age) * 10 : 0;
    uint32_t look = w->now - w->pings.looked;
    look = look < PING_LOOK_MS ? PING_LOOK_MS - look : 0;
    return (int)(next < look ? next : look);
}
