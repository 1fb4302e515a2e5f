/* link_answer.h - what comes back on the two connections: events for the owner, and the link's own
 * progress.  Elements are given on as they come, so an answer of any length passes through. */
#ifndef WORKER_RELAY_LINK_ANSWER_H
#define WORKER_RELAY_LINK_ANSWER_H

#include "worker/relay/link_state.h"

/* One element of the writer's, or of the reader's.  True: *out is an event; what it refers to lies
 * in the connection's buffer.  May end the connections (link_fail). */
bool link_answer(struct link *l, const struct resp_element *el, struct link_event *out);
bool link_answer_read(struct link *l, const struct resp_element *el, struct link_event *out);

#endif
