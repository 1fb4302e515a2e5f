/* upgrade.c - see upgrade.h. */
#include "master/upgrade.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/system.h"
#include "master/config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    UPGRADE_CHECK_MS = 2000, /* for the new binary to agree */
    UPGRADE_BEAT_MS = 50
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
static bool upgrade_name_segment(int fd) {
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    return setenv(UPGRADE_ENV, number, 1) == 0;
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
    if (segment >= 0 && upgrade_name_segment(segment) && setenv(UPGRADE_CHECK_ENV, "1", 1) == 0)
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
    standby_reap(s->seg->header, 0);
    supervisor_start_all(s);
    supervisor_finish_retired(s);
}

void upgrade(struct supervisor *s, char **argv, resume_entry resume) {
    const struct master_state *master = &s->seg->header->master;
    log_info("upgrading to %s", master->binary_path);
    if (!upgrade_agrees(s, argv))
        return;
    if (!standby_start(s->seg, resume)) {
        log_error_errno("upgrade refused: fork; going on as before");
        return;
    }
    if (!supervisor_kill_all(s)) {
        log_error("upgrade refused: a process cannot be killed; going on as before");
        upgrade_give_up(s);
        return;
    }
    request_execute(s->seg->requests, "upgrade"); /* no worker of this binary is left */
    FAULT("upgrade.exec.before");
    unsetenv(UPGRADE_CHECK_ENV);
    unsetenv(UPGRADE_RETURN_ENV);
    if (upgrade_name_segment(s->seg->fd)) /* else the new binary would start a server of its own */
        execve(master->binary_path, argv, environ);
    log_error_errno("upgrade: %s", master->binary_path);
    request_execute_failed(s->seg->requests);
    unsetenv(UPGRADE_ENV);
    upgrade_give_up(s);
}

void upgrade_go_back(struct segment *seg, char **argv, const char *why) {
    int binary = seg->header->master.binary_fd;
    char outcome[512];
    if (getenv(UPGRADE_RETURN_ENV) || binary < 0)
        return;
    log_error("going back to the binary before");
    snprintf(outcome, sizeof outcome, "upgrade: %s; going back to the binary before", why);
    request_end_executing(seg->requests, false, outcome);
    if (setenv(UPGRADE_RETURN_ENV, "1", 1) == 0) /* without it the two would take turns for ever */
        fexecve(binary, argv, environ);
    log_error_errno("upgrade: the binary before");
}

void upgrade_keep_binary(struct segment *seg) {
    int fd = open("/proc/self/exe", O_RDONLY);
    int old = seg->header->master.binary_fd;
    unsetenv(UPGRADE_ENV);
    unsetenv(UPGRADE_RETURN_ENV);
    if (fd < 0) {
        log_warn_errno("/proc/self/exe: a binary that fails after an upgrade cannot go back to "
                       "this one");
        return;
    }
    seg->header->master.binary_fd = fd;
    if (old > 0)
        close(old);
}
