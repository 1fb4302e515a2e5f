/* label.h - what a client is called: its name, or its address, or its number where the reader's
 * encoding cannot show its name. */
#ifndef WORKER_STATE_LABEL_H
#define WORKER_STATE_LABEL_H

#include "ipc/address.h"
#include "ipc/client.h"

/* Bytes of any label, with the NUL. */
enum { LABEL_TEXT = NAME_BYTES_MAX + 1 };
_Static_assert((int)ENDPOINT_TEXT <= (int)LABEL_TEXT, "an address with its port is a label, too");

/* In the room's lines: the name, or the plain address.  Returns out. */
const char *label_name(const struct facts *f, const struct in6_addr *addr, char out[LABEL_TEXT]);

/* Where one client must be told from all others: the name, or address:port.  Returns out. */
const char *label_unique(const struct facts *f, const struct in6_addr *addr, uint16_t port,
                         char out[LABEL_TEXT]);

/* What a label of that client is to a reader of `enc`: the label itself, or `???#N`, N being the
 * client's index, if the encoding cannot show it.  Returns label or out. */
const char *label_shown(enum encoding enc, const char *label, uint32_t client,
                        char out[LABEL_TEXT]);

/* N of `#N` or `???#N`, as such a label is typed.  False: it is no such text. */
bool label_number(const char *typed, uint32_t *client);

#endif
