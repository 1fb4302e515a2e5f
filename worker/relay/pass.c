/* pass.c - see pass.h. */
#include "worker/relay/pass.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/relay/outgoing.h"
#include "worker/relay/state.h"

#include <stdio.h>
#include <string.h>

enum {
    PASS_ENTRIES = 512,  /* looked at in a turn, because those of other machines cost little */
    PASS_LOG_MS = 10000, /* between two lines on what was skipped */
};

/* ---- where ---- */

/* Whether the ledger has the entries from `index` - 1 on, whatever became of their texts. */
static bool pass_kept(const struct room *room, uint64_t index) {
    return room_unchanged(room, index, ENC_UTF8, UINT64_MAX - room->ring_size[ENC_UTF8]);
}

/* Own lines in the entries below `index`.  False: some of those that say it are overwritten. */
static bool pass_count(const struct relay_process *p, uint64_t index, uint32_t *lines) {
    const struct room *room = &p->w.seg->room;
    uint64_t lo = index < p->place.index ? index : p->place.index;
    *lines = p->place.own_lines;
    for (uint64_t i = index; i < p->place.index; i++)
        *lines -= pass_is_line(room_entry(room, i));
    for (uint64_t i = p->place.index; i < index; i++)
        *lines += pass_is_line(room_entry(room, i));
    return pass_kept(room, lo);
}

uint64_t pass_oldest(const struct relay_process *p, uint32_t *lines) {
    const struct room *room = &p->w.seg->room;
    for (;;) {
        uint64_t count = room_count(room), half = room->ledger_len / 2;
        uint64_t floor = p->place.from > 0 ? p->place.from : 1;
        if (count > half && count - half > floor)
            floor = count - half;
        uint64_t index = floor < count ? room_guard_for(room, count, floor) : count;
        if (pass_count(p, index, lines))
            return index;
    }
}

static void pass_skipped(struct relay_process *p, uint32_t lines) {
    if ((int32_t)lines <= 0)
        return;
    atomic_fetch_add_explicit(&p->shared->skipped_out, lines, memory_order_relaxed);
    p->pass.unsaid += lines;
}

/* The log is told at once, and then at most every PASS_LOG_MS. */
static bool pass_may_say(uint64_t said_at) {
    return said_at == 0 || clock_ms() - said_at >= PASS_LOG_MS;
}

static void pass_say_skipped(struct pass *pass) {
    if (pass->unsaid == 0 || !pass_may_say(pass->said_at))
        return;
    log_warn("%u line%s of people here %s overwritten before the other machines were sent %s",
             pass->unsaid, pass->unsaid == 1 ? "" : "s", pass->unsaid == 1 ? "was" : "were",
             pass->unsaid == 1 ? "it" : "them");
    pass->said_at = clock_ms();
    pass->unsaid = 0;
}

/* The engine's list of people is to be made anew. */
static void pass_renew(struct relay_process *p, const char *why) {
    p->pass.on = false;
    p->pass.again(p->link, why);
}

static bool pass_changes_people(const struct entry *entry) {
    return entry->kind == ENTRY_JOIN || entry->kind == ENTRY_LEAVE || entry->kind == ENTRY_NICK;
}

/* Goes on with the entry `next`, where `lines` own lines are before it; what was not passed on is
 * counted here, and by every receiver. */
static void pass_skip_to(struct relay_process *p, uint64_t next, uint32_t lines) {
    struct pass *pass = &p->pass;
    pass_skipped(p, lines - pass->lines);
    pass->next = next;
    pass->behind = next - 1;
    pass->lines = lines;
}

/* What is next is overwritten, and the ledger has it no more. */
static void pass_jump(struct relay_process *p) {
    uint32_t lines;
    uint64_t next = pass_oldest(p, &lines);
    if (next > p->pass.listed)
        pass_renew(p, "what people here did is overwritten, and its list of them may be wrong");
    else
        pass_skip_to(p, next, lines);
}

