/* reload.h - SIGHUP: reads the configuration again and puts it into effect.
 *
 * A file with any error changes nothing.  The caller is the master. */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "master/supervisor.h"

#include <stdbool.h>

/* Logs the outcome and tells the service manager.  False: the old configuration is in effect. */
bool reload(struct supervisor *s);

/* What only a restart changes keeps its value; the log names each such key that differs. */
void reload_keep(const struct segment_header *header, struct config *config);

/* The first key of the file that differs and that only a restart changes; NULL: none does, or the
 * file has an error. */
const char *reload_restart_key(const struct segment_header *header);

/* In place of a master that died, perhaps inside reload: does the reload again, once.  Without one,
 * or if it fails again, addresses and workers become what the configuration in effect says. */
void reload_take_up(struct supervisor *s);

#endif
