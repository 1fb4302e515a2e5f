/* unit_store.c - what the guardian sends to a service manager's descriptor store, and when; against
 * a manager of tests (lib/manager.h). */
#include "ipc/address.h"
#include "master/listeners.h"
#include "master/notify.h"
#include "master/store.h"
#include "tests/lib/manager.h"
#include "tests/unit_worker.h"
#include "worker/ledger/closing.h"
#include "worker/ledger/last_words.h"
#include "worker/record/away.h"
#include "worker/record/leave.h"
#include "worker/state/epoll_interest.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { CROWD = 450, MANY = 2048 };

static struct segment seg;
static struct worker worker;
static struct store store;
static struct manager *manager;
static uint64_t now = 5000;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    seg.header->master.addresses = 4;
    atomic_store(&seg.header->ready, 1);
    manager = manager_begin(1000);
    manager_main(manager, getpid());
    setenv("NOTIFY_SOCKET", manager_path(manager), 1);
    unsetenv(STORE_ENV);
}
TestSuite(store, .init = set_up, .timeout = 180);

static void look(void) {
    now += STORE_LOOK_MS;
    store_look(&store, &seg, now);
    cr_assert(notify_barrier(60000));
}

/* Two looks, after which everything that is there now is kept. */
static void begin(void) {
    store_begin(&store, &seg);
    cr_assert(store_is_there(&store));
    look();
    look();
}

static short polled(int fd) {
    struct pollfd wait = {.fd = fd};
    return poll(&wait, 1, 0) == 1 ? wait.revents : 0;
}

static void listen_one(void) {
    struct config config = {.listen_count = 1};
    struct in_addr v4 = {.s_addr = htonl(INADDR_LOOPBACK)};
    char err[512];
    config.listen[0] = (struct listen_address){.addr = address_mapped(&v4), .ipv4 = true};
    cr_assert(listeners_configure(&seg, &config, err, sizeof err), "%s", err);
    cr_assert(listeners_assign(&seg, 2));
}

/* ---- what is sent ---- */

Test(store, without_a_manager_there_is_none) {
    unsetenv("NOTIFY_SOCKET");
    store_begin(&store, &seg);
    cr_assert_not(store_is_there(&store));
    cr_assert_eq(store_wait_ms(&store, now), -1);
    store_look(&store, &seg, now);
    cr_assert_not(store_all(&store, &seg, 1000));
    store_drop(seg.fd);
}

Test(store, a_manager_that_keeps_nothing_is_sent_nothing) {
    setenv(STORE_ENV, "0", 1);
    store_begin(&store, &seg);
    cr_assert_not(store_is_there(&store));
}

Test(store, nothing_is_sent_before_the_server_is_ready) {
    int peer;
    unit_client(&worker, &peer);
    atomic_store(&seg.header->ready, 0);
    begin();
    cr_assert_eq(manager_kept(manager, ""), 0);
}

Test(store, a_client_is_sent_at_the_second_look_that_finds_it) {
    int peer;
    unit_client(&worker, &peer);
    store_begin(&store, &seg);
    look();
    cr_assert_eq(manager_kept(manager, "s"), 1);
    cr_assert_eq(manager_kept(manager, "c"), 0);
    cr_assert_gt(store_wait_ms(&store, now + 1), 0);
    store_look(&store, &seg, now + 1); /* too soon */
    cr_assert(notify_barrier(60000));
    cr_assert_eq(manager_kept(manager, "c"), 0);
    look();
    cr_assert_eq(manager_kept(manager, "c"), 1);
    look();
    cr_assert_eq(manager_told(manager, "FDNAME=c"), 1, "once");
    cr_assert_eq(manager_told(manager, "FDNAME=s"), 1);
}

Test(store, tools_and_browsers_that_are_away_are_not_sent) {
    int peer[3];
    struct facts control = unit_facts(&worker, 0), metrics = control, away = control;
    control.kind = KIND_CONTROL;
    metrics.kind = KIND_METRICS;
    away.kind = KIND_WEB;
    away.web = WEB_AWAY;
    unit_open(&worker, &peer[0], &control);
    unit_open(&worker, &peer[1], &metrics);
    unit_open(&worker, &peer[2], &away);
    begin();
    cr_assert_eq(manager_kept(manager, "c"), 0);
}

Test(store, a_record_whose_number_is_another_socket_by_now_is_not_sent) {
    int peer, other[2];
    struct client *c = unit_client(&worker, &peer);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
    dup2(other[0], (int)client_index(&worker, c));
    begin();
    cr_assert_eq(manager_kept(manager, "c"), 0);
}

