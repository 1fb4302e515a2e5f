/* confine.h - what the transcript's process and the relay's give up when they begin: every
 * descriptor but their own few, and system calls that they do not need.
 *
 * The transcript reads every line of the room and writes one file; were its code taken over, it
 * could reach nothing else.  The relay reads what comes from a network, and libc looks up names for
 * it, for which no list of calls is known: it can start no program and reach into no process.
 * Workers carry no filter: a filter survives clone and execve, and a worker may have to start a
 * master, which reloads and upgrades. */
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

/* From here on no program can be executed, and no process traced, read, written or signalled by its
 * pidfd (EPERM): in this process and its children.  Likewise without, where there are no filters.
 */
void confine_programs(void);

#endif
