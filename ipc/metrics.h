/* metrics.h - the server's numbers as Prometheus reads them.
 *
 * Text format 0.0.4, from what survey.h reads: a line of help and one of type for each family, then
 * a line for each sample.  Names begin with chatroom_; counters end in _total and never go down,
 * whichever worker dies and through an upgrade, because they lie in the slots.  Numbers are of one
 * moment each, not all of the same one.  A worker's numbers carry its slot: worker="0".
 *
 * Nothing of what clients say or type is in it, and no name or address of theirs.  Only reads; any
 * process, also of a foreign segment's view.
 *
 * Source: prometheus.io, "Exposition formats" and "Metric and label naming". */
#ifndef IPC_METRICS_H
#define IPC_METRICS_H

#include "ipc/segment.h"

#include <stddef.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* With all slots in use, and every number as long as it can be. */
enum { METRICS_MAX = 80 * 1024 };

/* Returns the length; whole lines, not terminated. */
size_t metrics_render(const struct segment *seg, char out[METRICS_MAX]);

#endif
