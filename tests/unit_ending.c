/* unit_ending.c - a client that has shut down its side: its lines go on at its rate, for flood_wait
 * at most, whatever it waits for. */
#include "tests/unit_worker.h"
#include "worker/state/ending.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/pause.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;

enum { WAIT_MS = 10000, BURST = 3 };

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    worker.config.flood_rate = 1;
    worker.config.flood_burst = BURST;
    worker.config.flood_wait_ms = WAIT_MS;
}
TestSuite(ending, .init = set_up);

static uint32_t reported(void) {
    struct epoll_event event = {0};
    return epoll_wait(worker.slot->epoll_fd, &event, 1, 0) == 1 ? event.events : 0;
}

/* What the loop does for an event, for one client. */
static void turn(struct client *c) {
    uint32_t events = reported(), fd = client_index(&worker, c);
    if (events & EPOLLRDHUP)
        ending_seen(&worker, c);
    if (events & EPOLLIN) {
        worker.interest.readable[fd] = 1;
        fd_queue_push(&worker.ready, fd);
    }
    input_resume(&worker);
    for (int i = 0; i < 2 * BURST; i++) {
        input_read(&worker, 1, segment_now(worker.seg) + 60000);
        unit_turn(&worker);
    }
}

static void pass(struct client *c, uint32_t ms) {
    worker.now += ms;
    turn(c);
}

/* Sends this many lines and shuts down its side. */
static struct client *ended(int *peer, int lines) {
    struct client *c = unit_client(&worker, peer);
    interest_arm(&worker, c);
    for (int i = 0; i < lines; i++)
        cr_assert_eq(send(*peer, "hello\n", 6, 0), 6);
    cr_assert_eq(shutdown(*peer, SHUT_WR), 0);
    return c;
}

Test(ending, lines_within_the_rate_are_said_and_the_client_leaves_at_once) {
    int peer;
    struct client *c = ended(&peer, BURST);
    turn(c);
    turn(c);
    cr_assert_not(client_live(c));
    cr_assert_eq(room_count(&seg.room), 1 + BURST);
}

Test(ending, lines_beyond_the_rate_go_on_until_flood_wait_is_over) {
    int peer;
    struct client *c = ended(&peer, 100);
    turn(c);
    cr_assert(pause_has(&worker, client_index(&worker, c), PAUSE_FLOOD));
    pass(c, WAIT_MS - 1000);
    cr_assert(client_live(c));
    cr_assert_gt(room_count(&seg.room), 1 + BURST, "its lines go on");
    cr_assert_lt(room_count(&seg.room), 20);
    pass(c, 1000 + PAUSE_LOOK_MS);
    cr_assert_not(client_live(c));
    uint64_t said = room_count(&seg.room);
    pass(c, WAIT_MS);
    cr_assert_eq(room_count(&seg.room), said);
}

Test(ending, without_flood_wait_what_may_be_said_at_once_is_said) {
    int peer;
    worker.config.flood_wait_ms = 0;
    struct client *c = ended(&peer, BURST + 1);
    turn(c);
    cr_assert_eq(room_count(&seg.room), 1 + BURST);
    pass(c, PAUSE_LOOK_MS);
    cr_assert_not(client_live(c));
    cr_assert_eq(room_count(&seg.room), 1 + BURST);
}

/* The clock starts at the end of the stream, not at the pause before it. */
Test(ending, a_client_that_has_not_ended_waits_however_long) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    interest_arm(&worker, c);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(send(peer, "hello\n", 6, 0), 6);
    turn(c);
    pause_client(&worker, c, PAUSE_OUTPUT);
    pass(c, 100 * WAIT_MS);
    cr_assert(client_live(c));
    cr_assert_eq(ending_left(&worker, client_index(&worker, c)), ENDING_NONE);
    shutdown(peer, SHUT_WR);
    turn(c);
    cr_assert_eq(ending_left(&worker, client_index(&worker, c)), WAIT_MS);
}

Test(ending, the_end_is_reported_while_input_waits_and_only_once) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    pause_client(&worker, c, PAUSE_OUTPUT);
    cr_assert_eq(send(peer, "hello\n", 6, 0), 6);
    cr_assert_eq(reported(), 0);
    shutdown(peer, SHUT_WR);
    cr_assert_eq(reported(), EPOLLRDHUP);
    ending_seen(&worker, c);
    cr_assert_eq(reported(), 0, "it would be again and again");
    worker.interest.ended[client_index(&worker, c)] = 0; /* as in a successor */
    interest_arm(&worker, c);
    cr_assert_eq(reported(), EPOLLRDHUP);
}

static void waits_no_longer(uint8_t why) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    interest_arm(&worker, c);
    pause_client(&worker, c, why);
    shutdown(peer, SHUT_WR);
    turn(c);
    cr_assert(client_live(c), "paused for %d", why);
    worker.pauses.why[client_index(&worker, c)] |= why; /* the reason comes back with each look */
    worker.now += WAIT_MS + PAUSE_LOOK_MS;
    input_resume(&worker);
    cr_assert_not(client_live(c), "paused for %d", why);
}

Test(ending, no_pause_outlasts_flood_wait) {
    waits_no_longer(PAUSE_FLOOD);
    waits_no_longer(PAUSE_OUTPUT);
    waits_no_longer(PAUSE_BUFFERS);
    waits_no_longer(PAUSE_MEMORY);
}

/* Its answers do not fit into its socket. */
static struct client *unread(int *peer) {
    struct client *c = unit_client(&worker, peer);
    interest_arm(&worker, c);
    cr_assert(unit_reply(&worker, c, 60000));
    for (int small = 1; small; small = 0)
        cr_assert_eq(
            setsockopt((int)client_index(&worker, c), SOL_SOCKET, SO_SNDBUF, &small, sizeof small),
            0);
    flush_client(&worker, c);
    cr_assert_eq(c->mode, MODE_BLOCKED);
    shutdown(*peer, SHUT_WR);
    return c;
}

Test(ending, answers_are_sent_before_the_connection_ends) {
    int peer;
    struct client *c = unread(&peer);
    size_t heard = 0;
    for (int i = 0; i < 1000 && client_live(c); i++) {
        turn(c);
        heard += strlen(unit_heard(peer));
        flush_unblock(&worker, c);
    }
    cr_assert_not(client_live(c));
    cr_assert_eq(heard + strlen(unit_heard(peer)), 60000);
}

Test(ending, answers_that_are_not_read_are_dropped_when_flood_wait_is_over) {
    int peer;
    struct client *c = unread(&peer);
    pass(c, 0);
    pass(c, WAIT_MS - 1);
    cr_assert(client_live(c));
    pass(c, PAUSE_LOOK_MS);
    cr_assert_not(client_live(c));
}
