/* kernel.c - see kernel.h. */
#include "master/kernel.h"

#include "ipc/address.h"
#include "ipc/system.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The first call that fails, with errno; NULL: none. */
static const char *kernel_pidfds(int pidfd) {
    siginfo_t info;
    if (pidfd < 0)
        return "pidfd_open";
    if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) != 0)
        return "pidfd_send_signal";
    /* This process is not its own child, says a kernel that knows what is asked. */
    if (waitid(SYSTEM_P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) != 0 && errno != ECHILD)
        return "waitid(P_PIDFD)";
    return NULL;
}

/* By its cookie a successor knows whether a descriptor is still the connection that it was.  There
 * is always an IPv4 or an IPv6 socket, or the server could not listen. */
static const char *kernel_cookies(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd < 0 || socket_cookie(fd) != 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return has ? NULL : "SO_COOKIE";
}

bool kernel_suffices(char *err, size_t err_size) {
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    const char *missing = kernel_pidfds(pidfd);
    int error = errno;
    if (pidfd >= 0)
        close(pidfd);
    if (!missing) {
        missing = kernel_cookies();
        error = errno;
    }
    if (missing)
        snprintf(err, err_size, "%s: %s", missing, strerror(error));
    return !missing;
}
