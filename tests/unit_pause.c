/* unit_pause.c - why a client's input waits, what epoll is asked for meanwhile, and when it goes
 * on.
 */
#include "tests/unit_worker.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/pause.h"
#include "worker/state/rate_limit.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
}
TestSuite(pause, .init = set_up);

static uint8_t why(const struct client *c) {
    return worker.pauses.why[client_index(&worker, c)];
}
static uint16_t armed(const struct client *c) {
    return worker.interest.armed[client_index(&worker, c)];
}

static bool is_ready(const struct client *c) {
    return worker.ready.in[client_index(&worker, c)];
}

/* What epoll reports now, for one client alone. */
static uint32_t reported(void) {
    struct epoll_event event = {0};
    return epoll_wait(worker.slot->epoll_fd, &event, 1, 0) == 1 ? event.events : 0;
}

static void pass(uint32_t ms) {
    worker.now += ms;
    input_resume(&worker);
}

/* ---- reasons ---- */

Test(pause, input_is_not_reported_until_the_last_reason_has_ended) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    interest_arm(&worker, c);
    cr_assert_eq(send(peer, "x", 1, 0), 1);
    cr_assert_eq(reported(), EPOLLIN);
    pause_client(&worker, c, PAUSE_OUTPUT);
    pause_client(&worker, c, PAUSE_PUBLISH);
    cr_assert_eq(why(c), PAUSE_OUTPUT | PAUSE_PUBLISH);
    cr_assert_eq(worker.pauses.look.count, 0, "neither ends with time");
    cr_assert_eq(reported(), 0);
    pause_end(&worker, c, PAUSE_OUTPUT);
    cr_assert_eq(reported(), 0);
    cr_assert_not(is_ready(c));
    pause_end(&worker, c, PAUSE_PUBLISH);
    cr_assert_eq(reported(), EPOLLIN);
    cr_assert(is_ready(c), "what lies in its buffer is read without an event");
}

Test(pause, several_reasons_can_end_at_once) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    pause_client(&worker, c, PAUSE_FLOOD);
    pause_client(&worker, c, PAUSE_BUFFERS);
    pause_client(&worker, c, PAUSE_OUTPUT);
    pause_end(&worker, c, PAUSE_TIMED);
    cr_assert_eq(why(c), PAUSE_OUTPUT);
    cr_assert_not(is_ready(c));
    pause_end(&worker, c, PAUSE_OUTPUT);
    cr_assert_eq(armed(c), EPOLLIN | EPOLLRDHUP);
    cr_assert(is_ready(c));
}

Test(pause, the_end_of_a_reason_that_it_has_not_changes_nothing) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    pause_end(&worker, c, PAUSE_OUTPUT);
    cr_assert_not(is_ready(c));
    cr_assert_eq(armed(c), INTEREST_UNKNOWN, "no system call either");
    pause_client(&worker, c, PAUSE_FLOOD);
    pause_end(&worker, c, PAUSE_OUTPUT);
    cr_assert_eq(why(c), PAUSE_FLOOD);
    cr_assert_not(is_ready(c));
}

/* The ready queue completes the greeting, so a client that waits for nothing else is queued. */
Test(pause, a_client_that_waits_for_its_greeting_alone_is_queued) {
    int peer;
    struct client *c = unit_newcomer(&worker, &peer);
    pause_client(&worker, c, PAUSE_ARRIVAL);
    pause_client(&worker, c, PAUSE_BUFFERS);
    cr_assert_not(is_ready(c));
    pause_end(&worker, c, PAUSE_BUFFERS);
    cr_assert(is_ready(c));
    cr_assert_eq(why(c), PAUSE_ARRIVAL);
    cr_assert_eq(armed(c), EPOLLRDHUP, "its input waits all the same");
    input_read(&worker, worker.ready.count, segment_now(worker.seg) + 60000);
    cr_assert_eq(why(c), 0, "it was greeted already");
    cr_assert_eq(armed(c), EPOLLIN | EPOLLRDHUP);
}

Test(pause, an_arriving_client_without_a_buffer_is_greeted_later) {
    int peer;
    struct facts facts = {.seen = room_count(&seg.room)};
    struct client *c = unit_open(&worker, &peer, &facts);
    pause_client(&worker, c, PAUSE_ARRIVAL);
    unit_take_buffers(&worker);
    fd_queue_push(&worker.ready, client_index(&worker, c));
    input_read(&worker, worker.ready.count, segment_now(worker.seg) + 60000);
    cr_assert_eq(why(c), PAUSE_ARRIVAL | PAUSE_BUFFERS);
    unit_give_buffers(&worker);
    pass(PAUSE_LOOK_MS);
    cr_assert(is_ready(c));
    input_read(&worker, worker.ready.count, segment_now(worker.seg) + 60000);
    cr_assert_eq(why(c), 0);
    unit_hears(peer, "Welcome to Units\r\nPlease log in\r\nUse \"login <nick>\"\r\n");
}

Test(pause, a_closing_client_is_never_read_again) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    pause_client(&worker, c, PAUSE_CLOSING);
    pause_client(&worker, c, PAUSE_FLOOD);
    pass(10000);
    cr_assert_eq(why(c), PAUSE_CLOSING);
    cr_assert_not(is_ready(c));
    cr_assert_eq(worker.pauses.look.count, 0);
}

/* ---- time ---- */

