/* e2e_signals.c - signals while the server starts, and children that are none of its own.
 *
 * A start is held where it waits for the lock of master/listen_lock.h, which the test takes. */
#include "tests/lib/guest.h"
#include "tests/lib/network.h"
#include "tests/lib/pty.h"
#include "tests/lib/skip.h"
#include "tests/lib/usage.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_INFO                                                                               \
    (enum __ptrace_request)0x420e /* <linux/ptrace.h>, not beside <sys/ptrace.h>                   \
                                   */
enum { SYSCALL_ENTRY = 1 };

TestSuite(signals, .timeout = 180);

/* The text of a field of /proc/PID/status; "": there is no such process. */
static const char *status_of(pid_t pid, const char *field) {
    static char value[128];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = run_read_file(path), *at = text ? strstr(text, field) : NULL;
    snprintf(value, sizeof value, "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
    free(text);
    return value;
}

/* Before its exec, the process still has the test's own descriptor of the lock. */
static bool waits_at_lock(pid_t pid) {
    char line[600];
    snprintf(line, sizeof line,
             "test /proc/%d/exe -ef '%s' && ls -l /proc/%d/fd 2>/dev/null | grep -q 'net:\\['",
             (int)pid, run_server_path(), (int)pid);
    return system(line) == 0;
}

static void until_waiting(pid_t pid) {
    for (int64_t deadline = wait_deadline(); !waits_at_lock(pid);) {
        cr_assert_gt(wait_left_ms(deadline), 0, "it never came to the lock");
        wait_breath();
    }
}

static void until_gone(pid_t pid) {
    for (int64_t deadline = wait_deadline(); status_of(pid, "Pid:")[0];) {
        cr_assert_gt(wait_left_ms(deadline), 0, "process %d stays: %s", (int)pid,
                     status_of(pid, "State:"));
        wait_breath();
    }
}

/* ---- while it starts ---- */

static const struct {
    int signo;
    const char *outcome; /* NULL: the server ends */
} orders[] = {{SIGHUP, "reloaded: room"},
              {SIGUSR1, "log reopened"},
              {SIGUSR2, "upgraded: room"},
              {SIGTERM, NULL},
              {SIGINT, NULL},
              {SIGQUIT, NULL}};
enum { ORDERS = sizeof orders / sizeof orders[0] };

static int at_once;
static void send_at_once(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    kill(getpid(), at_once);
}

/* Pending since before the program's first instruction. */
Test(signals, one_that_came_before_the_first_instruction_is_obeyed) {
    run_before_exec = send_at_once;
    for (int i = 0; i < ORDERS; i++) {
        at_once = orders[i].signo;
        struct server *s = server_start("workers = 1\n");
        s->workers_may_die = at_once == SIGUSR2;
        if (orders[i].outcome) {
            server_logged(s, "%s", orders[i].outcome);
            server_stop(s);
        } else {
            server_ended(s);
        }
    }
}

Test(signals, one_that_comes_during_the_start_is_obeyed) {
    network_own();
    for (int i = 0; i < ORDERS; i++) {
        struct server *s = server_prepare();
        int lock = network_hold();
        server_configure(s, "workers = 1\n");
        char *argv[] = {run_server_path(), "-c", s->conf, NULL};
        s->pid = run_start(HERE, argv, s->err, s->err);
        s->cleaner[1] = run_cleaner(HERE, s->pid, NULL);
        until_waiting(s->pid);
        kill(s->pid, orders[i].signo);
        close(lock);
        server_wait_ready(s);
        s->workers_may_die = orders[i].signo == SIGUSR2;
        if (orders[i].outcome) {
            server_logged(s, "%s", orders[i].outcome);
            server_stop(s);
        } else {
            server_ended(s);
        }
    }
}

/* With -d the process that was started is the one whose pid the starter has. */
Test(signals, the_process_that_waits_for_a_detached_server_is_not_killed) {
    static const int ignored[] = {SIGHUP, SIGUSR1, SIGUSR2};
    network_own();
    struct server *s = server_prepare();
    char pidfile[300];
    int status, lock = network_hold();
    snprintf(pidfile, sizeof pidfile, "%s/pid", s->dir);
    server_configure(s, "workers = 1\nlog = %s/log\npidfile = %s\n", s->dir, pidfile);
    char *argv[] = {run_server_path(), "-dc", s->conf, NULL};
    pid_t starter = run_start(HERE, argv, s->err, s->err);
    for (int64_t deadline = wait_deadline(); access(pidfile, F_OK) != 0;) {
        cr_assert_gt(wait_left_ms(deadline), 0);
        wait_breath();
    }
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        kill(starter, ignored[i]);
    close(lock);
    cr_assert(run_wait(starter, &status, wait_deadline()));
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    char *text = run_read_file(pidfile);
    pid_t pid = text ? (pid_t)atoi(text) : 0;
    free(text);
    cr_assert_gt(pid, 0);
    kill(pid, SIGTERM);
    until_gone(pid);
}

static bool has_pipe(pid_t pid) {
    char path[64], link[64];
    for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t n = readlink(path, link, sizeof link);
        if (n > 5 && strncmp(link, "pipe:", 5) == 0)
            return true;
    }
    return false;
}

