/* unit_publish.c - decisions under the gate: the holder of a name, the addressee of a private line,
 * which joins are announced, and which lines wait for room in the ring. */
#include "tests/unit_worker.h"
#include "worker/ledger/closing.h"
#include "worker/record/leave.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct segment seg;
static struct worker worker;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
}
TestSuite(publish, .init = set_up);

static void stage_join(struct client *c, const char *name) {
    struct line line = {.consumed = client_facts(c)->consumed};
    cr_assert_eq(say_join(&worker, c, &line, name), LINE_STAGED);
}

static void stage_nick(struct client *c, const char *name) {
    struct line line = {.consumed = client_facts(c)->consumed};
    cr_assert_eq(say_nick(&worker, c, &line, name), LINE_STAGED);
}

static void stage_private(struct client *c, const char *to, const char *text) {
    struct line line = {.consumed = client_facts(c)->consumed};
    struct addressee whom = {to, speaker_key(&worker, to), NO_CLIENT, 0};
    cr_assert_eq(say_private(&worker, c, &line, &whom, text), LINE_STAGED);
}

static enum stage_verdict verdict(uint32_t line) {
    return (enum stage_verdict)worker.stage.line[line].verdict;
}

static bool text_is(uint64_t index, const char *text) {
    uint32_t len = room_len(&seg.room, index, ENC_UTF8);
    return len == strlen(text) &&
           memcmp(room_text(&seg.room, ENC_UTF8, room_start(&seg.room, index, ENC_UTF8)), text,
                  len) == 0;
}

/* ---- names ---- */

Test(publish, a_join_takes_its_name) {
    int peer;
    struct client *ann = unit_newcomer(&worker, &peer);
    stage_join(ann, "ann");
    cr_assert_eq(unit_holder(&worker, "ann"), NO_CLIENT);
    publish(&worker);
    cr_assert_eq(verdict(0), STAGE_PUBLISHED);
    cr_assert_eq(room_count(&seg.room), 2);
    cr_assert_eq(room_entry(&seg.room, 1)->kind, ENTRY_JOIN);
    cr_assert_eq(room_entry(&seg.room, 1)->people, 1);
    cr_assert_eq(unit_holder(&worker, "ann"), client_index(&worker, ann));
    cr_assert_eq(unit_holder(&worker, "ANN"), client_index(&worker, ann), "by its folded form");
}

Test(publish, a_second_join_of_the_same_folded_name_in_one_batch_is_refused) {
    int peer, other;
    struct client *first = unit_newcomer(&worker, &peer);
    struct client *second = unit_newcomer(&worker, &other);
    stage_join(first, "ann");
    stage_join(second, "\357\274\241nN"); /* a full-width A */
    stage_join(second, "bob");
    publish(&worker);
    cr_assert_eq(verdict(0), STAGE_PUBLISHED);
    cr_assert_eq(verdict(1), STAGE_NAME_TAKEN);
    cr_assert_eq(verdict(2), STAGE_PUBLISHED, "what is behind it is decided by itself");
    cr_assert_eq(room_count(&seg.room), 3);
    cr_assert_eq(unit_holder(&worker, "ann"), client_index(&worker, first));
    cr_assert_eq(unit_holder(&worker, "bob"), client_index(&worker, second));
}

Test(publish, a_refused_line_is_consumed_charged_and_answered_once) {
    int peer, other;
    unit_named(&worker, "ann", &peer);
    struct client *c = unit_newcomer(&worker, &other);
    worker.config.flood_rate = 1;
    worker.config.flood_burst = 5;
    uint32_t tat = client_facts(c)->tat;
    unit_type(&worker, c, other, "login Ann\r\n");
    cr_assert_eq(worker.stage.count, 1);
    cr_assert_eq(client_facts(c)->consumed, 0, "not before it is decided");
    unit_round(&worker);
    cr_assert_eq(client_facts(c)->consumed, strlen("login Ann\r"));
    cr_assert_eq(client_facts(c)->tat - tat, 1000, "one line at one a second");
    cr_assert_eq(worker.stage.count, 0, "the stage is empty again");
    refusal_answer(&worker);
    unit_flush(&worker);
    unit_hears(other, "The name \"Ann\" is taken.\r\nPlease try again.\r\n");
    cr_assert_not(client_facts(c)->flags & (FACT_IN_ROOM | FACT_NAMED));
}

