/* e2e_upgrade.c - an upgrade replaces the running binary, or is refused; a master that is killed or
 * stopped has a successor.  No client notices. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(upgrade, .timeout = 180);
TestSuite(master_failover, .timeout = 180);

struct running {
    struct server *s;
    struct guest *g[2];
    char binary[400], pidfile[400];
};

static void copy(const char *from, const char *to) {
    static struct ran ran;
    run(&ran, "cp", (char *)from, (char *)to);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
}

/* A server with its own copy of the binary, which the test can replace, and two clients, one of
 * which has typed half a line. */
static struct running start(void) {
    struct running r;
    r.s = server_prepare();
    snprintf(r.binary, sizeof r.binary, "%s/chatroom-master", r.s->dir);
    snprintf(r.pidfile, sizeof r.pidfile, "%s/pid", r.s->dir);
    copy(run_server_path(), r.binary);
    r.s->binary = r.binary;
    r.s->workers_may_die = true;
    server_launch(r.s, "%sworker_timeout = 500ms\npidfile = %s\n", server_quiet, r.pidfile);
    r.g[0] = guest_enter(r.s, "ann");
    r.g[1] = guest_enter(r.s, "bob");
    guest_expect(r.g[0], "%s", told1(TOLD_COMES, "bob"));
    guest_type(r.g[0], "hel");
    return r;
}

static void go_on(struct running *r) {
    guest_type(r->g[0], "lo\r\n");
    guests_expect(r->g, 2, "ann: hello");
    guest_say(r->g[1], "still here");
    guests_expect(r->g, 2, "bob: still here");
    struct guest *late = guest_enter(r->s, "cat");
    guests_expect(r->g, 2, told1(TOLD_COMES, "cat"));
    guest_close(late);
    guests_expect(r->g, 2, told1(TOLD_GOES, "cat"));
}

/* The new binary is a script: it runs `check` when the old master asks whether it agrees, and
 * `then` when it is started. */
static void replace_by(struct running *r, const char *check, const char *then) {
    char text[1000], fresh[420];
    snprintf(text, sizeof text, "#!/bin/sh\nif [ -n \"$CHATROOM_CHECK\" ]; then %s; fi\n%s\n",
             check, then);
    snprintf(fresh, sizeof fresh, "%s.new", r->binary);
    run_write_file(HERE, fresh, text);
    cr_assert_eq(chmod(fresh, 0700), 0);
    cr_assert_eq(rename(fresh, r->binary), 0);
}

Test(upgrade, keeps_connections_and_half_typed_lines) {
    struct running r = start();
    char fresh[420];
    snprintf(fresh, sizeof fresh, "%s.new", r.binary);
    copy(run_server_path(), fresh);
    cr_assert_eq(rename(fresh, r.binary), 0);
    server_signal(r.s, SIGUSR2);
    server_logged(r.s, "upgraded: room \"Chatroom\"");
    go_on(&r);
    server_stop(r.s);
}

static void refused(const char *check, const char *why) {
    struct running r = start();
    replace_by(&r, check, "exit 0");
    server_signal(r.s, SIGUSR2);
    server_logged(r.s, "upgrade refused: %s; going on as before", why);
    go_on(&r);
    server_stop(r.s);
}

Test(upgrade, a_binary_that_does_not_agree_is_refused) {
    refused("echo its layout is another >&2; exit 1", "its layout is another");
}
Test(upgrade, a_binary_without_an_answer_is_refused) {
    refused("exit 0", "it is no chatroom-master: it ended with status 0 and no answer");
}
Test(upgrade, a_file_that_is_no_program_is_refused) {
    struct running r = start();
    run_write_file(HERE, r.binary, "nothing that runs\n");
    cr_assert_eq(chmod(r.binary, 0700), 0);
    server_signal(r.s, SIGUSR2);
    server_logged(r.s, "Exec format error; going on as before");
    go_on(&r);
    server_stop(r.s);
}

/* The new binary closes standard error, a pipe to the old master, and does not end. */
Test(upgrade, a_binary_that_never_answers_is_refused) {
    refused("exec 2>&-; exec sleep 60", "no answer within 2000 ms");
}

/* A reload has told a worker to retire, but it was stopped, and the upgrade killed it: another
 * worker must be started in its slot, to move its clients. */
Test(upgrade, refused_late_it_replaces_a_worker_that_was_retiring) {
    struct running r = start();
    struct guest *g;
    char check[700];
    do
        g = guest_connect_as(r.s, .from = guest_own_address());
    while (server_worker_of(r.s, g->endpoint) != 1);
    guest_until(g, "%s", told(TOLD_HOW));
    snprintf(check, sizeof check, "chmod a-x '%s'; exec '%s' \"$@\"", r.binary, run_server_path());
    replace_by(&r, check, "exit 0");
    kill(server_worker_pid(r.s, 1), SIGSTOP);
    server_configure(r.s, SERVER_QUIET(1) "pidfile = %s\n", r.pidfile);
    server_signal(r.s, SIGHUP);
    server_logged(r.s, "reloaded");
    server_signal(r.s, SIGUSR2);
    server_logged(r.s, "Permission denied");
    guest_say(g, "login eve");
    guest_until(g, "%s", told1(TOLD_COMES, "eve"));
    guests_expect(r.g, 2, told1(TOLD_COMES, "eve"));
    server_stop(r.s);
}

