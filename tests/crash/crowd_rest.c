/* crowd_rest.c - waits until every line and answer has arrived; see crowd.h. */
#include "tests/crash/crowd.h"

#include "ipc/clock.h"

#include <stddef.h>

/* How many private lines are not there, of which it was not told that they are lost. */
static uint32_t private_missing(uint32_t sent, uint32_t seen, const struct private_gap *gap) {
    return gap->state == GAP_TOLD ? 0 : sent - seen;
}

/* What the guest still waits for; NULL: nothing. */
static const char *wants(struct crowd *c, const struct guest *g) {
    const struct guest *partner = &c->guest[g->partner];
    if (g->state == GUEST_LOGGING_IN)
        return "its coming";
    if (g->state == GUEST_LEAVING)
        return "the end of its stream";
    if (g->out.len > 0)
        return "the server to read";
    if (g->back_at != 0 || g->web.pending.len > 0)
        return "its requests to be answered";
    if (g->waits)
        return "others to have seen what it sees";
    if (g->state == GUEST_INSIDE && g->viewer.at != c->order->len)
        return "lines that others have seen";
    if (g->state == GUEST_INSIDE && g->answered != g->asked)
        return "an answer";
    if (g->state == GUEST_INSIDE && g->earlier > 0)
        return "earlier lines";
    if (private_missing(g->whispered, g->copied, &g->copied_gap))
        return "a copy of what it whispered";
    if (partner != g && private_missing(g->whispered, partner->heard, &partner->heard_gap))
        return "its partner to hear a whisper";
    return NULL;
}

/* Every guest has received every line and every answer. */
static bool settled(struct crowd *c) {
    if (!order_complete(c->order))
        return false;
    for (uint32_t i = 0; i < c->count; i++) {
        if (wants(c, &c->guest[i]))
            return false;
    }
    return true;
}

static void tell_unsettled(struct crowd *c) {
    for (uint32_t i = 0; i < c->order->speakers; i++) {
        const struct speaker *s = &c->order->speaker[i];
        if (!order_speaker_complete(s))
            order_complain(c->order, "of speaker %u only %u of %u lines were seen, %u refused", i,
                           s->heard, s->sent, s->refused);
    }
    for (uint32_t i = 0; i < c->count; i++) {
        struct guest *g = &c->guest[i];
        const char *what = wants(c, g);
        if (!what)
            continue;
        order_complain(c->order, "%s waits for %s", g->name, what);
        crowd_tell(c, g);
        if (&c->guest[g->partner] != g)
            crowd_tell(c, &c->guest[g->partner]);
    }
}

bool crowd_enter(struct crowd *c, uint32_t ms) {
    uint64_t until = clock_ms() + ms;
    uint32_t inside = 0;
    for (; inside < c->count && clock_ms() < until;) {
        crowd_turn(c, 0, 5);
        inside = 0;
        for (uint32_t i = 0; i < c->count; i++)
            inside += c->guest[i].state == GUEST_INSIDE;
    }
    if (inside < c->count)
        tell_unsettled(c);
    return inside == c->count;
}

bool crowd_rest(struct crowd *c, uint32_t ms) {
    uint64_t until = clock_ms() + ms;
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->guest[i].deaf_until != 0)
            c->guest[i].deaf_until = 1;
    }
    /* A list ends with the first other line: guest 0 speaks from time to time. */
    for (uint32_t turn = 0; !settled(c); turn++) {
        if (clock_ms() >= until) {
            tell_unsettled(c);
            return false;
        }
        if (turn % 64 == 0 && c->guest[0].state == GUEST_INSIDE)
            crowd_say(c, &c->guest[0]);
        crowd_turn(c, 0, 5);
    }
    return true;
}

/* How many speakers have come and not gone, less the guests inside. */
static uint32_t left_behind(const struct crowd *c) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->order->speakers; i++)
        n += c->order->speaker[i].came && !c->order->speaker[i].went;
    for (uint32_t i = 0; i < c->count; i++)
        n -= c->guest[i].state == GUEST_INSIDE;
    return n;
}

/* Guest 0 asks for a list. */
static void check_list(struct crowd *c, uint32_t ms) {
    struct guest *g = &c->guest[0];
    if (g->state != GUEST_INSIDE)
        return;
    crowd_ask(c, g);
    if (!crowd_rest(c, ms))
        return;
    uint32_t wrong = g->others;
    for (uint32_t i = 0; i < c->count; i++)
        wrong += g->named[i] != (c->guest[i].state == GUEST_INSIDE);
    if (wrong > 0) {
        order_complain(c->order, "the last list has %u wrong names", wrong);
        c->lists_bad++;
    }
}

/* Only the guests are left in the room, by its lines and by its list. */
static bool alone(struct crowd *c, uint32_t ms) {
    uint64_t until = clock_ms() + ms;
    while (left_behind(c) != 0 && clock_ms() < until)
        crowd_turn(c, 0, 5);
    if (left_behind(c) != 0)
        order_complain(c->order, "%d clients that came have not left", (int)left_behind(c));
    check_list(c, ms);
    return left_behind(c) == 0;
}

bool crowd_settle(struct crowd *c, uint32_t ms) {
    crowd_without_bystander(c);
    for (uint32_t i = 0; i < c->count; i++)
        c->guest[i].away_until = UINT64_MAX;
    bool well = crowd_rest(c, ms) && alone(c, ms);
    order_finish(c->order);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct guest *g = &c->guest[i];
        const struct guest *partner = &c->guest[g->partner];
        if (g->state != GUEST_INSIDE)
            continue;
        order_finish_viewer(c->order, &g->viewer);
        c->private_lost += private_missing(g->whispered, g->copied, &g->copied_gap);
        if (partner != g && partner->state == GUEST_INSIDE)
            c->private_lost += private_missing(g->whispered, partner->heard, &partner->heard_gap);
        if (g->answered != g->asked) {
            order_complain(c->order, "%s asked %u times and was answered %u times", g->name,
                           g->asked, g->answered);
            c->lists_bad++;
        }
    }
    return well;
}

uint64_t crowd_violations(struct crowd *c) {
    const struct room_order *o = c->order;
    return o->lost + o->doubled + o->reordered + o->forbidden + c->disconnects + c->private_lost +
           c->private_doubled + c->lists_bad + c->unexpected + c->refused;
}
