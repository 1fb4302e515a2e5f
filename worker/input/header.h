/* header.h - the PROXY header of a client that came by a proxy (protocol/proxy.h).
 *
 * Such a client's record is live at the proxy's address from its acceptance on, and is shown and
 * sent nothing until its header is complete.  The header's bytes wait in the rx buffer like any
 * input.  When the last one is there, the limits are judged by the address that it names, the
 * address is rewritten, and one commit consumes the header and clears FACT_PROXY.  Nothing else is
 * stored, so a successor reads the same bytes and comes to the same.  Then the client is greeted as
 * one that was just accepted.
 *
 * A header that names no client leaves the proxy's address and FACT_PROXY; the limits of an address
 * do not concern such a client, and until it sends something its coming and going are logged as
 * `debug` only: it is a health check, as a rule.  A connection whose header is wrong is closed with
 * one line in the log; so is one whose header does not come (worker/timeouts.c).
 *
 * A web client's header may be absent: a proxy that speaks HTTP says in the request where it comes
 * from (http_client.h).  One that is refused has its request read and answered. */
#ifndef WORKER_INPUT_HEADER_H
#define WORKER_INPUT_HEADER_H

#include "worker/state/local.h"
#include "worker/text/sentence.h"

/* Whether the client's next bytes are to be its header: it came by a proxy, and is no browser that
 * begins with its request. */
bool header_waits(struct worker *w, const struct client *c);

/* After a look at the socket of a client whose header is due.  `open`: its end was not found.
 * True: there is more to do, and it is to be queued again.  By the client's owner only. */
bool header_input(struct worker *w, struct client *c, bool open);

/* Whether a client of the address that a proxy names is served.  HEADER_UNHEARD: it is beyond
 * connect_rate, and counted; HEADER_REFUSED: logged, with a sentence for it. */
enum header_verdict { HEADER_ADMITTED, HEADER_UNHEARD, HEADER_REFUSED };
enum header_verdict header_judge(struct worker *w, const struct client *c,
                                 const struct in6_addr *addr, uint16_t port,
                                 enum sentence *sentence);
/* It is served, and its address in effect: the connection is charged to it. */
void header_charge(struct worker *w, const struct in6_addr *addr);

#endif
