/* e2e_files.c - what the server writes, and what another user could have put there: log and
 * pidfile at the start, at a reload and at a reopening; a full disk; and what a core dump would
 * hold. */
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(files, .timeout = 180);

/* DIR/name of the server's directory, valid until the eighth call after this one. */
static const char *in_dir(const struct server *s, const char *name) {
    static char path[8][600];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", s->dir, name);
    return path[next];
}

static const struct passwd *nobody(void) {
    const struct passwd *user = getpwnam("nobody");
    cr_assert(user);
    return user;
}

/* ---- traps: what another user may have put at a path ---- */

enum trap {
    SYMLINK,
    DANGLING,
    LINK_TO_LINK,
    HARD_LINK,
    PIPE_OF_ANOTHER,
    FILE_OF_ANOTHER,
    STICKY_FILE_OF_ANOTHER,
    FOLDER_OF_ANOTHER,
    FOLDER_OF_ALL,
    LINKED_FOLDER,
    TRAPS
};
static const struct {
    const char *sentence;
    bool for_root; /* only root can make it, or is refused */
} traps[TRAPS] = {
    [SYMLINK] = {"it is a symbolic link, which is not followed to a file", false},
    [DANGLING] = {"it is a symbolic link, which is not followed to a file", false},
    [LINK_TO_LINK] = {"it is a symbolic link, which is not followed to a file", false},
    [HARD_LINK] = {"it has 2 names (hard links), so it may be another file's", false},
    [PIPE_OF_ANOTHER] = {"", true}, /* a pidfile is no pipe anyway */
    [FILE_OF_ANOTHER] = {"who may have put it there", true},
    [STICKY_FILE_OF_ANOTHER] = {"who may have put it there", true},
    [FOLDER_OF_ANOTHER] = {"who could put any file there", true},
    [FOLDER_OF_ALL] = {"every user could put any file into the folder", true},
    [LINKED_FOLDER] = {"belongs to user", true},
};

static void give(const struct server *s, const char *name) {
    cr_assert_eq(lchown(in_dir(s, name), nobody()->pw_uid, (gid_t)-1), 0);
}

/* Makes the folder "t" and the trap, whose path is t/file; and what it would harm. */
static void trap_make(const struct server *s, enum trap trap) {
    const char *at = in_dir(s, "t/file");
    run_write_file(HERE, in_dir(s, "victim"), "precious\n");
    cr_assert_eq(mkdir(in_dir(s, "safe"), 0755) != 0 && errno != EEXIST, 0);
    if (trap == LINKED_FOLDER) {
        cr_assert_eq(symlink("safe", in_dir(s, "t")), 0);
        give(s, "t");
        return;
    }
    cr_assert_eq(mkdir(in_dir(s, "t"), 0755), 0);
    switch (trap) {
    case SYMLINK: cr_assert_eq(symlink("../victim", at), 0); break;
    case DANGLING: cr_assert_eq(symlink("../missing", at), 0); break;
    case LINK_TO_LINK:
        cr_assert_eq(symlink("../victim", in_dir(s, "t/link")) | symlink("link", at), 0);
        break;
    case HARD_LINK: cr_assert_eq(link(in_dir(s, "victim"), at), 0); break;
    case PIPE_OF_ANOTHER: cr_assert_eq(mkfifo(at, 0622), 0); break;
    case STICKY_FILE_OF_ANOTHER:
    case FILE_OF_ANOTHER: run_write_file(HERE, at, "theirs\n"); break;
    case FOLDER_OF_ANOTHER: give(s, "t"); break;
    default: break;
    }
    if (trap == PIPE_OF_ANOTHER || trap == FILE_OF_ANOTHER || trap == STICKY_FILE_OF_ANOTHER)
        give(s, "t/file");
    if (trap == STICKY_FILE_OF_ANOTHER || trap == FOLDER_OF_ALL)
        cr_assert_eq(chmod(in_dir(s, "t"), trap == FOLDER_OF_ALL ? 0777 : 01777), 0);
}

static void has_text(const char *path, const char *want) {
    char *text = run_read_file(path);
    cr_assert(text && strcmp(text, want) == 0, "%s: %s", path, text ? text : "missing");
    free(text);
}

/* Nothing was written anywhere; the trap is removed. */
static void trap_remove(const struct server *s, enum trap trap) {
    has_text(in_dir(s, "victim"), "precious\n");
    cr_assert_neq(access(in_dir(s, "missing"), F_OK), 0);
    cr_assert_neq(access(in_dir(s, "safe/file"), F_OK), 0);
    if (trap == FILE_OF_ANOTHER || trap == STICKY_FILE_OF_ANOTHER)
        has_text(in_dir(s, "t/file"), "theirs\n");
    if (trap == FOLDER_OF_ANOTHER || trap == FOLDER_OF_ALL)
        cr_assert_neq(access(in_dir(s, "t/file"), F_OK), 0);
    unlink(in_dir(s, "t/file"));
    unlink(in_dir(s, "t/link"));
    cr_assert_eq(remove(in_dir(s, "t")), 0);
}

