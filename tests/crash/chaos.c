/* chaos.c - see chaos.h. */
#include "tests/crash/chaos.h"

#include "ipc/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FEWEST_WORKERS = 2, MOST_WORKERS = 8 };

static uint32_t chaos_random(struct chaos *c, uint32_t below) {
    c->seed ^= c->seed << 13;
    c->seed ^= c->seed >> 17;
    c->seed ^= c->seed << 5;
    return c->seed % below;
}

static uint64_t next_time(struct chaos *c, enum chaos_kind kind) {
    return c->rate[kind] == 0 ? UINT64_MAX
                              : clock_ms() + chaos_random(c, 2 * 1000 * 1000 / c->rate[kind] + 1);
}

void chaos_make(struct chaos *c, struct victim *v, const char *conf, uint32_t seed) {
    *c = (struct chaos){.victim = v, .conf = conf, .seed = seed | 1, .workers = 4};
}

static void kill_a_worker(struct chaos *c) {
    pid_t pid[VICTIM_WORKERS_MAX];
    uint32_t n = victim_workers(c->victim, pid);
    if (n == 0 || (c->end && c->end->guardian && c->end->master && n < FEWEST_WORKERS))
        return;
    if (kill(pid[chaos_random(c, n)], SIGKILL) == 0)
        c->done[CHAOS_KILL]++;
}

/* Usually for less than 300 ms; one stop in eight is so long that the watchdog replaces the
 * worker. */
static void stop_a_worker(struct chaos *c) {
    pid_t pid[VICTIM_WORKERS_MAX];
    uint32_t n = victim_workers(c->victim, pid);
    for (int i = 0; i < CHAOS_STOPPED_MAX && n > 0; i++) {
        if (c->stopped[i].pid != 0)
            continue;
        uint32_t ms = chaos_random(c, 8) == 0 ? 5000 : chaos_random(c, 300);
        c->stopped[i].pid = pid[chaos_random(c, n)];
        c->stopped[i].until = clock_ms() + ms;
        c->done[CHAOS_STOP] += kill(c->stopped[i].pid, SIGSTOP) == 0;
        return;
    }
}

static void kill_the(struct chaos *c, enum chaos_kind kind, const char *name) {
    pid_t pid = victim_process(c->victim, name);
    c->done[kind] += pid > 0 && kill(pid, SIGKILL) == 0;
}

static void let_go_on(struct chaos *c, uint64_t now) {
    pid_t pid[VICTIM_WORKERS_MAX];
    for (int i = 0; i < CHAOS_STOPPED_MAX; i++) {
        if (c->stopped[i].pid == 0 || now < c->stopped[i].until)
            continue;
        uint32_t n = victim_workers(c->victim, pid);
        while (n-- > 0) {
            if (pid[n] == c->stopped[i].pid)
                kill(pid[n], SIGCONT);
        }
        c->stopped[i].pid = 0;
    }
}

static void await(struct chaos *c, uint32_t *line) {
    c->awaited = line;
    c->awaited_value = *line;
    c->awaited_since = clock_ms();
}

static void reload(struct chaos *c, pid_t guardian) {
    char conf[1024];
    uint32_t workers = c->workers;
    while (workers == c->workers)
        workers = FEWEST_WORKERS + chaos_random(c, MOST_WORKERS - FEWEST_WORKERS + 1);
    c->workers = workers;
    snprintf(conf, sizeof conf, "%sworkers = %u\n", c->conf, workers);
    victim_configure(c->victim, conf);
    await(c, &c->victim->reloaded);
    if (kill(guardian, SIGHUP) == 0)
        c->done[CHAOS_RELOAD]++;
}

/* clang-format off */
static const struct chaos_end ends[] = {
    {CHAOS_MASTER,   .master = true, .signal = SIGKILL},
    {CHAOS_HALT,     .master = true, .signal = SIGSTOP},
    {CHAOS_GUARDIAN, .guardian = true, .signal = SIGKILL},
    {CHAOS_REST,     .guardian = true, .signal = SIGSTOP},
    {CHAOS_BOTH,     .guardian = true, .master = true, .signal = SIGKILL},
    {CHAOS_ALL,      .master = true, .workers = true, .signal = SIGKILL},
};
/* clang-format on */
enum { ENDS = sizeof ends / sizeof ends[0] };

