/* e2e_privileges.c - what the server's processes may do: /proc/PID/status of each, whatever the
 * starter had; which files they write; and the folder that relative paths mean. */
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite(privileges, .timeout = 180);

static struct server *s;
static char binary[300];

/* In a folder that the user may enter, with a binary that it may execute. */
static void prepare(void) {
    char command[1024];
    s = server_prepare();
    s->workers_may_die = true;
    snprintf(binary, sizeof binary, "%s/server", s->dir);
    snprintf(command, sizeof command, "chmod 755 '%s' && cp '%s' '%s'", s->dir, run_server_path(),
             binary);
    cr_assert_eq(system(command), 0);
    s->binary = binary;
}

/* ---- /proc/PID/status ---- */

/* A line of the file without its name, in a buffer of the caller's. */
static const char *status_line(pid_t pid, const char *name, char out[256]) {
    char path[64], line[256];
    size_t len = strlen(name);
    out[0] = '\0';
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            snprintf(out, 256, "%s", line + len + 1 + strspn(line + len + 1, " \t"));
    if (file)
        fclose(file);
    for (size_t n = strlen(out); n > 0 && strchr(" \t\n", out[n - 1]);)
        out[--n] = '\0';
    return out;
}

static void has(pid_t pid, const char *what, const char *name, const char *want) {
    char is[256];
    cr_assert_str_eq(status_line(pid, name, is), want, "%s: %s: %s instead of %s", what, name, is,
                     want);
}

static void has_no_capabilities(pid_t pid, const char *what) {
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        has(pid, what, sets[i], "0000000000000000");
}

static void is_nobody_without_privileges(pid_t pid, const char *what) {
    const struct passwd *nobody = getpwnam("nobody");
    char ids[256], group[32];
    snprintf(ids, sizeof ids, "%u\t%u\t%u\t%u", (unsigned)nobody->pw_uid, (unsigned)nobody->pw_uid,
             (unsigned)nobody->pw_uid, (unsigned)nobody->pw_uid);
    has(pid, what, "Uid", ids);
    snprintf(group, sizeof group, "%u", (unsigned)nobody->pw_gid);
    snprintf(ids, sizeof ids, "%s\t%s\t%s\t%s", group, group, group, group);
    has(pid, what, "Gid", ids);
    has(pid, what, "Groups", group);
    has(pid, what, "NoNewPrivs", "1");
    has(pid, what, "Umask", "0022");
    has_no_capabilities(pid, what);
}

static void await_successor(int worker, pid_t dead) {
    for (int64_t deadline = wait_deadline(); server_worker_pid(s, worker) == dead;) {
        cr_assert_gt(wait_left_ms(deadline), 0);
        wait_breath();
    }
}

static void kill_worker(int worker) {
    pid_t dead = server_worker_pid(s, worker);
    kill(dead, SIGKILL);
    await_successor(worker, dead);
}

static void upgrade(void) {
    pid_t before = server_worker_pid(s, 0);
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: room");
    await_successor(0, before);
}

/* A worker starts a guardian, which starts a master. */
static void guardian_and_master_die(void) {
    const pid_t both[] = {s->pid, server_master_pid(s)};
    server_new_guardian_of(s, both, 2);
}

/* Calls `is` for processes of each way into the world. */
static void each_process(void (*is)(pid_t pid, const char *what)) {
    is(s->pid, "the guardian");
    is(server_master_pid(s), "the master");
    is(server_worker_pid(s, 0), "a worker");
    kill_worker(1);
    is(server_worker_pid(s, 1), "its successor");
    upgrade();
    is(s->pid, "the upgraded guardian");
    is(server_master_pid(s), "its master");
    is(server_worker_pid(s, 0), "its worker");
    is(server_new_master(s), "the master after a master");
    server_new_guardian(s);
    is(s->pid, "the guardian that a master started");
    guardian_and_master_die();
    is(s->pid, "the guardian that was a worker");
    is(server_master_pid(s), "its master");
    server_stop(s);
}

/* A careless starter: groups, inheritable capabilities, no mask, and setuid(2) takes nothing away.
 */
static void careless(void) {
    const gid_t groups[] = {0, 1, 2, 3};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[2];
    umask(0);
    if (syscall(SYS_capget, &header, caps) != 0)
        _exit(126);
    for (int i = 0; i < 2; i++)
        caps[i].inheritable = caps[i].permitted;
    if (setgroups(4, groups) != 0 || syscall(SYS_capset, &header, caps) != 0 ||
        prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0)
        _exit(126);
}

Test(privileges, no_process_keeps_what_the_starter_had) {
    char folder[400];
    skip_unless_root();
    prepare();
    run_before_exec = careless;
    snprintf(folder, sizeof folder, "%s/own", s->dir);
    cr_assert_eq(mkdir(folder, 0755) | chown(folder, getpwnam("nobody")->pw_uid, 0), 0);
    server_launch(s, "workers = 2\nuser = nobody\ntranscript = %s/transcript\n", folder);
    const char *line = server_logged(s, "transcript: pid ");
    is_nobody_without_privileges((pid_t)atoi(strstr(line, "pid ") + strlen("pid ")),
                                 "the transcript");
    each_process(is_nobody_without_privileges);
}

