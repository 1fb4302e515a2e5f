/* signals.h - the signals that the server obeys, and how each reaches the master.
 *
 * They are sent to the guardian, whose pid is the server's.  They are blocked before main and read
 * from a signalfd, so no handler runs and none is lost: a signal that comes while the server
 * starts, or during an upgrade's execve, stays pending until it is read.  Left is the time in which
 * the dynamic linker loads libc: a signal then has its default effect, unless the starter has
 * blocked or ignored it.
 *
 * The guardian puts what a signal asks for into `orders` in the segment and rings the master, which
 * may be dead: its successor finds it there.  The master moves an order to `doing` while it obeys,
 * so that the same signal counts once more, and a successor begins again.  A master ignores the
 * signals itself. */
#ifndef MASTER_SIGNALS_H
#define MASTER_SIGNALS_H

#include "ipc/segment.h"

#include <stdbool.h>

/* Blocks them all.  False with errno. */
bool signals_block(void);
/* For a process that is not, or not yet, the server: each has its default effect again. */
void signals_unblock(void);

/* ---- the guardian ---- */

/* The signalfd of a new guardian, also stored in the segment; -1 with errno.  `took_over`: the
 * descriptor table is that of a guardian that died, and its signalfd is closed. */
int signals_open(struct segment_header *header, bool took_over);

/* A signalfd of them all, for a process that is no guardian; -1 with errno. */
int signals_watch(void);

/* What the next signal asks for; does not wait. */
enum signals_order {
    SIGNALS_NONE,    /* none is pending */
    SIGNALS_CHILD,   /* SIGCHLD: a child ended or was stopped */
    SIGNALS_RELOAD,  /* SIGHUP */
    SIGNALS_REOPEN,  /* SIGUSR1: the log */
    SIGNALS_UPGRADE, /* SIGUSR2 */
    SIGNALS_STOP,    /* SIGTERM, SIGINT, SIGQUIT */
    SIGNALS_STORE,   /* SIGPWR */
};
enum signals_order signals_read(int fd);

/* Tells the master. */
void signals_pass_on(struct segment *seg, enum order order);
/* Whether the master has not done it yet. */
bool signals_pending(const struct segment_header *header, enum order order);

/* ---- the master ---- */

/* The next order, which the master then obeys; 0: there is none. */
uint32_t signals_take(struct segment_header *header);
/* It is done; the guardian is told. */
void signals_done(struct segment *seg, enum order order);

#endif