Test(publish, a_full_name_table_refuses_a_join) {
    int peer, other;
    struct client *c = unit_client(&worker, &peer), *late = unit_newcomer(&worker, &other);
    uint64_t tag = client_tag(&worker, c);
    for (uint32_t i = 0; i < seg.names.len; i++) {
        cr_assert(name_table_claim(&seg.names, &seg.room, &seg.clients, 0, 1000 + i, 0,
                                   (uint32_t)tag, (uint32_t)(tag >> 32)));
        name_table_confirm(&seg.names, 1000 + i, (uint32_t)tag, (uint32_t)(tag >> 32), 0);
    }
    stage_join(late, "ann");
    publish(&worker);
    cr_assert_eq(verdict(0), STAGE_NAMES_FULL);
    cr_assert_eq(room_count(&seg.room), 1);
    refusal_answer(&worker);
    unit_flush(&worker);
    unit_hears(other, "The room is full.\r\n");
}

Test(publish, a_new_name_frees_the_old_one) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    stage_nick(ann, "bob");
    publish(&worker);
    cr_assert_eq(verdict(0), STAGE_PUBLISHED);
    cr_assert_eq(unit_holder(&worker, "ann"), NO_CLIENT);
    cr_assert_eq(unit_holder(&worker, "bob"), client_index(&worker, ann));
}

Test(publish, a_name_in_another_spelling_stays_with_its_holder) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    stage_nick(ann, "Ann");
    publish(&worker);
    cr_assert_eq(verdict(0), STAGE_PUBLISHED);
    cr_assert_eq(unit_holder(&worker, "ann"), client_index(&worker, ann));
}

Test(publish, a_nick_to_a_taken_name_is_refused) {
    int peer, other;
    struct client *ann = unit_named(&worker, "ann", &peer);
    struct client *bob = unit_named(&worker, "bob", &other);
    stage_nick(ann, "BOB");
    publish(&worker);
    cr_assert_eq(verdict(0), STAGE_NAME_TAKEN);
    cr_assert_eq(unit_holder(&worker, "ann"), client_index(&worker, ann), "it keeps its own");
    cr_assert_eq(unit_holder(&worker, "bob"), client_index(&worker, bob));
}

/* Whether any bucket of the name table names the client; how many do. */
static uint32_t buckets(const struct client *c) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < seg.names.len; i++)
        n += atomic_load(&seg.names.at[i].owner) == client_tag(&worker, c);
    return n;
}

Test(publish, a_name_that_looks_like_anothers_is_refused) {
    int peer, other;
    struct client *paul = unit_named(&worker, "paul", &peer);
    struct client *c = unit_newcomer(&worker, &other);
    stage_join(c, "pauI");
    stage_join(c, "PAUI"); /* neither by case nor by its look */
    publish(&worker);
    cr_assert_eq(verdict(0), STAGE_NAME_TAKEN);
    cr_assert_eq(verdict(1), STAGE_PUBLISHED);
    cr_assert_eq(unit_holder(&worker, "paul"), client_index(&worker, paul));
    cr_assert_eq(unit_holder(&worker, "paui"), client_index(&worker, c));
    cr_assert_eq(buckets(c), 2);
}

Test(publish, both_keys_of_a_name_are_confirmed_when_it_is_applied) {
    int peer;
    struct client *ann = unit_newcomer(&worker, &peer);
    stage_join(ann, "ann");
    unit_turn(&worker);
    stage_nick(ann, "pau1");
    unit_turn(&worker);
    cr_assert_eq(buckets(ann), 2);
    for (uint32_t i = 0; i < seg.names.len; i++) {
        const struct name_entry *entry = &seg.names.at[i];
        if (atomic_load(&entry->owner) == client_tag(&worker, ann))
            cr_assert(entry->index & NAME_TABLE_CONFIRMED, "the ledger may overwrite its entry");
    }
}

Test(publish, a_refused_name_leaves_no_claim) {
    int peer, other;
    unit_named(&worker, "paul", &peer);
    struct client *c = unit_newcomer(&worker, &other);
    stage_join(c, "pauI"); /* its folded form is free, its look is not */
    stage_join(c, "PAUL"); /* the other way round */
    publish(&worker);
    cr_assert_eq(verdict(0), STAGE_NAME_TAKEN);
    cr_assert_eq(verdict(1), STAGE_NAME_TAKEN);
    cr_assert_eq(buckets(c), 0);
}

Test(publish, ones_own_name_in_another_case_or_look_is_free) {
    static const char *const names[] = {"Paul", "pauI", "PauI", "paul", "PAUL", "paul", "paul"};
    int peer;
    struct client *paul = unit_named(&worker, "paul", &peer);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        stage_nick(paul, names[i]);
        unit_turn(&worker);
        cr_assert_str_eq(unit_name(&worker, paul), names[i]);
        cr_assert_eq(unit_holder(&worker, names[i]), client_index(&worker, paul));
        cr_assert_eq(buckets(paul), 2, "%s: %u", names[i], buckets(paul));
    }
    unit_heard(peer);
}

