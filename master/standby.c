/* keeper.c - see keeper.h. */
#include "master/standby.h"

#include "ipc/fault.h"
#include "ipc/lease.h"
#include "ipc/log.h"
#include "master/supervisor.h"
#include "master/watchdog.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STANDBY_NONE, STANDBY_WATCHES, STANDBY_ACTS };
enum { LOOK_MS = 250 };

/* The master's, for the keeper alone: the one in the seat is closed by whoever takes that. */
static int death_fd = -1;

static void death_close(void) {
    if (death_fd >= 0)
        close(death_fd);
    death_fd = -1;
}

/* Or its standing still: nobody else may be there to see that. */
static void await_death(const struct segment *seg) {
    const struct slot *master = &seg->slots[MASTER_SLOT];
    struct pollfd death = {.fd = death_fd, .events = POLLIN};
    uint64_t beat = 0, still = 0, most = watchdog_master_ms(seg) / LOOK_MS;
    while (poll(&death, 1, LOOK_MS) != 1) {
        uint64_t now = atomic_load(&master->heartbeat);
        still = now == beat ? still + 1 : 0;
        beat = now;
        if (still > most)
            syscall(SYS_pidfd_send_signal, death_fd, SIGKILL, NULL, 0);
    }
    death_close();
}

/* Descriptors of the old table, as they were before the keeper was made: it may be slow to run. */
static struct {
    struct master_state master;
    int pidfds[WORKERS_MAX];
    uint64_t lease;
} before;

static void remember(const struct segment *seg) {
    before.master = seg->header->master;
    before.master.standby_pid = 0;
    before.lease = atomic_load(&seg->slots[MASTER_SLOT].entry);
    for (int i = 0; i < WORKERS_MAX; i++)
        before.pidfds[i] = atomic_load(&seg->slots[i].pidfd);
}

/* The dead one's descriptor table is not ours: what it wrote down of it is put back. */
static void undo_adoption(struct segment *seg) {
    log_error("the upgraded master died; going back to the binary before");
    seg->header->master = before.master;
    slots_reap_all(seg);
    for (int i = 0; i < WORKERS_MAX; i++) {
        if (before.pidfds[i] >= 0)
            close(before.pidfds[i]);
    }
    close(lease_pidfd(before.lease));
}

static int keep(struct segment *seg, resume_entry resume) {
    struct segment_header *h = seg->header;
    uint32_t watches = STANDBY_WATCHES;
    prctl(PR_SET_NAME, "standby");
    await_death(seg);
    /* Its successor has not begun: as if a worker had seen it, and perhaps one has. */
    if (atomic_load(&seg->slots[MASTER_SLOT].entry) == before.lease) {
        h->master.standby_pid = 0;
        return resume(seg, before.lease);
    }
    if (!atomic_compare_exchange_strong(&h->standby, &watches, STANDBY_ACTS))
        return 0;
    undo_adoption(seg);
    uint64_t lease = lease_void(&seg->slots[MASTER_SLOT]);
    atomic_store(&h->standby, STANDBY_NONE);
    return resume(seg, lease);
}

bool standby_start(struct segment *seg, resume_entry resume) {
    struct segment_header *h = seg->header;
    standby_cancel(h);
    standby_reap(h, 0);
    remember(seg);
    death_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (death_fd < 0)
        return false;
    FAULT("standby.start.before");
    atomic_store(&h->standby, STANDBY_WATCHES);
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(keep(seg, resume));
    FAULT("standby.start.cloned");
    if (pid > 0) {
        h->master.standby_pid = pid;
        return true;
    }
    atomic_store(&h->standby, STANDBY_NONE);
    death_close();
    return false;
}

bool standby_cancel(struct segment_header *header) {
    uint32_t seen = STANDBY_WATCHES;
    atomic_compare_exchange_strong(&header->standby, &seen, STANDBY_NONE);
    return seen != STANDBY_ACTS;
}

void standby_reap(struct segment_header *header, int ms) {
    pid_t pid = header->master.standby_pid;
    while (ms-- > 0 && atomic_load(&header->standby) == STANDBY_WATCHES)
        usleep(1000);
    if (pid <= 0 || atomic_load(&header->standby) == STANDBY_WATCHES)
        return;
    if (waitpid(pid, NULL, WNOHANG) == 0) { /* ours, and alive */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    header->master.standby_pid = 0;
    death_close();
}
