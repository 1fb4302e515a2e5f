/* view_fd.h - the segment opened once more, only to be read: for a tool that is given it
 * (chatroom-ctl).
 */
#ifndef MASTER_VIEW_FD_H
#define MASTER_VIEW_FD_H

#include "ipc/segment.h"

/* header->view_fd; a failure is logged.  What it was before is not closed. */
void view_fd_open(struct segment *seg);

#endif
