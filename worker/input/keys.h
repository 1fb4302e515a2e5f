/* keys.h - what happens to the line under way: editing, telnet events, and for clients whose
 * characters come one by one, the echo. */
#ifndef WORKER_KEYS_H
#define WORKER_KEYS_H

#include "worker/protocol/telnet.h"
#include "worker/record/change.h"

/* Erasing and the like, on the bytes as received; whole characters, never half of one. */
void keys_edit(uint8_t *line, uint32_t *len, enum encoding encoding, const struct telnet_event *ev);

/* What an event changes in the record, and the bytes it is answered with. */
void keys_event(struct change *ch, const struct telnet_event *ev);

#endif
