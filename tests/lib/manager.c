/* manager.c - see manager.h. */
#include "tests/lib/manager.h"

#include "ipc/system.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SYS_kcmp
#define SYS_kcmp 312
#endif

enum { KEPT_MAX = 20000, LINES_MAX = 65536, FDS_MAX = 253, KCMP_FILE = 0 };

struct kept {
    int fd;
    char name[32];
};

struct manager {
    char dir[256];
    struct sockaddr_un address;
    int socket, epoll, stop;
    int cleaner;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pid_t main;
    int most;
    bool held;
    struct kept kept[KEPT_MAX];
    int count;
    char lines[LINES_MAX]; /* of all messages, each line with its line end */
};

/* ---- what is kept; under the lock ---- */

static void drop(struct manager *m, int i) {
    epoll_ctl(m->epoll, EPOLL_CTL_DEL, m->kept[i].fd, NULL);
    close(m->kept[i].fd);
    memmove(&m->kept[i], &m->kept[i + 1], (size_t)(--m->count - i) * sizeof m->kept[0]);
}

static bool same_file(int a, int b) {
    return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b) == 0;
}

static void keep(struct manager *m, const char *name, int fd) {
    struct epoll_event none = {.events = 0, .data.fd = fd};
    for (int i = 0; i < m->count; i++) {
        if (same_file(m->kept[i].fd, fd)) {
            close(fd);
            return;
        }
    }
    if (m->count >= m->most || m->count == KEPT_MAX) {
        close(fd);
        return;
    }
    m->kept[m->count].fd = fd;
    snprintf(m->kept[m->count++].name, sizeof m->kept[0].name, "%s", name);
    epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &none); /* a file cannot be watched */
}

static void prune(struct manager *m) {
    struct epoll_event event[64];
    int n = epoll_wait(m->epoll, event, 64, 0);
    for (int k = 0; k < n; k++) {
        for (int i = m->count; i-- > 0;) {
            if (m->kept[i].fd == event[k].data.fd)
                drop(m, i);
        }
    }
}

/* ---- messages ---- */

static bool has_line(const char *text, const char *line) {
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at += len) {
        if ((at == text || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0'))
            return true;
    }
    return false;
}

static void take(struct manager *m, const char *text, const int *fd, int count) {
    char name[32] = "stored";
    const char *named = strstr(text, "FDNAME=");
    size_t len = strlen(m->lines);
    if (named)
        sscanf(named, "FDNAME=%31[^\n]", name);
    snprintf(m->lines + len, sizeof m->lines - len, "%s\n", text);
    for (int i = m->count; has_line(text, "FDSTOREREMOVE=1") && i-- > 0;) {
        if (strcmp(m->kept[i].name, name) == 0)
            drop(m, i);
    }
    for (int i = 0; i < count; i++) {
        if (has_line(text, "FDSTORE=1"))
            keep(m, name, fd[i]);
        else
            close(fd[i]);
    }
}

/* The descriptors of a message, and its sender. */
static int attached(struct msghdr *message, int fd[FDS_MAX], pid_t *pid) {
    int count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        struct ucred who;
        if (c->cmsg_type == SCM_RIGHTS) {
            count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof fd[0]);
            memcpy(fd, CMSG_DATA(c), (size_t)count * sizeof fd[0]);
        } else if (c->cmsg_type == SCM_CREDENTIALS) {
            memcpy(&who, CMSG_DATA(c), sizeof who);
            *pid = who.pid;
        }
    }
    return count;
}

