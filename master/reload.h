/* reload.h - what a new configuration changes at once: addresses and the number of workers. */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "ipc/segment.h"

/* Binds what the configuration names and the segment has not, and marks as draining what it neither
 * names nor covers any longer.  False, with a sentence and nothing changed, if an address cannot be
 * bound. */
bool reload_listeners(struct segment *seg, const struct config *config, char *err, size_t err_size);

/* Closes what has been draining. */
void reload_drained(struct segment *seg);

/* A master died, perhaps while it opened or closed some: what is half open is closed. */
void reload_take_up(struct segment *seg);

/* Slots below `workers` serve; the others retire: their listeners are polled by those that stay.
 * Takes effect in the workers with the configuration's next publication. */
void reload_workers(struct segment *seg, uint32_t workers);

#endif
