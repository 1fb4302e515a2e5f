/* unit_name_table.c - a name has one holder, and what a dead process leaves in the table is
 * void. */
#include "ipc/name_table.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct segment seg;

static void set_up(void) {
    unit_segment(&seg, 65536);
    for (uint32_t i = 0; i < UNIT_CLIENTS; i++)
        atomic_store(&seg.clients.at[i].state_word, client_state_word(1, CLIENT_LIVE));
}
TestSuite(name_table, .init = set_up);

/* Writes ledger entry `index`: `kind`, (client, generation) and the two keys in its side data. */
static void said_two(uint64_t index, uint32_t kind, uint32_t client, uint32_t generation,
                     struct side_name keys) {
    struct entry *entry = room_entry(&seg.room, index);
    uint64_t start = index * sizeof keys;
    *entry = (struct entry){.kind = (uint8_t)kind, .client = client, .generation = generation};
    uint64_t mask = seg.room.ledger_len - 1;
    seg.room.side_end[index & mask] = start + sizeof keys;
    seg.room.side_end[(index - 1) & mask] = start;
    memcpy((void *)room_text(&seg.room, RING_SIDE, start), &keys, sizeof keys);
}

static void said(uint64_t index, uint32_t kind, uint32_t client, uint32_t generation,
                 uint64_t key) {
    said_two(index, kind, client, generation, (struct side_name){key, key ^ UINT64_MAX});
}

static bool claim(uint64_t upto, uint64_t key, uint64_t index, uint32_t client) {
    return name_table_claim(&seg.names, &seg.room, &seg.clients, upto, key, index, client, 1);
}
/* The holder, or NO_CLIENT. */
static uint32_t find(uint64_t upto, uint64_t key) {
    uint32_t client, generation;
    bool found =
        name_table_find(&seg.names, &seg.room, &seg.clients, upto, key, &client, &generation);
    return found ? client : NO_CLIENT;
}
/* A join in full: claimed, committed, confirmed. */
static void comes(uint64_t key, uint64_t index, uint32_t client) {
    cr_assert(claim(index, key, index, client));
    said(index, ENTRY_JOIN, client, 1, key);
    name_table_confirm(&seg.names, key, client, 1, index);
}

Test(name_table, a_claim_counts_once_committed) {
    cr_assert(claim(5, 1000, 5, 7));
    said(5, ENTRY_JOIN, 7, 1, 1000);
    cr_assert_eq(find(5, 1000), NO_CLIENT, "entry 5 is not committed");
    cr_assert_eq(find(6, 1000), 7);
    cr_assert_eq(find(6, 1001), NO_CLIENT);
}

/* The claiming worker died before its commit, and its index became the index of another entry. */
Test(name_table, a_dead_writers_claim_is_void) {
    cr_assert(claim(5, 1000, 5, 7));
    said(5, ENTRY_SPEECH, 7, 1, 1000);
    cr_assert_eq(find(6, 1000), NO_CLIENT, "another kind of entry");
    said(5, ENTRY_JOIN, 8, 1, 1000);
    cr_assert_eq(find(6, 1000), NO_CLIENT, "of another client");
    said(5, ENTRY_JOIN, 7, 2, 1000);
    cr_assert_eq(find(6, 1000), NO_CLIENT, "of another generation");
    said(5, ENTRY_JOIN, 7, 1, 1001);
    cr_assert_eq(find(6, 1000), NO_CLIENT, "of another name");
    said(5, ENTRY_NICK, 7, 1, 1000);
    cr_assert_eq(find(6, 1000), 7);
}

Test(name_table, a_name_is_claimed_by_either_key) {
    cr_assert(claim(5, 1000, 5, 7));
    cr_assert(claim(5, 2000, 5, 7));
    said_two(5, ENTRY_JOIN, 7, 1, (struct side_name){1000, 2000});
    cr_assert_eq(find(6, 1000), 7);
    cr_assert_eq(find(6, 2000), 7);
    said_two(5, ENTRY_JOIN, 7, 1, (struct side_name){1000, 2001});
    cr_assert_eq(find(6, 1000), 7);
    cr_assert_eq(find(6, 2000), NO_CLIENT, "all 64 bits of the other key count");
    said_two(5, ENTRY_JOIN, 7, 1, (struct side_name){1000 + (1ull << 32), 2000});
    cr_assert_eq(find(6, 1000), NO_CLIENT);
    cr_assert_eq(find(6, 2000), 7);
}

/* The second claim finds the first one in its bucket, which is not valid yet. */
Test(name_table, two_keys_of_a_name_may_share_a_bucket) {
    uint64_t other = 1000 + 3ull * seg.names.len;
    for (int again = 0; again < 2; again++) { /* the second time after a death before the commit */
        cr_assert(claim(5, 1000, 5, 7));
        cr_assert(claim(5, other, 5, 7));
    }
    said_two(5, ENTRY_JOIN, 7, 1, (struct side_name){1000, other});
    cr_assert_eq(find(6, 1000), 7);
    cr_assert_eq(find(6, other), 7);
    name_table_clear(&seg.names, 1000, 7, 1);
    name_table_clear(&seg.names, other, 7, 1);
    cr_assert_eq(find(6, 1000), NO_CLIENT);
    cr_assert_eq(find(6, other), NO_CLIENT);
}