static void end_processes(struct chaos *c, const struct chaos_end *e) {
    pid_t pid[VICTIM_WORKERS_MAX];
    uint32_t n = victim_workers(c->victim, pid);
    bool done = true;
    if (n < FEWEST_WORKERS)
        return;
    if (e->kind != CHAOS_REST) { /* of which no line of the log tells */
        await(c, &c->victim->again);
        c->end = e;
    }
    if (e->guardian)
        done &= kill(victim_guardian(c->victim), e->signal) == 0;
    if (e->master)
        done &= kill(victim_master(c->victim), e->signal) == 0;
    while (e->workers && n-- > 0)
        kill(pid[n], e->signal);
    c->done[e->kind] += done;
    c->reload_next = true;
}

static void most(uint64_t *most, uint64_t value) {
    if (value > *most)
        *most = value;
}

/* True while a request to the master has no answer and its time is not over. */
static bool awaiting(struct chaos *c, uint64_t now) {
    if (!c->awaited)
        return false;
    uint64_t took = now - c->awaited_since;
    if (*c->awaited == c->awaited_value) {
        if (took < CHAOS_PATIENCE_MS)
            return true;
        fprintf(stderr, "the server did not answer within %d ms: %s\n", CHAOS_PATIENCE_MS,
                c->awaited == &c->victim->reloaded   ? "reload"
                : c->awaited == &c->victim->upgraded ? "upgrade"
                                                     : "a death");
        c->unanswered++;
    } else if (c->awaited == &c->victim->reloaded) {
        most(&c->slowest_reload_ms, took);
    } else if (c->awaited == &c->victim->upgraded) {
        most(&c->slowest_upgrade_ms, took);
    } else if (c->end && c->end->signal == SIGKILL) {
        most(c->end->master ? &c->slowest_master_ms : &c->slowest_guardian_ms, took);
    }
    c->end = NULL;
    c->awaited = NULL;
    return false;
}

static bool is_due(struct chaos *c, enum chaos_kind kind, uint64_t now) {
    if (c->due[kind] == 0)
        c->due[kind] = next_time(c, kind);
    if (now < c->due[kind])
        return false;
    c->due[kind] = next_time(c, kind);
    return true;
}

/* One at a time: the next is due when the successor has begun. */
static void end_one(struct chaos *c, uint64_t now) {
    for (int i = 0; i < ENDS; i++) {
        if (is_due(c, ends[i].kind, now)) {
            end_processes(c, &ends[i]);
            return;
        }
    }
}

void chaos_turn(struct chaos *c) {
    uint64_t now = clock_ms();
    let_go_on(c, now);
    if (is_due(c, CHAOS_KILL, now))
        kill_a_worker(c);
    if (is_due(c, CHAOS_STOP, now))
        stop_a_worker(c);
    if (is_due(c, CHAOS_WRITER, now) && !(c->end && c->end->master))
        kill_the(c, CHAOS_WRITER, "transcript");
    if (is_due(c, CHAOS_RELAY, now))
        kill_the(c, CHAOS_RELAY, "relay");
    if (awaiting(c, now))
        return;
    pid_t guardian = victim_guardian(c->victim);
    if (guardian == 0 || victim_master(c->victim) == 0)
        return;
    if (c->reload_next || is_due(c, CHAOS_RELOAD, now)) {
        c->reload_next = false;
        reload(c, guardian);
    } else if (is_due(c, CHAOS_UPGRADE, now)) {
        await(c, &c->victim->upgraded);
        c->done[CHAOS_UPGRADE] += kill(guardian, SIGUSR2) == 0;
    } else {
        end_one(c, now);
    }
}

void chaos_settle(struct chaos *c) {
    memset(c->rate, 0, sizeof c->rate);
    for (int i = 0; i < CHAOS_STOPPED_MAX; i++)
        c->stopped[i].until = 0;
    let_go_on(c, clock_ms());
    while (awaiting(c, clock_ms())) {
        victim_watch(c->victim);
        usleep(1000);
    }
}
