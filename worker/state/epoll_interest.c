/* epoll_interest.c - see epoll_interest.h. */
#include "worker/state/epoll_interest.h"

#include "ipc/fault.h"
#include "worker/state/client_log.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* epoll will never report this client (out of memory, or beyond fs.epoll.max_user_watches).  Its
 * connection ends here, which the next look at its input finds. */
static void interest_refused(struct worker *w, uint32_t fd) {
    const struct client *c = worker_client(w, fd);
    client_log(w, TALLY_UNPOLLED, &c->addr, c->port, "is disconnected: epoll_ctl: %s",
               strerror(errno));
    shutdown((int)fd, SHUT_RDWR);
    w->interest.readable[fd] = 1;
    fd_queue_push(&w->ready, fd);
}

/* A socket that refused bytes for want of kernel memory would report EPOLLOUT at once: PAUSE_MEMORY
 * waits for time to pass instead. */
static uint16_t interest_wanted(const struct worker *w, const struct client *c, uint32_t fd) {
    uint8_t why = w->pauses.why[fd];
    bool blocked = c->mode == MODE_BLOCKED && !(why & PAUSE_MEMORY);
    bool fin = !(why & PAUSE_CLOSING) && w->interest.ended[fd] == 0;
    return (uint16_t)((why ? 0 : EPOLLIN) | (blocked ? EPOLLOUT : 0) | (fin ? EPOLLRDHUP : 0));
}

void interest_arm(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    uint16_t want = interest_wanted(w, c, fd), *armed = &w->interest.armed[fd];
    if (!worker_serves(w, fd) || *armed == want || client_away(client_facts(c)))
        return;
    struct epoll_event event = {.events = want, .data.u64 = client_tag(w, c)};
    /* A successor finds its clients registered; a client that comes later, as a rule, is not. */
    int how = *armed == INTEREST_UNKNOWN && !w->adopting ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    FAULT("member.arm.before");
    int failed = epoll_ctl(w->slot->epoll_fd, how, (int)fd, &event);
    if (failed && (errno == EEXIST || errno == ENOENT))
        failed = epoll_ctl(w->slot->epoll_fd, how == EPOLL_CTL_ADD ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
                           (int)fd, &event);
    *armed = want;
    if (failed && want != 0)
        interest_refused(w, fd);
    FAULT("member.arm.after");
}

void interest_forget(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_DEL, (int)fd, NULL);
    w->interest.armed[fd] = INTEREST_UNKNOWN;
}

bool interest_add(struct worker *w, int fd, uint32_t events, uint32_t kind) {
    struct epoll_event event = {.events = events, .data.u64 = event_tag(kind, (uint32_t)fd)};
    return epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 || errno == EEXIST;
}
