/* away.c - see away.h. */
#include "worker/record/away.h"

#include "ipc/fault.h"
#include "worker/record/change.h"
#include "worker/state/drain.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/pause.h"

bool away_keeps(const struct client *c) {
    const struct facts *f = client_facts(c);
    const uint32_t stays = FACT_IN_ROOM | FACT_NAMED;
    return f->ring == RING_JSON && (f->flags & stays) == stays && !(f->flags & FACT_KICKED) &&
           !client_away(f);
}

/* EPOLLHUP cannot be masked.  What it was sent last, such as the code of a close, is to arrive. */
static void away_cut(struct worker *w, struct client *c) {
    interest_forget(w, c);
    FAULT("away.cut.before");
    drain((int)client_index(w, c));
    FAULT("away.cut.after");
}

/* What is dropped needs no second look, so no line that waits in the stage consumes anything. */
static void away_drop(struct change *ch) {
    struct facts *f = ch->f;
    change_drop_output(ch);
    change_give_input(ch);
    f->consumed = ch->c->received;
    f->flags &= ~(uint32_t)(FACT_LISTS | FACT_TORN | FACT_OVERLONG | FACT_DROPPING);
    f->lines_lost = f->lines_dropped = 0;
    f->list_next = ch->w->tenths;
    f->web |= WEB_AWAY;
}

void away_begin(struct worker *w, struct client *c) {
    struct change ch;
    c->mode = MODE_WRITE_FAILED; /* so the change wants no buffer */
    change_begin(&ch, w, c);
    away_drop(&ch);
    FAULT("away.begin.before");
    change_commit(&ch);
    FAULT("away.begin.after");
    w->members.away++;
    w->pauses.why[client_index(w, c)] = PAUSE_CLOSING;
    away_cut(w, c);
}

void away_adopt(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    atomic_store_explicit(&c->sent, f->base, memory_order_relaxed);
    c->received = f->consumed;
    c->mode = MODE_WRITE_FAILED;
    client_refresh(c);
    w->pauses.why[client_index(w, c)] = PAUSE_CLOSING;
    interest_forget(w, c); /* no shutdown: a takeover that was cut may have put its socket here */
}

bool away_over(const struct worker *w, const struct facts *f) {
    return client_away(f) && (int32_t)(w->tenths - f->list_next) >= AWAY_TENTHS;
}
