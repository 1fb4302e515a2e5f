/* unit_browser.h - browsers on socket pairs, for tests beside unit_worker.h. */
#ifndef TESTS_UNIT_BROWSER_H
#define TESTS_UNIT_BROWSER_H

#include "tests/unit_worker.h"

/* A browser in the room, at its end, with a name. */
static inline struct client *unit_browser(struct worker *w, const char *name, int *peer) {
    const struct room *room = &w->seg->room;
    struct client *c = unit_named(w, name, peer);
    struct facts *f = client_begin(c);
    f->ring = RING_JSON;
    f->pos = room_entry(room, room_count(room) - 1)->end[RING_JSON];
    client_commit(c);
    return c;
}

/* Whether the peer has received everything and the end of the connection. */
static inline bool unit_ended(int peer) {
    char bytes[256];
    ssize_t n;
    while ((n = recv(peer, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        ;
    return n == 0;
}

#endif