static mode_t mask;
static void masked(void) {
    umask(mask);
}

static void no_new_privileges(pid_t pid, const char *what) {
    char want[16];
    has(pid, what, "NoNewPrivs", "1");
    snprintf(want, sizeof want, "%04o", mask | 0022);
    has(pid, what, "Umask", want);
}

/* The masks of a service manager, of a careless script, and stricter ones; without `user`. */
Test(privileges, the_mask_is_the_starters_or_a_stricter_one) {
    static const mode_t masks[] = {0022, 0, 0027, 0077, 0002};
    static char pid_path[400];
    run_before_exec = masked;
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct stat log, pidfile;
        mask = masks[i];
        prepare();
        snprintf(s->log, sizeof s->log, "%s/log", s->dir);
        snprintf(pid_path, sizeof pid_path, "%s/pid", s->dir);
        server_launch(s, "workers = 2\nlog = %s\npidfile = %s\n", s->log, pid_path);
        cr_assert_eq(stat(s->log, &log) | stat(pid_path, &pidfile), 0);
        cr_assert_eq(log.st_mode & 07777, 0640 & ~mask, "%04o", log.st_mode);
        cr_assert_eq(pidfile.st_mode & 07777, 0644 & ~mask, "%04o", pidfile.st_mode);
        each_process(no_new_privileges);
    }
}

/* Hole 10: a seccomp filter lasts over clone and execve.  A worker has none, so that the guardian
 * that it may become, as the server's user, can start a master, and that one workers, and upgrade.
 */
static void has_no_filter(pid_t pid, const char *what) {
    char own[256];
    has(pid, what, "Seccomp", status_line(getpid(), "Seccomp", own));
    has(pid, what, "NoNewPrivs", "1");
}

Test(privileges, hole_10_a_guardian_that_was_a_worker_can_do_all_that_a_guardian_does) {
    skip_unless_root();
    prepare();
    server_launch(s, "workers = 2\nuser = nobody\n");
    has_no_filter(server_worker_pid(s, 0), "a worker");
    guardian_and_master_die();
    has_no_filter(s->pid, "the guardian that was a worker");
    has_no_filter(server_master_pid(s), "its master");
    server_configure(s, "workers = 3\nuser = nobody\n");
    cr_assert_eq(chmod(s->conf, 0644), 0);
    server_signal(s, SIGHUP);
    has_no_filter(server_worker_pid(s, 2), "its new worker");
    upgrade();
    has_no_filter(s->pid, "the upgraded guardian");
    has_no_filter(server_master_pid(s), "its master");
    server_stop(s);
}

/* ---- the folder of relative paths ---- */

static void in_own_folder(void) {
    if (chdir(s->dir) != 0)
        _exit(126);
}

static void reload(const char *room) {
    server_configure(s, "workers = 2\nroom = %s\nlog = log\npidfile = pid\nmotd = sub/motd\n",
                     room);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: room \"%s\"", room);
}

static void shows_motd(const char *text) {
    struct guest *g = guest_connect(s);
    guest_say(g, "login ann");
    guest_until(g, "%s", text);
    guest_say(g, "/quit");
    while (guest_read(g))
        ;
    guest_close(g);
}

static void write_motd(const char *text) {
    char path[400], line[64];
    snprintf(path, sizeof path, "%s/sub/motd", s->dir);
    snprintf(line, sizeof line, "%s\n", text);
    run_write_file(HERE, path, line);
}

/* -c FILE, motd, log and pidfile: at the start, at reloads and upgrades, and of a master that was a
 * worker. */
Test(privileges, a_relative_path_is_of_the_folder_of_the_start) {
    char path[400];
    prepare();
    s->binary = "./server";
    snprintf(path, sizeof path, "%s/sub", s->dir);
    cr_assert_eq(mkdir(path, 0755), 0);
    write_motd("first");
    snprintf(path, sizeof path, "%s", s->conf);
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    run_before_exec = in_own_folder;
    strcpy(s->conf, "chatroom.conf");
    cr_assert_eq(chdir(s->dir), 0);
    server_launch(s, "workers = 2\nlog = log\npidfile = pid\nmotd = sub/motd\n");
    shows_motd("first");
    write_motd("second");
    reload("Second");
    shows_motd("second");
    upgrade();
    write_motd("third");
    reload("Third");
    shows_motd("third");
    server_new_master(s);
    write_motd("fourth");
    reload("Fourth");
    shows_motd("fourth");
    char *text = run_read_file("pid");
    cr_assert(text && atoi(text) == s->pid, "%s", text);
    free(text);
    server_stop(s);
}

/* ---- a core that an operator allows ---- */

#ifndef __SANITIZE_ADDRESS__ /* which ends the process without a core */

static void skip_without_core_files(void) {
    char *pattern = run_read_file("/proc/sys/kernel/core_pattern");
    bool plain = pattern && strcmp(pattern, "core\n") == 0;
    free(pattern);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    if (!plain || limit.rlim_max != RLIM_INFINITY)
        skip_test("cores are not written to the file \"core\", or limited");
}