/* What is next was overwritten; `entry`: its copy, if the ledger has it still. */
static void pass_skip(struct relay_process *p, const struct entry *entry) {
    struct pass *pass = &p->pass;
    if (!pass_kept(&p->w.seg->room, pass->next))
        pass_jump(p);
    else if (pass_changes_people(entry) && pass->next >= pass->listed)
        pass_renew(p,
                   "a person's coming or going is overwritten, and its list of them may be wrong");
    else
        pass_skip_to(p, pass->next + 1, pass->lines + pass_is_line(entry));
}

/* The engine has gone back behind what it has acknowledged, or has lost its mark. */
static void pass_lacks(struct relay_process *p) {
    int32_t lines = (int32_t)(p->place.acked_lines - p->pass.lines);
    if (p->pass.next > p->place.acked || !pass_may_say(p->pass.lacks_at))
        return;
    p->pass.lacks_at = clock_ms();
    log_warn("the engine has lost what it was sent last: %d line%s sent again",
             lines > 0 ? lines : 0, lines == 1 ? " is" : "s are");
}

/* Goes on behind the engine's mark. */
static void pass_seek(struct relay_process *p, uint64_t mark) {
    struct pass *pass = &p->pass;
    uint64_t count = room_count(&p->w.seg->room);
    uint64_t next = mark + 1 > p->place.from ? mark + 1 : p->place.from;
    pass->next = next < count ? next : count;
    pass->prev = mark;
    pass->behind = pass->next - 1;
    pass->lines = p->place.acked_lines;
    pass->refused = false;
    uint32_t lines;
    if (pass_count(p, pass->next, &lines))
        pass->lines = lines;
    else
        pass_jump(p);
    pass_lacks(p);
    p->place.acked = mark;
    p->place.acked_lines = pass->lines;
    p->unsaved = true;
}

/* ---- the link's events ---- */

void pass_begin(struct relay_process *p) {
    struct relay_place *place = &p->place;
    p->pass.send = link_pass;
    p->pass.again = link_again;
    if (place->from != 0)
        return;
    place->from = place->index;
    place->acked = place->index - 1;
    place->acked_lines = place->own_lines;
    p->unsaved = true;
}

void pass_hello(struct relay_process *p, const struct link_event *ev) {
    struct pass *pass = &p->pass;
    uint64_t acked = p->place.acked;
    uint32_t lines = p->place.acked_lines;
    pass->on = true;
    p->place.turn = ev->turn;
    pass_seek(p, ev->mark);
    if (ev->mark <= acked)
        return;
    if (ev->mark == pass->given) /* the engine had none: what lies between was never passed on */
        pass_skipped(p, p->place.acked_lines - lines);
    else if (pass->next == ev->mark + 1) /* the answers are lost */
        atomic_fetch_add_explicit(&p->shared->lines_out, p->place.acked_lines - lines,
                                  memory_order_relaxed);
}

static void pass_acknowledged(struct relay_process *p, const struct pass_waiting *item) {
    FAULT("relay.acked.before");
    p->place.acked = item->index;
    p->place.acked_lines = item->lines;
    p->unsaved = true;
    if (item->speech)
        atomic_fetch_add_explicit(&p->shared->lines_out, 1, memory_order_relaxed);
    FAULT("relay.acked.after");
}

void pass_answer(struct relay_process *p, const struct link_event *ev) {
    struct pass *pass = &p->pass;
    const struct pass_waiting *item = &pass->waiting[pass->first];
    if (pass->count == 0 || item->index != ev->index)
        return; /* it was asked before the last HELLO */
    pass->first = (pass->first + 1) % LINK_WINDOW;
    pass->count--;
    switch (ev->result) {
    case LINK_OK: pass_acknowledged(p, item); break;
    case LINK_GAP:
        pass->refused = true;
        pass->mark = ev->mark;
        if (!ev->marked && pass->on) /* HELLO gives it one */
            pass_renew(p, "it has forgotten what it knew of this machine");
        break;
    }
}

void pass_lost(struct relay_process *p) {
    p->pass.on = false;
    p->pass.count = 0;
}

/* ---- passing on ---- */

