/* find.h - the primary among the configured addresses: each is resolved, connected to and greeted
 * in turn, a Sentinel's answer followed, until one is found or all were tried.
 *
 * What is wrong with each is told (trouble.h). */
#ifndef WORKER_RELAY_FIND_H
#define WORKER_RELAY_FIND_H

#include "worker/relay/greet.h"
#include "worker/relay/resolve.h"

enum { FIND_PEER = RELAY_HOST_LEN + 16 };

enum find_state { FIND_BUSY, FIND_DONE, FIND_FAILED };

struct find {
    const struct relay_host *hosts;
    uint32_t count;
    uint32_t host;  /* the one that is tried */
    uint32_t tried; /* of this round */
    bool slow;      /* of this round: only a change by people helps */
    bool greeting;  /* else its name is looked up */
    enum resolve_state looked_up;
    bool elsewhere; /* `at` is what a Sentinel said */
    uint32_t address;
    struct relay_host at;
    struct resolve names;
    struct greet greet;
    char peer[FIND_PEER]; /* HOST:PORT of `at` */
};

/* A round from f->host on. */
void find_begin(struct find *f, uint64_t now);
enum find_state find_work(struct find *f, struct engine *e, const struct account *account,
                          struct trouble *t, uint64_t now);
/* The next round begins at the next address. */
void find_skip(struct find *f);
void find_end(struct find *f);
uint64_t find_due(const struct find *f, const struct engine *e); /* ms; 0: never */

static inline const union address_any *find_address(const struct find *f) {
    return &f->names.address[f->address];
}

#endif