/* Both signals at once: the upgraded master finds the second one pending. */
Test(upgrade, a_signal_meanwhile_is_not_lost) {
    struct running r = start();
    server_signal(r.s, SIGUSR2);
    server_signal(r.s, SIGTERM);
    guests_expect(r.g, 2, told(TOLD_GOING_DOWN));
    server_logged(r.s, "upgraded: room \"Chatroom\"");
    server_ended(r.s);
}

/* The path of the binary is a link to one of several versions. */
Test(upgrade, a_link_is_followed_anew) {
    struct server *s = server_prepare();
    char linked[400], fresh[420], first[400];
    snprintf(first, sizeof first, "%s/first", s->dir);
    snprintf(linked, sizeof linked, "%s/current", s->dir);
    snprintf(fresh, sizeof fresh, "%s.new", linked);
    copy(run_server_path(), first);
    cr_assert_eq(symlink(first, linked), 0);
    s->binary = linked;
    s->workers_may_die = true;
    server_launch(s, "%s", server_quiet);
    run_write_file(HERE, fresh, "#!/bin/sh\necho the second >&2\nexit 1\n");
    cr_assert_eq(chmod(fresh, 0700), 0);
    cr_assert_eq(rename(fresh, linked), 0);
    server_signal(s, SIGUSR2);
    server_logged(s, "upgrade refused: the second; going on as before");
    server_stop(s);
}

/* Reload and end are done by the process that the pidfile and the ready lines name. */
static void obeys(struct running *r) {
    char *text = run_read_file(r->pidfile);
    cr_assert_eq(atoi(text), r->s->pid, "%s", text);
    free(text);
    server_signal(r->s, SIGHUP);
    server_logged(r->s, "reloaded: room \"Chatroom\"");
    server_signal(r->s, SIGTERM);
    guests_expect(r->g, 2, told(TOLD_GOING_DOWN));
    server_ended(r->s);
}

/* The new binary agreed, and the workers have been stopped.  Then it is gone, and its process with
 * it: the master that has waited starts another guardian. */
static void goes_back(const char *then) {
    struct running r = start();
    char check[600];
    snprintf(check, sizeof check, "exec '%s' \"$@\"", run_server_path());
    replace_by(&r, check, then);
    server_adopt_orphans();
    server_signal(r.s, SIGUSR2);
    server_await_guardian(r.s);
    go_on(&r);
    obeys(&r);
}

Test(upgrade, a_binary_that_dies_at_once_is_undone) {
    goes_back("kill -9 $$");
}
Test(upgrade, a_binary_that_gives_up_at_once_is_undone) {
    goes_back("exit 1");
}
Test(upgrade, a_binary_that_hangs_is_undone) {
    goes_back("kill -STOP $$");
}

/* ---- a master that is killed or stopped ---- */

Test(master_failover, a_master_that_is_killed) {
    struct running r = start();
    r.s->workers_may_die = false;
    server_new_master(r.s);
    go_on(&r);
    obeys(&r);
}

/* It has a successor, and no worker is touched. */
static void stopped(struct running *r, pid_t worker, int signal) {
    int before = server_log_count(r->s, "ready again: ");
    kill(server_master_pid(r->s), SIGSTOP);
    if (worker != 0)
        kill(worker, signal);
    server_logged_more(r->s, "ready again: ", before);
    go_on(r);
    obeys(r);
}

Test(master_failover, a_master_that_is_stopped) {
    struct running r = start();
    r.s->workers_may_die = false;
    stopped(&r, 0, 0);
}
/* It is not lost with the master that was to do it. */
Test(master_failover, a_sigterm_while_the_master_is_stopped) {
    struct running r = start();
    kill(server_master_pid(r.s), SIGSTOP);
    server_signal(r.s, SIGTERM);
    guests_expect(r.g, 2, told(TOLD_GOING_DOWN));
    server_ended(r.s);
}
Test(master_failover, a_master_and_a_worker_that_are_stopped) {
    struct running r = start();
    stopped(&r, server_worker_pid(r.s, 0), SIGSTOP);
}
Test(master_failover, a_worker_that_dies_while_the_master_is_stopped) {
    struct running r = start();
    stopped(&r, server_worker_pid(r.s, 0), SIGKILL);
}
/* Ctrl-Z at a terminal stops all processes, and `fg` continues them: none is to be replaced. */
Test(master_failover, a_server_that_is_stopped_as_a_whole) {
    struct running r = start();
    r.s->workers_may_die = false;
    kill(-r.s->pid, SIGSTOP);
    sleep(4); /* not a wait for an event: the elapsed time is what is tested */
    kill(-r.s->pid, SIGCONT);
    go_on(&r);
    server_stop(r.s);
}
