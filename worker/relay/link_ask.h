/* link_ask.h - the commands of the link: each is put into its connection's buffer and into the row
 * of questions that wait for an answer.  False: there is no room for it. */
#ifndef WORKER_RELAY_LINK_ASK_H
#define WORKER_RELAY_LINK_ASK_H

#include "worker/relay/link_state.h"

/* Each script, and what the engine does when it is full. */
void link_ask_prepare(struct link *l);

bool link_ask_claim(struct link *l);
/* As many people as there is room for, then ENTER. */
void link_ask_enter(struct link *l);
bool link_ask_beat(struct link *l, bool judge);

#endif