/* The bytes of the core file, once it is whole: the worker was replaced. */
static const char *core_of(int worker, size_t *len) {
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    char path[400];
    struct stat is;
    pid_t pid = server_worker_pid(s, worker);
    cr_assert_eq(prlimit(pid, RLIMIT_CORE, &unlimited, NULL), 0);
    kill(pid, SIGSEGV);
    await_successor(worker, pid);
    snprintf(path, sizeof path, "%s/core.%d", s->dir, (int)pid);
    if (access(path, R_OK) != 0)
        snprintf(path, sizeof path, "%s/core", s->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && fstat(fd, &is) == 0, "%s: %s", path, strerror(errno));
    *len = (size_t)is.st_size;
    char *bytes = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
    cr_assert_neq(bytes, MAP_FAILED);
    close(fd);
    return bytes;
}

/* By prlimit(1), for a fault in the code: it holds the lines that the worker was just working on,
 * and none of the segment, where all that was said and typed is. */
Test(privileges, a_core_that_is_allowed_holds_nothing_of_the_segment) {
    size_t len;
    skip_without_core_files();
    prepare();
    run_before_exec = in_own_folder;
    server_launch(s, "workers = 1\nflood_rate = 0\nhistory = 20\n");
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    guest_say(ann, "needle in public");
    guest_say(ann, "/msg bob needle in private");
    guest_until(bob, "%s", told2(TOLD_PRIVATE, "ann", "needle in private"));
    guest_type(bob, "needle half typed");
    for (int i = 0; i < 100; i++)
        guest_say(ann, "%d, a line that is longer than those above, and hides them", i);
    guest_say(ann, "/msg bob a longer line in private");
    guest_until(bob, "%s", told2(TOLD_PRIVATE, "ann", "a longer line in private"));
    const char *core = core_of(0, &len);
    cr_assert(memmem(core, len, "chatroom-", 9), "no core of the server");
    cr_assert_not(memmem(core, len, "needle", 6));
    guest_say(ann, "/history 10");
    guest_until_begins(ann, "["); /* the segment was there, and is */
    server_stop(s);
}
#endif

/* ---- who writes files ---- */

enum { WRITTEN_MAX = 64 };

/* The last name of the file, or all of its path where it has none. */
static const char *event_name(int fd, char out[512]) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, out, 511);
    out[n > 0 ? n : 0] = '\0';
    return out;
}

/* Reads all events; fails for a file other than the log that one of the processes has written to,
 * or has opened for writing.  Returns how many were of the log. */
static int log_events(int watch, const pid_t *pids, int n) {
    struct fanotify_event_metadata events[256];
    int of_log = 0;
    for (ssize_t len; (len = read(watch, events, sizeof events)) > 0;) {
        for (struct fanotify_event_metadata *e = events; FAN_EVENT_OK(e, len);
             e = FAN_EVENT_NEXT(e, len)) {
            char name[512] = "";
            bool ours = false;
            for (int i = 0; i < n; i++)
                ours = ours || e->pid == pids[i];
            if (ours) {
                cr_assert_str_eq(event_name(e->fd, name), s->log, "process %d wrote to %s", e->pid,
                                 name);
                of_log++;
            }
            if (e->fd >= 0)
                close(e->fd);
        }
    }
    return of_log;
}

/* The log is the one file that workers write to, by a descriptor that they inherit.  No seccomp
 * filter and no Landlock domain says so: both last over clone and execve, and a worker may have to
 * start a guardian, whose master opens the log and the pidfile again. */
Test(privileges, workers_write_to_no_file_but_the_log) {
    skip_unless_root();
    int watch = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE,
                              O_RDONLY | O_CLOEXEC);
    prepare();
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    server_launch(s, "workers = 2\nflood_rate = 0\nlog = %s\n", s->log);
    kill_worker(1);
    pid_t pids[WRITTEN_MAX] = {server_worker_pid(s, 0), server_worker_pid(s, 1)};
    if (watch < 0 || fanotify_mark(watch, FAN_MARK_ADD | FAN_MARK_MOUNT,
                                   FAN_MODIFY | FAN_CLOSE_WRITE, AT_FDCWD, s->dir) != 0)
        skip_test("fanotify: %s", strerror(errno));
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    for (int i = 0; i < 100; i++)
        guest_say(ann, "%d", i);
    guest_until(bob, "ann: 99");
    guest_say(ann, "/nick anna");
    guest_until(bob, "%s", told2(TOLD_NICK, "ann", "anna"));
    guest_say(ann, "/history 50");
    guest_say(ann, "/msg bob psst");
    guest_until(bob, "%s", told2(TOLD_PRIVATE, "anna", "psst"));
    guest_say(bob, "/quit");
    guest_until(ann, "%s", told1(TOLD_GOES, "bob"));
    server_logged(s, "disconnected");
    cr_assert_geq(log_events(watch, pids, 2), 1, "the log's own lines were seen");
    close(watch);
    server_stop(s);
}
