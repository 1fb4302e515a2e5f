/* e2e_origin.c - limits for one address: connect_rate and connect_burst, and how many lines of the
 * log its connections cause.  Time passes during a test, so what may pass is a range. */
#include "tests/lib/guest.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(origin_e2e, .timeout = 180);

enum { MOST = 400 };

/* A rate so low that no more than the burst passes in the time of a test. */
static const char slow_rate[] = "workers = 2\nhistory = 0\nlogin_timeout = 0\nconnect_rate = 1\n";

/* Connects from an address (NULL: 127.0.0.1).  A server that closes it at once may do so before
 * connect() returns. */
static int open_from(const struct server *s, const char *from) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s->port)}, own = to;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0, "socket: %s", strerror(errno));
    own.sin_port = 0;
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    inet_pton(AF_INET, from ? from : "127.0.0.1", &own.sin_addr);
    cr_assert_eq(bind(fd, (struct sockaddr *)&own, sizeof own), 0, "bind: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        cr_assert_eq(errno, ECONNRESET, "connect: %s", strerror(errno));
    return fd;
}

/* Whether the server says anything before it closes the connection. */
static bool is_heard(int fd) {
    struct timeval limit = {.tv_sec = WAIT_SECONDS};
    char byte;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ssize_t n = recv(fd, &byte, 1, 0);
    cr_assert(n >= 0 || errno == ECONNRESET || errno == ENOTCONN, "recv: %s", strerror(errno));
    return n > 0;
}

/* Connects `n` times at once; returns how many are greeted.  They are closed afterwards. */
static int greeted(const struct server *s, const char *from, int n) {
    int fd[MOST], heard = 0;
    for (int i = 0; i < n; i++)
        fd[i] = open_from(s, from);
    for (int i = 0; i < n; i++) {
        heard += is_heard(fd[i]);
        close(fd[i]);
    }
    return heard;
}

/* The sum of the numbers before `what` in all lines of the log that begin a client's with `who`. */
static int summed(const struct server *s, const char *who, const char *what) {
    char *log = run_read_file(s->log);
    int n = 0;
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
        char *at = strstr(line, who) ? strstr(line, what) : NULL;
        while (at && at > line && at[-1] >= '0' && at[-1] <= '9')
            at--;
        n += at ? atoi(at) : 0;
    }
    free(log);
    return n;
}

/* Waits until the log has summed up `n` of them. */
static void sums_up(const struct server *s, const char *who, const char *what, int n) {
    int64_t deadline = wait_deadline();
    while (summed(s, who, what) < n) {
        cr_assert_gt(wait_left_ms(deadline), 0, "%d of %d %s", summed(s, who, what), n, what);
        wait_breath();
    }
    cr_assert_eq(summed(s, who, what), n);
}

/* ---- connect_rate ---- */

Test(origin_e2e, beyond_the_burst_a_connection_is_closed_unheard) {
    struct server *s = server_start("%sconnect_burst = 100\n", slow_rate);
    int heard = greeted(s, NULL, 150);
    cr_assert_geq(heard, 100);
    cr_assert_lt(heard, 150);
    int again = greeted(s, NULL, 100);
    cr_assert_lt(again, 50, "connecting again brings no new burst: %d", again);
    cr_assert_eq(greeted(s, "127.0.0.2", 100), 100, "another address");
    sums_up(s, "client 127.0.0.1: ", " closed unheard (connect_rate)", 250 - heard - again);
    cr_assert_eq(summed(s, "client 127.0.0.2: ", " closed unheard"), 0);
    cr_assert_leq(server_log_count(s, " closed unheard"), 4, "two workers, twice at most");
    server_stop(s);
}

Test(origin_e2e, by_default_200_of_300_are_served) {
    struct server *s = server_start("workers = 2\nhistory = 0\n");
    int fd[300], heard = 0;
    int64_t since = wait_deadline();
    for (int i = 0; i < 300; i++)
        fd[i] = open_from(s, NULL);
    for (int i = 0; i < 300; i++)
        heard += is_heard(fd[i]);
    int passed_ms = WAIT_SECONDS * 1000 - wait_left_ms(since);
    cr_assert_geq(heard, 200);
    cr_assert_leq(heard, 201 + passed_ms * 20 / 1000, "%d in %d ms", heard, passed_ms);
    sums_up(s, "client 127.0.0.1: ", " closed unheard (connect_rate)", 300 - heard);
    server_stop(s);
}

