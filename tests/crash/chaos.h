/* chaos.h - disturbs a victim at random times: kills and stops of workers, reloads that change
 * `workers`, upgrades, kills and stops of master and guardian, kills of the processes of transcript
 * and relay.  Each kind has its own mean rate.
 *
 * The last living worker is not killed while neither guardian nor master lives, because no process
 * would be left to start another.  The transcript's process is not killed while no master lives,
 * because the room would not wait for the next. */
#ifndef TESTS_CRASH_CHAOS_H
#define TESTS_CRASH_CHAOS_H

#include "tests/crash/victim.h"

#include <stdbool.h>
#include <stdint.h>

enum chaos_kind {
    CHAOS_KILL,
    CHAOS_STOP,
    CHAOS_RELOAD,
    CHAOS_UPGRADE,
    CHAOS_MASTER,
    CHAOS_HALT,   /* the master is stopped and never continued */
    CHAOS_WRITER, /* the transcript's process is killed */
    CHAOS_RELAY,  /* the relay's process is killed */
    CHAOS_GUARDIAN,
    CHAOS_ALL,  /* the master and all workers are killed at one moment */
    CHAOS_BOTH, /* guardian and master are killed at one moment */
    CHAOS_REST, /* the guardian is stopped, and is to be continued by the server */
    CHAOS_KINDS
};
enum { CHAOS_STOPPED_MAX = 32 };

/* What is done to the processes that start others. */
struct chaos_end {
    enum chaos_kind kind;
    bool guardian, master, workers; /* to which of them */
    int signal;
};

struct chaos {
    struct victim *victim;
    const char *conf;           /* the configuration without its `workers` line */
    uint32_t rate[CHAOS_KINDS]; /* per 1,000 seconds */
    uint64_t due[CHAOS_KINDS], done[CHAOS_KINDS];
    uint32_t workers; /* in the configuration written last */
    struct {
        pid_t pid;
        uint64_t until;
    } stopped[CHAOS_STOPPED_MAX];
    uint32_t seed;
    /* A request that the master has not answered: the counter of its line in the log, the counter's
     * value before, and the time of the request. */
    uint32_t *awaited, awaited_value;
    uint64_t awaited_since;
    bool reload_next;            /* reload next, to test that the new processes handle SIGHUP */
    const struct chaos_end *end; /* done last to guardian and master, until a successor's line is in
                                    the log; NULL: all is well */
    uint64_t unanswered;         /* requests without a line in the log within CHAOS_PATIENCE_MS */
    uint64_t slowest_reload_ms, slowest_upgrade_ms, slowest_master_ms, slowest_guardian_ms;
};
enum { CHAOS_PATIENCE_MS = 10000 };

void chaos_make(struct chaos *c, struct victim *v, const char *conf, uint32_t seed);
void chaos_turn(struct chaos *c);
/* Ends the disturbance: continues stopped workers, and waits for the answer to the last request. */
void chaos_settle(struct chaos *c);

#endif
