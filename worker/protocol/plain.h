/* plain.h - the bytes of a client that speaks no telnet: lines that end with LF.
 *
 * Every other byte is text, NUL too.  Any split of the input gives the same events; only runs of
 * text end where the input does.  The events are telnet's (telnet_types.h).  Pure function. */
#ifndef WORKER_PROTOCOL_PLAIN_H
#define WORKER_PROTOCOL_PLAIN_H

#include "worker/protocol/telnet_types.h"

/* Consumes at least one byte of in[0, n), n > 0; returns how many. */
size_t plain_next(const uint8_t *in, size_t n, struct telnet_event *ev);

#endif
