/* unit_convert.c - a segment of another layout becomes one of this program's, or is refused. */
#include "ipc/convert.h"
#include "ipc/layout.h"
#include "ipc/predecessor.h"

#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(convert, .timeout = 60);

/* A segment whose table and layout number are to be changed by the test, so that it is that of
 * another program, and the one that is made from it. */
static struct segment old, made;
static char err[512];
static unsigned steps;

static void progress(void) {
    steps++;
}

static void begin(void) {
    unit_segment(&old, 65536);
    old.header->layout ^= 1;
}

/* In the table that the old segment carries. */
static struct layout_row *row(const char *type, const char *field) {
    struct layout table = {(void *)((uint8_t *)old.header + old.header->rows_at), old.header->rows};
    struct layout_row *found = (struct layout_row *)layout_find(&table, type, field);
    cr_assert(found, "%s.%s", type, field);
    return found;
}

static void exchange(const char *type, const char *a, const char *b) {
    char name[sizeof((struct layout_row *)0)->field];
    struct layout_row *first = row(type, a), *second = row(type, b);
    memcpy(name, first->field, sizeof name);
    memcpy(first->field, second->field, sizeof name);
    memcpy(second->field, name, sizeof name);
}

static void convert(void) {
    cr_assert_eq(segment_adopt(&made, old.fd, progress, err, sizeof err), 0, "%s", err);
    cr_assert_neq(made.fd, old.fd);
    cr_assert_eq(made.header->magic, SEGMENT_MAGIC);
    cr_assert_eq(made.header->layout, layout_number());
}

static void refused(const char *why) {
    cr_assert_eq(segment_adopt(&made, old.fd, progress, err, sizeof err), -1);
    cr_assert(strstr(err, why), "%s", err);
    cr_assert_lt(made.fd, 0);
    cr_assert(predecessor_committed(), "nothing is left of it");
}

Test(convert, a_segment_of_the_same_layout_stays_where_it_is) {
    unit_segment(&old, 65536);
    cr_assert_eq(segment_adopt(&made, old.fd, progress, err, sizeof err), 0, "%s", err);
    cr_assert_eq(made.fd, old.fd);
}

Test(convert, a_field_that_has_moved_is_found_by_its_name) {
    begin();
    exchange("slot_stats", "sends", "bytes_in");
    atomic_store(&old.slots[3].stats.sends, 7);
    atomic_store(&old.slots[3].stats.bytes_in, 8);
    convert();
    cr_assert_eq(atomic_load(&made.slots[3].stats.sends), 8);
    cr_assert_eq(atomic_load(&made.slots[3].stats.bytes_in), 7);
}

Test(convert, an_array_that_has_grown_has_initial_values_behind_the_old) {
    begin();
    row("listener", "fd")->size = 3 * sizeof(int32_t);
    for (int i = 0; i < WORKERS_MAX; i++)
        old.header->listeners[1].fd[i] = 40 + i;
    convert();
    for (int i = 0; i < WORKERS_MAX; i++)
        cr_assert_eq(made.header->listeners[1].fd[i], i < 3 ? 40 + i : -1, "%d", i);
}

Test(convert, a_number_that_has_become_wider_keeps_its_value) {
    begin();
    struct layout_row *r = row("name_entry", "key");
    r->size = r->unit = 2;
    old.names.at[5].key = 0x123456789abcdef0;
    convert();
    cr_assert_eq(made.names.at[5].key, 0xdef0);
}

Test(convert, a_new_field_has_its_initial_value) {
    begin();
    strcpy(row("master_state", "log_fd")->field, "elsewhere");
    strcpy(row("segment_header", "view_fd")->field, "elsewhere");
    old.header->master.log_fd = old.header->view_fd = 9;
    convert();
    cr_assert_eq(made.header->master.log_fd, 0);
    cr_assert_eq(made.header->view_fd, -1);
}

/* ... and a struct that moved inside it. */
Test(convert, an_array_of_structs_is_converted_one_by_one) {
    begin();
    exchange("relay_place", "life", "former");
    exchange("stream_id", "ms", "seq");
    row("relay_place", "node")->size = 2 * sizeof(struct relay_node);
    exchange("relay_node", "life", "mark");
    struct relay_place *was = &old.header->relay.place[1];
    was->life = 1;
    was->former = 2;
    was->in = (struct stream_id){3, 4};
    for (int i = 0; i < 3; i++)
        was->node[i] = (struct relay_node){.name = "n", .life = 10 + (uint64_t)i, .mark = 20};
    convert();
    const struct relay_place *is = &made.header->relay.place[1];
    cr_assert_eq(is->life, 2);
    cr_assert_eq(is->former, 1);
    cr_assert_eq(is->in.ms, 4);
    cr_assert_eq(is->in.seq, 3);
    cr_assert_eq(is->node[1].life, 20);
    cr_assert_eq(is->node[1].mark, 11);
    cr_assert_str_eq(is->node[1].name, "n");
    cr_assert_str_eq(is->node[2].name, "");
}