/* False: not to be tried on this machine. */
static bool trap_possible(enum trap trap) {
    if (!traps[trap].for_root || geteuid() == 0)
        return true;
    skip_part("only root can give a file to another user");
    return false;
}

static void start_is_refused(const char *key) {
    static struct ran ran;
    for (enum trap trap = 0; trap < TRAPS; trap++) {
        struct server *s = server_prepare();
        if (!trap_possible(trap))
            continue;
        trap_make(s, trap);
        int reader = open(in_dir(s, "t/file"), O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* of a pipe */
        server_configure(s, "workers = 1\n%s = %s\n", key, in_dir(s, "t/file"));
        run(&ran, run_server_path(), "-c", s->conf);
        cr_assert_eq(ran.status, 1, "trap %d: %s", trap, ran.err);
        char want[700];
        snprintf(want, sizeof want, "chatroom-master: %s %s: ", key, in_dir(s, "t/file"));
        cr_assert(strstr(ran.err, want), "trap %d: %s", trap, ran.err);
        cr_assert(strstr(ran.err, traps[trap].sentence), "trap %d: %s", trap, ran.err);
        cr_assert_not(strstr(ran.err, "ready: "));
        trap_remove(s, trap);
        if (reader >= 0)
            close(reader);
    }
}
Test(files, a_log_that_may_be_a_trap_is_refused_at_start) {
    start_is_refused("log");
}
Test(files, a_pidfile_that_may_be_a_trap_is_refused_at_start) {
    start_is_refused("pidfile");
}

/* The configured user's own folder is accepted, its links are not. */
Test(files, the_servers_user_cannot_lead_root_elsewhere) {
    skip_unless_root();
    static struct ran ran;
    static const char *const keys[] = {"log", "pidfile"};
    for (int k = 0; k < 2; k++) {
        for (int kind = 0; kind < 3; kind++) {
            struct server *s = server_prepare();
            run_write_file(HERE, in_dir(s, "victim"), "precious\n");
            cr_assert_eq(mkdir(in_dir(s, "own"), 0755) | mkdir(in_dir(s, "safe"), 0755), 0);
            give(s, "own");
            if (kind == 0)
                cr_assert_eq(symlink("../victim", in_dir(s, "own/file")), 0);
            else if (kind == 1)
                cr_assert_eq(link(in_dir(s, "victim"), in_dir(s, "own/file")), 0);
            else
                cr_assert_eq(symlink("../safe", in_dir(s, "own/sub")), 0);
            if (kind != 1)
                give(s, kind == 0 ? "own/file" : "own/sub");
            server_configure(s, "user = nobody\nworkers = 1\n%s = %s\n", keys[k],
                             in_dir(s, kind == 2 ? "own/sub/file" : "own/file"));
            run(&ran, run_server_path(), "-c", s->conf);
            cr_assert_eq(ran.status, 1, "%d: %s", kind, ran.err);
            has_text(in_dir(s, "victim"), "precious\n");
            cr_assert_neq(access(in_dir(s, "safe/file"), F_OK), 0);
        }
    }
}

static void reloaded_as(struct server *s, const char *log, const char *pidfile) {
    int before = server_log_count(s, "reloaded: ");
    server_configure(s, "workers = 1\nlog = %s\npidfile = %s\n", log, pidfile);
    server_signal(s, SIGHUP);
    for (int64_t deadline = wait_deadline(); server_log_count(s, "reloaded: ") == before;) {
        cr_assert_gt(wait_left_ms(deadline), 0, "never reloaded");
        wait_breath();
    }
}

static void logged_refusal(struct server *s, const char *key, enum trap trap,
                           const char *consequence) {
    const char *line = server_logged(s, "master: %s %s: ", key, in_dir(s, "t/file"));
    cr_assert(strstr(line, " error ["), "trap %d: %s", trap, line);
    cr_assert(strstr(line, traps[trap].sentence), "trap %d: %s", trap, line);
    cr_assert(strstr(line, consequence), "trap %d: %s", trap, line);
}

Test(files, at_a_reload_the_old_files_stay_in_use) {
    struct server *s = server_prepare();
    char pid[600];
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    snprintf(pid, sizeof pid, "%s/pid", s->dir);
    server_launch(s, "workers = 1\nlog = %s\npidfile = %s\n", s->log, pid);
    for (enum trap trap = 0; trap < TRAPS; trap++) {
        if (!trap_possible(trap))
            continue;
        trap_make(s, trap);
        reloaded_as(s, in_dir(s, "t/file"), pid);
        logged_refusal(s, "log", trap, "; logging goes on where it was");
        reloaded_as(s, s->log, in_dir(s, "t/file"));
        logged_refusal(s, "pidfile", trap, "; the pid stays where it was");
        cr_assert_eq(access(in_dir(s, "pid"), F_OK), 0);
        trap_remove(s, trap);
        reloaded_as(s, s->log, pid);
    }
    server_stop(s);
}

Test(files, a_log_is_not_reopened_in_a_trap) {
    for (enum trap trap = 0; trap < TRAPS; trap++) {
        struct server *s = server_prepare();
        char path[600];
        if (!trap_possible(trap))
            continue;
        snprintf(path, sizeof path, "%s/t/file", s->dir);
        snprintf(s->log, sizeof s->log, "%s/before/file", s->dir);
        cr_assert_eq(mkdir(in_dir(s, "t"), 0755), 0);
        cr_assert_eq(symlink("t", in_dir(s, "before")), 0); /* until it is moved there */
        server_launch(s, "workers = 1\nlog = %s\n", path);
        cr_assert_eq(unlink(in_dir(s, "before")), 0);
        cr_assert_eq(rename(in_dir(s, "t"), in_dir(s, "before")), 0);
        trap_make(s, trap);
        server_signal(s, SIGUSR1);
        logged_refusal(s, "log", trap, "; logging goes on where it was");
        guest_close(guest_enter(s, "ann"));
        trap_remove(s, trap);
        server_stop(s);
    }
}

/* What an operator may well want: a pipe with a reader, /dev/null, standard output. */
Test(files, a_log_may_be_a_pipe_or_a_device) {
    struct server *s = server_prepare();
    cr_assert_eq(mkfifo(in_dir(s, "pipe"), 0600), 0);
    cr_assert_eq(symlink("pipe", in_dir(s, "link")), 0);
    const char *const places[] = {"/dev/null", "/dev/stderr", "/dev/stdout", in_dir(s, "pipe"),
                                  in_dir(s, "link")};
    int reader = open(in_dir(s, "pipe"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    cr_assert_geq(reader, 0);
    server_launch(s, "workers = 1\n");
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        server_configure(s, "workers = 1\nlog = %s\n", places[i]);
        server_signal(s, SIGHUP);
        server_signal(s, SIGUSR1);
        guest_close(guest_enter(s, "ann"));
        server_configure(s, "workers = 1\n");
        int before = server_log_count(s, "reloaded: ");
        int64_t deadline = wait_deadline();
        for (int tries = 0; server_log_count(s, "reloaded: ") == before; tries++) {
            if (tries % 50 == 0) /* the line may have gone to the place before */
                server_signal(s, SIGHUP);
            cr_assert_gt(wait_left_ms(deadline), 0, "%s: never reloaded", places[i]);
            wait_breath();
        }
        cr_assert_eq(server_log_count(s, "error ["), 0);
    }
    close(reader);
    server_stop(s);
}

/* ---- the pidfile of another server ---- */

Test(files, a_server_removes_only_its_own_pidfile) {
    struct server *first = server_prepare(), *second = server_prepare();
    const char *pidfile = in_dir(second, "pid");
    char want[32];
    server_launch(first, "workers = 1\npidfile = %s\n", pidfile);
    cr_assert_eq(unlink(pidfile), 0); /* by hand */
    server_launch(second, "workers = 1\npidfile = %s\n", pidfile);
    snprintf(want, sizeof want, "%d\n", (int)second->pid);
    server_stop(first);
    has_text(pidfile, want);
    server_stop(second);
}

/* ---- users ---- */

Test(files, root_without_a_user_is_warned) {
    skip_unless_root();
    struct server *s = server_start("workers = 1\n");
    server_logged(s, "warn [%d] master: running as root: set `user`", (int)s->pid);
    server_stop(s);
    s = server_start("workers = 1\nuser = nobody\n");
    cr_assert_eq(server_log_count(s, "running as root"), 0);
    server_stop(s);
}

static const char *copy_binary(const struct server *s, const char *name) {
    char command[1500];
    snprintf(command, sizeof command, "cp '%s' '%s'", run_server_path(), in_dir(s, name));
    cr_assert_eq(system(command), 0);
    return in_dir(s, name);
}

/* All that the user needs later is found out at the start, one warning each. */
Test(files, what_the_user_cannot_do_later_is_named_at_start) {
    skip_unless_root();
    static char binary[600];
    struct server *s = server_prepare();
    cr_assert_eq(chmod(s->dir, 0755) | mkdir(in_dir(s, "private"), 0700), 0);
    run_write_file(HERE, in_dir(s, "motd"), "hello\n");
    cr_assert_eq(chmod(in_dir(s, "motd"), 0600), 0);
    snprintf(binary, sizeof binary, "%s", copy_binary(s, "private/server"));
    s->binary = binary;
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    run_write_file(HERE, s->conf, "");
    umask(0077); /* for the configuration */
    server_launch(s, "workers = 1\nuser = nobody\nlog = %s\nmotd = %s\npidfile = %s\n", s->log,
                  in_dir(s, "motd"), in_dir(s, "private/pid"));
    server_logged(s,
                  "as its user the server cannot read %s, so a reload will be refused: "
                  "Permission denied",
                  s->conf);
    server_logged(s, "cannot read %s, so a reload will be refused", in_dir(s, "motd"));
    server_logged(s, "cannot execute %s, so an upgrade will be refused", binary);
    server_logged(s, "cannot write to %s, so a log that was moved away cannot be made anew",
                  s->dir);
    server_logged(s, "cannot write to %s, so the pidfile will be emptied", in_dir(s, "private"));
    server_stop(s);
}

/* A secret of root's that the user has moved to the log's path, in a folder of its own: it stays
 * root's, and what follows from that is said. */
Test(files, a_log_of_roots_stays_roots) {
    skip_unless_root();
    struct server *s = server_prepare();
    struct stat is;
    cr_assert_eq(chmod(s->dir, 0755) | mkdir(in_dir(s, "own"), 0755), 0);
    give(s, "own");
    umask(0077);
    run_write_file(HERE, in_dir(s, "own/log"), "secret\n");
    umask(0022);
    snprintf(s->log, sizeof s->log, "%s/own/log", s->dir);
    server_launch(s, "workers = 1\nuser = nobody\nlog = %s\n", s->log);
    server_logged(s,
                  "as its user the server cannot write to %s, so the log cannot be opened again "
                  "(kill -USR1) before it is moved away: Permission denied",
                  s->log);
    cr_assert_eq(stat(s->log, &is), 0);
    cr_assert_eq(is.st_uid, 0);
    cr_assert_eq(is.st_mode & 07777, 0600);
    server_signal(s, SIGUSR1);
    server_logged(s, "Permission denied; logging goes on where it was");
    cr_assert_eq(rename(s->log, in_dir(s, "secret")), 0);
    server_signal(s, SIGUSR1);
    server_logged(s, "log reopened");
    cr_assert_eq(stat(s->log, &is), 0);
    cr_assert_eq(is.st_uid, nobody()->pw_uid);
    server_stop(s);
}

Test(files, a_user_who_can_do_all_is_not_warned) {
    skip_unless_root();
    static char binary[600];
    struct server *s = server_prepare();
    cr_assert_eq(chmod(s->dir, 0755), 0);
    cr_assert_eq(chown(s->dir, nobody()->pw_uid, nobody()->pw_gid), 0);
    snprintf(binary, sizeof binary, "%s", copy_binary(s, "server"));
    s->binary = binary;
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    server_launch(s, "workers = 1\nuser = nobody\nlog = %s\npidfile = %s/pid\n", s->log, s->dir);
    cr_assert_eq(server_log_count(s, "as its user the server cannot"), 0);
    server_stop(s);
}

/* In a process of the server's user: the segment, opened through /proc/PID/fd. */
static int open_segment(pid_t pid) {
    char folder[64], path[512], target[256];
    snprintf(folder, sizeof folder, "/proc/%d/fd", (int)pid);
    DIR *all = opendir(folder);
    int fd = -1;
    for (struct dirent *one; all && fd < 0 && (one = readdir(all));) {
        snprintf(path, sizeof path, "%s/%s", folder, one->d_name);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        if (strstr(target, "chatroom-") && strstr(target, "(deleted)"))
            fd = open(path, O_RDWR | O_CLOEXEC);
    }
    if (all)
        closedir(all);
    return fd;
}

static void segment_opens_as_nobody(pid_t pid, const char *what) {
    int status;
    pid_t tool = fork();
    cr_assert_geq(tool, 0);
    if (tool == 0) {
        if (setgroups(0, NULL) != 0 || setgid(nobody()->pw_gid) != 0 ||
            setuid(nobody()->pw_uid) != 0)
            _exit(2);
        int fd = open_segment(pid);
        const char *begin = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
        _exit(begin != MAP_FAILED && memcmp(begin, "chatroom", 8) == 0 ? 0 : 1);
    }
    cr_assert_eq(waitpid(tool, &status, 0), tool);
    cr_assert_eq(status, 0, "%s", what);
}

/* The binary cannot be read by the user, so that the kernel makes an upgraded server undumpable. */
Test(files, a_tool_of_the_servers_user_can_map_the_segment) {
    skip_unless_root();
    static char binary[600];
    struct server *s = server_prepare();
    snprintf(binary, sizeof binary, "%s", copy_binary(s, "server"));
    cr_assert_eq(chmod(binary, 0711), 0);
    s->binary = binary;
    cr_assert_eq(chmod(s->dir, 0755), 0);
    s->workers_may_die = true;
    server_launch(s, "workers = 2\nuser = nobody\n");
    segment_opens_as_nobody(s->pid, "the guardian");
    segment_opens_as_nobody(server_master_pid(s), "the master");
    segment_opens_as_nobody(server_worker_pid(s, 1), "a worker");
    pid_t dead = server_worker_pid(s, 1);
    kill(dead, SIGKILL);
    while (server_worker_pid(s, 1) == dead)
        wait_breath();
    segment_opens_as_nobody(server_worker_pid(s, 1), "its successor");
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: room");
    segment_opens_as_nobody(s->pid, "the upgraded guardian");
    segment_opens_as_nobody(server_master_pid(s), "its master");
    segment_opens_as_nobody(server_worker_pid(s, 0), "its worker");
    server_stop(s);
}

/* ---- no core holds what people say ---- */

static char core_folder[256];
static void cores_wanted(void) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_CORE, &limit) != 0 || chdir(core_folder) != 0)
        _exit(126);
}

