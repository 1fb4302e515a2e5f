/* process.c - see process.h. */
#include "master/process.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/system.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PROCESS_TOLD_MS = 100 };

bool process_plain_fork(void) {
    return getenv(PLAIN_FORK_ENV) != NULL;
}

/* No stack is given, so the child continues on a copy of the parent's. */
pid_t process_clone(int *pidfd, bool sibling) {
    unsigned long flags = CLONE_FILES | SIGCHLD | (pidfd ? CLONE_PIDFD : 0);
    return (pid_t)syscall(SYS_clone, flags | (sibling ? CLONE_PARENT : 0), NULL, pidfd, NULL, NULL);
}

/* The child stores its pidfd too, in case its starter dies first: the first one stored counts. */
static void process_record(struct slot *slot, pid_t pid, int pidfd) {
    int none = -1;
    FAULT("process.start.cloned");
    atomic_store(&slot->pid, pid);
    if (process_plain_fork()) /* the child stored a number of its own table */
        atomic_store(&slot->pidfd, (int)syscall(SYS_pidfd_open, pid, 0));
    if (pidfd >= 0 && !atomic_compare_exchange_strong(&slot->pidfd, &none, pidfd))
        close(pidfd);
    FAULT("process.start.after");
}

pid_t process_start(struct segment *seg, uint32_t index, uint64_t incarnation, bool sibling) {
    struct slot *slot = &seg->slots[index];
    bool plain = process_plain_fork();
    int pidfd = -1;
    FAULT("process.start.before");
    slot_invite(slot, incarnation);
    atomic_store(&slot->reaper, sibling && !plain ? getppid() : getpid());
    pid_t pid = plain ? fork() : process_clone(&pidfd, sibling);
    if (pid > 0)
        process_record(slot, pid, pidfd);
    return pid;
}

bool process_has_parent(const struct slot *slot) {
    return getppid() == atomic_load(&slot->reaper);
}

bool process_die_with_parent(const struct slot *slot) {
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && process_has_parent(slot);
}

void process_outlive_parent(void) {
    prctl(PR_SET_PDEATHSIG, 0);
}

void process_await_entry(struct slot *slot) {
    for (int wait = 0; wait < 1000 && !slot_revoke(slot) && atomic_load(&slot->pidfd) < 0; wait++)
        usleep(1000);
}

bool process_dead(const struct slot *slot) {
    return system_readable(atomic_load(&slot->pidfd));
}

void process_store_end(struct slot *slot, int code, int status) {
    FAULT("process.end.before");
    atomic_store(&slot->cause, (uint32_t)code << 8 | (uint32_t)status);
    FAULT("process.end.after");
}

struct process_end process_end(const struct segment *seg, const struct slot *slot) {
    pid_t reaper = atomic_load(&slot->reaper);
    uint32_t cause = atomic_load(&slot->cause);
    bool told = reaper != 0 && reaper == atomic_load(&seg->slots[GUARDIAN_SLOT].pid);
    for (int wait = 0; told && cause == 0 && wait < PROCESS_TOLD_MS; wait++) {
        usleep(1000);
        cause = atomic_load(&slot->cause);
    }
    if (cause != 0)
        return (struct process_end){cause >> 8 == CLD_EXITED, (int)(cause & 0xff)};
    bool gone = slot < &seg->slots[CHILD_SLOTS] && atomic_load(&slot->state) == SLOT_UNUSED;
    return (struct process_end){gone, gone ? 0 : (int)atomic_load(&slot->fault)};
}

void process_log_death(uint32_t index, struct process_end end) {
    char name[SLOT_NAME];
    slot_name(index, name);
    if (end.exited)
        log_warn("%s exited with status %d; replacing it", name, end.status);
    else if (end.status == 0)
        log_warn("%s has died; replacing it", name);
    else
        log_warn("%s was killed by signal %d (%s); replacing it", name, end.status,
                 strsignal(end.status));
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
    for (uint32_t i = 0; i <= MASTER_SLOT; i++) {
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
