/* unit_ignore.c - lists of ignored speakers: their rows, their limits, and changes that fail. */
#include "tests/unit_worker.h"
#include "worker/output/ignore.h"
#include "worker/state/pause.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;
static struct client *ann;
static int ann_peer;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    ann = unit_named(&worker, "ann", &ann_peer);
}
TestSuite(ignore, .init = set_up);

static enum sentence add(uint32_t mark, uint32_t client, uint32_t generation) {
    struct change ch;
    struct ignored whom = {mark, client, generation};
    change_begin(&ch, &worker, ann);
    enum sentence said = ignore_add(&ch, &whom);
    cr_assert(change_commit(&ch));
    return said;
}

static bool drop(uint32_t mark) {
    struct change ch;
    change_begin(&ch, &worker, ann);
    bool found = ignore_drop(&ch, mark);
    cr_assert(change_commit(&ch));
    return found;
}

static bool has(uint32_t mark) {
    return ignore_has(&worker, ann, client_facts(ann), mark);
}

/* Whether an entry of this kind is hidden; the list may learn a new name from it. */
static bool hides(enum entry_kind kind, uint32_t mark, uint32_t client, uint32_t generation) {
    struct entry entry = {
        .kind = (uint8_t)kind, .speaker = mark, .client = client, .generation = generation};
    struct tx_buffer *list = ignore_list(&worker, ann, client_facts(ann));
    return list && ignore_hides(list, &entry);
}

static struct tx_buffer *list(void) {
    cr_assert_neq(client_facts(ann)->ignore_buffer, NO_BUFFER);
    return buffer_at(&seg.tx_buffers, client_facts(ann)->ignore_buffer);
}

static struct ignored *rows(void) {
    return (struct ignored *)(void *)list()->data;
}

/* ---- rows ---- */

Test(ignore, a_mark_is_ignored_from_add_to_drop) {
    cr_assert_not(has(11));
    cr_assert_not(drop(11));
    cr_assert_eq(add(11, 3, 1), SAY_IGNORING);
    cr_assert_eq(add(12, 4, 1), SAY_IGNORING);
    cr_assert(has(11) && has(12));
    cr_assert_not(has(13));
    cr_assert(client_facts(ann)->flags & FACT_IGNORES);
    cr_assert(drop(11));
    cr_assert_not(has(11));
    cr_assert(has(12));
    cr_assert_not(drop(11), "it is dropped already");
}

Test(ignore, the_last_row_gives_the_buffer_back) {
    add(11, 3, 1);
    add(12, 4, 1);
    cr_assert_eq(unit_buffers(&worker, ann), 1, "a change gives its former buffer back");
    drop(11);
    drop(12);
    cr_assert_eq(unit_buffers(&worker, ann), 0);
    cr_assert_eq(client_facts(ann)->ignore_buffer, NO_BUFFER);
    cr_assert_not(client_facts(ann)->flags & FACT_IGNORES);
}

Test(ignore, a_mark_has_one_row_however_often_it_is_added) {
    for (int i = 0; i < 3; i++)
        cr_assert_eq(add(11, 3, 1), SAY_IGNORING);
    cr_assert_eq(list()->used, 1);
    add(11, 5, 2);
    cr_assert_eq(list()->used, 1);
    cr_assert_eq(rows()[0].client, 5, "it is known by its present connection");
    cr_assert_eq(rows()[0].generation, 2);
}

Test(ignore, speech_alone_is_hidden) {
    add(11, 3, 1);
    cr_assert(hides(ENTRY_SPEECH, 11, 3, 1));
    cr_assert_not(hides(ENTRY_SPEECH, 12, 4, 1));
    cr_assert_not(hides(ENTRY_JOIN, 11, 3, 1));
    cr_assert_not(hides(ENTRY_LEAVE, 11, 3, 1));
    cr_assert_not(hides(ENTRY_SYSTEM, 11, 3, 1));
}

/* ---- other names, other connections ---- */

Test(ignore, a_renamed_client_has_two_rows_its_first_mark_and_its_present_one) {
    add(11, 3, 1);
    add(99, 9, 1);
    for (uint32_t mark = 12; mark < 20; mark++) {
        cr_assert_not(hides(ENTRY_NICK, mark, 3, 1), "the change of the name is shown");
        cr_assert(hides(ENTRY_SPEECH, mark, 3, 1), "mark %u", mark);
        cr_assert(has(11), "the mark that was asked for stays");
        cr_assert_eq(list()->used, 3, "mark %u: %u rows", mark, list()->used);
        cr_assert_not(has(mark - 1) && mark > 12, "another client may have that name now");
    }
    cr_assert(has(99));
}

