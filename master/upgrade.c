/* upgrade.c - see upgrade.h. */
#include "master/upgrade.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/system.h"
#include "master/config.h"
#include "master/standby.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    UPGRADE_CHECK_MS = 2000, /* for the new binary to agree */
    UPGRADE_BEAT_MS = 50,
    UPGRADE_BACK_S = 2 /* for a new binary until its first worker; less than the standby waits */
};

extern char **environ;

int upgrade_inherited(void) {
    const char *fd = getenv(UPGRADE_ENV);
    return fd ? atoi(fd) : -1;
}

bool upgrade_only_check(void) {
    return getenv(UPGRADE_CHECK_ENV) != NULL;
}

bool upgrade_check_config(const struct segment *seg) {
    static struct config config;
    static struct config_errors errors;
    if (config_parse(seg->header->master.conf_path, &config, &errors) == 0)
        return true;
    config_print_errors(&errors, stderr);
    return false;
}

/* False with errno. */
static bool upgrade_name(const char *variable, int fd) {
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    return setenv(variable, number, 1) == 0;
}

/* In the child.  The new binary receives nothing but the segment, and standard error, from which
 * the parent reads. */
static void upgrade_run_check(const struct supervisor *s, int report, char **argv) {
    const struct master_state *master = &s->seg->header->master;
    if (dup2(report, STDERR_FILENO) < 0)
        _exit(1);
    int segment = dup2(s->seg->fd, STDERR_FILENO + 1);
    system_close_from(STDERR_FILENO + 2);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (segment >= 0 && upgrade_name(UPGRADE_ENV, segment) &&
        setenv(UPGRADE_CHECK_ENV, "1", 1) == 0)
        execve(master->binary_path, argv, environ);
    dprintf(STDERR_FILENO, "%s: %s", master->binary_path, strerror(errno));
    _exit(1);
}

/* Reads what the check prints, as one line, until it closes its end.  False at `until`. */
static bool upgrade_read_answer(struct segment *seg, int from, uint64_t until, char *said,
                                size_t size) {
    size_t len = 0;
    bool ended = false;
    while (!ended && clock_ms() < until) {
        struct pollfd wait = {.fd = from, .events = POLLIN};
        char more[256];
        watchdog_beat(seg); /* the master waits, and does not hang */
        if (poll(&wait, 1, UPGRADE_BEAT_MS) <= 0)
            continue;
        ssize_t n = read(from, more, sizeof more);
        ended = n <= 0;
        for (ssize_t i = 0; i < n && len + 1 < size; i++)
            said[len++] = more[i] == '\n' ? ' ' : more[i];
    }
    while (len > 0 && said[len - 1] == ' ')
        len--;
    said[len] = '\0';
    return ended;
}

/* Whether the check agrees within its time; else said[] is the reason. */
static bool upgrade_hear(struct segment *seg, int from, pid_t pid, char *said, size_t size) {
    uint64_t until = clock_ms() + UPGRADE_CHECK_MS;
    bool ended = upgrade_read_answer(seg, from, until, said, size);
    int status = 0;
    while (ended && waitpid(pid, &status, WNOHANG) == 0) {
        watchdog_beat(seg);
        ended = clock_ms() < until;
        usleep(1000);
    }
    if (!ended) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        snprintf(said, size, "no answer within %d ms", UPGRADE_CHECK_MS);
    }
    if (said[0] == '\0' && WIFEXITED(status))
        snprintf(said, size, "it is no chatroom-master: it ended with status %d and no answer",
                 WEXITSTATUS(status));
    return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0 && strstr(said, UPGRADE_AGREES);
}

static bool upgrade_agrees(struct supervisor *s, char **argv) {
    int pipe_fds[2];
    char said[512];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        log_warn_errno("upgrade: pipe");
        return false;
    }
    pid_t pid = fork(); /* not a clone: it closes descriptors, so it needs a table of its own */
    if (pid == 0)
        upgrade_run_check(s, pipe_fds[1], argv);
    close(pipe_fds[1]);
    bool agrees = pid > 0 && upgrade_hear(s->seg, pipe_fds[0], pid, said, sizeof said);
    close(pipe_fds[0]);
    if (pid < 0)
        log_warn_errno("upgrade: fork");
    else if (!agrees)
        log_error("upgrade refused: %s; going on as before", said[0] ? said : "it gave no reason");
    return agrees;
}

/* After the workers were killed. */
static void upgrade_give_up(struct supervisor *s) {
    standby_cancel(s->seg->header);
    request_execute_failed(s->seg->requests);
    supervisor_start_all(s);
    supervisor_finish_retired(s);
}

void upgrade(struct supervisor *s, char **argv) {
    log_info("upgrading to %s", s->seg->header->master.binary_path);
    if (!upgrade_agrees(s, argv))
        return;
    if (!standby_begin(s->seg)) {
        log_error_errno("upgrade refused: pidfd_open; going on as before");
        return;
    }
    if (!supervisor_kill_all(s)) {
        log_error("upgrade refused: a process cannot be killed; going on as before");
        upgrade_give_up(s);
        return;
    }
    request_execute(s->seg->requests, "upgrade"); /* no worker of this binary is left */
    standby_run(s->seg, s->guardian);
    upgrade_give_up(s);
}

