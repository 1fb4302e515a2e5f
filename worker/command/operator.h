/* operator.h - the commands of an operator: lines of a client of KIND_CONTROL.
 *
 *     request    WORD ARGUMENT LF        UTF-8
 *     answer     ok LF   or   no SENTENCE LF
 *
 * One answer for each line.  Sentences are English, whatever the room speaks: a program prints
 * them.  A command answers with the record's commit, or it stages a line and the answer commits
 * with the ledger, as for any client.  To add one: a function and a row in operator.c. */
#ifndef WORKER_COMMAND_OPERATOR_H
#define WORKER_COMMAND_OPERATOR_H

#include "worker/record/change.h"
#include "worker/state/line.h"

enum { OPERATOR_LINE_MAX = LINE_MAX_MAX };

/* Runs a finished line, as decide_line does a telnet client's. */
enum line_outcome operator_line(struct worker *w, struct client *c, struct line *line);

/* The answer: `no`: a sentence, without its line end; NULL: ok. */
void operator_answer(struct change *ch, const char *no);

#endif