Test(ignore, the_same_entries_twice_change_nothing) {
    add(11, 3, 1);
    hides(ENTRY_NICK, 11, 3, 1); /* the same name, written otherwise */
    cr_assert_eq(list()->used, 1);
    for (int i = 0; i < 3; i++)
        hides(ENTRY_NICK, 12, 3, 1);
    cr_assert_eq(list()->used, 2);
    hides(ENTRY_NICK, 11, 3, 1);
    cr_assert_eq(list()->used, 2);
    cr_assert(has(11));
}

Test(ignore, a_drop_by_either_mark_drops_both_rows) {
    for (uint32_t mark = 11; mark <= 12; mark++) {
        add(11, 3, 1);
        add(99, 9, 1);
        hides(ENTRY_NICK, 12, 3, 1);
        cr_assert(has(11) && has(12));
        cr_assert(drop(mark));
        cr_assert_not(has(11) || has(12), "dropped by %u", mark);
        cr_assert(has(99), "and no other client's");
    }
}

Test(ignore, another_clients_new_name_is_not_learnt) {
    add(11, 3, 1);
    cr_assert_not(hides(ENTRY_NICK, 12, 4, 1));
    cr_assert_not(hides(ENTRY_NICK, 13, 3, 2));
    cr_assert_eq(list()->used, 1);
}

/* The name is ignored for any connection that takes it; its next change of name is followed. */
Test(ignore, an_ignored_name_that_comes_back_is_followed_from_there) {
    add(11, 3, 1);
    cr_assert_not(hides(ENTRY_JOIN, 11, 7, 5));
    cr_assert_eq(rows()[0].client, 7);
    cr_assert_eq(rows()[0].generation, 5);
    hides(ENTRY_NICK, 12, 7, 5);
    cr_assert(hides(ENTRY_SPEECH, 12, 7, 5));
}

Test(ignore, a_private_line_of_an_ignored_speaker_is_not_shown) {
    int peer;
    struct client *bob = unit_named(&worker, "bob", &peer);
    uint64_t tag = client_tag(&worker, bob);
    add(speaker_of(&worker, bob), (uint32_t)tag, (uint32_t)(tag >> 32));
    unit_type(&worker, bob, peer, "/msg ann hello\n");
    unit_turn(&worker);
    unit_hears(ann_peer, "");
    unit_hears(peer, "[to ann] hello\r\n");
    cr_assert_eq(client_facts(ann)->reply_generation, 0);
}

/* ---- bounds ---- */

static void fill(void) {
    for (uint32_t i = 0; i < IGNORE_MAX; i++)
        cr_assert_eq(add(1000 + i, i, 1), SAY_IGNORING);
}

Test(ignore, a_full_list_takes_no_other_mark) {
    fill();
    cr_assert_eq(add(5000, 5, 5), SAY_IGNORES_FULL);
    cr_assert_eq(list()->used, IGNORE_MAX);
    cr_assert_not(has(5000));
    cr_assert_eq(add(1007, 7, 1), SAY_IGNORING, "what it has, it keeps");
    cr_assert(drop(1000));
    cr_assert_eq(add(5000, 5, 5), SAY_IGNORING);
}

Test(ignore, in_a_full_list_a_new_name_takes_its_clients_own_row) {
    fill();
    hides(ENTRY_NICK, 5000, 7, 1);
    cr_assert_eq(list()->used, IGNORE_MAX);
    cr_assert(has(5000));
    cr_assert_not(has(1007));
    cr_assert(has(1006) && has(1008));
}

/* Rows after the last one are in the buffer, but not in the list. */
Test(ignore, of_a_damaged_buffer_no_more_than_a_full_list_is_read) {
    fill();
    struct ignored beyond = {5000, 500, 1};
    memcpy(&rows()[IGNORE_MAX], &beyond, sizeof beyond);
    list()->used = IGNORE_MAX + 1;
    cr_assert_not(has(5000));
    list()->used = UINT32_MAX;
    cr_assert_not(has(5000));
    cr_assert_not(hides(ENTRY_SPEECH, 5000, 500, 1));
    hides(ENTRY_NICK, 5001, 500, 1);
    cr_assert_not(has(5001));
    cr_assert_eq(list()->used, UINT32_MAX, "nothing is appended");
    cr_assert_eq(add(6000, 6, 1), SAY_IGNORES_FULL);
    cr_assert(drop(1000));
    cr_assert_eq(list()->used, IGNORE_MAX - 1, "the copy is sound");
}

