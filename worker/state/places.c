/* places.c - see places.h. */
#include "worker/state/places.h"

#include "ipc/fault.h"

/* Whether the connection is still there: its record is being filled, or is used. */
static bool place_taken(const struct worker *w, uint64_t tag) {
    uint32_t fd = (uint32_t)tag;
    if (tag == 0 || !segment_has_client(w->seg, fd))
        return false;
    uint64_t word = atomic_load(&w->seg->clients.at[fd].state_word);
    return client_generation(word) == (uint32_t)(tag >> 32) && client_state(word) != CLIENT_FREE;
}

bool place_take(struct worker *w, const struct client *c, _Atomic uint64_t *places,
                uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t tag = atomic_load(&places[i]);
        FAULT("place.take.before");
        if (!place_taken(w, tag) &&
            atomic_compare_exchange_strong(&places[i], &tag, client_tag(w, c))) {
            FAULT("place.take.after");
            return true;
        }
    }
    return false;
}