/* The detached server has told the process that waits that it is ready, and has closed their pipe.
 */
static void until_told(const char *pidfile) {
    for (int64_t deadline = wait_deadline();;) {
        char *text = run_read_file(pidfile);
        pid_t pid = text ? (pid_t)atoi(text) : 0;
        free(text);
        if (pid > 0 && !has_pipe(pid))
            return;
        cr_assert_gt(wait_left_ms(deadline), 0);
        wait_breath();
    }
}

/* `late`: the process that waits sees the signal no earlier than that the server is ready. */
static void detached_server_is_stopped(bool late) {
    static const int stops[] = {SIGTERM, SIGINT, SIGQUIT};
    network_own();
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        struct server *s = server_prepare();
        char pidfile[300];
        int status, lock = network_hold();
        snprintf(pidfile, sizeof pidfile, "%s/pid", s->dir);
        snprintf(s->log, sizeof s->log, "%s/log", s->dir);
        server_configure(s, "workers = 1\nlog = %s\npidfile = %s\n", s->log, pidfile);
        char *argv[] = {run_server_path(), "-dc", s->conf, NULL};
        pid_t starter = run_start(HERE, argv, s->err, s->err);
        s->pid = starter;
        for (int64_t deadline = wait_deadline(); access(pidfile, F_OK) != 0;) {
            cr_assert_gt(wait_left_ms(deadline), 0);
            wait_breath();
        }
        if (late) {
            kill(starter, SIGSTOP);
            usage_wait_state(starter, 'T');
        }
        kill(starter, stops[i]);
        close(lock);
        if (late) {
            until_told(pidfile);
            kill(starter, SIGCONT);
        }
        cr_assert(run_wait(starter, &status, wait_deadline()));
        cr_assert(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
        for (int64_t deadline = wait_deadline(); access(pidfile, F_OK) == 0;) {
            cr_assert_gt(wait_left_ms(deadline), 0, "the server goes on");
            wait_breath();
        }
        cr_assert_eq(server_log_count(s, "saying goodbye"), 1);
    }
}

Test(signals, a_stop_of_the_process_that_waits_ends_the_detached_server) {
    detached_server_is_stopped(false);
}

Test(signals, a_stop_of_the_process_that_waits_as_the_server_becomes_ready) {
    detached_server_is_stopped(true);
}

/* ---- before main ---- */

static void traced(void) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

/* The system call that the stopped process enters; -1: it does not enter one. */
static long entered(pid_t pid, uint64_t *argument) {
    struct {
        uint8_t op, pad[3];
        uint32_t arch;
        uint64_t at, stack, call, args[6];
    } info = {0};
    if (ptrace(SYSCALL_INFO, pid, (void *)sizeof info, &info) < 0 || info.op != SYSCALL_ENTRY)
        return -1;
    *argument = info.args[0];
    return (long)info.call;
}

/* The first call of main is prctl(PR_SET_DUMPABLE). */
Test(signals, are_blocked_before_main) {
    char *argv[] = {run_server_path(), "-V", NULL};
    uint64_t argument = 0, blocked = 0;
    int status;
    run_before_exec = traced;
    pid_t pid = run_start(HERE, argv, "/dev/null", "/dev/null");
    int cleaner = run_cleaner(HERE, pid, NULL);
    for (long call = -1; !(call == SYS_prctl && argument == PR_SET_DUMPABLE);) {
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        if (!WIFSTOPPED(status))
            skip_test("this machine allows no ptrace");
        ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD);
        call = entered(pid, &argument);
        const char *mask = status_of(pid, "SigBlk:");
        blocked = strtoull(mask + strlen("SigBlk:"), NULL, 16);
        ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
    }
    for (int i = 0; i < ORDERS; i++)
        cr_assert(blocked >> (orders[i].signo - 1) & 1, "signal %d is not blocked",
                  orders[i].signo);
    kill(pid, SIGKILL);
    close(cleaner);
}

