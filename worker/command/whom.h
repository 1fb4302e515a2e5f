/* whom.h - which client a user means: by its name, by address:port in the open room, or by `#N`,
 * its number, which stands for a name that the reader's encoding cannot show. */
#ifndef WORKER_COMMAND_WHOM_H
#define WORKER_COMMAND_WHOM_H

#include "worker/state/label.h"
#include "worker/state/local.h"

struct whom {
    uint32_t client, generation;
    char label[LABEL_TEXT]; /* its name, or address:port: UTF-8 */
};

/* Whom `asking` means by the word it has typed.  False: no such client is in the room. */
bool whom_find(struct worker *w, const struct client *asking, const char *typed, struct whom *whom);

/* The same for `#N` and `???#N` alone: any other word is not found. */
bool whom_numbered(struct worker *w, const char *typed, struct whom *whom);

#endif
