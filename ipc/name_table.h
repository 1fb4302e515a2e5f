/* name_table.h - which client has which name: an open-addressing hash table from name key to
 * client. It makes names unique over all workers.
 *
 * A name is known here only by two keys, 64-bit keyed hashes: of its folded form, by which it is
 * found, and of its look (worker/text/name.h); the name itself is in the client's record.  A named
 * client has one entry for each of its two keys; one of another machine, whose name (NAME@NODE) no
 * name of this machine can look like, has only the first.  All changes but name_table_confirm
 * happen under the gate, so the table has one writer at a time.  Each change is ordered so that a
 * death in its middle leaves an entry that is void.
 *
 * An entry is claimed before the ledger entry that makes it true is committed.  It is valid only if
 * that ledger entry is committed *and* names the same client, generation, kind and key (its side
 * data, room.h): the ledger index of a dead writer may be used for another entry.  Before the
 * ledger overwrites that index, the entry is confirmed (when the join or nick is applied); from
 * then on it is valid by itself. An entry whose client is gone is void too, so a missed clearing
 * costs a bucket until it is reused.
 */
#ifndef IPC_NAME_TABLE_H
#define IPC_NAME_TABLE_H

#include "ipc/client.h"
#include "ipc/room.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct name_entry {
    uint64_t key;
    uint64_t index; /* ledger index | NAME_TABLE_CONFIRMED */
    _Atomic uint64_t
        owner; /* generation << 32 | client; 0: never used; NAME_TABLE_VOID: given back */
};
#define NAME_TABLE_CONFIRMED (1ull << 63)
#define NAME_TABLE_VOID UINT64_MAX

struct name_table {
    struct name_entry *at;
    uint32_t len;
};

/* Under the gate.  Ledger entries below `upto` count as committed: the batch under way is included.
 */

/* Whether the key is taken; then *client and *generation name its owner. */
bool name_table_find(const struct name_table *names, const struct room *room,
                     const struct client_table *clients, uint64_t upto, uint64_t key,
                     uint32_t *client, uint32_t *generation);
/* For ledger entry `index`, about to be written.  The caller has found that no other client has the
 * key.  False if the table is full. */
bool name_table_claim(struct name_table *names, const struct room *room,
                      const struct client_table *clients, uint64_t upto, uint64_t key,
                      uint64_t index, uint32_t client, uint32_t generation);
/* Frees the key, if that client has it. */
void name_table_clear(struct name_table *names, uint64_t key, uint32_t client, uint32_t generation);

/* By the worker that applies ledger entry `index`.  Needs no gate: it changes only the entry of
 * that worker's own client, which no other process changes while the client lives. */
void name_table_confirm(struct name_table *names, uint64_t key, uint32_t client,
                        uint32_t generation, uint64_t index);

#endif
