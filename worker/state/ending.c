/* ending.c - see ending.h. */
#include "worker/state/ending.h"

#include "worker/state/epoll_interest.h"
#include "worker/state/pause.h"

void ending_seen(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    if (w->interest.ended[fd] != 0)
        return;
    w->interest.ended[fd] = w->now | 1;
    interest_arm(w, c); /* epoll is level-triggered, and would report it again and again */
    pause_look_in(w, fd, ending_left(w, fd));
}

uint32_t ending_left(const struct worker *w, uint32_t fd) {
    uint32_t ended = w->interest.ended[fd];
    int32_t passed = (int32_t)(w->now - ended); /* below 0: in this very turn */
    if (ended == 0)
        return ENDING_NONE;
    uint64_t limit = w->config.flood_wait_ms;
    uint64_t used = passed > 0 ? (uint64_t)passed : 0;
    return used < limit ? (uint32_t)(limit - used) : 0;
}
