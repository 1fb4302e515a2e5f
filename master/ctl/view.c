/* view.c - see view.h. */
#include "master/ctl/view.h"

#include "ipc/clock.h"
#include "ipc/layout.h"
#include "ipc/pid_stat.h"
#include "master/ctl/connection.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool view_fail(char err[VIEW_ERROR], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool view_fail(char err[VIEW_ERROR], const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(err, VIEW_ERROR, fmt, args);
    va_end(args);
    return false;
}

static bool view_other_version(char err[VIEW_ERROR], uint32_t layout) {
    return view_fail(err,
                     "the server is of another version (its layout is %08x, this program's %08x): "
                     "use the chatroom-ctl that belongs to it, or signals (chatroom-master(8))",
                     layout, layout_number());
}

/* Takes `fd` over. */
static bool view_map(struct view *view, int fd, char err[VIEW_ERROR]) {
    char why[256];
    enum segment_viewed how = segment_view(&view->seg, fd, why, sizeof why);
    uint32_t layout = 0;
    if (how == SEGMENT_VIEWED)
        return true;
    if (how == SEGMENT_OTHER_VERSION)
        (void)!pread(fd, &layout, sizeof layout, offsetof(struct segment_header, layout));
    close(fd);
    return how == SEGMENT_OTHER_VERSION ? view_other_version(err, layout)
                                        : view_fail(err, "%s", why);
}

/* ---- by asking ---- */

enum view_asked { VIEW_ANSWERED, VIEW_REFUSED, VIEW_SILENT };

/* *c is closed, and tells of whom was asked. */
static enum view_asked view_ask(struct view *view, const char *path, struct connection *c,
                                char err[VIEW_ERROR]) {
    enum view_asked asked = VIEW_REFUSED;
    if (!connection_open(c, path, VIEW_WAIT_MS, err, VIEW_ERROR))
        return VIEW_SILENT;
    if (c->layout != layout_number()) {
        view_other_version(err, c->layout);
    } else if (c->view_fd < 0) {
        view_fail(err, "the server could not open its memory for a reader (see its log)");
        asked = VIEW_SILENT;
    } else {
        asked = view_map(view, c->view_fd, err) ? VIEW_ANSWERED : VIEW_REFUSED;
        c->view_fd = -1;
    }
    connection_close(c);
    return asked;
}

/* ---- through /proc ---- */

/* What the search is for, and what was in its way. */
struct view_search {
    char socket[64];   /* as a link in /proc/PID/fd names it */
    uint64_t until;    /* clock_ms() */
    bool denied, late; /* a process could not be looked into; there was no time for all */
};

enum { VIEW_LISTENS = 0x10000 }; /* __SO_ACCEPTCON of the kernel */

/* A row of /proc/net/unix: whether it is a listening socket, at `path` or at the same file. */
static bool view_row_matches(const char *row, const char *path, const struct stat *file,
                             unsigned long *inode) {
    unsigned flags;
    int at = 0;
    struct stat st;
    if (sscanf(row, "%*s %*s %*s %x %*s %*s %lu %n", &flags, inode, &at) != 2 || at == 0)
        return false;
    const char *bound = row + at;
    if (!(flags & VIEW_LISTENS))
        return false;
    return strcmp(bound, path) == 0 || (bound[0] == '/' && stat(bound, &st) == 0 &&
                                        st.st_dev == file->st_dev && st.st_ino == file->st_ino);
}

/* Of several the newest: the file of an older one was replaced.  0: there is none. */
static unsigned long view_newest_inode(FILE *rows, const char *path, const struct stat *file) {
    char row[512];
    unsigned long newest = 0, inode;
    while (fgets(row, sizeof row, rows)) {
        row[strcspn(row, "\n")] = '\0';
        if (view_row_matches(row, path, file, &inode) && inode > newest)
            newest = inode;
    }
    return newest;
}

