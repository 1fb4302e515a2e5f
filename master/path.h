/* path.h - the folder that a path is in.  Callers: the master's files. */
#ifndef MASTER_PATH_H
#define MASTER_PATH_H

#include "ipc/config.h"

#include <stdbool.h>

/* "/var/log" of "/var/log/chatroom", "/" of "/x", "." of "x".  Returns out. */
const char *path_folder(const char *path, char out[PATH_LEN_MAX]);

/* After a file was made or renamed there: its name is on the disk.  False with errno. */
bool path_sync_folder(const char *path);

#endif
