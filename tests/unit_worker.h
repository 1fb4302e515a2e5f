/* unit_worker.h - a worker without a loop, and clients of it on socket pairs: for the units between
 * a client's record and its socket.  Everything lives until the test process ends. */
#ifndef TESTS_UNIT_WORKER_H
#define TESTS_UNIT_WORKER_H

#include "tests/unit_segment.h"
#include "worker/state/members.h"

#include <sys/epoll.h>
#include <sys/socket.h>

/* In slot 0 of the segment. */
static inline void unit_worker(struct worker *w, struct segment *seg) {
    memset(w, 0, sizeof *w);
    unit_slot(seg, 0, SLOT_SERVING);
    w->seg = seg;
    w->slot = &seg->slots[0];
    w->slot->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->config = unit_config(65536);
    cr_assert(members_make(w, seg->clients.len));
    w->settled = true;
    stage_init(&w->stage, &seg->room, 0);
    worker_read_clock(w);
}

/* In the room, with nothing read or sent; *peer is the other end of its socket. */
static inline struct client *unit_client(struct worker *w, int *peer) {
    int pair[2];
    struct in6_addr address = in6addr_loopback;
    struct facts facts = {.flags = FACT_IN_ROOM | FACT_GREETED, .seen = room_count(&w->seg->room)};
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_lt(pair[0], w->seg->clients.len);
    struct client *c = worker_client(w, (uint32_t)pair[0]);
    cr_assert_neq(client_claim(c, w->index, 1), 0);
    client_open(c, w->index, 1, &facts, &address, 1);
    member_add(w, c);
    *peer = pair[1];
    return c;
}

static inline uint32_t unit_buffers(struct worker *w, const struct client *c) {
    const struct buffer_pool *pool = &w->seg->tx_buffers;
    uint32_t n = 0;
    for (uint32_t box = 1; box <= pool->count; box++)
        n += buffer_owned(pool, box, client_tag(w, c));
    return n;
}

#endif