static void receive(struct manager *m) {
    char text[4096];
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(FDS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec span = {text, sizeof text - 1};
    struct msghdr message = {.msg_iov = &span,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    int fd[FDS_MAX];
    pid_t pid = 0;
    ssize_t n = recvmsg(m->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return;
    text[n] = '\0';
    int count = attached(&message, fd, &pid);
    pthread_mutex_lock(&m->lock);
    if (pid == m->main)
        take(m, text, fd, count);
    for (int i = 0; i < count && pid != m->main; i++)
        close(fd[i]);
    pthread_mutex_unlock(&m->lock);
}

static void *serve(void *arg) {
    struct manager *m = arg;
    struct pollfd wait[] = {{.fd = m->stop, .events = POLLIN},
                            {.fd = m->socket, .events = POLLIN},
                            {.fd = m->epoll, .events = POLLIN}};
    for (;;) {
        pthread_mutex_lock(&m->lock);
        bool held = m->held;
        pthread_mutex_unlock(&m->lock);
        wait[1].fd = held ? -1 : m->socket;
        if (poll(wait, 3, 10) < 0)
            continue;
        if (wait[0].revents)
            return NULL;
        if (wait[2].revents) {
            pthread_mutex_lock(&m->lock);
            prune(m);
            pthread_mutex_unlock(&m->lock);
        }
        if (wait[1].revents)
            receive(m);
    }
}

/* ---- begin and end ---- */

struct manager *manager_begin_at(struct where where, int most) {
    struct manager *m = calloc(1, sizeof *m);
    int on = 1;
    if (!m)
        fail_at(where, "out of memory");
    run_make_dir(where, m->dir, sizeof m->dir);
    m->cleaner = run_cleaner(where, 0, m->dir);
    server_adopt_orphans();
    m->most = most;
    m->address.sun_family = AF_UNIX;
    snprintf(m->address.sun_path, sizeof m->address.sun_path, "%.90s/notify", m->dir);
    m->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    m->epoll = epoll_create1(EPOLL_CLOEXEC);
    m->stop = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&m->lock, NULL);
    if (bind(m->socket, (struct sockaddr *)&m->address, sizeof m->address) != 0 ||
        setsockopt(m->socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
        pthread_create(&m->thread, NULL, serve, m) != 0)
        fail_at(where, "a service manager: %s", strerror(errno));
    return m;
}

void manager_end(struct manager *m) {
    uint64_t one = 1;
    (void)!write(m->stop, &one, sizeof one);
    pthread_join(m->thread, NULL);
    while (m->count > 0)
        drop(m, m->count - 1);
    close(m->socket);
    close(m->epoll);
    close(m->stop);
    close(m->cleaner);
    free(m);
}

const char *manager_path(const struct manager *m) {
    return m->address.sun_path;
}

void manager_main(struct manager *m, pid_t pid) {
    pthread_mutex_lock(&m->lock);
    m->main = pid;
    pthread_mutex_unlock(&m->lock);
}

void manager_hold(struct manager *m, bool hold) {
    pthread_mutex_lock(&m->lock);
    m->held = hold;
    pthread_mutex_unlock(&m->lock);
}

/* ---- what the test asks ---- */

int manager_kept(struct manager *m, const char *name) {
    int n = 0;
    pthread_mutex_lock(&m->lock);
    prune(m);
    for (int i = 0; i < m->count; i++)
        n += strncmp(m->kept[i].name, name, strlen(name)) == 0;
    pthread_mutex_unlock(&m->lock);
    return n;
}

void manager_await_kept_at(struct where where, struct manager *m, const char *name, int count) {
    int64_t deadline = wait_deadline();
    while (manager_kept(m, name) != count) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "the manager keeps %d descriptors \"%s\", not %d", manager_kept(m, name),
                    name, count);
        wait_breath();
    }
}

int manager_fd(struct manager *m, const char *name, int nth) {
    int fd = -1;
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < m->count && fd < 0; i++) {
        if (strncmp(m->kept[i].name, name, strlen(name)) == 0 && nth-- == 0)
            fd = m->kept[i].fd;
    }
    pthread_mutex_unlock(&m->lock);
    return fd;
}

void manager_keep(struct manager *m, const char *name, int fd) {
    pthread_mutex_lock(&m->lock);
    keep(m, name, fcntl(fd, F_DUPFD_CLOEXEC, 3));
    pthread_mutex_unlock(&m->lock);
}

int manager_told(struct manager *m, const char *line) {
    int n = 0;
    size_t len = strlen(line);
    pthread_mutex_lock(&m->lock);
    for (const char *at = m->lines; (at = strstr(at, line)); at += len)
        n += at == m->lines || at[-1] == '\n';
    pthread_mutex_unlock(&m->lock);
    return n;
}

void manager_await_told_at(struct where where, struct manager *m, const char *line, int count) {
    int64_t deadline = wait_deadline();
    while (manager_told(m, line) < count) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "the manager was never told %s", line);
        wait_breath();
    }
}

/* ---- the service ---- */

struct birth {
    char **argv, **env;
    const char *err;
    char listen_pid[64], listen_fds[64], *listen_names, notify[256];
    int *fd;
    int count;
};