static void has_no_core_limit(pid_t pid) {
    struct rlimit limit;
    cr_assert_eq(prlimit(pid, RLIMIT_CORE, NULL, &limit), 0);
    cr_assert_eq(limit.rlim_cur, 1, "of process %d: %lu", (int)pid, (unsigned long)limit.rlim_cur);
}

/* Every mapping of the segment is marked: "dd" among its flags. */
static void segment_is_not_dumped(pid_t pid) {
    char path[64], line[1024];
    int mappings = 0;
    bool of_segment = false;
    snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
    FILE *file = fopen(path, "re");
    cr_assert(file);
    while (fgets(line, sizeof line, file)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            of_segment = strstr(line, "chatroom-") && strstr(line, "(deleted)");
        if (of_segment && strncmp(line, "VmFlags:", 8) == 0) {
            cr_assert(strstr(line, " dd"), "%s", line);
            mappings++;
        }
    }
    fclose(file);
    cr_assert_eq(mappings, 11, "the header's, and two of each ring: %d", mappings);
}

/* Even where the administrator allows cores: neither of a worker, nor of a worker of an upgraded
 * server, nor of a master that was a worker. */
Test(files, a_crash_leaves_no_core) {
    struct server *s = server_prepare();
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    if (limit.rlim_max != RLIM_INFINITY)
        skip_test("the hard limit of cores is not unlimited");
    snprintf(core_folder, sizeof core_folder, "%s", s->dir);
    run_before_exec = cores_wanted;
    s->workers_may_die = true;
    server_launch(s, "workers = 2\nflood_rate = 0\nhistory = 0\n");
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    for (int i = 0; i < 2; i++) {
        guest_say(ann, "/msg bob between us");
        guest_expect(bob, "%s", told2(TOLD_PRIVATE, "ann", "between us"));
        for (int k = 0; k < 2; k++) {
            pid_t dead = server_worker_pid(s, k);
            has_no_core_limit(dead);
            segment_is_not_dumped(dead);
            kill(dead, SIGSEGV);
            server_logged(s, "worker %d: pid", k);
            while (server_worker_pid(s, k) == dead)
                wait_breath();
        }
        if (i == 0) {
            server_signal(s, SIGUSR2);
            server_logged(s, "upgraded: room");
        }
    }
    const pid_t pid[] = {s->pid, server_master_pid(s)};
    for (int i = 0; i < 2; i++) {
        has_no_core_limit(pid[i]);
        segment_is_not_dumped(pid[i]);
    }
    DIR *all = opendir(s->dir);
    cr_assert(all);
    for (struct dirent *one; (one = readdir(all));)
        cr_assert_neq(strncmp(one->d_name, "core", 4), 0, "%s", one->d_name);
    closedir(all);
    server_stop(s);
}

