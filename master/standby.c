/* standby.c - see standby.h. */
#include "master/standby.h"

#include "ipc/fault.h"
#include "ipc/lease.h"
#include "ipc/log.h"
#include "master/process.h"
#include "master/watchdog.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STANDBY_NONE, STANDBY_WATCHES, STANDBY_ACTS };
enum { STANDBY_LOOK_MS = 250 };

/* A pidfd of the master for the standby alone: the one in the lease is closed by the process that
 * takes the lease.  -1: none. */
static int standby_death_fd = -1;

static void standby_close_death_fd(void) {
    if (standby_death_fd >= 0)
        close(standby_death_fd);
    standby_death_fd = -1;
}

/* Returns when the master is dead.  Kills it if its heartbeat does not move: there may be no worker
 * left that could. */
static void standby_await_death(const struct segment *seg) {
    const struct slot *master = &seg->slots[MASTER_SLOT];
    struct pollfd death = {.fd = standby_death_fd, .events = POLLIN};
    uint64_t beat = 0, still = 0, most = watchdog_master_ms(seg) / STANDBY_LOOK_MS;
    while (poll(&death, 1, STANDBY_LOOK_MS) != 1) {
        uint64_t now = atomic_load(&master->heartbeat);
        still = now == beat ? still + 1 : 0;
        beat = now;
        if (still > most)
            syscall(SYS_pidfd_send_signal, standby_death_fd, SIGKILL, NULL, 0);
    }
    standby_close_death_fd();
}

/* The descriptors of the old table.  The parent stores them before the clone, because the child may
 * be scheduled only after the new master has written its own. */
static struct {
    struct master_state master;
    int pidfds[CHILD_SLOTS];
    uint64_t lease;
} standby_before;

static void standby_remember(const struct segment *seg) {
    standby_before.master = seg->header->master;
    standby_before.master.standby_pid = 0;
    standby_before.lease = atomic_load(&seg->slots[MASTER_SLOT].entry);
    for (int i = 0; i < CHILD_SLOTS; i++)
        standby_before.pidfds[i] = atomic_load(&seg->slots[i].pidfd);
}

/* The segment holds descriptor numbers of the dead master's table: restores those of this one. */
static void standby_undo_adoption(struct segment *seg) {
    log_error("the upgraded master died; going back to the binary before");
    seg->header->master = standby_before.master;
    process_reap_all(seg);
    for (int i = 0; i < CHILD_SLOTS; i++) {
        if (standby_before.pidfds[i] >= 0)
            close(standby_before.pidfds[i]);
    }
    close(lease_pidfd(standby_before.lease));
}

/* If an operator asked for the upgrade.  No worker lives that could do it. */
static void standby_end_request(struct segment *seg) {
    request_end_executing(seg->requests, false,
                          "upgrade: the new binary died or hung as it began; going back to the "
                          "binary before");
}

static int standby_run(struct segment *seg, resume_entry resume) {
    struct segment_header *h = seg->header;
    uint32_t watches = STANDBY_WATCHES;
    prctl(PR_SET_NAME, "standby");
    standby_await_death(seg);
    /* The new binary has not taken the lease yet.  A worker of the old one may live, and may have
     * found the master dead too: the lease decides between the two. */
    if (atomic_load(&seg->slots[MASTER_SLOT].entry) == standby_before.lease) {
        h->master.standby_pid = 0;
        standby_end_request(seg);
        return resume(seg, standby_before.lease);
    }
    if (!atomic_compare_exchange_strong(&h->standby, &watches, STANDBY_ACTS))
        return 0;
    standby_undo_adoption(seg);
    standby_end_request(seg);
    uint64_t lease = lease_void(&seg->slots[MASTER_SLOT]);
    atomic_store(&h->standby, STANDBY_NONE);
    return resume(seg, lease);
}

bool standby_start(struct segment *seg, resume_entry resume) {
    struct segment_header *h = seg->header;
    standby_cancel(h);
    standby_reap(h, 0);
    standby_remember(seg);
    standby_death_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (standby_death_fd < 0)
        return false;
    FAULT("standby.start.before");
    atomic_store(&h->standby, STANDBY_WATCHES);
    pid_t pid = process_clone(NULL);
    if (pid == 0)
        _exit(standby_run(seg, resume));
    FAULT("standby.start.cloned");
    if (pid > 0) {
        h->master.standby_pid = pid;
        return true;
    }
    atomic_store(&h->standby, STANDBY_NONE);
    standby_close_death_fd();
    return false;
}

bool standby_cancel(struct segment_header *header) {
    uint32_t seen = STANDBY_WATCHES;
    atomic_compare_exchange_strong(&header->standby, &seen, STANDBY_NONE);
    return seen != STANDBY_ACTS;
}

bool standby_watches(const struct segment_header *header) {
    return atomic_load(&header->standby) != STANDBY_NONE;
}

void standby_reap(struct segment_header *header, int ms) {
    pid_t pid = header->master.standby_pid;
    while (ms-- > 0 && atomic_load(&header->standby) == STANDBY_WATCHES)
        usleep(1000);
    if (pid <= 0 || atomic_load(&header->standby) == STANDBY_WATCHES)
        return;
    if (waitpid(pid, NULL, WNOHANG) == 0) { /* a child of this process that has not ended */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    header->master.standby_pid = 0;
    standby_close_death_fd();
}
