/* pause.c - see pause.h. */
#include "worker/state/pause.h"

#include "worker/state/epoll_interest.h"

void pause_look_in(struct worker *w, uint32_t fd, uint32_t ms) {
    struct pauses *p = &w->pauses;
    uint32_t due = w->now + (ms > PAUSE_LOOK_MS ? ms : PAUSE_LOOK_MS);
    /* Also if others wait already: the look that is set may be for a client that waits longer. */
    if (p->look.count == 0 || (int32_t)(p->look_at - due) > 0)
        p->look_at = due;
    fd_queue_push(&p->look, fd);
}

void pause_client(struct worker *w, struct client *c, uint8_t why) {
    uint32_t fd = client_index(w, c);
    w->pauses.why[fd] |= why;
    if (why & PAUSE_TIMED)
        pause_look_in(w, fd, PAUSE_LOOK_MS);
    interest_arm(w, c);
}

void pause_end(struct worker *w, struct client *c, uint8_t why) {
    uint32_t fd = client_index(w, c);
    uint8_t *reasons = &w->pauses.why[fd];
    if (!(*reasons & why))
        return;
    *reasons &= (uint8_t)~why;
    interest_arm(w, c);
    if ((*reasons & ~PAUSE_ARRIVAL) == 0)
        fd_queue_push(&w->ready, fd);
}
