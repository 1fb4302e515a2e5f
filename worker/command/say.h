/* say.h - staging what the room is to see: speech, joins, changes of a name, and private lines.
 *
 * Each function stages one line and returns LINE_STAGED, or LINE_LATER if the stage is full. */
#ifndef WORKER_COMMAND_SAY_H
#define WORKER_COMMAND_SAY_H

#include "worker/state/line.h"
#include "worker/state/local.h"

/* `action`: /me. */
enum line_outcome say_speech(struct worker *w, struct client *c, struct line *line,
                             const char *text, bool action);
/* `name`: NULL in the open room. */
enum line_outcome say_join(struct worker *w, struct client *c, const struct line *line,
                           const char *name);
/* Out of the room: at the end of the connection, or because a reload asks for names.  Caused by no
 * line. */
enum line_outcome say_leave(struct worker *w, struct client *c);
enum line_outcome say_nick(struct worker *w, struct client *c, const struct line *line,
                           const char *name);

/* An operator's announcement. */
enum line_outcome say_announcement(struct worker *w, struct client *c, const struct line *line,
                                   const char *text);

/* A sentence of the server itself, which begins with `*** `: for everybody, of no client.  NULL:
 * the stage is full. */
struct staged *say_notice(struct worker *w, enum entry_kind kind, enum sentence which,
                          const struct words *words);

/* A private line's addressee: the client that has name key `key` when the line is published, or,
 * with a key of 0, the client given here.  `label` is what the speaker called it. */
struct addressee {
    const char *label;
    uint64_t key;
    uint32_t client, generation;
};
enum line_outcome say_private(struct worker *w, struct client *c, const struct line *line,
                              const struct addressee *to, const char *text);

/* An operator asks a client to leave: the room is told now, the client when it is applied. */
enum line_outcome say_kick(struct worker *w, struct client *c, const struct line *line,
                           const struct addressee *whom, const char *reason);

/* The client is to move to the worker of slot `to` (ledger/move.h); none of its input is consumed.
 */
enum line_outcome say_move(struct worker *w, struct client *c, uint32_t to);

#endif
