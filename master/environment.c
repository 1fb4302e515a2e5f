/* environment.c - see environment.h. */
#include "master/environment.h"

#include "ipc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Listeners, bells, epoll sets and pidfds of all slots, addresses that a reload may add, and some.
 */
static uint32_t reserve_for(const struct config *config) {
    return WORKERS_MAX * (config->listen_count + 1) + 3 * WORKERS_MAX + 64;
}

uint32_t descriptors_raise(struct config *config) {
    struct rlimit limit;
    rlim_t need = (rlim_t)config->max_clients + reserve_for(config);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    struct rlimit wanted = {need, limit.rlim_max > need ? limit.rlim_max : need};
    if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
        return (uint32_t)need;
    wanted = (struct rlimit){limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &wanted) != 0)
        wanted = limit;
    if (wanted.rlim_cur <= reserve_for(config))
        return 0;
    config->max_clients = (uint32_t)wanted.rlim_cur - reserve_for(config);
    log_warn("max_clients lowered to %u: the system allows %llu descriptors", config->max_clients,
             (unsigned long long)wanted.rlim_cur);
    return (uint32_t)wanted.rlim_cur;
}

void descriptors_grow(uint32_t descriptors) {
    if (dup2(STDERR_FILENO, (int)descriptors - 1) >= 0)
        close((int)descriptors - 1);
}

/* The user that the server becomes must be able to open it again.  Only what its path plainly is: a
 * folder that the user may write to can hold a link to anything. */
static void log_give(int fd, const struct config *config) {
    const struct passwd *user = config->user[0] ? getpwnam(config->user) : NULL;
    struct stat at, is;
    if (!user || geteuid() != 0 || lstat(config->log, &at) != 0 || fstat(fd, &is) != 0)
        return;
    if (S_ISREG(at.st_mode) && is.st_nlink == 1 && at.st_ino == is.st_ino && at.st_dev == is.st_dev)
        (void)!fchown(fd, user->pw_uid, (gid_t)-1);
}

bool log_open(struct master_state *state, const struct config *config, char *err, size_t err_size) {
    enum log_target target = LOG_TO_FD;
    int fd;
    if (strcmp(config->log, "stderr") == 0) {
        fd = dup(STDERR_FILENO);
    } else if (strcmp(config->log, "syslog") == 0) {
        fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        target = LOG_TO_SYSLOG;
    } else {
        /* Whoever reads from a pipe, if the path is one, is not waited for. */
        fd = open(config->log, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, 0640);
        if (fd >= 0)
            log_give(fd, config);
    }
    if (fd < 0) {
        snprintf(err, err_size, "log %s: %s", config->log, strerror(errno));
        return false;
    }
    if (state->log_fd > 0) {
        dup2(fd, state->log_fd);
        close(fd);
    } else {
        state->log_fd = fd;
    }
    state->log_target = target;
    log_to(state->log_fd, target);
    log_set_level(config->log_level);
    return true;
}

bool pidfile_open(struct master_state *state, const struct config *config, char *err,
                  size_t err_size) {
    if (config->pidfile[0] == '\0')
        return true;
    int fd = open(config->pidfile, O_RDWR | O_CREAT, 0644);
    if (fd < 0) {
        snprintf(err, err_size, "pidfile %s: %s", config->pidfile, strerror(errno));
        return false;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(err, err_size, "pidfile %s: another server holds it", config->pidfile);
        close(fd);
        return false;
    }
    snprintf(state->pidfile, sizeof state->pidfile, "%s", config->pidfile);
    state->pid_fd_file = fd;
    return true;
}

void pidfile_write(const struct master_state *state) {
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (state->pid_fd_file <= 0)
        return;
    if (pwrite(state->pid_fd_file, text, (size_t)n, 0) != n ||
        ftruncate(state->pid_fd_file, n) != 0)
        log_warn_errno("pidfile %s", state->pidfile);
}

void pidfile_remove(struct master_state *state) {
    if (state->pid_fd_file <= 0)
        return;
    /* Without the right to remove it, an empty file says as much. */
    if (unlink(state->pidfile) != 0)
        (void)!ftruncate(state->pid_fd_file, 0);
    close(state->pid_fd_file);
    state->pid_fd_file = -1;
}

bool pidfile_move(struct master_state *state, const struct config *config, char *err,
                  size_t err_size) {
    struct master_state next = {.pid_fd_file = -1};
    if (strcmp(state->pidfile, config->pidfile) == 0)
        return true;
    if (!pidfile_open(&next, config, err, err_size))
        return false;
    pidfile_remove(state);
    memcpy(state->pidfile, next.pidfile, sizeof state->pidfile);
    state->pid_fd_file = next.pid_fd_file;
    pidfile_write(state);
    return true;
}

static bool become(const struct passwd *user, gid_t gid) {
    if (user)
        return initgroups(user->pw_name, gid) == 0 && setgid(gid) == 0 && setuid(user->pw_uid) == 0;
    return setgroups(1, &gid) == 0 && setgid(gid) == 0;
}

bool privileges_drop(const struct config *config, char *err, size_t err_size) {
    const struct passwd *user = config->user[0] ? getpwnam(config->user) : NULL;
    const struct group *group = config->group[0] ? getgrnam(config->group) : NULL;
    if (config->user[0] && !user) {
        snprintf(err, err_size, "user %s: there is none of that name", config->user);
        return false;
    }
    if (config->group[0] && !group) {
        snprintf(err, err_size, "group %s: there is none of that name", config->group);
        return false;
    }
    gid_t gid = group ? group->gr_gid : user ? user->pw_gid : getegid();
    bool already = (!user || user->pw_uid == geteuid()) && gid == getegid();
    if (already || become(user, gid))
        return true;
    snprintf(err, err_size, "cannot become user %s, group %s: %s",
             config->user[0] ? config->user : "(unchanged)",
             config->group[0] ? config->group : "(its own)", strerror(errno));
    return false;
}

void notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len == 0 || len >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}
