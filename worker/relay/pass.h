/* pass.h - what people of this machine do is passed on: ledger entries of its own become items of
 * the stream, in order, each acknowledged by the engine.
 *
 *     pass_begin(p);                      once the place is read
 *     pass_hello, pass_answer, pass_lost  at the link's events
 *     busy = pass_work(p);                each turn, after the link's events
 *
 * What is passed on.  Entries of workers: speech, comings and goings, announced or not, new names,
 * kicks, announcements; private lines to people elsewhere; and notes to them, the relay's own.  An
 * item's number is its entry's index.
 *
 * Exactly once.  The engine takes an item only behind the one before (`prev`), and keeps the number
 * of the last, its mark.  So nothing of what is sent need be known after a death: the next HELLO is
 * answered with the mark, and passing goes on behind it, with what the ledger still has.  Up to
 * LINK_WINDOW items are on their way.  One that is refused (LINK_GAP) makes the engine refuse all
 * behind it: once every answer is in, passing goes on behind the mark.  An engine that went back
 * (a replica, a backup) tells an older mark, and is sent again what it lacks; one that lost its
 * mark is given one by HELLO, and is sent all that the ledger has.  Machines that know those items
 * drop them.
 *
 * Nothing waits for the relay: the ledger is read without a guard, as by the transcript (gather.h).
 * What is overwritten first is skipped: the next item says that an entry is before it which no
 * receiver has, and its `lines` tell how many lines each has missed.
 *
 * An item that changes who is here waits until its client's worker has applied it.  So the records,
 * from which HELLO's list of people is made (own.h), are never behind the mark.  Where such an item
 * is skipped that is not in the list, the link begins anew, with another list. */
#ifndef WORKER_RELAY_PASS_H
#define WORKER_RELAY_PASS_H

#include "ipc/room.h"
#include "worker/relay/state.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether the entry counts in `lines`: speech of this machine's people, not of its history. */
static inline bool pass_is_line(const struct entry *entry) {
    return entry->kind == ENTRY_SPEECH && entry->slot != RELAY_SLOT && entry->client != NO_CLIENT;
}

/* Once the place is read, before the ledger is applied.  The first process of a segment chooses
 * place.from: everything from place.index on will be passed on, and nothing before it, ever. */
void pass_begin(struct relay_process *p);

void pass_hello(struct relay_process *p, const struct link_event *ev);  /* LINK_HELLO */
void pass_answer(struct relay_process *p, const struct link_event *ev); /* LINK_PASSED */
void pass_lost(struct relay_process *p);                                /* LINK_LOST */

/* Passes on what there is, as far as the window allows.  True: there is more, or may be soon: the
 * caller looks again after PASS_LOOK_US, and does not say that it sleeps (slot.h), so that workers
 * ring no bell for each line. */
enum { PASS_LOOK_US = 500 };
bool pass_work(struct relay_process *p);

/* Whether everything up to ledger entry `end` is passed on and acknowledged. */
bool pass_done(const struct relay_process *p, uint64_t end);

/* The first entry that can be passed on now, and own lines in the entries below it. */
uint64_t pass_oldest(const struct relay_process *p, uint32_t *lines);

#endif
