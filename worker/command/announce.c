/* announce.c - see announce.h. */
#include "worker/command/announce.h"

#include "worker/state/pause.h"

void announce_later(struct worker *w, const struct client *c) {
    fd_queue_push(&w->quiet, client_index(w, c));
}

void announce_now(struct worker *w, struct client *c) {
    pause_client(w, c, PAUSE_ARRIVAL);
    fd_queue_push(&w->ready, client_index(w, c));
}

static bool announce_quiet(const struct worker *w, uint32_t fd) {
    const struct client *c = &w->seg->clients.at[fd];
    return worker_serves(w, fd) && client_live(c) && client_facts(c)->flags & FACT_QUIET;
}

/* Of the first in the queue; those behind it came later, or were adopted later. */
int announce_timeout(const struct worker *w) {
    if (w->quiet.count == 0)
        return -1;
    uint32_t fd = fd_queue_first(&w->quiet);
    if (!announce_quiet(w, fd))
        return 0;
    uint32_t since = client_facts(&w->seg->clients.at[fd])->last_input;
    int32_t left = (int32_t)(since + ANNOUNCE_TENTHS + 1 - w->tenths); /* whole tenths */
    return left > 0 ? left * 100 : 0;
}

void announce_look(struct worker *w) {
    while (announce_timeout(w) == 0) {
        uint32_t fd = fd_queue_pop(&w->quiet);
        if (announce_quiet(w, fd))
            announce_now(w, worker_client(w, fd));
    }
}
