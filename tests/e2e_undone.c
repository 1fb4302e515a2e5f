/* e2e_undone.c - an upgrade whose new binary agrees and then fails before its first worker serves:
 * the server goes back to the binary before, and no client notices.
 *
 * The new binary is the server's own with a library that makes it fail (tests/preload/crasher.c);
 * the one to go back to is a copy of it. */
#include "tests/lib/ctl.h"
#include "tests/lib/family.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef __SANITIZE_ADDRESS__ /* which handles the signals itself */
#ifndef __SANITIZE_THREAD__

TestSuite(undone, .timeout = 180);

struct undone {
    struct server *s;
    struct guest *g[2];
    char binary[400], pidfile[400], began[400];
};

static void copy(const char *from, const char *to) {
    static struct ran ran;
    run(&ran, "cp", (char *)from, (char *)to);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
}

/* `from`: the binary to go back to. */
static struct undone start(const char *from) {
    struct undone u;
    u.s = server_prepare();
    snprintf(u.binary, sizeof u.binary, "%s/chatroom-master", u.s->dir);
    snprintf(u.pidfile, sizeof u.pidfile, "%s/pid", u.s->dir);
    snprintf(u.began, sizeof u.began, "%s/began", u.s->dir);
    copy(from, u.binary);
    u.s->binary = u.binary;
    u.s->workers_may_die = true;
    server_launch(u.s, "%sworker_timeout = 500ms\npidfile = %s\ncontrol = %s\n", server_quiet,
                  u.pidfile, ctl_socket(u.s));
    u.g[0] = guest_enter(u.s, "ann");
    u.g[1] = guest_enter(u.s, "bob");
    guest_expect(u.g[0], "%s", told1(TOLD_COMES, "bob"));
    guest_type(u.g[0], "hel");
    return u;
}

