/* invocation.h - a line on its way through a command, and how its answer is committed: in one
 * change with the line's being consumed.
 *
 * A command is a function that takes an invocation and ends it by one of invocation_done,
 * invocation_say..., or by staging something (say.h). */
#ifndef WORKER_COMMAND_INVOCATION_H
#define WORKER_COMMAND_INVOCATION_H

#include "worker/record/change.h"
#include "worker/state/line.h"

struct invocation {
    struct worker *w;
    struct client *c;
    struct line *line;
    char *text;    /* the command's argument: UTF-8, NUL-terminated, in the caller's frame */
    bool as_typed; /* nothing was stripped from it: names are checked as typed */
};

/* Begins a change in which the line is consumed; the answer is added to it.  What was said before
 * is sent before the answer, unless the client does not read. */
void invocation_begin(struct change *ch, const struct invocation *inv);
/* Commits it, and says what became of the line. */
enum line_outcome invocation_done(const struct invocation *inv, struct change *ch);

/* Whole answers: a sentence; one whose every mark is `text`; none, to a line that is empty and
 * renews no idle time. */
enum line_outcome invocation_say(const struct invocation *inv, enum sentence which,
                                 const struct words *words);
enum line_outcome invocation_say_text(const struct invocation *inv, enum sentence which,
                                      const char *text);
enum line_outcome invocation_nothing(const struct invocation *inv);

/* The text's first word, NUL-terminated; *rest then begins behind the blanks after it. */
char *invocation_word(char **rest);

/* A client in the open room by its address:port, which is its name there. */
bool invocation_endpoint(struct worker *w, const char *name, struct client_view *found,
                         uint32_t *client);

#endif
