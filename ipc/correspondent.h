/* correspondent.h - what the addressee of a client's /reply is called, for when it has left.
 *
 * One row for each record of the client table, at the same index; the record's facts name the
 * addressee by number and generation.  Written by the record's owner before the commit that names
 * it: a death between the two leaves a row that belongs to other numbers and counts for nothing,
 * and the entry that is applied again writes it anew.  Read by the owner alone. */
#ifndef IPC_CORRESPONDENT_H
#define IPC_CORRESPONDENT_H

#include "ipc/client.h"

#include <string.h>

struct correspondent {
    uint32_t client, generation;
    char label[NAME_OWN_MAX]; /* its name, or address:port, as last used; NUL-padded */
};

/* Of a longer one, which another machine's may be, the end is lost: of NODE. */
static inline void correspondent_label(struct correspondent *to, const char *label) {
    memset(to->label, 0, sizeof to->label);
    memcpy(to->label, label, strnlen(label, sizeof to->label));
}

#endif
