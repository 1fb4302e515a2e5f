/* listen.c - see listen.h. */
#include "master/listen.h"

#include "ipc/address.h"
#include "ipc/fault.h"
#include "ipc/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44 /* <linux/tcp.h> */
#endif

static bool listen_same_place(const struct listen_address *a, const struct listen_address *b) {
    return a->ipv4 == b->ipv4 && a->port == b->port && memcmp(&a->addr, &b->addr, 16) == 0;
}

bool listen_same(const struct listen_address *a, const struct listen_address *b) {
    return listen_same_place(a, b) && a->kind == b->kind;
}

bool listen_receives(const struct listen_address *a, const struct listen_address *b) {
    static const uint8_t none[4];
    if (a->port != b->port)
        return false;
    if (listen_same_place(a, b))
        return true;
    return a->ipv4 ? b->ipv4 && memcmp(&a->addr.s6_addr[12], none, sizeof none) == 0
                   : IN6_IS_ADDR_UNSPECIFIED(&a->addr);
}

bool listen_covers(const struct listen_address *a, const struct listen_address *b) {
    return listen_receives(a, b) && a->kind == b->kind;
}

static socklen_t listen_sockaddr(const struct listen_address *a, union address_any *out) {
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

struct listen_option {
    int level, option, value;
    const char *name;
};
#define LISTEN_OPTION(level, option, value)                                                        \
    { level, option, value, #option }

/* The first option that cannot be set, with errno; NULL: all are set. */
static const char *listen_set(int fd, const struct listen_option *options, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (setsockopt(fd, options[i].level, options[i].option, &options[i].value,
                       sizeof options[i].value) != 0)
            return options[i].name;
    }
    return NULL;
}

/* Without one of these the server would serve another family, or share the address with another
 * program, or accept connections that a worker's successor cannot adopt.  IPV6_V6ONLY comes last:
 * an IPv4 socket does not have it.  Returns as listen_set does. */
static const char *listen_require(int fd, const struct listen_address *a, uint32_t slot,
                                  bool shared) {
    const struct listen_option required[] = {
        LISTEN_OPTION(SOL_SOCKET, SO_REUSEADDR, 1),
        LISTEN_OPTION(SOL_SOCKET, SO_REUSEPORT, shared),
        LISTEN_OPTION(SOL_SOCKET, SO_OOBINLINE, 1),
        LISTEN_OPTION(SOL_SOCKET, SO_KEEPALIVE, 1),
        LISTEN_OPTION(IPPROTO_TCP, TCP_KEEPIDLE, SLOT_TAG + (int)slot),
        LISTEN_OPTION(IPPROTO_TCP, TCP_KEEPINTVL, KIND_TAG - a->kind),
        LISTEN_OPTION(IPPROTO_IPV6, IPV6_V6ONLY, !IN6_IS_ADDR_UNSPECIFIED(&a->addr)),
    };
    size_t count = sizeof required / sizeof required[0];
    return listen_set(fd, required, a->ipv4 ? count - 1 : count);
}

/* Without these lines are sent later, dead connections are found later, and clients that do not
 * read cost more memory.  `log`: a failure is logged. */
static void listen_tune(int fd, bool log) {
    static const struct listen_option wanted[] = {
        LISTEN_OPTION(IPPROTO_TCP, TCP_NODELAY, 1),
        LISTEN_OPTION(IPPROTO_TCP, TCP_KEEPCNT, LISTEN_PROBES),
        LISTEN_OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT, LISTEN_UNSENT),
    };
    static const struct listen_option recent = /* Linux 6.15 */
        LISTEN_OPTION(IPPROTO_TCP, TCP_RTO_MAX_MS, LISTEN_RTO_MAX_MS);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const char *failed = listen_set(fd, &wanted[i], 1);
        if (failed && log)
            log_warn_errno("setsockopt %s", failed);
    }
    (void)listen_set(fd, &recent, 1);
}

/* A bound socket of the slot; -1 with errno, and the option that could not be set, if it was one,
 * in *option.  `shared`: one of many on this address.  Else alone, which fails if another program
 * has the address. */
