/* keys.h - what telnet events and keys do to the record, and to the screen of a client that the
 * server echoes. */
#ifndef WORKER_INPUT_KEYS_H
#define WORKER_INPUT_KEYS_H

#include "worker/protocol/telnet_types.h"
#include "worker/record/change.h"

/* What an event changes in the record, and the bytes it is answered with. */
void keys_event(struct change *ch, const struct telnet_event *ev);

#endif