Test(publish, a_look_is_free_when_its_client_has_left_or_changed_its_name) {
    int peer, other;
    struct client *paul = unit_named(&worker, "paul", &peer);
    struct client *c = unit_named(&worker, "bob", &other);
    stage_nick(paul, "ann");
    unit_turn(&worker);
    stage_nick(c, "pauI");
    unit_turn(&worker);
    cr_assert_str_eq(unit_name(&worker, c), "pauI");
    cr_assert_eq(buckets(c), 2);
    cr_assert_eq(buckets(paul), 2);
    stage_nick(paul, "paul");
    publish(&worker);
    cr_assert_eq(verdict(0), STAGE_NAME_TAKEN);
}

/* ---- addressees ---- */

Test(publish, a_private_line_to_an_absent_name_is_refused) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    stage_private(ann, "zoe", "hello");
    unit_turn(&worker);
    cr_assert_eq(room_count(&seg.room), 1);
    unit_hears(peer, "There is no \"zoe\" here.\r\n");
}

Test(publish, a_private_line_names_the_client_that_has_the_name_then) {
    int peer, other;
    struct side_private to;
    struct client *ann = unit_named(&worker, "ann", &peer);
    struct client *bob = unit_newcomer(&worker, &other);
    stage_join(bob, "bob");
    stage_private(ann, "bob", "hello");
    publish(&worker);
    cr_assert_eq(verdict(1), STAGE_PUBLISHED, "the join before it in the batch counts");
    memcpy(&to, room_text(&seg.room, RING_SIDE, room_start(&seg.room, 2, RING_SIDE)), sizeof to);
    cr_assert_eq(to.client, client_index(&worker, bob));
    cr_assert(client_is(bob, to.generation));
    cr_assert_eq(room_len(&seg.room, 2, ENC_UTF8), 0, "no ring that others are sent has it");
}

Test(publish, a_move_to_an_unused_slot_is_refused_without_a_reply) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    struct side_move move = {0, 3};
    uint64_t tag = client_tag(&worker, c);
    for (int i = 0; i < 2; i++) {
        atomic_store(&seg.slots[3].state, i == 0 ? SLOT_UNUSED : SLOT_ADOPTING);
        struct staged *s = stage_add(&worker.stage, ENTRY_MOVE, (uint32_t)tag,
                                     (uint32_t)(tag >> 32), client_facts(c)->consumed, 0);
        stage_side(&worker.stage, s, &move, sizeof move);
        publish(&worker);
        cr_assert_eq(verdict(0), i == 0 ? STAGE_NOBODY : STAGE_PUBLISHED);
        refusal_answer(&worker);
        unit_flush(&worker);
        unit_hears(peer, "");
    }
}

/* ---- bells ---- */

Test(publish, the_others_are_woken_only_if_something_was_published) {
    int peer, other;
    uint64_t rung = 0;
    unit_named(&worker, "ann", &peer);
    struct client *c = unit_newcomer(&worker, &other);
    unit_sleeper(&seg, 0);
    unit_sleeper(&seg, 1);
    stage_join(c, "ann");
    publish(&worker);
    cr_assert_eq(verdict(0), STAGE_NAME_TAKEN);
    cr_assert_eq(atomic_load(&seg.slots[1].asleep), 1);
    refusal_answer(&worker);
    stage_join(c, "bob");
    publish(&worker);
    cr_assert_eq(atomic_load(&seg.slots[1].asleep), 0);
    cr_assert_eq(read(seg.slots[1].bell_fd, &rung, sizeof rung), (ssize_t)sizeof rung);
    cr_assert_eq(rung, 1);
    cr_assert_eq(atomic_load(&seg.slots[0].asleep), 1, "the publisher does not ring itself");
}

/* ---- announcements ---- */

Test(publish, in_a_crowd_joins_and_leaves_are_entries_without_text) {
    int peer[4];
    static const char *const names[] = {"ann", "bob", "cat", "dan"};
    struct client *c[4];
    worker.config.announce_max = 2;
    for (int i = 0; i < 4; i++) {
        c[i] = unit_newcomer(&worker, &peer[i]);
        stage_join(c[i], names[i]);
    }
    unit_turn(&worker);
    cr_assert(text_is(1, "ann has entered the room.\r\n"));
    cr_assert(text_is(2, "bob has entered the room.\r\n"));
    for (uint64_t i = 3; i <= 4; i++) {
        for (int e = 0; e < ENC_RINGS; e++)
            cr_assert_eq(room_len(&seg.room, i, e), 0, "entry %d, ring %d", (int)i, e);
        cr_assert_eq(room_entry(&seg.room, i)->people, i, "it counts all the same");
        cr_assert_eq(room_entry(&seg.room, i)->lines, 2, "it is no line");
    }
    cr_assert_eq(unit_holder(&worker, "dan"), client_index(&worker, c[3]));
    for (int i = 0; i < 3; i++) {
        leave_begin(&worker, c[i], NULL);
        closing_stage(&worker);
        unit_turn(&worker);
    }
    cr_assert_eq(room_len(&seg.room, 5, ENC_UTF8), 0, "4 people");
    cr_assert_eq(room_len(&seg.room, 6, ENC_UTF8), 0, "3 people");
    cr_assert(text_is(7, "cat has left the room.\r\n"));
    cr_assert_eq(room_entry(&seg.room, 7)->people, 1);
}

