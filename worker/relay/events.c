/* events.c - see events.h. */
#include "worker/relay/events.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/command/say.h"
#include "worker/relay/earlier.h"
#include "worker/relay/foreign.h"
#include "worker/relay/intake.h"
#include "worker/relay/pass.h"
#include "worker/relay/place.h"
#include "worker/relay/world.h"
#include "worker/state/breadcrumb.h"

#include <string.h>

enum {
    EVENTS_DOWN_MS = 3000,   /* a link that is down for less is not spoken of */
    EVENTS_AGAIN_MS = 60000, /* of the stream are read twice: what an engine that went back has
                                from another one */
    EVENTS_PAUSE_US = 500,
    EVENTS_BUSY_US = 2000, /* a reading that ends sooner than that came of load */
    EVENTS_NAME = 512,     /* longer ones are none, and are not looked at */
};

/* The server ends: no client is sent what comes from elsewhere, and the transcript is at its end.
 */
static bool events_over(const struct relay_process *p) {
    return atomic_load(&p->w.seg->header->shutdown) != 0;
}

/* ---- reading ---- */

static bool events_is_after(struct stream_id a, struct stream_id b) {
    return a.ms != b.ms ? a.ms > b.ms : a.seq > b.seq;
}

/* Where to begin on a new connection.  `last`: the stream's end; an engine that has less than was
 * read from another has gone back. */
static void events_begin_reading(struct relay_process *p) {
    struct stream_id last = p->caught, at = p->place.in, floor = p->place.floor;
    if (events_is_after(at, last))
        at = last;
    at.ms -= at.ms < EVENTS_AGAIN_MS ? at.ms : EVENTS_AGAIN_MS;
    if (!events_is_after(floor, last) && events_is_after(floor, at))
        at = floor;
    p->reading = (struct reading){.at = at, .due = true, .caught = !events_is_after(last, at)};
}

static void events_read(struct relay_process *p) {
    struct reading *r = &p->reading;
    if (!events_is_after(p->caught, r->at) || r->items == 0)
        r->caught = true;
    r->due = true;
}

/* Microseconds until the next reading is to be asked for. */
static int64_t events_pause(const struct relay_process *p, uint64_t now_us) {
    const struct reading *r = &p->reading;
    if (!r->caught)
        return 0;
    uint64_t took = r->ended_us - r->asked_us, since = now_us - r->ended_us;
    return took < EVENTS_BUSY_US && since < EVENTS_PAUSE_US ? (int64_t)(EVENTS_PAUSE_US - since)
                                                            : 0;
}

static bool events_may_ask(const struct relay_process *p) {
    return p->up && p->reading.due && !p->world.asked && !p->earlier.asked && !p->held &&
           !p->w.stage.closed && !events_over(p);
}

/* While the list of people is asked for nothing is read (world.h). */
void events_ask(struct relay_process *p) {
    struct reading *r = &p->reading;
    uint64_t now_us = clock_us();
    world_look(p, now_us / 1000);
    if (!events_may_ask(p))
        return;
    if (world_wanted(p, now_us)) {
        if (link_world(p->link))
            world_begin(p, now_us);
        return;
    }
    if (events_pause(p, now_us) > 0)
        return;
    r->due = false;
    r->items = 0;
    r->asked_us = now_us;
    link_read(p->link, r->at);
}

/* ---- the link ---- */

static void events_link(struct relay_process *p, bool up) {
    p->up = up;
    *(up ? &p->up_at : &p->down_at) = clock_ms();
    FAULT("relay.link.before");
    atomic_store_explicit(&p->shared->link, up ? RELAY_UP : RELAY_DOWN, memory_order_release);
    atomic_store(&p->shared->since, segment_now(p->w.seg));
    FAULT("relay.link.after");
}

void events_begin(struct relay_process *p) {
    events_link(p, false);
}

void events_down(struct relay_process *p) {
    if (p->up)
        events_link(p, false);
}

static void events_hello(struct relay_process *p, const struct link_event *ev) {
    p->caught = ev->last;
    p->world.due = true;
    p->world.again_at = p->world.rest_us = 0;
    events_link(p, true);
    earlier_begin(p);
    if (p->place.filled)
        events_begin_reading(p);
    pass_hello(p, ev);
}

/* Another segment of this machine has had a higher life, by a clock that was wrong. */
static void events_later(struct relay_process *p, const struct link_event *ev) {
    p->place.life = ev->life + 1;
    p->place.turn = 0;
    place_commit(p);
}

