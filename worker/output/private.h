/* private.h - a private line as its ledger entry has it, and as a browser is told it.
 *
 * Side data of ENTRY_PRIVATE: the addressee, then speaker NUL addressee NUL text. */
#ifndef WORKER_OUTPUT_PRIVATE_H
#define WORKER_OUTPUT_PRIVATE_H

#include "worker/record/change.h"

struct private_line {
    struct side_private addressee;
    const char *speaker, *to, *said; /* in `text` */
    char text[LINE_MAX_MAX + 2 * NAME_BYTES_MAX + 3];
};

/* False: the entry's side data are none of a private line.  A reader without a guard looks
 * afterwards whether they were overwritten (room_unchanged). */
bool private_read(const struct room *room, uint64_t index, struct private_line *out);

/* Its event, with the entry's id and time, into out[EVENT_LINE_MAX].  Returns the length. */
size_t private_event(const struct worker *w, uint64_t index, uint32_t time,
                     const struct private_line *line, uint8_t *out);

#endif