Test(publish, speech_is_never_suppressed) {
    int peer, other;
    struct client *ann = unit_named(&worker, "ann", &peer);
    worker.config.announce_max = 1;
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "b%d", i);
        stage_join(unit_newcomer(&worker, &other), name);
    }
    unit_turn(&worker);
    unit_speak(&worker, ann, "hello");
    cr_assert(text_is(4, "ann: hello\r\n"));
}

/* ---- a full ring ---- */

static uint32_t said; /* lines staged so far */

static void say_numbered(struct client *c) {
    char text[600];
    snprintf(text, sizeof text, "%06u%0500d", said++, 0);
    unit_say(&worker, c, text);
}

/* The number in the line of entry `index`, or -1. */
static int numbered(uint64_t index) {
    int n = -1;
    char text[12] = ""; /* a ring has no NUL behind a line */
    uint64_t at = room_start(&seg.room, index, ENC_UTF8);
    if (room_len(&seg.room, index, ENC_UTF8) >= sizeof text)
        memcpy(text, room_text(&seg.room, ENC_UTF8, at), sizeof text - 1);
    sscanf(text, "ann: %6d", &n);
    return n;
}

/* The guard of slot 1 stays where it is, until the ring is full and lines are left on the stage.
 * Progress of the worker itself clears `waiting` and opens the stage, so the loop repeats until
 * both stay. */
static void fill_ring(struct client *c) {
    unit_slot(&seg, 1, SLOT_SERVING);
    for (int rounds = 0; !worker.stage.closed || !room_waiting(&seg.room); rounds++) {
        cr_assert_lt(rounds, 100, "the ring never becomes full, or nothing waits for it");
        for (int i = 0; i < 8 && !worker.stage.closed; i++)
            say_numbered(c);
        unit_turn(&worker);
    }
}

Test(publish, a_full_ring_closes_the_stage_and_leaves_its_lines) {
    int peer;
    fill_ring(unit_named(&worker, "ann", &peer));
    uint64_t count = room_count(&seg.room);
    uint32_t next = worker.stage.next;
    cr_assert(stage_blocked(&worker.stage));
    cr_assert(room_waiting(&seg.room), "it asks to be woken");
    cr_assert_not(stage_fits(&worker.stage, 0));
    publish(&worker);
    cr_assert_eq(room_count(&seg.room), count, "still full");
    cr_assert_eq(worker.stage.next, next);
    cr_assert(worker.stage.closed);
}

Test(publish, lines_that_waited_are_published_in_order_once_a_guard_has_risen) {
    int peer;
    fill_ring(unit_named(&worker, "ann", &peer));
    uint64_t count = room_count(&seg.room);
    int last = numbered(count - 1);
    unit_sleeper(&seg, 0);
    atomic_store(&seg.slots[1].guard, count);
    atomic_store(&seg.slots[1].cursor, count);
    room_progress(&seg.room);
    cr_assert_not(room_waiting(&seg.room));
    cr_assert_eq(atomic_load(&seg.slots[0].asleep), 0, "the producer is woken");
    publish(&worker);
    cr_assert_not(stage_blocked(&worker.stage));
    cr_assert_not(worker.stage.closed);
    cr_assert_gt(room_count(&seg.room), count);
    for (uint64_t i = count; i < room_count(&seg.room); i++)
        cr_assert_eq(numbered(i), ++last, "entry %d", (int)i);
    cr_assert_eq(last, (int)said - 1, "all of them");
}

Test(publish, a_join_that_found_no_room_has_not_taken_its_name) {
    int peer, other;
    struct client *ann = unit_named(&worker, "ann", &peer);
    fill_ring(ann);
    stage_init(&worker.stage, &seg.room, 0, 1000);
    while (!worker.stage.closed) { /* until fewer bytes are left than a join needs */
        unit_say(&worker, ann, "x");
        publish(&worker);
        refusal_answer(&worker);
    }
    struct client *bob = unit_newcomer(&worker, &other);
    stage_init(&worker.stage, &seg.room, 0, 1000);
    stage_join(bob, "bob");
    publish(&worker);
    cr_assert(worker.stage.closed);
    cr_assert_eq(worker.stage.next, 0);
    cr_assert_eq(unit_holder(&worker, "bob"), NO_CLIENT);
}
