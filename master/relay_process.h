/* relay_process.h - the master's side of the relay: when there is one, and what it is told.
 *
 * The words are in ipc/relay.h.  The caller is the master. */
#ifndef MASTER_RELAY_PROCESS_H
#define MASTER_RELAY_PROCESS_H

#include "ipc/segment.h"

#include <stdbool.h>

/* Whether there is to be a process: one is configured, or the last has died and what it began is to
 * be ended. */
bool relay_process_wanted(const struct segment *seg);

/* Before a process is started. */
void relay_process_prepare(struct segment *seg);

/* Whether the process, which is dead, ended as it was to. */
bool relay_process_retired(const struct segment *seg);

/* There is none, and for a while none is started, because it dies again and again or the kernel
 * refuses one: its slot holds nothing meanwhile, and the link is down. */
void relay_process_put_aside(struct segment *seg);

/* Asks the process to end; the supervisor then starts another, or the server ends.  It has copies
 * of the log's descriptor and of the standard ones, so this is done when one of them is replaced as
 * well; people do not notice. */
void relay_process_ask(struct segment *seg);

#endif
