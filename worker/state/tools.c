/* tools.c - see tools.h. */
#include "worker/state/tools.h"

#include "ipc/fault.h"

/* Whether the connection is still there: its record is being filled, or is used. */
static bool tool_is_there(const struct worker *w, uint64_t tag) {
    uint32_t fd = (uint32_t)tag;
    if (tag == 0 || !segment_has_client(w->seg, fd))
        return false;
    uint64_t word = atomic_load(&w->seg->clients.at[fd].state_word);
    return client_generation(word) == (uint32_t)(tag >> 32) && client_state(word) != CLIENT_FREE;
}

static bool tool_take_word(struct worker *w, const struct client *c, _Atomic uint64_t *words,
                           uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t tag = atomic_load(&words[i]);
        FAULT("tool.take.before");
        if (!tool_is_there(w, tag) &&
            atomic_compare_exchange_strong(&words[i], &tag, client_tag(w, c))) {
            FAULT("tool.take.after");
            return true;
        }
    }
    return false;
}

bool tool_open(struct worker *w, struct client *c, enum client_kind kind, uint64_t cookie,
               const struct in6_addr *addr, uint16_t port) {
    struct segment_header *h = w->seg->header;
    bool control = kind == KIND_CONTROL;
    if (!tool_take_word(w, c, control ? h->control_clients : h->metrics_clients,
                        control ? (uint32_t)CONTROL_MAX : (uint32_t)METRICS_CLIENTS))
        return false;
    struct facts facts = {.ring = ENC_UTF8,
                          .kind = (uint8_t)kind,
                          .flags = FACT_GREETED | FACT_HEARD,
                          .last_input = w->tenths,
                          .tat = w->now,
                          .seen = room_count(&w->seg->room)};
    client_open(c, w->index, cookie, &facts, addr, port);
    return true;
}
