/* unit_takeover.c - what a successor makes of a takeover that a death has cut between any two of
 * its steps (takeover.h), on TCP connections, whose counts it reads. */
#include "ipc/token.h"
#include "tests/unit_browser.h"
#include "worker/command/takeover.h"
#include "worker/ledger/adopt.h"
#include "worker/ledger/closing.h"
#include "worker/record/away.h"
#include "worker/record/leave.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static struct segment seg;
static struct worker worker, next;
static struct client *place, *newcomer;
static int place_peer, peer;

static void connect_pair(int pair[2]) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pair[1] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&to, sizeof to), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&to, &len), 0);
    cr_assert_eq(connect(pair[1], (struct sockaddr *)&to, len), 0);
    pair[0] = accept(listener, NULL, NULL);
    cr_assert_geq(pair[0], 0);
    close(listener);
}

/* A browser that has connected, and not logged in. */
static struct client *connected(void) {
    int pair[2];
    struct in6_addr address = in6addr_loopback;
    struct facts facts = unit_facts(&worker, 0);
    connect_pair(pair);
    peer = pair[1];
    struct client *c = worker_client(&worker, (uint32_t)pair[0]);
    uint64_t cookie = socket_cookie(pair[0]);
    facts.ring = RING_JSON;
    facts.kind = KIND_WEB;
    cr_assert_neq(client_claim(c, client_word(c), worker.index, cookie), 0);
    client_open(c, worker.index, cookie, &facts, &address, 7);
    member_add(&worker, c);
    return c;
}

static void set_up(void) {
    unit_segment(&seg, 65536);
    seg.header->counters_exact = 1;
    unit_worker(&worker, &seg);
    place = unit_browser(&worker, "ann", &place_peer);
    away_begin(&worker, place);
    newcomer = connected();
}
TestSuite(takeover_death, .init = set_up, .timeout = 60);
TestSuite(takeover_here, .init = set_up, .timeout = 60);

/* ---- the steps ---- */

static void mark(void) {
    struct facts *f = client_begin(newcomer);
    uint64_t tag = client_tag(&worker, place);
    f->web |= WEB_TAKES;
    f->reply_client = (uint32_t)tag;
    f->reply_generation = (uint32_t)(tag >> 32);
    client_commit(newcomer);
}

static void put_socket(void) {
    cr_assert_neq(dup2((int)client_index(&worker, newcomer), (int)client_index(&worker, place)),
                  -1);
}

static void put_cookie(void) {
    atomic_store(&place->cookie, newcomer->cookie);
}

static void commit(void) {
    client_begin(place)->web &= (uint8_t)~WEB_AWAY;
    client_commit(place);
}

/* ---- the successor ---- */

static void succeed(void) {
    unit_worker(&next, &seg);
    next.adopting = true;
    adopt_client(&next, place);
    adopt_client(&next, newcomer);
    closing_stage(&next);
}

static bool open_number(const struct client *c) {
    return socket_cookie((int)(c - seg.clients.at)) != 0;
}

static void is_undone(void) {
    cr_expect(client_live(place) && client_away(client_facts(place)));
    cr_expect(client_live(newcomer));
    cr_expect_eq(client_facts(newcomer)->web & WEB_TAKES, 0);
    cr_expect_eq(client_facts(newcomer)->reply_generation, 0);
    cr_expect_not(takeover_done(&next, newcomer));
}

Test(takeover_death, before_the_socket_is_put_it_is_undone) {
    mark();
    succeed();
    is_undone();
    cr_expect_eq(send((int)client_index(&worker, newcomer), "x", 1, 0), 1);
    unit_hears(peer, "x");
}

/* Of the place's second name for the socket nothing is left once both have ended. */
static void both_end(void) {
    is_undone();
    leave_begin(&next, newcomer, NULL);
    closing_stage(&next);
    cr_expect_not(open_number(newcomer));
    leave_begin(&next, place, NULL);
    closing_finish(&next, place);
    cr_expect_not(open_number(place));
    cr_expect(unit_ended(peer));
}

Test(takeover_death, before_the_cookie_it_is_undone) {
    mark();
    put_socket();
    succeed();
    cr_expect_eq(atomic_load(&place->cookie), atomic_load(&newcomer->cookie));
    both_end();
}

