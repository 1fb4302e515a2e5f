/* decide.h - what a finished line means: a command, speech, or an answer that something is wrong.
 */
#ifndef WORKER_COMMAND_DECIDE_H
#define WORKER_COMMAND_DECIDE_H

#include "worker/command/invocation.h"
#include "worker/state/line.h"
#include "worker/state/local.h"

/* Decodes the line, makes it clean and regular (text/), and runs it.  The outcome says how far it
 * has come; `line->plain` whether more lines of this client may join it in the stage. */
enum line_outcome decide_line(struct worker *w, struct client *c, struct line *line);

/* Whether the line, understood in the same way, would make the client leave; nothing is done.  For
 * a line that is dropped. */
bool decide_leaves(const struct worker *w, const struct client *c, const struct line *line);

/* The answer to one that is too long; `line->max` is what it may have. */
enum line_outcome decide_too_long(const struct invocation *inv);

#endif
