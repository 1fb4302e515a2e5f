/* names.h - who has which name: an open-addressing hash table from name key to client.
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

struct name_entry {
    uint64_t key;
    uint64_t index;       /* ledger index | NAME_TABLE_CONFIRMED */
    _Atomic uint64_t who; /* birth << 32 | client; 0: never used; NAME_TABLE_VOID: given back */
};
#define NAME_TABLE_CONFIRMED (1ull << 63)
#define NAME_TABLE_VOID UINT64_MAX

struct name_table {
    struct name_entry *at;
    uint32_t len;
};

/* All under the gate.  `upto`: ledger entries below it count as committed (the batch under way). */
bool name_table_find(const struct name_table *names, const struct room *room,
                     const struct client_table *clients, uint64_t upto, uint64_t key,
                     uint32_t *client, uint32_t *generation);
/* False if the table is full.  The caller has found that nobody else has the key. */
bool name_table_claim(struct name_table *names, const struct room *room,
                      const struct client_table *clients, uint64_t upto, uint64_t key,
                      uint64_t index, uint32_t client, uint32_t generation);
void name_table_clear(struct name_table *names, uint64_t key, uint32_t client, uint32_t generation);

/* By the worker that applies ledger entry `index`; needs no gate: it touches only that client's own
 * entry, which nobody else changes while the client lives. */
void name_table_confirm(struct name_table *names, uint64_t key, uint32_t client,
                        uint32_t generation, uint64_t index);

#endif
