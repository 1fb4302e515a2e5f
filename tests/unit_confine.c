/* unit_confine.c - what the transcript's process gives up: descriptors and system calls. */
#include "ipc/log.h"
#include "tests/lib/sandbox.h"
#include "tests/lib/skip.h"
#include "tests/unit_segment.h"
#include "worker/transcript/confine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

TestSuite(confine);

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

/* The child shares the table, as the transcript's process does, until it leaves it. */
static int in_shared_table(int (*body)(void)) {
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(body());
    return unit_join(pid);
}

static int pair[2], high;

static int keeps_two(void) {
    const int keep[] = {pair[0], -1, high};
    confine_descriptors(keep, sizeof keep / sizeof keep[0]);
    for (int fd = 0; fd < 1024; fd++) {
        if (is_open(fd) != (fd == pair[0] || fd == high))
            return 1;
    }
    return 0;
}

static int starts_no_program(void) {
    static char *const no_words[] = {NULL};
    confine_programs();
    if (execve("/bin/true", no_words, no_words) == 0 || errno != EPERM)
        return 1;
    pid_t pid = fork(); /* a child, as looks up a name, is none */
    if (pid == 0)
        _exit(execve("/bin/true", no_words, no_words) == 0 || errno != EPERM);
    return unit_join(pid);
}

Test(confine, starts_no_program) {
#if defined(__SANITIZE_ADDRESS__)
    skip_test("this build has no filter of system calls");
#endif
    pid_t pid = fork();
    if (pid == 0)
        _exit(starts_no_program());
    cr_assert_eq(unit_join(pid), 0);
}

Test(confine, keeps_the_named_descriptors_and_closes_no_other_process_s) {
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    high = fcntl(pair[0], F_DUPFD, 700);
    cr_assert_geq(high, 700);
    int other = dup2(pair[1], high + 10);
    cr_assert_eq(in_shared_table(keeps_two), 0);
    cr_assert(is_open(pair[0]) && is_open(pair[1]) && is_open(high) && is_open(other) &&
              is_open(1));
}

/* Without close_range, as before Linux 5.9, and where a sandbox refuses it. */
static int refusal;

static int keeps_two_by_other_calls(void) {
    const struct sandbox_rule rule = {SYS_close_range, 0, 0, 0, refusal};
    return sandbox_deny(&rule) ? keeps_two() : 99;
}

Test(confine, keeps_the_named_descriptors_without_close_range) {
    static const int errors[] = {ENOSYS, EPERM, EINVAL};
    if (!sandbox_works())
        skip_test("this kernel has no seccomp");
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    high = fcntl(pair[0], F_DUPFD, 700);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        refusal = errors[i];
        cr_assert_eq(in_shared_table(keeps_two_by_other_calls), 0);
        cr_assert(is_open(pair[0]) && is_open(pair[1]) && is_open(high) && is_open(1));
    }
}

/* A table that cannot be left is every process's: nothing in it is closed. */
static int leaves_nothing(void) {
    const struct sandbox_rule rules[] = {{SYS_close_range, 0, 0, 0, ENOSYS},
                                         {SYS_unshare, 0, 0, 0, EPERM}};
    const int keep[] = {pair[0]};
    if (!sandbox_deny(&rules[0]) || !sandbox_deny(&rules[1]))
        return 99;
    confine_descriptors(keep, 1);
    return is_open(pair[0]) && is_open(pair[1]) && is_open(high) ? 0 : 1;
}

Test(confine, closes_nothing_in_a_table_that_it_cannot_leave) {
    if (!sandbox_works())
        skip_test("this kernel has no seccomp");
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    high = fcntl(pair[0], F_DUPFD, 700);
    cr_assert_eq(in_shared_table(leaves_nothing), 0);
    cr_assert(is_open(pair[0]) && is_open(pair[1]) && is_open(high) && is_open(1));
}

/* HOLES 1: a client's connection ends when its worker closes it, whoever left the table meanwhile.
 */
static int waits_for_end(void) {
    const int keep[] = {pair[0]};
    char byte;
    confine_descriptors(keep, 1);
    return read(pair[0], &byte, 1) == 0 ? 0 : 1; /* the last copy of the other end is closed */
}

Test(confine, a_socket_that_others_close_is_closed) {
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(waits_for_end());
    close(pair[1]); /* before the child leaves or after */
    cr_assert_eq(unit_join(pid), 0);
}

static void forbidden(long call) {
    int log[2];
    char text[1024] = "";
    tzset(); /* it opens a file; the server has called it */
    cr_assert_eq(pipe(log), 0);
    pid_t pid = unit_fork();
    if (pid == 0) {
        log_to(log[1], NULL); /* also where the tests' own log goes elsewhere (lib/quiet.c) */
        confine_calls();
        syscall(call, -1, 0, 0, 0, 0);
        _exit(0);
    }
    close(log[1]);
    int status = unit_join(pid);
    for (ssize_t n, at = 0; (n = read(log[0], text + at, sizeof text - 1 - (size_t)at)) > 0;)
        at += n;
    close(log[0]);
    if (WIFEXITED(status) && !sandbox_works())
        skip_test("this kernel has no seccomp");
    if (WIFEXITED(status))
        skip_test("this build has no filter");
    cr_assert_eq(WTERMSIG(status), SIGSYS, "%ld: status %x", call, status);
    char want[64];
    snprintf(want, sizeof want, "system call %ld is not one of the transcript's\n", call);
    cr_assert(strstr(text, want), "%s", text);
}

Test(confine, a_forbidden_call_is_logged_and_ends_the_process) {
    static const long calls[] = {SYS_openat, SYS_socket,     SYS_execve,           SYS_clone,
                                 SYS_ptrace, SYS_pidfd_open, SYS_process_vm_readv, SYS_bpf};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        forbidden(calls[i]);
}

Test(confine, without_seccomp_it_goes_on) {
    if (!sandbox_works())
        skip_test("this kernel has no seccomp");
    pid_t pid = unit_fork();
    if (pid == 0) {
        struct sandbox_rule rule = {SYS_prctl, 0, ~0u, 22 /* PR_SET_SECCOMP */, EINVAL};
        if (!sandbox_deny(&rule))
            _exit(1);
        confine_calls();
        _exit(syscall(SYS_getppid) > 0 ? 0 : 2);
    }
    cr_assert_eq(unit_join(pid), 0);
}
