/* process.c - see process.h. */
#include "master/process.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

bool process_plain_fork(void) {
    return getenv(PLAIN_FORK_ENV) != NULL;
}

/* No stack is given, so the child continues on a copy of the parent's. */
pid_t process_clone(int *pidfd) {
    unsigned long flags = CLONE_FILES | SIGCHLD | (pidfd ? CLONE_PIDFD : 0);
    return (pid_t)syscall(SYS_clone, flags, NULL, pidfd, NULL, NULL);
}

void process_signal(struct slot *slot, int signo) {
    pid_t pid = atomic_load(&slot->pid);
    int pidfd = atomic_load(&slot->pidfd);
    if (pid > 0 && pidfd >= 0)
        syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);
    else if (pid > 0)
        kill(pid, signo);
}

void process_ring_all(struct segment *seg) {
    for (int i = 0; i < CHILD_SLOTS; i++) {
        struct slot *slot = &seg->slots[i];
        if (slot_alive(atomic_load(&slot->state)))
            slot_ring_awake(slot);
    }
}

void process_reap_all(struct segment *seg) {
    for (uint32_t i = 0; i < CHILD_SLOTS; i++) {
        struct slot *slot = &seg->slots[i];
        atomic_store(&slot->entry, 0);
        atomic_store(&slot->pid, 0);
        atomic_store(&slot->pidfd, -1);
        if (atomic_load(&slot->state) == SLOT_UNUSED)
            continue;
        atomic_store(&slot->state, SLOT_DEAD);
        gate_repair(seg->gate, atomic_load(&slot->incarnation));
    }
}
