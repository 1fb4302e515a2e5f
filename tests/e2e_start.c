/* e2e_start.c - a start on a system that lacks a feature: it fails with one sentence and exit
 * status 1, in the foreground and with -d, and no process is left. */
#include "tests/lib/guest.h"
#include "tests/lib/sandbox.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(start, .timeout = 180);

static struct server *prepared(void) {
    struct server *s = server_prepare();
    server_configure(s, "workers = 2\npidfile = %s/pid\n", s->dir);
    return s;
}

/* Kills a server that should not have started; returns its pid, or 0. */
static pid_t left_behind(const struct server *s) {
    char path[400];
    snprintf(path, sizeof path, "%s/pid", s->dir);
    char *text = run_read_file(path);
    pid_t pid = text ? (pid_t)atoi(text) : 0;
    free(text);
    if (pid > 0)
        kill(pid, SIGTERM);
    return pid;
}

static int times(const char *text, const char *what) {
    int n = 0;
    while ((text = strstr(text, what))) {
        text += strlen(what);
        n++;
    }
    return n;
}

static void fails(struct server *s, char *binary, bool detached, const char *sentence) {
    static struct ran ran;
    char want[300];
    snprintf(want, sizeof want, "chatroom-master: %s\n", sentence);
    run(&ran, binary, detached ? "-dc" : "-c", s->conf);
    pid_t pid = left_behind(s);
    cr_assert_eq(pid, 0, "it serves: %s", ran.err);
    cr_assert_eq(ran.status, 1, "%s: status %d: %s", sentence, ran.status, ran.err);
    cr_assert(strstr(ran.err, want), "no \"%s\" in: %s", want, ran.err);
    cr_assert_eq(times(ran.err, "chatroom-master: "), 1, "more than one reason: %s", ran.err);
    cr_assert_not(strstr(ran.err, "ready: "), "%s", ran.err);
}

/* ---- a system call that is refused ---- */

struct refusal {
    struct sandbox_rule rule;
    const char *sentence;
};

static const struct sandbox_rule *refused;
static void refuse(void) {
    if (!sandbox_deny(refused))
        _exit(126);
}

static void refused_fails(const struct refusal *refusals, size_t count, bool foreground) {
    if (!sandbox_works())
        skip_test("this kernel has no seccomp");
    struct server *s = prepared();
    run_before_exec = refuse;
    for (size_t i = 0; i < count; i++) {
        refused = &refusals[i].rule;
        for (int detached = foreground ? 0 : 1; detached < 2; detached++)
            fails(s, run_server_path(), detached, refusals[i].sentence);
    }
}
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

Test(start, a_kernel_that_lacks_a_call_is_named) {
    static const struct refusal refusals[] = {
        {{SYS_signalfd4, 0, 0, 0, ENOSYS}, "signalfd: Function not implemented"},
        {{SYS_timerfd_create, 0, 0, 0, ENOSYS}, "timerfd_create: Function not implemented"},
        {{SYS_timerfd_settime, 0, 0, 0, EPERM}, "timerfd_settime: Operation not permitted"},
        {{SYS_epoll_create1, 0, 0, 0, ENOSYS}, "epoll_create1: Function not implemented"},
        {{SYS_eventfd2, 0, 0, 0, ENOSYS}, "eventfd: Function not implemented"},
        {{SYS_pidfd_open, 0, 0, 0, ENOSYS}, "pidfd_open: Function not implemented"},
    };
    refused_fails(refusals, COUNT(refusals), true);
}

Test(start, without_a_worker_it_is_not_ready) {
    static const struct refusal refusals[] = {
        {{SYS_clone, 0, CLONE_PIDFD, CLONE_PIDFD, EINVAL},
         "cannot start the master: Invalid argument"},
        {{SYS_clone, 0, CLONE_PARENT, CLONE_PARENT, EINVAL},
         "cannot start any worker: Invalid argument"},
        {{SYS_prctl, 0, ~0u, PR_SET_NAME, 0}, "every worker died at its start"},
    };
    refused_fails(refusals, COUNT(refusals), true);
}

Test(start, listeners_that_cannot_be_what_they_must_are_named) {
    static const struct refusal refusals[] = {
        {{SYS_setsockopt, 2, ~0u, SO_OOBINLINE, EPERM},
         "listen 127.0.0.1:0: SO_OOBINLINE: Operation not permitted"},
        {{SYS_setsockopt, 2, ~0u, TCP_KEEPIDLE, EPERM},
         "listen 127.0.0.1:0: TCP_KEEPIDLE: Operation not permitted"},
        {{SYS_listen, 0, 0, 0, EPERM}, "cannot listen: Operation not permitted"},
    };
    refused_fails(refusals, COUNT(refusals), true);
}

