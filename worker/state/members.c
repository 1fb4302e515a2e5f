/* members.c - which clients this worker serves, what epoll watches for each, and its small lists.
 */
#include "worker/output/flush.h"
#include "worker/state/worker.h"

#include "ipc/fault.h"
#include "ipc/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

void worker_lock(struct worker *w) {
    atomic_store_explicit(&w->slot->at_gate, 1, memory_order_relaxed);
    gate_lock(w->seg->gate, w->me, &w->watch);
    atomic_store_explicit(&w->slot->at_gate, 0, memory_order_relaxed);
}

void worker_unlock(struct worker *w) {
    gate_unlock(w->seg->gate, w->me);
}

static bool list_make(struct fd_list *list, uint32_t len) {
    list->at = calloc(len, sizeof *list->at);
    list->in = calloc(len, sizeof *list->in);
    return list->at && list->in;
}

bool members_make(struct worker *w, uint32_t len) {
    w->members = calloc(len, sizeof *w->members);
    w->member_index = calloc(len, sizeof *w->member_index);
    w->pause = calloc(len, 1);
    w->readable = calloc(len, 1);
    w->armed = calloc(len, 1);
    w->reclaim_mark = calloc(len, sizeof *w->reclaim_mark);
    return w->members && w->member_index && w->pause && w->readable && w->armed &&
           w->reclaim_mark && list_make(&w->ready, len) && list_make(&w->reply_pending, len) &&
           list_make(&w->paused, len) && list_make(&w->closing, len);
}

void fd_list_add(struct fd_list *list, uint32_t fd) {
    if (list->in[fd])
        return;
    list->in[fd] = 1;
    list->at[list->count++] = fd;
}

/* The flush goes round the places, and its two circles (worker.h) are so many places long.  One who
 * came to a place behind it is flushed by itself, before the next slice; the circles may find it
 * again, and must not lose another for it. */
static void member_came(struct worker *w, uint32_t fd) {
    fd_list_add(&w->reply_pending, fd);
    w->flush_left += w->flush_left > 0;
    w->circle_left += w->circle_left > 0;
}

void members_count(struct worker *w) {
    if (!w->adopting)
        atomic_store_explicit(&w->slot->clients, w->member_count, memory_order_release);
}

void member_add(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    if (w->member_index[fd] != 0)
        return;
    w->members[w->member_count++] = fd;
    w->member_index[fd] = w->member_count;
    w->pause[fd] = 0;
    w->armed[fd] = 0xff;
    if (!(client_facts(c)->flags & FACT_IN_ROOM))
        w->unauthenticated++;
    members_count(w);
    member_came(w, fd);
}

void member_remove(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c), place = w->member_index[fd];
    if (place == 0)
        return;
    uint32_t last = w->members[--w->member_count];
    w->members[place - 1] = last;
    w->member_index[last] = place;
    w->member_index[fd] = 0;
    if (c->mode == MODE_BLOCKED)
        w->blocked--;
    if (!(client_facts(c)->flags & FACT_IN_ROOM))
        w->unauthenticated--;
    members_count(w);
    if (last != fd)
        member_came(w, last); /* to this place, where the flush may have been already */
}

/* epoll will never tell of it (out of memory, or of fs.epoll.max_user_watches): its connection
 * ends, which the next look at its input finds. */
static void member_unheard(struct worker *w, uint32_t fd) {
    log_error_errno("client %u: epoll_ctl; disconnecting it", fd);
    shutdown((int)fd, SHUT_RDWR);
    w->readable[fd] = 1;
    fd_list_add(&w->ready, fd);
}

void member_arm(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    uint8_t want = (w->pause[fd] ? 0 : EPOLLIN) | (c->mode == MODE_BLOCKED ? EPOLLOUT : 0);
    if (w->member_index[fd] == 0 || w->armed[fd] == want)
        return;
    struct epoll_event event = {.events = want, .data.u64 = client_tag(w, c)};
    /* A successor finds its clients registered; who comes later, as a rule, is not. */
    int how = w->armed[fd] == 0xff && !w->adopting ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    FAULT("member.arm.before");
    int failed = epoll_ctl(w->slot->epoll_fd, how, (int)fd, &event);
    if (failed && (errno == EEXIST || errno == ENOENT))
        failed = epoll_ctl(w->slot->epoll_fd, how == EPOLL_CTL_ADD ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
                           (int)fd, &event);
    if (failed && want != 0)
        member_unheard(w, fd);
    FAULT("member.arm.after");
    w->armed[fd] = want;
}

void member_forget(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_DEL, (int)fd, NULL);
    w->armed[fd] = 0xff;
}

void member_pause(struct worker *w, struct client *c, uint8_t why) {
    uint32_t fd = client_index(w, c);
    w->pause[fd] |= why;
    if (why & (PAUSE_FLOOD | PAUSE_BUFFERS)) {
        if (w->paused.count == 0)
            w->pause_look_at = w->now + PAUSE_LOOK_MS;
        fd_list_add(&w->paused, fd);
    }
    member_arm(w, c);
}

void member_resume(struct worker *w, struct client *c, uint8_t why) {
    uint32_t fd = client_index(w, c);
    if (!(w->pause[fd] & why))
        return;
    w->pause[fd] &= (uint8_t)~why;
    member_arm(w, c);
    if (w->pause[fd] == 0)
        fd_list_add(&w->ready, fd);
}