Test(pause, a_client_paused_for_long_does_not_delay_one_paused_later) {
    int peer[2];
    struct client *slow = unit_client(&worker, &peer[0]), *c = unit_client(&worker, &peer[1]);
    worker.config.flood_rate = worker.config.flood_burst = 1;
    client_begin(slow)->tat = worker.now + 900;
    client_commit(slow);
    client_begin(c)->tat = worker.now + 900; /* which is not what it will wait for */
    client_commit(c);
    pause_client(&worker, slow, PAUSE_FLOOD);
    pass(PAUSE_LOOK_MS);
    cr_assert_eq(worker.pauses.look_at, worker.now + 900 - PAUSE_LOOK_MS);
    pause_client(&worker, c, PAUSE_BUFFERS);
    cr_assert_eq(worker.pauses.look_at, worker.now + PAUSE_LOOK_MS);
    pass(PAUSE_LOOK_MS);
    cr_assert_eq(why(c), 0);
    cr_assert_eq(why(slow), PAUSE_FLOOD, "its time has not come");
    cr_assert_eq(worker.pauses.look_at, worker.now + 900 - 2 * PAUSE_LOOK_MS);
}

Test(pause, a_longer_pause_does_not_delay_one_that_began_before) {
    int peer[2];
    struct client *c = unit_client(&worker, &peer[0]), *slow = unit_client(&worker, &peer[1]);
    pause_client(&worker, c, PAUSE_BUFFERS);
    uint32_t due = worker.pauses.look_at;
    worker.now += 3;
    pause_look_in(&worker, client_index(&worker, slow), 5000);
    cr_assert_eq(worker.pauses.look_at, due);
    pause_look_in(&worker, client_index(&worker, slow), 0);
    cr_assert_eq(worker.pauses.look_at, due, "not before PAUSE_LOOK_MS either");
}

Test(pause, the_sooner_look_comes_first_though_the_clock_wraps_between) {
    int peer[2];
    struct client *slow = unit_client(&worker, &peer[0]), *c = unit_client(&worker, &peer[1]);
    worker.now = UINT32_MAX - 20;
    pause_look_in(&worker, client_index(&worker, slow), 5000);
    pause_client(&worker, c, PAUSE_BUFFERS);
    cr_assert_eq(worker.pauses.look_at, UINT32_MAX - 20 + PAUSE_LOOK_MS);
}

Test(pause, a_look_is_due_at_its_time_and_only_if_a_client_waits) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    worker.now = UINT32_MAX - 4; /* and the clock wraps meanwhile */
    cr_assert_not(pause_look_due(&worker));
    pause_client(&worker, c, PAUSE_BUFFERS);
    worker.now += PAUSE_LOOK_MS - 1;
    cr_assert_not(pause_look_due(&worker));
    input_resume(&worker);
    cr_assert_eq(why(c), PAUSE_BUFFERS);
    worker.now += 1;
    cr_assert(pause_look_due(&worker));
    input_resume(&worker);
    cr_assert_eq(why(c), 0);
    cr_assert_not(pause_look_due(&worker));
}

Test(pause, a_client_beyond_its_rate_goes_on_when_its_time_has_come) {
    int peer;
    struct client *c = unit_named(&worker, "ann", &peer);
    worker.config.flood_rate = worker.config.flood_burst = 1;
    unit_type(&worker, c, peer, "one\ntwo\n");
    unit_turn(&worker);
    unit_hears(peer, "ann: one\r\n");
    input_read(&worker, worker.ready.count, segment_now(worker.seg) + 60000);
    cr_assert_eq(why(c), PAUSE_FLOOD);
    uint32_t wait = rate_limit_wait(&worker.config, client_facts(c)->tat, worker.now);
    cr_assert_gt(wait, PAUSE_LOOK_MS);
    pass(wait - 1);
    cr_assert_eq(why(c), PAUSE_FLOOD);
    pass(PAUSE_LOOK_MS);
    cr_assert_eq(why(c), 0);
    input_read(&worker, worker.ready.count, segment_now(worker.seg) + 60000);
    unit_turn(&worker);
    unit_hears(peer, "ann: two\r\n");
}

Test(pause, a_client_that_is_no_member_any_more_is_not_looked_at) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    pause_client(&worker, c, PAUSE_BUFFERS);
    member_remove(&worker, c);
    pass(PAUSE_LOOK_MS);
    cr_assert_not(is_ready(c));
    cr_assert_eq(worker.pauses.look.count, 0);
}

/* ---- no kernel memory ---- */

Test(pause, without_kernel_memory_epoll_is_asked_for_nothing) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    ann->mode = MODE_BLOCKED;
    interest_arm(&worker, ann);
    cr_assert_eq(armed(ann), EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    cr_assert_eq(reported(), EPOLLOUT, "at once, and again and again");
    pause_client(&worker, ann, PAUSE_MEMORY);
    cr_assert_eq(armed(ann), EPOLLRDHUP);
    cr_assert_eq(send(peer[0], "x", 1, 0), 1);
    cr_assert_eq(reported(), 0);
    unit_speak(&worker, bob, "hello");
    unit_hears(peer[0], "");
    pass(PAUSE_LOOK_MS - 1);
    cr_assert_eq(why(ann), PAUSE_MEMORY);
    pass(1);
    cr_assert_eq(why(ann), 0);
    unit_hears(peer[0], "bob: hello\r\n");
    cr_assert_eq(armed(ann), EPOLLIN | EPOLLRDHUP);
    cr_assert_eq(reported(), EPOLLIN);
}

Test(pause, a_full_socket_is_asked_for_room_though_its_input_waits) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    c->mode = MODE_BLOCKED;
    pause_client(&worker, c, PAUSE_OUTPUT);
    cr_assert_eq(armed(c), EPOLLOUT | EPOLLRDHUP);
    flush_unblock(&worker, c);
    cr_assert_eq(why(c), 0, "its replies are sent");
    cr_assert_eq(armed(c), EPOLLIN | EPOLLRDHUP);
}
