/* check.h - is a client's record within its bounds?  Asked when a record is adopted, because a
 * predecessor may have died of damaged memory. */
#ifndef WORKER_RECORD_CHECK_H
#define WORKER_RECORD_CHECK_H

#include "ipc/segment.h"

/* NULL, or the part of the record that breaks its bounds.  `sent` and `received` are the kernel's
 * by now. A record that passes may be served without reading or writing outside its own buffers and
 * rings. */
const char *record_check(const struct segment *seg, const struct client *c);

#endif
