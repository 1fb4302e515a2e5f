/* unit_ignore.c - lists of ignored people: their rows, their limits, and changes that fail. */
#include "tests/unit_worker.h"
#include "worker/ledger/adopt.h"
#include "worker/ledger/closing.h"
#include "worker/output/ignore.h"
#include "worker/record/leave.h"
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

static uint64_t person(uint32_t client, uint32_t generation) {
    return buffer_tag(client, generation);
}

static bool add(uint64_t whom) {
    struct change ch;
    change_begin(&ch, &worker, ann);
    bool added = ignore_add(&ch, whom);
    cr_assert(change_commit(&ch));
    return added;
}

static void drop(uint64_t whom) {
    struct change ch;
    change_begin(&ch, &worker, ann);
    ignore_drop(&ch, whom);
    cr_assert(change_commit(&ch));
}

static bool has(uint64_t whom) {
    return ignore_has(&worker, ann, client_facts(ann), whom);
}

static uint32_t count(void) {
    return ignore_count(&worker, ann, client_facts(ann));
}

static bool hides(enum entry_kind kind, uint32_t client, uint32_t generation) {
    struct entry entry = {.kind = (uint8_t)kind, .client = client, .generation = generation};
    return ignore_hides(&worker, ann, client_facts(ann), &entry);
}

static struct ignore_list *list(void) {
    return &seg.ignore_lists[client_index(&worker, ann)];
}

/* Makes record `client`, which has no socket, live in that generation. */
static void live(uint32_t client, uint32_t generation) {
    atomic_store(&worker_client(&worker, client)->state_word,
                 client_state_word(generation, CLIENT_LIVE));
}

/* Generations 1 to n of one record are ignored; all but the last are gone. */
static void fill(uint32_t n) {
    for (uint32_t i = 1; i <= n; i++) {
        live(40, i);
        cr_assert(add(person(40, i)), "person %u", i);
    }
}

/* The same with people that are all there, as far as there are records. */
static void fill_living(uint32_t first, uint32_t n) {
    for (uint32_t i = first; i < first + n; i++) {
        live(i, 7);
        cr_assert(add(person(i, 7)), "person %u", i);
    }
}

/* ---- rows ---- */

Test(ignore, a_person_is_ignored_from_add_to_drop) {
    cr_assert_not(has(person(3, 1)));
    drop(person(3, 1));
    cr_assert(add(person(3, 1)));
    cr_assert(add(person(4, 1)));
    cr_assert(has(person(3, 1)) && has(person(4, 1)));
    cr_assert_not(has(person(5, 1)));
    cr_assert(client_facts(ann)->flags & FACT_IGNORES);
    drop(person(3, 1));
    cr_assert_not(has(person(3, 1)));
    cr_assert(has(person(4, 1)));
    drop(person(4, 1));
    cr_assert_not(client_facts(ann)->flags & FACT_IGNORES, "the filter is needed no more");
}

Test(ignore, another_connection_of_the_same_descriptor_is_another_person) {
    add(person(3, 1));
    cr_assert_not(has(person(3, 2)));
    cr_assert_not(hides(ENTRY_SPEECH, 3, 2));
}

Test(ignore, a_person_has_one_row_however_often_it_is_added) {
    for (int i = 0; i < 3; i++)
        cr_assert(add(person(3, 1)));
    cr_assert_eq(count(), 1);
}

Test(ignore, speech_and_changes_of_name_are_hidden) {
    add(person(3, 1));
    cr_assert(hides(ENTRY_SPEECH, 3, 1));
    cr_assert(hides(ENTRY_NICK, 3, 1));
    cr_assert_not(hides(ENTRY_SPEECH, 4, 1));
    cr_assert_not(hides(ENTRY_NICK, 4, 1));
    cr_assert_not(hides(ENTRY_JOIN, 3, 1));
    cr_assert_not(hides(ENTRY_LEAVE, 3, 1));
    cr_assert_not(hides(ENTRY_SYSTEM, 3, 1));
    cr_assert_not(hides(ENTRY_SPEECH, NO_CLIENT, 0), "the end of the list is no person");
}

Test(ignore, what_was_in_the_list_before_the_first_person_does_not_count) {
    memset(list(), 0xff, sizeof *list());
    cr_assert_eq(count(), 0);
    cr_assert(add(person(3, 1)));
    cr_assert_eq(count(), 1);
    cr_assert_not(has(UINT64_MAX));
    cr_assert_eq(list()->more, NO_BUFFER);
}

