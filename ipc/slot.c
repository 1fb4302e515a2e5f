/* slot.c - bells, entering, and the test for a dead process; see slot.h. */
#include "ipc/slot.h"

#include "ipc/fault.h"
#include "ipc/system.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *slot_name(uint32_t index, char out[SLOT_NAME]) {
    if (index < WORKERS_MAX)
        snprintf(out, SLOT_NAME, "worker %u", index);
    else
        snprintf(out, SLOT_NAME, "%s",
                 index == MASTER_SLOT     ? "master"
                 : index == GUARDIAN_SLOT ? "guardian"
                 : index == RELAY_SLOT    ? "relay"
                                          : "transcript");
    return out;
}

void slot_wake_up(struct slot *slot) {
    if (atomic_exchange_explicit(&slot->asleep, 0, memory_order_acq_rel) == 0)
        return; /* another process rings it */
    FAULT("slot.ring.before");
    uint64_t one = 1;
    /* EAGAIN: the counter is full, so its sleeper is awake. */
    (void)!write(slot->bell_fd, &one, sizeof one);
    FAULT("slot.ring.after");
}

void slots_ring(struct slot *slots, uint32_t count, int except) {
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < count; i++) {
        if ((int)i != except)
            slot_ring(&slots[i]);
    }
}

void slot_ring_awake(const struct slot *slot) {
    uint64_t one = 1;
    (void)!write(slot->bell_fd, &one, sizeof one); /* a full bell has rung already */
}

void slots_ring_master(const struct slot *slots) {
    FAULT("slot.ring_master.before");
    slot_ring_awake(&slots[MASTER_SLOT]);
    FAULT("slot.ring_master.after");
}

void slot_sleep(struct slot *slot) {
    atomic_store_explicit(&slot->asleep, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

void slot_wake(struct slot *slot) {
    atomic_store_explicit(&slot->asleep, 0, memory_order_relaxed);
}

#define ENTERED (1ull << 63)

void slot_invite(struct slot *slot, uint64_t incarnation) {
    atomic_store(&slot->incarnation, incarnation);
    FAULT("slot.invite.incarnation");
    int old = atomic_exchange(&slot->pidfd, -1);
    if (old >= 0)
        close(old); /* only after the incarnation moved on: slot_dead() */
    atomic_store(&slot->pid, 0);
    atomic_store(&slot->cause, 0);
    atomic_store(&slot->entry, incarnation);
    FAULT("slot.invite.after");
}

bool slot_enter(struct slot *slot, uint64_t incarnation) {
    uint64_t invited = incarnation;
    FAULT("slot.enter.before");
    if (!atomic_compare_exchange_strong(&slot->entry, &invited, incarnation | ENTERED))
        return false;
    FAULT("slot.enter.after");
    atomic_store(&slot->pid, getpid());
    /* The starter records the pidfd it got from clone(), unless it has died since. */
    int none = -1, mine = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (mine >= 0 && !atomic_compare_exchange_strong(&slot->pidfd, &none, mine))
        close(mine);
    return true;
}

bool slot_revoke(struct slot *slot) {
    uint64_t entry = atomic_load(&slot->entry);
    if ((entry & ~ENTERED) != atomic_load(&slot->incarnation))
        return true; /* a starter died in slot_invite, before its clone */
    return !(entry & ENTERED) && atomic_compare_exchange_strong(&slot->entry, &entry, 0);
}

bool slot_dead(struct slot *slots, uint64_t incarnation) {
    uint32_t index = incarnation_slot(incarnation);
    if (index >= SLOT_COUNT)
        return false;
    struct slot *slot = &slots[index];
    if (atomic_load(&slot->incarnation) != incarnation)
        return false; /* its death was handled already */
    int pidfd = atomic_load(&slot->pidfd);
    if (pidfd < 0)
        return false;
    bool gone = system_readable(pidfd);
    /* The number may have been closed and reused for a socket meanwhile, but only after the
     * incarnation had moved on.  If it has not, the answer was the pidfd's. */
    return gone && atomic_load(&slot->incarnation) == incarnation;
}
