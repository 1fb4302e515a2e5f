/* history.h - lines again: the client's position moves back, behind a notice of how many come. */
#ifndef WORKER_OUTPUT_HISTORY_H
#define WORKER_OUTPUT_HISTORY_H

#include "worker/record/change.h"

/* Moves the client's position so that it is sent the last `lines` room lines before ledger entry
 * `before` (fewer, if fewer are kept) and everything after.  A client that has not been sent all of
 * these yet stays where it is.  By the client's owner only. */
void history_show(struct change *ch, uint64_t before, uint32_t lines);

#endif
