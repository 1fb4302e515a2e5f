/* e2e_limits.c - limits: of line length, of connections, of time, of rate. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite(limits, .timeout = 180);

static const char *repeat(const char *what, int times) {
    static char text[300000];
    text[0] = '\0';
    char *end = text;
    for (int i = 0; i < times; i++)
        end = stpcpy(end, what);
    return text;
}

Test(limits, a_line_too_long_is_refused_and_the_next_is_fine) {
    struct server *s = server_start("%sline_max = 64\n", server_quiet);
    struct guest *g[2] = {guest_enter(s, "ann"), guest_enter(s, "bob")};
    guest_expect(g[0], "%s", told1(TOLD_COMES, "bob"));
    char said[128];
    guest_say(g[0], "%s", repeat("x", 64));
    snprintf(said, sizeof said, "ann: %s", repeat("x", 64));
    guests_expect(g, 2, said);
    static const int too_long[] = {65, 66, 127, 128, 129, 1000, 4096, 5000, 200000};
    for (size_t i = 0; i < sizeof too_long / sizeof too_long[0]; i++) {
        guest_send(g[0], repeat("x", too_long[i]), (size_t)too_long[i]);
        guest_type(g[0], "\r\n");
        guest_expect(g[0], "%s", told(TOLD_TOO_LONG)); /* exactly one answer */
        guest_expect(g[0], "%s", told1(TOLD_LIMIT, "64"));
        guest_say(g[0], "after %d", too_long[i]);
        snprintf(said, sizeof said, "ann: after %d", too_long[i]);
        guests_expect(g, 2, said);
    }
    server_stop(s);
}

Test(limits, a_line_is_measured_after_decoding) {
    struct server *s = server_start("%sline_max = 100\n", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    guest_say(ann, "/encoding gbk");
    guest_say(ann, "ready");
    guest_until(ann, "ann: ready");
    ann->charset = "GBK";
    guest_say(ann, "%s", repeat("\xc4\xe3", 33)); /* 66 bytes of GBK, 99 of UTF-8 */
    char said[256] = "ann: ";
    strcat(said, repeat("你", 33));
    guest_expect(ann, "%s", said);
    guest_say(ann, "%s", repeat("\xc4\xe3", 34)); /* 68, 102 */
    guest_expect(ann, "%s", told(TOLD_TOO_LONG));
    guest_expect(ann, "%s", told1(TOLD_LIMIT, "100"));
    guest_say(ann, "next");
    guest_expect(ann, "ann: next");
    server_stop(s);
}

Test(limits, the_longest_line_of_the_largest_line_max) {
    struct server *s = server_start("%sline_max = 4096\n", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    guest_say(ann, "%s", repeat("y", 4096));
    guest_expect(ann, "ann: %s", repeat("y", 4096));
    guest_say(ann, "%s", repeat("y", 4097));
    guest_expect(ann, "%s", told(TOLD_TOO_LONG));
    guest_expect(ann, "%s", told1(TOLD_LIMIT, "4096"));
    server_stop(s);
}

/* The server may free the place shortly after the leave is sent: tries until a connection is
 * greeted. */
static struct guest *connect_when_free(struct server *s) {
    int64_t deadline = wait_deadline();
    for (;;) {
        struct guest *g = guest_connect(s);
        const char *line = guest_read(g);
        if (line && strcmp(line, told1(TOLD_GREETING, "Chatroom")) == 0)
            return g;
        guest_close(g);
        cr_assert_gt(wait_left_ms(deadline), 0, "the place was never free again");
        wait_breath();
    }
}

Test(limits, the_room_is_full) {
    struct server *s = server_start(SERVER_QUIET(4) "max_clients = 3\n");
    struct guest *g[3];
    static const char *const names[] = {"ann", "bob", "cat"};
    for (int i = 0; i < 3; i++) {
        g[i] = guest_enter(s, names[i]);
        guests_expect(g, i, told1(TOLD_COMES, names[i]));
    }
    for (int i = 0; i < 10; i++) {
        struct guest *more = guest_connect(s);
        guest_expect(more, "%s", told(TOLD_FULL));
        guest_expect_end(more);
    }
    guest_close(g[2]);
    guests_expect(g, 2, told1(TOLD_GOES, "cat"));
    struct guest *dan = connect_when_free(s);
    guest_say(dan, "login dan");
    guests_expect(g, 2, told1(TOLD_COMES, "dan"));
    struct guest *more = guest_connect(s);
    guest_expect(more, "%s", told(TOLD_FULL));
    server_stop(s);
}

/* Root may raise its hard limits by CAP_SYS_RESOURCE.  This process drops the capability, also from
 * the bounding set, so that its children cannot get it back.  Without any capability the calls fail
 * without effect. */
static void limits_drop_capability(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    uint32_t others = ~(1U << CAP_SYS_RESOURCE);
    prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE);
    if (syscall(SYS_capget, &header, data) != 0)
        return;
    data[0].effective &= others;
    data[0].permitted &= others;
    data[0].inheritable &= others;
    syscall(SYS_capset, &header, data);
}

/* Limits this process and its children to n descriptors. */
static void descriptors_at_most(rlim_t n) {
    struct rlimit limit = {n, n}, more = {n + 1, n + 1};
    limits_drop_capability();
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (setrlimit(RLIMIT_NOFILE, &more) == 0)
        skip_test("this process may raise any limit, and cannot give that up");
}

Test(limits, max_clients_is_lowered_to_what_the_system_allows) {
    descriptors_at_most(700);
    struct server *s = server_start("%smax_clients = 1000\n", server_quiet);
    unsigned lowered = 0;
    const char *line = strstr(server_logged(s, "max_clients lowered to "), "max_clients");
    cr_assert_eq(sscanf(line, "max_clients lowered to %u: the system allows 700", &lowered), 1);
    cr_assert(lowered > 0 && lowered < 700, "%u", lowered);
    struct guest *ann = guest_enter(s, "ann");
    server_configure(s, "%smax_clients = 1000\nroom = New\n", server_quiet);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"New\"");
    char *log = run_read_file(s->log);
    cr_assert(log && !strstr(log, "waits for a restart"), "nothing was changed: %s", log);
    free(log);
    guest_say(ann, "still here");
    guest_expect(ann, "ann: still here");
    server_stop(s);
}

