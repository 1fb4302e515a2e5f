/* keeper.c - see keeper.h. */
#include "master/keeper.h"

#include "ipc/log.h"
#include "master/supervisor.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEEPER_NONE, KEEPER_WATCHES, KEEPER_ACTS };

static void await_death(int pidfd) {
    struct pollfd death = {.fd = pidfd, .events = POLLIN};
    while (poll(&death, 1, -1) != 1)
        ;
}

/* The dead one's descriptor table is not ours: what it wrote down of it is put back. */
static void undo_adoption(struct segment *seg, const struct master_state *before,
                          const int pidfds[]) {
    log_error("the upgraded master died; going back to the binary before");
    seg->header->master = *before;
    supervisor_bury_all(seg);
    for (int i = 0; i < WORKERS_MAX; i++) {
        if (pidfds[i] >= 0)
            close(pidfds[i]);
    }
}

static int keep(struct segment *seg, uint64_t seat, resume_entry resume) {
    struct segment_header *h = seg->header;
    struct master_state before = h->master;
    int pidfds[WORKERS_MAX];
    uint32_t watches = KEEPER_WATCHES;
    before.keeper_pid = 0;
    for (int i = 0; i < WORKERS_MAX; i++)
        pidfds[i] = atomic_load(&seg->slots[i].pidfd);
    prctl(PR_SET_NAME, "keeper");
    await_death(slot_seat_pidfd(seat));
    /* Its successor has not begun: as if a worker had seen it, and perhaps one has. */
    if (atomic_load(&seg->slots[MASTER_SLOT].entry) == seat) {
        h->master.keeper_pid = 0;
        return resume(seg, seat);
    }
    if (!atomic_compare_exchange_strong(&h->keeper, &watches, KEEPER_ACTS))
        return 0;
    undo_adoption(seg, &before, pidfds);
    close(slot_seat_pidfd(seat));
    seat = slot_empty_seat(&seg->slots[MASTER_SLOT]);
    atomic_store(&h->keeper, KEEPER_NONE);
    return resume(seg, seat);
}

bool keeper_start(struct segment *seg, resume_entry resume) {
    struct segment_header *h = seg->header;
    uint64_t seat = atomic_load(&seg->slots[MASTER_SLOT].entry);
    keeper_relieve(h);
    keeper_dismiss(h, 0);
    atomic_store(&h->keeper, KEEPER_WATCHES);
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(keep(seg, seat, resume));
    if (pid < 0)
        atomic_store(&h->keeper, KEEPER_NONE);
    else
        h->master.keeper_pid = pid;
    return pid > 0;
}

bool keeper_relieve(struct segment_header *header) {
    uint32_t seen = KEEPER_WATCHES;
    atomic_compare_exchange_strong(&header->keeper, &seen, KEEPER_NONE);
    return seen != KEEPER_ACTS;
}

void keeper_dismiss(struct segment_header *header, int ms) {
    pid_t pid = header->master.keeper_pid;
    while (ms-- > 0 && atomic_load(&header->keeper) == KEEPER_WATCHES)
        usleep(1000);
    if (pid <= 0 || atomic_load(&header->keeper) == KEEPER_WATCHES)
        return;
    if (waitpid(pid, NULL, WNOHANG) == 0) { /* ours, and alive */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    header->master.keeper_pid = 0;
}
