/* notify.c - see notify.h. */
#include "master/notify.h"

#include "ipc/log.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { NOTIFY_WAIT_US = 200 * 1000 };

void notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len == 0)
        return;
    if (len >= sizeof to.sun_path) {
        log_warn("NOTIFY_SOCKET: the path is longer than %zu bytes", sizeof to.sun_path - 1);
        return;
    }
    memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@') /* a name in the abstract namespace */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        log_warn_errno("NOTIFY_SOCKET");
        return;
    }
    /* A manager that does not read has this long to make room in its queue.  Without the time
     * limit, sendto must not wait at all: the master has workers to watch. */
    struct timeval most = {.tv_usec = NOTIFY_WAIT_US};
    int flags = MSG_NOSIGNAL;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) != 0)
        flags |= MSG_DONTWAIT;
    if (sendto(fd, state, strlen(state), flags, (struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
        log_warn_errno("NOTIFY_SOCKET");
    close(fd);
}

void notify_reloading(void) {
    char state[64];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* the manager's clock; clock_ms() may be another */
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
    notify(state);
}
