/* history.h - earlier lines again: the last ones that were said, each behind its time.
 *
 *     *** 2 earlier lines
 *     [11-24 21:04] ann: good night
 *     [09:30] bob: good morning
 *
 * A list under way (FACT_LIST_SAID), as `who` is: a part at a time is copied into buffers, and
 * each part is one commit.  The client's ring position stays where it is, so that the lines behind
 * it follow the list, once, by whatever path the client is on.  Its state is `list_next` alone, the
 * number of lines that are still to come, counted back from that position: the ledger's running
 * count of what was said (room.h) leads to them, however many comings lie between.
 *
 * Lines that are overwritten before they are shown are counted as skipped.  Lines of people that
 * the client ignores neither count nor show, nor do bare lines of an open room in one that asks for
 * names by now: such a line may look like anything.  By the client's owner only. */
#ifndef WORKER_OUTPUT_HISTORY_H
#define WORKER_OUTPUT_HISTORY_H

#include "worker/record/change.h"

enum history_why {
    HISTORY_ASKED = 1u << 17, /* their number is said even if it is 0 */
    HISTORY_ENTERED =
        1u << 18, /* on joining: not charged; behind it, but for guests: how to get help */
    HISTORY_COMING = 1u << 19, /* behind it: its own coming, which is not announced */
};

/* The last `lines` lines, at most HISTORY_MAX, before the client's position in the room.  `why`:
 * bits. The first part comes with this change. */
void history_begin(struct change *ch, uint32_t lines, uint32_t why);

/* The client's own coming, which is not announced, is told to it alone: behind the list under way,
 * or now. */
void history_coming(struct change *ch);

/* Queues and commits the next part, of a client whose chain is drained.  False: no buffer is free.
 */
bool history_continue(struct worker *w, struct client *c);

/* The client's position has been moved over lines that it was not sent: what was promised and lies
 * before them is lost as well. */
void history_lost(struct facts *f);

#endif
