/* bans.h - the file of banned addresses (key `bans`), which a person and chatroom-ctl both edit.
 *
 *     # a comment
 *     192.0.2.1 -
 *     10.0.0.0/8 2026-12-31T23:59:59Z floods the room
 *
 * One ban a line: ADDRESS[/BITS], the time of its end (RFC 3339, UTC; "-": none), and the reason,
 * up to the line's end, which may be missing.  An empty line, or one that begins with #, is a
 * comment.  A byte order mark and CR LF line ends are accepted; control characters in a reason are
 * read as blanks.  What is no such line, a network twice, and one ban too many are errors that name
 * the file and the line.
 *
 * The file is never changed in place: a new one is written in the same folder, synced, and renamed,
 * so that after a death or a power cut there is the old one or the new one.  Comments and the order
 * of lines are kept; a ban that has ended, or was taken back, loses its line.  Owner and mode are
 * kept.  What an editor saves between bans_read and bans_write is not overwritten: the second
 * fails. The caller is the master. */
#ifndef MASTER_BANS_H
#define MASTER_BANS_H

#include "ipc/config.h"
#include "ipc/restriction.h"
#include "master/config_errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file as it was when it was read; all 0: there was none. */
struct ban_file {
    uint64_t device, inode, size, changed_ns;
};

struct ban_list {
    struct ban_file file;
    uint32_t count;
    bool missing; /* there is no file: an empty list */
    struct ban ban[BANS_MAX];
};

/* Whether the configured file is, or could be made, where no other user can have put it
 * (trusted_file.h); true if none is configured.  False with a sentence. */
bool bans_check(const struct config *config, char *err, size_t err_size);

/* Reads the bans that have not ended at `now`, milliseconds of the wall clock.  A missing file is
 * an empty list.  False with errors added. */
bool bans_read(const char *path, uint64_t now, struct ban_list *out, struct config_errors *errors);

/* Makes the configured file one of exactly these bans.  False with a sentence, and the file is as
 * it was, or as another program has made it since bans_read. */
bool bans_write(const struct config *config, const struct ban_list *list, char *err,
                size_t err_size);

/* Index of the network's ban; list->count: none. */
uint32_t bans_find(const struct ban_list *list, const struct network *network);

#endif
