/* signals.h - the signals that the master obeys, and how each reaches its loop.
 *
 * They are blocked before main and read from a signalfd, so no handler runs and none is lost: a
 * signal that comes while the master starts, or during an upgrade's execve, stays pending until it
 * is read.  Left is the time in which the dynamic linker loads libc: a signal then has its default
 * effect, unless the starter has blocked or ignored it.  The caller is the master. */
#ifndef MASTER_SIGNALS_H
#define MASTER_SIGNALS_H

#include "ipc/segment.h"

#include <stdbool.h>

/* What a signal asks for. */
enum signals_order {
    SIGNALS_NONE,    /* none is pending */
    SIGNALS_CHILD,   /* SIGCHLD: a child ended or was stopped */
    SIGNALS_RELOAD,  /* SIGHUP */
    SIGNALS_REOPEN,  /* SIGUSR1: the log */
    SIGNALS_UPGRADE, /* SIGUSR2 */
    SIGNALS_STOP,    /* SIGTERM, SIGINT, SIGQUIT */
};

/* Blocks them all.  False with errno. */
bool signals_block(void);
/* For a process that is not, or not yet, the server: each has its default effect again. */
void signals_unblock(void);

/* The signalfd of a new master, also stored in the segment; -1 with errno.  Raises the signals that
 * were pending for a predecessor that hung.  `took_over`: the descriptor table is that of a master
 * that died, and its signalfd is closed. */
int signals_open(struct segment_header *header, bool took_over);

/* A signalfd of them all, for a process that is not the master; -1 with errno. */
int signals_watch(void);

/* The next order; does not wait. */
enum signals_order signals_read(int fd);

#endif
