/* upgrade.c - see upgrade.h. */
#include "master/upgrade.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHECK_MS = 2000 };

extern char **environ;

int upgrade_inherited(void) {
    const char *fd = getenv(UPGRADE_ENV);
    return fd ? atoi(fd) : -1;
}

bool upgrade_only_check(void) {
    return getenv(UPGRADE_CHECK_ENV) != NULL;
}

static void set_segment(int fd) {
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    setenv(UPGRADE_ENV, number, 1);
}

/* In the child: nothing of ours but the segment and standard error, which the parent reads. */
static void check_run(const struct supervisor *s, int report, char **argv) {
    const struct master_state *master = &s->seg->header->master;
    dup2(report, STDERR_FILENO);
    int segment = dup2(s->seg->fd, STDERR_FILENO + 1);
    close_range(STDERR_FILENO + 2, ~0u, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    set_segment(segment);
    setenv(UPGRADE_CHECK_ENV, "1", 1);
    execve(master->binary_path, argv, environ);
    dprintf(STDERR_FILENO, "%s: %s", master->binary_path, strerror(errno));
    _exit(1);
}

/* What the checker says within its time, one line; an empty line is agreement if it also exits 0.
 */
static bool check_hear(int from, pid_t pid, char *said, size_t size) {
    uint64_t until = clock_ms() + CHECK_MS;
    size_t len = 0;
    bool ended = false;
    while (!ended && clock_ms() < until) {
        struct pollfd wait = {.fd = from, .events = POLLIN};
        if (poll(&wait, 1, (int)(until - clock_ms())) <= 0)
            continue;
        char more[256];
        ssize_t n = read(from, more, sizeof more);
        ended = n <= 0;
        for (ssize_t i = 0; i < n && len + 1 < size; i++)
            said[len++] = more[i] == '\n' ? ' ' : more[i];
    }
    said[len] = '\0';
    int status = 0;
    while (ended && waitpid(pid, &status, WNOHANG) == 0) {
        ended = clock_ms() < until;
        usleep(1000);
    }
    if (!ended) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        snprintf(said, size, "no answer within %d ms", CHECK_MS);
    }
    if (len == 0 && ended && WIFEXITED(status))
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
    pid_t pid = fork(); /* a table of its own: the workers' descriptors must not be closed */
    if (pid == 0)
        check_run(s, pipe_fds[1], argv);
    close(pipe_fds[1]);
    bool agrees = pid > 0 && check_hear(pipe_fds[0], pid, said, sizeof said);
    close(pipe_fds[0]);
    if (pid < 0)
        log_warn_errno("upgrade: fork");
    else if (!agrees)
        log_error("upgrade refused: %s; going on as before", said[0] ? said : "it gave no reason");
    return agrees;
}

static void go_on(struct supervisor *s) {
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
        log_error("upgrade refused: a worker cannot be killed; going on as before");
        go_on(s);
        return;
    }
    FAULT("upgrade.exec.before");
    set_segment(s->seg->fd);
    unsetenv(UPGRADE_CHECK_ENV);
    unsetenv(UPGRADE_RETURN_ENV);
    execve(master->binary_path, argv, environ);
    log_error_errno("upgrade: %s", master->binary_path);
    unsetenv(UPGRADE_ENV);
    go_on(s);
}

void upgrade_go_back(const struct segment_header *header, char **argv) {
    int binary = header->master.binary_fd;
    if (getenv(UPGRADE_RETURN_ENV) || binary < 0)
        return;
    log_error("going back to the binary before");
    setenv(UPGRADE_RETURN_ENV, "1", 1);
    fexecve(binary, argv, environ);
    log_error_errno("upgrade: the binary before");
}

void upgrade_keep_binary(struct segment *seg) {
    int fd = open("/proc/self/exe", O_RDONLY);
    int old = seg->header->master.binary_fd;
    if (fd < 0)
        return;
    seg->header->master.binary_fd = fd;
    if (old > 0)
        close(old);
    unsetenv(UPGRADE_ENV);
    unsetenv(UPGRADE_RETURN_ENV);
}