/* The server must not run in the foreground instead, and the parent must not continue as the
 * child. */
Test(start, a_server_that_cannot_detach_does_not_start) {
    static const struct refusal refusals[] = {
        {{SYS_pipe2, 0, 0, 0, EMFILE}, "cannot detach: pipe: Too many open files"},
        {{SYS_clone, 0, CLONE_FILES, 0, EAGAIN},
         "cannot detach: fork: Resource temporarily unavailable"},
        {{SYS_setsid, 0, 0, 0, EPERM}, "cannot detach: setsid: Operation not permitted"},
        {{SYS_setsid, 0, 0, 0, 0}, "killed by signal 31 (Bad system call) before it was ready"},
    };
    refused_fails(refusals, COUNT(refusals), false);
}

/* Releasing the starter's output is the last step: workers run already, and must end. */
Test(start, a_server_that_cannot_release_its_output_ends) {
#ifdef SYS_dup2
    static const struct sandbox_rule rule = {SYS_dup2, 1, ~0u, STDOUT_FILENO, EBUSY};
    static struct ran ran;
    if (!sandbox_works())
        skip_test("this kernel has no seccomp");
    struct server *s = prepared();
    refused = &rule;
    run_before_exec = refuse;
    run(&ran, run_server_path(), "-dc", s->conf);
    cr_assert_eq(left_behind(s), 0);
    cr_assert_eq(ran.status, 1);
    cr_assert(strstr(ran.err, "chatroom-master: cannot detach: dup2: Device or resource busy\n"),
              "%s", ran.err);
#else
    skip_test("this machine has no dup2");
#endif
}

/* Socket options that only tune performance do not prevent the start. */
Test(start, an_option_that_only_tunes_is_logged) {
    static const struct sandbox_rule rule = {SYS_setsockopt, 2, ~0u, TCP_NOTSENT_LOWAT, EPERM};
    if (!sandbox_works())
        skip_test("this kernel has no seccomp");
    refused = &rule;
    run_before_exec = refuse;
    struct server *s = server_start("%s", server_quiet);
    server_logged(s, "setsockopt TCP_NOTSENT_LOWAT: Operation not permitted");
    guest_close(guest_enter(s, "ann"));
    server_stop(s);
}

/* ---- a limit of processes ---- */

static rlim_t processes;
static uid_t alone(void) {
    return 2000000u + (uid_t)getpid(); /* a user without other processes */
}
static uid_t user;

static void limit(void) {
    struct rlimit most = {processes, processes};
    if (setrlimit(RLIMIT_NPROC, &most) != 0 || setgid(user) != 0 || setuid(user) != 0)
        _exit(126);
}

Test(start, under_a_limit_of_processes) {
    static const struct {
        rlim_t processes;
        bool detached;
        const char *sentence;
    } cases[] = {
        {1, false, "cannot start the master: Resource temporarily unavailable"},
        {2, false, "cannot start any worker: Resource temporarily unavailable"},
        {2, true, "cannot start the master: Resource temporarily unavailable"},
        {3, true, "cannot start any worker: Resource temporarily unavailable"},
        {1, true, "cannot detach: fork: Resource temporarily unavailable"},
    };
    static struct ran ran;
    if (geteuid() != 0)
        skip_test("only root can become a user that has no processes");
    struct server *s = prepared();
    char binary[400];
    snprintf(binary, sizeof binary, "%s/chatroom-master", s->dir); /* readable for this user */
    run(&ran, "cp", run_server_path(), binary);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    user = alone();
    cr_assert_eq(chown(s->dir, user, user) | chown(s->conf, user, user), 0);
    cr_assert_eq(chmod(binary, 0755), 0);
    run_before_exec = limit;
    for (size_t i = 0; i < COUNT(cases); i++) {
        processes = cases[i].processes;
        fails(s, binary, cases[i].detached, cases[i].sentence);
    }
}

/* ---- no /proc ---- */

static void hide_proc(void) {
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        umount2("/proc", MNT_DETACH) != 0)
        _exit(126);
}

static bool can_hide_proc(void) {
    int status = 1;
    pid_t pid = fork();
    if (pid == 0) {
        hide_proc();
        _exit(0);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

/* The server starts, and logs what it cannot do. */
Test(start, without_proc_it_logs_what_is_missing) {
    skip_if_proc_is_needed();
    if (!can_hide_proc())
        skip_test("only root with CAP_SYS_ADMIN can hide /proc");
    run_before_exec = hide_proc;
    struct server *s = server_start("%s", server_quiet);
    server_logged(s, "/proc/self/exe: a binary that fails after an upgrade cannot go back to this "
                     "one: No such file or directory");
    guest_close(guest_enter(s, "ann"));
    server_stop(s);
}
