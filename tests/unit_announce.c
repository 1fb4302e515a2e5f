/* unit_announce.c - guests of the open room: quiet until they have stayed or have sent a line. */
#include "tests/unit_worker.h"
#include "worker/command/announce.h"
#include "worker/command/greeting.h"
#include "worker/ledger/closing.h"
#include "worker/output/who.h"
#include "worker/record/leave.h"
#include "worker/state/pause.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct segment seg;
static struct worker worker;
static struct client *ann;
static int ann_peer;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    worker.config.login = false;
    ann = unit_client(&worker, &ann_peer);
}
TestSuite(announce, .init = set_up);

static void turn(void) {
    closing_stage(&worker);
    announce_look(&worker);
    for (int i = 0; i < 4; i++) {
        input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
        unit_turn(&worker);
    }
}

static struct client *come(int *peer) {
    struct facts facts = unit_facts(&worker, 0);
    facts.flags = 0;
    struct client *c = unit_open(&worker, peer, &facts);
    greeting_begin(&worker, c);
    turn();
    return c;
}

static bool is_quiet(const struct client *c) {
    return client_facts(c)->flags & FACT_QUIET;
}

static uint32_t people(void) {
    return room_entry(&seg.room, room_count(&seg.room) - 1)->people;
}

Test(announce, a_guest_is_greeted_at_once_and_announced_when_it_has_stayed) {
    int peer;
    struct client *c = come(&peer);
    unit_hears(peer, "Welcome to Units\r\n");
    unit_hears(ann_peer, "");
    cr_assert(is_quiet(c));
    cr_assert_eq(announce_timeout(&worker), (ANNOUNCE_TENTHS + 1) * 100);
    worker.tenths += ANNOUNCE_TENTHS;
    turn();
    unit_hears(ann_peer, "");
    cr_assert_eq(announce_timeout(&worker), 100);
    worker.tenths += 1;
    turn();
    unit_hears(ann_peer, "::1 has entered the room.\r\n");
    unit_hears(peer, "::1 has entered the room.\r\n");
    cr_assert_not(is_quiet(c));
    cr_assert_eq(people(), 1);
    cr_assert_eq(announce_timeout(&worker), -1);
    worker.tenths += 100;
    turn();
    unit_hears(ann_peer, "");
}

Test(announce, a_guest_that_sends_a_line_is_announced_before_it) {
    int peer;
    struct client *c = come(&peer);
    unit_heard(peer);
    unit_type(&worker, c, peer, "hello\r\n");
    turn();
    unit_hears(ann_peer, "::1 has entered the room.\r\nhello\r\n");
    unit_hears(peer, "::1 has entered the room.\r\nhello\r\n");
    worker.tenths += 100;
    turn();
    unit_hears(ann_peer, "");
}

Test(announce, an_empty_line_or_half_a_line_is_no_reason) {
    int peer;
    struct client *c = come(&peer);
    unit_type(&worker, c, peer, "\r\n\r\nhal");
    turn();
    cr_assert(is_quiet(c));
    unit_hears(ann_peer, "");
    unit_type(&worker, c, peer, "f\r\n");
    turn();
    unit_hears(ann_peer, "::1 has entered the room.\r\nhalf\r\n");
}

Test(announce, a_guest_that_was_not_announced_leaves_unheard) {
    int peer;
    struct client *c = come(&peer);
    uint64_t count = room_count(&seg.room);
    leave_begin(&worker, c, NULL);
    turn();
    cr_assert_not(client_live(c));
    cr_assert_eq(room_count(&seg.room), count);
    unit_hears(ann_peer, "");
    worker.tenths += 100;
    turn();
    unit_hears(ann_peer, "");
}

Test(announce, another_protocol_comes_and_goes_unheard) {
    static const char *const heads[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "SSH-2.0-x\r\n",
                                        "OPTIONS * RTSP/1.0\r\n\r\n", "\x16\x03\x01\x02\x0a"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        int peer;
        struct client *c = come(&peer);
        unit_type(&worker, c, peer, heads[i]);
        turn();
        cr_assert_not(client_live(c), "%s", heads[i]);
        unit_hears(ann_peer, "");
    }
}

/* Connects with these bytes already sent; true if anything was shown to it. */
static bool is_greeted(const char *sent) {
    int peer;
    struct facts facts = unit_facts(&worker, 0);
    facts.flags = 0;
    struct client *c = unit_open(&worker, &peer, &facts);
    cr_assert_eq(send(peer, sent, strlen(sent), 0), (ssize_t)strlen(sent));
    greeting_begin(&worker, c);
    turn();
    bool greeted = *unit_heard(peer) != '\0';
    cr_assert_eq(client_live(c), greeted);
    return greeted;
}

