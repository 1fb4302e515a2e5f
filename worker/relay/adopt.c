/* adopt.c - see adopt.h. */
#include "worker/relay/adopt.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "worker/relay/events.h"
#include "worker/relay/intake.h"
#include "worker/relay/pass.h"
#include "worker/relay/place.h"
#include "worker/relay/remote.h"
#include "worker/relay/settle.h"
#include "worker/state/lock.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { ADOPT_YOUNG_MS = 10000 }; /* a server's first relay begins with the room's first line */

bool relay_make(struct relay_process *p, struct segment *seg, uint64_t incarnation) {
    struct worker *w = &p->w;
    w->seg = seg;
    w->slot = &seg->slots[RELAY_SLOT];
    w->index = RELAY_SLOT;
    w->me = incarnation;
    w->adopting = true;
    w->orders = atomic_load(&seg->room.shared->orders);
    worker_read_clock(w);
    w->config_version = segment_read_config(seg, &w->config);
    p->shared = &seg->header->relay;
    snprintf(p->node, sizeof p->node, "%s", w->config.node);
    p->world.node = RELAY_NODES;
    stage_init(&w->stage, &seg->room, RELAY_SLOT, seg->clients.rows);
    return remote_make(p);
}

/* Whether entry `index` and all behind it are whole.  Under the gate. */
static bool adopt_is_whole(const struct room *room, uint64_t index) {
    return index > 0 && index <= room_count(room) &&
           room_unchanged(room, index, RING_SIDE, room_start(room, index, RING_SIDE));
}

/* Where an unused slot's process begins: where the last one ended, if that is still there, and if
 * the room was not to be on this machine alone meanwhile. */
static void adopt_begin_place(struct relay_process *p) {
    const struct room *room = &p->w.seg->room;
    bool young = p->place.index == 0 && segment_now(p->w.seg) < ADOPT_YOUNG_MS;
    uint64_t index = young ? 1 : p->place.from != 0 ? p->place.index : 0;
    if (!adopt_is_whole(room, index)) {
        index = room_count(room);
        p->place.from = 0; /* what people here did meanwhile is not passed on (pass.h) */
    }
    p->place.index = index;
}

/* Enters the guard and the cursor, which are at the place. */
static void adopt_enter(struct relay_process *p) {
    struct slot *slot = p->w.slot;
    worker_lock(&p->w);
    p->place = *relay_place(p->shared);
    if (atomic_load(&slot->state) == SLOT_UNUSED)
        adopt_begin_place(p);
    room_enter(&p->w.seg->room, p->place.index);
    FAULT("relay.enter.before");
    place_flip(p);
    atomic_store(&slot->guard, p->place.index);
    FAULT("relay.enter.guard");
    atomic_store(&slot->cursor, p->place.index);
    FAULT("relay.enter.cursor");
    atomic_store_explicit(&slot->state, SLOT_ADOPTING, memory_order_release);
    FAULT("relay.enter.after");
    worker_unlock(&p->w);
}

/* Under another name the machine is another one, whose items begin where those of the former end:
 * what was said while that one left is passed on by this one.  What is read already is not read
 * again, because items of still older names in it would look like another machine's. */
static void adopt_rename(struct relay_place *place) {
    place->from = place->from != 0 && place->acked < place->index ? place->acked + 1 : 0;
    if (place->turn == 0) /* it was never in reach, and has passed on nothing */
        return;
    place->former = place->life;
    place->floor = place->in;
}

/* A number above that of every segment before: by the clock, or the engine knows better
 * (LINK_LATER). */
static void adopt_choose_life(struct relay_process *p) {
    struct relay_place *place = &p->place;
    uint16_t random = 0;
    if (place->life != 0 && strcmp(place->name, p->node) == 0)
        return;
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    adopt_rename(place);
    place->life = clock_wall_ms() << 16 | random;
    place->turn = 0;
    memcpy(place->name, p->node, sizeof place->name);
    p->unsaved = true;
}

void relay_adopt(struct relay_process *p) {
    adopt_enter(p);
    adopt_choose_life(p);
    pass_begin(p);
    remote_adopt(p);
    settle(p);
    remote_sweep(p);
    intake_begin(p);
    if (p->unsaved)
        place_commit(p);
    p->w.adopting = false;
    events_begin(p);
    FAULT("relay.serving.before");
    atomic_store_explicit(&p->w.slot->state, SLOT_SERVING, memory_order_release);
    FAULT("relay.serving.after");
}
