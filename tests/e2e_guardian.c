/* e2e_guardian.c - the process that is started watches over all others and is watched by them:
 * whichever dies, or is stopped, the server has one pid and no client notices. */
#include "ipc/clock.h"
#include "tests/lib/ctl.h"
#include "tests/lib/family.h"
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"
#include "tests/lib/usage.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(guardian, .timeout = 180);

struct room {
    struct server *s;
    struct guest *g[2];
    char pidfile[400];
    char conf[600];
    int said;
};

static struct room begin(const char *more) {
    struct room r = {.s = server_prepare()};
    snprintf(r.pidfile, sizeof r.pidfile, "%s/pid", r.s->dir);
    snprintf(r.conf, sizeof r.conf, "%spidfile = %s\n%s", server_quiet, r.pidfile, more);
    server_launch(r.s, "%sroom = First\n", r.conf);
    r.g[0] = guest_enter(r.s, "ann");
    r.g[1] = guest_enter(r.s, "bob");
    guest_expect(r.g[0], "%s", told1(TOLD_COMES, "bob"));
    return r;
}

static void talk(struct room *r) {
    char line[64];
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "line %d", r->said++);
        guest_say(r->g[i], "%s", line);
        guests_expect(r->g, 2, told2(TOLD_SPEECH, i ? "bob" : "ann", line));
    }
}

static void family(const struct room *r, struct family *f) {
    family_of(f, r->s->pid);
}

/* The pidfile names the guardian. */
static void is_in_pidfile(const struct room *r) {
    char *text = run_read_file(r->pidfile);
    cr_assert_eq(atoi(text), r->s->pid, "%s", text);
    free(text);
}

/* And so does every line of the log that names a pid: ready, ready again, upgraded, reloaded. */
static void names_one_pid(const struct room *r) {
    char named[32];
    is_in_pidfile(r);
    snprintf(named, sizeof named, " workers, pid %d", (int)r->s->pid);
    cr_assert_eq(server_log_count(r->s, named), server_log_count(r->s, " workers, pid "));
}

static void is_well(struct room *r) {
    talk(r);
    struct guest *cat = guest_enter(r->s, "cat");
    guests_expect(r->g, 2, told1(TOLD_COMES, "cat"));
    guest_close(cat);
    guests_expect(r->g, 2, told1(TOLD_GOES, "cat"));
    family_await(r->s->pid, "chatroom-master", 1);
    family_await_reaped(r->s->pid);
}

/* ---- a family ---- */

Test(guardian, is_the_parent_of_all) {
    struct room r = begin("");
    family_await(r.s->pid, "chatroom-master", 1);
    family_await(r.s->pid, "worker ", 2);
    struct family f;
    family(&r, &f);
    for (int i = 0; i < f.count; i++) {
        if (strcmp(f.member[i].name, "chatroom-master") == 0)
            cr_assert_eq(f.member[i].pid, server_master_pid(r.s));
    }
    names_one_pid(&r);
    server_stop(r.s);
}

Test(guardian, keeps_one_pid_over_all_that_may_come) {
    struct room r = begin("");
    for (int i = 0; i < 3; i++) {
        server_new_master(r.s);
        talk(&r);
        names_one_pid(&r);
    }
    r.s->workers_may_die = true;
    for (int i = 0; i < 3; i++) {
        int before = server_log_count(r.s, "upgraded: ");
        server_signal(r.s, SIGUSR2);
        server_logged_more(r.s, "upgraded: ", before);
        talk(&r);
        server_new_master(r.s);
        talk(&r);
        names_one_pid(&r);
    }
    is_well(&r);
    server_stop(r.s);
}

/* A new master takes nothing from the workers. */
Test(guardian, the_masters_death_replaces_no_worker) {
    struct room r = begin("");
    pid_t master = server_master_pid(r.s);
    for (int i = 0; i < 10; i++) {
        pid_t next = server_new_master(r.s);
        cr_assert_neq(next, master);
        master = next;
    }
    is_well(&r);
    server_stop(r.s); /* which fails if a worker was replaced */
}

static int oom_score(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
    char *text = run_read_file(path);
    cr_assert_not_null(text);
    int score = atoi(text);
    free(text);
    return score;
}