Test(convert, rings_ledger_records_and_buffers_are_the_same) {
    begin();
    exchange("slot_stats", "sends", "bytes_in");
    uint32_t last = 0;
    cr_assert_eq(segment_grow(&old, old.clients.len - 1), 0);
    cr_assert_eq(segment_grow_remote(&old, old.clients.rows - 1), 0);
    for (int e = 0; e < RING_COUNT; e++)
        memset(old.room.ring[e], 'a' + e, old.room.ring_size[e]);
    for (uint64_t i = 0; i < old.room.ledger_len; i++) {
        old.room.ledger[i].consumed = i;
        old.room.side_end[i] = 2 * i;
    }
    for (uint32_t i = 0; i < old.clients.rows; i++)
        old.clients.at[i].facts[1].lines_lost = i;
    for (uint32_t n = 0; (n = buffer_take(&old.tx_buffers, 77)) != NO_BUFFER;)
        memset(buffer_at(&old.tx_buffers, last = n), 'x', sizeof(struct tx_buffer));
    snprintf(old.clients.name[1][9].text, NAME_OWN_MAX, "ann");
    convert();
    for (int e = 0; e < RING_COUNT; e++)
        cr_assert_eq(memcmp(made.room.ring[e], old.room.ring[e], 2 * old.room.ring_size[e]), 0);
    cr_assert_eq(
        memcmp(made.room.ledger, old.room.ledger, sizeof(struct entry) * old.room.ledger_len), 0);
    cr_assert_eq(memcmp(made.room.side_end, old.room.side_end, 8 * old.room.ledger_len), 0);
    for (uint32_t i = 0; i < old.clients.rows; i++)
        cr_assert_eq(made.clients.at[i].facts[1].lines_lost, i);
    cr_assert(buffer_owned(&made.tx_buffers, last, 77));
    cr_assert_eq(buffer_used(&made.tx_buffers), buffer_used(&old.tx_buffers));
    cr_assert_eq(memcmp(buffer_at(&made.tx_buffers, last), buffer_at(&old.tx_buffers, last),
                        sizeof(struct tx_buffer)),
                 0);
    cr_assert_str_eq(made.clients.name[1][9].text, "ann");
    cr_assert_eq(segment_reserved(&made), segment_reserved(&old));
}

Test(convert, keys_and_owner_are_inherited_and_the_semaphore_is_not) {
    begin();
    atomic_store(&old.gate->owner, 0x1234);
    sem_wait(&old.gate->tokens);
    convert();
    cr_assert_eq(atomic_load(&made.gate->owner), 0x1234);
    cr_assert_eq(sem_trywait(&made.gate->tokens), 0);
    cr_assert_eq(memcmp(made.header->name_key, old.header->name_key, 16), 0);
    cr_assert_eq(made.room.shared->epoch, old.room.shared->epoch);
    cr_assert_eq(made.header->epoch_ms, old.header->epoch_ms);
}

/* ---- refusals ---- */

Test(convert, a_kind_with_another_number_is_refused_by_its_name) {
    begin();
    row("", "ENTRY_LEAVE")->offset++;
    refused("ENTRY_LEAVE is 3 and was 4");
}
Test(convert, a_meaning_that_has_changed_is_refused) {
    begin();
    row("", "LAYOUT_MEANING")->offset--;
    refused("LAYOUT_MEANING is 2 and was 1");
}
Test(convert, more_of_a_kind_is_no_other_kind) {
    begin();
    row("", "ENC_COUNT")->offset--;
    convert();
}
Test(convert, fewer_of_a_kind_are_refused) {
    begin();
    row("", "ENC_COUNT")->offset++;
    refused("ENC_COUNT is 12 and was 13");
}
Test(convert, an_array_that_has_shrunk_is_refused) {
    begin();
    row("segment_header", "polled_by")->size = 2 * WORKERS_MAX;
    refused("segment_header.polled_by has 64 elements and had 128");
}
Test(convert, a_value_of_another_type_is_refused) {
    begin();
    row("slot", "epoll_fd")->unit = 4;
    refused("slot.epoll_fd is of another type");
    row("slot", "epoll_fd")->unit = 4 | LAYOUT_SIGNED;
    row("client", "facts")->unit = row("tally", "")->unit;
    row("client", "facts")->size = row("tally", "")->size / 2 * 2;
    refused("is");
}
Test(convert, what_lies_in_a_ring_cannot_change) {
    begin();
    exchange("side_move", "from", "to");
    refused("side_move.from has changed, and lies in a ring");
}

/* ---- nonsense ---- */

