/* unit_history.c - the history: how many lines are announced, how many are sent, and that none is
 * skipped. */
#include "tests/unit_worker.h"
#include "worker/output/history.h"
#include "worker/output/ignore.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct segment seg;
static struct worker worker;
static struct client *ann;
static int ann_peer;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    ann = unit_named(&worker, "ann", &ann_peer);
}
TestSuite(history, .init = set_up);

static void say_numbers(struct client *c, int first, int last) {
    for (int i = first; i <= last; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        unit_say(&worker, c, text);
        unit_round(&worker);
    }
}

static void show(struct client *c, uint64_t before, uint32_t lines) {
    struct change ch;
    change_begin(&ch, &worker, c);
    history_show(&ch, before, lines);
    cr_assert(change_commit(&ch));
    flush_client(&worker, c);
}

static void ignore(struct client *c, const struct client *whom) {
    struct change ch;
    change_begin(&ch, &worker, c);
    cr_assert(ignore_add(&ch, client_tag(&worker, whom)));
    cr_assert(change_commit(&ch));
}

/* ---- how many ---- */

Test(history, the_last_lines_come_again_behind_their_number) {
    say_numbers(ann, 1, 5);
    unit_flush(&worker);
    unit_heard(ann_peer);
    show(ann, room_count(&seg.room), 2);
    unit_hears(ann_peer, "*** 2 earlier lines\r\nann: 4\r\nann: 5\r\n");
    show(ann, room_count(&seg.room), 2);
    unit_hears(ann_peer, "*** 2 earlier lines\r\nann: 4\r\nann: 5\r\n");
}

Test(history, fewer_come_where_fewer_were_said) {
    say_numbers(ann, 1, 3);
    unit_flush(&worker);
    unit_heard(ann_peer);
    show(ann, room_count(&seg.room), HISTORY_MAX);
    unit_hears(ann_peer, "*** 3 earlier lines\r\nann: 1\r\nann: 2\r\nann: 3\r\n");
}

Test(history, an_empty_room_has_none_and_says_nothing) {
    show(ann, room_count(&seg.room), 10);
    unit_hears(ann_peer, "");
}

/* For a client that joins: lines from its own entry on follow unchanged, and are not counted. */
Test(history, lines_from_the_given_entry_on_follow_uncounted) {
    say_numbers(ann, 1, 4);
    unit_flush(&worker);
    unit_heard(ann_peer);
    show(ann, 3, 1);
    unit_hears(ann_peer, "*** 1 earlier line\r\nann: 2\r\nann: 3\r\nann: 4\r\n");
}

Test(history, entries_without_text_are_no_lines) {
    int peer;
    worker.config.announce_max = 1;
    say_numbers(ann, 1, 2);
    for (int i = 0; i < 3; i++) {
        struct client *c = unit_newcomer(&worker, &peer);
        struct line line = {.consumed = 0};
        say_join(&worker, c, &line, i == 0 ? "bob" : i == 1 ? "cat" : "dan");
        unit_round(&worker);
    }
    say_numbers(ann, 3, 3);
    unit_flush(&worker);
    unit_heard(ann_peer);
    show(ann, room_count(&seg.room), 2);
    unit_hears(ann_peer, "*** 2 earlier lines\r\nbob has entered the room.\r\nann: 3\r\n");
}

/* ---- ignored speakers ---- */

Test(history, lines_of_ignored_speakers_are_not_counted) {
    int peer;
    struct client *bob = unit_named(&worker, "bob", &peer);
    ignore(ann, bob);
    say_numbers(ann, 1, 2);
    say_numbers(bob, 3, 5);
    say_numbers(ann, 6, 6);
    unit_flush(&worker);
    unit_heard(ann_peer);
    show(ann, room_count(&seg.room), 5);
    unit_hears(ann_peer, "*** 2 earlier lines\r\nann: 2\r\nann: 6\r\n");
}

Test(history, lines_of_ignored_speakers_alone_are_no_history) {
    int peer;
    struct client *bob = unit_named(&worker, "bob", &peer);
    ignore(ann, bob);
    say_numbers(bob, 1, 3);
    unit_flush(&worker);
    show(ann, room_count(&seg.room), 3);
    unit_hears(ann_peer, "");
}

/* ---- a client that is behind ---- */

Test(history, lines_that_were_not_sent_yet_are_not_skipped) {
    say_numbers(ann, 1, 5);
    show(ann, room_count(&seg.room), 1);
    unit_hears(ann_peer,
               "*** 5 earlier lines\r\nann: 1\r\nann: 2\r\nann: 3\r\nann: 4\r\nann: 5\r\n");
}

Test(history, a_client_behind_by_less_than_it_asks_for_is_moved_back) {
    say_numbers(ann, 1, 3);
    unit_flush(&worker);
    unit_heard(ann_peer);
    say_numbers(ann, 4, 4);
    show(ann, room_count(&seg.room), 2);
    unit_hears(ann_peer, "*** 2 earlier lines\r\nann: 3\r\nann: 4\r\n");
}

/* A new client has no position in a ring yet. */
Test(history, a_client_that_joins_is_behind_nothing) {
    int peer;
    say_numbers(ann, 1, 5);
    struct client *bob = unit_newcomer(&worker, &peer);
    struct change ch;
    change_begin(&ch, &worker, bob);
    history_show(&ch, room_count(&seg.room), 1);
    ch.f->flags |= FACT_IN_ROOM;
    cr_assert(change_commit(&ch));
    flush_client(&worker, bob);
    unit_hears(peer, "*** 1 earlier line\r\nann: 5\r\n");
}

Test(history, the_rest_of_a_torn_line_comes_first) {
    say_numbers(ann, 1, 2);
    cr_assert_eq(send((int)client_index(&worker, ann), "ann", 3, 0), 3);
    atomic_store(&ann->sent, 3);
    show(ann, room_count(&seg.room), 2);
    unit_hears(ann_peer, "ann: 1\r\n*** 2 earlier lines\r\nann: 1\r\nann: 2\r\n");
}

/* ---- what is kept ---- */

Test(history, nothing_before_the_guard_is_shown) {
    say_numbers(ann, 1, 8);
    unit_flush(&worker);
    unit_heard(ann_peer);
    atomic_store(&worker.slot->guard, room_count(&seg.room) - 3);
    show(ann, room_count(&seg.room), HISTORY_MAX);
    unit_hears(ann_peer, "*** 3 earlier lines\r\nann: 6\r\nann: 7\r\nann: 8\r\n");
}

/* More lines were said than the ring holds: the newest are sent, complete, as many as announced. */
Test(history, of_more_lines_than_the_ring_holds_the_newest_come_whole) {
    char text[600];
    int said = 0, n = 0, first = -1;
    for (; said < 300; said++) {
        snprintf(text, sizeof text, "%04d%0400d", said, 0);
        unit_speak(&worker, ann, text);
        unit_heard(ann_peer);
    }
    show(ann, room_count(&seg.room), HISTORY_MAX);
    const char *heard = unit_heard(ann_peer);
    cr_assert_eq(sscanf(heard, "*** %d earlier lines\r\nann: %4d", &n, &first), 2);
    cr_assert_eq(first, said - n);
    cr_assert(n > 40 && n < 160, "%d: between a quarter of the ring and all of it", n);
    heard = strchr(heard, '\n') + 1;
    for (int i = first; i < said; i++) {
        snprintf(text, sizeof text, "ann: %04d%0400d\r\n", i, 0);
        cr_assert_eq(strncmp(heard, text, strlen(text)), 0, "line %d: %.20s", i, heard);
        heard += strlen(text);
    }
    cr_assert_str_empty(heard);
}
