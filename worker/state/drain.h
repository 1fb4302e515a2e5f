/* drain.h - the end of a connection whose last bytes are to arrive.
 *
 * close() resets a connection that has unread input (RFC 1122, 4.2.2.13).  The reset drops what is
 * not sent yet, and many peers drop what they have not read.
 *
 * close() alone ends nothing where a service manager has a copy of the descriptor
 * (master/store.h): the connection would stay open, and an epoll set that has it would go on
 * reporting it under a number that is another client's.  The copy sees the shutdown of both
 * directions, and is closed then. */
#ifndef WORKER_STATE_DRAIN_H
#define WORKER_STATE_DRAIN_H

/* Ends what is sent, discards the input that has arrived, 4 MB at most, and ends what is received.
 * The descriptor stays open, and an epoll set would report it: the caller has removed it there.  A
 * peer that sends on is reset. */
void drain(int fd);

#endif
