/* keys.h - what telnet events and editing keys do: to the line under way, to the record, and to the
 * screen of a client that the server echoes. */
#ifndef WORKER_INPUT_KEYS_H
#define WORKER_INPUT_KEYS_H

#include "worker/protocol/erase.h"
#include "worker/protocol/telnet_types.h"
#include "worker/record/change.h"

/* Erasing and the like, on the line as received; whole characters, never half of one. */
void keys_edit(struct erase *erase, uint8_t *line, uint32_t *len, const struct telnet_event *ev);

/* What an event changes in the record, and the bytes it is answered with. */
void keys_event(struct change *ch, const struct telnet_event *ev);

#endif
