/* overrun.h - a client whose position falls behind the guard loses lines: they are passed over and
 * counted, and the client is told how many (or disconnected, as slow_client says).
 *
 * A client is overrun only after its own socket refused bytes, never because its worker was late:
 * the guard is raised after every member was flushed.  By the client's owner only. */
#ifndef WORKER_OUTPUT_OVERRUN_H
#define WORKER_OUTPUT_OVERRUN_H

#include "worker/record/change.h"

/* Overruns the client if it is behind ledger entry `guard`.  Entries [old_guard, count) can be
 * read; the text may be overwritten already, if a predecessor died long ago. */
void overrun_behind(struct worker *w, struct client *c, uint64_t old_guard, uint64_t guard,
                    uint64_t count);

/* In a change: everything before entry `to` is passed over and counted.  A line that was partly
 * sent counts as lost, and is ended before the next reply. */
void overrun_pass(struct change *ch, uint64_t old_guard, uint64_t to);

#endif
