/* relay.c - see relay.h: the process's beginning, its loop, and its end. */
#include "worker/relay/relay.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/relay/adopt.h"
#include "worker/relay/events.h"
#include "worker/relay/foreign.h"
#include "worker/relay/intake.h"
#include "worker/relay/own.h"
#include "worker/relay/pass.h"
#include "worker/relay/place.h"
#include "worker/relay/settle.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/child.h"
#include "worker/transcript/confine.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    RELAY_END_MS = 300, /* for what is left, once it is asked to end, */
    RELAY_BYE_MS = 300, /* and for the engine's answer to its goodbye */
    RELAY_IDLE_MS = 1000,
    RELAY_END_LOOK_MS = 10,
    RELAY_WAITING_MS = 20,             /* fallback: what makes room in the ring rings its bell */
    RELAY_DENSE_US = 2 * PASS_LOOK_US, /* lines that follow one another sooner are many */
};

/* What only the loop knows. */
struct relay_loop {
    struct relay_process p;
    struct config next; /* the newest, which the process may not have adopted */
    struct child_alone alone;
    uint64_t passed_us; /* something was passed on last */
};

/* What a turn leaves to be done.  One that is not idle looks again by itself, after PASS_LOOK_US.
 */
enum relay_load {
    RELAY_IDLE, /* nothing, until something comes */
    RELAY_BUSY, /* more may be to pass on soon: no bell is rung for it */
    RELAY_DENSE /* the same, of many lines: the engine's answer to each wakes nothing, either */
};

/* ---- start ---- */

/* Adopts what is published, unless it names another machine or engine: with the one it has the
 * process ends (ipc/relay.h). */
static void relay_read_config(struct relay_loop *l) {
    struct worker *w = &l->p.w;
    if (w->config_version == segment_config_version(w->seg))
        return;
    w->config_version = segment_read_config(w->seg, &l->next);
    if (!relay_same(&l->next, &w->config))
        return;
    w->config = l->next;
    log_set_level(w->config.log_level);
    link_configure(l->p.link, &w->config);
}

static bool relay_begin(struct relay_loop *l, struct segment *seg, uint64_t incarnation) {
    memset(l, 0, sizeof *l); /* in a process whose master was cloned from a worker */
    if (!relay_make(&l->p, seg, incarnation))
        return false;
    l->next = l->p.w.config;
    log_set_level(l->next.log_level);
    return true;
}

/* All bells and the log's descriptor keep their numbers, by which the segment names them; so does
 * the segment's own, which grows (remote.c). */
static void relay_confine(const struct relay_process *p) {
    const struct segment *seg = p->w.seg;
    int keep[5 + SLOT_COUNT] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, seg->fd,
                                seg->header->master.log_fd};
    for (uint32_t i = 0; i < SLOT_COUNT; i++)
        keep[5 + i] = seg->slots[i].bell_fd;
    confine_descriptors(keep, sizeof keep / sizeof keep[0]);
    confine_programs();
}

/* ---- waiting ---- */

/* Whether something came between the last look at it and slot_sleep. */
static bool relay_called(const struct relay_loop *l) {
    const struct relay_process *p = &l->p;
    const struct room *room = &p->w.seg->room;
    return room_count(room) != p->place.index ||
           segment_config_version(p->w.seg) != p->w.config_version || relay_asked(p->shared) ||
           (p->w.stage.closed && !room_waiting(room));
}

static int64_t relay_sooner(int64_t us, int64_t other) {
    return other < 0 || us < other ? us : other;
}

/* Microseconds to wait at most. */
static int64_t relay_timeout(const struct relay_loop *l, enum relay_load load) {
    const struct relay_process *p = &l->p;
    int link = link_timeout(p->link, clock_ms());
    int64_t us = RELAY_IDLE_MS * INT64_C(1000);
    us = relay_sooner(us, link < 0 ? -1 : link * INT64_C(1000));
    us = relay_sooner(us, events_timeout(p));
    us = relay_sooner(us, p->w.stage.closed ? RELAY_WAITING_MS * INT64_C(1000) : -1);
    return relay_sooner(us, load == RELAY_IDLE ? -1 : PASS_LOOK_US);
}

static void relay_wait(struct relay_loop *l, int64_t us, enum relay_load load) {
    struct relay_process *p = &l->p;
    struct pollfd polls[1 + LINK_POLLS];
    uint64_t rung;
    polls[0] = (struct pollfd){.fd = p->w.slot->bell_fd, .events = POLLIN};
    int n = load == RELAY_DENSE ? 0 : 1 + link_polls(p->link, polls + 1);
    if (load == RELAY_IDLE && us > 0) {
        slot_sleep(p->w.slot);
        if (relay_called(l))
            us = 0;
    }
    struct timespec timeout = {us / 1000000, us % 1000000 * 1000};
    if (ppoll(polls, (nfds_t)n, &timeout, NULL) > 0 && polls[0].revents)
        (void)!read(polls[0].fd, &rung, sizeof rung);
    slot_wake(p->w.slot);
}

