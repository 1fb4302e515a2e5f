/* own.c - see own.h. */
#include "worker/relay/own.h"

#include "worker/relay/pass.h"
#include "worker/relay/state.h"
#include "worker/state/label.h"

#include <stdio.h>

/* Every client's worker has applied the entries below. */
static uint64_t own_applied(const struct segment *seg) {
    uint64_t applied = room_count(&seg->room);
    for (uint32_t i = 0; i < RELAY_SLOT; i++) {
        const struct slot *slot = &seg->slots[i];
        uint64_t cursor = atomic_load_explicit(&slot->cursor, memory_order_acquire);
        if (atomic_load_explicit(&slot->state, memory_order_acquire) != SLOT_UNUSED &&
            cursor < applied)
            applied = cursor;
    }
    return applied;
}

/* An engine without a mark has lost what other machines may not have read: it is sent all that the
 * ledger has.  A machine that has never heard of this life is told to begin behind `acked`. */
void own_hello(void *arg, struct link_hello *out) {
    struct relay_process *p = arg;
    uint32_t lines;
    p->pass.listed = own_applied(p->w.seg);
    p->pass.given = pass_oldest(p, &lines) - 1;
    *out = (struct link_hello){.life = p->place.life,
                               .acked = p->place.acked,
                               .from = p->pass.given,
                               .turn = p->place.turn,
                               .lines = p->place.acked_lines};
}

/* A record that changes all the time is looked at until it can be read. */
static bool own_peek(const struct segment *seg, uint32_t client, struct client_view *view) {
    while (!client_peek(&seg->clients, client, view))
        if (!client_live(&seg->clients.at[client]))
            return false;
    return true;
}

static bool own_is_here(const struct client_view *view) {
    return (view->facts.flags & (FACT_IN_ROOM | FACT_QUIET)) == FACT_IN_ROOM;
}

bool own_person(void *arg, uint32_t *at, char name[], size_t size, const char **value) {
    const struct relay_process *p = arg;
    const struct segment *seg = p->w.seg;
    uint32_t len = atomic_load(&seg->header->fd_high) + 1;
    while (*at < len) {
        uint32_t client = (*at)++;
        struct client_view view;
        char label[LABEL_TEXT];
        if (!segment_has_client(seg, client) || !own_peek(seg, client, &view) ||
            !own_is_here(&view))
            continue;
        snprintf(name, size, "%s",
                 label_unique(client_view_name(&view), &view.addr, view.port, label));
        *value = view.facts.web & WEB_BOT ? "b" : "";
        return true;
    }
    return false;
}
