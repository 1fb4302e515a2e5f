/* resolve.c - see resolve.h. */
#include "worker/relay/resolve.h"

#include "ipc/fault_signals.h"
#include "ipc/system.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the child writes, in one piece (PIPE_BUF). */
struct resolve_found {
    int status; /* of getaddrinfo */
    uint32_t count;
    union address_any address[RESOLVE_ADDRESSES];
};
_Static_assert(sizeof(struct resolve_found) <= 4096, "is written in one piece");

static void resolve_set_port(union address_any *address, uint16_t port) {
    if (address->any.sa_family == AF_INET)
        address->in.sin_port = htons(port);
    else
        address->in6.sin6_port = htons(port);
}

/* ---- the child ---- */

static void resolve_look_up(const char *host, struct resolve_found *found) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    found->status = getaddrinfo(host, NULL, &hints, &all);
    if (found->status != 0)
        return;
    for (const struct addrinfo *a = all; a && found->count < RESOLVE_ADDRESSES; a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
            continue;
        memcpy(&found->address[found->count++], a->ai_addr, a->ai_addrlen);
    }
}

/* A copy of the parent's sockets would keep its connections open after its death. */
static void resolve_child(pid_t parent, int to, const char *host) {
    struct resolve_found found;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    memset(&found, 0, sizeof found);
    fault_signals_set(&usual); /* the parent's handlers would blame the relay */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(to, STDERR_FILENO + 1) < 0)
        _exit(1);
    system_close_from(STDERR_FILENO + 2);
    prctl(PR_SET_NAME, "resolve");
    resolve_look_up(host, &found);
    _exit(write(STDERR_FILENO + 1, &found, sizeof found) != sizeof found);
}

/* ---- the parent ---- */

static enum resolve_state resolve_failed(struct resolve *r, const char *why) {
    r->wrong = why;
    return RESOLVE_FAILED;
}

/* Killed, it is gone at once, but where the kernel holds it: then the next one has to wait. */
void resolve_end(struct resolve *r) {
    enum { TRIES = 20 };
    const struct timespec pause = {.tv_nsec = 1000000};
    if (r->pid <= 0)
        return;
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    kill(r->pid, SIGKILL);
    for (int i = 0; i < TRIES && r->pid > 0; i++) {
        pid_t got = waitpid(r->pid, NULL, WNOHANG);
        if (got == r->pid || (got < 0 && errno == ECHILD))
            r->pid = 0;
        else
            nanosleep(&pause, NULL);
    }
}

static enum resolve_state resolve_fork(struct resolve *r, const char *host) {
    int ends[2];
    pid_t self = getpid();
    resolve_end(r);
    if (r->pid > 0)
        return resolve_failed(r, "an earlier look-up of a name cannot be ended");
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return resolve_failed(r, strerror(errno));
    r->pid = fork();
    if (r->pid == 0)
        resolve_child(self, ends[1], host);
    close(ends[1]);
    r->fd = ends[0];
    if (r->pid > 0)
        return RESOLVE_BUSY;
    close(ends[0]);
    return resolve_failed(r, strerror(errno));
}

enum resolve_state resolve_begin(struct resolve *r, const char *host, uint16_t port, uint64_t now) {
    struct in6_addr addr;
    bool ipv4;
    memset(r->address, 0, sizeof r->address);
    r->count = 1;
    r->until = now + RESOLVE_LIMIT_MS;
    r->port = port;
    if (!address_parse(host, &addr, &ipv4))
        return resolve_fork(r, host);
    if (ipv4) {
        r->address[0].in.sin_family = AF_INET;
        memcpy(&r->address[0].in.sin_addr, &addr.s6_addr[12], 4);
    } else {
        r->address[0].in6.sin6_family = AF_INET6;
        r->address[0].in6.sin6_addr = addr;
    }
    resolve_set_port(&r->address[0], port);
    return RESOLVE_DONE;
}

static enum resolve_state resolve_take(struct resolve *r, const struct resolve_found *found) {
    if (found->status != 0)
        return resolve_failed(r, gai_strerror(found->status));
    if (found->count == 0)
        return resolve_failed(r, "its name has no address");
    r->count = found->count;
    memcpy(r->address, found->address, sizeof r->address);
    for (size_t i = 0; i < r->count; i++)
        resolve_set_port(&r->address[i], r->port);
    return RESOLVE_DONE;
}

enum resolve_state resolve_work(struct resolve *r, uint64_t now) {
    struct resolve_found found;
    ssize_t got = read(r->fd, &found, sizeof found);
    if (got < 0 && (errno == EAGAIN || errno == EINTR) && now < r->until)
        return RESOLVE_BUSY;
    resolve_end(r);
    if (got == sizeof found)
        return resolve_take(r, &found);
    return resolve_failed(r, got < 0 ? "its name is not resolved in time"
                                     : "the look-up of its name failed");
}
