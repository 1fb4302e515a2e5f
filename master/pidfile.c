/* pidfile.c - see pidfile.h. */
#include "master/pidfile.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "master/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIDFILE_TRIES = 16 };

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

/* False with a sentence.  A server that ends unlinks its file and then drops its lock, so the lock
 * may be of a file that has lost its name; then the path is opened again.  The descriptor is stored
 * in *fd before the lock is taken: after a death, the next master finds every lock that is held. */
static bool pidfile_lock(const struct config *config, int32_t *fd, char *err, size_t err_size) {
    const char *path = config->pidfile;
    const struct trusted_file file = {.what = "pidfile",
                                      .path = path,
                                      .user = config->user,
                                      .flags = O_RDWR | O_NONBLOCK | O_NOCTTY,
                                      .mode = 0644};
    for (int i = 0; i < PIDFILE_TRIES; i++) {
        *fd = trusted_file_open(&file, err, err_size);
        if (*fd < 0)
            return false;
        FAULT("pidfile.lock");
        bool locked = flock(*fd, LOCK_EX | LOCK_NB) == 0, there = pidfile_is_at(path, *fd);
        if (locked && there)
            return true;
        pidfile_close(fd);
        if (there)
            break;
    }
    snprintf(err, err_size, "pidfile %s: another server holds it", path);
    return false;
}

bool pidfile_open(struct master_state *state, const struct config *config, char *err,
                  size_t err_size) {
    snprintf(state->pidfile, sizeof state->pidfile, "%s", config->pidfile);
    return config->pidfile[0] == '\0' || pidfile_lock(config, &state->pid_fd_file, err, err_size);
}

static void pidfile_put(int fd, const char *path) {
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (fd > 0 && (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n) != 0))
        log_warn_errno("pidfile %s", path);
}

void pidfile_write(const struct master_state *state) {
    pidfile_put(state->pid_fd_file, state->pidfile);
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

bool pidfile_move(struct master_state *state, const struct config *config, char *err,
                  size_t err_size) {
    pidfile_resume(state, config->pidfile);
    if (strcmp(state->pidfile, config->pidfile) == 0)
        return true;
    if (config->pidfile[0] != '\0' && !pidfile_lock(config, &state->pid_fd_next, err, err_size))
        return false;
    FAULT("pidfile.move.locked");
    pidfile_put(state->pid_fd_next, config->pidfile);
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