/* ---- what the starter has left ---- */

static void ignore_children(void) {
    signal(SIGCHLD, SIG_IGN);
}

/* Else the kernel reaps a worker before the master learns how it died. */
Test(signals, a_starter_that_ignored_sigchld) {
    run_before_exec = ignore_children;
    struct server *s = server_start("workers = 1\n");
    s->workers_may_die = true;
    kill(server_worker_pid(s, 0), SIGKILL);
    server_logged(s, "worker 0 was killed by signal 9 (Killed); replacing it");
    server_stop(s);
}

static void close_readers(void) {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], 1) < 0 || dup2(ends[1], 2) < 0)
        _exit(126);
    close(ends[0]);
    close(ends[1]);
}

Test(signals, a_reader_of_its_errors_that_has_ended) {
    static struct ran ran;
    struct server *s = server_prepare();
    server_configure(s, "bogus = 1\n");
    run_before_exec = close_readers;
    run(&ran, run_server_path(), "-c", s->conf);
    cr_assert_eq(ran.status, 1, "%d", ran.status);
    snprintf(s->log, sizeof s->log, "%s/log", s->dir);
    server_launch(s, "workers = 1\nlog = %s\n", s->log);
    guest_close(guest_enter(s, "ann"));
    server_stop(s);
}

/* The kernel sends SIGHUP, which reloads; lines to the terminal are lost. */
Test(signals, a_terminal_that_is_closed_does_not_end_it) {
    int status;
    struct server *s = server_prepare();
    server_configure(s, "workers = 1\nconnect_rate = 0\nroom = Den\n");
    char command[800];
    snprintf(command, sizeof command, "exec '%s' -c '%s'", run_server_path(), s->conf);
    struct pty *p = pty_run("sh", "-c", command);
    pty_expect(p, "listening on 127.0.0.1:");
    size_t port = p->at;
    pty_expect(p, ", pid ");
    s->port = (uint16_t)atoi(p->screen + port);
    server_configure(s, "workers = 1\nconnect_rate = 0\nroom = Hall\n");
    close(p->fd);
    for (int64_t deadline = wait_deadline();;) {
        struct guest *g = guest_connect(s);
        bool reloaded = strcmp(guest_next(g), "Welcome to Hall") == 0;
        guest_close(g);
        if (reloaded)
            break;
        cr_assert_gt(wait_left_ms(deadline), 0, "SIGHUP is not obeyed");
        wait_breath(); /* else a busy machine sees thousands of connections */
    }
    kill(p->pid, SIGTERM);
    cr_assert(run_wait(p->pid, &status, wait_deadline()));
    cr_assert_eq(status, 0);
}

/* `stty tostop`: a background job is stopped when it writes to the terminal. */
Test(signals, in_the_background_of_a_terminal_it_is_not_stopped) {
    struct server *s = server_prepare();
    server_configure(s, "workers = 2\n");
    char command[800];
    snprintf(command, sizeof command, "stty tostop; set -m; '%s' -c '%s' & cat", run_server_path(),
             s->conf);
    struct pty *p = pty_run("sh", "-c", command);
    pty_expect(p, "listening on 127.0.0.1:");
    size_t port = p->at;
    pty_expect(p, ", pid ");
    size_t pid = p->at;
    pty_expect(p, "\n");
    s->port = (uint16_t)atoi(p->screen + port);
    guest_close(guest_enter(s, "ann"));
    pty_expect(p, "is ann");
    kill((pid_t)atoi(p->screen + pid), SIGTERM);
    pty_expect(p, "ended");
    pty_type(p, "\x04"); /* the end of cat's input */
    pty_end(p);
}

/* ---- children that are none of the server's ---- */

static pid_t child(bool ends) {
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        while (!ends)
            pause();
        _exit(0);
    }
    return pid;
}

static int *children; /* shared with the program's process before it executes the server */
enum { CHILDREN = 5 };

