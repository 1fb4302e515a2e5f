/* chaos.h - what happens to a victim: kills, stops, reloads that change `workers`, upgrades,
 * kills and stops of its master, each at random times of a mean rate.
 *
 * The one thing nobody could survive is spared it: the last living worker is not killed while there
 * is no master. */
#ifndef TESTS_CRASH_CHAOS_H
#define TESTS_CRASH_CHAOS_H

#include "tests/crash/victim.h"

#include <stdint.h>

enum chaos_kind {
    CHAOS_KILL,
    CHAOS_STOP,
    CHAOS_RELOAD,
    CHAOS_UPGRADE,
    CHAOS_MASTER,
    CHAOS_HALT, /* the master is stopped, and not let go on */
    CHAOS_KINDS
};
enum { CHAOS_STOPPED_MAX = 32 };

struct chaos {
    struct victim *victim;
    const char *conf;           /* without `workers` */
    uint32_t rate[CHAOS_KINDS]; /* a thousand seconds */
    uint64_t due[CHAOS_KINDS], done[CHAOS_KINDS];
    uint32_t workers; /* as configured last */
    struct {
        pid_t pid;
        uint64_t until;
    } stopped[CHAOS_STOPPED_MAX];
    uint32_t seed;
    /* Something asked of the master, and what its log will say. */
    uint32_t *awaited, awaited_value;
    uint64_t awaited_since;
    bool reload_next;    /* the new master is to show that it takes a HUP */
    bool halted;         /* the master that is gone was stopped, not killed */
    bool master_gone;    /* until the next has said that it is ready */
    uint64_t unanswered; /* asked, and no line in the log within CHAOS_PATIENCE_MS */
    uint64_t slowest_reload_ms, slowest_upgrade_ms, slowest_master_ms;
};
enum { CHAOS_PATIENCE_MS = 10000 };

void chaos_make(struct chaos *c, struct victim *v, const char *conf, uint32_t seed);
void chaos_turn(struct chaos *c);
/* No more of it: lets the stopped go on, waits for what was asked. */
void chaos_settle(struct chaos *c);

#endif