static void is_spared_last(const struct room *r) {
    int guardian = oom_score(r->s->pid), master;
    if (guardian > 900)
        skip_test("the score cannot be raised");
    for (int64_t deadline = wait_deadline();
         (master = oom_score(server_master_pid(r->s))) <= guardian; wait_breath())
        cr_assert_gt(wait_left_ms(deadline), 0, "the master is no better a victim");
    for (int k = 0; k < 2; k++) { /* it raises its score itself */
        for (int64_t deadline = wait_deadline(); oom_score(server_worker_pid(r->s, k)) <= master;) {
            cr_assert_gt(wait_left_ms(deadline), 0, "worker %d is no better a victim", k);
            wait_breath();
        }
    }
}

static void replaces_worker(const struct room *r, int k) {
    pid_t dead = server_worker_pid(r->s, k);
    kill(dead, SIGKILL);
    for (int64_t deadline = wait_deadline(); server_worker_pid(r->s, k) == dead; wait_breath())
        cr_assert_gt(wait_left_ms(deadline), 0);
}

/* When memory is short, the kernel kills a worker first, and the guardian last. */
Test(guardian, memory_takes_a_worker_first) {
    struct room r = begin("");
    r.s->workers_may_die = true;
    is_spared_last(&r);
    server_new_master(r.s);
    replaces_worker(&r, 0);
    is_spared_last(&r);
    server_new_guardian(r.s);
    replaces_worker(&r, 1);
    is_spared_last(&r);
    server_signal(r.s, SIGUSR2);
    server_logged(r.s, "upgraded: ");
    is_spared_last(&r);
    const pid_t both[] = {r.s->pid, server_master_pid(r.s)};
    server_new_guardian_of(r.s, both, 2);
    is_well(&r);
    is_spared_last(&r);
    server_stop(r.s);
}

/* ---- who replaces whom ---- */

Test(guardian, its_death_is_not_noticed) {
    struct room r = begin("");
    for (int i = 0; i < 5; i++) {
        pid_t master = server_master_pid(r.s), before = r.s->pid;
        server_new_guardian(r.s);
        cr_assert_neq(r.s->pid, before);
        cr_assert_eq(server_master_pid(r.s), master);
        talk(&r);
        is_in_pidfile(&r);
    }
    server_new_master(r.s);
    is_well(&r);
    is_in_pidfile(&r);
    server_stop(r.s);
}

Test(guardian, its_and_the_masters_death_are_not_noticed) {
    struct room r = begin("");
    for (int i = 0; i < 5; i++) {
        pid_t both[] = {r.s->pid, server_master_pid(r.s)};
        server_new_guardian_of(r.s, both, 2);
        talk(&r);
        family_await(r.s->pid, "chatroom-master", 1);
        is_in_pidfile(&r);
    }
    is_well(&r);
    server_stop(r.s);
}

static void kill_all_but_guardian(const struct room *r) {
    struct family f;
    family(r, &f);
    family_kill(&f, "", SIGKILL);
}

Test(guardian, the_death_of_all_others_is_not_noticed) {
    struct room r = begin("");
    r.s->workers_may_die = true;
    for (int i = 0; i < 10; i++) {
        int before = server_log_count(r.s, "ready again: ");
        guest_type(r.g[0], "half ");
        kill_all_but_guardian(&r);
        guest_type(r.g[0], "a line\r\n");
        guests_expect(r.g, 2, "ann: half a line");
        talk(&r);
        server_logged_more(r.s, "ready again: ", before);
        names_one_pid(&r);
    }
    family_await(r.s->pid, "worker ", 2);
    is_well(&r);
    server_stop(r.s);
}

/* The processes that are killed are not its children then. */
Test(guardian, the_death_of_all_others_after_its_own) {
    struct room r = begin("");
    r.s->workers_may_die = true;
    server_new_guardian(r.s);
    int before = server_log_count(r.s, "ready again: ");
    pid_t pid[] = {server_master_pid(r.s), server_worker_pid(r.s, 0), server_worker_pid(r.s, 1)};
    for (int i = 0; i < 3; i++)
        kill(pid[i], SIGKILL);
    talk(&r);
    server_logged_more(r.s, "ready again: ", before);
    is_well(&r);
    server_stop(r.s);
}

static void reloads(struct room *r, const char *room) {
    server_configure(r->s, "%sroom = %s\n", r->conf, room);
    server_signal(r->s, SIGHUP);
    server_logged(r->s, "reloaded: room \"%s\"", room);
}

Test(guardian, one_that_is_stopped_is_continued) {
    struct room r = begin("worker_timeout = 500ms\n");
    kill(r.s->pid, SIGSTOP);
    talk(&r);
    reloads(&r, "Second");
    is_well(&r);
    server_stop(r.s);
}

