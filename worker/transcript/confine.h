/* confine.h - what the transcript's process gives up when it begins: every descriptor but its own
 * few, and every system call that it does not need.
 *
 * It reads every line of the room and writes one file; were its code taken over, it could reach
 * nothing else.  Workers carry no filter: a filter survives clone and execve, and a worker may have
 * to start a master, which reloads and upgrades. */
#ifndef WORKER_TRANSCRIPT_CONFINE_H
#define WORKER_TRANSCRIPT_CONFINE_H

#include <stddef.h>

/* Leaves the descriptor table that all processes share, for one of its own that has only `keep`, at
 * their numbers; those below 0 are skipped.  Clients' sockets are not copied, or are closed at
 * once: a copy would keep a connection open that a worker has closed. */
void confine_descriptors(const int *keep, size_t count);

/* From here on a system call that is not on the list is logged and ends the process (SIGSYS). Where
 * the kernel has no filters, or this build needs other calls (a sanitizer), the log says so, and
 * the process goes on without. */
void confine_calls(void);

#endif
