/* unit_away.c - a browser whose connection has ended, and whose place is kept for 30 seconds. */
#include "tests/unit_browser.h"
#include "worker/ledger/adopt.h"
#include "worker/ledger/closing.h"
#include "worker/output/who.h"
#include "worker/record/away.h"
#include "worker/record/check.h"
#include "worker/record/leave.h"
#include "worker/timeouts.h"
#include "worker/vanished.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;
static struct timeouts timeouts;

static void set_up(void) {
    unit_segment(&seg, 65536);
    seg.header->counters_exact = 1;
    unit_worker(&worker, &seg);
    worker.tenths = 100000;
}
TestSuite(away, .init = set_up, .timeout = 60);

static struct client *browser(const char *name, int *peer) {
    return unit_browser(&worker, name, peer);
}

static void lose(struct client *c) {
    leave_lost(&worker, c, "the test says so");
    closing_stage(&worker);
}

static struct client *away(const char *name, int *peer) {
    struct client *c = browser(name, peer);
    lose(c);
    cr_assert(client_live(c) && client_away(client_facts(c)));
    return c;
}

static void pass(uint32_t tenths) {
    worker.tenths += tenths;
    worker.now += 100 * tenths > TIMEOUTS_MS ? 100 * tenths : TIMEOUTS_MS;
    timeouts_look(&worker, &timeouts);
}

/* ---- who is away ---- */

Test(away, a_browser_whose_connection_ends_stays_in_the_room) {
    int peer, other;
    struct client *ann = browser("ann", &peer), *bob = unit_named(&worker, "bob", &other);
    lose(ann);
    cr_expect(client_live(ann));
    cr_expect(client_away(client_facts(ann)));
    cr_expect(client_facts(ann)->flags & FACT_IN_ROOM);
    cr_expect_str_eq(unit_name(&worker, ann), "ann");
    cr_expect_eq(unit_holder(&worker, "ann"), client_index(&worker, ann));
    cr_expect_eq(worker.members.away, 1);
    cr_expect(unit_ended(peer), "its peer is not told");
    unit_turn(&worker);
    cr_expect_str_eq(unit_heard(other), "", "bob is told");
    cr_expect(client_live(bob));
}

/* Whether it is still there after its connection ended. */
static bool stays(struct client *c) {
    lose(c);
    return client_live(c);
}

Test(away, others_leave) {
    int peer;
    cr_expect_not(stays(unit_named(&worker, "telnet", &peer)));
    cr_expect_not(stays(unit_client(&worker, &peer)), "a guest");
    cr_expect_not(stays(unit_newcomer(&worker, &peer)));
    struct client *kicked = browser("kicked", &peer);
    client_begin(kicked)->flags |= FACT_KICKED;
    client_commit(kicked);
    cr_expect_not(stays(kicked));
    struct client *newcomer = browser("late", &peer);
    client_begin(newcomer)->flags &= ~(uint32_t)(FACT_IN_ROOM | FACT_NAMED);
    client_commit(newcomer);
    worker.members.unauthenticated++;
    cr_expect_not(stays(newcomer));
    cr_expect_eq(worker.members.away, 0);
}

Test(away, a_broken_connection_is_away_and_one_that_quits_is_not) {
    int peer;
    struct client *ann = browser("ann", &peer), *bob = browser("bob", &peer);
    leave_broken(&worker, ann, ECONNRESET);
    leave_begin(&worker, bob, NULL);
    closing_stage(&worker);
    cr_expect(client_live(ann) && client_away(client_facts(ann)));
    cr_expect_not(client_live(bob));
}

Test(away, an_end_that_is_found_twice_counts_once) {
    int peer;
    struct client *ann = browser("ann", &peer);
    leave_broken(&worker, ann, ECONNRESET);
    leave_lost(&worker, ann, NULL);
    closing_stage(&worker);
    leave_broken(&worker, ann, ECONNRESET);
    closing_stage(&worker);
    cr_expect(client_away(client_facts(ann)));
    cr_expect_eq(worker.members.away, 1);
    cr_expect_eq(worker.closing.count, 0);
}

/* ---- while it is away ---- */

Test(away, what_waits_is_dropped) {
    int peer;
    struct client *ann = browser("ann", &peer);
    cr_assert(unit_reply(&worker, ann, 3 * TX_DATA));
    cr_assert_eq(send(peer, "half a", 6, 0), 6);
    worker.interest.readable[client_index(&worker, ann)] = 1;
    struct change ch;
    change_begin(&ch, &worker, ann);
    cr_assert_not_null(change_rx(&ch));
    cr_assert(change_commit(&ch));
    ann->received += 6;
    lose(ann);
    const struct facts *f = client_facts(ann);
    cr_expect_eq(unit_buffers(&worker, ann), 0);
    cr_expect_eq(f->rx, NO_BUFFER);
    cr_expect_eq(f->consumed, 6);
    cr_expect_eq(buffer_used(&seg.rx_buffers), 0);
    cr_expect_null(record_check(&seg, ann));
}