/* ---- no room for the log ---- */

static void limit_file_size(pid_t pid, rlim_t size) {
    struct rlimit limit;
    cr_assert_eq(prlimit(pid, RLIMIT_FSIZE, NULL, &limit), 0);
    limit.rlim_cur = size;
    cr_assert_eq(prlimit(pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

static size_t size_of(const char *path) {
    struct stat is;
    cr_assert_eq(stat(path, &is), 0);
    return (size_t)is.st_size;
}

/* But for what was torn, every line begins with its time. */
static void lines_are_whole(const char *path, int torn_at_most) {
    char *text = run_read_file(path), *save = NULL;
    int torn = 0;
    cr_assert(text);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        int year, ms, end = 0;
        bool head = sscanf(line, "%d-%*d-%*d %*d:%*d:%*d.%d %*[a-z] [%*d] %n", &year, &ms, &end);
        cr_assert(head && isdigit((unsigned char)line[0]), "%s", line);
        torn += end == 0 ? 1 : 0;
        for (const char *more = line + 1; (more = strstr(more, "20")); more++)
            cr_assert(!isdigit((unsigned char)more[2]) || more[4] != '-' || more[7] != '-',
                      "two events in one line: %s", line);
    }
    cr_assert_leq(torn, torn_at_most);
    free(text);
}

/* One process tears a line, another one writes the next. */
Test(files, a_torn_line_is_not_glued_to_another_processs_next) {
    for (int by_worker = 0; by_worker < 2; by_worker++) {
        struct server *s = server_prepare();
        snprintf(s->log, sizeof s->log, "%s/log", s->dir);
        server_launch(s, "workers = 1\nlog_level = debug\nlog = %s\n", s->log);
        server_logged(s, "worker 0: serving");
        pid_t pid = by_worker ? server_worker_pid(s, 0) : server_master_pid(s);
        size_t end = size_of(s->log) + 10;
        limit_file_size(pid, end);
        if (by_worker) {
            guest_close(guest_enter(s, "ann"));
        } else {
            server_signal(s, SIGUSR1);
        }
        for (int64_t deadline = wait_deadline(); size_of(s->log) < end;) {
            cr_assert_gt(wait_left_ms(deadline), 0, "nothing is logged");
            wait_breath();
        }
        if (by_worker)
            server_signal(s, SIGUSR1);
        else
            guest_close(guest_enter(s, "ann"));
        server_logged(s, by_worker ? "log reopened" : "connected");
        limit_file_size(pid, RLIM_INFINITY);
        lines_are_whole(s->log, 2);
        server_stop(s);
    }
}

static rlim_t start_limit[2];
static void limit_at_start(void) {
    struct rlimit limit = {start_limit[0], start_limit[1]};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        _exit(126);
}

/* Of the guardian, which a master that starts later has it from, and of its children: the log does
 * not name them. */
static void lift_limit(const struct server *s) {
    char path[80];
    limit_file_size(s->pid, RLIM_INFINITY);
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)s->pid, (int)s->pid);
    char *children = run_read_file(path);
    cr_assert_not_null(children);
    for (char *at = strtok(children, " "); at; at = strtok(NULL, " "))
        limit_file_size((pid_t)atoi(at), RLIM_INFINITY);
    free(children);
}

