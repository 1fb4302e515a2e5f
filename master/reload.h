/* reload.h - SIGHUP: reads the configuration again and puts it into effect.
 *
 * A file with any error changes nothing.  The caller is the master. */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "master/supervisor.h"

#include <stdbool.h>

/* Logs the outcome and tells the service manager.  False: the old configuration is in effect. */
bool reload(struct supervisor *s);

/* In place of a master that died, perhaps inside reload: does the reload again, once.  Without one,
 * or if it fails again, addresses and workers become what the configuration in effect says. */
void reload_take_up(struct supervisor *s);

#endif
