/* label.h - what a client is called: its name, or its address, or its number where the reader's
 * encoding cannot show its name. */
#ifndef WORKER_STATE_LABEL_H
#define WORKER_STATE_LABEL_H

#include "ipc/address.h"
#include "ipc/client.h"

/* Bytes of any label, with the NUL. */
enum { LABEL_TEXT = NAME_TEXT };
_Static_assert((int)ENDPOINT_TEXT <= (int)LABEL_TEXT, "an address with its port is a label, too");

/* In the room's lines: the name (client_name; NULL: none), or the plain address.  Returns out. */
const char *label_name(const char *name, const struct in6_addr *addr, char out[LABEL_TEXT]);

/* Where one client must be told from all others: the name, or address:port.  Returns out. */
const char *label_unique(const char *name, const struct in6_addr *addr, uint16_t port,
                         char out[LABEL_TEXT]);

/* The number of one client among `clients` records, remote ones too, never given to another: the
 * record's index for its first user, and beyond all indexes for those after it. */
static inline uint64_t label_number(uint32_t client, uint32_t generation, uint32_t clients) {
    return client + (uint64_t)(generation - 1) * clients;
}
#define LABEL_NUMBER_MAX (UINT64_MAX / 16)

/* What a label of the client with that number is to a reader of `enc`: the label itself, or
 * `???#N`, if the encoding cannot show it.  Returns label or out. */
const char *label_shown(enum encoding enc, const char *label, uint64_t number,
                        char out[LABEL_TEXT]);

/* N of `#N` or `???#N`, as such a label is typed.  False: it is no such text. */
bool label_typed(const char *typed, uint64_t *number);

#endif