Test(ignore, each_of_many_rows_is_found_and_dropped) {
    fill_living(40, IGNORE_ROWS + 1);
    struct ignore_more *more = buffer_at(&seg.ignore_more, list()->more);
    for (uint32_t i = 0; i < IGNORE_MAX; i++) /* there are fewer records than rows */
        *(i < IGNORE_ROWS ? &list()->row[i] : &more->row[i - IGNORE_ROWS]) = person(3, i + 1);
    for (uint32_t i = 1; i <= IGNORE_MAX; i++)
        cr_assert(has(person(3, i)), "person %u", i);
    for (uint32_t i = 1; i <= IGNORE_MAX; i++) {
        drop(person(3, i * 37 % (IGNORE_MAX + 1)));
        cr_assert_eq(count(), IGNORE_MAX - i);
        cr_assert_not(has(person(3, i * 37 % (IGNORE_MAX + 1))));
    }
    cr_assert_eq(buffer_used(&seg.ignore_more), 0);
    cr_assert_not(client_facts(ann)->flags & FACT_IGNORES);
}

Test(ignore, a_private_line_of_an_ignored_speaker_is_not_shown) {
    int peer;
    struct client *bob = unit_named(&worker, "bob", &peer);
    add(client_tag(&worker, bob));
    unit_type(&worker, bob, peer, "/msg ann hello\n");
    unit_turn(&worker);
    unit_hears(ann_peer, "");
    unit_hears(peer, "[to ann] hello\r\n");
    cr_assert_eq(client_facts(ann)->reply_generation, 0);
}

/* ---- the other rows ---- */

Test(ignore, more_people_than_the_list_itself_holds_take_one_buffer) {
    fill_living(40, IGNORE_ROWS);
    cr_assert_eq(buffer_used(&seg.ignore_more), 0);
    fill_living(40 + IGNORE_ROWS, 1);
    cr_assert_eq(buffer_used(&seg.ignore_more), 1);
    cr_assert(buffer_owned(&seg.ignore_more, list()->more, client_tag(&worker, ann)));
    cr_assert(has(person(40, 7)) && has(person(40 + IGNORE_ROWS, 7)));
    drop(person(41, 7));
    cr_assert_eq(buffer_used(&seg.ignore_more), 0, "the other rows are empty again");
    cr_assert_eq(count(), IGNORE_ROWS);
    cr_assert_not(has(person(41, 7)));
    cr_assert(has(person(40 + IGNORE_ROWS, 7)), "it has come to the list itself");
}

static void take_all(void) {
    while (buffer_take(&seg.ignore_more, buffer_tag(NO_CLIENT, 1)) != NO_BUFFER)
        ;
}

Test(ignore, where_none_is_free_the_list_itself_is_all) {
    take_all();
    fill_living(40, IGNORE_ROWS);
    live(40 + IGNORE_ROWS, 7);
    cr_assert_not(add(person(40 + IGNORE_ROWS, 7)));
    cr_assert_eq(count(), IGNORE_ROWS);
    cr_assert(add(person(40, 7)), "what it has, it keeps");
    drop(person(41, 7));
    cr_assert(add(person(40 + IGNORE_ROWS, 7)));
}

Test(ignore, a_full_list_says_how_many_it_has) {
    int peer;
    unit_named(&worker, "bob", &peer);
    take_all();
    fill_living(40, IGNORE_ROWS);
    unit_type(&worker, ann, ann_peer, "/ignore bob\n");
    unit_turn(&worker);
    unit_hears(ann_peer, "You ignore 15 people already; that is the most.\r\n");
}

Test(ignore, a_buffer_that_is_not_its_own_is_no_part_of_the_list) {
    fill_living(40, IGNORE_ROWS + 1);
    buffer_give(&seg.ignore_more, list()->more, client_tag(&worker, ann));
    cr_assert_not(has(person(40 + IGNORE_ROWS, 7)));
    cr_assert(has(person(40, 7)));
    cr_assert_eq(count(), IGNORE_ROWS);
}

Test(ignore, it_is_given_back_when_the_client_leaves) {
    fill_living(40, IGNORE_ROWS + 1);
    leave_begin(&worker, ann, NULL);
    closing_stage(&worker);
    unit_turn(&worker);
    cr_assert_eq(buffer_used(&seg.ignore_more), 0);
}

/* ---- people that are gone ---- */

