/* upgrade.h - SIGUSR2: another binary in the same process, with the same segment and descriptors.
 *
 * A child runs the binary that is now on disk, which maps and checks the segment and the
 * configuration.  If it does not agree, its reason is logged and nothing has changed.  Else the
 * workers are killed and reaped (they are replaceable, and would keep the old descriptor table),
 * and the master execves the binary: the same pid, the same sockets.  The new binary adopts the
 * segment and starts workers, which adopt their clients.  Until the first of them has started, the
 * standby process (standby.h) can take over; and a descriptor of the old binary is kept, to which
 * the new one can go back.  The caller is the master. */
#ifndef MASTER_UPGRADE_H
#define MASTER_UPGRADE_H

#include "master/standby.h"
#include "master/supervisor.h"

#include <stdbool.h>

/* The environment of the new binary. */
#define UPGRADE_ENV "CHATROOM_SEGMENT"       /* the segment's descriptor: adopt it */
#define UPGRADE_CHECK_ENV "CHATROOM_CHECK"   /* only check whether it could be adopted */
#define UPGRADE_RETURN_ENV "CHATROOM_RETURN" /* the old binary runs again: the new one failed */
#define UPGRADE_AGREES "this segment can be adopted" /* a check's output if it agrees */

/* Returns only if the upgrade did not happen; workers then serve as before. */
void upgrade(struct supervisor *s, char **argv, resume_entry resume);

/* The segment's descriptor from the environment; -1: this is an ordinary start. */
int upgrade_inherited(void);
/* Whether this process is the child that checks. */
bool upgrade_only_check(void);
/* In that child: whether this binary accepts the configuration; its errors to standard error. */
bool upgrade_check_config(const struct segment *seg);

/* In a new binary that cannot go on, for the reason `why`: executes the old one.  Returns if there
 * is none, or if this is the old one already. */
void upgrade_go_back(struct segment *seg, char **argv, const char *why);

/* Opens the running binary, for the next upgrade to go back to.  A failure is logged. */
void upgrade_keep_binary(struct segment *seg);

#endif