static void nonsense(const char *type, const char *field, uint32_t offset, uint32_t size,
                     uint32_t unit) {
    struct layout_row *r = row(type, field), before = *r;
    r->offset = offset;
    r->size = size;
    r->unit = unit;
    refused("of its table is nonsense");
    *r = before;
}

Test(convert, a_row_that_is_nonsense_is_refused) {
    begin();
    uint32_t name = row("client_name", "")->unit;
    nonsense("slot", "pid", 1u << 31, 4, 4);
    nonsense("slot", "pid", sizeof(struct slot) - 2, 4, 4);
    nonsense("slot", "pid", UINT32_MAX - 1, 4, 4);
    nonsense("slot", "pid", 0, UINT32_MAX, 1);
    nonsense("slot", "pid", 0, 4, 0);
    nonsense("slot", "pid", 0, 4, 3);
    nonsense("slot", "pid", 0, 4, LAYOUT_STRUCT + 9999);
    nonsense("slot", "pid", 0, 4, name);
    nonsense("slot", "", 0, 64, row("slot", "")->unit);
    nonsense("slot", "", 1, 0, row("slot", "")->unit);
    nonsense("slot", "", 1, UINT32_MAX, row("slot", "")->unit);
    nonsense("slot", "", UINT32_MAX, 1, row("slot", "")->unit);
    memset(row("slot", "pid")->field, 'x', sizeof((struct layout_row *)0)->field);
    refused("of its table is nonsense");
}

Test(convert, a_table_that_is_not_there_is_refused) {
    begin();
    uint32_t rows = old.header->rows;
    old.header->rows = 0;
    refused("it carries no table of it");
    old.header->rows = LAYOUT_ROWS_MAX + 1;
    refused("it carries no table of it");
    old.header->rows = rows;
    old.header->rows_at = UINT32_MAX - 3;
    refused("it carries no table of it");
}

/* A geometry that does not fit to the object, or to any. */
Test(convert, a_geometry_that_is_nonsense_is_refused) {
    begin();
    old.header->geometry.clients_len *= 2;
    refused("bytes where its geometry wants");
    old.header->geometry.ring_size = 3;
    refused("its geometry is nonsense");
    strcpy(row("segment_header", "geometry")->field, "g");
    refused("its geometry is nonsense");
}

/* Whatever single byte of the table is another one: converted or refused, in a process that does
 * not die of it. */
Test(convert, any_byte_of_the_table_may_be_wrong, .timeout = 180) {
    begin();
    uint8_t *table = (uint8_t *)old.header + old.header->rows_at;
    size_t size = old.header->rows * sizeof(struct layout_row);
    for (size_t at = 0; at < size; at += 13) {
        table[at] ^= 0x40;
        if (segment_rehearse(&made, old.fd, err, sizeof err) == 0)
            segment_close(&made);
        table[at] ^= 0x40;
    }
}

/* ---- the two words ---- */

Test(convert, a_rehearsal_writes_nothing_to_the_old_segment) {
    begin();
    old.header->standby = STANDBY_WATCHES;
    cr_assert_eq(segment_rehearse(&made, old.fd, err, sizeof err), 0, "%s", err);
    predecessor_beat();
    cr_assert(predecessor_commit());
    cr_assert_eq(old.header->standby, STANDBY_WATCHES);
    cr_assert_eq(old.header->upgrade_beat, 0);
}

/* HOLES 9: the standby process sees progress, and one word decides. */
Test(convert, the_standby_process_sees_beats_and_the_commit) {
    begin();
    old.header->standby = STANDBY_WATCHES;
    convert();
    uint64_t beats = old.header->upgrade_beat;
    cr_assert_gt(beats, 0);
    cr_assert_not(predecessor_committed());
    cr_assert(predecessor_commit());
    cr_assert(predecessor_commit(), "a second worker is wanted, too");
    cr_assert(predecessor_committed());
    cr_assert_eq(old.header->standby, STANDBY_NONE);
    cr_assert_eq(old.header->unserved, UNSERVED_SUPERSEDED);
    cr_assert_eq(made.header->unserved, 0);
    cr_assert_gt(steps, 0);
}

Test(convert, a_standby_process_that_took_over_is_left_alone) {
    begin();
    old.header->standby = STANDBY_ACTS;
    convert();
    cr_assert_not(predecessor_commit());
    cr_assert_not(predecessor_committed());
    cr_assert_not(predecessor_return());
    cr_assert_eq(old.header->standby, STANDBY_ACTS);
}

Test(convert, a_worker_is_not_wanted_when_the_old_program_is_executed_again) {
    begin();
    old.header->standby = STANDBY_WATCHES;
    convert();
    cr_assert(predecessor_return());
    cr_assert_not(predecessor_commit());
    cr_assert_eq(old.header->standby, STANDBY_RETURNS);
    cr_assert_eq(old.header->unserved, 0);
}