Test(name_table, a_join_without_a_name_claims_nothing) {
    cr_assert(claim(5, 1000, 5, 7));
    said(5, ENTRY_JOIN, 7, 1, 1000);
    seg.room.side_end[4] = seg.room.side_end[5];
    cr_assert_eq(find(6, 1000), NO_CLIENT, "the keys before it are another entry's");
}

Test(name_table, a_confirmed_name_needs_no_ledger_entry) {
    comes(1000, 5, 7);
    said(5, ENTRY_SPEECH, 9, 9, 0); /* the ledger has overwritten the entry */
    cr_assert_eq(find(6, 1000), 7);
    atomic_store(&seg.clients.at[7].state_word, client_state_word(1, CLIENT_CLOSING));
    cr_assert_eq(find(6, 1000), 7, "until the record is free");
    atomic_store(&seg.clients.at[7].state_word, client_state_word(1, CLIENT_FREE));
    cr_assert_eq(find(6, 1000), NO_CLIENT);
    atomic_store(&seg.clients.at[7].state_word, client_state_word(2, CLIENT_LIVE));
    cr_assert_eq(find(6, 1000), NO_CLIENT, "the descriptor has another client");
}

Test(name_table, confirms_the_entry_of_that_index_alone) {
    cr_assert(claim(5, 1000, 5, 7));
    name_table_confirm(&seg.names, 1000, 7, 1, 6);
    cr_assert_eq(find(5, 1000), NO_CLIENT);
    name_table_confirm(&seg.names, 1000, 7, 1, 5);
    cr_assert_eq(find(5, 1000), 7);
}

Test(name_table, a_cleared_name_is_free_and_names_behind_it_are_found) {
    uint32_t len = seg.names.len;
    comes(3, 5, 10); /* three in one chain */
    comes(3 + len, 6, 11);
    comes(3 + 2ull * len, 7, 12);
    name_table_clear(&seg.names, 3 + len, 99, 1);
    cr_assert_eq(find(8, 3 + len), 11, "not its name");
    name_table_clear(&seg.names, 3 + len, 11, 1);
    cr_assert_eq(find(8, 3), 10);
    cr_assert_eq(find(8, 3 + len), NO_CLIENT);
    cr_assert_eq(find(8, 3 + 2ull * len), 12);
    comes(3 + len, 8, 13);
    cr_assert_eq(find(9, 3 + len), 13);
    name_table_clear(&seg.names, 3 + 2ull * len, 12, 1);
    name_table_clear(&seg.names, 3 + len, 13, 1);
    name_table_clear(&seg.names, 3, 10, 1);
    for (uint32_t i = 0; i < len; i++)
        cr_assert_eq(atomic_load(&seg.names.at[i].owner), 0, "chains end where they ended");
}

Test(name_table, buckets_of_clients_that_left_are_reused) {
    uint64_t index = 5;
    for (uint32_t i = 0; i < 4 * seg.names.len; i++, index++) {
        uint32_t client = i % UNIT_CLIENTS, generation = i / UNIT_CLIENTS + 1;
        atomic_store(&seg.clients.at[client].state_word,
                     client_state_word(generation, CLIENT_LIVE));
        cr_assert(name_table_claim(&seg.names, &seg.room, &seg.clients, index, 7777 + i, index,
                                   client, generation),
                  "never cleared, and %u of %u are gone", i, seg.names.len);
        name_table_confirm(&seg.names, 7777 + i, client, generation, index);
    }
}

Test(name_table, a_full_table_refuses_a_claim) {
    for (uint32_t i = 0; i < seg.names.len; i++)
        comes(500 + i, 5 + i, i % UNIT_CLIENTS);
    cr_assert_not(claim(900, 77, 900, 1));
    cr_assert_eq(find(900, 77), NO_CLIENT);
}

/* Compares the table with an array of holders. */
Test(name_table, agrees_with_a_model) {
    enum { KEYS = 60 };
    uint32_t holder[KEYS], len = seg.names.len;
    uint64_t index = 5;
    for (int i = 0; i < KEYS; i++)
        holder[i] = NO_CLIENT;
    srand(3);
    for (int step = 0; step < 20000; step++) {
        int k = rand() % KEYS;
        uint64_t key = (uint64_t)(k % 5) + (uint64_t)k * len; /* five chains */
        cr_assert_eq(find(index, key), holder[k], "step %d", step);
        if (holder[k] != NO_CLIENT) {
            name_table_clear(&seg.names, key, holder[k], 1);
            holder[k] = NO_CLIENT;
        } else if (rand() % 4 == 0) { /* a death before the commit; another entry gets the index */
            claim(index, key, index, (uint32_t)k);
            said(index++, ENTRY_SPEECH, (uint32_t)k, 1, 0);
        } else {
            comes(key, index++, (uint32_t)k);
            holder[k] = (uint32_t)k;
        }
    }
}