Test(store, listeners_are_sent_once_they_listen) {
    listen_one();
    begin();
    cr_assert_eq(manager_kept(manager, "l"), 2, "two of all those that are bound");
    cr_assert_eq(store.listeners, 2);
    cr_assert(listeners_assign(&seg, 3));
    look();
    cr_assert_eq(manager_kept(manager, "l"), 3);
}

Test(store, a_listener_without_a_cookie_is_given_one) {
    listen_one();
    uint64_t cookie = seg.header->listeners[0].cookie[1];
    cr_assert_neq(cookie, 0);
    seg.header->listeners[0].cookie[1] = 0;
    begin();
    cr_assert_eq(manager_kept(manager, "l"), 2);
    cr_assert_eq(seg.header->listeners[0].cookie[1], cookie);
}

Test(store, a_guardian_that_does_not_know_sends_again_and_nothing_is_there_twice) {
    int peer;
    unit_client(&worker, &peer);
    listen_one();
    begin();
    begin();
    cr_assert_eq(manager_told(manager, "FDNAME=c"), 2);
    cr_assert_eq(manager_kept(manager, ""), 4);
}

/* Of two segments each has its own name. */
Test(store, one_segment_is_dropped_and_another_stays) {
    struct segment other;
    unit_segment(&other, 65536);
    cr_assert(store_keep_segment(seg.fd, 1000));
    cr_assert(store_keep_segment(other.fd, 1000));
    cr_assert(notify_barrier(60000));
    cr_assert_eq(manager_kept(manager, "s"), 2);
    store_drop_segment(seg.fd);
    cr_assert(notify_barrier(60000));
    cr_assert_eq(manager_kept(manager, "s"), 1);
    struct stat is, kept;
    cr_assert_eq(fstat(other.fd, &is), 0);
    cr_assert_eq(fstat(manager_fd(manager, "s", 0), &kept), 0);
    cr_assert_eq(is.st_ino, kept.st_ino);
}

Test(store, dropping_leaves_nothing) {
    int peer;
    unit_client(&worker, &peer);
    listen_one();
    begin();
    cr_assert_eq(manager_kept(manager, ""), 4);
    store_drop(seg.fd);
    cr_assert(notify_barrier(60000));
    cr_assert_eq(manager_kept(manager, ""), 0);
}

/* ---- limits ---- */

static void crowd(int count) {
    static struct rlimit limit;
    int peer;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < MANY ? limit.rlim_max : MANY;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct config config = unit_config(65536);
    struct geometry geometry;
    char err[256];
    segment_geometry(&geometry, &config, MANY);
    cr_assert_eq(segment_create(&seg, &geometry, &config, err, sizeof err), 0, "%s", err);
    cr_assert_eq(segment_grow(&seg, MANY - 1), 0);
    unit_worker(&worker, &seg);
    seg.header->master.addresses = 4;
    atomic_store(&seg.header->ready, 1);
    for (int i = 0; i < count; i++)
        unit_client(&worker, &peer);
}

Test(store, a_datagram_has_at_most_200_clients_and_a_look_sends_one) {
    crowd(CROWD);
    begin();
    cr_assert_eq(manager_kept(manager, "c"), NOTIFY_FDS_MAX);
    look();
    cr_assert_eq(manager_kept(manager, "c"), 2 * NOTIFY_FDS_MAX);
    look();
    cr_assert_eq(manager_kept(manager, "c"), CROWD);
    cr_assert_eq(store.count, CROWD);
}

Test(store, the_end_sends_all_that_is_left_at_once) {
    crowd(CROWD);
    store_begin(&store, &seg);
    cr_assert(store_all(&store, &seg, 60000));
    cr_assert_eq(manager_kept(manager, "s"), 1);
    cr_assert_eq(manager_kept(manager, "c"), CROWD);
}

Test(store, what_the_manager_says_is_the_limit_of_all) {
    setenv(STORE_ENV, "6", 1);
    crowd(10);
    listen_one();
    begin();
    cr_assert_eq(manager_kept(manager, ""), 6);
    cr_assert_eq(manager_kept(manager, "c"), 3);
    cr_assert(store.full, "it is said");
    cr_assert(store_all(&store, &seg, 60000));
    cr_assert_eq(manager_kept(manager, ""), 6);
}