Test(away, it_is_not_overrun_and_holds_no_guard) {
    int peer, other;
    struct client *ann = away("ann", &peer), *bob = unit_named(&worker, "bob", &other);
    uint64_t guard = atomic_load(&worker.slot->guard);
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    worker.config.slow_client = SLOW_DISCONNECT;
    for (int i = 0; i < 300; i++) { /* four times round the ring */
        unit_speak(&worker, bob, text);
        (void)unit_heard(other);
    }
    cr_expect_eq(worker.stage.count, 0, "the ring is full");
    cr_expect_gt(atomic_load(&worker.slot->guard), guard);
    cr_expect_eq(atomic_load(&worker.slot->stats.overruns), 0);
    cr_expect_eq(client_facts(ann)->lines_lost, 0);
    cr_expect(client_live(ann));
    cr_expect_null(record_check(&seg, ann));
}

Test(away, private_lines_to_it_are_accepted) {
    int peer, other;
    struct client *bob = unit_named(&worker, "bob", &other);
    away("ann", &peer);
    for (int i = 0; i < 100; i++) { /* more than a client may leave unread */
        char text[1001];
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        struct addressee to = {.key = speaker_key(&worker, "ann"), .label = "ann"};
        struct line line = {.consumed = client_facts(bob)->consumed};
        cr_assert_eq(say_private(&worker, bob, &line, &to, text), LINE_STAGED);
        publish(&worker);
        cr_assert_eq(worker.stage.line[0].verdict, STAGE_PUBLISHED, "line %d", i);
        apply(&worker);
        refusal_answer(&worker);
        unit_flush(&worker);
        (void)unit_heard(other);
    }
    cr_expect_eq(buffer_used(&seg.tx_buffers), 0);
}

Test(away, its_address_is_not_told) {
    int peer;
    struct in6_addr addr;
    struct client_view view;
    struct client *ann = browser("ann", &peer);
    cr_assert(client_peek_address(ann, &addr));
    lose(ann);
    cr_expect(client_peek_address(ann, &addr), "it counts for its address");
    cr_assert(client_peek(&seg.clients, client_index(&worker, ann), &view));
    cr_expect_eq(view.port, 0);
    cr_expect_str_eq(view.name, "ann");
}

Test(away, a_look_for_vanished_networks_passes_it_over) {
    int peer;
    struct client *ann = away("ann", &peer);
    struct vanished vanished = {.left = worker.members.count};
    vanished_look(&worker, &vanished);
    cr_expect(client_live(ann));
}

/* ---- its end ---- */

Test(away, after_thirty_seconds_it_leaves) {
    int peer, other;
    struct client *ann = browser("ann", &peer);
    unit_named(&worker, "bob", &other);
    lose(ann);
    pass(AWAY_TENTHS - 1);
    cr_expect(client_live(ann), "too early");
    cr_assert(timeouts_possible(&worker));
    pass(1);
    cr_assert_not(client_live(ann));
    closing_stage(&worker);
    unit_turn(&worker);
    unit_hears(other, "ann has left the room.\r\n");
    cr_expect_eq(client_state(atomic_load(&ann->state_word)), CLIENT_FREE);
    cr_expect_eq(worker.members.away, 0);
    cr_expect_eq(unit_holder(&worker, "ann"), NO_CLIENT);
}

Test(away, idle_time_ends_no_place) {
    int peer;
    struct client *ann = browser("ann", &peer);
    worker.config.idle_timeout_ms = 1000;
    client_begin(ann)->last_input = worker.tenths;
    client_commit(ann);
    lose(ann);
    pass(100);
    cr_expect(client_live(ann));
}

/* ---- successors ---- */

static void die(struct worker *next) {
    unit_worker(next, &seg);
    next->tenths = worker.tenths;
    next->now = worker.now;
    next->adopting = true;
}

Test(away, a_successor_keeps_the_place) {
    static struct worker next;
    int peer;
    struct client *ann = away("ann", &peer);
    die(&next);
    adopt_client(&next, ann);
    cr_expect(client_live(ann) && client_away(client_facts(ann)));
    cr_expect_eq(next.members.away, 1);
    cr_expect_eq(next.closing.count, 0);
    cr_expect_eq(ann->mode, MODE_WRITE_FAILED);
    next.tenths += AWAY_TENTHS;
    next.now += TIMEOUTS_MS;
    timeouts_look(&next, &timeouts);
    cr_expect_not(client_live(ann), "its time began anew");
}

/* A death between the commit and the shutdown, and counts that are the socket's.  The socket may be
 * that of a newcomer whose takeover was cut, which must not lose its connection. */
Test(away, a_successor_does_not_shut_the_socket_down) {
    static struct worker next;
    int peer;
    struct client *ann = browser("ann", &peer);
    struct facts *f = client_begin(ann);
    f->web |= WEB_AWAY;
    client_commit(ann);
    ann->received += 10;
    atomic_fetch_add(&ann->sent, 1000);
    die(&next);
    adopt_client(&next, ann);
    cr_expect(client_live(ann));
    cr_expect_not(unit_ended(peer));
    cr_expect_null(record_check(&seg, ann));
}

/* A takeover was cut: the number names another socket. */
Test(away, a_successor_takes_the_number_as_it_is) {
    static struct worker next;
    int peer, pair[2];
    struct client *ann = away("ann", &peer);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_neq(dup2(pair[0], (int)client_index(&worker, ann)), -1);
    die(&next);
    adopt_client(&next, ann);
    cr_expect(client_live(ann));
    cr_expect_eq(ann->cookie, socket_cookie(pair[0]));
    leave_begin(&next, ann, NULL);
    closing_finish(&next, ann);
    cr_expect_eq(socket_cookie((int)client_index(&worker, ann)), 0, "its descriptor stays open");
}
