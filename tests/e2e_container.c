/* e2e_container.c - chatroom-ctl and a server that is the first process of a PID namespace, or that
 * has neither /proc nor /dev/shm. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(container, .timeout = 180);

/* ---- helpers ---- */

static void has(const char *text, const char *part) {
    cr_assert_not_null(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}
static void has_not(const char *text, const char *part) {
    cr_assert_null(strstr(text, part), "\"%s\" is in:\n%s", part, text);
}

static int pid_namespace(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s", path);
    return fd;
}

static struct server *server_of_its_own_namespace(void) {
    int before = pid_namespace(getpid());
    struct server *s = server_prepare();
    if (unshare(CLONE_NEWPID) != 0)
        skip_test("only root can make a pid namespace");
    server_configure(s, SERVER_QUIET(2) "control = %s\n", ctl_socket(s));
    char *argv[] = {run_server_path(), "-c", s->conf, NULL};
    s->pid = run_start(HERE, argv, s->err, s->err);
    cr_assert_eq(setns(before, CLONE_NEWPID), 0);
    close(before);
    s->cleaner[1] = run_cleaner(HERE, s->pid, NULL);
    server_wait_ready(s);
    server_logged(s, "workers, pid 1");
    return s;
}

/* The program is a child of the process that the test knows, in the namespace that this one's
 * children are in, with a /proc of it.  The known one is not: a namespace's end waits for all that
 * are. */
static void go_in(void) {
    int status;
    pid_t pid = fork();
    if (pid > 0)
        _exit(waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 98);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("proc", "/proc", "proc", 0, NULL) != 0)
        _exit(99);
}

static pid_t inside; /* the namespace's first process */

static void into_the_servers(void) {
    if (setns(pid_namespace(inside), CLONE_NEWPID) != 0)
        _exit(99);
    go_in();
}
static void into_another(void) {
    if (unshare(CLONE_NEWPID) != 0)
        _exit(99);
    go_in();
}

/* Where its processes cannot be looked at, none is called gone or stopped, nor one of another
 * namespace that has the same number. */
static void is_seen_without_processes(const struct server *s) {
    const char *out = ctl_ok(s, "status")->out;
    has(out, "1 in the room");
    has(out, ", runs\n");
    has(out, "another PID namespace");
    has_not(out, "GONE");
    has_not(out, "STOPPED");
    out = ctl_ok(s, "status", "--json")->out;
    has(out, "\"alive\":null,\"stopped\":null");
    has_not(out, "\"alive\":true");
    has_not(out, "\"alive\":false");
    out = ctl_ok(s, "top", "--once")->out;
    has(out, "cpu ?%");
    has_not(out, "GONE");
    has(ctl_ok(s, "top", "--json")->out, "\"cpu_percent\":null");
}

/* All that asks the master, and its end. */
static void obeys(struct server *s, struct guest *ann) {
    ctl_ok(s, "say", "hello");
    guest_until(ann, "*** hello");
    ctl_ok(s, "reload");
    ctl_ok(s, "mute", "ann");
    has(ctl_ok(s, "who")->out, "ann");
    ctl_ok(s, "shutdown");
    guest_until(ann, "*** The server is going down.");
    server_ended(s);
}

/* ---- another PID namespace ---- */

Test(container, is_operated_from_outside) {
    struct server *s = server_of_its_own_namespace();
    struct guest *ann = guest_enter(s, "ann");
    is_seen_without_processes(s);
    obeys(s, ann);
}

Test(container, is_operated_from_inside) {
    struct server *s = server_of_its_own_namespace();
    struct guest *ann = guest_enter(s, "ann");
    inside = s->pid;
    run_before_exec = into_the_servers;
    const struct ran *ran = ctl_run(s, "status");
    if (ran->status == 99)
        skip_test("no /proc can be mounted");
    has(ran->out, "guardian       pid 1, runs\n");
    has_not(ran->out, "another PID namespace");
    ran = ctl_ok(s, "status", "--json");
    has(ran->out, "\"alive\":true,\"stopped\":false");
    has_not(ran->out, "\"alive\":null");
    ctl_ok(s, "say", "hello");
    guest_until(ann, "*** hello");
    ctl_ok(s, "reload");
    run_before_exec = NULL;
    server_stop(s);
}

/* A container beside it, that shares the folder of the socket. */
Test(container, is_operated_from_another) {
    struct server *s = server_of_its_own_namespace();
    struct guest *ann = guest_enter(s, "ann");
    run_before_exec = into_another;
    const struct ran *ran = ctl_run(s, "status");
    if (ran->status == 99)
        skip_test("no /proc can be mounted");
    is_seen_without_processes(s);
    obeys(s, ann);
}

/* ---- neither /proc nor /dev/shm ---- */

static void no_proc(void) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        umount2("/proc", MNT_DETACH) != 0)
        _exit(126);
}
static void no_proc_no_shm(void) {
    no_proc();
    if (mount("none", "/dev", "tmpfs", 0, "size=1m,mode=755") != 0 ||
        mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) != 0)
        _exit(126);
}

static void can(void (*hide)(void)) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        hide();
        _exit(0);
    }
    if (!run_wait(pid, &status, wait_deadline()) || status != 0)
        skip_test("only root can hide /proc");
}

static void is_operated_without(void (*hide)(void)) {
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip_test("the sanitizer needs /proc");
#endif
    can(hide);
    run_before_exec = hide;
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    const char *out = ctl_ok(s, "status")->out; /* it has no /proc either */
    has(out, "1 in the room");
    has(out, ", runs\n");
    has_not(out, "GONE");
    run_before_exec = NULL;
    is_seen_without_processes(s);
    obeys(s, ann);
}

Test(container, without_proc_it_is_operated) {
    is_operated_without(no_proc);
}

Test(container, without_proc_and_dev_shm_it_is_operated) {
    is_operated_without(no_proc_no_shm);
}
