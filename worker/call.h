/* call.h - a line on its way through a command, and how its answer is committed: in one flip with
 * the line's being handled.
 *
 * A command is a function that takes a call and ends it by one of call_done, call_say...,
 * or by staging something (talk.h). */
#ifndef WORKER_CALL_H
#define WORKER_CALL_H

#include "worker/command.h"

/* Clean UTF-8, NUL-terminated; `raw` is the same before cleaning, because names are checked as
 * typed. */
struct call {
    struct worker *w;
    struct client *c;
    struct line *line;
    char *text, *raw; /* what follows the command's name and blanks */
};

/* Begins an edit in which the line is handled; the answer is added to it. */
void call_edit(struct edit *e, const struct call *call);
enum line_outcome call_done(const struct call *call, struct edit *e);

/* Whole answers: a sentence, one whose every mark is `text`, none. */
enum line_outcome call_say(const struct call *call, enum sentence which, const struct words *words);
enum line_outcome call_say_text(const struct call *call, enum sentence which, const char *text);
enum line_outcome call_nothing(const struct call *call);

/* One word, off the front; the rest begins behind the blanks after it. */
char *call_word(char **rest);
/* The person of that address:port, by which people are named in the open room. */
bool call_endpoint(struct worker *w, const char *name, uint32_t *client, uint32_t *birth);

#endif
