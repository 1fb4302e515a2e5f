/* whom.h - which client a user means: by its name, by address:port in the open room, or by `#N`,
 * its number, which stands for a name that the reader's encoding cannot show.  A person of another
 * machine has a name in any room: NAME@NODE, of an open one ADDRESS:PORT@NODE. */
#ifndef WORKER_COMMAND_WHOM_H
#define WORKER_COMMAND_WHOM_H

#include "worker/state/label.h"
#include "worker/state/local.h"

enum { WHOM_NOBODY = 256 };

struct whom {
    uint32_t client, generation;
    uint64_t key;           /* of the name by which it was found (state/speaker.h); 0: by none */
    char label[LABEL_TEXT]; /* its name, or address:port: UTF-8 */
};

/* Whom `asking` means by the word it has typed.  False: no such client is in the room. */
bool whom_find(struct worker *w, const struct client *asking, const char *typed, struct whom *whom);

/* Whom an operator means: by any of them, whether the room is open or not. */
bool whom_any(struct worker *w, const char *typed, struct whom *whom);

/* The same for `#N` and `???#N` alone: any other word is not found. */
bool whom_numbered(struct worker *w, const char *typed, struct whom *whom);

/* The sentence for whom_any that found nobody.  Returns out. */
const char *whom_nobody(const struct worker *w, const char *typed, char out[WHOM_NOBODY]);

#endif
