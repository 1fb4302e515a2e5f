/* e2e_ending.c - clients that are gone, or have shut down their side, with lines unread: how long
 * those go on, what is answered, and when the name is free. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(ends, .timeout = 180);

enum { LINES = 3000 };

/* At 5 lines a second the backlog would take ten minutes. */
#define SLOW "history = 0\nflood_rate = 5\nflood_burst = 5\nflood_wait = 1500ms\n"
#define SERVER_SLOW "workers = 2\n" SLOW

static void send_backlog(struct guest *g, const char *line) {
    static char all[LINES * 32];
    char *end = all;
    for (int i = 0; i < LINES; i++)
        end += sprintf(end, "%s\r\n", line);
    guest_send(g, all, (size_t)(end - all));
}

/* The kernel resets the connection when it is closed with SO_LINGER 0. */
static void reset(struct guest *g) {
    struct linger none = {.l_onoff = 1};
    cr_assert_eq(setsockopt(g->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    guest_close(g);
}

static void shut(struct guest *g) {
    cr_assert_eq(shutdown(g->fd, SHUT_WR), 0);
}

/* `name` leaves once, nothing more is heard of it, and its name is free. */
static void is_gone(struct server *s, struct guest *bob, const char *name) {
    char speech[64];
    snprintf(speech, sizeof speech, "%s: ", name);
    for (;;) {
        const char *line = guest_next(bob);
        if (strcmp(line, told1(TOLD_GOES, name)) == 0)
            break;
        cr_assert(strncmp(line, speech, strlen(speech)) == 0, "instead of its lines: %s", line);
    }
    guest_say(bob, "after");
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "bob", "after"));
    struct guest *again = guest_enter(s, name);
    guest_expect(bob, "%s", told1(TOLD_COMES, name));
    guest_say(again, "here");
    guest_expect(bob, "%s", told2(TOLD_SPEECH, name, "here"));
}

static struct guest *enter(struct server *s, struct guest *bob, const char *name) {
    struct guest *g = guest_enter(s, name);
    guest_expect(bob, "%s", told1(TOLD_COMES, name));
    return g;
}

/* ---- a FIN behind a backlog ---- */

Test(ends, lines_before_a_fin_go_on_for_flood_wait_at_most) {
    struct server *s = server_start(SERVER_SLOW);
    struct guest *bob = guest_enter(s, "bob"), *ann = enter(s, bob, "ann");
    send_backlog(ann, "hello");
    shut(ann);
    is_gone(s, bob, "ann");
    server_stop(s);
}

Test(ends, so_do_commands_and_telnet_bytes) {
    static const char *const lines[] = {"/nosuch", "\xff\xf6\xff\xfb\x01", "hello\xff\xf7"};
    struct server *s = server_start(SERVER_SLOW);
    struct guest *bob = guest_enter(s, "bob");
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "ann%d", i);
        struct guest *ann = enter(s, bob, name);
        send_backlog(ann, lines[i]);
        shut(ann);
        is_gone(s, bob, name);
    }
    server_stop(s);
}

Test(ends, before_login_the_connection_ends_as_well) {
    struct server *s = server_start(SERVER_SLOW "max_clients = 2\n");
    struct guest *bob = guest_enter(s, "bob"), *g = guest_connect(s);
    send_backlog(g, "/nosuch");
    shut(g);
    server_logged(s, "client %s disconnected", g->endpoint);
    enter(s, bob, "cat"); /* the room has a place again */
    server_stop(s);
}

Test(ends, in_the_open_room_too) {
    struct server *s = server_start(SERVER_SLOW "login = no\n");
    struct guest *bob = guest_connect_as(s, .from = "127.0.0.2");
    guest_until(bob, "%s", told1(TOLD_COMES, "127.0.0.2"));
    struct guest *ann = guest_connect_as(s, .from = "127.0.0.3");
    guest_until(bob, "%s", told1(TOLD_COMES, "127.0.0.3"));
    send_backlog(ann, "hello");
    shut(ann);
    guest_until(bob, "%s", told1(TOLD_GOES, "127.0.0.3"));
    guest_say(bob, "after");
    guest_expect(bob, "after");
    server_stop(s);
}

