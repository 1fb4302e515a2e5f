/* roster.h - who has which name: an open-addressing hash table from name key to client.
 *
 * Names are known here only by a 64-bit keyed hash of their folded form (worker/name.h); the name
 * itself is in the client's record.  All changes happen under the gate, so there is one writer;
 * each is ordered so that a death in its middle leaves an entry that is plainly void.
 *
 * An entry is claimed before the ledger entry that makes it true is committed, and is valid only if
 * that ledger entry is committed *and* tells of the same client, birth, kind and key (a dead
 * writer's ledger index may be used by another's entry).  Before the ledger passes, the entry is
 * confirmed (by applying the join or nick), after which it stands by itself.  An entry whose client
 * is gone is void as well, so a missed clearing costs nothing but a bucket until it is reused. */
#ifndef IPC_ROSTER_H
#define IPC_ROSTER_H

#include "ipc/client.h"
#include "ipc/room.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct roster_entry {
    uint64_t key;
    uint64_t index;       /* ledger index | ROSTER_CONFIRMED */
    _Atomic uint64_t who; /* birth << 32 | client; 0: never used; ROSTER_VOID: given back */
};
#define ROSTER_CONFIRMED (1ull << 63)
#define ROSTER_VOID UINT64_MAX

struct roster {
    struct roster_entry *at;
    uint32_t len;
};

/* All under the gate.  `upto`: ledger entries below it count as committed (the batch under way). */
bool roster_find(const struct roster *roster, const struct room *room,
                 const struct client_table *clients, uint64_t upto, uint64_t key, uint32_t *client,
                 uint32_t *birth);
/* False if the table is full.  The caller has found that nobody else has the key. */
bool roster_claim(struct roster *roster, const struct room *room,
                  const struct client_table *clients, uint64_t upto, uint64_t key, uint64_t index,
                  uint32_t client, uint32_t birth);
void roster_clear(struct roster *roster, uint64_t key, uint32_t client, uint32_t birth);

/* By the worker that applies ledger entry `index`; needs no gate: it touches only that client's own
 * entry, which nobody else changes while the client lives. */
void roster_confirm(struct roster *roster, uint64_t key, uint32_t client, uint32_t birth,
                    uint64_t index);

#endif
