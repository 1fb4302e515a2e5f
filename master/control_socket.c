/* control_socket.c - see control_socket.h. */
#include "master/control_socket.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "master/listen_lock.h"
#include "master/path.h"
#include "master/trusted_file.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONTROL_SOCKET_BACKLOG = 64, CONTROL_SOCKET_WAIT_MS = 1000 };

static bool control_socket_refuse(const struct config *config, const char *reason, char *err,
                                  size_t err_size) {
    snprintf(err, err_size, "control %s: %s", config->control, reason);
    return false;
}

static struct control_socket *control_socket_now(const struct segment *seg) {
    return &seg->header->control[atomic_load(&seg->header->control_serving) & 1];
}
static struct control_socket *control_socket_next(const struct segment *seg) {
    return &seg->header->control[~atomic_load(&seg->header->control_serving) & 1];
}

/* Whether the path names the socket's file. */
static bool control_socket_is_at(const struct control_socket *s, const char *path) {
    struct stat is;
    return atomic_load(&s->fd) >= 0 && lstat(path, &is) == 0 && is.st_dev == s->device &&
           is.st_ino == s->inode;
}

/* The file first: after a death in between, the row still says what is left to be done. */
static void control_socket_drop(struct control_socket *s, bool remove) {
    int fd = atomic_load(&s->fd);
    if (fd < 0)
        return;
    if (remove && control_socket_is_at(s, s->path) && unlink(s->path) != 0)
        log_warn_errno("control %s: cannot remove it", s->path);
    FAULT("control_socket.removed");
    atomic_store(&s->fd, -1);
    FAULT("control_socket.forgotten");
    close(fd);
}

/* ---- where it is to be ---- */

/* Asked of every user, unlike trusted_file.h's: what is at stake here is more than the user's own
 * files. */
static bool control_socket_folder(const struct config *config, char *err, size_t err_size) {
    const struct trusted_file file = {
        .what = "control", .path = config->control, .user = config->user, .any_kind = true};
    char folder[PATH_LEN_MAX];
    struct stat is;
    if (!trusted_file_check(&file, err, err_size))
        return false;
    if (stat(path_folder(config->control, folder), &is) != 0)
        return control_socket_refuse(config, strerror(errno), err, err_size);
    if ((is.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH)
        return control_socket_refuse(config, "every user could put a socket into its folder", err,
                                     err_size);
    return true;
}

static struct sockaddr_un control_socket_address(const struct config *config) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.*s", (int)sizeof address.sun_path - 1,
             config->control);
    return address;
}

/* 0: a server listens there; else the errno of a connect. */
static int control_socket_probe(const struct config *config) {
    struct sockaddr_un address = control_socket_address(config);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        error = errno == EAGAIN ? 0 : errno; /* its queue is full */
    if (fd >= 0)
        close(fd);
    return error;
}

/* A file that a dead server left is removed.  False with a sentence if the path is not free. */
static bool control_socket_clear(const struct config *config, char *err, size_t err_size) {
    struct stat is;
    if (lstat(config->control, &is) != 0)
        return errno == ENOENT || control_socket_refuse(config, strerror(errno), err, err_size);
    if (!S_ISSOCK(is.st_mode))
        return control_socket_refuse(config, "it is not a socket", err, err_size);
    int error = control_socket_probe(config);
    if (error == 0)
        return control_socket_refuse(config, "another server listens there", err, err_size);
    if (error != ECONNREFUSED || unlink(config->control) != 0)
        return control_socket_refuse(config, strerror(error != ECONNREFUSED ? error : errno), err,
                                     err_size);
    return true;
}

/* ---- the socket ---- */

/* The mode is right from the file's first moment on. */
static bool control_socket_bind(int fd, const struct config *config) {
    struct sockaddr_un address = control_socket_address(config);
    mode_t before = umask(0177);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    int error = errno;
    umask(before);
    errno = error;
    return bound == 0;
}

/* As root, before privileges are dropped. */
static bool control_socket_give(const struct config *config) {
    const struct passwd *user = config->user[0] ? getpwnam(config->user) : NULL;
    return geteuid() != 0 || !user || lchown(config->control, user->pw_uid, (gid_t)-1) == 0;
}

/* False with errno. */
static bool control_socket_open(struct control_socket *s, const struct config *config) {
    struct stat is;
    s->device = s->inode = 0;
    snprintf(s->path, sizeof s->path, "%s", config->control);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    FAULT("control_socket.fd.before");
    atomic_store(&s->fd, fd);
    FAULT("control_socket.fd.after");
    if (!control_socket_bind(fd, config) || lstat(s->path, &is) != 0)
        return false;
    FAULT("control_socket.bound");
    s->device = is.st_dev;
    s->inode = is.st_ino;
    FAULT("control_socket.known");
    return control_socket_give(config) && listen(fd, CONTROL_SOCKET_BACKLOG) == 0;
}

static bool control_socket_make(struct segment *seg, const struct config *config, char *err,
                                size_t err_size) {
    struct control_socket *s = control_socket_next(seg);
    if (!control_socket_folder(config, err, err_size) ||
        !control_socket_clear(config, err, err_size))
        return false;
    if (control_socket_open(s, config))
        return true;
    control_socket_refuse(config, strerror(errno), err, err_size);
    control_socket_drop(s, true);
    return false;
}

bool control_socket_prepare(struct segment *seg, const struct config *config, bool *changed,
                            char *err, size_t err_size) {
    struct control_socket *now = control_socket_now(seg);
    *changed = false;
    if (config->control[0] == '\0') {
        *changed = atomic_load(&now->fd) >= 0;
        return true;
    }
    if (control_socket_is_at(now, config->control))
        return true;
    if (!listen_lock_take(&seg->header->master, CONTROL_SOCKET_WAIT_MS, err, err_size))
        return false;
    *changed = control_socket_make(seg, config, err, err_size);
    if (!*changed)
        listen_lock_release(&seg->header->master);
    return *changed;
}

void control_socket_settle(struct segment *seg) {
    struct control_socket *old = control_socket_now(seg), *new = control_socket_next(seg);
    /* Of one path there is one file, and it is the new socket's, whose inode may be the number that
     * the old one's was. */
    bool remove = atomic_load(&new->fd) < 0 || strcmp(old->path, new->path) != 0;
    FAULT("control_socket.serving.before");
    atomic_store(&seg->header->control_serving, atomic_load(&seg->header->control_serving) ^ 1);
    FAULT("control_socket.serving.after");
    control_socket_drop(old, remove);
}

void control_socket_abandon(struct segment *seg) {
    struct control_socket *now = control_socket_now(seg), *other = control_socket_next(seg);
    control_socket_drop(other, atomic_load(&now->fd) < 0 || strcmp(now->path, other->path) != 0);
}

void control_socket_remove(struct segment *seg) {
    control_socket_drop(control_socket_now(seg), true);
}
