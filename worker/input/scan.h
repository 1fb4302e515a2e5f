/* scan.h - a pass over the bytes that wait in a client's rx buffer: through the telnet codec into
 * the line under way, and a finished line on to its meaning (command/decide.h).
 *
 * What has an effect commits the record with `consumed` behind it, except lines that are staged:
 * for these the ledger entry is the commit, and apply.c moves `consumed`.  So the bytes of a line
 * are kept until its effect is either in the ledger or in the record.  By the client's owner only.
 */
#ifndef WORKER_INPUT_SCAN_H
#define WORKER_INPUT_SCAN_H

#include "worker/state/local.h"

enum scan_outcome {
    SCAN_IDLE,   /* nothing more to do for this client now */
    SCAN_STAGED, /* lines are staged: the rest is scanned after they are applied */
    SCAN_MORE,   /* something was committed: scan again from the record */
};

/* The client has an rx buffer with bytes in [consumed, received).  `one_read`: they are what one
 * recv() has just returned (by_key.h). */
enum scan_outcome scan(struct worker *w, struct client *c, bool one_read);

#endif