/* A client that leaves makes room for another. */
Test(store, room_is_given_again) {
    int peer[2];
    setenv(STORE_ENV, "2", 1);
    struct client *ann = unit_client(&worker, &peer[0]);
    unit_client(&worker, &peer[1]);
    begin();
    cr_assert_eq(manager_kept(manager, "c"), 1);
    leave_begin(&worker, ann, NULL);
    closing_stage(&worker);
    unit_turn(&worker);
    manager_await_kept(manager, "c", 0);
    look();
    cr_assert_eq(manager_kept(manager, "c"), 1);
    cr_assert_eq(store.count, 1);
}

/* Its queue is full: a look does not wait, and the end does not wait for ever. */
Test(store, a_manager_that_does_not_read_is_not_waited_for) {
    int peer;
    unit_client(&worker, &peer);
    begin();
    manager_hold(manager, true);
    while (notify_descriptors("STATUS=x", NULL, 0, 0) == NOTIFY_SENT)
        ;
    unit_client(&worker, &peer);
    now += STORE_LOOK_MS;
    store_look(&store, &seg, now);
    now += STORE_LOOK_MS;
    store_look(&store, &seg, now);
    cr_assert_eq(store.count, 1);
    cr_assert_not(store_all(&store, &seg, 1));
    manager_hold(manager, false);
    cr_assert(store_all(&store, &seg, 60000), "what was not taken is sent again");
    cr_assert_eq(manager_kept(manager, "c"), 2);
}

/* ---- copies in a store make close() no close ---- */

static uint32_t events_of(const struct worker *w) {
    struct epoll_event event[4];
    int n = epoll_wait(w->slot->epoll_fd, event, 4, 0);
    return n > 0 ? event[0].events | 1 : 0;
}

Test(store, hole_6_a_client_that_is_closed_is_gone_from_the_store_and_from_epoll) {
    int peer;
    char byte;
    struct client *c = unit_client(&worker, &peer);
    interest_arm(&worker, c);
    begin();
    cr_assert_eq(manager_kept(manager, "c"), 1);
    int late = dup((int)client_index(&worker, c)); /* as of a manager that has not seen it yet */
    leave_begin(&worker, c, NULL);
    closing_stage(&worker);
    unit_turn(&worker);
    cr_assert_eq(events_of(&worker), 0, "epoll reports nothing of a closed number");
    cr_assert_eq(recv(peer, &byte, 1, MSG_DONTWAIT), 0, "its peer sees the end");
    cr_assert_neq(polled(late) & POLLHUP, 0);
    manager_await_kept(manager, "c", 0);
}

Test(store, hole_6_a_browser_that_is_away_is_gone_from_the_store) {
    int peer;
    struct facts facts = unit_facts(&worker, FACT_IN_ROOM);
    facts.kind = KIND_WEB;
    facts.ring = RING_JSON;
    struct client *c = unit_open(&worker, &peer, &facts);
    interest_arm(&worker, c);
    begin();
    cr_assert_eq(manager_kept(manager, "c"), 1);
    away_begin(&worker, c);
    manager_await_kept(manager, "c", 0);
    cr_assert_eq(events_of(&worker), 0);
}

Test(store, hole_6_a_connection_without_a_record_ends) {
    int pair[2];
    char said[8] = "";
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    manager_keep(manager, "c", pair[0]); /* its number was another's a moment ago */
    last_words(pair[0], "no", 2);
    manager_await_kept(manager, "c", 0);
    cr_assert_eq(recv(pair[1], said, sizeof said, MSG_DONTWAIT), 2);
    cr_assert_eq(recv(pair[1], said, sizeof said, MSG_DONTWAIT), 0);
}

/* The copy of a drained listener would accept into nothing. */
Test(store, hole_6_a_listener_that_is_closed_accepts_no_more) {
    listen_one();
    struct listener *l = &seg.header->listeners[0];
    struct epoll_event event = {.events = EPOLLIN};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(l->bound.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    epoll_ctl(worker.slot->epoll_fd, EPOLL_CTL_ADD, l->fd[0], &event);
    begin();
    int copy = manager_fd(manager, "l", 0);
    cr_assert_eq(polled(copy) & POLLHUP, 0);
    int late = dup(copy);
    atomic_store(&l->state, LISTENER_DRAINING);
    listeners_close_drained(&seg);
    cr_assert_neq(polled(late) & POLLHUP, 0);
    cr_assert_eq(events_of(&worker), 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_neq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    manager_await_kept(manager, "l", 0);
    look();
    cr_assert_eq(store.listeners, 0);
}
