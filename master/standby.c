/* standby.c - see standby.h. */
#include "master/standby.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/lease.h"
#include "ipc/log.h"
#include "ipc/predecessor.h"
#include "master/process.h"
#include "master/signals.h"
#include "master/watchdog.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STANDBY_LOOK_MS = 20 };

/* The descriptors of the old table. */
static struct {
    struct master_state master;
    int pidfds[SLOT_COUNT];
    int guardian; /* a pidfd of its own: that in the lease is closed by the next holder */
    uint64_t beat, moved_ms; /* upgrade_beat, and when it moved */
} standby_before;

bool standby_begin(struct segment *seg) {
    standby_before.master = seg->header->master;
    standby_before.guardian =
        (int)syscall(SYS_pidfd_open, atomic_load(&seg->slots[GUARDIAN_SLOT].pid), 0);
    if (standby_before.guardian < 0)
        return false;
    FAULT("standby.begin.before");
    atomic_store(&seg->header->standby, STANDBY_WATCHES);
    FAULT("standby.begin.after");
    return true;
}

bool standby_cancel(struct segment_header *header) {
    uint32_t seen = STANDBY_WATCHES;
    if (!predecessor_commit())
        return false;
    atomic_compare_exchange_strong(&header->standby, &seen, STANDBY_NONE);
    return seen == STANDBY_WATCHES || seen == STANDBY_NONE;
}

bool standby_watches(const struct segment_header *header) {
    return !predecessor_committed() || atomic_load(&header->standby) != STANDBY_NONE;
}

bool standby_return(struct segment_header *header) {
    uint32_t seen = STANDBY_WATCHES;
    if (!predecessor_committed())
        return predecessor_return();
    return atomic_compare_exchange_strong(&header->standby, &seen, STANDBY_RETURNS);
}

void standby_adopt(struct segment_header *header) {
    uint32_t seen = STANDBY_RETURNS;
    atomic_compare_exchange_strong(&header->standby, &seen, STANDBY_WATCHES);
    standby_beat(header);
}

void standby_beat(struct segment_header *header) {
    predecessor_beat();
    atomic_fetch_add(&header->upgrade_beat, 1);
}

/* Whether the guardian is dead.  Kills it if it makes no progress for `patience` ms. */
static bool standby_look(const struct segment_header *h, uint64_t patience) {
    uint64_t now = clock_ms(), beat = atomic_load(&h->upgrade_beat);
    struct pollfd death = {.fd = standby_before.guardian, .events = POLLIN};
    if (beat != standby_before.beat) {
        standby_before.beat = beat;
        standby_before.moved_ms = now;
    }
    if (now - standby_before.moved_ms > patience)
        syscall(SYS_pidfd_send_signal, standby_before.guardian, SIGKILL, NULL, 0);
    return poll(&death, 1, STANDBY_LOOK_MS) == 1;
}

/* The segment holds descriptor numbers of the dead guardian's table: restores those of this one. */
static void standby_undo_adoption(struct segment *seg) {
    struct segment_header *h = seg->header;
    log_error("the upgraded process died; going back to the binary before");
    h->master = standby_before.master;
    process_reap_all(seg);
    for (int i = 0; i < SLOT_COUNT; i++) {
        if (standby_before.pidfds[i] >= 0)
            close(standby_before.pidfds[i]);
    }
    close(standby_before.guardian);
    atomic_store(&h->execute, EXECUTE_NONE);
    signals_done(seg, ORDER_UPGRADE);
    /* If an operator asked for the upgrade.  No worker lives that could do it. */
    request_end_executing(seg->requests, false, STANDBY_UNDONE);
}

void standby_run(struct segment *seg, guardian_entry guardian) {
    struct segment_header *h = seg->header;
    uint64_t patience = watchdog_master_ms(seg);
    for (int i = 0; i < SLOT_COUNT; i++)
        standby_before.pidfds[i] = atomic_load(&seg->slots[i].pidfd);
    standby_before.moved_ms = clock_ms();
    prctl(PR_SET_NAME, "standby");
    atomic_store(&seg->slots[MASTER_SLOT].pid, 0); /* the slot is the new binary's master's */
    FAULT("standby.run.before");
    atomic_store(&h->execute, EXECUTE_ASKED);
    FAULT("standby.run.asked");
    slot_ring_awake(&seg->slots[GUARDIAN_SLOT]);
    while (!standby_look(h, patience)) {
        if (atomic_load(&h->standby) == STANDBY_NONE)
            _exit(EXIT_SUCCESS);
        if (atomic_load(&h->execute) == EXECUTE_FAILED)
            break;
    }
    prctl(PR_SET_NAME, "chatroom-master");
    if (atomic_load(&h->execute) == EXECUTE_FAILED) {
        close(standby_before.guardian);
        atomic_store(&seg->slots[MASTER_SLOT].pid, getpid());
        atomic_store(&h->execute, EXECUTE_NONE);
        standby_cancel(h);
        return;
    }
    uint32_t seen = atomic_load(&h->standby); /* RETURNS: the guardian died on its way back */
    if (seen == STANDBY_NONE || !atomic_compare_exchange_strong(&h->standby, &seen, STANDBY_ACTS))
        _exit(EXIT_SUCCESS);
    standby_undo_adoption(seg);
    uint64_t lease = lease_void(&seg->slots[GUARDIAN_SLOT]);
    atomic_store(&h->standby, STANDBY_NONE);
    _exit(guardian(seg, lease));
}
