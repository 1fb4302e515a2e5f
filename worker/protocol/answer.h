/* answer.h - the server's sentences as browsers and bots are told them: one table.
 *
 * A row says which event a sentence is, for an error its code, and with which code the connection
 * is closed behind it.  A sentence that its table does not name is a note.  A sentence of two lines
 * has a line feed between them.  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_ANSWER_H
#define WORKER_PROTOCOL_ANSWER_H

#include "worker/protocol/event.h"
#include "worker/text/sentence.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ANSWER_MAX = EVENT_ESCAPED * SENTENCE_MAX + 256 };

/* Whether the sentence says that a message was refused: then the answer bears its number. */
bool answer_refuses(enum sentence which);

/* The frames that say it; `re`: EVENT_NO_RE where nothing is answered.  Returns the length; 0: a
 * browser is not told this one, or it does not fit. */
size_t answer_frames(enum language language, enum sentence which, const struct words *words,
                     int64_t re, uint8_t *out, size_t size);

#endif
