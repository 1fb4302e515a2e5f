/* flood.c - see flood.h. */
#include "worker/input/flood.h"

#include "ipc/fault.h"
#include "worker/state/account.h"
#include "worker/state/pause.h"

#include <sys/ioctl.h>

/* A time of segment_now(), and never 0. */
static uint32_t flood_time(uint64_t ms) {
    return (uint32_t)ms | 1;
}

bool flood_waits(struct worker *w, struct client *c, uint32_t tat, bool *drop) {
    uint32_t *drop_at = &w->accounts.drop_at[client_index(w, c)];
    uint32_t wait = account_wait(w, tat);
    *drop = false;
    if (wait == 0 && account_origin_wait(w, c) == 0)
        return false;
    if (wait == 0) { /* others are too fast as well, and it may not be */
        pause_client(w, c, PAUSE_FLOOD);
        return true;
    }
    if (*drop_at == 0) {
        uint32_t line = 1000 / w->config.flood_rate;
        uint32_t list = wait > 2 * line ? wait - line : 0; /* what a list costs */
        *drop_at = flood_time(w->now + w->config.flood_wait_ms + list);
    }
    *drop = (int32_t)(w->now - *drop_at) >= 0;
    if (!*drop)
        pause_client(w, c, PAUSE_FLOOD);
    return true;
}

void flood_rested(struct worker *w, const struct client *c) {
    uint32_t *drop_at = &w->accounts.drop_at[client_index(w, c)];
    if (*drop_at != 0) /* seldom; else its page is left alone (members.c) */
        *drop_at = 0;
}

static uint64_t flood_sent(struct worker *w, const struct client *c) {
    int waiting = 0;
    (void)!ioctl((int)client_index(w, c), FIONREAD, &waiting);
    return c->received + (uint64_t)waiting;
}

uint64_t flood_drop_to(struct worker *w, const struct client *c) {
    uint32_t fd = client_index(w, c);
    uint64_t *to = &w->accounts.drop_to[fd];
    if (*to == 0) {
        *to = flood_sent(w, c);
        w->accounts.drop_most[fd] = *to + FLOOD_DROP_MAX;
    }
    return *to;
}

bool flood_drop_on(struct worker *w, const struct client *c) {
    uint32_t fd = client_index(w, c);
    uint64_t sent = flood_sent(w, c), most = w->accounts.drop_most[fd], to = flood_drop_to(w, c);
    w->accounts.drop_to[fd] = sent < most ? sent : most;
    return w->accounts.drop_to[fd] > to;
}

void flood_begin(struct worker *w, struct client *c) {
    struct change ch;
    flood_drop_to(w, c);
    change_begin(&ch, w, c);
    ch.drop_replies = true;
    ch.f->flags |= FACT_DROPPING;
    ch.f->lines_dropped = 0;
    FAULT("input.dropping.before");
    change_commit(&ch);
    FAULT("input.dropping.after");
}

void flood_count(struct change *ch, uint32_t dropped, uint64_t at, bool ends) {
    struct facts *f = ch->f;
    f->lines_dropped += dropped;
    if (dropped > 0 && f->flags & FACT_IN_ROOM)
        f->last_input = ch->w->tenths;
    if (!ends && (at < flood_drop_to(ch->w, ch->c) || flood_drop_on(ch->w, ch->c)))
        return;
    struct words words = {.n = f->lines_dropped};
    if (words.n > 0)
        change_sentence(ch, SAY_DROPPED, &words);
    f->flags &= ~(uint32_t)FACT_DROPPING;
    f->lines_dropped = 0;
}

void flood_dropped(struct worker *w, const struct client *c) {
    w->accounts.drop_at[client_index(w, c)] = 0;
    w->accounts.drop_to[client_index(w, c)] = 0;
}