Test(guardian, one_that_is_stopped_with_the_master_is_continued) {
    struct room r = begin("worker_timeout = 500ms\n");
    kill(r.s->pid, SIGSTOP);
    kill(server_master_pid(r.s), SIGSTOP);
    talk(&r);
    reloads(&r, "Second");
    is_well(&r);
    server_stop(r.s);
}

Test(guardian, one_that_is_stopped_when_the_master_dies_is_continued) {
    struct room r = begin("worker_timeout = 500ms\n");
    kill(r.s->pid, SIGSTOP);
    kill(server_master_pid(r.s), SIGKILL);
    talk(&r);
    reloads(&r, "Second");
    is_well(&r);
    server_stop(r.s);
}

/* ---- a master that SIGCONT does not continue ---- */

/* Stops the process until it is killed; SIGCONT does not continue it. */
static void hold(pid_t pid) {
    int status;
    if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_EXITKILL) != 0)
        skip_test("this machine allows no ptrace: %s", strerror(errno));
    cr_assert_eq(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
    cr_assert_eq(waitpid(pid, &status, __WALL), pid);
    cr_assert(WIFSTOPPED(status));
}

/* The process that holds it is to reap it first, then its parent can. */
static void held_is_killed(pid_t pid) {
    int status;
    cr_assert_eq(waitpid(pid, &status, __WALL), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%x", status);
}

Test(guardian, a_master_that_stands_still_is_killed_and_replaced) {
    struct room r = begin("worker_timeout = 500ms\n");
    r.s->workers_may_die = true;
    pid_t master = server_master_pid(r.s);
    int before = server_log_count(r.s, "ready again: ");
    hold(master);
    talk(&r);
    server_logged(r.s, "the master stands still; killing it");
    held_is_killed(master);
    server_logged_more(r.s, "ready again: ", before);
    cr_assert_neq(server_master_pid(r.s), master);
    reloads(&r, "Second");
    is_well(&r);
    names_one_pid(&r);
    server_stop(r.s);
}

/* ---- signals ---- */

/* Hole 26: what is asked for while no master lives is done by the next one. */
Test(guardian, hole_26_a_hup_while_no_master_lives_is_done_by_the_next) {
    struct room r = begin("");
    for (int i = 0; i < 10; i++) {
        char room[16];
        snprintf(room, sizeof room, "Room%d", i);
        server_configure(r.s, "%sroom = %s\n", r.conf, room);
        kill(r.s->pid, SIGSTOP);
        kill(server_master_pid(r.s), SIGKILL);
        server_signal(r.s, SIGHUP);
        kill(r.s->pid, SIGCONT);
        server_logged(r.s, "reloaded: room \"%s\"", room);
        talk(&r);
    }
    is_well(&r);
    server_stop(r.s);
}

/* A master that dies of what it was asked for: the order is there for the next one. */
Test(guardian, hole_26_a_hup_of_a_master_that_is_stopped_is_done_by_the_next) {
    struct room r = begin("");
    server_configure(r.s, "%sroom = Second\n", r.conf);
    kill(server_master_pid(r.s), SIGSTOP);
    server_signal(r.s, SIGHUP);
    server_new_master(r.s);
    server_logged(r.s, "reloaded: room \"Second\"");
    is_well(&r);
    server_stop(r.s);
}

/* What is stopped could say no goodbye, and the end would take as long as it may. */
Test(guardian, who_is_stopped_takes_part_in_the_end) {
    struct room r = begin("");
    for (uint32_t i = 0; i < 2; i++)
        kill(server_worker_pid(r.s, i), SIGSTOP);
    kill(server_master_pid(r.s), SIGSTOP);
    uint64_t before = clock_ms();
    server_signal(r.s, SIGTERM);
    guest_until(r.g[0], "*** The server is going down.");
    guest_until(r.g[1], "*** The server is going down.");
    server_ended(r.s);
    cr_assert_lt(clock_ms() - before, 4000);
}

static bool has_pending(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = run_read_file(path), *at = text ? strstr(text, "ShdPnd:") : NULL;
    cr_assert_not_null(at);
    bool pending = strtoull(at + strlen("ShdPnd:"), NULL, 16) != 0;
    free(text);
    return pending;
}

static void until_read(pid_t pid) {
    for (int64_t deadline = wait_deadline(); has_pending(pid); wait_breath())
        cr_assert_gt(wait_left_ms(deadline), 0, "a signal is not read");
    usage_wait_state(pid, 'S');
}

Test(guardian, hole_26_ten_hups_are_one_reload) {
    struct room r = begin("worker_timeout = 60s\n");
    kill(server_master_pid(r.s), SIGSTOP);
    for (int i = 0; i < 10; i++) {
        server_signal(r.s, SIGHUP);
        until_read(r.s->pid);
    }
    kill(server_master_pid(r.s), SIGCONT);
    server_logged(r.s, "reloaded: ");
    server_signal(r.s, SIGUSR1);
    server_logged(r.s, "log reopened");
    cr_assert_eq(server_log_count(r.s, "reloaded: "), 1);
    talk(&r);
    server_stop(r.s);
}

/* The master makes another guardian and reloads at one moment: the pidfile names the new one. */
static void die_as_they_pass_reloads_on(bool move) {
    enum { TIMES = 40 };
    struct room r = begin("worker_timeout = 60s\n");
    server_adopt_orphans();
    for (int i = 0; i < TIMES; i++) {
        if (move) {
            snprintf(r.pidfile, sizeof r.pidfile, "%s/pid%d", r.s->dir, i % 2);
            server_configure(r.s, "%spidfile = %s\n", server_quiet, r.pidfile);
        }
        kill(server_master_pid(r.s), SIGSTOP);
        server_signal(r.s, SIGHUP);
        until_read(r.s->pid);
        server_signal(r.s, SIGKILL);
        kill(server_master_pid(r.s), SIGCONT);
        server_await_guardian(r.s);
        server_logged_more(r.s, "reloaded: ", i);
        is_in_pidfile(&r);
    }
    server_new_master(r.s);
    is_well(&r);
    server_stop(r.s);
}

Test(guardian, one_that_dies_as_it_passes_a_reload_on) {
    die_as_they_pass_reloads_on(false);
}

Test(guardian, one_that_dies_as_it_passes_a_reload_on_that_moves_the_pidfile) {
    die_as_they_pass_reloads_on(true);
}

/* All orders at once, and no master: each is done. */
Test(guardian, hole_26_orders_of_every_kind_wait_for_the_next_master) {
    struct room r = begin("");
    r.s->workers_may_die = true;
    kill(r.s->pid, SIGSTOP);
    kill(server_master_pid(r.s), SIGKILL);
    server_signal(r.s, SIGHUP);
    server_signal(r.s, SIGUSR1);
    server_signal(r.s, SIGUSR2);
    kill(r.s->pid, SIGCONT);
    server_logged(r.s, "reloaded: ");
    server_logged(r.s, "log reopened");
    server_logged(r.s, "upgraded: ");
    is_well(&r);
    server_stop(r.s);
}

/* Signals are for the guardian; those that reach its children are not obeyed. */
Test(guardian, a_signal_to_the_master_does_nothing) {
    static const int signals[] = {SIGHUP,  SIGUSR1, SIGUSR2, SIGTERM, SIGINT,
                                  SIGQUIT, SIGPWR,  SIGPIPE, SIGCHLD, SIGCONT};
    struct room r = begin("");
    pid_t master = server_master_pid(r.s);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        kill(master, signals[i]);
        talk(&r);
    }
    reloads(&r, "Second"); /* is done after them, if they were done */
    cr_assert_eq(server_master_pid(r.s), master);
    cr_assert_eq(server_log_count(r.s, "reloaded: "), 1);
    cr_assert_eq(server_log_count(r.s, "log reopened"), 0);
    cr_assert_eq(server_log_count(r.s, "upgrade"), 0);
    is_well(&r);
    server_stop(r.s);
}

