/* control.h - a connection of the control socket: whose it may be, and its first line.
 *
 *     chatroom-control 1 LAYOUT EPOCH LF     hexadecimal; milliseconds
 *
 * LAYOUT and EPOCH are the segment's (header.h), for a tool that maps it.  Such a connection is a
 * record of KIND_CONTROL (worker/state/tools.h), and lives for CONTROL_MS at most.  A successor
 * closes it, because the kernel keeps no counts of a UNIX socket's bytes (counters.h). */
#ifndef WORKER_LEDGER_CONTROL_H
#define WORKER_LEDGER_CONTROL_H

#include "worker/state/local.h"

enum { CONTROL_VERSION = 1, CONTROL_MS = 10000 };

/* Fills the record that was claimed for the connection.  False: it is refused, with a sentence, and
 * closed. */
bool control_open(struct worker *w, int fd, struct client *c, uint64_t cookie);

/* Answers `no` and closes it. */
void control_refuse(int fd, const char *no);

/* Once the client is a member: its first line. */
void control_greet(struct worker *w, struct client *c);

#endif
