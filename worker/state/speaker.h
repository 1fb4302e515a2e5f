/* speaker.h - the 32 bits by which a ledger entry names its speaker, and /ignore finds it: the low
 * half of the speaker's name key, or a hash of address and port in the open room. */
#ifndef WORKER_STATE_SPEAKER_H
#define WORKER_STATE_SPEAKER_H

#include "worker/state/local.h"

/* A name's key under the segment's secret: name_key (text/name.h). */
uint64_t speaker_key(const struct worker *w, const char *name);
/* The key of its look, likewise: name_look_key. */
uint64_t speaker_look(const struct worker *w, const char *name);

/* Of a member.  Computed once for a name, not once a line. */
uint32_t speaker_of(struct worker *w, const struct client *c);
/* The member's name has changed. */
void speaker_forget(struct worker *w, const struct client *c);

/* Of a client without a name. */
uint32_t speaker_of_address(const struct in6_addr *addr, uint16_t port);

#endif
