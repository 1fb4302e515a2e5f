/* tools.h - connections that are no people: an operator's tool, a collector of metrics.
 *
 * They are records like any other, but are in no list, and count for no limit but their own: at
 * most CONTROL_MAX and METRICS_CLIENTS of them at a time (header.h), over all workers.  Each holds
 * a word of its kind's table: its tag (client_tag).  Words are never given back: the record that
 * the tag names says whether one is free, so the number is right after any death. */
#ifndef WORKER_STATE_TOOLS_H
#define WORKER_STATE_TOOLS_H

#include "worker/state/local.h"

/* Fills the record that was claimed for the connection.  False: as many of its kind are served. */
bool tool_open(struct worker *w, struct client *c, enum client_kind kind, uint64_t cookie,
               const struct in6_addr *addr, uint16_t port);

#endif
