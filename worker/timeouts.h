/* timeouts.h - clients that do not log in in time, send no line for too long, or do not come back;
 * and proxies whose PROXY header does not come. */
#ifndef WORKER_TIMEOUTS_H
#define WORKER_TIMEOUTS_H

#include "worker/state/local.h"

#include <stdbool.h>

enum {
    TIMEOUTS_MS = 1000,       /* between two looks at the members */
    TIMEOUTS_HEADER_MS = 5000 /* for a PROXY header, or login_timeout if that is shorter */
};

struct timeouts {
    uint32_t looked; /* segment_now() */
};

/* Whether any member can time out: the loop then wakes every TIMEOUTS_MS. */
bool timeouts_possible(const struct worker *w);

/* Once a turn of the loop. */
void timeouts_look(struct worker *w, struct timeouts *t);

#endif
