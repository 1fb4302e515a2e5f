/* slot.c - bells and the question whether somebody is dead; see slot.h. */
#include "ipc/slot.h"

#include "ipc/fault.h"

#include <poll.h>
#include <unistd.h>

void slot_ring(struct slot *slot) {
    if (atomic_load_explicit(&slot->asleep, memory_order_relaxed) == 0 ||
        atomic_exchange_explicit(&slot->asleep, 0, memory_order_acq_rel) == 0)
        return;
    FAULT("slot.ring.before");
    uint64_t one = 1;
    /* A counter that is full has woken its sleeper long ago. */
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

void slot_sleep(struct slot *slot) {
    atomic_store_explicit(&slot->asleep, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

void slot_wake(struct slot *slot) { atomic_store_explicit(&slot->asleep, 0, memory_order_relaxed); }

bool slot_dead(struct slot *slots, uint64_t incarnation) {
    uint32_t index = incarnation_slot(incarnation);
    if (index >= SLOT_COUNT)
        return false;
    struct slot *slot = &slots[index];
    if (atomic_load(&slot->incarnation) != incarnation)
        return false; /* somebody has seen to it already */
    int pidfd = atomic_load(&slot->pidfd);
    if (pidfd < 0)
        return false;
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    bool gone = poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN);
    /* The number may have been closed and given to a socket meanwhile - but only after the
     * incarnation had moved on, so if it has not, the answer was the pidfd's. */
    return gone && atomic_load(&slot->incarnation) == incarnation;
}
