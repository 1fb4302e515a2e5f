/* unit_counters.c - the kernel's counts of bytes sent and received, in each state of a connection,
 * compared with the real numbers. */
#include "worker/ledger/counters.h"

#include "tests/lib/fail.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct link {
    int us, him; /* us: accepted from a listener, as in the server; him: the client's end */
    uint64_t sent, received;
};

static struct link link_make(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1, small = 4096;
    struct link l = {.him = socket(AF_INET, SOCK_STREAM, 0)};
    setsockopt(listener, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    setsockopt(l.him, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    cr_assert_eq(bind(listener, (struct sockaddr *)&to, sizeof to), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&to, &len), 0);
    cr_assert_eq(connect(l.him, (struct sockaddr *)&to, sizeof to), 0);
    l.us = accept(listener, NULL, NULL);
    cr_assert_geq(l.us, 0);
    close(listener);
    return l;
}

static void we_send(struct link *l, size_t n) {
    static char bytes[1 << 20];
    ssize_t sent = send(l->us, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    cr_assert_gt(sent, 0);
    l->sent += (uint64_t)sent;
}
static void he_sends(struct link *l, size_t n, int flags) {
    static const char bytes[65536];
    cr_assert_eq(send(l->him, bytes, n, MSG_NOSIGNAL | flags), (ssize_t)n);
}
/* Receives exactly n bytes, and waits for them. */
static void we_take(struct link *l, size_t n) {
    char bytes[65536];
    cr_assert_eq(recv(l->us, bytes, n, MSG_WAITALL), (ssize_t)n);
    l->received += n;
}

/* Waits until the kernel's counts are as expected; packets take time on loopback, too. */
static void says_at(struct where where, struct link *l, uint8_t state, unsigned phantom) {
    struct counters now = {0};
    uint64_t taken = l->received + phantom;
    for (int64_t d = wait_deadline(); wait_left_ms(d) > 0; wait_breath()) {
        if (!counters_read(l->us, &now))
            fail_at(where, "the kernel says nothing");
        if (now.state == state && now.sent == l->sent && now.received == taken)
            return;
    }
    fail_at(where, "state %u, sent %llu, taken %llu; want %u, %llu, %llu", now.state,
            (unsigned long long)now.sent, (unsigned long long)now.received, state,
            (unsigned long long)l->sent, (unsigned long long)taken);
}
#define says(l, state) says_at(HERE, l, state, 0)
#define says_with_phantom(l, state) says_at(HERE, l, state, 1)

static void unlink_both(struct link *l) {
    close(l->us);
    close(l->him);
}

Test(counters, an_open_connection) {
    struct link l = link_make();
    says(&l, TCP_ESTABLISHED);
    we_send(&l, 300);
    says(&l, TCP_ESTABLISHED);
    he_sends(&l, 200, 0);
    says(&l, TCP_ESTABLISHED); /* received by the kernel, and not read yet */
    we_take(&l, 50);
    says(&l, TCP_ESTABLISHED);
    we_take(&l, 150);
    says(&l, TCP_ESTABLISHED);
    unlink_both(&l);
}

/* The client's receive window is closed: what send() accepted is unacknowledged in the send
 * buffer. */
Test(counters, a_client_that_does_not_read) {
    struct link l = link_make();
    for (int i = 0; i < 3; i++)
        we_send(&l, 100000);
    says(&l, TCP_ESTABLISHED);
    unlink_both(&l);
}

Test(counters, urgent_data_counts_as_any) {
    struct link l = link_make();
    he_sends(&l, 10, 0);
    he_sends(&l, 3, MSG_OOB);
    he_sends(&l, 10, 0);
    for (int n = 0; n < 23; n++) {
        we_take(&l, 1);
        says(&l, TCP_ESTABLISHED);
    }
    unlink_both(&l);
}

Test(counters, the_clients_fin_does_not_count) {
    struct link l = link_make();
    he_sends(&l, 100, 0);
    shutdown(l.him, SHUT_WR);
    says(&l, TCP_CLOSE_WAIT);
    we_take(&l, 40);
    we_send(&l, 500);
    says(&l, TCP_CLOSE_WAIT);
    we_take(&l, 60);
    says(&l, TCP_CLOSE_WAIT);
    char byte;
    cr_assert_eq(recv(l.us, &byte, 1, 0), 0);
    says(&l, TCP_CLOSE_WAIT);
    unlink_both(&l);
}

/* The server's end is shut down for writing: nothing more is sent, and the client's bytes are still
 * counted. */
Test(counters, our_fin_does_not_change_received) {
    struct link l = link_make();
    we_send(&l, 10);
    he_sends(&l, 20, 0);
    we_take(&l, 5);
    shutdown(l.us, SHUT_WR);
    l.sent++; /* the server's FIN is counted, once it is queued or acknowledged */
    says(&l, TCP_FIN_WAIT2);
    he_sends(&l, 7, 0);
    we_take(&l, 22);
    says(&l, TCP_FIN_WAIT2);
    unlink_both(&l);
}

/* Both ends are shut down: the descriptor is open, the connection closed, and the client's FIN is
 * counted like a byte. */
Test(counters, both_ends) {
    struct link l = link_make();
    he_sends(&l, 20, 0);
    we_take(&l, 5);
    shutdown(l.us, SHUT_WR);
    l.sent++;
    says(&l, TCP_FIN_WAIT2);
    shutdown(l.him, SHUT_WR);
    says_with_phantom(&l, TCP_CLOSE);
    unlink_both(&l);
}

static void reset(struct link *l) {
    struct linger at_once = {1, 0};
    setsockopt(l->him, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(l->him);
}

Test(counters, a_reset_counts_nothing) {
    struct link l = link_make();
    he_sends(&l, 20, 0);
    we_take(&l, 5);
    reset(&l);
    says(&l, TCP_CLOSE);
    unlink_both(&l);
}

/* adopt_client allows for this. */
Test(counters, a_reset_after_the_clients_fin_counts_it) {
    struct link l = link_make();
    he_sends(&l, 20, 0);
    we_take(&l, 5);
    shutdown(l.him, SHUT_WR);
    says(&l, TCP_CLOSE_WAIT);
    reset(&l);
    says_with_phantom(&l, TCP_CLOSE);
    unlink_both(&l);
}

Test(counters, the_self_test_holds_here) {
    char err[200] = "";
    cr_assert(counters_self_test(err, sizeof err), "%s", err);
}