Test(ends, without_flood_wait_the_lines_within_the_rate_are_said) {
    struct server *s = server_start("workers = 2\nhistory = 0\nflood_rate = 1\nflood_burst = 3\n"
                                    "flood_wait = 0\n");
    struct guest *bob = guest_enter(s, "bob"), *ann = guest_connect(s);
    guest_type(ann, "login ann\r\none\r\ntwo\r\nthree\r\nfour\r\n");
    shut(ann);
    guest_expect(bob, "%s", told1(TOLD_COMES, "ann"));
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "ann", "one"));
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "ann", "two"));
    guest_expect(bob, "%s", told1(TOLD_GOES, "ann"));
    server_stop(s);
}

/* ---- answers ---- */

Test(ends, a_half_closed_client_gets_every_answer) {
    enum { COMMANDS = 50 };
    char all[COMMANDS * 16] = "login ann\r\n";
    struct server *s =
        server_start("workers = 2\nhistory = 0\nflood_rate = 100\nflood_burst = 5\n");
    struct guest *ann = guest_connect(s);
    for (int i = 0; i < COMMANDS; i++)
        sprintf(all + strlen(all), "/no%d\r\n", i);
    guest_send(ann, all, strlen(all));
    shut(ann);
    guest_until(ann, "%s", told1(TOLD_COMES, "ann"));
    for (int i = 0; i < COMMANDS; i++) {
        char command[16];
        snprintf(command, sizeof command, "/no%d", i);
        guest_expect(ann, "%s", told1(TOLD_UNKNOWN, command));
        guest_expect(ann, "%s", told(TOLD_HELP));
    }
    guest_expect_end(ann);
    server_stop(s);
}

/* More than the socket takes at once; the client begins to read when the server has read its FIN.
 */
Test(ends, a_long_answer_arrives_before_the_end) {
    enum { SAID = 900 };
    char text[900], speech[960];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    snprintf(speech, sizeof speech, "%s", told2(TOLD_SPEECH, "bob", text));
    struct server *s = server_start("workers = 1\nhistory = 0\nflood_rate = 0\nflood_wait = 1h\n");
    struct guest *bob = guest_enter(s, "bob");
    struct guest *ann = guest_enter_as(s, "ann", .receive_buffer = 4096);
    struct guest *both[2] = {ann, bob};
    guest_expect(bob, "%s", told1(TOLD_COMES, "ann"));
    for (int i = 0; i < SAID; i++) {
        guest_say(bob, "%s", text);
        guests_expect(both, 2, speech);
    }
    guest_type(ann, "/history 900\r\n");
    shut(ann);
    guest_say(bob, "/nosuch"); /* answered after ann's input was read */
    guest_until(bob, "%s", told(TOLD_HELP));
    int earlier = 0;
    cr_assert_eq(sscanf(guest_next(ann), "*** %d earlier lines", &earlier), 1);
    cr_assert_gt(earlier, SAID / 2);
    for (int i = 0; i < earlier; i++)
        guest_expect_earlier(ann, "%s", speech);
    guest_expect_end(ann);
    guest_expect(bob, "%s", told1(TOLD_GOES, "ann"));
    server_stop(s);
}

/* It reads nothing: its input waits for its output, and its FIN is seen all the same. */
Test(ends, a_client_that_reads_no_answer_is_gone_after_flood_wait) {
    static char all[20000]; /* no more than the server's socket takes: the FIN arrives */
    struct server *s = server_start("workers = 2\nhistory = 0\nflood_rate = 0\nflood_wait = 1s\n");
    struct guest *bob = guest_enter(s, "bob");
    struct guest *ann = guest_enter_as(s, "ann", .receive_buffer = 4096);
    guest_expect(bob, "%s", told1(TOLD_COMES, "ann"));
    for (char *end = all; end < all + sizeof all - 16;)
        end += sprintf(end, "/help\r\n");
    guest_send(ann, all, strlen(all));
    shut(ann);
    is_gone(s, bob, "ann");
    server_stop(s);
}

/* ---- a reset behind a backlog ---- */

static void reset_ends(bool fin_first) {
    struct server *s = server_start("workers = 2\nhistory = 0\nflood_rate = 1\nflood_burst = 5\n"
                                    "flood_wait = 1h\n");
    struct guest *bob = guest_enter(s, "bob"), *ann = enter(s, bob, "ann");
    send_backlog(ann, "hello");
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "ann", "hello"));
    if (fin_first) {
        shut(ann);
        guest_expect(bob, "%s", told2(TOLD_SPEECH, "ann", "hello"));
    }
    reset(ann);
    is_gone(s, bob, "ann");
    server_stop(s);
}