/* In the child of a process with threads: nothing is allocated. */
static void become(struct birth *b) {
    setpgid(0, 0);
    int in = open("/dev/null", O_RDONLY), err = open(b->err, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(in, 0);
    dup2(err, 1);
    dup2(err, 2);
    int base = 3 + b->count; /* above all the numbers that they are to have */
    for (int i = 0; i < b->count; i++)
        b->fd[i] = fcntl(b->fd[i], F_DUPFD, base);
    for (int i = 0; i < b->count; i++)
        dup2(b->fd[i], 3 + i);
    system_close_from(3 + (unsigned)b->count);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    snprintf(b->listen_pid, sizeof b->listen_pid, "LISTEN_PID=%d", (int)getpid());
    execve(b->argv[0], b->argv, b->env);
    _exit(127);
}

/* What is kept, the youngest first, as systemd hands it over.  Under the lock. */
static void gather(struct manager *m, struct birth *b) {
    size_t size = 32 + (size_t)m->count * sizeof m->kept[0].name;
    b->fd = calloc((size_t)m->count + 1, sizeof *b->fd);
    b->listen_names = calloc(1, size);
    int len = snprintf(b->listen_names, size, "LISTEN_FDNAMES=");
    for (int i = m->count; i-- > 0;) {
        b->fd[b->count++] = m->kept[i].fd;
        len += snprintf(b->listen_names + len, size - (size_t)len, "%s%s", b->count > 1 ? ":" : "",
                        m->kept[i].name);
    }
    snprintf(b->listen_fds, sizeof b->listen_fds, "LISTEN_FDS=%d", b->count);
    snprintf(b->notify, sizeof b->notify, "NOTIFY_SOCKET=%s", m->address.sun_path);
}

extern char **environ;

/* This process's environment, with the manager's variables. */
static void surround(struct birth *b) {
    int n = 0;
    while (environ[n])
        n++;
    b->env = calloc((size_t)n + 5, sizeof *b->env);
    memcpy(b->env, environ, (size_t)n * sizeof *b->env);
    b->env[n++] = b->notify;
    if (b->count == 0)
        return;
    b->env[n++] = b->listen_pid;
    b->env[n++] = b->listen_fds;
    b->env[n++] = b->listen_names;
}

void manager_start_at(struct where where, struct manager *m, struct server *s) {
    char *argv[] = {s->binary ? s->binary : run_server_path(), "-c", s->conf, NULL};
    struct birth b = {.argv = argv, .err = s->err};
    pthread_mutex_lock(&m->lock);
    prune(m);
    gather(m, &b);
    surround(&b);
    m->lines[0] = '\0';
    s->pid = fork();
    if (s->pid == 0)
        become(&b);
    m->main = s->pid;
    pthread_mutex_unlock(&m->lock);
    if (s->pid < 0)
        fail_at(where, "fork: %s", strerror(errno));
    setpgid(s->pid, s->pid);
    if (s->cleaner[1] >= 0)
        close(s->cleaner[1]);
    s->cleaner[1] = run_cleaner(where, s->pid, NULL);
    free(b.fd);
    free(b.listen_names);
    free(b.env);
}

void manager_launch_at(struct where where, struct manager *m, struct server *s) {
    int before = server_log_count(s, "ready: room ");
    int64_t deadline = wait_deadline();
    manager_start_at(where, m, s);
    while (server_log_count(s, "ready: room ") == before) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
            fail_at(where, "the server ended at its start");
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "the server is not ready");
        wait_breath();
    }
    server_wait_ready_at(where, s);
}

/* Until no process of the service is left. */
static void await_end(struct where where, struct server *s) {
    int64_t deadline = wait_deadline();
    while (waitpid(-s->pid, NULL, WNOHANG) > 0 || kill(-s->pid, 0) == 0) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "processes of the server are left");
        wait_breath();
    }
}

void manager_kill_all_at(struct where where, struct manager *m, struct server *s) {
    (void)m;
    kill(-s->pid, SIGKILL);
    await_end(where, s);
}

void manager_kill_main_at(struct where where, struct manager *m, struct server *s) {
    int status;
    (void)m;
    kill(s->pid, SIGKILL);
    if (!run_wait(s->pid, &status, wait_deadline()))
        fail_at(where, "the main process does not die");
    s->cleaner[1] = -1; /* stays open until the test ends */
}

void manager_store_at(struct where where, struct manager *m, struct server *s) {
    int status = 0;
    (void)m;
    kill(s->pid, SIGPWR);
    if (!run_wait(s->pid, &status, wait_deadline()))
        fail_at(where, "the server did not end");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_at(where, "the server ended with %x", status);
    await_end(where, s);
}
