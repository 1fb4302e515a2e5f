/* e2e_probes.c - the open room: connections that come and go unheard, and guests that stay. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(probes, .timeout = 180);

static const char open_room[] = SERVER_QUIET(2) "login = no\n";

static struct guest *first_guest(struct server *s) {
    struct guest *ann = guest_connect_as(s, .from = "127.0.0.2");
    guest_until(ann, "%s", told1(TOLD_COMES, "127.0.0.2"));
    return ann;
}

/* What the room is shown next is this line of ann's. */
static void nothing_was_heard(struct guest *ann, const char *line) {
    guest_say(ann, "%s", line);
    guest_expect(ann, "%s", line);
}

static void reset(struct guest *g) {
    static const struct linger at_once = {.l_onoff = 1};
    setsockopt(g->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    guest_close(g);
}

Test(probes, of_a_load_balancer_are_unheard_and_no_history) {
    struct server *s = server_start("workers = 2\nlogin = no\nconnect_rate = 0\nhistory = 5\n");
    struct guest *ann = first_guest(s);
    nothing_was_heard(ann, "one");
    for (int i = 0; i < 60; i++) {
        struct guest *probe = guest_connect_as(s, .from = "127.0.0.3");
        if (i % 3 == 0)
            guest_until(probe, "%s", told1(TOLD_GREETING, "Chatroom"));
        if (i % 2)
            reset(probe);
        else
            guest_close(probe);
    }
    nothing_was_heard(ann, "two");
    struct guest *late = guest_connect_as(s, .from = "127.0.0.4");
    guest_expect(late, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_expect(late, "%s", told1(TOLD_EARLIER, "2"));
    guest_expect_earlier(late, "one");
    guest_expect_earlier(late, "two");
    server_stop(s);
}

static void is_unheard(const char *bytes, size_t len) {
    struct server *s = server_start("%s", open_room);
    struct guest *ann = first_guest(s);
    struct guest *probe = guest_connect_as(s, .from = "127.0.0.3");
    guest_send(probe, bytes, len);
    while (guest_read(probe)) /* the greeting, if the request came behind it */
        ;
    server_logged(s, "client %s disconnected: ", probe->endpoint);
    nothing_was_heard(ann, "nobody?");
    server_stop(s);
}
#define is_unheard(literal) is_unheard(literal, sizeof(literal) - 1)

Test(probes, a_browser_is_unheard) {
    is_unheard("GET / HTTP/1.1\r\nHost: here\r\nCookie: secret\r\n\r\n");
}
Test(probes, a_posted_form_is_unheard) {
    is_unheard("POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\nbuy now\r\n");
}
Test(probes, an_rtsp_client_is_unheard) {
    is_unheard("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
}
Test(probes, an_ssh_client_is_unheard) {
    is_unheard("SSH-2.0-OpenSSH_9.2\r\n");
}
Test(probes, a_tls_client_is_unheard) {
    is_unheard("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03");
}

/* ---- guests ---- */

Test(probes, a_guest_that_stays_is_announced_and_leaves_aloud) {
    struct server *s = server_start("%s", open_room);
    struct guest *ann = first_guest(s), *bob = guest_connect_as(s, .from = "127.0.0.3");
    guest_expect(bob, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_expect(bob, "%s", told1(TOLD_COMES, "127.0.0.3"));
    guest_expect(ann, "%s", told1(TOLD_COMES, "127.0.0.3"));
    guest_close(bob);
    guest_expect(ann, "%s", told1(TOLD_GOES, "127.0.0.3"));
    server_stop(s);
}

/* As `printf hello | nc` does: all of it at once. */
Test(probes, a_guest_that_speaks_is_announced_before_its_line) {
    struct server *s = server_start("%s", open_room);
    struct guest *ann = first_guest(s), *bob = guest_connect_as(s, .from = "127.0.0.3");
    guest_say(bob, "hello");
    guest_say(bob, "/me waves");
    shutdown(bob->fd, SHUT_WR);
    guest_expect(ann, "%s", told1(TOLD_COMES, "127.0.0.3"));
    guest_expect(ann, "hello");
    guest_expect(ann, "* 127.0.0.3 waves");
    guest_expect(ann, "%s", told1(TOLD_GOES, "127.0.0.3"));
    server_stop(s);
}

Test(probes, a_guest_that_asks_is_announced_first) {
    struct server *s = server_start("%s", open_room);
    struct guest *ann = first_guest(s), *bob = guest_connect_as(s, .from = "127.0.0.3");
    guest_say(bob, "/look");
    guest_expect(bob, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_expect(bob, "%s", told1(TOLD_COMES, "127.0.0.3"));
    guest_expect(bob, "%s", told(TOLD_LOOK));
    guest_expect(ann, "%s", told1(TOLD_COMES, "127.0.0.3"));
    server_stop(s);
}

Test(probes, in_a_crowd_a_guest_sees_its_own_coming) {
    struct server *s = server_start("%sannounce_max = 1\n", open_room);
    struct guest *ann = first_guest(s);
    for (int i = 3; i < 6; i++) {
        char from[32];
        snprintf(from, sizeof from, "127.0.0.%d", i);
        struct guest *g = guest_connect_as(s, .from = from);
        guest_expect(g, "%s", told1(TOLD_GREETING, "Chatroom"));
        guest_expect(g, "%s", told1(TOLD_COMES, from));
    }
    nothing_was_heard(ann, "hello?");
    server_stop(s);
}

/* ---- deaths ---- */

/* Both workers die again and again while guests are quiet: each of these is announced once, and
 * each that has gone is not. */
Test(probes, deaths_announce_each_guest_once) {
    enum { GUESTS = 12, DEATHS = 4 };
    struct server *s = server_start("%s", open_room);
    struct guest *ann = first_guest(s), *g[GUESTS];
    s->workers_may_die = true;
    for (int i = 0; i < GUESTS; i++) {
        char from[32];
        snprintf(from, sizeof from, "127.0.1.%d", i + 1);
        g[i] = guest_connect_as(s, .from = from);
        guest_until(g[i], "%s", told1(TOLD_GREETING, "Chatroom"));
        guest_close(guest_connect_as(s, .from = "127.0.0.9"));
        if (i % (GUESTS / DEATHS) == 0) {
            int k = i / (GUESTS / DEATHS) % 2;
            pid_t dead = server_worker_pid(s, k);
            cr_assert_eq(kill(dead, SIGKILL), 0);
        }
    }
    int came[GUESTS] = {0}, left = GUESTS;
    while (left > 0) {
        int i = 0, end = 0;
        const char *line = guest_next(ann);
        cr_assert(sscanf(line, "127.0.1.%d has entered the room.%n", &i, &end) == 1 && end > 0 &&
                      i >= 1 && i <= GUESTS,
                  "%s", line);
        cr_assert_eq(came[i - 1]++, 0, "twice: %s", line);
        left--;
    }
    nothing_was_heard(ann, "all are here");
    for (int i = 0; i < GUESTS; i++)
        guest_until(g[i], "all are here");
    server_stop(s);
}