/* A change of who is here waits for the worker that published it. */
static bool pass_waits(const struct relay_process *p, uint64_t index, const struct entry *entry) {
    const struct slot *slot = &p->w.seg->slots[entry->slot];
    return pass_changes_people(entry) &&
           atomic_load_explicit(&slot->state, memory_order_acquire) != SLOT_UNUSED &&
           atomic_load_explicit(&slot->cursor, memory_order_acquire) <= index;
}

/* What the item does to the engine's list of people. */
static void pass_effect(const struct item *item, struct link_pass *out) {
    out->op = item->kind == ITEM_JOIN    ? '+'
              : item->kind == ITEM_LEAVE ? '-'
              : item->kind == ITEM_NICK  ? 'r'
                                         : 0;
    out->name = out->op ? item->who : "";
    out->name2 = out->op == '+' || out->op == 'r' ? item->text : "";
}

/* The rest of the item is there.  False: it cannot be sent now. */
static bool pass_send(struct relay_process *p, uint64_t index, bool speech) {
    static char payload[ITEM_MAX]; /* one a process */
    struct pass *pass = &p->pass;
    struct item *item = &pass->item;
    memcpy(item->node, p->node, sizeof item->node);
    item->life = p->place.life;
    item->turn = p->place.turn;
    item->prev = pass->behind;
    item->index = index;
    item->lines = pass->lines + speech;
    struct link_pass out = {item->life, pass->prev, index, payload, item_write(item, payload),
                            0,          "",         ""};
    pass_effect(item, &out);
    FAULT("relay.pass.before");
    if (!pass->send(p->link, &out))
        return false;
    FAULT("relay.pass.after");
    pass->waiting[(pass->first + pass->count++) % LINK_WINDOW] =
        (struct pass_waiting){index, item->lines, speech};
    pass->prev = pass->behind = index;
    return true;
}

enum passed { PASSED_ON, PASSED_OVER, PASSED_LATER, PASSED_FULL };

/* The entry `next`. */
static enum passed pass_entry(struct relay_process *p) {
    struct pass *pass = &p->pass;
    struct entry entry;
    uint64_t index = pass->next;
    enum outgoing what = outgoing_read(p->w.seg, &pass->clock, index, &entry, &pass->item);
    if (what == OUTGOING_TORN) {
        pass_skip(p, &entry);
        return PASSED_OVER;
    }
    bool speech = pass_is_line(&entry);
    if (what == OUTGOING_ITEM && pass_waits(p, index, &entry))
        return PASSED_LATER;
    if (what == OUTGOING_ITEM && !pass_send(p, index, speech))
        return PASSED_FULL;
    pass->lines += speech;
    pass->next++;
    return what == OUTGOING_ITEM ? PASSED_ON : PASSED_OVER;
}

static void pass_lag(struct relay_process *p, uint64_t count) {
    uint64_t next = p->pass.on ? p->pass.next : p->place.acked + 1;
    uint64_t lag = (next < count ? count - next : 0) + p->pass.count;
    atomic_store_explicit(&p->shared->lag, lag < UINT32_MAX ? (uint32_t)lag : UINT32_MAX,
                          memory_order_relaxed);
}

static bool pass_can(const struct pass *pass) {
    return pass->on && !pass->refused && pass->count < LINK_WINDOW;
}

bool pass_work(struct relay_process *p) {
    struct pass *pass = &p->pass;
    uint64_t count = room_count(&p->w.seg->room);
    if (pass->on && pass->refused && pass->count == 0)
        pass_seek(p, pass->mark);
    uint64_t end = pass->next + PASS_ENTRIES < count ? pass->next + PASS_ENTRIES : count;
    enum passed last;
    bool any = false;
    while (pass_can(pass) && pass->next < end && (last = pass_entry(p)) <= PASSED_OVER)
        any |= last == PASSED_ON;
    pass_say_skipped(pass);
    pass_lag(p, count);
    return any || (pass->on && pass->next < count);
}

bool pass_done(const struct relay_process *p, uint64_t end) {
    return p->pass.on && !p->pass.refused && p->pass.count == 0 && p->pass.next >= end;
}