Test(limits, too_few_descriptors_for_any_client_is_an_error) {
    static const rlim_t few[] = {384, 256, 200, 64};
    static struct ran ran;
    struct server *s = server_prepare();
    server_configure(s, "%smax_clients = 100\n", server_quiet);
    for (size_t i = 0; i < sizeof few / sizeof few[0]; i++) {
        char want[256];
        snprintf(want, sizeof want,
                 "the system allows %d descriptors (RLIMIT_NOFILE, ulimit -Hn): 385 are needed for "
                 "one client, and 484 for max_clients = 100\n",
                 (int)few[i]);
        descriptors_at_most(few[i]);
        run(&ran, run_server_path(), "-c", s->conf);
        cr_assert_eq(ran.status, 1);
        cr_assert(strstr(ran.err, want), "%s", ran.err);
    }
}

Test(limits, as_many_descriptors_as_one_client_needs_serve_one) {
    descriptors_at_most(385);
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_connect(s);
    guest_expect(bob, "%s", told(TOLD_FULL));
    guest_say(ann, "hello");
    guest_expect(ann, "ann: hello");
    server_stop(s);
}

/* Eight descriptors are kept for control connections, however full the room is. */
Test(limits, operators_are_served_where_the_descriptors_suffice_for_no_more_clients) {
    enum { CONTROLS = 8 };
    descriptors_at_most(400);
    int fd[CONTROLS], n = 0;
    char line[256];
    struct server *s = ctl_server("%s", server_quiet);
    const char *lowered = strstr(server_logged(s, "max_clients lowered to "), "max_clients");
    cr_assert_eq(sscanf(lowered, "max_clients lowered to %d:", &n), 1);
    for (int i = 0; i < n; i++)
        guest_expect(guest_connect(s), "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_expect(guest_connect(s), "%s", told(TOLD_FULL));
    for (int i = 0; i < CONTROLS; i++) {
        fd[i] = ctl_connect(s);
        cr_assert(ctl_line(fd[i], line));
        cr_assert_eq(strncmp(line, "chatroom-control 1 ", 19), 0, "%s", line);
    }
    for (int i = 0; i < CONTROLS; i++)
        close(fd[i]);
    server_stop(s);
}

Test(limits, connections_beyond_the_limit_of_one_address_are_refused) {
    struct server *s = server_start(SERVER_QUIET(4) "max_clients_per_address = 2\n");
    struct guest *g[2];
    for (int i = 0; i < 2; i++) {
        g[i] = guest_connect_as(s, .from = "127.0.0.2");
        guest_expect(g[i], "%s", told1(TOLD_GREETING, "Chatroom"));
    }
    for (int i = 0; i < 6; i++) { /* on any worker */
        struct guest *more = guest_connect_as(s, .from = "127.0.0.2");
        guest_expect(more, "%s", told(TOLD_ADDRESS_FULL));
        guest_expect_end(more);
    }
    struct guest *other = guest_connect_as(s, .from = "127.0.0.3");
    guest_expect(other, "%s", told1(TOLD_GREETING, "Chatroom"));
    server_stop(s);
}

Test(limits, too_slow_to_log_in) {
    struct server *s = server_start("%slogin_timeout = 1s\n", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct guest *g[3];
    for (int i = 0; i < 3; i++) {
        g[i] = guest_connect(s);
        guest_until(g[i], "%s", told(TOLD_HOW));
    }
    for (int i = 0; i < 3; i++) {
        guest_expect(g[i], "%s", told(TOLD_NO_LOGIN));
        guest_expect_end(g[i]);
    }
    guest_say(ann, "I am in");
    guest_expect(ann, "ann: I am in"); /* no join or leave was announced */
    server_stop(s);
}

/* Input before the login does not extend the login timeout. */
Test(limits, input_before_login_does_not_extend_the_login_timeout) {
    struct server *s = server_start("%slogin_timeout = 1s\n", server_quiet);
    static const char *const typed[] = {"x", "/help\r\n", "two words\r\n", "login ann\r\n"};
    struct guest *ann = guest_enter(s, "ann"), *g[4];
    for (int i = 0; i < 4; i++) {
        g[i] = guest_connect(s);
        guest_until(g[i], "%s", told(TOLD_HOW));
    }
    bool said = false;
    for (int64_t deadline = wait_deadline(); !said; wait_breath()) {
        cr_assert_gt(wait_left_ms(deadline), 0, "a stranger that sends stays for ever");
        said = true;
        for (int i = 0; i < 4; i++) {
            (void)!send(g[i]->fd, typed[i], strlen(typed[i]), MSG_NOSIGNAL | MSG_DONTWAIT);
            guest_pending(g[i]);
            said = said &&
                   memmem(g[i]->data, g[i]->len, told(TOLD_NO_LOGIN), strlen(told(TOLD_NO_LOGIN)));
        }
    }
    guest_say(ann, "I am in");
    guest_expect(ann, "ann: I am in");
    server_stop(s);
}

/* New connections wait in the listener's queue, and the log does not repeat the error for each. */
Test(limits, no_descriptor_left) {
    enum { WAITING = 40 };
    struct server *s = server_start("workers = 1\nhistory = 0\nflood_rate = 0\n");
    struct guest *ann = guest_enter(s, "ann"), *late[WAITING];
    struct rlimit few, usual;
    pid_t worker = server_worker_pid(s, 0);
    cr_assert_eq(prlimit(worker, RLIMIT_NOFILE, NULL, &usual), 0);
    few = (struct rlimit){.rlim_cur = 16, .rlim_max = usual.rlim_max};
    cr_assert_eq(prlimit(worker, RLIMIT_NOFILE, &few, NULL), 0);
    for (int i = 0; i < WAITING; i++)
        late[i] = guest_connect(s);
    server_logged(s, "connections wait in the queue");
    for (int i = 0; i < 100; i++) {
        guest_say(ann, "line %d", i);
        guest_expect(ann, "ann: line %d", i);
    }
    cr_assert_eq(prlimit(worker, RLIMIT_NOFILE, &usual, NULL), 0);
    for (int i = 0; i < WAITING; i++)
        guest_until(late[i], "%s", told(TOLD_HOW));
    char *log = run_read_file(s->log);
    int told_of = 0;
    for (const char *at = log; (at = strstr(at, "wait in the queue")); at++)
        told_of++;
    cr_assert_lt(told_of, WAITING, "the log tells it %d times", told_of);
    free(log);
    server_stop(s);
}

Test(limits, idle_too_long) {
    struct server *s = server_start("%sidle_timeout = 1s\n", server_quiet);
    struct guest *g[2] = {guest_enter(s, "ann"), guest_enter(s, "bob")};
    guest_expect(g[0], "%s", told1(TOLD_COMES, "bob"));
    for (int i = 0; i < 2; i++) {
        guest_until(g[i], "%s", told(TOLD_NO_WORD));
        while (guest_read(g[i]))
            ;
    }
    server_stop(s);
}

Test(limits, too_fast_is_slowed_but_loses_nothing) {
    struct server *s = server_start("workers = 2\nhistory = 0\nflood_rate = 20\nflood_burst = 5\n");
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    enum { LINES = 60 }; /* nearly three seconds at this rate */
    char all[LINES * 16], *end = all;
    for (int i = 0; i < LINES; i++)
        end += sprintf(end, "line %d\r\n", i);
    guest_send(ann, all, (size_t)(end - all));
    guest_expect(bob, "ann: line 0");
    guest_say(bob, "slow down");
    bool bob_heard = false;
    for (int next = 0; next < LINES || !bob_heard;) {
        const char *line = guest_next(ann);
        if (strcmp(line, "bob: slow down") == 0) {
            cr_assert_lt(next, LINES, "no line was delayed");
            bob_heard = true;
            continue;
        }
        char want[32];
        sprintf(want, "ann: line %d", next++);
        cr_assert_str_eq(line, want);
    }
    guest_say(ann, "done");
    guest_until(bob, "ann: done");
    server_stop(s);
}