Test(ends, a_reset_ends_at_once_whatever_was_sent_before) {
    reset_ends(false);
}
Test(ends, a_reset_after_a_fin_as_well) {
    reset_ends(true);
}

/* A killed client has lines unread: its kernel resets the connection. */
Test(ends, a_killed_client_says_nothing_more) {
    struct server *s = server_start("workers = 2\nhistory = 0\nflood_rate = 1\nflood_burst = 5\n"
                                    "flood_wait = 1h\n");
    struct guest *bob = guest_enter(s, "bob"), *ann = enter(s, bob, "ann");
    send_backlog(ann, "hello");
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "ann", "hello"));
    guest_close(ann);
    is_gone(s, bob, "ann");
    server_stop(s);
}

/* ---- a worker dies, or gives its clients away, in between ---- */

/* Two lines are heard after the FIN, so it was seen, or will be by the next worker. */
static struct server *ending(struct guest **bob, struct guest **ann) {
    struct server *s = server_start(SERVER_SLOW);
    s->workers_may_die = true;
    *bob = guest_enter(s, "bob");
    *ann = enter(s, *bob, "ann");
    send_backlog(*ann, "hello");
    shut(*ann);
    for (int i = 0; i < 6; i++)
        guest_expect(*bob, "%s", told2(TOLD_SPEECH, "ann", "hello"));
    return s;
}

Test(ends, its_successor_ends_it_too) {
    struct guest *bob, *ann;
    struct server *s = ending(&bob, &ann);
    int worker = server_worker_of(s, ann->endpoint);
    cr_assert_eq(kill(server_worker_pid(s, worker), SIGKILL), 0);
    is_gone(s, bob, "ann");
    server_stop(s);
}

Test(ends, so_does_the_worker_that_it_moves_to) {
    struct guest *bob, *ann;
    struct server *s = ending(&bob, &ann);
    server_configure(s, "workers = 1\n" SLOW);
    server_signal(s, SIGHUP);
    is_gone(s, bob, "ann");
    server_stop(s);
}

Test(ends, so_does_the_upgraded_server) {
    struct guest *bob, *ann;
    struct server *s = ending(&bob, &ann);
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: ");
    is_gone(s, bob, "ann");
    server_stop(s);
}

/* The worker is stopped while the connection is reset, and killed: what lies in its client's buffer
 * is not said by the successor. */
Test(ends, a_successor_says_nothing_of_a_connection_that_was_reset) {
    struct server *s = server_start("workers = 2\nhistory = 0\nflood_rate = 1\nflood_burst = 5\n"
                                    "flood_wait = 1h\nworker_timeout = 1h\n");
    s->workers_may_die = true;
    struct guest *bob = guest_enter(s, "bob"), *ann = enter(s, bob, "ann");
    pid_t worker = server_worker_pid(s, server_worker_of(s, ann->endpoint));
    send_backlog(ann, "hello");
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "ann", "hello"));
    cr_assert_eq(kill(worker, SIGSTOP), 0);
    reset(ann);
    cr_assert_eq(kill(worker, SIGKILL), 0);
    is_gone(s, bob, "ann");
    server_stop(s);
}

/* ---- a full room ---- */

/* All places are reset at once, and taken anew. */
Test(ends, the_room_is_not_full_of_the_gone) {
    enum { PLACES = 40 };
    struct guest *g[PLACES];
    struct server *s = server_start(SERVER_QUIET(4) "max_clients = %d\n", PLACES);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < PLACES; i++) {
            g[i] = guest_connect(s);
            guest_until(g[i], "%s", told(TOLD_HOW));
        }
        for (int i = 0; i < PLACES; i++)
            reset(g[i]);
    }
    guest_enter(s, "ann");
    cr_assert_eq(server_log_count(s, "refused"), 0);
    server_stop(s);
}

Test(ends, a_full_room_says_so) {
    struct server *s = server_start(SERVER_QUIET(2) "max_clients = 1\n");
    struct guest *ann = guest_enter(s, "ann");
    for (int i = 0; i < 3; i++) {
        struct guest *late = guest_connect(s);
        guest_expect(late, "%s", told(TOLD_FULL));
        guest_expect_end(late);
    }
    guest_say(ann, "here");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "here"));
    server_stop(s);
}
