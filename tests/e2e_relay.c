/* e2e_relay.c - the relay's process under its master: a room whose engine is not there goes on as
 * if there were none, whatever becomes of the process; and what the control tool shows of it. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(relay, .timeout = 180);

#define CONF SERVER_QUIET(2) "node = paris\nrelay = redis://:secret@127.0.0.1:%d\n"

/* A port of this test alone, at which nothing listens. */
static int nobody(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    return ntohs(at.sin_port);
}

static pid_t relay_pid(struct server *s) {
    return (pid_t)atoi(strstr(server_logged(s, "relay: pid "), "pid ") + 4);
}
static int relays(const struct server *s) {
    return server_log_count(s, "relay: pid ");
}

static void until_log_has(const struct server *s, const char *text, int count) {
    int64_t deadline = wait_deadline();
    while (server_log_count(s, text) < count) {
        cr_assert_gt(wait_left_ms(deadline), 0, "%d times %s", count, text);
        wait_breath();
    }
}

/* The next line but for the one that the link is down, which comes when it has been for a while. */
static void hears(struct guest *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void hears(struct guest *g, const char *fmt, ...) {
    char want[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(want, sizeof want, fmt, args);
    va_end(args);
    const char *line;
    do
        line = guest_next(g);
    while (strcmp(line, "*** The link to the other machines is down.") == 0);
    cr_assert_str_eq(line, want);
}

static int said;
static void talk(struct guest *ann, struct guest *bob, int lines) {
    for (int i = 0; i < lines; i++) {
        guest_say(ann, "%d", said);
        hears(bob, "ann: %d", said++);
    }
}

struct room {
    struct server *s;
    struct guest *ann, *bob;
};
static struct room begin(const char *more) {
    struct room r = {.s = server_prepare()};
    server_launch(r.s, CONF "control = %s\n%s", nobody(), ctl_socket(r.s), more);
    r.ann = guest_enter(r.s, "ann");
    r.bob = guest_enter(r.s, "bob");
    relay_pid(r.s);
    return r;
}

/* Stops the server; neither was it waited for in vain, nor is the password in the log. */
static void end(struct room *r) {
    static char text[1 << 20];
    int fd = open(r->s->log, O_RDONLY | O_CLOEXEC);
    server_stop(r->s);
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    cr_assert_gt(n, 0);
    text[n] = '\0';
    close(fd);
    cr_assert(strstr(text, ": ended\n"), "%s", text);
    cr_assert_null(strstr(text, "it does not end"));
    cr_assert_null(strstr(text, "secret"));
}

/* ---- a life ---- */

Test(relay, a_room_without_its_engine_serves_and_ends) {
    struct room r = begin("");
    talk(r.ann, r.bob, 10);
    cr_assert_eq(relays(r.s), 1);
    end(&r);
}

Test(relay, a_death_of_it_loses_and_doubles_nothing) {
    struct room r = begin("");
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 20; k++)
            guest_say(r.ann, "%d", said + k);
        int before = relays(r.s);
        cr_assert_eq(kill(relay_pid(r.s), SIGKILL), 0);
        for (int k = 0; k < 20; k++)
            hears(r.bob, "ann: %d", said++);
        until_log_has(r.s, "relay: pid ", before + 1);
    }
    server_logged(r.s, "relay was killed by signal 9 (Killed); replacing it");
    end(&r);
}

/* Nothing rings its bell meanwhile. */
Test(relay, one_that_was_stopped_is_replaced_though_nobody_talks) {
    struct room r = begin("worker_timeout = 300ms\n");
    ctl_until(r.s, ", serving\n", "status");
    kill(relay_pid(r.s), SIGSTOP);
    until_log_has(r.s, "relay has stood still for ", 1);
    until_log_has(r.s, "relay: pid ", 2);
    talk(r.ann, r.bob, 3);
    end(&r);
}

static void say_long(const struct room *r, int lines) {
    char line[1001];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    for (int i = 0; i < lines; i++) {
        guest_say(r->ann, "%s", line);
        hears(r->bob, "ann: %s", line);
    }
}

/* The ring is full long before the stopped one is replaced, and waits for it. */
Test(relay, one_that_was_stopped_holds_the_room_no_longer_than_a_worker) {
    struct room r = begin("worker_timeout = 300ms\nring_size = 64K\nslow_client = skip\n");
    kill(relay_pid(r.s), SIGSTOP);
    say_long(&r, 200);
    server_logged(r.s, "relay has stood still for ");
    end(&r);
}

/* Entries of the ledger where ring_size is 64K. */
enum { LEDGER = 1024, AT_ONCE = 100 };

static void say_many(const struct room *r, int lines) {
    for (int done = 0; done < lines; done += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++)
            guest_say(r->ann, "%d", said + i);
        for (int i = 0; i < AT_ONCE; i++)
            hears(r->bob, "ann: %d", said++);
    }
}

