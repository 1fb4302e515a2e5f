/* notify.c - see notify.h. */
#include "master/notify.h"

#include "ipc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds: less is a loop without a pause, more is not a wait that poll() can do. */
enum { NOTIFY_WATCHDOG_MIN = 20, NOTIFY_WATCHDOG_MAX = 24 * 3600 * 1000 };

static const char *notify_path(void) {
    const char *path = getenv("NOTIFY_SOCKET");
    return path && *path ? path : NULL;
}

bool notify_wanted(void) {
    return notify_path() != NULL;
}

/* The manager's address; its length, or 0 with errno if the path is too long. */
static socklen_t notify_address(const char *path, struct sockaddr_un *to) {
    size_t len = strlen(path);
    errno = ENAMETOOLONG;
    if (len >= sizeof to->sun_path)
        return 0;
    *to = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(to->sun_path, path, len);
    if (to->sun_path[0] == '@') /* a name in the abstract namespace */
        to->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* A manager that does not read has `ms` to make room in its queue.  Without the time limit, sendmsg
 * must not wait at all: the caller has the server to watch. */
static int notify_flags(int fd, uint32_t ms) {
    struct timeval most = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    bool timed = ms > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) == 0;
    return MSG_NOSIGNAL | (timed ? 0 : MSG_DONTWAIT);
}

/* ETOOMANYREFS: more descriptors are on their way than this user may have open.  What fails is
 * tried once a second (store.h): the log has each reason once in a row. */
static enum notified notify_outcome(ssize_t sent) {
    static int told;
    int error = errno;
    if (sent >= 0) {
        told = 0;
        return NOTIFY_SENT;
    }
    if (error == EAGAIN || error == ENOBUFS || error == ETOOMANYREFS)
        return NOTIFY_FULL;
    if (error != told)
        log_warn_errno("NOTIFY_SOCKET");
    told = error;
    return NOTIFY_FAILED;
}

enum notified notify_descriptors(const char *state, const int *fds, uint32_t count, uint32_t ms) {
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(NOTIFY_FDS_MAX * sizeof(int))];
    } attached = {.head = {.cmsg_len = CMSG_LEN(count * sizeof(int)),
                           .cmsg_level = SOL_SOCKET,
                           .cmsg_type = SCM_RIGHTS}};
    struct sockaddr_un to;
    const char *path = notify_path();
    struct iovec span = {(char *)state, strlen(state)};
    struct msghdr message = {.msg_name = &to, .msg_iov = &span, .msg_iovlen = 1};
    if (!path)
        return NOTIFY_FAILED;
    if ((message.msg_namelen = notify_address(path, &to)) == 0)
        return notify_outcome(-1);
    if (count > 0) {
        memcpy(CMSG_DATA(&attached.head), fds, count * sizeof(int));
        message.msg_control = &attached;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return notify_outcome(-1);
    enum notified outcome = notify_outcome(sendmsg(fd, &message, notify_flags(fd, ms)));
    close(fd);
    return outcome;
}

void notify(const char *state) {
    if (notify_wanted() && notify_descriptors(state, NULL, 0, NOTIFY_WAIT_MS) == NOTIFY_FULL)
        log_warn_errno("NOTIFY_SOCKET"); /* the manager does not read */
}

/* The manager closes the descriptor that comes with the message when it has come to it. */
bool notify_barrier(uint32_t ms) {
    int ends[2];
    if (!notify_wanted() || pipe2(ends, O_CLOEXEC) != 0)
        return false;
    bool sent = notify_descriptors("BARRIER=1", &ends[1], 1, ms) == NOTIFY_SENT;
    close(ends[1]);
    struct pollfd wait = {.fd = ends[0]};
    bool reached = sent && poll(&wait, 1, (int)ms) == 1;
    close(ends[0]);
    return reached;
}

void notify_reloading(void) {
    char state[64];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* the manager's clock; clock_ms() may be another */
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
    notify(state);
}

/* $WATCHDOG_PID names the process that was started; a guardian in its place is not listened to. */
uint64_t notify_watchdog_ms(void) {
    const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    char *end = NULL;
    uint64_t us = text ? strtoull(text, &end, 10) : 0;
    if (us == 0 || *end != '\0' || strchr(text, '-') || (pid && atoi(pid) != getpid()))
        return 0;
    uint64_t ms = us / 1000;
    return ms < NOTIFY_WATCHDOG_MIN   ? NOTIFY_WATCHDOG_MIN
           : ms > NOTIFY_WATCHDOG_MAX ? NOTIFY_WATCHDOG_MAX
                                      : ms;
}
