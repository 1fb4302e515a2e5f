/* connection.c - see connection.h. */
#include "master/ctl/connection.h"

#include "ipc/clock.h"
#include "ipc/header.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTION_RETRY_US = 5000 };

static const char connection_silent[] = "the server does not answer";

/* Until the socket is ready for `events`.  False: the time is over. */
static bool connection_wait(const struct connection *c, short events) {
    struct pollfd wait = {.fd = c->fd, .events = events};
    for (;;) {
        uint64_t now = clock_ms();
        if (now >= c->until)
            return false;
        if (poll(&wait, 1, (int)(c->until - now)) > 0)
            return true;
    }
}

static bool connection_failed(const char *path, int error, char *err, size_t size) {
    const char *why = strerror(error);
    if (error == ENAMETOOLONG) {
        snprintf(err, size, "the socket's path is longer than %zu bytes",
                 sizeof((struct sockaddr_un *)0)->sun_path - 1);
        return false;
    }
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTSOCK)
        why = "no server listens there";
    else if (error == EACCES || error == EPERM)
        why = "only root and the server's user may use it";
    else if (error == EAGAIN)
        why = connection_silent;
    snprintf(err, size, "%s: %s", path, why);
    return false;
}

static int connection_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* False with errno. */
static bool connection_try(int fd, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    errno = ENAMETOOLONG;
    if (strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path));
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

/* A full queue is waited for. */
static bool connection_connect(struct connection *c, const char *path, char *err, size_t size) {
    c->fd = connection_socket();
    while (c->fd >= 0 && !connection_try(c->fd, path)) {
        c->refused = errno == EACCES || errno == EPERM;
        if (errno != EAGAIN || clock_ms() >= c->until)
            return connection_failed(path, errno, err, size);
        usleep(CONNECTION_RETRY_US);
    }
    if (c->fd < 0)
        return connection_failed(path, errno, err, size);
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        c->listener = peer.pid;
    return true;
}

/* The descriptor that came with the bytes, if one did. */
static void connection_take_view(struct connection *c, struct msghdr *message) {
    for (struct cmsghdr *m = CMSG_FIRSTHDR(message); m; m = CMSG_NXTHDR(message, m)) {
        if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
            continue;
        if (c->view_fd >= 0)
            close(c->view_fd);
        memcpy(&c->view_fd, CMSG_DATA(m), sizeof c->view_fd);
    }
}

/* More bytes.  False: the server has closed the connection, or the time is over. */
static bool connection_receive(struct connection *c) {
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } attached;
    struct iovec span = {c->in + c->len, sizeof c->in - c->len};
    struct msghdr message = {.msg_iov = &span,
                             .msg_iovlen = 1,
                             .msg_control = &attached,
                             .msg_controllen = sizeof attached.space};
    if (c->len == sizeof c->in || !connection_wait(c, POLLIN))
        return false;
    ssize_t n = recvmsg(c->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    c->broke = n < 0 && errno == ECONNRESET;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    connection_take_view(c, &message);
    c->len += (size_t)n;
    c->broke = n == 0;
    return n > 0;
}

/* The next line without its end, cut to fit.  False: there is none. */
static bool connection_line(struct connection *c, char *line, size_t size) {
    char *end;
    while (!(end = memchr(c->in, '\n', c->len))) {
        if (!connection_receive(c))
            return false;
    }
    size_t len = (size_t)(end - c->in), kept = len < size ? len : size - 1;
    memcpy(line, c->in, kept);
    line[kept] = '\0';
    c->len -= len + 1;
    memmove(c->in, end + 1, c->len);
    return true;
}

static bool connection_greeted(struct connection *c, char *err, size_t size) {
    char line[CONNECTION_LINE];
    unsigned version, layout;
    unsigned long long epoch;
    if (!connection_line(c, line, sizeof line))
        snprintf(err, size, "%s", connection_silent);
    else if ((c->refused = strncmp(line, "no ", 3) == 0)) {
        snprintf(err, size, "%s", line + 3);
        c->full = strcmp(line + 3, CONTROL_FULL) == 0;
    } else if (sscanf(line, "chatroom-control %u", &version) != 1)
        snprintf(err, size, "this is no server's control socket");
    else if (version != CONNECTION_VERSION ||
             sscanf(line, "chatroom-control %*u %x %llu", &layout, &epoch) != 2)
        snprintf(err, size, "the server is of another version: it speaks protocol %u, not %d",
                 version, CONNECTION_VERSION);
    else {
        c->layout = layout;
        c->epoch = epoch;
        return true;
    }
    return false;
}

bool connection_open(struct connection *c, const char *path, uint32_t ms, char *err, size_t size) {
    uint64_t until = clock_ms() + ms;
    for (;;) {
        *c = (struct connection){.fd = -1, .view_fd = -1, .until = until};
        if (connection_connect(c, path, err, size) && connection_greeted(c, err, size))
            return true;
        connection_close(c);
        if ((!c->broke && !c->full) || clock_ms() + CONNECTION_LAST_MS >= until)
            return false;
        /* The worker that accepted it died, and another takes its place; or others' commands end.
         */
        usleep(CONNECTION_RETRY_US);
    }
}

/* False: not all of it was taken. */
static bool connection_send(struct connection *c, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (n < 0 && !connection_wait(c, POLLOUT))
            return false;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

enum connection_answer connection_ask(struct connection *c, const char *line, char *text,
                                      size_t size) {
    char answer[CONNECTION_LINE];
    if (connection_send(c, line, strlen(line)) && connection_send(c, "\n", 1) &&
        connection_line(c, answer, sizeof answer)) {
        if (strcmp(answer, "ok") == 0 || strncmp(answer, "ok ", 3) == 0) {
            snprintf(text, size, "%s", answer[2] ? answer + 3 : "");
            return CONNECTION_OK;
        }
        if (strncmp(answer, "no ", 3) == 0) {
            snprintf(text, size, "%s", answer + 3);
            return CONNECTION_NO;
        }
    }
    snprintf(text, size, "%s; whether it was done is unknown",
             clock_ms() >= c->until ? connection_silent : "the connection broke");
    return CONNECTION_LOST;
}

void connection_close(struct connection *c) {
    if (c->fd >= 0)
        close(c->fd);
    if (c->view_fd >= 0)
        close(c->view_fd);
    c->fd = c->view_fd = -1;
}

bool connection_is_gone(const char *path) {
    int fd = connection_socket();
    bool gone = fd >= 0 && !connection_try(fd, path) && (errno == ECONNREFUSED || errno == ENOENT);
    if (fd >= 0)
        close(fd);
    return gone;
}
