/* greeting.c - see greeting.h. */
#include "worker/command/greeting.h"

#include "worker/command/say.h"
#include "worker/output/flush.h"
#include "worker/record/change.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/pause.h"

/* False: no buffer is free, and the client is paused until one may be. */
static bool greeting_send(struct worker *w, struct client *c) {
    struct change ch;
    struct words words = {.room = w->config.room};
    change_begin(&ch, w, c);
    ch.outside = false; /* a new socket takes it at once, and the buffer is free again */
    change_sentence(&ch, SAY_GREETING, &words);
    change_sentence(&ch, SAY_LOG_IN, &words);
    ch.f->flags |= FACT_GREETED;
    if (!change_commit(&ch))
        return false;
    flush_client(w, c); /* its buffers are free again at once, whatever the crowd */
    return true;
}

bool greeting_due(const struct worker *w, const struct client *c) {
    uint32_t flags = client_facts(c)->flags;
    if (flags & FACT_IN_ROOM)
        return w->config.login && !(flags & FACT_NAMED);
    return !w->config.login || !(flags & FACT_GREETED);
}

bool greeting_continue(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    uint32_t fd = client_index(w, c);
    if (!client_live(c) || pause_has(w, fd, (uint8_t)~PAUSE_ARRIVAL))
        return false;
    if (greeting_due(w, c) && f->flags & FACT_IN_ROOM)
        return say_leave(w, c) != LINE_STAGED;
    if (greeting_due(w, c) && !w->config.login) {
        /* A join in the open room is caused by no line, so it consumes nothing.  The pause ends
         * when it is applied. */
        struct line nothing = {.consumed = f->consumed};
        return say_join(w, c, &nothing, NULL) != LINE_STAGED;
    }
    if (!greeting_due(w, c) || greeting_send(w, c))
        pause_end(w, c, PAUSE_ARRIVAL);
    return false;
}

void greeting_begin(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    w->pauses.why[fd] |= PAUSE_ARRIVAL; /* not registered with epoll yet: no call of pause_client */
    if (!w->adopting && !greeting_continue(w, c))
        return;
    fd_queue_push(&w->ready, fd);
    interest_arm(w, c); /* its end is reported while the greeting waits */
}

void greeting_applied(struct worker *w, struct client *c) {
    if (!greeting_due(w, c)) {
        pause_end(w, c, PAUSE_ARRIVAL);
        return;
    }
    pause_client(w, c, PAUSE_ARRIVAL);
    fd_queue_push(&w->ready, client_index(w, c));
}

void greeting_reloaded(struct worker *w) {
    if (!w->config.login && w->members.unauthenticated == 0)
        return;
    for (uint32_t i = 0; i < w->members.count; i++) {
        struct client *c = worker_client(w, w->members.at[i]);
        if (!greeting_due(w, c) || pause_has(w, w->members.at[i], PAUSE_ARRIVAL))
            continue;
        pause_client(w, c, PAUSE_ARRIVAL);
        fd_queue_push(&w->ready, w->members.at[i]);
    }
}
