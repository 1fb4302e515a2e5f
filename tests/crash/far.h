/* far.h - another machine, which a program plays: it writes into the engine what the relay of such
 * a machine would (worker/protocol/item.h), so that a victim's relay has all to do. */
#ifndef TESTS_CRASH_FAR_H
#define TESTS_CRASH_FAR_H

#include <stdbool.h>

enum { FAR_CONF = 160 };

/* Starts a redis-server, if it is installed; in the victim's network. */
void far_begin(void);
bool far_begun(void);

/* The victim's lines of configuration, with a relay or without; "" without an engine. */
const char *far_conf(bool relay, char out[FAR_CONF]);

/* In turn: it comes into reach with some people more than before; a person comes, gets another
 * name, speaks and goes; it is out of reach. */
void far_turn(void);

/* In turn: the engine is killed, and started again. */
void far_engine_turn(void);
void far_engine_back(void);

#endif
