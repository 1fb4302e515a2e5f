/* detach.c - see detach.h. */
#include "master/detach.h"

#include "ipc/log.h"
#include "master/log_file.h"
#include "master/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool detach_failed(const char *step, char *err, size_t err_size) {
    snprintf(err, err_size, "cannot detach: %s: %s", step, strerror(errno));
    return false;
}

/* A stop that comes as the child becomes ready is passed on, too. */
static void detach_pass_on(int signal_fd, pid_t child) {
    for (enum signals_order order; (order = signals_read(signal_fd)) != SIGNALS_NONE;) {
        if (order == SIGNALS_STOP)
            kill(child, SIGTERM);
    }
}

/* In the parent: the exit status.  The end of the pipe without a byte is the child's failure, which
 * it has explained itself unless a signal killed it. */
static int detach_wait(int from, pid_t child) {
    char byte;
    int status = 0;
    struct pollfd wait[] = {{.fd = from, .events = POLLIN},
                            {.fd = signals_watch(), .events = POLLIN}};
    while (poll(wait, 2, -1) >= 0 && wait[0].revents == 0)
        detach_pass_on(wait[1].fd, child);
    detach_pass_on(wait[1].fd, child);
    if (read(from, &byte, 1) == 1)
        return EXIT_SUCCESS;
    if (waitpid(child, &status, 0) == child && WIFSIGNALED(status))
        fprintf(stderr, "chatroom-master: killed by signal %d (%s) before it was ready\n",
                WTERMSIG(status), strsignal(WTERMSIG(status)));
    return EXIT_FAILURE;
}

bool detach_begin(struct detach *detach, char *err, size_t err_size) {
    int ready[2], null = open("/dev/null", O_RDWR);
    if (null < 0)
        return detach_failed("/dev/null", err, err_size);
    if (pipe2(ready, 0) != 0) {
        detach_failed("pipe", err, err_size);
        close(null);
        return false;
    }
    pid_t child = fork();
    if (child > 0) {
        close(ready[1]);
        _exit(detach_wait(ready[0], child));
    }
    close(ready[0]);
    *detach = (struct detach){ready[1], null};
    if (child == 0 && setsid() >= 0)
        return true;
    detach_failed(child < 0 ? "fork" : "setsid", err, err_size);
    close(ready[1]);
    close(null);
    return false;
}

bool detach_end(struct detach *detach, const struct config *config, int log_fd, char *err,
                size_t err_size) {
    bool to_standard = log_file_standard(config) >= 0;
    if (detach->ready < 0)
        return true;
    if (to_standard)
        log_warn("log = %s, in the background: nothing is logged from here on", config->log);
    int replaced[] = {to_standard ? log_fd : STDIN_FILENO, STDIN_FILENO, STDOUT_FILENO,
                      STDERR_FILENO};
    for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++) {
        if (dup2(detach->null, replaced[i]) < 0)
            return detach_failed("dup2", err, err_size);
    }
    (void)!write(detach->ready, "", 1); /* fails only if the parent is gone */
    return true;
}

void detach_close(struct detach *detach) {
    if (detach->ready < 0)
        return;
    close(detach->ready);
    close(detach->null);
    *detach = DETACH_NONE;
}