/* ---- no process is left ---- */

Test(guardian, hole_26_reaps_whatever_dies) {
    struct room r = begin("");
    r.s->workers_may_die = true;
    for (int i = 0; i < 20; i++) {
        struct family f;
        family(&r, &f);
        family_kill(&f, i % 3 == 0 ? "chatroom-master" : i % 3 == 1 ? "worker " : "", SIGKILL);
        talk(&r);
    }
    family_await(r.s->pid, "worker ", 2);
    is_well(&r);
    server_stop(r.s);
}

static void in_own_namespace(struct server *s) {
    int before = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    char path[64];
    if (unshare(CLONE_NEWPID) != 0)
        skip_test("only root can make a pid namespace");
    server_configure(s, "%s", server_quiet);
    char *argv[] = {run_server_path(), "-c", s->conf, NULL};
    s->pid = run_start(HERE, argv, s->err, s->err);
    cr_assert_eq(setns(before, CLONE_NEWPID), 0);
    s->cleaner[1] = run_cleaner(HERE, s->pid, NULL);
    server_wait_ready(s);
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)s->pid);
    cr_assert_eq(setns(open(path, O_RDONLY | O_CLOEXEC), CLONE_NEWPID), 0);
}

/* Its parent ends at once; then the process itself. */
static void orphan(void) {
    pid_t parent = fork();
    if (parent == 0) {
        if (fork() == 0)
            usleep(1000);
        _exit(0);
    }
    waitpid(parent, NULL, 0);
}

