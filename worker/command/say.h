/* talk.h - staging what the room is to see: coming, speech, changing names, whispering. */
#ifndef WORKER_TALK_H
#define WORKER_TALK_H

#include "worker/command/command.h"

/* What /ignore compares: the low half of the name's key; in the open room, of its address. */
uint32_t say_speaker(const struct worker *w, const struct client *c, const struct facts *f);

/* Each stages one line and returns LINE_STAGED, or LINE_LATER if the stage is full. */
enum line_outcome say_speech(struct worker *w, struct client *c, struct line *line,
                             const char *text, size_t len, bool action);
enum line_outcome say_join(struct worker *w, struct client *c, const struct line *line,
                           const char *name);
enum line_outcome say_nick(struct worker *w, struct client *c, const struct line *line,
                           const char *name);

/* To the client that `to` names now, or - if `key` is not 0 - to whoever has that name when it is
 * published. */
enum line_outcome say_private(struct worker *w, struct client *c, const struct line *line,
                              const char *to_name, uint64_t key, uint32_t client,
                              uint32_t generation, const char *text);

#endif
