/* environment.c - see environment.h. */
#include "master/environment.h"

#include "ipc/fault.h"
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

/* Listeners, bells, epoll sets and pidfds of all slots, and some. */
static uint32_t reserve_for(uint32_t addresses) {
    return WORKERS_MAX * addresses + 3 * WORKERS_MAX + 64;
}

static bool limit_to(rlim_t soft, rlim_t hard) {
    struct rlimit wanted = {soft, hard > soft ? hard : soft};
    return setrlimit(RLIMIT_NOFILE, &wanted) == 0;
}

/* A reload may name as many addresses anew as it gives up, for a second; where that is too much to
 * ask for, one more. */
uint32_t descriptors_raise(struct config *config, uint32_t *addresses) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    *addresses = LISTENERS_MAX;
    rlim_t need = (rlim_t)config->max_clients + reserve_for(*addresses);
    if (limit_to(need, limit.rlim_max))
        return (uint32_t)need;
    *addresses = config->listen_count + 1;
    need = (rlim_t)config->max_clients + reserve_for(*addresses);
    if (limit_to(need, limit.rlim_max))
        return (uint32_t)need;
    if (limit_to(limit.rlim_max, limit.rlim_max))
        limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_cur <= reserve_for(*addresses))
        return 0;
    config->max_clients = (uint32_t)limit.rlim_cur - reserve_for(*addresses);
    log_warn("max_clients lowered to %u: the system allows %llu descriptors", config->max_clients,
             (unsigned long long)limit.rlim_cur);
    return (uint32_t)limit.rlim_cur;
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
    __atomic_store_n(&state->log_target, target, __ATOMIC_RELAXED);
    log_to(state->log_fd, &state->log_target);
    log_set_level(config->log_level);
    return true;
}

/* In *fd as soon as it is there, so that a lock outlives nobody who could give it back. */
static bool pidfile_lock(const char *path, int32_t *fd, char *err, size_t err_size) {
    *fd = open(path, O_RDWR | O_CREAT, 0644);
    if (*fd < 0) {
        snprintf(err, err_size, "pidfile %s: %s", path, strerror(errno));
        return false;
    }
    FAULT("pidfile.lock");
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    snprintf(err, err_size, "pidfile %s: another server holds it", path);
    close(*fd);
    *fd = -1;
    return false;
}

bool pidfile_open(struct master_state *state, const struct config *config, char *err,
                  size_t err_size) {
    snprintf(state->pidfile, sizeof state->pidfile, "%s", config->pidfile);
    return config->pidfile[0] == '\0' ||
           pidfile_lock(config->pidfile, &state->pid_fd_file, err, err_size);
}

static void pid_write(int fd, const char *path) {
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (fd > 0 && (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n) != 0))
        log_warn_errno("pidfile %s", path);
}

void pidfile_write(const struct master_state *state) {
    pid_write(state->pid_fd_file, state->pidfile);
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
    if (state->pid_fd_next >= 0) { /* a predecessor died below, and this is done again */
        if (state->pid_fd_next == state->pid_fd_file)
            snprintf(state->pidfile, sizeof state->pidfile, "%s", config->pidfile);
        else
            close(state->pid_fd_next);
        state->pid_fd_next = -1;
    }
    if (strcmp(state->pidfile, config->pidfile) == 0)
        return true;
    if (config->pidfile[0] != '\0' &&
        !pidfile_lock(config->pidfile, &state->pid_fd_next, err, err_size))
        return false;
    FAULT("pidfile.move.locked");
    pid_write(state->pid_fd_next, config->pidfile);
    int old = state->pid_fd_file;
    if (old > 0 && unlink(state->pidfile) != 0)
        (void)!ftruncate(old, 0);
    FAULT("pidfile.move.unlinked");
    state->pid_fd_file = state->pid_fd_next;
    FAULT("pidfile.move.between");
    snprintf(state->pidfile, sizeof state->pidfile, "%s", config->pidfile);
    FAULT("pidfile.move.named");
    state->pid_fd_next = -1;
    if (old > 0)
        close(old);
    return true;
}

static bool become(const struct passwd *user, gid_t gid) {
    if (user)
        return initgroups(user->pw_name, gid) == 0 && setgid(gid) == 0 && setuid(user->pw_uid) == 0;
    return setgroups(1, &gid) == 0 && setgid(gid) == 0;
}

/* The kernel lets sockets share a port only if one user has them: so that a reload can bind more of
 * them beside these, they are the user's whom we become. */
static void listeners_give(const struct segment *seg, uid_t user) {
    for (int i = 0; i < LISTENERS_MAX; i++) {
        for (int k = 0; k < WORKERS_MAX; k++) {
            if (seg->header->listeners[i].fd[k] >= 0)
                (void)!fchown(seg->header->listeners[i].fd[k], user, (gid_t)-1);
        }
    }
}

bool privileges_drop(const struct segment *seg, const struct config *config, char *err,
                     size_t err_size) {
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
    if (!already && user)
        listeners_give(seg, user->pw_uid);
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
    /* One who does not read is not waited for, but given a moment. */
    struct timeval moment = {.tv_usec = 200 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment);
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
        log_warn_errno("NOTIFY_SOCKET");
    close(fd);
}