Test(takeover_death, before_the_commit_it_is_undone) {
    mark();
    put_socket();
    put_cookie();
    succeed();
    both_end();
}

Test(takeover_death, after_the_commit_the_place_has_the_connection) {
    mark();
    put_socket();
    put_cookie();
    commit();
    succeed();
    cr_expect(client_live(place));
    cr_expect_not(client_away(client_facts(place)));
    cr_expect_eq(client_state(atomic_load(&newcomer->state_word)), CLIENT_FREE);
    cr_expect_not(open_number(newcomer));
    cr_expect_not(unit_ended(peer), "the connection has ended");
    cr_expect_eq(send((int)client_index(&worker, place), "x", 1, 0), 1);
    unit_hears(peer, "x");
}

Test(takeover_death, after_the_newcomer_began_to_leave_likewise) {
    mark();
    put_socket();
    put_cookie();
    commit();
    leave_begin(&worker, newcomer, NULL);
    succeed();
    cr_expect_eq(client_state(atomic_load(&newcomer->state_word)), CLIENT_FREE);
    cr_expect_not(open_number(newcomer));
    cr_expect_not(unit_ended(peer), "the connection has ended");
}

Test(takeover_death, the_end_of_a_place_ends_no_newcomer) {
    mark();
    put_socket();
    succeed();
    leave_begin(&next, place, "it did not come back");
    closing_finish(&next, place);
    cr_expect_not(open_number(place));
    cr_expect_not(unit_ended(peer), "the newcomer's connection has ended");
    cr_expect_eq(send((int)client_index(&worker, newcomer), "x", 1, 0), 1);
    unit_hears(peer, "x");
}

/* ---- the former connection ---- */

/* The place is no longer away, and served. */
static void come_back(void) {
    member_remove(&worker, place);
    commit();
    place->mode = MODE_SLOW;
    client_refresh(place);
    member_add(&worker, place);
}

/* A reset drops what is not sent yet (RFC 1122, 4.2.2.13). */
static bool was_reset(int fd) {
    int error = 0;
    socklen_t len = sizeof error;
    cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    return error != 0;
}

/* Else its tab would come back, and take the place over in its turn. */
Test(takeover_here, what_the_former_connection_was_sent_arrives_though_its_input_is_unread) {
    int pair[2], fd = (int)client_index(&worker, place);
    struct pollfd input = {.fd = fd, .events = POLLIN};
    connect_pair(pair);
    cr_assert_neq(dup2(pair[0], fd), -1);
    close(pair[0]);
    come_back();
    cr_assert_eq(send(fd, "bye", 3, 0), 3);
    cr_assert_eq(send(pair[1], "unread", 6, 0), 6);
    cr_assert_eq(poll(&input, 1, 10000), 1);
    away_begin(&worker, place);
    put_socket();
    unit_hears(pair[1], "bye");
    cr_expect(unit_ended(pair[1]));
    cr_expect_not(was_reset(pair[1]));
}

static bool asks(enum line_outcome *outcome) {
    char token[TOKEN_DIGITS + 1];
    uint64_t tag = client_tag(&worker, place);
    uint8_t bytes[TOKEN_BYTES];
    struct line line = {.consumed = client_facts(newcomer)->consumed};
    struct invocation inv = {.w = &worker, .c = newcomer, .line = &line};
    token_of(seg.header->token_key, (uint32_t)tag, (uint32_t)(tag >> 32), bytes);
    for (int i = 0; i < TOKEN_BYTES; i++)
        snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    return takeover(&inv, "ann", token, outcome);
}

/* A worker that retires has let it go, and this one has not come to the entry. */
Test(takeover_here, a_place_that_is_on_its_way_here_waits_for_its_arrival) {
    enum line_outcome outcome;
    come_back();
    member_remove(&worker, place);
    cr_assert(asks(&outcome));
    cr_expect_eq(outcome, LINE_LATER);
    cr_expect_not(client_away(client_facts(place)));
    member_add(&worker, place);
    cr_assert(asks(&outcome));
    cr_expect_eq(outcome, LINE_GONE);
    cr_expect_eq(worker.members.away, 0);
    cr_expect_not(client_live(newcomer));
}
