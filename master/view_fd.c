/* view_fd.c - see view_fd.h. */
#include "master/view_fd.h"

#include "ipc/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Without /proc it cannot be opened again, and is given as it is: its receivers are root and the
 * server's user, who could write to it in any case. */
void view_fd_open(struct segment *seg) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", seg->fd);
    int fd = open(path, O_RDONLY);
    seg->header->view_fd = fd >= 0 ? fd : dup(seg->fd); /* an upgrade's execve keeps it */
    if (seg->header->view_fd < 0)
        log_warn_errno("%s: chatroom-ctl will not see the server's state", path);
}