/* As process 1 of a container: kills of all kinds, and orphans among them. */
Test(guardian, hole_26_as_process_1_it_keeps_all_and_reaps_all) {
    struct room r = {.s = server_prepare()};
    in_own_namespace(r.s);
    r.s->workers_may_die = true;
    r.g[0] = guest_enter(r.s, "ann");
    r.g[1] = guest_enter(r.s, "bob");
    guest_expect(r.g[0], "%s", told1(TOLD_COMES, "bob"));
    for (int i = 0; i < 60; i++) {
        struct family f;
        family(&r, &f);
        family_kill(&f, i % 3 == 0 ? "chatroom-master" : i % 3 == 1 ? "worker " : "", SIGKILL);
        orphan();
        talk(&r);
    }
    family_await(r.s->pid, "worker ", 2);
    family_await(r.s->pid, "", 3);
    is_well(&r);
    server_logged(r.s, "ready again: ");
    cr_assert_not_null(strstr(server_logged(r.s, "ready again: "), ", pid 1"));
    server_stop(r.s);
}

/* ---- SIGTERM at every moment ---- */

/* Of a server that was sent SIGTERM. */
static void ends(struct room *r) {
    guests_expect(r->g, 2, told(TOLD_GOING_DOWN));
    for (int i = 0; i < 2; i++)
        guest_expect_end(r->g[i]);
    server_ended(r->s);
}

Test(guardian, a_term_when_the_master_has_just_died) {
    struct room r = begin("");
    kill(server_master_pid(r.s), SIGKILL);
    server_signal(r.s, SIGTERM);
    ends(&r);
}

Test(guardian, a_term_when_the_master_is_stopped) {
    struct room r = begin("worker_timeout = 500ms\n");
    r.s->workers_may_die = true;
    kill(server_master_pid(r.s), SIGSTOP);
    server_signal(r.s, SIGTERM);
    ends(&r);
}

/* The guardian continues it. */
Test(guardian, a_term_when_the_master_stands_still_for_long) {
    struct room r = begin("worker_timeout = 1h\n");
    kill(server_master_pid(r.s), SIGSTOP);
    server_signal(r.s, SIGTERM);
    for (int64_t deadline = wait_deadline(); access(r.pidfile, F_OK) == 0; wait_breath())
        cr_assert_gt(wait_left_ms(deadline), 0);
    server_ended(r.s);
}

