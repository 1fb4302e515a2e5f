/* unit_system.c - system_close_from() closes what it says, also where close_range is refused. */
#include "ipc/system.h"
#include "tests/lib/sandbox.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOWEST = 10, FIRST = 20, FAR = 900 };

/* The lowest descriptor of which system_close_from(FIRST) did the wrong thing; -1: none. */
static int wrongly_left(void) {
    for (int fd = LOWEST; fd <= FAR; fd++)
        if (dup2(STDERR_FILENO, fd) != fd)
            return fd;
    system_close_from(FIRST);
    for (int fd = LOWEST; fd <= FAR; fd++)
        if ((fcntl(fd, F_GETFD) < 0) != (fd >= FIRST))
            return fd;
    return -1;
}

static bool hide_proc(void) {
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           umount2("/proc", MNT_DETACH) == 0;
}

/* In a child, because Criterion's own descriptors are among them. */
static void closes_from_first(const struct sandbox_rule *rule, bool proc) {
    int status = 1;
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0 && !proc && !hide_proc())
        _exit(99);
    if (pid == 0)
        _exit((rule && !sandbox_deny(rule)) || wrongly_left() >= 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
        skip_test("only root can hide /proc");
    cr_assert_eq(status, 0);
}

static const struct sandbox_rule unknown = {.call = SYS_close_range, .error = ENOSYS},
                                 forbidden = {.call = SYS_close_range, .error = EPERM};

Test(system, closes_from_a_descriptor_on) {
    closes_from_first(NULL, true);
}

Test(system, closes_one_by_one_where_close_range_is_refused) {
    if (!sandbox_works())
        skip_test("no seccomp");
    closes_from_first(&unknown, true);
    closes_from_first(&forbidden, true);
}

Test(system, closes_all_where_proc_is_missing_too) {
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip_test("the sanitizer needs /proc");
#endif
    if (!sandbox_works())
        skip_test("no seccomp");
    closes_from_first(&unknown, false);
    closes_from_first(&forbidden, false);
}
