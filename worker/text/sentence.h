/* sentence.h - every sentence the server says, in every language: one table.
 *
 * A language is a column (enum language); adding one is adding a column.  A sentence that the third
 * column lacks is the second's: it has no Chinese of its own.  {room}, {name}, {text} and {n} are
 * replaced; {s}, {were} and {people} agree with n.  Sentences are UTF-8 and end with CR LF; a
 * sentence of two lines carries its own CR LF between them. */
#ifndef WORKER_TEXT_SENTENCE_H
#define WORKER_TEXT_SENTENCE_H

#include "ipc/config.h"

#include <stddef.h>
#include <stdint.h>

enum sentence {
    SAY_GREETING,
    SAY_JOINED,
    SAY_LEFT,
    SAY_LOG_IN,
    SAY_LOGGED_IN, /* `login` inside the room */
    SAY_NO_NAME,
    SAY_NAME_TAKEN,
    SAY_SPEECH,
    SAY_BARE, /* the open room: a line as it was typed */
    SAY_LOOK,
    SAY_WHO,
    SAY_WHO_IDLE,
    SAY_WHO_BOT,
    SAY_WHO_BOT_IDLE,
    SAY_UNKNOWN,
    SAY_HELP, /* how to get help */
    SAY_SKIPPED,
    SAY_DROPPED,
    SAY_EARLIER,
    SAY_NICK,
    SAY_PRIVATE_TO,
    SAY_PRIVATE_COPY,
    SAY_NOBODY,
    SAY_NOT_READING, /* a private line is refused: its addressee has too much unread */
    SAY_NOT_A_NAME,
    SAY_TOO_LONG, /* n: the limit */
    SAY_NO_WORD,
    SAY_NO_LOGIN, /* too slow to log in */
    SAY_KICKED,
    SAY_KICKED_WHY,
    SAY_WAS_KICKED,
    SAY_ANNOUNCED, /* by the operator */
    SAY_MUTED,
    SAY_UNMUTED,
    SAY_BANNED,
    SAY_GOING_DOWN,
    SAY_ROOM_FULL,
    SAY_ADDRESS_FULL,
    SAY_ME,
    SAY_IGNORING,
    SAY_NOT_IGNORING,
    SAY_NOT_IGNORED, /* /unignore, of a person that was not */
    SAY_IGNORED,     /* before a list of names */
    SAY_IGNORED_NONE,
    SAY_IGNORE_HOW,
    SAY_IGNORE_SELF,
    SAY_IGNORES_FULL,
    SAY_ENCODING,
    SAY_ENCODING_NOW, /* without an argument */
    SAY_ENCODING_IS,
    SAY_ENCODING_WHICH, /* {text}: those that there are */
    SAY_TIMESTAMPS_ON,
    SAY_TIMESTAMPS_OFF,
    SAY_TIMESTAMPS_NOW_ON, /* without an argument */
    SAY_TIMESTAMPS_NOW_OFF,
    SAY_TIMESTAMPS_HOW,
    SAY_HISTORY_HOW,
    SAY_WHAT_TO_SAY,
    SAY_NO_REPLY_TO,
    SAY_HERE,
    SAY_LINK_DOWN, /* to other machines; a private line is refused by it, too */
    SAY_LINK_UP,
    SAY_NODE_AWAY, /* name: a machine; n: its people */
    SAY_NODE_BACK,
    SAY_NO_JSON, /* a browser's message that is no object */
    SAY_NO_DO,   /* a browser's message that asks for nothing that there is */
    SAY_COUNT
};

struct words {
    const char *room, *name, *text; /* NUL-terminated UTF-8; NULL where not used */
    uint64_t n;
};

enum { SENTENCE_MAX = 8192 }; /* bytes; the longest has a line of line_max and two names */

/* Renders into out[size], size > 2; cut between characters if it does not fit, never without its
 * line end.  Returns the length. */
size_t sentence_render(enum language language, enum sentence which, const struct words *words,
                       char *out, size_t size);

/* What a server that speaks `language` speaks to a client that is sent `sent`. */
enum language sentence_language(enum language language, enum encoding sent);

/* The same for a pattern that is in no table.  A brace that begins no mark stands for itself. */
size_t sentence_fill(const char *pattern, const struct words *words, char *out, size_t size);

#endif