/* Waits until the guardian has ended; server_ended is still to reap it. */
static void until_ended(const struct room *r) {
    siginfo_t info = {0};
    for (int64_t deadline = wait_deadline(); info.si_pid == 0; wait_breath()) {
        cr_assert_gt(wait_left_ms(deadline), 0, "the server does not end");
        cr_assert_eq(waitid(P_PID, (id_t)r->s->pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    }
}

/* Its watchdog does not expire before, so no other master says goodbye to the clients. */
Test(guardian, a_term_when_the_master_cannot_be_continued) {
    struct room r = begin("worker_timeout = 1h\n");
    server_configure(r.s, "%scontrol = %s\n", r.conf, ctl_socket(r.s));
    server_signal(r.s, SIGHUP);
    server_logged(r.s, "reloaded: ");
    cr_assert_eq(access(ctl_socket(r.s), F_OK), 0);
    pid_t master = server_master_pid(r.s);
    hold(master);
    server_signal(r.s, SIGTERM);
    server_logged(r.s, "the server does not end; killing its processes");
    held_is_killed(master);
    for (int i = 0; i < 2; i++)
        guest_expect_end(r.g[i]);
    until_ended(&r);
    cr_assert_neq(access(r.pidfile, F_OK), 0);
    cr_assert_neq(access(ctl_socket(r.s), F_OK), 0);
    server_ended(r.s);
}

Test(guardian, a_term_when_all_others_have_just_died) {
    struct room r = begin("");
    r.s->workers_may_die = true;
    kill_all_but_guardian(&r);
    server_signal(r.s, SIGTERM);
    ends(&r);
}

Test(guardian, a_term_when_all_workers_are_stopped) {
    struct room r = begin("worker_timeout = 500ms\n");
    r.s->workers_may_die = true;
    for (int k = 0; k < 2; k++)
        kill(server_worker_pid(r.s, k), SIGSTOP);
    server_signal(r.s, SIGTERM);
    server_ended(r.s);
}

/* Its successor says goodbye to its clients. */
Test(guardian, a_worker_that_is_killed_while_the_server_ends) {
    struct room r = begin("worker_timeout = 1h\n");
    r.s->workers_may_die = true;
    pid_t worker = server_worker_pid(r.s, server_worker_of(r.s, r.g[0]->endpoint));
    kill(worker, SIGSTOP);
    server_signal(r.s, SIGTERM);
    server_logged(r.s, "saying goodbye");
    kill(worker, SIGKILL);
    ends(&r);
}

Test(guardian, a_term_after_its_own_death) {
    struct room r = begin("");
    server_new_guardian(r.s);
    server_signal(r.s, SIGTERM);
    ends(&r);
}

Test(guardian, a_term_after_its_own_and_the_masters_death) {
    struct room r = begin("");
    pid_t both[] = {r.s->pid, server_master_pid(r.s)};
    server_new_guardian_of(r.s, both, 2);
    server_signal(r.s, SIGTERM);
    ends(&r);
}

Test(guardian, a_term_while_it_is_stopped) {
    struct room r = begin("worker_timeout = 500ms\n");
    kill(r.s->pid, SIGSTOP);
    server_signal(r.s, SIGTERM);
    ends(&r);
}

Test(guardian, a_term_during_an_upgrade) {
    struct room r = begin("");
    r.s->workers_may_die = true;
    server_signal(r.s, SIGUSR2);
    server_signal(r.s, SIGTERM);
    ends(&r);
}

/* The master says goodbye, and is killed while it waits for a client that reads nothing. */
Test(guardian, a_master_that_is_killed_while_it_ends_the_server) {
    struct room r = begin("");
    pid_t master = server_master_pid(r.s);
    r.s->workers_may_die = true; /* its successor finds some that have ended */
    server_signal(r.s, SIGTERM);
    server_logged(r.s, "saying goodbye");
    kill(master, SIGKILL);
    ends(&r);
}

/* Detached, too. */
Test(guardian, detached_it_is_the_process_of_the_pidfile) {
    struct server *s = server_prepare();
    char pidfile[400];
    static struct ran ran;
    snprintf(pidfile, sizeof pidfile, "%s/pid", s->dir);
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    server_configure(s, "%spidfile = %s\nlog = %s\n", server_quiet, pidfile, s->log);
    server_adopt_orphans();
    run(&ran, run_server_path(), "-d", "-c", s->conf);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    char *text = run_read_file(pidfile);
    cr_assert_not_null(text);
    s->pid = (pid_t)atoi(text);
    free(text);
    s->cleaner[1] = run_cleaner(HERE, getpgid(s->pid), NULL);
    server_wait_ready(s);
    struct room r = {.s = s, .g = {guest_enter(s, "ann"), guest_enter(s, "bob")}};
    snprintf(r.pidfile, sizeof r.pidfile, "%s", pidfile);
    guest_expect(r.g[0], "%s", told1(TOLD_COMES, "bob"));
    server_new_master(s);
    talk(&r);
    s->workers_may_die = true;
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: ");
    is_well(&r);
    names_one_pid(&r);
    server_stop(s);
}

/* It dies with its guardian only until the first worker of the new binary is there. */
Test(guardian, the_master_of_an_upgrade_outlives_it) {
    struct server *s = server_start("%s", server_quiet);
    s->workers_may_die = true;
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: ");
    struct guest *ann = guest_enter(s, "ann");
    for (int i = 0; i < 2; i++) { /* after the second, the master has looked since */
        int before = server_log_count(s, "reloaded: ");
        server_signal(s, SIGHUP);
        server_logged_more(s, "reloaded: ", before);
    }
    pid_t master = server_master_pid(s);
    server_new_guardian(s);
    cr_assert_eq(server_log_count(s, "guardian and master are dead"), 0);
    cr_assert_eq(server_log_count(s, "the guardian is dead; starting another"), 1);
    cr_assert_eq(server_master_pid(s), master);
    guest_say(ann, "hello");
    guest_expect(ann, "ann: hello");
    server_stop(s);
}