/* ---- the loop ---- */

/* For operators. */
static void relay_tell(struct relay_process *p) {
    struct relay *shared = p->shared;
    const char *state = link_state(p->link), *peer = link_peer(p->link);
    if (strncmp(shared->state, state, sizeof shared->state - 1) != 0)
        snprintf(shared->state, sizeof shared->state, "%s", state);
    if (strncmp(shared->peer, peer, sizeof shared->peer - 1) != 0)
        snprintf(shared->peer, sizeof shared->peer, "%s", peer);
}

static enum relay_load relay_passed(struct relay_loop *l) {
    uint64_t now = clock_us(), since = now - l->passed_us;
    l->passed_us = now;
    return since < RELAY_DENSE_US ? RELAY_DENSE : RELAY_BUSY;
}

static enum relay_load relay_turn(struct relay_loop *l) {
    struct relay_process *p = &l->p;
    worker_beat(&p->w);
    worker_read_clock(&p->w);
    relay_read_config(l);
    link_work(p->link, clock_ms());
    events_work(p);
    events_notice(p);
    bool busy = pass_work(p);
    events_ask(p);
    link_send(p->link);
    if (p->unsaved)
        place_commit(p);
    relay_tell(p);
    return busy ? relay_passed(l) : RELAY_IDLE;
}

static bool relay_is_over(const struct relay_loop *l) {
    return relay_asked(l->p.shared) || !relay_same(&l->next, &l->p.w.config);
}

/* False: there is no server any more. */
static bool relay_serve(struct relay_loop *l) {
    struct worker *w = &l->p.w;
    for (;;) {
        enum relay_load load = relay_turn(l);
        if (relay_is_over(l))
            return true;
        if (child_is_alone(&l->alone, w->seg, w->config.worker_timeout_ms))
            return false;
        relay_wait(l, relay_timeout(l, load), load);
    }
}

/* ---- its end ---- */

/* Goes on until all of the ledger up to `end` is passed on, or, with an `end` of 0, until the link
 * has ended. */
static void relay_go_on(struct relay_loop *l, uint64_t end, int ms) {
    uint64_t until = clock_ms() + (uint64_t)ms;
    while (l->p.up && (end == 0 || !pass_done(&l->p, end)) && clock_ms() < until) {
        relay_wait(l, RELAY_END_LOOK_MS * INT64_C(1000), RELAY_IDLE);
        relay_turn(l);
    }
}

/* People elsewhere are not in the room any more. */
static void relay_let_go(struct relay_process *p) {
    uint64_t until = clock_ms() + RELAY_END_MS;
    for (bool all = false; !all && clock_ms() < until;) {
        all = true;
        for (uint32_t i = 0; i < RELAY_NODES; i++)
            if (p->in.node[i].state == RELAY_NODE_HERE || p->remotes.people[i] > 0)
                all &= foreign_away(p, i);
        all &= intake_flush(p);
        if (!all)
            usleep(RELAY_END_LOOK_MS * 1000);
    }
}

static void relay_end(struct relay_loop *l) {
    struct relay_process *p = &l->p;
    bool shutdown = atomic_load(&p->w.seg->header->shutdown);
    relay_read_config(l); /* it was published before the process was asked to end */
    relay_go_on(l, room_count(&p->w.seg->room), RELAY_END_MS);
    if (p->up && (shutdown || !relay_same(&l->next, &p->w.config)) &&
        link_bye(p->link, p->place.life))
        relay_go_on(l, 0, RELAY_BYE_MS);
    if (!shutdown && !relay_configured(&l->next)) {
        relay_let_go(p);
        p->place.from = 0; /* what is said here from now on is for this machine alone */
    }
    settle(p);
    place_commit(p);
    events_down(p);
    FAULT("relay.end.before");
    atomic_store_explicit(&p->w.slot->state, SLOT_UNUSED, memory_order_release);
    FAULT("relay.end.after");
    room_progress(&p->w.seg->room);
}

int relay_main(struct segment *seg, uint64_t incarnation) {
    static struct relay_loop loop; /* one a process */
    struct relay_process *p = &loop.p;
    const struct link_owner owner = {p, own_hello, own_person};
    log_set_process("relay");
    prctl(PR_SET_NAME, "relay");
    child_signals(seg, &seg->slots[RELAY_SLOT]);
    if (!relay_begin(&loop, seg, incarnation)) {
        log_error("out of memory");
        return 1;
    }
    relay_confine(p);
    relay_adopt(p);
    p->link = link_make(&owner);
    if (!p->link) {
        log_error("out of memory");
        return 1;
    }
    link_configure(p->link, &p->w.config);
    if (!relay_serve(&loop)) {
        log_warn("there is no server any more");
        return 1;
    }
    relay_end(&loop);
    return 0;
}
