/* store_return.h - a start with what a service manager's descriptor store has kept (store.h): the
 * server goes on where its last process ended.
 *
 * The manager hands the descriptors over in any order, as numbers 3 and up ($LISTEN_FDS and its
 * kin, sd_listen_fds(3)).  The segment is known by its name; sockets are matched by SO_COOKIE, a
 * client's to its record, whose index its number must become, and a listener's to its row of the
 * header.  A record whose socket did not come back is given an unconnected one, so that no new
 * connection is given its number before it has left the room: to its worker it is a connection that
 * was reset.
 *
 * The segment then is as after the death of every process at one moment, in a descriptor table of
 * its own: slots are dead, and no number in the header names anything.
 *
 * The caller is the guardian to be, at its start, before any descriptor but the standard ones is
 * open, and before there is another process. */
#ifndef MASTER_STORE_RETURN_H
#define MASTER_STORE_RETURN_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `unserved`: so often a segment may come back without the server becoming ready; then it is
 * dropped.  A start that ended with an error, whose cause may lie elsewhere (a port in use), counts
 * apart, in multiples of STORE_FAILURE: it may be the segment's, too.  An upgrade that goes on in
 * another segment stores UNSERVED_SUPERSEDED in the old one. */
enum { STORE_TRIES = 3, STORE_FAILURES = 300, STORE_FAILURE = 256 };

struct store_item;

/* What was handed over.  Zeros: nothing. */
struct store_returned {
    struct store_item *item; /* [count], in the order of their cookies */
    uint32_t count;
    int *at; /* [len]: the item under a number; -1: none */
    int len;
    uint32_t clients; /* whose sockets have come back */
    uint32_t gone;    /* those whose sockets have not */
    bool taken;       /* the server goes on with it */
};

/* Reads the environment, and removes from it what no other process is to see.  False: nothing of
 * this program's was handed over; any descriptors that were are closed. */
bool store_returned(struct store_returned *got);

/* Kills the processes of the life before that still use the segment (remnant.h): where its guardian
 * has died alone, systemd starts this process beside them.  False with a sentence: one does not
 * end, and nothing that came back may be touched. */
bool store_alone(const struct store_returned *got, char *err, size_t err_size);

/* Opens the segment and puts every socket into its place; `unserved` is counted.  False with a
 * sentence: the segment does not fit this program, or has come back in vain STORE_TRIES times.  It
 * and all sockets are closed then, the clients' connections ended, and the store is to be dropped
 * (store_drop). */
bool store_take(struct store_returned *got, struct segment *seg, char *err, size_t err_size);

/* The start with it has failed with an error: the next one may go on with the same. */
void store_failed(struct segment *seg);

#endif
