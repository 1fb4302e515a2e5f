/* e2e_reload.c - changes while clients talk: reload, log reopened, a worker killed; no client is
 * disturbed. */
#include "tests/lib/guest.h"
#include "tests/lib/network.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(reload, .timeout = 180);

enum { GUESTS = 8 };

static const char base[] = SERVER_QUIET(4);

static void fill(struct server *s, struct guest **g) {
    for (int i = 0; i < GUESTS; i++) {
        char name[32];
        sprintf(name, "guest%d", i);
        g[i] = guest_enter(s, name);
        guests_expect(g, i, told1(TOLD_COMES, name));
    }
}

/* Each guest says a line; all guests receive it, and nothing else. */
static void talk(struct guest **g, const char *what) {
    for (int i = 0; i < GUESTS; i++) {
        char line[64];
        guest_say(g[i], "%s %d", what, i);
        snprintf(line, sizeof line, "guest%d: %s %d", i, what, i);
        guests_expect(g, GUESTS, line);
    }
}

/* New guests connect one after the other, until one gets this greeting. */
static void greeted_at_last(struct server *s, const char *greeting) {
    int64_t deadline = wait_deadline();
    for (;;) {
        struct guest *g = guest_connect(s);
        bool found = strcmp(guest_next(g), greeting) == 0;
        guest_close(g);
        if (found)
            return;
        cr_assert_gt(wait_left_ms(deadline), 0, "no guest was greeted with \"%s\"", greeting);
        wait_breath();
    }
}

Test(reload, a_good_file_takes_effect_and_no_client_is_disconnected) {
    struct server *s = server_start("%sroom = Before\n", base);
    struct guest *g[GUESTS];
    fill(s, g);
    talk(g, "before");
    server_configure(s, "%sroom = After\n", base);
    guest_say(g[0], "now"); /* sent just before the signal */
    server_signal(s, SIGHUP);
    guests_expect(g, GUESTS, "guest0: now");
    greeted_at_last(s, told1(TOLD_GREETING, "After"));
    talk(g, "after");
    server_stop(s);
}

Test(reload, an_address_that_is_served_already_stays) {
    struct server *s = server_start("%sroom = Before\n", base); /* port 0: the kernel picks one */
    struct guest *g[GUESTS];
    fill(s, g);
    server_configure(s, "%sroom = After\nlisten = 127.0.0.1:%u\n", base, s->port);
    server_signal(s, SIGHUP);
    greeted_at_last(s, told1(TOLD_GREETING, "After"));
    talk(g, "after");
    server_stop(s);
}

/* New guests connect one after the other, until the reload that sets this room name is done.  Each
 * must be served. */
static void newcomers_until_reloaded(struct server *s, const char *room) {
    char ready[64];
    snprintf(ready, sizeof ready, "reloaded: room \"%s\"", room);
    bool done = false;
    for (int64_t deadline = wait_deadline(); !done;) {
        cr_assert_gt(wait_left_ms(deadline), 0, "never %s", ready);
        char *log = run_read_file(s->err);
        done = log && strstr(log, ready);
        free(log);
        for (int i = 0; i < 50; i++) {
            struct guest *g = guest_connect(s);
            guest_until(g, "%s", told(TOLD_HOW));
            guest_close(g);
        }
    }
}

/* From one address to all addresses and back, on the same port: it is open at every moment. */
Test(reload, a_wider_and_a_narrower_address_of_the_same_port) {
    static const char *const listen[] = {"[::]", "127.0.0.1", "0.0.0.0", "[::]", "0.0.0.0", "*"};
    network_own_ports();
    skip_unless_ipv6();
    struct server *s = server_start("%s", base); /* on 127.0.0.1 */
    struct guest *g[GUESTS];
    fill(s, g);
    for (size_t i = 0; i < sizeof listen / sizeof listen[0]; i++) {
        char room[32];
        snprintf(room, sizeof room, "Room %zu", i);
        server_configure(s, "%slisten = %s:%u\nroom = %s\n", base, listen[i], s->port, room);
        server_signal(s, SIGHUP);
        newcomers_until_reloaded(s, room);
        if (strcmp(listen[i], "127.0.0.1") != 0) { /* and on an address that was closed before */
            struct guest *wide = guest_connect_as(s, .to = "127.0.0.2");
            guest_until(wide, "%s", told(TOLD_HOW));
        }
    }
    server_logged(s, "no longer listening on [::]:");
    /* Closing a listener would lose the connections in its queue. */
    char *log = run_read_file(s->err);
    cr_assert(log && !strstr(log, "no longer listening on 127.0.0.1:"), "127.0.0.1 was closed");
    free(log);
    talk(g, "after");
    server_stop(s);
}