/* Killed again and again before it has lived for long: the master waits before it starts another,
 * and the room must not wait for that, though the relay had entered it.  More is said than the
 * ledger holds before the next begins; on a slow machine it may begin sooner, or not have entered
 * in time, and the room is tried again. */
Test(relay, one_that_dies_at_its_start_holds_nothing) {
    struct room r = begin("ring_size = 64K\n");
    int64_t deadline = wait_deadline();
    for (bool well = false; !well;) {
        int before = relays(r.s);
        bool pauses = server_log_count(r.s, "the relay dies at its start; ") > 0;
        bool entered = pauses && strstr(ctl_run(r.s, "status")->out, ", serving\n");
        kill(relay_pid(r.s), SIGKILL);
        if (entered) {
            say_many(&r, LEDGER + 100);
            well = relays(r.s) == before;
        }
        until_log_has(r.s, "relay: pid ", before + 1);
        cr_assert_gt(wait_left_ms(deadline), 0);
    }
    ctl_until(r.s, ", serving\n", "status");
    talk(r.ann, r.bob, 3);
    end(&r);
}

Test(relay, the_server_ends_in_time_though_it_hangs) {
    struct room r = begin("worker_timeout = 1h\n");
    kill(relay_pid(r.s), SIGSTOP);
    server_signal(r.s, SIGTERM);
    server_logged(r.s, "relay: it does not end");
    server_ended(r.s);
}

Test(relay, goes_on_when_the_binary_is_replaced_and_when_the_master_dies) {
    struct room r = begin("");
    r.s->workers_may_die = true;
    talk(r.ann, r.bob, 3);
    kill(r.s->pid, SIGUSR2);
    server_logged(r.s, "upgraded: ");
    until_log_has(r.s, "relay: pid ", 2);
    talk(r.ann, r.bob, 3);
    ctl_until(r.s, ", serving\n", "status"); /* one that has not entered is started anew */
    pid_t relay = relay_pid(r.s);
    server_new_master(r.s);
    talk(r.ann, r.bob, 3);
    cr_assert_eq(relay_pid(r.s), relay, "the new master found it");
    server_new_guardian(r.s);
    talk(r.ann, r.bob, 3);
    cr_assert_eq(relay_pid(r.s), relay, "the new guardian is not its parent");
    kill(relay, SIGKILL);
    until_log_has(r.s, "relay: pid ", 3);
    talk(r.ann, r.bob, 3);
    ctl_ok(r.s, "shutdown");
    server_ended(r.s);
}

/* HOLES 10: it starts nothing but look-ups, and a filter says so. */
Test(relay, can_start_no_program) {
    struct room r = begin("");
    char path[64];
    ctl_until(r.s, ", serving\n", "status");
    snprintf(path, sizeof path, "/proc/%d/status", (int)relay_pid(r.s));
    char *status = run_read_file(path), *filter = strstr(status, "\nSeccomp:\t");
    int mode = filter ? atoi(filter + 10) : 0;
    free(status);
    if (server_log_count(r.s, "no filter of system calls") > 0 || mode == 0)
        skip_test("this build or machine has no filter");
    cr_assert_eq(mode, 2);
    end(&r);
}

/* HOLES 1: it has a table of its own, in which a number of the segment may be another file. */
Test(relay, has_a_table_of_its_own_and_names_itself) {
    struct room r = begin("");
    kill(relay_pid(r.s), SIGKILL); /* the successor's master has clients' sockets */
    until_log_has(r.s, "relay: pid ", 2);
    ctl_until(r.s, ", serving\n", "status");
    char path[64], target[256], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)relay_pid(r.s));
    char *comm = run_read_file(path);
    snprintf(name, sizeof name, "%s", comm);
    free(comm);
    cr_assert_str_eq(name, "relay\n");
    snprintf(path, sizeof path, "/proc/%d/fd", (int)relay_pid(r.s));
    DIR *dir = opendir(path);
    int sockets = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        cr_expect(!strstr(target, "pidfd") && !strstr(target, "eventpoll"), "%s is %s",
                  entry->d_name, target);
        sockets += strstr(target, "socket") != NULL;
    }
    closedir(dir);
    cr_assert_leq(sockets, 2, "its own, but no listener and no client's");
    end(&r);
}

/* ---- reload ---- */

