/* view.h - the server's state, mapped only to be read.
 *
 * Two ways lead to the segment.  A worker that accepts on the control socket greets with one line,
 * to which the segment's read-only descriptor is attached.  If no worker answers within
 * VIEW_WAIT_MS (all hang, are stopped or dead), the segment is found through /proc: the socket's
 * inode, a process that has that socket open, and the segment among its descriptors.  So a tool
 * sees a server all of whose processes stand still. */
#ifndef MASTER_CTL_VIEW_H
#define MASTER_CTL_VIEW_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>

enum { VIEW_WAIT_MS = 500, VIEW_SEARCH_MS = 1000, VIEW_ERROR = 512 };

struct view {
    struct segment seg;
    bool answered; /* by a worker; false: found through /proc */
};

/* False, with a sentence in err[VIEW_ERROR]: there is no such socket, no server at it, no
 * permission, another version, no chatroom.  Within VIEW_WAIT_MS and VIEW_SEARCH_MS. */
bool view_open(struct view *view, const char *path, char err[VIEW_ERROR]);

/* A read of the view is a SIGBUS when the object was cut meanwhile, or the machine has no memory
 * left: then this is called (async-signal-safe; NULL: nothing), and the program ends with a
 * sentence. */
extern void (*view_lost)(void);

void view_close(struct view *view);

#endif
