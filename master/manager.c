/* manager.c - see manager.h. */
#include "master/manager.h"

#include "master/notify.h"
#include "master/process.h"
#include "master/signals.h"

#include <stdio.h>
#include <unistd.h>

void manager_begin(struct manager *m, uint64_t now) {
    *m = (struct manager){.due = notify_watchdog_ms() ? now : 0};
}

void manager_reloading(struct manager *m) {
    notify_reloading();
    m->reloading = true;
}

static bool manager_anyone_serves(const struct segment *seg) {
    for (int i = 0; i < WORKERS_MAX; i++) {
        if (atomic_load(&seg->slots[i].state) == SLOT_SERVING && !process_dead(&seg->slots[i]))
            return true;
    }
    return false;
}

static void manager_watchdog(struct manager *m, const struct segment *seg, uint64_t now) {
    uint64_t beat = atomic_load(&seg->slots[MASTER_SLOT].heartbeat);
    if (m->due == 0 || now < m->due)
        return;
    m->due = now + notify_watchdog_ms() / 2;
    if (beat != m->beat && manager_anyone_serves(seg))
        notify("WATCHDOG=1");
    m->beat = beat;
}

void manager_look(struct manager *m, const struct segment *seg, uint64_t now) {
    char state[64];
    bool reloads = signals_pending(seg->header, ORDER_RELOAD);
    /* In an upgrade a reload may wait for the new master: READY=1 would say that it is done. */
    if (!m->announced && !reloads && atomic_load(&seg->header->ready)) {
        snprintf(state, sizeof state, "READY=1\nMAINPID=%d", (int)getpid());
        notify(state);
        m->announced = true;
    }
    if (m->reloading && !reloads) {
        notify("READY=1");
        m->reloading = false;
    }
    manager_watchdog(m, seg, now);
}