Test(reload, a_bad_file_changes_nothing_and_is_named) {
    struct server *s = server_start("%sroom = Before\n", base);
    struct guest *g[GUESTS];
    fill(s, g);
    server_configure(s, "%sroom = After\nhistory = many\n", base);
    server_signal(s, SIGHUP);
    server_logged(s, "%s:6: ", s->conf);
    talk(g, "after");
    struct guest *late = guest_connect(s);
    guest_expect(late, "%s", told1(TOLD_GREETING, "Before"));
    guest_close(late);
    server_configure(s, "%sroom = Mended\n", base);
    server_signal(s, SIGHUP);
    greeted_at_last(s, told1(TOLD_GREETING, "Mended"));
    talk(g, "mended");
    server_stop(s);
}

Test(reload, what_waits_for_a_restart_is_named) {
    struct server *s = server_start("%s", base);
    server_configure(s, "%sring_size = 1M\nmax_clients = 77\nroom = After\n", base);
    server_signal(s, SIGHUP);
    server_logged(s, "ring_size");
    server_logged(s, "max_clients");
    greeted_at_last(s, told1(TOLD_GREETING, "After")); /* the file's other changes take effect */
    server_stop(s);
}

Test(reload, language_and_line_max_change_for_clients_already_connected) {
    struct server *s = server_start("%s", base);
    struct guest *ann = guest_enter(s, "ann");
    server_configure(s, "%sline_max = 64\nlanguage = zh\n", base);
    server_signal(s, SIGHUP);
    greeted_at_last(s, told_in(ZH, TOLD_GREETING, "Chatroom", ""));
    char line[80];
    memset(line, 'x', 70);
    line[70] = '\0';
    bool refused = false; /* ann's worker may be the last to read the new configuration */
    for (int64_t deadline = wait_deadline(); !refused;) {
        cr_assert_gt(wait_left_ms(deadline), 0);
        guest_say(ann, "%s", line);
        refused = strcmp(guest_next(ann), told_in(ZH, TOLD_TOO_LONG, "", "")) == 0;
    }
    server_stop(s);
}

static bool pid_is_at(const struct server *s, const char *path) {
    char *text = run_read_file(path);
    bool here = text && atoi(text) == s->pid;
    free(text);
    return here;
}

Test(reload, the_pidfile_moves) {
    struct server *s = server_prepare();
    char path[2][400];
    for (int i = 0; i < 2; i++)
        snprintf(path[i], sizeof path[i], "%s/pid%d", s->dir, i);
    server_launch(s, "%sroom = A\n", base); /* no pidfile at first */
    server_configure(s, "%sroom = B\npidfile = %s\n", base, path[0]);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"B\"");
    cr_assert(pid_is_at(s, path[0]));
    server_configure(s, "%sroom = C\npidfile = %s\n", base, path[1]);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"C\"");
    cr_assert(pid_is_at(s, path[1]));
    cr_assert_neq(access(path[0], F_OK), 0);
    server_configure(s, "%sroom = X\npidfile = %s/nowhere/pid\n", base, s->dir);
    server_signal(s, SIGHUP);
    server_logged(s, "nowhere/: No such file or directory");
    server_logged(s, "reload failed; the old configuration stays in effect");
    int held = open(path[0], O_RDWR | O_CREAT, 0600);
    cr_assert_eq(flock(held, LOCK_EX), 0);
    server_configure(s, "%sroom = D\npidfile = %s\n", base, path[0]);
    server_signal(s, SIGHUP);
    server_logged(s, "another server holds it; the pid stays where it was");
    close(held);
    server_logged(s, "reloaded: room \"D\"");
    cr_assert(pid_is_at(s, path[1]));
    server_configure(s, "%sroom = E\n", base);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"E\"");
    cr_assert_neq(access(path[1], F_OK), 0);
    server_stop(s);
}

Test(reload, the_log_is_reopened) {
    struct server *s = server_prepare();
    snprintf(s->log, sizeof s->log, "%s/room.log", s->dir);
    server_launch(s, "%slog = %s\n", base, s->log);
    struct guest *ann = guest_enter(s, "ann");
    server_logged(s, "client %s connected", ann->endpoint);
    char old[400];
    snprintf(old, sizeof old, "%s.1", s->log);
    cr_assert_eq(rename(s->log, old), 0);
    server_signal(s, SIGUSR1);
    bool moved = false; /* the new file exists shortly before lines are written to it */
    for (int64_t d = wait_deadline(); !moved; wait_breath()) {
        cr_assert_gt(wait_left_ms(d), 0, "nothing is written to the new log");
        struct guest *late = guest_connect(s);
        guest_until(late, "%s", told(TOLD_HOW));
        char *log = run_read_file(s->log);
        moved = log && strstr(log, late->endpoint);
        free(log);
        guest_close(late);
    }
    guest_say(ann, "hello");
    guest_expect(ann, "ann: hello");
    server_stop(s);
}

