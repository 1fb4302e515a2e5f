/* listen_lock.c - see listen_lock.h. */
#include "master/listen_lock.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTEN_LOCK_PATH "/proc/self/ns/net"
static const char listen_lock_missing[] =
    LISTEN_LOCK_PATH ": a server that is started in the same instant may share an address";

/* The process that holds the lock, as /proc/locks says; 0: none of this pid namespace. */
static pid_t listen_lock_holder(int fd) {
    struct stat is;
    char line[256];
    int pid = 0, found = 0;
    unsigned long inode;
    FILE *file = fstat(fd, &is) == 0 ? fopen("/proc/locks", "re") : NULL;
    while (file && found == 0 && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%*d: FLOCK %*s %*s %d %*x:%*x:%lu", &pid, &inode) == 2 &&
            inode == is.st_ino)
            found = pid;
    }
    if (file)
        fclose(file);
    return found;
}

/* It was waited for long enough.  The kernel lets only sockets of one user share an address; so a
 * holder of another user is no server that could, and one that is unknown (it lies in another pid
 * namespace, or has ended and left the lock to a child) must not keep this server from starting for
 * ever. */
static bool listen_lock_held(int fd, char *err, size_t err_size) {
    char path[64];
    struct stat is;
    pid_t holder = listen_lock_holder(fd);
    snprintf(path, sizeof path, "/proc/%d", (int)holder);
    bool known = holder > 0 && stat(path, &is) == 0;
    if (known && is.st_uid == geteuid()) {
        snprintf(err, err_size, "listen: process %d is binding addresses and does not end",
                 (int)holder);
        return false;
    }
    if (known)
        log_warn("process %d of user %u holds a lock on %s", (int)holder, (unsigned)is.st_uid,
                 listen_lock_missing);
    else
        log_warn("an unknown process holds a lock on %s", listen_lock_missing);
    return true;
}

bool listen_lock_take(struct master_state *state, uint32_t ms, char *err, size_t err_size) {
    uint64_t until = clock_ms() + ms;
    if (state->listen_lock <= 0)
        state->listen_lock = open(LISTEN_LOCK_PATH, O_RDONLY);
    FAULT("listen_lock.take.before");
    while (flock(state->listen_lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            log_warn_errno("%s", listen_lock_missing);
            return true;
        }
        if (clock_ms() >= until)
            return listen_lock_held(state->listen_lock, err, err_size);
        usleep(1000);
    }
    FAULT("listen_lock.take.after");
    return true;
}

void listen_lock_release(struct master_state *state) {
    FAULT("listen_lock.release.before");
    if (state->listen_lock > 0)
        flock(state->listen_lock, LOCK_UN);
    FAULT("listen_lock.release.after");
}