static bool view_link(int folder, const char *name, char link[128]) {
    ssize_t n = readlinkat(folder, name, link, 127);
    link[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Whether the process has the socket open. */
static bool view_has_socket(DIR *fds, struct view_search *search) {
    char link[128];
    for (struct dirent *d; (d = readdir(fds));) {
        search->late = clock_ms() > search->until;
        if (search->late)
            return false;
        if (view_link(dirfd(fds), d->d_name, link) && strcmp(link, search->socket) == 0)
            return true;
    }
    return false;
}

/* The segment by its names (shared_object.c).  A descriptor that can only be read, or -1. */
static int view_segment_among(DIR *fds) {
    static const char *const begins[] = {"/dev/shm/chatroom-", "/memfd:chatroom-segment"};
    char link[128];
    rewinddir(fds);
    for (struct dirent *d; (d = readdir(fds));) {
        for (int i = 0; i < 2 && view_link(dirfd(fds), d->d_name, link); i++) {
            if (strncmp(link, begins[i], strlen(begins[i])) == 0)
                return openat(dirfd(fds), d->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        }
    }
    errno = ENOENT;
    return -1;
}

static bool view_is_named(const char *pid, const char *begin) {
    struct pid_stat is = pid_stat_read((int32_t)strtol(pid, NULL, 10));
    return strncmp(is.name, begin, strlen(begin)) == 0;
}

/* The segment of the process, if it is one of the server's; -1: it is not; -2: no segment. */
static int view_look_into(const char *pid, struct view_search *search) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *fds = opendir(path);
    if (!fds) {
        search->denied |= errno == EACCES;
        return -1;
    }
    int segment = -1;
    if (view_has_socket(fds, search)) {
        segment = view_segment_among(fds);
        if (segment < 0)
            segment = -2;
    }
    closedir(fds);
    return segment;
}

/* The masters first: the others share their descriptors.  A process of another name is none of the
 * server's, and may have more descriptors than there is time for. */
static int view_search_named(const char *name, struct view_search *search) {
    DIR *processes = opendir("/proc");
    int segment = -1;
    for (struct dirent *d; processes && segment == -1 && !search->late && (d = readdir(processes));)
        if (isdigit((unsigned char)d->d_name[0]) && view_is_named(d->d_name, name))
            segment = view_look_into(d->d_name, search);
    if (processes)
        closedir(processes);
    return segment;
}

static int view_search_processes(int32_t listener, struct view_search *search) {
    char pid[16];
    snprintf(pid, sizeof pid, "%d", listener);
    int segment = listener > 0 ? view_look_into(pid, search) : -1;
    if (segment == -1)
        segment = view_search_named("chatroom-master", search);
    return segment == -1 ? view_search_named("worker ", search) : segment;
}

enum view_found { VIEW_FOUND, VIEW_NO_LISTENER, VIEW_NOT_FOUND };

static const char *view_why_not(int segment, const struct view_search *search) {
    return segment == -2    ? "the process that listens there is no chatroom's"
           : search->denied ? "/proc shows the server's processes to root and its user alone"
           : search->late   ? "/proc has too many processes to be searched"
                            : "/proc does not show the server's processes";
}

static enum view_found view_find(struct view *view, const char *path, int32_t listener,
                                 char err[VIEW_ERROR]) {
    struct view_search search = {.until = clock_ms() + VIEW_SEARCH_MS};
    struct stat file;
    int segment = -1;
    FILE *rows = stat(path, &file) == 0 ? fopen("/proc/net/unix", "re") : NULL;
    unsigned long inode = rows ? view_newest_inode(rows, path, &file) : 0;
    if (rows)
        fclose(rows);
    if (inode == 0 && (rows || listener == 0))
        return VIEW_NO_LISTENER;
    snprintf(search.socket, sizeof search.socket, "socket:[%lu]", inode);
    if (inode != 0)
        segment = view_search_processes(listener, &search);
    if (segment >= 0)
        return view_map(view, segment, err) ? VIEW_FOUND : VIEW_NOT_FOUND;
    view_fail(err, "%s", view_why_not(segment, &search));
    return VIEW_NOT_FOUND;
}

void (*view_lost)(void);

static void view_on_bus(int signo) {
    static const char why[] = "chatroom-ctl: the server's memory cannot be read any more\n";
    (void)signo;
    if (view_lost)
        view_lost();
    (void)!write(STDERR_FILENO, why, sizeof why - 1);
    _exit(1);
}

bool view_open(struct view *view, const char *path, char err[VIEW_ERROR]) {
    char said[VIEW_ERROR] = "", found[VIEW_ERROR] = "";
    memset(view, 0, sizeof *view);
    view->seg.fd = -1;
    signal(SIGBUS, view_on_bus);
    struct connection c;
    enum view_asked asked = view_ask(view, path, &c, said);
    view->answered = asked == VIEW_ANSWERED;
    if (view->answered)
        return true;
    enum view_found how =
        asked == VIEW_SILENT ? view_find(view, path, c.listener, found) : VIEW_NO_LISTENER;
    if (how == VIEW_FOUND)
        return true;
    bool more = how == VIEW_NOT_FOUND && !c.refused;
    return view_fail(err, "%.250s%s%.250s", said, more ? "; " : "", more ? found : "");
}

void view_close(struct view *view) {
    segment_close(&view->seg);
}
