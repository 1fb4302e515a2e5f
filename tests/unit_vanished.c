/* unit_vanished.c - which connections count as vanished, and when they are looked at. */
#include "tests/lib/skip.h"
#include "tests/unit_worker.h"
#include "worker/vanished.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>

static struct segment seg;
static struct worker worker;
static struct vanished vanished;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
}
TestSuite(vanished, .init = set_up);

/* ---- what the kernel says ---- */

Test(vanished, a_peer_that_leaves_retransmissions_unanswered_for_long_is_gone) {
    struct tcp_info info = {
        .tcpi_unacked = 2, .tcpi_retransmits = 9, .tcpi_last_ack_recv = VANISHED_MS};
    cr_assert(vanished_peer(&info));
    info.tcpi_last_ack_recv--;
    cr_assert_not(vanished_peer(&info));
}

Test(vanished, a_peer_whose_window_is_closed_and_that_leaves_probes_unanswered_is_gone) {
    struct tcp_info info = {
        .tcpi_notsent_bytes = 2, .tcpi_probes = 2, .tcpi_last_ack_recv = VANISHED_MS};
    cr_assert(vanished_peer(&info));
}

/* Window probes are up to 120 s apart, and each is answered. */
Test(vanished, a_suspended_reader_stays_however_long) {
    struct tcp_info info = {
        .tcpi_notsent_bytes = 100000, .tcpi_backoff = 10, .tcpi_last_ack_recv = 126000};
    cr_assert_not(vanished_peer(&info));
    info.tcpi_probes = 1; /* lost */
    info.tcpi_last_ack_recv = VANISHED_MS;
    cr_assert_not(vanished_peer(&info));
}

Test(vanished, what_was_just_sent_after_a_long_silence_may_still_be_acknowledged) {
    struct tcp_info info = {.tcpi_unacked = 1, .tcpi_last_ack_recv = 2 * VANISHED_MS};
    cr_assert_not(vanished_peer(&info));
}

/* ---- real connections, on a loopback that is switched off ---- */

static void loopback(bool up) {
    struct ifreq device = {.ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(ioctl(s, SIOCSIFFLAGS, &device), 0, "%s", strerror(errno));
    close(s);
}

static void connect_pair(int *us, int *peer) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
    *peer = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(*peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    cr_assert_eq(bind(listener, (struct sockaddr *)&to, sizeof to), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&to, &len), 0);
    cr_assert_eq(connect(*peer, (struct sockaddr *)&to, len), 0);
    *us = accept(listener, NULL, NULL);
    cr_assert_geq(*us, 0);
    close(listener);
}

static struct tcp_info info_of(int fd) {
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info;
}

/* As if VANISHED_MS passed without another answer. */
static bool would_be_gone(struct tcp_info info) {
    info.tcpi_last_ack_recv += VANISHED_MS;
    return vanished_peer(&info);
}

static void own_network(void) {
    if (unshare(CLONE_NEWNET) != 0)
        skip_test("no network of its own");
    loopback(true);
}

Test(vanished, the_kernel_tells_a_vanished_network) {
    own_network();
    int us, peer;
    connect_pair(&us, &peer);
    cr_assert_not(would_be_gone(info_of(us)), "nothing is unanswered");
    loopback(false);
    cr_assert_eq(send(us, "hello", 5, MSG_NOSIGNAL), 5);
    cr_assert(vanished_unanswered(&(struct tcp_info){.tcpi_unacked = info_of(us).tcpi_unacked}));
    for (int64_t d = wait_deadline(); wait_left_ms(d) > 0 && !would_be_gone(info_of(us));)
        wait_breath();
    cr_assert(would_be_gone(info_of(us)), "retransmissions are not answered");
    cr_assert_gt(info_of(us).tcpi_last_ack_recv, 0);
}