Test(ignore, a_buffer_that_is_not_its_own_is_no_list) {
    add(11, 3, 1);
    uint32_t own = client_facts(ann)->ignore_buffer;
    buffer_give(&seg.tx_buffers, own, client_tag(&worker, ann));
    cr_assert_not(has(11));
    cr_assert_not(hides(ENTRY_SPEECH, 11, 3, 1));
}

/* ---- no free buffer ---- */

/* The list's buffer and rows before a change that fails. */
struct before {
    uint32_t buffer;
    struct tx_buffer list;
};

static struct before remember(void) {
    struct before b = {client_facts(ann)->ignore_buffer, {0}};
    memcpy(&b.list, list(), sizeof b.list);
    return b;
}

static void assert_unchanged(const struct before *b) {
    cr_assert_eq(client_facts(ann)->ignore_buffer, b->buffer);
    cr_assert_eq(memcmp(list(), &b->list, sizeof b->list), 0);
    cr_assert_eq(unit_buffers(&worker, ann), 1);
}

Test(ignore, a_change_that_finds_no_buffer_leaves_the_list_as_it_was) {
    struct change ch;
    struct ignored whom = {12, 4, 1};
    add(11, 3, 1);
    struct before b = remember();
    unit_take_buffers(&worker);
    change_begin(&ch, &worker, ann);
    ignore_add(&ch, &whom);
    cr_assert_not(change_commit(&ch));
    assert_unchanged(&b);
    change_begin(&ch, &worker, ann);
    cr_assert(ignore_drop(&ch, 11), "it is in the list");
    cr_assert_not(change_commit(&ch));
    assert_unchanged(&b);
    cr_assert(has(11));
    cr_assert(pause_has(&worker, client_index(&worker, ann), PAUSE_BUFFERS));
}

/* What the loop does once buffers are free and the pause is over. */
static void buffers_come_back(void) {
    unit_give_buffers(&worker);
    worker.now += PAUSE_LOOK_MS;
    input_resume(&worker);
    input_read(&worker, worker.ready.count, segment_now(worker.seg) + 60000);
    unit_turn(&worker);
}

Test(ignore, commands_that_find_no_buffer_are_answered_once_there_is_one) {
    int peer;
    struct client *bob = unit_named(&worker, "bob", &peer);
    uint32_t mark = speaker_of(&worker, bob);
    unit_take_buffers(&worker);
    unit_type(&worker, ann, ann_peer, "/ignore bob\n");
    unit_turn(&worker);
    unit_hears(ann_peer, "");
    cr_assert_eq(client_facts(ann)->consumed, 0, "the line waits");
    cr_assert_not(has(mark));
    buffers_come_back();
    unit_hears(ann_peer, "You no longer see what bob says.\r\n");
    cr_assert(has(mark));
    unit_take_buffers(&worker);
    unit_type(&worker, ann, ann_peer, "/unignore bob\n");
    unit_turn(&worker);
    unit_hears(ann_peer, "");
    cr_assert(has(mark));
    buffers_come_back();
    unit_hears(ann_peer, "You see what bob says again.\r\n");
    cr_assert_not(has(mark));
}

static void take_low_buffers(void) {
    while (buffer_take_low(&seg.tx_buffers, buffer_tag(NO_CLIENT, 1)) != NO_BUFFER)
        ;
}

Test(ignore, a_first_list_takes_a_buffer_of_the_first_half_only) {
    take_low_buffers();
    cr_assert_eq(add(11, 3, 1), SAY_IGNORES_TOO_MANY);
    cr_assert_eq(client_facts(ann)->ignore_buffer, NO_BUFFER);
    unit_give_buffers(&worker);
    cr_assert_eq(add(11, 3, 1), SAY_IGNORING);
    cr_assert_leq(client_facts(ann)->ignore_buffer, seg.tx_buffers.count / 2);
}

Test(ignore, a_list_can_change_while_the_first_half_is_taken) {
    add(11, 3, 1);
    take_low_buffers();
    cr_assert_eq(add(12, 4, 1), SAY_IGNORING);
    cr_assert(drop(11));
    cr_assert(has(12));
}
