/* engine.c - see engine.h. */
#include "worker/relay/engine.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void engine_make(struct engine *e, char *tx, size_t tx_size, char *rx, size_t rx_size) {
    memset(e, 0, sizeof *e);
    e->fd = -1;
    e->tx.out = tx;
    e->tx.size = tx_size;
    e->rx = rx;
    e->rx_size = rx_size;
}

void engine_close(struct engine *e) {
    if (e->fd >= 0)
        close(e->fd);
    engine_make(e, e->tx.out, e->tx.size, e->rx, e->rx_size);
}

static bool engine_wrong(struct engine *e, const char *why) {
    snprintf(e->wrong, sizeof e->wrong, "%s", why);
    return false;
}

static bool engine_is_silent(struct engine *e, const char *why) {
    e->silent = true;
    return engine_wrong(e, why);
}

static socklen_t engine_address_len(const union address_any *address) {
    return address->any.sa_family == AF_INET ? sizeof address->in : sizeof address->in6;
}

void engine_open(struct engine *e, const union address_any *address, uint64_t now) {
    int on = 1;
    engine_close(e);
    e->moved = now;
    e->connecting = true;
    e->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (e->fd < 0) {
        engine_wrong(e, strerror(errno));
        return;
    }
    setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(e->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (connect(e->fd, &address->any, engine_address_len(address)) != 0 && errno != EINPROGRESS)
        engine_wrong(e, strerror(errno));
}

/* False: it is not connected, or cannot be. */
static bool engine_connected(struct engine *e, uint64_t now) {
    struct pollfd poll_fd = {.fd = e->fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof error;
    if (poll(&poll_fd, 1, 0) != 1) {
        if (now >= e->moved + ENGINE_CONNECT_MS)
            engine_is_silent(e, "it does not answer");
        return false;
    }
    if (getsockopt(e->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        engine_wrong(e, strerror(error));
        return false;
    }
    e->connecting = false;
    e->moved = now;
    return true;
}

bool engine_receive(struct engine *e, uint64_t now) {
    if (e->wrong[0] || (e->connecting && !engine_connected(e, now)))
        return e->wrong[0] == '\0';
    if (e->at > 0)
        memmove(e->rx, e->rx + e->at, e->have - e->at);
    e->have -= e->at;
    e->at = 0;
    if (e->have < e->rx_size) {
        ssize_t got = recv(e->fd, e->rx + e->have, e->rx_size - e->have, MSG_DONTWAIT);
        if (got == 0)
            return engine_wrong(e, "it has closed the connection");
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return engine_wrong(e, strerror(errno));
        e->have += got > 0 ? (size_t)got : 0;
        e->fresh |= got > 0;
    }
    if (e->asked > 0 && !e->fresh && now >= e->moved + ENGINE_SILENT_MS)
        return engine_is_silent(e, "it does not answer");
    return true;
}

bool engine_send(struct engine *e) {
    if (e->wrong[0])
        return false;
    if (e->connecting || e->tx.len == 0)
        return true;
    ssize_t sent = send(e->fd, e->tx.out, e->tx.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR || engine_wrong(e, strerror(errno));
    e->tx.len -= (size_t)sent;
    memmove(e->tx.out, e->tx.out + sent, e->tx.len);
    return true;
}

bool engine_read(struct engine *e, uint64_t now, struct resp_element *out) {
    if (e->wrong[0])
        return false;
    e->at += resp_read(&e->reader, e->rx + e->at, e->have - e->at, out);
    if (out->kind == RESP_MORE) {
        e->fresh = false;
        return false;
    }
    if (out->kind == RESP_BAD) {
        snprintf(e->wrong, sizeof e->wrong, "it does not speak Redis' protocol: %.*s",
                 (int)out->len, out->bytes);
        return false;
    }
    if (e->asked == 0)
        return engine_wrong(e, "it answers what was not asked");
    e->moved = now;
    e->asked -= out->last;
    return true;
}

void engine_asked(struct engine *e, uint64_t now) {
    if (e->asked++ == 0 && !e->connecting)
        e->moved = now;
}

bool engine_has_room(const struct engine *e, size_t bytes) {
    return e->tx.size - e->tx.len >= bytes;
}

short engine_events(const struct engine *e) {
    if (e->fd < 0)
        return 0;
    if (e->connecting)
        return POLLOUT;
    return (short)((e->at > 0 || e->have < e->rx_size ? POLLIN : 0) |
                   (e->tx.len > 0 ? POLLOUT : 0));
}

uint64_t engine_due(const struct engine *e) {
    if (e->fd < 0)
        return 0;
    if (e->connecting)
        return e->moved + ENGINE_CONNECT_MS;
    return e->asked > 0 && !e->fresh ? e->moved + ENGINE_SILENT_MS : 0;
}