static void leave_children(void) {
    for (int i = 0; i < CHILDREN; i++)
        children[i] = child(i == 0);
    siginfo_t info;
    waitid(P_PID, (id_t)children[0], &info, WEXITED | WNOWAIT); /* a zombie, and no SIGCHLD */
}

static struct server *with_children(void) {
    children = mmap(NULL, CHILDREN * sizeof *children, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(children, MAP_FAILED);
    run_before_exec = leave_children;
    struct server *s = server_start("workers = 2\n");
    s->workers_may_die = true;
    return s;
}

Test(signals, children_from_before_the_start_are_reaped) {
    struct server *s = with_children();
    until_gone(children[0]);
    for (int i = 1; i < CHILDREN; i++)
        kill(children[i], SIGKILL);
    for (int i = 1; i < CHILDREN; i++)
        until_gone(children[i]);
    cr_assert_eq(server_log_count(s, "replacing it"), 0);
    server_stop(s);
}

/* Deaths of both kinds at one moment, and a stopped child among them. */
Test(signals, workers_are_supervised_among_other_children) {
    struct server *s = with_children();
    struct guest *ann = guest_enter(s, "ann");
    pid_t worker[] = {server_worker_pid(s, 0), server_worker_pid(s, 1)};
    kill(children[1], SIGSTOP);
    kill(s->pid, SIGSTOP);
    kill(children[2], SIGKILL);
    kill(worker[0], SIGKILL);
    kill(children[3], SIGTERM);
    kill(worker[1], SIGKILL);
    kill(s->pid, SIGCONT);
    server_logged(s, "worker 0 was killed by signal 9");
    server_logged(s, "worker 1 was killed by signal 9");
    until_gone(children[2]);
    until_gone(children[3]);
    guest_say(ann, "still here");
    guest_until(ann, "ann: still here");
    kill(server_worker_pid(s, 0), SIGSTOP);
    server_logged(s, "worker 0 was stopped");
    kill(server_worker_pid(s, 0), SIGCONT);
    kill(children[1], SIGKILL);
    until_gone(children[1]);
    kill(children[4], SIGKILL);
    until_gone(children[4]);
    server_stop(s);
}

/* How many children the process has; *last is one that is no worker of the server's. */
static int count_children(const struct server *s) {
    char path[80];
    int n = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)s->pid, (int)s->pid);
    char *text = run_read_file(path);
    for (char *at = text; at && *at; at++)
        n += *at == ' ';
    free(text);
    return n;
}

static void until_children(const struct server *s, int n) {
    for (int64_t deadline = wait_deadline(); count_children(s) != n;) {
        cr_assert_gt(wait_left_ms(deadline), 0, "%d children, not %d", count_children(s), n);
        wait_breath();
    }
}

/* An orphan of the namespace becomes a child of its process 1, the server. */
static void orphan(int stay) {
    pid_t parent = fork();
    cr_assert_geq(parent, 0);
    if (parent == 0) {
        if (fork() != 0)
            _exit(0);
        char byte;
        (void)!read(stay, &byte, 1);
        _exit(0);
    }
    waitpid(parent, NULL, 0);
}

Test(signals, process_1_reaps_orphans_and_obeys) {
    int stay[2], before = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    char path[64];
    struct server *s = server_prepare();
    cr_assert_eq(pipe(stay), 0);
    if (unshare(CLONE_NEWPID) != 0)
        skip_test("only root can make a pid namespace");
    server_configure(s, "workers = 2\n");
    char *argv[] = {run_server_path(), "-c", s->conf, NULL};
    s->pid = run_start(HERE, argv, s->err, s->err); /* the first process of the new namespace */
    cr_assert_eq(setns(before, CLONE_NEWPID), 0);   /* which ends only after all others in it */
    s->cleaner[1] = run_cleaner(HERE, s->pid, NULL);
    server_wait_ready(s);
    server_logged(s, "workers, pid 1");
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)s->pid);
    cr_assert_eq(setns(open(path, O_RDONLY | O_CLOEXEC), CLONE_NEWPID), 0);
    until_children(s, 3); /* the master and its workers */
    for (int i = 0; i < 10; i++)
        orphan(stay[0]);
    until_children(s, 13);
    cr_assert_eq(write(stay[1], "0123456789", 10), 10);
    until_children(s, 3);
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: ");
    server_stop(s);
}
