/* web.h - what a browser's or a bot's message asks for: the rows of the table of commands that
 * lines reach, too (commands.h). */
#ifndef WORKER_COMMAND_WEB_H
#define WORKER_COMMAND_WEB_H

#include "worker/protocol/json.h"
#include "worker/state/line.h"
#include "worker/state/local.h"

/* A complete message, which json_read has read.  `line`: as decide_line wants it, its bytes being
 * the text; it is given the message's number. */
enum line_outcome web_message(struct worker *w, struct client *c, struct line *line,
                              struct json *json, const struct json_kept *kept);

/* Whether its client leaves by it. */
bool web_leaves(const struct worker *w, const struct client *c, struct line *line,
                struct json *json);

#endif
