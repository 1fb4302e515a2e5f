/* moderation.h - requests for bans and mutes, carried out by the master.
 *
 * The file of bans, where one is configured, is the truth: each request reads it, writes it anew,
 * and only then publishes the table (ipc/restriction.h), from which workers act.  So a ban that a
 * person has written into the file is never lost by a request; a master that dies between file and
 * table leaves what the next one reads; and a request that cannot be written is refused with
 * nothing changed.  A file that is gone while bans stand is written anew by the next request, and
 * refused by a reload: bans end by a request, by their time, or by a line that a person has taken
 * out.
 *
 * Mutes are in the table alone: they last until the server ends.
 *
 * Requests are texts.  Each function answers in one sentence, in `out`; false: it is refused, and
 * nothing has changed.  A request that is carried out twice (its first master died before it had
 * answered) does no harm.  When one has answered, no line of a client that it concerns is published
 * any more.  The caller is the master. */
#ifndef MASTER_MODERATION_H
#define MASTER_MODERATION_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>

/* ADDRESS[/BITS] [DURATION] [REASON] */
bool moderation_ban(struct segment *seg, const char *text, char *out, size_t size);
/* ADDRESS[/BITS].  `again`: a master that died may have done it, so that there is nothing left to
 * do. */
bool moderation_unban(struct segment *seg, const char *text, bool again, char *out, size_t size);
/* As a worker hands it on: KEY ENDPOINT alone|shared DURATION|- NAME.  KEY: of the name, in hex; 0:
 * a guest's. */
bool moderation_mute(struct segment *seg, const char *text, char *out, size_t size);
/* KEY NAME */
bool moderation_unmute(struct segment *seg, const char *text, bool again, char *out, size_t size);

/* The start: reads the file into the table.  False with a sentence; errors in the file are printed
 * to standard error. */
bool moderation_begin(struct segment *seg, const struct config *config, char *err, size_t err_size);

/* A reload, before anything of it is applied: reads the file that `config` names; where that is
 * another than before, the bans that stand are written into it, too.  False with a sentence, after
 * the errors in the file are logged. */
bool moderation_prepare(const struct segment *seg, const struct config *config, char *err,
                        size_t err_size);
/* Publishes what moderation_prepare has read. */
void moderation_apply(struct segment *seg);

/* A new master: its predecessor may have died between file and table.  A file that cannot be read
 * changes nothing, with log lines. */
void moderation_take_up(struct segment *seg);

#endif