static void reload(struct room *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void reload(struct room *r, const char *fmt, ...) {
    char more[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(more, sizeof more, fmt, args);
    va_end(args);
    server_configure(r->s, SERVER_QUIET(2) "control = %s\n%s", ctl_socket(r->s), more);
    ctl_ok(r->s, "reload");
}

Test(relay, a_reload_adds_changes_and_removes_it) {
    struct room r = {.s = server_prepare()};
    int port = nobody();
    server_launch(r.s, SERVER_QUIET(2) "control = %s\n", ctl_socket(r.s));
    r.ann = guest_enter(r.s, "ann");
    r.bob = guest_enter(r.s, "bob");
    cr_assert_eq(relays(r.s), 0);
    reload(&r, "node = paris\nrelay = redis://127.0.0.1:%d\n", port);
    until_log_has(r.s, "relay: pid ", 1);
    talk(r.ann, r.bob, 3);
    reload(&r, "node = paris\nrelay = redis://127.0.0.1:%d\nrelay_keep = 5000\n", port);
    reload(&r, "node = paris\nrelay = redis://127.0.0.1:%d\n", port);
    reload(&r, "node = rome\nrelay = redis://127.0.0.1:%d\n", port);
    until_log_has(r.s, "relay: pid ", 2);
    ctl_until(r.s, " as rome (", "status");
    reload(&r, "node = rome\nrelay = redis://:pass@127.0.0.1:%d/1\n", port);
    until_log_has(r.s, "relay: pid ", 3);
    talk(r.ann, r.bob, 3);
    reload(&r, "node = rome\n");
    int64_t deadline = wait_deadline();
    while (strstr(ctl_ok(r.s, "status", "--json")->out, "\"relay\":{"))
        cr_assert_gt(wait_left_ms(deadline), 0);
    talk(r.ann, r.bob, 3);
    cr_assert_null(strstr(ctl_ok(r.s, "status")->out, "relay"));
    reload(&r, "node = rome\nrelay = redis://127.0.0.1:%d\n", port);
    until_log_has(r.s, "relay: pid ", 4);
    talk(r.ann, r.bob, 3);
    cr_assert_eq(relays(r.s), 4, "relay_keep is adopted in place");
    cr_assert_eq(server_log_count(r.s, "replacing it"), 0);
    end(&r);
}

Test(relay, a_reload_with_a_mistake_changes_nothing) {
    struct room r = begin("");
    server_configure(r.s, SERVER_QUIET(2) "control = %s\nrelay = redis://u:secret@h:x\nnode = X\n",
                     ctl_socket(r.s));
    const struct ran *ran = ctl_run(r.s, "reload");
    cr_assert_eq(ran->status, 1);
    cr_assert(strstr(ran->err, ": relay: address 1: its port is not a number from 1 to 65535"),
              "%s", ran->err);
    cr_assert(strstr(ran->err, ": node: \"X\" is no machine's name"), "%s", ran->err);
    cr_assert_null(strstr(ran->err, "secret"));
    talk(r.ann, r.bob, 3);
    cr_assert_eq(relays(r.s), 1);
    end(&r);
}

/* It has the log's old file in its own table. */
Test(relay, writes_to_the_log_that_was_reopened) {
    struct server *s = server_prepare();
    char moved[700];
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    snprintf(moved, sizeof moved, "%s/log.1", s->dir);
    server_launch(s, CONF "log = %s\n", nobody(), s->log);
    pid_t before = relay_pid(s);
    cr_assert_eq(rename(s->log, moved), 0);
    server_signal(s, SIGUSR1);
    cr_assert_neq(relay_pid(s), before);
    cr_assert_eq(server_log_count(s, "replacing it"), 0);
    server_stop(s);
}

/* ---- what is shown of it ---- */

Test(relay, status_top_and_metrics_have_it) {
    struct room r = begin("");
    const char *out = ctl_until(r.s, ", serving\n", "status");
    const char *row = strstr(out, "\nrelay          down for ");
    cr_assert(row, "%s", out);
    cr_assert(strstr(row, " as paris ("), "%s", out);
    cr_assert(strstr(row, ", lag "), "%s", out);
    cr_assert(strstr(row, ", out 0, in 0, skipped 0/0; pid "), "%s", out);
    cr_assert_null(strstr(out, "secret"));
    out = ctl_until(r.s, "\"link\":{\"up\":false,\"node\":\"paris\",", "status", "--json");
    cr_assert(strstr(out, "\"machines\":[]}"), "%s", out);
    cr_assert(strstr(out, "\"relay\":{\"pid\":"), "%s", out);
    cr_assert_null(strstr(out, "secret"));
    out = ctl_until(r.s, "\nMachines     0 of 0 in reach ", "top", "--once");
    cr_assert(strstr(out, "  link DOWN"), "%s", out);
    cr_assert(strstr(out, "\nrelay "), "%s", out);
    out = ctl_until(r.s, "\nchatroom_relay_up 0\n", "metrics");
    cr_assert(strstr(out, "\nchatroom_relay_lag_items "), "%s", out);
    end(&r);
}

Test(relay, without_one_nothing_is_shown_of_it) {
    struct server *s = ctl_server("%s", server_quiet);
    cr_assert_null(strstr(ctl_ok(s, "status")->out, "relay"));
    cr_assert_null(strstr(ctl_ok(s, "status", "--json")->out, "relay"));
    cr_assert_null(strstr(ctl_ok(s, "top", "--once")->out, "Machines"));
    server_stop(s);
}