Test(ignore, rows_of_people_that_are_gone_make_room_when_it_is_wanted) {
    fill(IGNORE_ROWS);
    cr_assert_eq(count(), IGNORE_ROWS);
    cr_assert(has(person(40, 1)), "its lines are still in the history");
    for (uint32_t i = 0; i < 3 * IGNORE_MAX; i++) {
        live(40, 200 + i);
        cr_assert(add(person(40, 200 + i)));
        cr_assert_eq(count(), IGNORE_ROWS);
        cr_assert(has(person(40, 200 + i)));
    }
    cr_assert_eq(buffer_used(&seg.ignore_more), 0, "they take no buffer");
}

/* There are fewer records than rows: the record of ann stands for many. */
Test(ignore, a_full_list_of_the_living_takes_no_other) {
    fill_living(40, IGNORE_ROWS + 1);
    struct ignore_more *more = buffer_at(&seg.ignore_more, list()->more);
    for (uint32_t i = 0; i < IGNORE_MORE; i++)
        more->row[i] = client_tag(&worker, ann);
    live(39, 7);
    cr_assert_eq(count(), IGNORE_MAX);
    cr_assert_not(add(person(39, 7)));
    more->row[IGNORE_MORE - 1] = person(38, 9);
    cr_assert(add(person(39, 7)), "one has gone");
    cr_assert_eq(more->row[IGNORE_MORE - 1], person(39, 7));
    cr_assert_eq(count(), IGNORE_MAX);
}

/* ---- changes that are cut, or fail ---- */

/* A death between the two stores of a removal leaves the last row twice. */
Test(ignore, a_row_that_is_there_twice_is_dropped_as_one) {
    fill_living(40, 3);
    list()->row[0] = list()->row[2];
    drop(person(42, 7));
    cr_assert_not(has(person(42, 7)));
    cr_assert(has(person(41, 7)));
    cr_assert_eq(count(), 1);
}

Test(ignore, a_change_that_fails_can_be_made_again) {
    struct change ch;
    live(40, 7);
    for (int i = 0; i < 3; i++) {
        change_begin(&ch, &worker, ann);
        cr_assert(ignore_add(&ch, person(40, 7)));
        change_abandon(&ch);
        cr_assert_not(has(person(40, 7)));
    }
    cr_assert(add(person(40, 7)));
    cr_assert_eq(count(), 1);
    for (int i = 0; i < 3; i++) {
        change_begin(&ch, &worker, ann);
        ignore_drop(&ch, person(40, 7));
        change_abandon(&ch);
    }
    drop(person(40, 7));
    cr_assert_eq(count(), 0);
    cr_assert_not(client_facts(ann)->flags & FACT_IGNORES);
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
    unit_take_buffers(&worker);
    unit_type(&worker, ann, ann_peer, "/ignore bob\n");
    unit_turn(&worker);
    unit_hears(ann_peer, "");
    cr_assert_eq(client_facts(ann)->consumed, 0, "the line waits");
    buffers_come_back();
    unit_hears(ann_peer, "You no longer see what bob says.\r\n");
    cr_assert(has(client_tag(&worker, bob)));
    unit_take_buffers(&worker);
    unit_type(&worker, ann, ann_peer, "/unignore bob\n");
    unit_turn(&worker);
    unit_hears(ann_peer, "");
    buffers_come_back();
    unit_hears(ann_peer, "You see what bob says again.\r\n");
    cr_assert_eq(count(), 0);
}

/* ---- a successor ---- */

/* The socket pair's end is no TCP socket, so the client is to leave; its record is looked at first.
 */
Test(ignore, a_successor_finds_the_list_and_frees_what_no_list_leads_to) {
    fill_living(40, IGNORE_ROWS + 1);
    uint32_t stray = buffer_take(&seg.ignore_more, client_tag(&worker, ann));
    for (uint32_t i = 40; i <= 40 + IGNORE_ROWS; i++) /* adoption looks at records with a socket */
        atomic_store(&worker_client(&worker, i)->slot, 1);
    adopt_slot(&worker);
    cr_assert_not(buffer_owned(&seg.ignore_more, stray, client_tag(&worker, ann)));
    cr_assert_eq(buffer_used(&seg.ignore_more), 1);
    cr_assert(has(person(40, 7)) && has(person(40 + IGNORE_ROWS, 7)));
}

Test(ignore, a_successor_frees_the_rows_of_a_list_that_does_not_count) {
    list()->more = buffer_take(&seg.ignore_more, client_tag(&worker, ann));
    adopt_slot(&worker);
    cr_assert_eq(buffer_used(&seg.ignore_more), 0);
}
