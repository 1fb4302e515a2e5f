/* unread.h - how many bytes of private lines are kept for a client that does not read.
 *
 * The publisher refuses a line to a client with more than UNREAD_MAX unread, so that its speaker is
 * told.  Lines that other workers have published meanwhile, and the client's worker has not
 * applied, are no more than the side data between its cursor and the ledger's end; with
 * UNREAD_COMING for them, no line that was published is dropped when it is applied, but for want of
 * a buffer. */
#ifndef WORKER_LEDGER_UNREAD_H
#define WORKER_LEDGER_UNREAD_H

enum { UNREAD_MAX = 32768, UNREAD_COMING = 32768 };

#endif
