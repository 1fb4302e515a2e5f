/* greet.h - the beginning of a connection to an engine: password, what it is, database; of a
 * Sentinel, where the primary is.
 *
 * All is asked at once.  A password that is refused is no end yet, because a Sentinel may have
 * none, or another: what the engine says to ROLE decides. */
#ifndef WORKER_RELAY_GREET_H
#define WORKER_RELAY_GREET_H

#include "ipc/config.h"
#include "worker/relay/engine.h"
#include "worker/relay/trouble.h"

/* Of the several groups that a Sentinel may watch; of one alone, that one. */
#define GREET_GROUP "chatroom"

struct account {
    char user[RELAY_WORD_MAX], password[RELAY_WORD_MAX]; /* "": none */
    uint32_t db;
};

enum greet_state {
    GREET_BUSY,
    GREET_PRIMARY,   /* it can be written to */
    GREET_ELSEWHERE, /* a Sentinel: `primary` */
    GREET_FAILED     /* why: `wrong`, a sentence without a subject; "": see the engine's */
};

enum greet_step { GREET_DONE, GREET_AUTH, GREET_ROLE, GREET_SELECT, GREET_ADDRESS };
enum greet_role { GREET_UNKNOWN, GREET_IS_PRIMARY, GREET_IS_REPLICA, GREET_IS_SENTINEL };

struct greet {
    enum greet_step step[6]; /* of the answers to come, in order */
    uint32_t at;
    enum greet_role role;
    const char *auth; /* why the password was refused; NULL: it was not */
    bool open;        /* none was needed */
    bool slow;        /* GREET_FAILED: only a change by people helps */
    uint32_t groups;  /* that a Sentinel watches */
    char group[128];  /* the one to ask for; "": none of them */
    struct relay_host primary;
    char wrong[TROUBLE_WORDS];
};

void greet_begin(struct greet *g, struct engine *e, const struct account *account, uint64_t now);
/* Reads answers; the caller receives and sends. */
enum greet_state greet_work(struct greet *g, struct engine *e, uint64_t now);

#endif
