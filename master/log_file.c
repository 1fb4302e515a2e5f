/* log_file.c - see log_file.h. */
#include "master/log_file.h"

#include "ipc/log.h"
#include "master/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* These are not opened by their paths: that would fail for a socket, as systemd gives, and for
 * another user's pipe. */
int log_file_standard(const struct config *config) {
    static const struct {
        const char *name;
        int fd;
    } standard[] = {
        {"stderr", STDERR_FILENO},          {"/dev/stderr", STDERR_FILENO},
        {"/dev/stdout", STDOUT_FILENO},     {"/dev/fd/1", STDOUT_FILENO},
        {"/dev/fd/2", STDERR_FILENO},       {"/proc/self/fd/1", STDOUT_FILENO},
        {"/proc/self/fd/2", STDERR_FILENO},
    };
    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++) {
        if (strcmp(config->log, standard[i].name) == 0)
            return standard[i].fd;
    }
    return -1;
}

/* Two processes may find room for one line in a pipe, and both write; the second must not wait.  So
 * a pipe or a terminal is opened anew, with O_NONBLOCK: on the descriptor that is there, the flag
 * would be set for the program that has started the server, too.  Where that is refused, as for
 * another user's pipe, the descriptor is copied. */
static int log_file_copy(int standard) {
    char path[64];
    struct stat is;
    int fd = -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", standard);
    if (fstat(standard, &is) == 0 && (S_ISFIFO(is.st_mode) || S_ISCHR(is.st_mode)))
        fd = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY);
    return fd >= 0 ? fd : dup(standard);
}

/* Says it where lines have gone so far. */
static void log_file_try_syslog(void) {
    const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = LOG_SYSLOG_PATH};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        log_warn_errno("log = syslog: lines are lost until it is there: " LOG_SYSLOG_PATH);
    if (fd >= 0)
        close(fd);
}

bool log_file_is_path(const struct config *config) {
    return log_file_standard(config) < 0 && strcmp(config->log, "syslog") != 0;
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

/* O_NONBLOCK: if the path is a pipe without a reader, open fails instead of waiting. */
static struct trusted_file log_file_at(const struct config *config) {
    return (struct trusted_file){.what = "log",
                                 .path = config->log,
                                 .user = config->user,
                                 .flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY,
                                 .mode = 0640,
                                 .any_kind = true,
                                 .give = true};
}

bool log_file_check(const struct config *config, char *err, size_t err_size) {
    const struct trusted_file file = log_file_at(config);
    return !log_file_is_path(config) || trusted_file_check(&file, err, err_size);
}

/* The log at its path: its descriptor, or -1 with a sentence. */
static int log_file_open_path(const struct config *config, char *err, size_t err_size) {
    const struct trusted_file file = log_file_at(config);
    return trusted_file_open(&file, err, err_size);
}

/* The descriptor of the configured target, or -1 with a sentence. */
static int log_file_target(const struct config *config, enum log_target *target, char *err,
                           size_t err_size) {
    int standard = log_file_standard(config);
    bool syslog = strcmp(config->log, "syslog") == 0;
    *target = syslog ? LOG_TO_SYSLOG : LOG_TO_FD;
    if (log_file_is_path(config))
        return log_file_open_path(config, err, err_size);
    if (syslog)
        log_file_try_syslog();
    int fd = syslog ? socket(AF_UNIX, SOCK_DGRAM, 0) : log_file_copy(standard);
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

bool log_file_reopen(struct master_state *state, const struct config *config) {
    char err[512];
    if (!log_file_is_path(config) || log_file_open(state, config, err, sizeof err)) {
        log_info("log reopened");
        return true;
    }
    log_error("%s; logging goes on where it was", err);
    return false;
}
