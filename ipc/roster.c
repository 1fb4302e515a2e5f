/* roster.c - see roster.h. */
#include "ipc/roster.h"

#include "ipc/fault.h"

static uint64_t entry_who(const struct roster_entry *entry) {
    return atomic_load_explicit(&entry->who, memory_order_relaxed);
}

static bool entry_valid(const struct roster_entry *entry, const struct room *room,
                        const struct client_table *clients, uint64_t upto) {
    uint64_t who = entry_who(entry);
    uint32_t client = (uint32_t)who, birth = (uint32_t)(who >> 32);
    if (who == 0 || who == ROSTER_VOID || client >= clients->len ||
        !client_is(&clients->at[client], birth))
        return false;
    uint64_t index = __atomic_load_n(&entry->index, __ATOMIC_RELAXED);
    if (index & ROSTER_CONFIRMED)
        return true;
    if (index >= upto)
        return false;
    const struct entry *said = room_entry(room, index);
    return said->client == client && said->birth == birth &&
           (said->kind == ENTRY_JOIN || said->kind == ENTRY_NICK) &&
           said->speaker == (uint32_t)entry->key;
}

bool roster_find(const struct roster *roster, const struct room *room,
                 const struct client_table *clients, uint64_t upto, uint64_t key, uint32_t *client,
                 uint32_t *birth) {
    uint32_t at = (uint32_t)(key % roster->len);
    for (uint32_t tries = 0; tries < roster->len; tries++) {
        const struct roster_entry *entry = &roster->at[at];
        uint64_t who = entry_who(entry);
        if (who == 0)
            return false;
        if (entry->key == key && entry_valid(entry, room, clients, upto)) {
            *client = (uint32_t)who;
            *birth = (uint32_t)(who >> 32);
            return true;
        }
        at = at + 1 == roster->len ? 0 : at + 1;
    }
    return false;
}

bool roster_claim(struct roster *roster, const struct room *room,
                  const struct client_table *clients, uint64_t upto, uint64_t key, uint64_t index,
                  uint32_t client, uint32_t birth) {
    uint32_t at = (uint32_t)(key % roster->len);
    for (uint32_t tries = 0; tries < roster->len; tries++) {
        struct roster_entry *entry = &roster->at[at];
        if (!entry_valid(entry, room, clients, upto)) {
            /* A used bucket is voided first: half of the old with half of the new must not look
             * like anybody's. */
            if (entry_who(entry) != 0)
                atomic_store_explicit(&entry->who, ROSTER_VOID, memory_order_release);
            FAULT("roster.claim.void");
            entry->key = key;
            __atomic_store_n(&entry->index, index, __ATOMIC_RELAXED);
            FAULT("roster.claim.before");
            atomic_store_explicit(&entry->who, (uint64_t)birth << 32 | client,
                                  memory_order_release);
            FAULT("roster.claim.after");
            return true;
        }
        at = at + 1 == roster->len ? 0 : at + 1;
    }
    return false;
}

/* The void end of a chain becomes "never used" again, from its last bucket backwards, so that
 * chains do not grow with the number of people who ever came. */
static void roster_trim(struct roster *roster, uint32_t at) {
    while (entry_who(&roster->at[at]) == ROSTER_VOID) {
        atomic_store_explicit(&roster->at[at].who, 0, memory_order_release);
        FAULT("roster.trim");
        at = at == 0 ? roster->len - 1 : at - 1;
    }
}

void roster_clear(struct roster *roster, uint64_t key, uint32_t client, uint32_t birth) {
    uint32_t at = (uint32_t)(key % roster->len);
    uint64_t who = (uint64_t)birth << 32 | client;
    for (uint32_t tries = 0; tries < roster->len; tries++) {
        struct roster_entry *entry = &roster->at[at];
        uint32_t after = at + 1 == roster->len ? 0 : at + 1;
        if (entry_who(entry) == 0)
            return;
        if (entry_who(entry) == who && entry->key == key) {
            FAULT("roster.clear.before");
            atomic_store_explicit(&entry->who, ROSTER_VOID, memory_order_release);
            FAULT("roster.clear.after");
            if (entry_who(&roster->at[after]) == 0)
                roster_trim(roster, at);
        }
        at = after;
    }
}

void roster_confirm(struct roster *roster, uint64_t key, uint32_t client, uint32_t birth,
                    uint64_t index) {
    uint32_t at = (uint32_t)(key % roster->len);
    uint64_t who = (uint64_t)birth << 32 | client;
    for (uint32_t tries = 0; tries < roster->len; tries++) {
        struct roster_entry *entry = &roster->at[at];
        if (entry_who(entry) == 0)
            return;
        if (entry_who(entry) == who && entry->key == key &&
            __atomic_load_n(&entry->index, __ATOMIC_RELAXED) == index) {
            FAULT("roster.confirm.before");
            __atomic_store_n(&entry->index, index | ROSTER_CONFIRMED, __ATOMIC_RELEASE);
            FAULT("roster.confirm.after");
            return;
        }
        at = at + 1 == roster->len ? 0 : at + 1;
    }
}