void upgrade_execute(struct segment *seg, char **argv) {
    const struct master_state *master = &seg->header->master;
    FAULT("upgrade.exec.before");
    fcntl(seg->fd, F_SETFD, 0); /* a conversion has made them so that going back closes them */
    fcntl(seg->header->view_fd, F_SETFD, 0);
    unsetenv(UPGRADE_CHECK_ENV);
    unsetenv(UPGRADE_RETURN_ENV);
    /* Without the first, the new binary would start a server of its own. */
    if (upgrade_name(UPGRADE_ENV, seg->fd) && upgrade_name(UPGRADE_BINARY_ENV, master->binary_fd))
        execve(master->binary_path, argv, environ);
    log_error_errno("upgrade: %s", master->binary_path);
    unsetenv(UPGRADE_ENV);
    FAULT("upgrade.exec.failed");
    atomic_store(&seg->header->execute, EXECUTE_FAILED);
    FAULT("upgrade.exec.failed.after");
}

/* ---- the way back ---- */

static struct {
    struct segment *seg; /* NULL: not mapped yet, so no process was started */
    char **argv;
    int binary;    /* -1: there is no way back */
    int left;      /* the descriptor that this is, also in the binary before; -1: none */
    bool returned; /* this is the binary before, again */
} upgrade_back = {.binary = -1, .left = -1};

static const int upgrade_signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGALRM};
enum { UPGRADE_SIGNALS = sizeof upgrade_signals / sizeof upgrade_signals[0] };

/* Whether the old binary may go on.  The new one's master would not know it in a segment that is
 * not its own. */
static bool upgrade_return(void) {
    struct segment *seg = upgrade_back.seg;
    if (!seg)
        return true;
    if (!standby_return(seg->header))
        return false;
    pid_t pid = atomic_load(&seg->slots[MASTER_SLOT].pid);
    if (pid > 0 && pid != getpid())
        kill(pid, SIGKILL);
    return true;
}

/* Calls nothing that is not safe in a handler; environ has had its new variable since before. */
static void upgrade_on_fault(int signo) {
    if (upgrade_return())
        syscall(SYS_execveat, upgrade_back.binary, "", upgrade_back.argv, environ, AT_EMPTY_PATH);
    if (signo == SIGALRM)
        return; /* a worker was first: the new binary serves */
    signal(signo, SIG_DFL);
    raise(signo);
}

static void upgrade_handle(void (*handler)(int)) {
    static char stack[1 << 16]; /* the fault may be that there is no other left */
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_NODEFER};
    sigset_t set;
    sigaltstack(&other, NULL);
    sigemptyset(&set);
    for (int i = 0; i < UPGRADE_SIGNALS; i++) {
        sigaction(upgrade_signals[i], &act, NULL);
        sigaddset(&set, upgrade_signals[i]);
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Two binaries that both fail would take turns for ever. */
static void upgrade_open_back(int binary, char **argv) {
    upgrade_back.left = binary;
    if (upgrade_back.returned)
        return;
    upgrade_back.binary = binary;
    upgrade_back.argv = argv;
    setenv(UPGRADE_RETURN_ENV, "1", 1);
    upgrade_handle(upgrade_on_fault);
    upgrade_more_time();
}

void upgrade_begin(char **argv) {
    const char *binary = getenv(UPGRADE_BINARY_ENV);
    upgrade_back.returned = getenv(UPGRADE_RETURN_ENV) != NULL;
    if (binary && !upgrade_only_check())
        upgrade_open_back(atoi(binary), argv);
}

bool upgrade_returned(void) {
    return upgrade_back.returned;
}

void upgrade_more_time(void) {
    const struct itimerval once = {.it_value = {.tv_sec = UPGRADE_BACK_S}};
    if (upgrade_back.binary >= 0)
        setitimer(ITIMER_REAL, &once, NULL);
}

void upgrade_mapped(struct segment *seg, char **argv) {
    upgrade_back.seg = seg;
    standby_adopt(seg->header);
    if (upgrade_back.left < 0 && seg->header->master.binary_fd >= 0)
        upgrade_open_back(seg->header->master.binary_fd, argv);
}

void upgrade_end(void) {
    const struct itimerval never = {.it_value = {.tv_sec = 0}};
    unsetenv(UPGRADE_ENV);
    unsetenv(UPGRADE_BINARY_ENV);
    unsetenv(UPGRADE_RETURN_ENV);
    if (upgrade_back.binary < 0)
        return;
    upgrade_back.binary = -1;
    setitimer(ITIMER_REAL, &never, NULL);
    upgrade_handle(SIG_DFL);
}

void upgrade_commit(void) {
    upgrade_end();
    if (upgrade_back.left >= 0)
        close(upgrade_back.left);
    upgrade_back.left = -1;
}

void upgrade_go_back(struct segment *seg, const char *why) {
    char outcome[512];
    if (upgrade_back.binary < 0)
        return;
    log_error("going back to the binary before");
    snprintf(outcome, sizeof outcome, "upgrade: %s; going back to the binary before", why);
    if (seg->header)
        request_end_executing(seg->requests, false, outcome);
    upgrade_on_fault(SIGALRM);
    log_error_errno("upgrade: the binary before");
}

void upgrade_keep_binary(struct segment *seg) {
    int fd = open("/proc/self/exe", O_RDONLY);
    int old = seg->header->master.binary_fd;
    if (fd < 0) {
        log_warn_errno("/proc/self/exe: a binary that fails after an upgrade cannot go back to "
                       "this one");
        return;
    }
    seg->header->master.binary_fd = fd;
    if (old > 0 && old != upgrade_back.left)
        close(old);
}