/* Guardian, master, workers, a worker's successor, and an upgraded server. */
Test(files, serves_on_when_the_log_reaches_its_limit) {
    struct server *s = server_prepare();
    start_limit[0] = 8192;
    start_limit[1] = RLIM_INFINITY;
    run_before_exec = limit_at_start;
    s->workers_may_die = true;
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    server_launch(s,
                  "workers = 2\nlog_level = debug\nflood_rate = 0\nconnect_rate = 0\nhistory = 0\n"
                  "log = %s\n",
                  s->log);
    struct guest *ann = guest_enter(s, "ann");
    pid_t worker[2] = {server_worker_pid(s, 0), server_worker_pid(s, 1)};
    while (size_of(s->log) < 8192)
        guest_close(guest_connect_as(s, .from = guest_own_address()));
    kill(worker[0], SIGKILL);
    kill(worker[1], SIGKILL);
    guest_say(ann, "after the workers");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "after the workers"));
    server_signal(s, SIGUSR2);
    for (int i = 0; i < 50; i++)
        guest_close(guest_connect_as(s, .from = guest_own_address()));
    server_signal(s, SIGHUP);
    guest_say(ann, "after the upgrade");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "after the upgrade"));
    cr_assert_eq(kill(s->pid, 0), 0);
    cr_assert_eq(size_of(s->log), 8192);
    lift_limit(s);
    server_signal(s, SIGUSR1);
    server_logged(s, "log reopened");
    lines_are_whole(s->log, 2);
    server_stop(s);
}

