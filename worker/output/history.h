/* history.h - lines again: a cursor further back, with a notice of how many. */
#ifndef WORKER_HISTORY_H
#define WORKER_HISTORY_H

#include "worker/record/change.h"

/* Sets the client's cursor so that it sees the last `lines` room lines before ledger entry `before`
 * (fewer, if no more are kept) and everything after, headed by "*** n earlier lines". */
void history_show(struct change *ch, uint64_t before, uint32_t lines);

#endif
