/* label.h - what a client is called: its name, or its address. */
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

#endif
