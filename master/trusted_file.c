/* trusted_file.c - see trusted_file.h. */
#include "master/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TRUSTED_LINKS = 40, /* on one way, as in the kernel */
    TRUSTED_TRIES = 16, /* of a file that appears and disappears */
};

struct trusted_walk {
    const struct trusted_file *file;
    uid_t user, system; /* the configured one, and the owner of "/" */
    int folder;         /* O_PATH: the way up to here */
    char at[PATH_MAX];  /* its path, for sentences; "": "/" */
    char rest[PATH_MAX];
    int links;
    bool denied; /* a folder of the way may not be entered */
    char *err;
    size_t err_size;
};

static bool trusted_refuse(struct trusted_walk *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static bool trusted_refuse(struct trusted_walk *w, const char *fmt, ...) {
    char reason[PATH_MAX + 128];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    snprintf(w->err, w->err_size, "%s %s: %s", w->file->what, w->file->path, reason);
    return false;
}

static bool trusted_owner(const struct trusted_walk *w, uid_t owner) {
    return owner == 0 || owner == geteuid() || owner == w->user || owner == w->system;
}

/* The configured user is not among these: as root, the server must not go where that user sends
 * it. */
static bool trusted_link_owner(const struct trusted_walk *w, uid_t owner) {
    return owner == 0 || owner == geteuid() || owner == w->system;
}

/* ---- the folders ---- */

static bool trusted_folder(struct trusted_walk *w, const struct stat *is) {
    const char *name = w->at[0] ? w->at : "/";
    if (geteuid() != 0 || !S_ISDIR(is->st_mode)) /* no folder: the next step fails */
        return true;
    if (!trusted_owner(w, is->st_uid))
        return trusted_refuse(w, "the folder %s belongs to user %u, who could put any file there",
                              name, (unsigned)is->st_uid);
    if ((is->st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH)
        return trusted_refuse(w, "every user could put any file into the folder %s (mode %04o)",
                              name, (unsigned)is->st_mode & 07777);
    return true;
}

/* The walk goes on in `fd`. */
static bool trusted_enter(struct trusted_walk *w, int fd) {
    struct stat is;
    if (w->folder >= 0)
        close(w->folder);
    w->folder = fd;
    return fstat(fd, &is) == 0 ? trusted_folder(w, &is) : trusted_refuse(w, "%s", strerror(errno));
}

static bool trusted_root(struct trusted_walk *w) {
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    w->at[0] = '\0';
    return fd >= 0 ? trusted_enter(w, fd) : trusted_refuse(w, "/: %s", strerror(errno));
}

/* A link to a folder: where it leads is walked before the rest. */
static bool trusted_follow(struct trusted_walk *w, int fd, const char *name) {
    char target[PATH_MAX], rest[sizeof w->rest];
    struct stat is;
    ssize_t n = readlinkat(fd, "", target, sizeof target - 1);
    if (n < 0 || fstat(fd, &is) != 0)
        return trusted_refuse(w, "%s", strerror(errno));
    target[n] = '\0';
    if (!trusted_link_owner(w, is.st_uid))
        return trusted_refuse(w, "the symbolic link %s/%s belongs to user %u", w->at, name,
                              (unsigned)is.st_uid);
    if (++w->links > TRUSTED_LINKS)
        return trusted_refuse(w, "%s", strerror(ELOOP));
    if (snprintf(rest, sizeof rest, "%s/%s", target, w->rest) >= (int)sizeof rest)
        return trusted_refuse(w, "%s", strerror(ENAMETOOLONG));
    memcpy(w->rest, rest, sizeof rest);
    return target[0] != '/' || trusted_root(w);
}

static bool trusted_step(struct trusted_walk *w, const char *name) {
    struct stat is;
    size_t len = strlen(w->at);
    int fd = openat(w->folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    w->denied = fd < 0 && errno == EACCES;
    if (fd < 0)
        return trusted_refuse(w, "%s", strerror(errno));
    if (fstat(fd, &is) != 0 || !S_ISLNK(is.st_mode)) {
        snprintf(w->at + len, sizeof w->at - len, "/%s", name);
        return trusted_enter(w, fd);
    }
    bool followed = trusted_follow(w, fd, name);
    close(fd);
    return followed;
}

/* Goes to the folder of the last name, which is left in `rest`. */
static bool trusted_walk(struct trusted_walk *w) {
    for (;;) {
        char name[NAME_MAX + 1];
        size_t begin = strspn(w->rest, "/"), len = strcspn(w->rest + begin, "/");
        bool last = w->rest[begin + len] == '\0';
        if (len >= sizeof name)
            return trusted_refuse(w, "%s", strerror(ENAMETOOLONG));
        memcpy(name, w->rest + begin, len);
        name[len] = '\0';
        begin += last ? 0 : len;
        memmove(w->rest, w->rest + begin, strlen(w->rest + begin) + 1);
        if (last)
            return true;
        if (!trusted_step(w, name))
            return false;
    }
}

/* ---- the file ---- */

static bool trusted_accept(struct trusted_walk *w, int fd) {
    struct stat is;
    if (fstat(fd, &is) != 0)
        return trusted_refuse(w, "%s", strerror(errno));
    bool regular = S_ISREG(is.st_mode);
    if (!regular && !w->file->any_kind)
        return trusted_refuse(w, "it is not a regular file");
    if (regular && is.st_nlink > 1)
        return trusted_refuse(w, "it has %lu names (hard links), so it may be another file's",
                              (unsigned long)is.st_nlink);
    if (!S_ISCHR(is.st_mode) && !trusted_owner(w, is.st_uid)) /* only root can make a device */
        return trusted_refuse(w, "it belongs to user %u, who may have put it there",
                              (unsigned)is.st_uid);
    return true;
}

static bool trusted_refuse_link(struct trusted_walk *w) {
    return trusted_refuse(w, "it is a symbolic link, which is not followed to a file");
}

/* /dev/stdout and its like lead to a pipe or a terminal through links. */
static int trusted_open_link(struct trusted_walk *w) {
    struct stat is;
    bool own = fstatat(w->folder, w->rest, &is, AT_SYMLINK_NOFOLLOW) == 0 &&
               trusted_link_owner(w, is.st_uid);
    int fd = own && w->file->any_kind ? openat(w->folder, w->rest, w->file->flags) : -1;
    if (fd >= 0 && fstat(fd, &is) == 0 && !S_ISREG(is.st_mode))
        return fd;
    trusted_refuse_link(w);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The file is there, or made here; another process may make or remove it meanwhile. */
static int trusted_open_last(struct trusted_walk *w, bool *created) {
    int fd = -1;
    errno = EEXIST;
    for (int i = 0; fd < 0 && errno == EEXIST && i < TRUSTED_TRIES; i++) {
        int flags = w->file->flags | O_NOFOLLOW;
        fd = openat(w->folder, w->rest, flags);
        *created = fd < 0 && errno == ENOENT;
        if (*created)
            fd = openat(w->folder, w->rest, flags | O_CREAT | O_EXCL, w->file->mode);
    }
    return fd;
}

static int trusted_open(struct trusted_walk *w) {
    bool created;
    if (!trusted_walk(w))
        return -1;
    int fd = trusted_open_last(w, &created);
    if (fd < 0 && errno == ELOOP)
        return trusted_open_link(w);
    if (fd < 0)
        trusted_refuse(w, "%s", strerror(errno));
    else if (!created && !trusted_accept(w, fd)) {
        close(fd);
        fd = -1;
    }
    if (fd >= 0 && created && w->file->give && geteuid() == 0)
        (void)!fchown(fd, w->user, (gid_t)-1);
    if (w->file->created)
        *w->file->created = fd >= 0 && created;
    return fd;
}

/* "/", or for a relative path the folder in which the server was started. */
static bool trusted_begin(struct trusted_walk *w) {
    struct stat root;
    const struct passwd *user = w->file->user[0] ? getpwnam(w->file->user) : NULL;
    w->user = user ? user->pw_uid : geteuid();
    w->system = stat("/", &root) == 0 ? root.st_uid : 0;
    if (snprintf(w->rest, sizeof w->rest, "%s", w->file->path) >= (int)sizeof w->rest)
        return trusted_refuse(w, "%s", strerror(ENAMETOOLONG));
    if (w->rest[0] == '/')
        return trusted_root(w);
    int fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    w->at[0] = '.';
    return fd >= 0 ? trusted_enter(w, fd) : trusted_refuse(w, ".: %s", strerror(errno));
}

int trusted_file_open(const struct trusted_file *file, char *err, size_t err_size) {
    struct trusted_walk walk = {.file = file, .folder = -1, .err = err, .err_size = err_size};
    if (file->created)
        *file->created =
            false; /* also where a link leads to a pipe, a device, an open descriptor */
    int fd = trusted_begin(&walk) ? trusted_open(&walk) : -1;
    if (walk.folder >= 0)
        close(walk.folder);
    return fd;
}

/* ---- only looking ---- */

static bool trusted_look_link(struct trusted_walk *w, uid_t owner) {
    struct stat is;
    bool kind = fstatat(w->folder, w->rest, &is, 0) == 0 && !S_ISREG(is.st_mode);
    return (kind && w->file->any_kind && trusted_link_owner(w, owner)) || trusted_refuse_link(w);
}

static bool trusted_look_last(struct trusted_walk *w) {
    struct stat is;
    int fd = openat(w->folder, w->rest, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == EACCES || trusted_refuse(w, "%s", strerror(errno));
    bool link = fstat(fd, &is) == 0 && S_ISLNK(is.st_mode);
    bool good = link ? trusted_look_link(w, is.st_uid) : trusted_accept(w, fd);
    close(fd);
    return good;
}

bool trusted_file_check(const struct trusted_file *file, char *err, size_t err_size) {
    struct trusted_walk walk = {.file = file, .folder = -1, .err = err, .err_size = err_size};
    bool good = trusted_begin(&walk) && trusted_walk(&walk) && trusted_look_last(&walk);
    if (walk.folder >= 0)
        close(walk.folder);
    return good || walk.denied;
}