Test(announce, a_request_that_has_come_already_is_shown_nothing) {
    char line[600] = "POST /";
    memset(line + 6, 'x', sizeof line - 7);
    memcpy(line + 500, " HTTP/1.0\n", 11);
    cr_assert_not(is_greeted("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    cr_assert_not(is_greeted("HEAD /x HTTP/1.0\n"));
    cr_assert_not(is_greeted("SSH-2.0-x\r\n"));
    cr_assert_not(is_greeted("\x16\x03\x01\x02\x0a"));
    cr_assert_not(is_greeted(line));
    cr_assert(is_greeted(""));
    cr_assert(is_greeted("hello\r\n"));
    cr_assert(is_greeted("\r\n"));
    cr_assert(is_greeted("GET me some tea\r\n"));
    cr_assert(is_greeted("GET / HT"), "it is not finished");
}

/* It leaves after its coming was staged and before that is applied. */
Test(announce, one_that_leaves_while_it_is_announced_leaves_aloud) {
    int peer;
    struct client *c = come(&peer);
    announce_now(&worker, c);
    input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
    cr_assert_eq(worker.stage.count, 1);
    leave_begin(&worker, c, NULL);
    unit_turn(&worker);
    turn();
    unit_hears(ann_peer, "::1 has entered the room.\r\n::1 has left the room.\r\n");
    cr_assert_eq(people(), 0);
}

Test(announce, a_quiet_guest_sees_what_is_said) {
    int peer;
    come(&peer);
    unit_speak(&worker, ann, "one");
    unit_hears(peer, "Welcome to Units\r\none\r\n");
    worker.tenths += ANNOUNCE_TENTHS + 1;
    turn();
    unit_speak(&worker, ann, "two");
    unit_hears(peer, "::1 has entered the room.\r\ntwo\r\n");
}

static void look(struct client *c) {
    struct change ch;
    change_begin(&ch, &worker, c);
    who_begin(&ch, FACT_LIST_ROOM);
    cr_assert(change_commit(&ch));
    flush_client(&worker, c);
}

Test(announce, no_list_names_a_quiet_guest) {
    int peer;
    char one[16], two[16];
    struct client *c = come(&peer);
    snprintf(one, sizeof one, ":%u\r\n", ann->port);
    snprintf(two, sizeof two, ":%u\r\n", c->port);
    look(ann);
    const char *heard = unit_heard(ann_peer);
    cr_assert(strstr(heard, one) && !strstr(heard, two), "%s", heard);
    worker.tenths += ANNOUNCE_TENTHS + 1;
    turn();
    look(ann);
    heard = unit_heard(ann_peer);
    cr_assert(strstr(heard, one) && strstr(heard, two), "%s", heard);
}

/* In a crowd its coming is an entry without text. */
Test(announce, in_a_crowd_a_guest_is_told_its_own_coming_alone) {
    int peer[2];
    worker.config.announce_max = 1;
    for (int i = 0; i < 2; i++) {
        come(&peer[i]);
        worker.tenths += ANNOUNCE_TENTHS + 1;
        turn();
    }
    unit_hears(peer[1], "Welcome to Units\r\n::1 has entered the room.\r\n");
    unit_hears(ann_peer, "::1 has entered the room.\r\n");
    cr_assert_eq(people(), 2);
}

Test(announce, a_room_that_closes_asks_a_quiet_guest_to_log_in_unheard) {
    int peer;
    struct client *c = come(&peer);
    unit_heard(peer);
    uint64_t count = room_count(&seg.room);
    worker.config.login = true;
    greeting_reloaded(&worker);
    closing_stage(&worker);
    input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
    unit_flush(&worker);
    unit_hears(peer, "Please log in\r\nUse \"login <nick>\"\r\n");
    cr_assert_eq(client_facts(c)->flags & (FACT_IN_ROOM | FACT_QUIET), 0);
    cr_assert_eq(worker.stage.count, 1, "ann's leave alone");
    cr_assert_eq(room_count(&seg.room), count);
    cr_assert_eq(worker.members.unauthenticated, 1);
    worker.tenths += 100;
    turn();
    cr_assert_eq(client_facts(c)->flags & FACT_IN_ROOM, 0);
}

/* A successor finds the record: it announces at the guest's time. */
Test(announce, an_adopted_guest_is_announced_at_its_time) {
    int peer;
    struct client *c = come(&peer);
    while (worker.quiet.count > 0)
        fd_queue_pop(&worker.quiet);
    worker.tenths += 5;
    announce_later(&worker, c);
    cr_assert_eq(announce_timeout(&worker), (ANNOUNCE_TENTHS - 4) * 100);
    worker.tenths += 6;
    turn();
    unit_hears(ann_peer, "::1 has entered the room.\r\n");
}