Test(origin_e2e, a_rate_of_0_is_no_limit_and_a_reload_applies_at_once) {
    struct server *s = server_start("%sconnect_burst = 5\n", slow_rate);
    cr_assert_lt(greeted(s, NULL, 50), 50);
    server_configure(s, "workers = 2\nhistory = 0\nconnect_rate = 0\nlog_level = debug\n");
    server_signal(s, SIGHUP);
    for (int k = 0; k < 2; k++) /* a worker may be accepting by the old one until then */
        server_logged(s, "worker %d: configuration ", k);
    cr_assert_eq(greeted(s, NULL, MOST), MOST);
    server_stop(s);
}

/* The account is the segment's, not a worker's. */
Test(origin_e2e, a_workers_death_brings_no_new_burst) {
    struct server *s = server_start("workers = 1\nconnect_rate = 1\nconnect_burst = 50\n");
    s->workers_may_die = true;
    int heard = greeted(s, NULL, 80);
    cr_assert_geq(heard, 50);
    cr_assert_lt(heard, 80);
    cr_assert_eq(greeted(s, "127.0.0.2", 1), 1); /* so the last of the others is counted */
    kill(server_worker_pid(s, 0), SIGKILL);
    server_logged(s, "was killed by signal 9");
    int again = greeted(s, NULL, 50);
    cr_assert_lt(again, 45, "%d of 50", again);
    sums_up(s, "client 127.0.0.1: ", " closed unheard (connect_rate)", 130 - heard - again);
    server_stop(s);
}

Test(origin_e2e, a_peer_in_proxy_from_is_exempt) {
    struct server *s = server_start("%sconnect_burst = 2\nproxy_from = 127.0.0.8/30\n", slow_rate);
    for (int i = 0; i < 50; i++) {
        int fd = open_from(s, "127.0.0.11");
        cr_assert_eq(send(fd, "PROXY UNKNOWN\r\n", 15, 0), 15);
        cr_assert(is_heard(fd));
        close(fd);
    }
    cr_assert_lt(greeted(s, "127.0.0.12", 50), 50);
    server_stop(s);
}

/* ---- the log ---- */

static size_t log_size(const struct server *s) {
    char *log = run_read_file(s->log);
    size_t len = strlen(log);
    free(log);
    return len;
}

/* Every connection is in the log: by itself or in a sum. */
Test(origin_e2e, thousands_of_connections_are_few_lines) {
    enum { TIMES = 5000 };
    struct server *s = server_start("workers = 2\nhistory = 0\nconnect_rate = 0\n");
    size_t before = log_size(s);
    for (int i = 0; i < TIMES; i++) {
        int fd = open_from(s, NULL);
        cr_assert(is_heard(fd));
        close(fd);
    }
    int by_itself = server_log_count(s, " connected") - server_log_count(s, " more connected");
    cr_assert_geq(by_itself, 20);
    cr_assert_lt(by_itself, TIMES / 2);
    guest_enter_as(s, "ann", .from = "127.0.0.2");
    server_logged(s, " is ann"); /* other addresses are unaffected */
    sums_up(s, "client 127.0.0.1: ", " more connected", TIMES - by_itself);
    cr_assert_lt(log_size(s) - before, 200u * TIMES / 4);
    server_stop(s);
}

/* The shutdown does not wait for ten seconds to pass. */
Test(origin_e2e, what_was_counted_is_said_at_the_end) {
    struct server *s = server_prepare();
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    server_launch(s, "workers = 2\nhistory = 0\nconnect_rate = 1\nconnect_burst = 5\nlog = %s\n",
                  s->log);
    int heard = greeted(s, NULL, 50);
    server_signal(s, SIGTERM);
    sums_up(s, "client 127.0.0.1: ", " closed unheard (connect_rate)", 50 - heard);
    server_ended(s);
}
