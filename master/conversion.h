/* conversion.h - an upgrade whose new binary has converted the segment (ipc/convert.h): what is
 * left to do with descriptors and processes.
 *
 * Until the first worker of the new binary has entered its slot, an execve of the old one finds
 * everything as it was: the old segment and its view stay open, and what is new closes by itself.
 * The caller is the guardian. */
#ifndef MASTER_CONVERSION_H
#define MASTER_CONVERSION_H

#include "ipc/segment.h"

/* `fd` is the old segment's.  Opens what the old binary had not, and what belongs to the new
 * object.  Nothing if the segment was not converted. */
void conversion_begin(struct segment *seg, int fd);

/* A worker of the new binary has entered.  Closes what is old, and ends the standby process. */
void conversion_end(void);

#endif