Test(files, a_limit_too_small_for_the_segment_is_named) {
    static struct ran ran;
    struct server *s = server_prepare();
    start_limit[0] = start_limit[1] = 65536;
    if (geteuid() == 0)
        start_limit[0] = 4096;
    run_before_exec = limit_at_start;
    server_configure(s, "workers = 1\n");
    run(&ran, run_server_path(), "-c", s->conf);
    cr_assert_eq(ran.status, 1, "%s", ran.err);
    cr_assert(strstr(ran.err, "chatroom-master: shared memory: cannot reserve "), "%s", ran.err);
    cr_assert(strstr(ran.err, "(RLIMIT_FSIZE, ulimit -f): File too large\n"), "%s", ran.err);
}

/* Mounts a small file system at DIR/disk, in a mount namespace of the test's own. */
static void mount_disk(const struct server *s) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mkdir(in_dir(s, "disk"), 0755) != 0 ||
        mount("none", in_dir(s, "disk"), "tmpfs", 0, "size=64k,mode=0755") != 0)
        skip_test("no file system can be mounted: %s", strerror(errno));
}
static void fill_disk(const struct server *s) {
    static char filler[65536];
    int fd = open(in_dir(s, "disk/filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(write(fd, filler, sizeof filler), 4096);
    close(fd);
}

/* A full disk: a page is the last that the log gets, then there is room again. */
Test(files, a_line_torn_by_a_full_disk_is_not_glued_to_the_next) {
    skip_unless_root();
    struct server *s = server_prepare();
    mount_disk(s);
    snprintf(s->log, sizeof s->log, "%s/disk/log", s->dir);
    server_launch(s, "workers = 2\nlog_level = debug\nlog = %s\n", s->log);
    fill_disk(s);
    while (size_of(s->log) % 4096 != 0)
        guest_close(guest_connect(s));
    for (int i = 0; i < 20; i++)
        guest_close(guest_connect(s));
    size_t full = size_of(s->log);
    cr_assert_eq(unlink(in_dir(s, "disk/filler")), 0);
    struct guest *bob = guest_enter(s, "bob");
    server_signal(s, SIGUSR1);
    server_logged(s, "log reopened");
    cr_assert_gt(size_of(s->log), full);
    guest_close(bob);
    lines_are_whole(s->log, 2);
    cr_assert_eq(umount2(in_dir(s, "disk"), MNT_DETACH), 0);
    server_stop(s);
}

/* ---- no room for the pidfile, and a path that is another file's ---- */

static void names_guardian(const struct server *s, const char *path) {
    char want[32];
    snprintf(want, sizeof want, "%d\n", (int)s->pid);
    has_text(path, want);
}

Test(files, a_pidfile_is_not_lost_on_a_full_disk) {
    skip_unless_root();
    struct server *s = server_prepare();
    mount_disk(s);
    server_launch(s, "workers = 1\npidfile = %s\n", in_dir(s, "pid"));
    fill_disk(s);
    for (int i = 1; i <= 2; i++) {
        reloaded_as(s, "stderr", in_dir(s, "disk/pid"));
        server_logged(s, "error [%d] master: pidfile %s: No space left on device; the pid stays",
                      (int)server_master_pid(s), in_dir(s, "disk/pid"));
        cr_assert_eq(server_log_count(s, "No space left"), i);
        cr_assert_neq(access(in_dir(s, "disk/pid"), F_OK), 0);
        names_guardian(s, in_dir(s, "pid"));
    }
    cr_assert_eq(unlink(in_dir(s, "disk/filler")), 0);
    reloaded_as(s, "stderr", in_dir(s, "disk/pid"));
    names_guardian(s, in_dir(s, "disk/pid"));
    cr_assert_neq(access(in_dir(s, "pid"), F_OK), 0);
    cr_assert_eq(truncate(in_dir(s, "disk/pid"), 0), 0); /* whatever emptied it */
    reloaded_as(s, "stderr", in_dir(s, "disk/pid"));
    names_guardian(s, in_dir(s, "disk/pid"));
    cr_assert_eq(umount2(in_dir(s, "disk"), MNT_DETACH), 0);
    server_stop(s);
}

/* What it says, and that it leaves no pidfile. */
static void start_fails(struct server *s, const char *pidfile, bool detached, const char *want) {
    static struct ran ran;
    if (detached)
        run(&ran, run_server_path(), "-d", "-c", s->conf);
    else
        run(&ran, run_server_path(), "-c", s->conf);
    cr_assert_eq(ran.status, 1, "%s", ran.err);
    cr_assert(strstr(ran.err, want), "%s", ran.err);
    cr_assert_not(strstr(ran.err, "ready: "), "%s", ran.err);
    cr_assert_neq(access(pidfile, F_OK), 0, "%s", want);
}

Test(files, a_start_without_room_for_the_pidfile_fails) {
    skip_unless_root();
    struct server *s = server_prepare();
    mount_disk(s);
    fill_disk(s);
    const char *pidfile = in_dir(s, "disk/pid");
    char want[700];
    snprintf(want, sizeof want, "chatroom-master: pidfile %s: No space left on device\n", pidfile);
    server_configure(s, "workers = 1\npidfile = %s\n", pidfile);
    for (int detached = 0; detached < 2; detached++)
        start_fails(s, pidfile, detached, want);
    cr_assert_eq(umount2(in_dir(s, "disk"), MNT_DETACH), 0);
}

Test(files, a_start_that_fails_leaves_no_pidfile) {
    struct server *first = server_start("workers = 1\n"), *s = server_prepare();
    char pidfile[600];
    snprintf(pidfile, sizeof pidfile, "%s/pid", s->dir);
    for (int left = 0; left < 2; left++) { /* a dead server's file */
        if (left)
            run_write_file(HERE, pidfile, "12345\n");
        server_configure(s, "listen = 127.0.0.1:%d\nworkers = 1\npidfile = %s\n", first->port,
                         pidfile);
        start_fails(s, pidfile, left, "Address already in use");
    }
    start_limit[0] = start_limit[1] = 65536;
    if (geteuid() == 0)
        start_limit[0] = 4096;
    run_before_exec = limit_at_start;
    server_configure(s, "workers = 1\npidfile = %s\n", pidfile);
    start_fails(s, pidfile, false, "shared memory: ");
    run_before_exec = NULL;
    server_stop(first);
}

/* Only its own. */
Test(files, a_start_that_fails_leaves_the_pidfile_of_another_server) {
    static struct ran ran;
    struct server *first = server_prepare(), *s = server_prepare();
    const char *pidfile = in_dir(s, "pid");
    server_launch(first, "workers = 1\npidfile = %s\n", pidfile);
    server_configure(s, "listen = 127.0.0.1:%d\nworkers = 1\npidfile = %s\n", first->port, pidfile);
    run(&ran, run_server_path(), "-c", s->conf);
    cr_assert_eq(ran.status, 1, "%s", ran.err);
    cr_assert(strstr(ran.err, "another server holds it"), "%s", ran.err);
    names_guardian(first, pidfile);
    server_stop(first);
}

/* The configuration's check names the line; a file that no line names is refused by its content. */
Test(files, a_pidfile_never_replaces_another_file) {
    static struct ran ran;
    struct server *s = server_prepare();
    char want[700];
    run_write_file(HERE, in_dir(s, "motd"), "welcome all\n");
    run_write_file(HERE, in_dir(s, "diary"), "dear diary\n");
    const struct {
        const char *file, *key, *wrong;
    } cases[] = {{s->conf, "motd", "this configuration file"},
                 {in_dir(s, "motd"), "motd", "the file of motd (line "},
                 {in_dir(s, "log"), "log", "the file of log (line "},
                 {in_dir(s, "diary"), "motd", "holds something else than a process id"}};
    for (int i = 0; i < 4; i++) {
        server_configure(s, "workers = 1\n%s = %s\npidfile = %s\n", cases[i].key,
                         in_dir(s, cases[i].key), cases[i].file);
        char *conf = run_read_file(s->conf), *before = run_read_file(cases[i].file);
        for (int check = 0; check < 2; check++) {
            if (check)
                run(&ran, run_server_path(), "-t", "-c", s->conf);
            else
                run(&ran, run_server_path(), "-c", s->conf);
            cr_assert_eq(ran.status, 1, "%d: %s", i, ran.err);
            cr_assert(strstr(check ? ran.out : ran.err, cases[i].wrong), "%s%s", ran.out, ran.err);
            has_text(s->conf, conf);
            if (before)
                has_text(cases[i].file, before);
            else
                cr_assert_neq(access(cases[i].file, F_OK), 0);
        }
        free(conf);
        free(before);
    }
    snprintf(want, sizeof want, "chatroom-master: pidfile %s: holds", in_dir(s, "diary"));
    run(&ran, run_server_path(), "-c", s->conf);
    cr_assert(strstr(ran.err, want), "%s", ran.err);
}

/* Nor at a reload. */
Test(files, a_reload_to_another_file_as_pidfile_is_refused) {
    struct server *s = server_prepare();
    run_write_file(HERE, in_dir(s, "diary"), "dear diary\n");
    server_launch(s, "workers = 1\npidfile = %s\n", in_dir(s, "pid"));
    reloaded_as(s, "stderr", in_dir(s, "diary"));
    server_logged(s, "pidfile %s: holds something else than a process id; the pid stays",
                  in_dir(s, "diary"));
    server_configure(s, "workers = 1\npidfile = %s\n", s->conf);
    server_signal(s, SIGHUP);
    server_logged(s, "pidfile: %s is this configuration file", s->conf);
    server_logged(s, "the old configuration stays in effect");
    names_guardian(s, in_dir(s, "pid"));
    has_text(in_dir(s, "diary"), "dear diary\n");
    server_stop(s);
}
