/* foreign.h - what people of other machines do: items of the stream become entries of the ledger.
 *
 * An item is new if its life is above the one that is known of its machine, or its index above that
 * life's mark; what is not is dropped, so the stream may be read twice.  Of what is missing the
 * number of lines is known, because each item counts them, and is said.
 *
 * A coming or a leave is said if it changes who is here.  The engine's list of people (world.c) may
 * be ahead of the items: then they find it done already. */
#ifndef WORKER_RELAY_FOREIGN_H
#define WORKER_RELAY_FOREIGN_H

#include "worker/relay/state.h"

#include <stdbool.h>
#include <stdint.h>

/* LINK_ITEM.  False: the ring is full; to be called again with the same item, and nothing has
 * happened. */
bool foreign_item(struct relay_process *p, const struct link_event *ev);

/* "NAME@NODE".  Returns out. */
const char *foreign_label(const char *name, const char *node, char out[LABEL_TEXT]);

/* A person of the machine comes, or the row's leaves, and it is not said.  There is room. */
void foreign_comes(struct relay_process *p, uint32_t node, const char *label, bool bot);
void foreign_leaves(struct relay_process *p, uint32_t row);

/* The machine is out of reach from here on, and its people are not in the room.  False: later. */
bool foreign_away(struct relay_process *p, uint32_t node);

/* When a line that was said at `ms` (since 1970) was, in the ledger's time; *late: that is long
 * ago. */
uint32_t foreign_ticks(const struct relay_process *p, int64_t ms, bool *late);
/* Speech as it is shown; `label` is its speaker.  All but its seal. */
void foreign_speech(struct relay_process *p, struct staged *s, const struct item *item,
                    const char *label, bool late);

#endif
