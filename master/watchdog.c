/* watchdog.c - see watchdog.h. */
#include "master/watchdog.h"

#include "ipc/clock.h"
#include "ipc/log.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>

enum { MASTER_MS = 2000 };

static uint64_t worker_timeout(const struct segment *seg) {
    const struct segment_header *h = seg->header;
    return h->config[atomic_load(&h->config_version) & 1].worker_timeout_ms;
}

uint64_t watchdog_master_ms(const struct segment *seg) {
    return worker_timeout(seg) + MASTER_MS;
}

void watchdog_beat(struct segment *seg) {
    uint64_t ms = watchdog_master_ms(seg);
    struct itimerspec alive = {
        .it_value = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000}};
    /* In this order: whoever has seen us beat may forget the expiry before. */
    timerfd_settime(seg->header->master.watchdog_fd, 0, &alive, NULL);
    atomic_fetch_add(&seg->slots[MASTER_SLOT].heartbeat, 1);
}

uint64_t watchdog_period(const struct supervisor *s) {
    uint64_t half =
        worker_timeout(s->seg) / 2; /* and at the default an idle server wakes once a second */
    return half < 25 ? 25 : half > 1000 ? 1000 : half;
}

void watchdog_stopped(struct supervisor *s, uint32_t index) {
    struct slot *slot = &s->seg->slots[index];
    uint64_t incarnation = atomic_load(&slot->incarnation);
    log_warn("worker %u was stopped", index);
    /* It may hold a token of the gate, or a bell it was about to ring. */
    gate_nudge(s->seg->gate);
    supervisor_ring(s);
    if (gate_owner(s->seg->gate) == incarnation)
        supervisor_signal(s, index, SIGCONT);
}

static bool work_waits(const struct slot *slot) {
    if (!atomic_load(&slot->asleep))
        return true;
    struct pollfd set = {.fd = slot->epoll_fd, .events = POLLIN};
    return poll(&set, 1, 0) == 1;
}

/* A stopped process is not at fault: only one that was running when it was killed is. */
static bool is_stopped(pid_t pid) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    const char *state = strrchr(text, ')');
    return state && (state[2] == 'T' || state[2] == 't');
}

static void watchdog_kill(struct supervisor *s, uint32_t index, uint64_t now) {
    struct slot *slot = &s->seg->slots[index];
    pid_t pid = atomic_load(&slot->pid);
    if (pid <= 0)
        return;
    log_warn("worker %u has stood still for %llu ms; replacing it", index,
             (unsigned long long)(now - s->watch[index].since));
    if (!is_stopped(pid))
        atomic_store(&slot->fault, SIGKILL);
    supervisor_signal(s, index, SIGKILL);
    s->watch[index].since = now;
    s->watch[index].patience *= 2;
}

void watchdog_look(struct supervisor *s) {
    uint64_t now = clock_ms(), timeout = worker_timeout(s->seg);
    if (now - s->last_look < watchdog_period(s) / 2)
        return;
    /* We ourselves were stopped, or the machine slept: measure anew. */
    bool gap = now - s->last_look > 2 * watchdog_period(s) + 100;
    s->last_look = now;
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        struct slot *slot = &s->seg->slots[i];
        struct watch *watch = &s->watch[i];
        uint64_t heartbeat = atomic_load(&slot->heartbeat);
        if (atomic_load(&slot->pid) <= 0)
            continue;
        bool moved = heartbeat != watch->heartbeat;
        if (moved)
            watch->patience = timeout;
        if (moved || gap || !work_waits(slot)) {
            watch->heartbeat = heartbeat;
            watch->since = now;
            continue;
        }
        if (watch->patience < timeout)
            watch->patience = timeout;
        if (now - watch->since < watch->patience)
            continue;
        /* One that waits at the gate is not to blame, unless it is stopped; the owner is, and is
         * found to stand still by its own heartbeat. */
        if (atomic_load(&slot->at_gate) && !is_stopped(atomic_load(&slot->pid)) &&
            gate_owner(s->seg->gate) != atomic_load(&slot->incarnation)) {
            gate_nudge(s->seg->gate);
            continue;
        }
        watchdog_kill(s, i, now);
    }
}