Test(reload, a_killed_worker_is_replaced_and_no_client_notices) {
    struct server *s = server_start("%s", base);
    s->workers_may_die = true;
    struct guest *g[GUESTS];
    fill(s, g);
    for (int k = 0; k < 4; k++) {
        char name[32], old[64], mark[64];
        pid_t pid = server_worker_pid(s, k);
        kill(pid, SIGKILL);
        snprintf(mark, sizeof mark, "kill %d", k);
        talk(g, mark);
        snprintf(old, sizeof old, "worker %d: pid %d", k, pid);
        for (int64_t d = wait_deadline(); strstr(server_logged(s, "worker %d: pid ", k), old);) {
            cr_assert_gt(wait_left_ms(d), 0, "worker %d has no successor", k);
            wait_breath();
        }
        for (int i = 0; i < 8; i++) { /* some of them on the successor */
            sprintf(name, "late%d.%d", k, i);
            struct guest *late = guest_enter(s, name);
            guests_expect(g, GUESTS, told1(TOLD_COMES, name));
            guest_close(late);
            guests_expect(g, GUESTS, told1(TOLD_GOES, name));
        }
    }
    server_stop(s);
}

/* The server reserves descriptors for added addresses, so clients can still connect. */
Test(reload, adds_addresses_until_the_descriptors_end) {
    enum { ADDRESSES = 12, CLIENTS = 10 };
    network_own_ports();
    struct server *s = server_start("workers = 2\nmax_clients = %d\n", CLIENTS);
    struct guest *g[CLIENTS];
    char more[ADDRESSES * 40] = "";
    for (int i = 0; i < ADDRESSES; i++)
        snprintf(more + strlen(more), 40, "listen = 127.0.0.%d:%d\n", i + 2, s->port);
    server_configure(s, "workers = 2\nmax_clients = %d\nlisten = 127.0.0.1:%d\n%s", CLIENTS,
                     s->port, more);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"Chatroom\", listening on 127.0.0.1:%d, 127.0.0.2:%d",
                  s->port, s->port);
    for (int i = 0; i < CLIENTS; i++) {
        g[i] = guest_connect_as(s, .to = "127.0.0.3");
        guest_until(g[i], "%s", told(TOLD_HOW));
    }
    server_stop(s);
}

/* The configured path is a link to one of several versions of the file. */
Test(reload, follows_a_link_anew) {
    struct server *s = server_prepare();
    char linked[400], first[400], second[400];
    snprintf(first, sizeof first, "%s/first", s->dir);
    snprintf(second, sizeof second, "%s/second", s->dir);
    snprintf(linked, sizeof linked, "%s/current", s->dir);
    snprintf(s->conf, sizeof s->conf, "%.200s/current/conf", s->dir);
    cr_assert_eq(mkdir(first, 0700) | mkdir(second, 0700) | symlink(first, linked), 0);
    server_launch(s, "%sroom = First\n", base);
    cr_assert_eq(unlink(linked) | symlink(second, linked), 0);
    server_configure(s, "%sroom = Second\n", base);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"Second\"");
    server_stop(s);
}

/* A reload to `login = no` admits clients that were asked to log in, also one whose worker has not
 * seen the reload when it dies. */
Test(reload, opening_the_room_admits_a_client_whose_worker_dies_just_then) {
    struct server *s = server_start("%slogin = yes\n", SERVER_QUIET(1));
    s->workers_may_die = true;
    struct guest *ann = guest_connect(s);
    guest_until(ann, "Use \"login <nick>\"");
    pid_t worker = server_worker_pid(s, 0);
    cr_assert_eq(kill(worker, SIGSTOP), 0);
    server_configure(s, "%slogin = no\n", SERVER_QUIET(1));
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: ");
    cr_assert_eq(kill(worker, SIGKILL), 0);
    guest_until(ann, "%s", told1(TOLD_COMES, "127.0.0.1"));
    guest_say(ann, "here I am");
    guest_expect(ann, "here I am");
    server_stop(s);
}