static int listen_bind(const struct listen_address *a, uint32_t slot, bool shared,
                       const char **option) {
    union address_any address;
    socklen_t len = listen_sockaddr(a, &address);
    int fd = socket(a->ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    *option = listen_require(fd, a, slot, shared);
    if (!*option) {
        listen_tune(fd, shared && slot == 0);
        if (bind(fd, &address.any, len) == 0)
            return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* With SO_REUSEPORT alone, a second server of the same user would share the port unnoticed.  A
 * socket without it cannot be bound where any other listens.  The probe itself does not listen: it
 * would receive connections, and would make another server's listen(2) fail. */
static bool listen_probe(const struct listen_address *a, const char **option) {
    int fd = listen_bind(a, 0, false, option);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Not with a kernel, or in a sandbox, that has no such sockets.  Any other failure is left to the
 * address itself, whose error says what is wrong. */
static bool listen_has_ipv6(void) {
    struct sockaddr_in6 any = {.sin6_family = AF_INET6}; /* port 0: needs no privilege */
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof any) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    return bound || (error != EAFNOSUPPORT && error != EPROTONOSUPPORT && error != EADDRNOTAVAIL &&
                     error != EPERM && error != EACCES);
}

struct listen_address listen_resolve(const struct listen_address *asked) {
    static const uint8_t any[4];
    if (asked->ipv4 || !IN6_IS_ADDR_UNSPECIFIED(&asked->addr) || listen_has_ipv6())
        return *asked;
    return (struct listen_address){
        .addr = address_mapped(any), .port = asked->port, .ipv4 = true, .kind = asked->kind};
}

/* The port that the kernel chose for a socket bound to port 0. */
static bool listen_learn_port(int fd, struct listen_address *a) {
    union address_any address;
    struct in6_addr addr;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, &address.any, &len) != 0)
        return false;
    address_split(&address, &addr, &a->port);
    return true;
}

/* For each slot that has no socket. */
static bool listen_bind_all(struct listener *l, bool beside, const char **option) {
    if (l->bound.port != 0 && !beside && !listen_probe(&l->bound, option))
        return false;
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++) {
        if (l->fd[slot] < 0)
            l->fd[slot] = listen_bind(&l->bound, slot, true, option);
        if (l->fd[slot] < 0 || (slot == 0 && !listen_learn_port(l->fd[0], &l->bound)))
            return false;
    }
    return true;
}

/* After a failure, with errno. */
static bool listen_fail(const struct listener *l, const char *option, char *err, size_t err_size) {
    char text[ENDPOINT_TEXT];
    int error = errno;
    endpoint_format(&l->bound.addr, l->bound.port, text);
    snprintf(err, err_size, "listen %s: %s%s%s", text, option ? option : "", option ? ": " : "",
             strerror(error));
    return false;
}

bool listen_again(struct listener *l, char *err, size_t err_size) {
    const char *option = NULL;
    bool any = false;
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++)
        any = any || l->fd[slot] >= 0;
    return listen_bind_all(l, any, &option) || listen_fail(l, option, err, err_size);
}

bool listen_open(struct listener *l, const struct listen_address *asked, bool beside, char *err,
                 size_t err_size) {
    char text[ENDPOINT_TEXT];
    const char *option = NULL;
    memset(l->fd, 0xff, sizeof l->fd);
    memset((void *)l->listening, 0, sizeof l->listening);
    memset(l->cookie, 0, sizeof l->cookie);
    l->configured = *asked;
    l->bound = listen_resolve(asked);
    endpoint_format(&l->bound.addr, l->bound.port, text);
    if (l->bound.ipv4 && !asked->ipv4)
        log_warn("this machine has no IPv6; listening on %s instead", text);
    if (listen_bind_all(l, beside, &option))
        return true;
    (void)listen_fail(l, option, err, err_size);
    listen_close(l);
    return false;
}

bool listen_start(struct listener *l, uint32_t slot) {
    if (atomic_load(&l->listening[slot]))
        return true;
    if (listen(l->fd[slot], LISTEN_BACKLOG) != 0)
        return false;
    l->cookie[slot] = socket_cookie(l->fd[slot]);
    FAULT("listen.cookie.after");
    atomic_store(&l->listening[slot], 1);
    return true;
}

void listen_close(struct listener *l) {
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++) {
        int fd = l->fd[slot];
        if (fd >= 0)
            shutdown(fd, SHUT_RDWR); /* a copy in a descriptor store would go on listening */
        FAULT("listen.close.before");
        l->fd[slot] = -1; /* first: once it is closed, the number may be a client's */
        atomic_store(&l->listening[slot], 0);
        if (fd >= 0)
            close(fd);
    }
}
