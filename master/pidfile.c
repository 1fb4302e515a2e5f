/* pidfile.c - see pidfile.h. */
#include "master/pidfile.h"

#include "ipc/fault.h"
#include "master/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PIDFILE_TRIES = 16,
    PIDFILE_TEXT = 32, /* bytes; a pid has ten digits at most */
};

/* Whether the path names the file that is open, or that file was removed or replaced meanwhile. */
static bool pidfile_is_at(const char *path, int fd) {
    struct stat at, is;
    return lstat(path, &at) == 0 && fstat(fd, &is) == 0 && at.st_ino == is.st_ino &&
           at.st_dev == is.st_dev;
}

/* Forgotten before it is closed: after a death in between, the number may be a client's. */
static void pidfile_close(int32_t *fd) {
    int old = *fd;
    *fd = -1;
    close(old);
}

/* Whether the file may be a pidfile: a path by mistake may be of any file, which would be lost.
 * Two numbers: a longer one was overwritten by a master that died before it could cut the rest
 * off.  NULs: the system crashed before the bytes were on the disk. */
static bool pidfile_is_pidfile(int fd) {
    char text[PIDFILE_TEXT];
    ssize_t n = pread(fd, text, sizeof text, 0);
    if (n < 0 || n == sizeof text)
        return false;
    for (ssize_t i = 0; i < n; i++) {
        if (!memchr("0123456789\n", text[i], sizeof "0123456789\n"))
            return false;
    }
    return true;
}

static struct trusted_file pidfile_at(const struct config *config) {
    return (struct trusted_file){.what = "pidfile",
                                 .path = config->pidfile,
                                 .user = config->user,
                                 .flags = O_RDWR | O_NONBLOCK | O_NOCTTY,
                                 .mode = 0644};
}

static const char pidfile_other[] = "holds something else than a process id";

bool pidfile_check(const struct config *config, char *err, size_t err_size) {
    const struct trusted_file file = pidfile_at(config);
    if (config->pidfile[0] == '\0')
        return true;
    if (!trusted_file_check(&file, err, err_size))
        return false;
    int fd = open(config->pidfile, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool good = fd < 0 || pidfile_is_pidfile(fd);
    if (!good)
        snprintf(err, err_size, "pidfile %s: %s", config->pidfile, pidfile_other);
    if (fd >= 0)
        close(fd);
    return good;
}

/* False with a sentence.  A server that ends unlinks its file and then drops its lock, so the lock
 * may be of a file that has lost its name; then the path is opened again.  The descriptor is stored
 * in *fd before the lock is taken: after a death, the next master finds every lock that is held. */
static bool pidfile_lock(const struct config *config, int32_t *fd, char *err, size_t err_size) {
    const char *path = config->pidfile;
    const struct trusted_file file = pidfile_at(config);
    const char *reason = "another server holds it";
    for (int i = 0; i < PIDFILE_TRIES; i++) {
        *fd = trusted_file_open(&file, err, err_size);
        if (*fd < 0)
            return false;
        FAULT("pidfile.lock");
        bool locked = flock(*fd, LOCK_EX | LOCK_NB) == 0;
        if (!locked && errno != EWOULDBLOCK) /* a file system without locks */
            reason = strerror(errno);
        bool there = pidfile_is_at(path, *fd);
        if (locked && there && pidfile_is_pidfile(*fd))
            return true;
        pidfile_close(fd);
        if (locked && there)
            reason = pidfile_other;
        if (there)
            break;
    }
    snprintf(err, err_size, "pidfile %s: %s", path, reason);
    return false;
}

bool pidfile_open(struct master_state *state, const struct config *config, char *err,
                  size_t err_size) {
    snprintf(state->pidfile, sizeof state->pidfile, "%s", config->pidfile);
    return config->pidfile[0] == '\0' || pidfile_lock(config, &state->pid_fd_file, err, err_size);
}

/* False with a sentence; the file is then empty, which names no process.  A file that has the pid
 * already is left alone: on a full disk even the same bytes may find no room. */
static bool pidfile_put(int fd, pid_t pid, const char *path, char *err, size_t err_size) {
    char text[PIDFILE_TEXT], is[PIDFILE_TEXT];
    int n = snprintf(text, sizeof text, "%d\n", (int)pid);
    if (fd <= 0 || (pread(fd, is, sizeof is, 0) == n && memcmp(is, text, (size_t)n) == 0))
        return true;
    errno = ENOSPC; /* of a write that is cut short */
    if (pwrite(fd, text, (size_t)n, 0) == n && ftruncate(fd, n) == 0)
        return true;
    snprintf(err, err_size, "pidfile %s: %s", path, strerror(errno));
    (void)!ftruncate(fd, 0);
    return false;
}

bool pidfile_write(const struct master_state *state, pid_t pid, char *err, size_t err_size) {
    return pidfile_put(state->pid_fd_file, pid, state->pidfile, err, err_size);
}

/* Another server may have the path now, after this one's file was removed from it.  Where the
 * folder does not let the server remove its file, an empty file names no process. */
static void pidfile_unlink(const char *path, int fd) {
    if (!pidfile_is_at(path, fd) || unlink(path) != 0)
        (void)!ftruncate(fd, 0);
}

void pidfile_remove(struct master_state *state) {
    if (state->pid_fd_file <= 0)
        return;
    pidfile_unlink(state->pidfile, state->pid_fd_file);
    pidfile_close(&state->pid_fd_file);
}

/* A predecessor died inside pidfile_move, which is now called again.  If pid_fd_file is the new
 * descriptor already, only the name is missing; else the new descriptor is given up. */
static void pidfile_resume(struct master_state *state, const char *path) {
    if (state->pid_fd_next < 0)
        return;
    if (state->pid_fd_next == state->pid_fd_file)
        snprintf(state->pidfile, sizeof state->pidfile, "%s", path);
    else
        close(state->pid_fd_next);
    state->pid_fd_next = -1;
}

bool pidfile_move(struct master_state *state, const struct config *config, pid_t pid, char *err,
                  size_t err_size) {
    pidfile_resume(state, config->pidfile);
    bool same = strcmp(state->pidfile, config->pidfile) == 0;
    if (same && (state->pid_fd_file <= 0 || pidfile_is_at(state->pidfile, state->pid_fd_file)))
        return pidfile_write(state, pid, err, err_size);
    if (config->pidfile[0] != '\0' && !pidfile_lock(config, &state->pid_fd_next, err, err_size))
        return false;
    FAULT("pidfile.move.locked");
    if (!pidfile_put(state->pid_fd_next, pid, config->pidfile, err, err_size)) {
        pidfile_unlink(config->pidfile, state->pid_fd_next);
        pidfile_close(&state->pid_fd_next);
        return false;
    }
    int old = state->pid_fd_file;
    if (old > 0)
        pidfile_unlink(state->pidfile, old);
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
