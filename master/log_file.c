/* log_file.c - see log_file.h. */
#include "master/log_file.h"

#include "ipc/log.h"
#include "master/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* /dev/stderr is not opened by its path: that would fail for a socket, as systemd gives, and for
 * another user's pipe. */
int log_file_standard(const struct config *config) {
    if (strcmp(config->log, "stderr") == 0 || strcmp(config->log, "/dev/stderr") == 0)
        return STDERR_FILENO;
    return strcmp(config->log, "/dev/stdout") == 0 ? STDOUT_FILENO : -1;
}

bool log_file_is_path(const struct config *config) {
    return log_file_standard(config) < 0 && strcmp(config->log, "syslog") != 0;
}

/* Makes a file that this start has created the property of the configured user, so that the server
 * can open it again after privileges were dropped.  Any other file keeps its owner: in a folder of
 * its own, that user may have moved a secret of root's here.  What the user cannot open again is
 * named at the start (privileges.c). */
static void log_file_give(int fd, const struct config *config) {
    const struct passwd *user = config->user[0] ? getpwnam(config->user) : NULL;
    if (user && geteuid() == 0)
        (void)!fchown(fd, user->pw_uid, (gid_t)-1);
}

/* Whether the file ends within a line.  The log's own descriptor cannot read. */
static bool log_file_is_torn(int fd) {
    char path[64], last = '\n';
    struct stat is;
    if (fstat(fd, &is) != 0 || !S_ISREG(is.st_mode) || is.st_size == 0)
        return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int reader = open(path, O_RDONLY | O_CLOEXEC);
    if (reader < 0)
        return false;
    (void)!pread(reader, &last, 1, is.st_size - 1);
    close(reader);
    return last != '\n';
}

/* The log at its path: its descriptor, or -1 with a sentence. */
static int log_file_open_path(const struct config *config, char *err, size_t err_size) {
    bool created;
    /* O_NONBLOCK: if the path is a pipe without a reader, open fails instead of waiting. */
    const struct trusted_file file = {.what = "log",
                                      .path = config->log,
                                      .user = config->user,
                                      .flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY,
                                      .mode = 0640,
                                      .any_kind = true,
                                      .created = &created};
    int fd = trusted_file_open(&file, err, err_size);
    if (fd >= 0 && created)
        log_file_give(fd, config);
    return fd;
}

/* The descriptor of the configured target, or -1 with a sentence. */
static int log_file_target(const struct config *config, enum log_target *target, char *err,
                           size_t err_size) {
    int standard = log_file_standard(config);
    bool syslog = strcmp(config->log, "syslog") == 0;
    *target = syslog ? LOG_TO_SYSLOG : LOG_TO_FD;
    if (log_file_is_path(config))
        return log_file_open_path(config, err, err_size);
    int fd = syslog ? socket(AF_UNIX, SOCK_DGRAM, 0) : dup(standard);
    if (fd < 0)
        snprintf(err, err_size, "log %s: %s", config->log, strerror(errno));
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
    int fd = log_file_target(config, &target, err, err_size);
    if (fd < 0)
        return false;
    bool torn = log_file_is_torn(fd);
    if (!log_file_place(state, fd)) {
        snprintf(err, err_size, "log %s: %s", config->log, strerror(errno));
        return false;
    }
    log_set_torn(&state->log, torn);
    atomic_store(&state->log.target, target);
    log_to(state->log_fd, &state->log);
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
