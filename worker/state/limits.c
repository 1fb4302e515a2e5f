/* limits.c - see limits.h. */
#include "worker/state/limits.h"

#include "ipc/origin.h"

/* One behind the last record that was ever used. */
static uint32_t limits_records(const struct worker *w) {
    uint32_t high = atomic_load(&w->seg->header->fd_high);
    return high < w->seg->clients.len ? high + 1 : w->seg->clients.len;
}

bool max_clients_exceeded(struct worker *w, uint32_t coming) {
    uint32_t limit = w->seg->header->geometry.max_clients, found = coming;
    if (segment_connections(w->seg) <= limit)
        return false;
    for (uint32_t fd = 0; fd < limits_records(w) && found <= limit; fd++)
        found += client_peek_person(worker_client(w, fd));
    return found > limit;
}

bool per_address_full(struct worker *w, const struct in6_addr *addr, const struct client *self) {
    uint32_t limit = w->config.max_clients_per_address, found = 0;
    if (limit == 0)
        return false;
    for (uint32_t fd = 0; fd < limits_records(w) && found < limit; fd++) {
        const struct client *c = worker_client(w, fd);
        struct in6_addr other;
        found += c != self && client_peek_address(c, &other) && origin_same(&other, addr) &&
                 client_peek_person(c);
    }
    return found >= limit;
}
