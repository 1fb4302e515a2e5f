/* upgrade.h - SIGUSR2: another binary in the same process, with the same segment and descriptors.
 *
 * The master lets a child run the binary that is now on disk, which maps and checks the segment and
 * the configuration.  If it does not agree, its reason is logged and nothing has changed.  Else the
 * workers are killed (they are replaceable, and would keep the old descriptor table), the master
 * stands by (standby.h), and the guardian execves the binary: the same pid, the same sockets.  The
 * new binary adopts the segment and starts a master of its own, whose workers adopt their clients.
 *
 * Until the first of them has entered its slot there is a way back for the guardian: a descriptor
 * of the old binary is kept, and a fault of the new one, or UPGRADE_BACK_S without a worker,
 * executes it.  Only where that fails, or where the guardian is killed, the standby goes on as
 * another process. */
#ifndef MASTER_UPGRADE_H
#define MASTER_UPGRADE_H

#include "master/supervisor.h"

#include <stdbool.h>

/* The environment of the new binary. */
#define UPGRADE_ENV "CHATROOM_SEGMENT"       /* the segment's descriptor: adopt it */
#define UPGRADE_BINARY_ENV "CHATROOM_BINARY" /* that of the old binary */
#define UPGRADE_CHECK_ENV "CHATROOM_CHECK"   /* only check whether it could be adopted */
#define UPGRADE_RETURN_ENV "CHATROOM_RETURN" /* the old binary runs again: the new one failed */
#define UPGRADE_AGREES "this segment can be adopted" /* a check's output if it agrees */

/* The master.  Returns only if the upgrade did not happen; workers then serve as before. */
void upgrade(struct supervisor *s, char **argv);

/* The guardian, asked by the master (`execute`).  Returns if the binary cannot be executed. */
void upgrade_execute(struct segment *seg, char **argv);

/* The segment's descriptor from the environment; -1: this is an ordinary start. */
int upgrade_inherited(void);
/* Whether this process is the child that checks. */
bool upgrade_only_check(void);
/* In that child: whether this binary accepts the configuration; its errors to standard error. */
bool upgrade_check_config(const struct segment *seg);

/* A new binary: opens the way back, first of all.  The segment is mapped.  Some work is done, and
 * more is to do.  A child has no way back.  The guardian's is closed, too: a worker has begun. */
void upgrade_begin(char **argv);
void upgrade_mapped(struct segment *seg, char **argv);
void upgrade_more_time(void);
void upgrade_end(void);
void upgrade_commit(void);
/* Whether this is the old binary, executed again because the new one failed. */
bool upgrade_returned(void);

/* In a new binary that cannot go on, for the reason `why`: executes the old one.  Returns if there
 * is no way back. */
void upgrade_go_back(struct segment *seg, const char *why);

/* Opens the running binary, for the next upgrade to go back to.  A failure is logged. */
void upgrade_keep_binary(struct segment *seg);

#endif