/* The peer does not read: its window is closed, and each probe is answered. */
Test(vanished, the_kernel_tells_a_suspended_reader) {
    static char much[1 << 20];
    own_network();
    int us, peer;
    connect_pair(&us, &peer);
    while (send(us, much, sizeof much, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
    struct tcp_info info = info_of(us);
    for (int64_t d = wait_deadline();
         wait_left_ms(d) > 0 && (info.tcpi_backoff < 3 || would_be_gone(info));) {
        wait_breath(); /* a probe may come too soon to be answered (tcp_invalid_ratelimit) */
        info = info_of(us);
    }
    cr_assert_geq(info.tcpi_backoff, 3);
    cr_assert(vanished_unanswered(&info));
    cr_assert_not(would_be_gone(info), "probes %u, retransmits %u", info.tcpi_probes,
                  info.tcpi_retransmits);
    loopback(false);
    for (int64_t d = wait_deadline(); wait_left_ms(d) > 0 && !would_be_gone(info_of(us));)
        wait_breath();
    cr_assert(would_be_gone(info_of(us)), "probes are not answered");
}

/* ---- when members are looked at ---- */

static void sent_something(void) {
    atomic_fetch_add(&worker.slot->stats.sends, 1);
}

Test(vanished, a_worker_that_sends_nothing_is_not_woken) {
    vanished_look(&worker, &vanished);
    cr_assert_eq(vanished_timeout(&worker, &vanished), -1);
    sent_something();
    vanished_look(&worker, &vanished);
    cr_assert_eq(vanished_timeout(&worker, &vanished), VANISHED_PASS_MS);
    worker.now += VANISHED_PASS_MS;
    vanished_look(&worker, &vanished);
    cr_assert_eq(vanished_timeout(&worker, &vanished), -1, "nothing is unacknowledged");
    worker.now += 10 * VANISHED_PASS_MS;
    vanished_look(&worker, &vanished);
    cr_assert_eq(vanished_timeout(&worker, &vanished), -1);
}

Test(vanished, members_are_looked_at_again_while_something_is_unanswered) {
    vanished.unanswered = true;
    vanished_look(&worker, &vanished);
    cr_assert_eq(vanished_timeout(&worker, &vanished), VANISHED_PASS_MS);
}

/* A room that is silent after the last line: no event wakes the worker for the next pass. */
Test(vanished, after_a_pass_that_found_something_unanswered_the_worker_is_woken_for_the_next) {
    int us, peer;
    struct facts facts = unit_facts(&worker, 0);
    own_network();
    connect_pair(&us, &peer);
    struct client *c = worker_client(&worker, (uint32_t)us);
    cr_assert_neq(client_claim(c, client_word(c), 0, socket_cookie(us)), 0);
    client_open(c, 0, socket_cookie(us), &facts, &in6addr_loopback, 1);
    member_add(&worker, c);
    loopback(false);
    cr_assert_eq(send(us, "hello", 5, MSG_NOSIGNAL), 5);
    vanished_look(&worker, &vanished);
    for (int pass = 0; pass < 3; pass++) {
        worker.now += VANISHED_PASS_MS;
        vanished_look(&worker, &vanished);
        cr_assert_eq(vanished.left, 0);
        cr_assert_eq(vanished_timeout(&worker, &vanished), VANISHED_PASS_MS, "pass %d", pass);
    }
}

Test(vanished, a_client_that_moved_here_is_looked_at) {
    int peer;
    unit_client(&worker, &peer);
    vanished_look(&worker, &vanished);
    cr_assert_eq(vanished_timeout(&worker, &vanished), VANISHED_PASS_MS);
}

Test(vanished, members_that_leave_during_a_pass_are_not_looked_at) {
    int peer[2];
    unit_client(&worker, &peer[0]);
    struct client *c = unit_client(&worker, &peer[1]);
    vanished.left = VANISHED_SLICE + 5; /* more than there are members by now */
    vanished_look(&worker, &vanished);
    cr_assert_eq(vanished.left, 0);
    member_remove(&worker, c);
    vanished.left = 1;
    vanished_look(&worker, &vanished);
    cr_assert_eq(vanished.left, 0);
}
