/* relay_process.c - see relay_process.h. */
#include "master/relay_process.h"

#include "ipc/fault.h"
#include "ipc/log.h"

#include <stdio.h>

static struct slot *relay_process_slot(const struct segment *seg) {
    return &seg->slots[RELAY_SLOT];
}

bool relay_process_wanted(const struct segment *seg) {
    return relay_configured(header_config(seg->header)) ||
           atomic_load(&relay_process_slot(seg)->state) == SLOT_DEAD;
}

void relay_process_prepare(struct segment *seg) {
    struct relay *relay = &seg->header->relay;
    atomic_store(&relay->begun, atomic_load(&relay->asked));
    FAULT("relay_process.prepared");
}

/* One that dies before it has the gate leaves its slot unused as well. */
bool relay_process_retired(const struct segment *seg) {
    return atomic_load(&relay_process_slot(seg)->state) == SLOT_UNUSED &&
           (relay_asked(&seg->header->relay) || !relay_configured(header_config(seg->header)));
}

void relay_process_put_aside(struct segment *seg) {
    struct relay *relay = &seg->header->relay;
    atomic_store(&relay->link, RELAY_DOWN);
    atomic_store(&relay->since, segment_now(seg));
    snprintf(relay->state, sizeof relay->state, "there is no process: see the log");
    FAULT("relay_process.aside.before");
    atomic_store(&relay_process_slot(seg)->state, SLOT_UNUSED);
    FAULT("relay_process.aside.after");
    room_progress(&seg->room);
}

void relay_process_ask(struct segment *seg) {
    atomic_fetch_add(&seg->header->relay.asked, 1);
    FAULT("relay_process.asked");
    slot_ring_awake(relay_process_slot(seg));
}
