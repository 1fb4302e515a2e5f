/* name_table.c - see name_table.h. */
#include "ipc/name_table.h"

#include "ipc/fault.h"

#include <string.h>

static uint64_t name_entry_owner(const struct name_entry *entry) {
    return atomic_load_explicit(&entry->owner, memory_order_relaxed);
}

/* Whether the join or nick in the ledger claims the key.  Of an index whose entry or text is
 * overwritten by now it may read anything, but nothing outside the ring. */
static bool name_entry_said(const struct name_entry *entry, const struct room *room,
                            uint64_t index) {
    const struct entry *said = room_entry(room, index);
    struct side_name side;
    uint32_t len;
    const uint8_t *text = room_side(room, index, &len);
    if ((said->kind != ENTRY_JOIN && said->kind != ENTRY_NICK) || len < sizeof side ||
        len > room->ring_size[RING_SIDE])
        return false;
    memcpy(&side, text + len - sizeof side, sizeof side);
    return entry->key == side.key || entry->key == side.look;
}

static bool name_entry_valid(const struct name_entry *entry, const struct room *room,
                             const struct client_table *clients, uint64_t upto) {
    uint64_t owner = name_entry_owner(entry);
    uint32_t client = (uint32_t)owner, generation = (uint32_t)(owner >> 32);
    if (owner == 0 || owner == NAME_TABLE_VOID || client >= clients->rows ||
        !client_is(&clients->at[client], generation))
        return false;
    uint64_t index = __atomic_load_n(&entry->index, __ATOMIC_RELAXED);
    if (index & NAME_TABLE_CONFIRMED)
        return true;
    if (index >= upto)
        return false;
    const struct entry *said = room_entry(room, index);
    return said->client == client && said->generation == generation &&
           name_entry_said(entry, room, index);
}

bool name_table_find(const struct name_table *names, const struct room *room,
                     const struct client_table *clients, uint64_t upto, uint64_t key,
                     uint32_t *client, uint32_t *generation) {
    uint32_t at = (uint32_t)(key % names->len);
    for (uint32_t tries = 0; tries < names->len; tries++) {
        const struct name_entry *entry = &names->at[at];
        uint64_t owner = name_entry_owner(entry);
        if (owner == 0)
            return false;
        if (entry->key == key && name_entry_valid(entry, room, clients, upto)) {
            *client = (uint32_t)owner;
            *generation = (uint32_t)(owner >> 32);
            return true;
        }
        at = at + 1 == names->len ? 0 : at + 1;
    }
    return false;
}

bool name_table_claim(struct name_table *names, const struct room *room,
                      const struct client_table *clients, uint64_t upto, uint64_t key,
                      uint64_t index, uint32_t client, uint32_t generation) {
    uint32_t at = (uint32_t)(key % names->len);
    uint64_t owner = (uint64_t)generation << 32 | client;
    for (uint32_t tries = 0; tries < names->len; tries++) {
        struct name_entry *entry = &names->at[at];
        /* The same name's other key, not valid before the ledger entry is written, is kept. */
        bool other = name_entry_owner(entry) == owner && entry->index == index && entry->key != key;
        if (!other && !name_entry_valid(entry, room, clients, upto)) {
            /* A used bucket is voided first: half of the old entry with half of the new one must
             * not look valid. */
            if (name_entry_owner(entry) != 0)
                atomic_store_explicit(&entry->owner, NAME_TABLE_VOID, memory_order_release);
            FAULT("name_table.claim.void");
            entry->key = key;
            __atomic_store_n(&entry->index, index, __ATOMIC_RELAXED);
            FAULT("name_table.claim.before");
            atomic_store_explicit(&entry->owner, owner, memory_order_release);
            FAULT("name_table.claim.after");
            return true;
        }
        at = at + 1 == names->len ? 0 : at + 1;
    }
    return false;
}

/* The void end of a probe chain becomes "never used" again, from its last bucket backwards, so that
 * chains do not grow with the number of names ever claimed. */
static void name_table_trim(struct name_table *names, uint32_t at) {
    while (name_entry_owner(&names->at[at]) == NAME_TABLE_VOID) {
        atomic_store_explicit(&names->at[at].owner, 0, memory_order_release);
        FAULT("name_table.trim");
        at = at == 0 ? names->len - 1 : at - 1;
    }
}

void name_table_clear(struct name_table *names, uint64_t key, uint32_t client,
                      uint32_t generation) {
    uint32_t at = (uint32_t)(key % names->len);
    uint64_t owner = (uint64_t)generation << 32 | client;
    for (uint32_t tries = 0; tries < names->len; tries++) {
        struct name_entry *entry = &names->at[at];
        uint32_t after = at + 1 == names->len ? 0 : at + 1;
        if (name_entry_owner(entry) == 0)
            return;
        if (name_entry_owner(entry) == owner && entry->key == key) {
            FAULT("name_table.clear.before");
            atomic_store_explicit(&entry->owner, NAME_TABLE_VOID, memory_order_release);
            FAULT("name_table.clear.after");
            if (name_entry_owner(&names->at[after]) == 0)
                name_table_trim(names, at);
        }
        at = after;
    }
}

void name_table_confirm(struct name_table *names, uint64_t key, uint32_t client,
                        uint32_t generation, uint64_t index) {
    uint32_t at = (uint32_t)(key % names->len);
    uint64_t owner = (uint64_t)generation << 32 | client;
    for (uint32_t tries = 0; tries < names->len; tries++) {
        struct name_entry *entry = &names->at[at];
        if (name_entry_owner(entry) == 0)
            return;
        if (name_entry_owner(entry) == owner && entry->key == key &&
            __atomic_load_n(&entry->index, __ATOMIC_RELAXED) == index) {
            FAULT("name_table.confirm.before");
            __atomic_store_n(&entry->index, index | NAME_TABLE_CONFIRMED, __ATOMIC_RELEASE);
            FAULT("name_table.confirm.after");
            return;
        }
        at = at + 1 == names->len ? 0 : at + 1;
    }
}
