/* world.h - who is elsewhere, as the engine knows it: a list of the machines in reach and their
 * people, as of one moment of the stream.
 *
 * It is asked for when the link comes up, when a machine comes into reach, and when items of one
 * are missing; never while the stream is being read, so that no item behind that moment is dealt
 * with before it.  The rows of each machine are made equal to it, without a word: comings and
 * goings are told by items.  Then it is said which machines are back. */
#ifndef WORKER_RELAY_WORLD_H
#define WORKER_RELAY_WORLD_H

#include "worker/relay/state.h"

#include <stdbool.h>
#include <stdint.h>

/* LINK_NODE, LINK_PERSON, LINK_WORLD.  False: the ring is full; again later, with the same. */
bool world_event(struct relay_process *p, const struct link_event *ev);

/* Whether it is to be asked for now.  A list takes at most one part in WORLD_SHARE of the time: a
 * machine with many people and many gaps does not keep the stream from being read. */
enum { WORLD_SHARE = 10 };
bool world_wanted(const struct relay_process *p, uint64_t now_us);
void world_begin(struct relay_process *p, uint64_t now_us);

/* A machine that the engine has forgotten is out of reach only once it has had the time to come
 * back: its list is asked for again then.  Ms from `now` on; -1: it is not. */
int world_timeout(const struct relay_process *p, uint64_t now);
void world_look(struct relay_process *p, uint64_t now);

#endif
