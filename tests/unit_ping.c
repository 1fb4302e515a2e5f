/* unit_ping.c - pings of browsers: one for all of them, no line; and the number of a message that
 * was published travels with its entry. */
#include "tests/unit_worker.h"
#include "worker/ledger/ping.h"
#include "worker/protocol/event.h"

#include <criterion/criterion.h>

TestSuite(ping, .timeout = 60);

static struct client *browser(struct worker *w, int *peer) {
    struct facts facts = unit_facts(w, FACT_IN_ROOM);
    facts.kind = KIND_WEB;
    facts.ring = RING_JSON;
    facts.websocket[0] = CLIENT_UPGRADED;
    facts.pos = room_entry(&w->seg->room, room_count(&w->seg->room) - 1)->end[RING_JSON];
    return unit_open(w, peer, &facts);
}

static struct worker *worker(void) {
    static struct worker w;
    static struct segment seg;
    unit_segment(&seg, 65536);
    unit_worker(&w, &seg);
    atomic_store(&seg.room.shared->pinged, w.ticks);
    return &w;
}

/* HOLES 15: told in one ring, it counts as no line in the others. */
Test(ping, it_is_no_line_and_telnets_are_sent_nothing) {
    struct worker *w = worker();
    const struct room *room = &w->seg->room;
    int browsers[2], telnet;
    browser(w, &browsers[0]);
    browser(w, &browsers[1]);
    unit_client(w, &telnet);
    uint64_t count = room_count(room);
    ping_stage(w);
    cr_assert_eq(w->stage.count, 0, "it is not due");
    w->ticks += PING_TICKS;
    ping_stage(w);
    ping_stage(w);
    unit_turn(w);
    cr_assert_eq(room_count(room), count + 1);
    cr_assert_eq(room_entry(room, count)->lines, room_entry(room, count - 1)->lines);
    cr_assert_eq(room_entry(room, count)->said, room_entry(room, count - 1)->said);
    for (int i = 0; i < 2; i++) {
        uint8_t got[8];
        cr_assert_eq(recv(browsers[i], got, sizeof got, MSG_DONTWAIT), EVENT_PING_LEN);
        cr_assert_eq(memcmp(got, event_ping, EVENT_PING_LEN), 0);
    }
    unit_hears(telnet, "");
    ping_stage(w);
    cr_assert_eq(w->stage.count, 0, "it was made just now");
}

Test(ping, without_browsers_there_is_none) {
    struct worker *w = worker();
    int telnet;
    unit_client(w, &telnet);
    w->ticks += PING_TICKS;
    ping_stage(w);
    cr_assert_eq(w->stage.count, 0);
    cr_assert_eq(ping_timeout(w), -1);
}

/* Due or not is decided under the gate. */
Test(ping, of_two_workers_one_makes_it) {
    struct worker *w = worker();
    int peer;
    browser(w, &peer);
    w->ticks += PING_TICKS;
    ping_stage(w);
    cr_assert_eq(w->stage.count, 1);
    atomic_store(&w->seg->room.shared->pinged, w->ticks); /* the other worker's is in the ledger */
    uint64_t count = room_count(&w->seg->room);
    unit_turn(w);
    cr_assert_eq(room_count(&w->seg->room), count);
    cr_assert_eq(w->stage.count, 0);
    unit_hears(peer, "");
}

Test(ping, a_busy_room_is_pinged_too) {
    struct worker *w = worker();
    int peer, telnet;
    browser(w, &peer);
    struct client *ann = unit_named(w, "ann", &telnet);
    w->ticks += PING_TICKS;
    unit_speak(w, ann, "hello");
    unit_heard(peer);
    ping_stage(w);
    unit_turn(w);
    uint8_t got[8];
    cr_assert_eq(recv(peer, got, sizeof got, MSG_DONTWAIT), EVENT_PING_LEN);
}

Test(ping, a_browser_that_answers_nothing_is_gone) {
    struct worker *w = worker();
    int silent, answering, telnet;
    struct client *gone = browser(w, &silent), *here = browser(w, &answering),
                  *other = unit_client(w, &telnet);
    for (int i = 0; i < 1 + PING_LOST_LOOKS; i++) {
        w->now += PING_LOOK_MS;
        cr_assert(client_live(gone));
        cr_assert_not(client_away(client_facts(gone)), "after %d looks", i);
        here->received++;
        ping_look(w);
    }
    cr_assert_not(client_live(gone) && !(client_facts(gone)->web & WEB_AWAY));
    cr_assert(client_live(here));
    cr_assert(client_live(other));
}

/* HOLES 16: the worker dies between the commit and the answer; its successor answers. */
Test(ping, the_number_of_what_was_published_outlives_the_worker) {
    static struct worker successor;
    struct worker *w = worker();
    int peer;
    struct client *c = browser(w, &peer);
    unit_set_name(w, c, "eve");
    struct line line = {.consumed = client_facts(c)->consumed, .numbered = true, .re = 0xFFFFFFFE};
    c->received = line.consumed += 5;
    struct change ch;
    change_begin(&ch, w, c);
    change_rx(&ch);
    cr_assert(change_commit(&ch));
    cr_assert_eq(say_speech(w, c, &line, "hello", false), LINE_STAGED);
    publish(w);
    successor = *w;
    cr_assert(apply(&successor));
    unit_flush(&successor);
    cr_assert_eq(client_facts(c)->re, 0xFFFFFFFE);
    cr_assert(client_facts(c)->web & WEB_RE);
    cr_assert_eq(client_facts(c)->consumed, line.consumed);
    const char *heard = unit_heard(peer);
    cr_assert_not_null(strstr(heard, "{\"ev\":\"ok\",\"re\":4294967294}"), "%s", heard);
    cr_assert(apply(&successor));
    unit_flush(&successor);
    unit_hears(peer, "");
}

/* A connection that takes a place over may have sent just as many bytes as the former one. */
Test(ping, what_a_member_was_before_it_came_counts_for_nothing) {
    struct worker *w = worker();
    int peer;
    struct client *c = browser(w, &peer);
    w->now += PING_LOOK_MS;
    ping_look(w);
    for (int i = 1; i < PING_LOST_LOOKS; i++) {
        w->now += PING_LOOK_MS;
        ping_look(w);
    }
    member_remove(w, c);
    member_add(w, c);
    for (int i = 0; i < PING_LOST_LOOKS; i++) {
        w->now += PING_LOOK_MS;
        ping_look(w);
        cr_assert(client_live(c), "after %d looks", i);
    }
    for (int i = 0; i < 2; i++) {
        w->now += PING_LOOK_MS;
        ping_look(w);
    }
    cr_expect_not(client_live(c));
}
