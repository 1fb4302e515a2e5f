/* call.h - a line on its way through a command, and how its answer is committed: in one flip with
 * the line's being handled.
 *
 * A command is a function that takes a call and ends it by one of invocation_done,
 * invocation_say..., or by staging something (talk.h). */
#ifndef WORKER_CALL_H
#define WORKER_CALL_H

#include "worker/command/command.h"

/* Clean UTF-8, NUL-terminated; `raw` is the same before cleaning, because names are checked as
 * typed. */
struct invocation {
    struct worker *w;
    struct client *c;
    struct line *line;
    char *text, *raw; /* what follows the command's name and blanks */
};

/* Begins an edit in which the line is handled; the answer is added to it. */
void invocation_edit(struct change *ch, const struct invocation *call);
enum line_outcome invocation_done(const struct invocation *call, struct change *ch);

/* Whole answers: a sentence, one whose every mark is `text`, none. */
enum line_outcome invocation_say(const struct invocation *call, enum sentence which,
                                 const struct words *words);
enum line_outcome invocation_say_text(const struct invocation *call, enum sentence which,
                                      const char *text);
enum line_outcome invocation_nothing(const struct invocation *call);

/* One word, off the front; the rest begins behind the blanks after it. */
char *invocation_word(char **rest);
/* The person of that address:port, by which people are named in the open room. */
bool invocation_endpoint(struct worker *w, const char *name, uint32_t *client,
                         uint32_t *generation);

#endif
