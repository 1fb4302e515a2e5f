/* lease.c - see lease.h. */
#include "ipc/lease.h"

#include "ipc/fault.h"
#include "ipc/system.h"

#include <sys/syscall.h>
#include <unistd.h>

bool lease_take(struct slot *slot, uint64_t lease) {
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    uint64_t mine = ((lease >> 32) + 1) << 32 | (uint32_t)pidfd;
    if (pidfd < 0)
        return false;
    FAULT("lease.take.before");
    if (!atomic_compare_exchange_strong(&slot->entry, &lease, mine)) {
        close(pidfd);
        return false;
    }
    FAULT("lease.take.after");
    atomic_store(&slot->pid, getpid());
    atomic_store(&slot->pidfd, pidfd);
    if (lease != 0 && lease_pidfd(lease) >= 0)
        close(lease_pidfd(lease));
    return true;
}

uint64_t lease_void(struct slot *slot) {
    uint64_t lease = atomic_load(&slot->entry) | UINT32_MAX;
    atomic_store(&slot->entry, lease);
    return lease;
}

bool lease_lost(const struct slot *slot, uint64_t lease) {
    /* If the lease is unchanged, it was its pidfd that is readable; else the number may be reused.
     */
    return lease != 0 && system_readable(lease_pidfd(lease)) && atomic_load(&slot->entry) == lease;
}

bool lease_due(struct lease_watch *watch, uint64_t lease, uint64_t now_ms) {
    if (watch->replaced == lease && now_ms - watch->at_ms < LEASE_AGAIN_MS)
        return false;
    *watch = (struct lease_watch){lease, now_ms};
    return true;
}
