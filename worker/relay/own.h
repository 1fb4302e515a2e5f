/* own.h - what HELLO tells the engine: this life, where its items begin if the engine has no mark
 * of it, and who is here.
 *
 * The people are read from the records, as `who` reads them: those in the room whose coming was
 * announced, by name, or in an open room by address:port.  What changes meanwhile comes as an item
 * afterwards (pass.h).  For struct link_owner; `arg` is the struct relay_process. */
#ifndef WORKER_RELAY_OWN_H
#define WORKER_RELAY_OWN_H

#include "worker/relay/link.h"

void own_hello(void *arg, struct link_hello *out);
bool own_person(void *arg, uint32_t *at, char name[], size_t size, const char **value);

#endif
