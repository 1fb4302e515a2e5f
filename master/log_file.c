/* log_file.c - see log_file.h. */
#include "master/log_file.h"

#include "ipc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes the file the property of the configured user, so that the server can open it again after
 * privileges were dropped.  Only a regular file with one name is given away: in a folder that the
 * user may write to, the path can be a link to any file of the system.  If fchown fails, opening
 * the log again fails later and the log says so then. */
static void log_file_give(int fd, const struct config *config) {
    const struct passwd *user = config->user[0] ? getpwnam(config->user) : NULL;
    struct stat at, is;
    if (!user || geteuid() != 0 || lstat(config->log, &at) != 0 || fstat(fd, &is) != 0)
        return;
    if (S_ISREG(at.st_mode) && is.st_nlink == 1 && at.st_ino == is.st_ino && at.st_dev == is.st_dev)
        (void)!fchown(fd, user->pw_uid, (gid_t)-1);
}

/* The descriptor of the configured target, or -1 with errno. */
static int log_file_target(const struct config *config, enum log_target *target) {
    *target = LOG_TO_FD;
    if (strcmp(config->log, "stderr") == 0)
        return dup(STDERR_FILENO);
    if (strcmp(config->log, "syslog") == 0) {
        *target = LOG_TO_SYSLOG;
        return socket(AF_UNIX, SOCK_DGRAM, 0);
    }
    /* O_NONBLOCK: if the path is a pipe without a reader, open fails instead of waiting. */
    int fd = open(config->log, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, 0640);
    if (fd >= 0)
        log_file_give(fd, config);
    return fd;
}

/* Moves `fd` to the log's number, if the log has one already.  False with errno; fd is closed. */
static bool log_file_place(struct master_state *state, int fd) {
    if (state->log_fd <= 0) {
        state->log_fd = fd;
        return true;
    }
    bool moved = dup2(fd, state->log_fd) >= 0;
    int error = errno;
    close(fd);
    errno = error;
    return moved;
}

bool log_file_open(struct master_state *state, const struct config *config, char *err,
                   size_t err_size) {
    enum log_target target;
    int fd = log_file_target(config, &target);
    if (fd < 0 || !log_file_place(state, fd)) {
        snprintf(err, err_size, "log %s: %s", config->log, strerror(errno));
        return false;
    }
    __atomic_store_n(&state->log_target, target, __ATOMIC_RELAXED);
    log_to(state->log_fd, &state->log_target);
    log_set_level(config->log_level);
    return true;
}

void log_file_reopen(struct master_state *state, const struct config *config) {
    char err[512];
    if (log_file_open(state, config, err, sizeof err))
        log_info("log reopened");
    else
        log_error("%s; logging goes on where it was", err);
}