/* The library lies beside the tests' program. */
static void crasher(char path[PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    strcpy(strrchr(path, '/') + 1, "crasher.so");
    cr_assert_eq(access(path, R_OK), 0, "%s", path);
}

/* From now on the binary on disk fails so, in the guardian ("itself") or in its children. */
static void replace(struct undone *u, const char *in, const char *how) {
    char text[4 * PATH_MAX], fresh[420], library[PATH_MAX], exe[PATH_MAX];
    crasher(library);
    cr_assert_not_null(realpath(run_server_path(), exe));
    snprintf(text, sizeof text,
             "#!/bin/sh\n[ -n \"$CHATROOM_CHECK\" ] || : >'%s'\n"
             "LD_PRELOAD='%s' CRASH=%s CRASH_IN=%s CRASH_PID=$$ CRASH_EXE='%s' exec '%s' \"$@\"\n",
             u->began, library, how, in, exe, exe);
    snprintf(fresh, sizeof fresh, "%s.new", u->binary);
    run_write_file(HERE, fresh, text);
    cr_assert_eq(chmod(fresh, 0700), 0);
    cr_assert_eq(rename(fresh, u->binary), 0);
}

static void await_begun(const struct undone *u) {
    for (int64_t deadline = wait_deadline(); access(u->began, F_OK) != 0; wait_breath())
        cr_assert_gt(wait_left_ms(deadline), 0, "the new binary was never executed");
}

/* The old binary serves, and does what a server does. */
static void goes_on(struct undone *u) {
    guest_type(u->g[0], "lo\r\n");
    guests_expect(u->g, 2, "ann: hello");
    struct guest *late = guest_enter(u->s, "cat");
    guests_expect(u->g, 2, told1(TOLD_COMES, "cat"));
    guest_close(late);
    guests_expect(u->g, 2, told1(TOLD_GOES, "cat"));
    char *text = run_read_file(u->pidfile);
    cr_assert_eq(atoi(text), u->s->pid, "%s", text);
    free(text);
    server_signal(u->s, SIGHUP);
    server_logged(u->s, "reloaded: room \"Chatroom\"");
    cr_assert_eq(server_log_count(u->s, "upgraded: "), 0);
    cr_assert_eq(unlink(u->binary), 0);
    copy(run_server_path(), u->binary);
    server_signal(u->s, SIGUSR2); /* the next one is well */
    server_logged(u->s, "upgraded: ");
    server_new_master(u->s);
    guest_say(u->g[1], "still here");
    guests_expect(u->g, 2, "bob: still here");
    server_stop(u->s);
}

/* The process executes the old binary again: one pid for life. */
static void same_pid_from(const char *from, const char *in, const char *how) {
    struct undone u = start(from);
    replace(&u, in, how);
    server_signal(u.s, SIGUSR2);
    await_begun(&u);
    server_logged_more(u.s, "ready again: ", 0);
    goes_on(&u);
}

static void same_pid(const char *in, const char *how) {
    same_pid_from(run_server_path(), in, how);
}

/* A new binary that hangs in the check.  Its parent dies: it is the guardian's child then, which
 * reaps it; and the next master tries the upgrade again. */
Test(undone, the_check_of_a_master_that_dies) {
    struct undone u = start(run_server_path());
    struct family orphans;
    char stuck[420], fresh[420], text[600];
    pid_t master = server_master_pid(u.s);
    snprintf(stuck, sizeof stuck, "%s/stuck", u.s->dir);
    copy("/bin/sleep", stuck);
    snprintf(text, sizeof text, "#!/bin/sh\nexec '%s' 1000\n", stuck);
    snprintf(fresh, sizeof fresh, "%s.new", u.binary);
    run_write_file(HERE, fresh, text);
    cr_assert_eq(chmod(fresh, 0700), 0);
    cr_assert_eq(rename(fresh, u.binary), 0);
    server_signal(u.s, SIGUSR2);
    family_await(master, "stuck", 1);
    kill(master, SIGKILL);
    family_await(u.s->pid, "stuck", 1);
    family_of(&orphans, u.s->pid);
    family_kill(&orphans, "stuck", SIGKILL);
    server_logged(u.s, "upgrade refused: no answer within");
    family_await_reaped(u.s->pid);
    goes_on(&u);
}

/* It cannot: the master that waits starts another guardian. */
static void another_pid_in(const char *from, const char *in, const char *how) {
    struct undone u = start(from);
    replace(&u, in, how);
    server_adopt_orphans();
    server_signal(u.s, SIGUSR2);
    await_begun(&u);
    server_await_guardian(u.s);
    goes_on(&u);
}

static void another_pid_from(const char *from, const char *how) {
    another_pid_in(from, "itself", how);
}

static void another_pid(const char *how) {
    another_pid_from(run_server_path(), how);
}

Test(undone, hole_8_a_new_binary_that_crashes_before_its_first_worker) {
    same_pid("itself", "segv");
}
Test(undone, hole_8_that_writes_where_nothing_is) {
    same_pid("itself", "wild");
}
Test(undone, hole_8_whose_stack_overflows) {
    same_pid("itself", "overflow");
}
Test(undone, hole_8_that_aborts) {
    same_pid("itself", "abort");
}
Test(undone, hole_8_that_dies_of_sigbus) {
    same_pid("itself", "bus");
}
Test(undone, hole_8_that_dies_of_sigill) {
    same_pid("itself", "ill");
}
Test(undone, hole_8_that_dies_of_sigfpe) {
    same_pid("itself", "fpe");
}
Test(undone, hole_8_that_hangs) {
    same_pid("itself", "hang");
}
Test(undone, hole_8_whose_masters_all_crash) {
    same_pid("children", "segv");
}
Test(undone, hole_8_whose_masters_all_exit) {
    same_pid("children", "exit");
}
Test(undone, hole_8_whose_masters_all_hang) {
    same_pid("children", "hang");
}

Test(undone, an_operator_is_told) {
    struct undone u = start(run_server_path());
    replace(&u, "itself", "segv");
    const struct ran *ran = ctl_run(u.s, "upgrade");
    cr_assert_eq(ran->status, 1, "%s", ran->out);
    cr_assert_not_null(strstr(ran->err, "going back to the binary before"), "%s", ran->err);
    goes_on(&u);
}

/* ---- another pid ---- */

Test(undone, hole_8_that_is_killed) {
    another_pid("kill");
}
Test(undone, hole_8_that_is_stopped) {
    another_pid("stop");
}
Test(undone, hole_8_that_exits) {
    another_pid("exit");
}

/* Else there would be two masters: that one, and the one of the old binary. */
Test(undone, hole_8_that_is_killed_when_it_has_a_master) {
    another_pid_in(run_server_path(), "children", "orphan");
}

/* ---- from another layout: the old segment is as it was ---- */

Test(undone, hole_8_that_crashes_while_it_converts) {
    same_pid_from(run_other_path(), "itself", "segv");
}
Test(undone, hole_8_that_hangs_while_it_converts) {
    same_pid_from(run_other_path(), "itself", "hang");
}
Test(undone, hole_8_whose_masters_all_crash_in_a_converted_segment) {
    same_pid_from(run_other_path(), "children", "segv");
}
Test(undone, hole_8_whose_masters_all_hang_in_a_converted_segment) {
    same_pid_from(run_other_path(), "children", "hang");
}
Test(undone, hole_9_that_is_killed_while_it_converts) {
    another_pid_from(run_other_path(), "kill");
}
Test(undone, hole_9_that_is_killed_when_it_has_a_master) {
    another_pid_in(run_other_path(), "children", "orphan");
}
Test(undone, hole_9_that_is_stopped_while_it_converts) {
    another_pid_from(run_other_path(), "stop");
}

#endif
#endif