static void events_lost(struct relay_process *p) {
    events_link(p, false);
    p->world.asked = false;
    p->reading.due = false;
    earlier_lost(p);
    pass_lost(p);
}

static void events_say_link(struct relay_process *p, bool down) {
    struct words words = {0};
    if (!intake_flush(p))
        return;
    intake_seal_link(p, say_notice(&p->w, ENTRY_NODE, down ? SAY_LINK_DOWN : SAY_LINK_UP, &words),
                     down);
    intake_flush(p);
}

static bool events_down_long(const struct relay_process *p) {
    return !p->up && clock_ms() - p->down_at >= EVENTS_DOWN_MS;
}

void events_notice(struct relay_process *p) {
    if (p->w.stage.closed || events_over(p))
        return;
    if (!p->place.link_said && events_down_long(p))
        events_say_link(p, true);
    else if (p->place.link_said && p->up)
        events_say_link(p, false);
}

/* ---- events ---- */

static bool events_item(struct relay_process *p, const struct link_event *ev) {
    if (p->earlier.asked) {
        earlier_item(p, ev);
        return true;
    }
    if (ev->len == 0)
        intake_refuse(p, RELAY_NODES, NULL, "it is none, or too long");
    else if (!foreign_item(p, ev))
        return false;
    p->reading.at = ev->id;
    p->reading.items++;
    return true;
}

static bool events_history(struct relay_process *p) {
    if (!earlier_end(p))
        return false;
    events_begin_reading(p);
    return true;
}

static bool events_is_from_elsewhere(enum link_event_kind kind) {
    return kind == LINK_ITEM || kind == LINK_NODE || kind == LINK_PERSON || kind == LINK_WORLD;
}

bool relay_event(struct relay_process *p, const struct link_event *ev) {
    if (events_over(p) && events_is_from_elsewhere(ev->kind))
        return true;
    switch (ev->kind) {
    case LINK_HELLO: events_hello(p, ev); break;
    case LINK_LATER: events_later(p, ev); break;
    case LINK_LOST: events_lost(p); break;
    case LINK_PASSED: pass_answer(p, ev); break;
    case LINK_ITEM: return events_item(p, ev);
    case LINK_READ:
        p->reading.ended_us = clock_us();
        events_read(p);
        break;
    case LINK_NODE:
    case LINK_PERSON:
    case LINK_WORLD: return world_event(p, ev);
    case LINK_HISTORY: return events_history(p);
    }
    return true;
}

/* An event that waits, with its strings, which are the link's until its next call. */
struct relay_held {
    struct link_event ev;
    char bytes[ITEM_MAX], name[EVENTS_NAME], value[EVENTS_NAME];
};

static const char *events_keep(char *to, size_t size, const char *from, size_t len) {
    memcpy(to, from, len < size ? len : size);
    return to;
}

static void events_hold(struct relay_process *p, const struct link_event *ev) {
    static struct relay_held held; /* one a process */
    held.ev = *ev;
    if (ev->bytes)
        held.ev.bytes = events_keep(held.bytes, sizeof held.bytes, ev->bytes, ev->len);
    if (ev->name)
        held.ev.name = events_keep(held.name, sizeof held.name, ev->name, ev->name_len);
    if (ev->value)
        held.ev.value = events_keep(held.value, sizeof held.value, ev->value, ev->value_len);
    p->held = &held;
}

void events_settle(struct relay_process *p) {
    intake_flush(p);
    if (p->unsaved)
        place_commit(p);
}

/* A connection that is lost takes what was asked for with it, but an item that was read is one. */
void events_work(struct relay_process *p) {
    struct link_event ev;
    if (p->held && relay_event(p, &p->held->ev))
        p->held = NULL;
    while (!p->held && link_next(p->link, &ev)) {
        worker_beat(&p->w);
        if (!relay_event(p, &ev))
            events_hold(p, &ev);
    }
    events_settle(p);
}

int64_t events_timeout(const struct relay_process *p) {
    int64_t us = -1;
    uint64_t now_us = clock_us();
    if (events_may_ask(p))
        return world_wanted(p, now_us) ? EVENTS_PAUSE_US : events_pause(p, now_us);
    if (!p->up && !p->place.link_said) {
        int64_t left = (int64_t)(p->down_at + EVENTS_DOWN_MS - now_us / 1000);
        us = left > 0 ? left * 1000 : 1000;
    }
    int again = p->up ? world_timeout(p, now_us / 1000) : -1;
    return again >= 0 && (us < 0 || again * INT64_C(1000) < us) ? again * INT64_C(1000) : us;
}
