/* client_log.h - the log's lines about connections, and how many of them there may be.
 *
 * A stranger decides how often clients come, are named and go, so these lines are bounded: by
 * origin (ORIGIN_LOGGED connections and ORIGIN_LOGGED_OTHERS other lines a second, over all
 * workers), and for each worker CLIENT_LOG_RATE a second, whatever the number of origins.  What
 * is beyond is counted, and TALLY_SECONDS later one line says for each origin how many there were:
 *
 *     client 192.0.2.1:40000 connected
 *     client 192.0.2.1:40000 is ann
 *     client 192.0.2.1: 100 closed unheard (connect_rate), 812 more connected in 10 s
 *     client 2001:db8::/64: 7 more disconnected in 10 s
 *
 * The counts are in the slot (ipc/tally.h), so that a successor writes what a dead worker counted.
 */
#ifndef WORKER_STATE_CLIENT_LOG_H
#define WORKER_STATE_CLIENT_LOG_H

#include "worker/state/local.h"

enum { CLIENT_LOG_RATE = 200 }; /* lines a second, and at once */

/* "client A:P " and the text; or counts it. */
void client_log(struct worker *w, enum tally_kind kind, const struct in6_addr *addr, uint16_t port,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Counts without a line. */
void client_log_count(struct worker *w, enum tally_kind kind, const struct in6_addr *addr);

/* Once a turn of the loop: writes what was counted, if it is old enough. */
void client_log_look(struct worker *w);
/* Milliseconds until then; -1: nothing is counted. */
int client_log_timeout(const struct worker *w);
/* Writes it now: the worker leaves its slot. */
void client_log_end(struct worker *w);

#endif
