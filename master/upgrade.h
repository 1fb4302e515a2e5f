/* upgrade.h - another binary, the same process, the same segment, the same descriptors.
 *
 * SIGUSR2: a child of the binary now on disk maps and checks the segment and the configuration; if
 * it does not agree, its reason is logged and nothing has happened.  Else the workers are stopped
 * and reaped (they are replaceable; one left alive would hold the old descriptor table) and the
 * master execves the binary: same pid, same sockets.  It adopts the segment and starts workers, who
 * adopt their clients.  Until then a keeper lives (keeper.h), in case the master dies.  The old
 * binary's descriptor is kept to go back to, as well. */
#ifndef MASTER_UPGRADE_H
#define MASTER_UPGRADE_H

#include "master/standby.h"
#include "master/supervisor.h"

#define UPGRADE_ENV "CHATROOM_SEGMENT"               /* the segment's descriptor: adopt it */
#define UPGRADE_CHECK_ENV "CHATROOM_CHECK"           /* only check it, and say why not */
#define UPGRADE_AGREES "this segment can be adopted" /* what a checker that agrees says */
#define UPGRADE_RETURN_ENV "CHATROOM_RETURN" /* the old binary is back: the new one failed */

/* Returns only if it did not come to it; the workers then serve on as before. */
void upgrade(struct supervisor *s, char **argv, resume_entry resume);

/* The segment's descriptor from the environment, -1 if this is an ordinary start. */
int upgrade_inherited(void);
bool upgrade_only_check(void);

/* The new binary cannot go on: back to the old one.  Returns if there is none. */
void upgrade_go_back(const struct segment_header *header, char **argv);

/* Keeps the running binary open, for the next upgrade to go back to. */
void upgrade_keep_binary(struct segment *seg);

#endif
