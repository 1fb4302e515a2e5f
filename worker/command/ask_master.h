/* ask_master.h - the operator's line `request ID VERB ARGUMENTS`: what only the master can do.
 *
 * ID is 16 hexadecimal digits, chosen by the operator's tool.  The worker puts the request into the
 * segment (ipc/request.h), rings the master and answers `ok`; the tool watches the outcome in its
 * own mapping.  A line that is run a second time, because its answer found no buffer or its worker
 * died, finds its ID there and asks for nothing again. */
#ifndef WORKER_COMMAND_ASK_MASTER_H
#define WORKER_COMMAND_ASK_MASTER_H

#include "worker/command/invocation.h"

#include "ipc/request.h"

enum { ASK_MASTER_NO = 256 };

/* The line without its first word is inv->text.  NULL: asked; else why not, a sentence written to
 * no[ASK_MASTER_NO]. */
const char *ask_master(struct invocation *inv, char no[ASK_MASTER_NO]);

#endif
