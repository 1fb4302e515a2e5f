/* conversion.c - see conversion.h. */
#include "master/conversion.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/predecessor.h"
#include "ipc/system.h"
#include "master/store.h"
#include "master/view_fd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Descriptors of the old object. */
static struct { int segment, view; /* -1: none */ } conversion = {-1, -1};

/* A segment that is older than a bell or a word of it has the initial value. */
static void conversion_complete(struct segment *seg) {
    struct segment_header *h = seg->header;
    for (int i = 0; i < SLOT_COUNT; i++) {
        if (seg->slots[i].bell_fd < 0)
            seg->slots[i].bell_fd = eventfd(0, EFD_NONBLOCK);
        if (seg->slots[i].bell_fd < 0)
            log_warn_errno("eventfd");
    }
    h->master.oom_score = system_oom_score();
    atomic_store(&h->ready, 1);
}

void conversion_begin(struct segment *seg, int fd) {
    if (seg->fd == fd)
        return;
    conversion.segment = fd;
    conversion.view = seg->header->view_fd;
    view_fd_open(seg);
    fcntl(seg->header->view_fd, F_SETFD, FD_CLOEXEC);
    conversion_complete(seg);
    FAULT("conversion.begin.after");
}

/* One that does not end by itself: the standby process of a binary older than the guardian. */
static void conversion_kill_standby(void) {
    pid_t pid = predecessor_standby();
    if (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* A descriptor store has the old one, too. */
void conversion_end(void) {
    if (conversion.segment < 0)
        return;
    FAULT("conversion.end.before");
    conversion_kill_standby();
    FAULT("conversion.end.alone");
    store_drop_segment(conversion.segment);
    close(conversion.segment);
    if (conversion.view >= 0)
        close(conversion.view);
    conversion.segment = conversion.view = -1;
    FAULT("conversion.end.after");
}
