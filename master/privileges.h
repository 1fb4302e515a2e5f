/* privileges.h - becoming the configured user and group, once, after all addresses are bound and
 * before the first worker starts. */
#ifndef MASTER_PRIVILEGES_H
#define MASTER_PRIVILEGES_H

#include "ipc/config.h"
#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>

/* Nothing if the process has the configured user and group already, or if none is configured.
 * False with a sentence. */
bool privileges_drop(const struct segment *seg, const struct config *config, char *err,
                     size_t err_size);

#endif
