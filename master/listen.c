/* listen.c - see listen.h. */
#include "master/listen.h"

#include "ipc/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *listen_format(const struct listen_address *a, char out[80]) {
    char text[64];
    if (a->ipv4)
        inet_ntop(AF_INET, &a->addr.s6_addr[12], text, sizeof text);
    else
        inet_ntop(AF_INET6, &a->addr, text, sizeof text);
    snprintf(out, 80, a->ipv4 ? "%s:%u" : "[%s]:%u", text, a->port);
    return out;
}

bool listen_same(const struct listen_address *a, const struct listen_address *b) {
    return a->ipv4 == b->ipv4 && a->port == b->port && memcmp(&a->addr, &b->addr, 16) == 0;
}

bool listen_covers(const struct listen_address *a, const struct listen_address *b) {
    static const uint8_t none[4];
    if (a->port != b->port)
        return false;
    return a->ipv4 ? b->ipv4 && memcmp(&a->addr.s6_addr[12], none, sizeof none) == 0
                   : IN6_IS_ADDR_UNSPECIFIED(&a->addr);
}

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static socklen_t to_address(const struct listen_address *a, union address *out) {
    memset(out, 0, sizeof *out);
    if (a->ipv4) {
        out->in.sin_family = AF_INET;
        out->in.sin_port = htons(a->port);
        memcpy(&out->in.sin_addr, &a->addr.s6_addr[12], 4);
        return sizeof out->in;
    }
    out->in6.sin6_family = AF_INET6;
    out->in6.sin6_port = htons(a->port);
    out->in6.sin6_addr = a->addr;
    return sizeof out->in6;
}

static void set(int fd, int level, int option, int value) {
    setsockopt(fd, level, option, &value, sizeof value);
}

/* `shared`: one of many on this address; else alone, to find out whether somebody else has it. */
static int bind_one(const struct listen_address *a, uint32_t slot, bool shared) {
    union address address;
    socklen_t len = to_address(a, &address);
    int fd = socket(a->ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (shared)
        set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!a->ipv4)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !IN6_IS_ADDR_UNSPECIFIED(&a->addr));
    set(fd, SOL_SOCKET, SO_OOBINLINE, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, SLOT_TAG + (int)slot);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 20);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 6);
    /* One who does not read holds this much unsent in the kernel, not megabytes. */
    set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, LISTEN_UNSENT);
    if (bind(fd, &address.any, len) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* With SO_REUSEPORT a second server of the same user would share the port unnoticed. */
static bool probe(const struct listen_address *a) {
    int fd = bind_one(a, 0, false);
    bool is_free = fd >= 0 && listen(fd, 1) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return is_free;
}

static bool no_ipv6(int error) {
    return error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == EPROTONOSUPPORT;
}

static void port_of(int fd, struct listen_address *a) {
    union address address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, &address.any, &len) == 0)
        a->port = ntohs(a->ipv4 ? address.in.sin_port : address.in6.sin6_port);
}

static bool bind_all(struct listener *l, bool beside) {
    if (l->configured.port != 0 && !beside && !probe(&l->configured))
        return false;
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++) {
        l->fd[slot] = bind_one(&l->bound, slot, true);
        if (l->fd[slot] < 0)
            return false;
        if (slot == 0)
            port_of(l->fd[0], &l->bound); /* the others share what the kernel picked */
    }
    return true;
}

bool listen_open(struct listener *l, const struct listen_address *asked, bool beside, char *err,
                 size_t err_size) {
    char text[80];
    memset(l->fd, 0xff, sizeof l->fd);
    memset((void *)l->listening, 0, sizeof l->listening);
    l->configured = l->bound = *asked;
    if (bind_all(l, beside))
        return true;
    if (asked->is_default && no_ipv6(errno)) {
        struct listen_address any = {.ipv4 = true, .port = asked->port};
        any.addr.s6_addr[10] = any.addr.s6_addr[11] = 0xff;
        log_warn("this machine has no IPv6; listening on %s instead", listen_format(&any, text));
        bool opened = listen_open(l, &any, beside, err, err_size);
        l->configured = *asked; /* a reload compares with it */
        return opened;
    }
    snprintf(err, err_size, "listen %s: %s", listen_format(asked, text), strerror(errno));
    listen_close(l);
    return false;
}

bool listen_start(struct listener *l, uint32_t slot) {
    if (atomic_load(&l->listening[slot]))
        return true;
    if (listen(l->fd[slot], LISTEN_BACKLOG) != 0)
        return false;
    atomic_store(&l->listening[slot], 1);
    return true;
}

void listen_close(struct listener *l) {
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++) {
        int fd = l->fd[slot];
        l->fd[slot] = -1; /* first: once it is closed, the number may be a client's */
        if (fd >= 0)
            close(fd);
    }
}
