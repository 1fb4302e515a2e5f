/* adopt.h - the relay's beginning: what its predecessor left is taken over, whatever it was doing.
 *
 * It enters its slot's guard and cursor under the gate, looks at the records of people elsewhere,
 * applies the entries behind the place, and frees records whose coming was never committed. */
#ifndef WORKER_RELAY_ADOPT_H
#define WORKER_RELAY_ADOPT_H

#include "worker/relay/state.h"

#include <stdbool.h>
#include <stdint.h>

/* A zeroed process.  False: no memory. */
bool relay_make(struct relay_process *p, struct segment *seg, uint64_t incarnation);

/* The slot serves from here on. */
void relay_adopt(struct relay_process *p);

#endif
