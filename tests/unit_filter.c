/* unit_filter.c - lines that are copied one by one: with times, and without ignored speakers; no
 * line is lost where one part ends and the next begins. */
#include "tests/unit_worker.h"
#include "worker/output/filter.h"
#include "worker/record/encoding.h"
#include "worker/state/pause.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

enum { STAMP = 8 }; /* bytes of "[21:04] " */

static struct segment seg;
static struct worker worker;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
}
TestSuite(filter, .init = set_up);

static void set_flags(struct client *c, uint32_t flags) {
    struct change ch;
    change_begin(&ch, &worker, c);
    change_settle_map(&ch);
    ch.f->flags |= flags;
    cr_assert(change_commit(&ch));
}

static void stamp_of(time_t when, char out[STAMP + 1]) {
    struct tm local;
    localtime_r(&when, &local);
    strftime(out, STAMP + 1, "[%H:%M] ", &local);
}

/* `line` begins with the time `age` seconds before now; `from` is a time shortly before it was
 * sent. */
static void assert_stamp(const char *line, time_t from, time_t age) {
    char first[STAMP + 1], last[STAMP + 1];
    stamp_of(from - age - 1, first);
    stamp_of(time(NULL) - age, last);
    cr_assert(strncmp(line, first, STAMP) == 0 || strncmp(line, last, STAMP) == 0,
              "\"%.20s\" has neither %s nor %s", line, first, last);
}

/* ---- times ---- */

Test(filter, lines_begin_with_their_local_time) {
    int peer[2];
    time_t from = time(NULL);
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    set_flags(bob, FACT_TIMESTAMPS);
    unit_speak(&worker, ann, "one");
    unit_speak(&worker, ann, "two");
    unit_hears(peer[0], "ann: one\r\nann: two\r\n");
    const char *heard = unit_heard(peer[1]);
    assert_stamp(heard, from, 0);
    cr_assert_eq(strncmp(heard + STAMP, "ann: one\r\n[", 11), 0, "%s", heard);
    assert_stamp(heard + STAMP + 10, from, 0);
    cr_assert_str_eq(heard + STAMP + 10 + STAMP, "ann: two\r\n");
}

Test(filter, an_old_line_has_the_time_at_which_it_was_said) {
    int peer;
    const time_t age = 3 * 3600 + 25 * 60;
    time_t from = time(NULL);
    struct client *ann = unit_named(&worker, "ann", &peer);
    set_flags(ann, FACT_TIMESTAMPS);
    unit_say(&worker, ann, "one");
    unit_round(&worker);
    room_entry(&seg.room, 1)->time -= (uint32_t)age * 100;
    unit_flush(&worker);
    assert_stamp(unit_heard(peer), from, age);
}

Test(filter, a_line_comes_in_the_clients_encoding) {
    int peer[2];
    struct change ch;
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    change_begin(&ch, &worker, bob);
    encoding_switch(&ch, ENC_GBK);
    ch.f->flags |= FACT_TIMESTAMPS;
    cr_assert(change_commit(&ch));
    unit_speak(&worker, ann, "你好");
    cr_assert_str_eq(unit_heard(peer[1]) + STAMP, "ann: \304\343\272\303\r\n");
}

Test(filter, private_lines_have_a_time_on_both_sides) {
    int peer[2];
    unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    set_flags(worker_client(&worker, unit_holder(&worker, "ann")), FACT_TIMESTAMPS);
    unit_type(&worker, bob, peer[1], "/msg ann hello\n");
    unit_turn(&worker);
    cr_assert_str_eq(unit_heard(peer[0]) + STAMP, "[bob] hello\r\n");
    unit_hears(peer[1], "[to ann] hello\r\n");
    set_flags(bob, FACT_TIMESTAMPS);
    unit_type(&worker, bob, peer[1], "/msg ann again\n");
    unit_turn(&worker);
    cr_assert_str_eq(unit_heard(peer[1]) + STAMP, "[to ann] again\r\n");
}

/* ---- ignored speakers ---- */

Test(filter, the_speech_of_an_ignored_speaker_is_hidden_and_nothing_else) {
    int peer[3];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    struct client *cat = unit_named(&worker, "cat", &peer[2]);
    unit_type(&worker, ann, peer[0], "/ignore bob\n");
    unit_turn(&worker);
    unit_hears(peer[0], "You no longer see what bob says.\r\n");
    for (int i = 0; i < 3; i++) {
        unit_say(&worker, bob, "hidden");
        unit_say(&worker, cat, i == 0 ? "one" : i == 1 ? "two" : "three");
    }
    struct line line = {.consumed = client_facts(bob)->consumed};
    cr_assert_eq(say_nick(&worker, bob, &line, "ben"), LINE_STAGED);
    unit_turn(&worker);
    unit_hears(peer[0], "cat: one\r\ncat: two\r\ncat: three\r\n");
}

Test(filter, lines_that_are_all_hidden_are_passed_and_take_no_buffer) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    unit_type(&worker, ann, peer[0], "/ignore bob\n");
    unit_turn(&worker);
    uint32_t buffers = unit_buffers(&worker, ann);
    unit_heard(peer[0]);
    for (int i = 0; i < 10; i++)
        unit_speak(&worker, bob, "hidden");
    unit_hears(peer[0], "");
    uint64_t end = room_entry(&seg.room, room_count(&seg.room) - 1)->end[ENC_UTF8];
    cr_assert_eq(client_facts(ann)->pos, end);
    cr_assert_eq(unit_buffers(&worker, ann), buffers, "the list takes none of these");
}

/* ---- parts ---- */

enum { LINES = 30 };

static size_t long_line(int i, char out[1200]) {
    int n = snprintf(out, 1200, "%04d%0*d", i, 600 + i * 11, 0);
    return (size_t)n;
}

static void say_long_lines(struct client *c) {
    char text[1200];
    for (int i = 0; i < LINES; i++) {
        long_line(i, text);
        unit_say(&worker, c, text);
        unit_round(&worker);
    }
}

/* `heard` is all of these lines, each complete and once, after its time. */
static void assert_long_lines(const char *heard) {
    char text[1200], line[1300];
    for (int i = 0; i < LINES; i++) {
        long_line(i, text);
        int n = snprintf(line, sizeof line, "ann: %s\r\n", text);
        cr_assert_eq(heard[0], '[', "line %d", i);
        cr_assert_eq(strncmp(heard + STAMP, line, (size_t)n), 0, "line %d: %.40s", i, heard);
        heard += STAMP + n;
    }
    cr_assert_str_empty(heard);
}

Test(filter, no_line_is_lost_or_cut_where_a_part_ends) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    set_flags(bob, FACT_TIMESTAMPS);
    say_long_lines(ann);
    cr_assert_gt(room_entry(&seg.room, LINES)->end[0], 5 * TX_DATA, "many parts");
    flush_client(&worker, bob);
    assert_long_lines(unit_heard(peer[1]));
    cr_assert_eq(unit_buffers(&worker, bob), 0);
}

Test(filter, no_line_is_lost_or_cut_where_the_socket_is_full) {
    static char all[1 << 17];
    int peer[2], small = 2048, blocked = 0;
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    setsockopt((int)client_index(&worker, bob), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    set_flags(bob, FACT_TIMESTAMPS);
    say_long_lines(ann);
    flush_client(&worker, bob);
    while (bob->mode == MODE_BLOCKED) {
        blocked++;
        cr_assert_leq(unit_buffers(&worker, bob), FILTER_LARGE / TX_DATA + 2, "one part at a time");
        strcat(all, unit_heard(peer[1]));
        flush_unblock(&worker, bob);
    }
    strcat(all, unit_heard(peer[1]));
    cr_assert_gt(blocked, 2);
    assert_long_lines(all);
}

Test(filter, a_line_that_was_partly_sent_keeps_its_rest_without_a_time) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    unit_say(&worker, ann, "first");
    unit_say(&worker, ann, "second");
    unit_round(&worker);
    cr_assert_eq(send((int)client_index(&worker, bob), "ann: fi", 7, 0), 7);
    atomic_store(&bob->sent, 7);
    set_flags(bob, FACT_TIMESTAMPS);
    unit_flush(&worker);
    const char *heard = unit_heard(peer[1]);
    cr_assert_eq(strncmp(heard, "ann: first\r\n[", 13), 0, "%s", heard);
    cr_assert_str_eq(heard + 12 + STAMP, "ann: second\r\n");
}

Test(filter, without_pending_lines_nothing_is_committed) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    set_flags(ann, FACT_TIMESTAMPS);
    unit_speak(&worker, ann, "one");
    uint32_t commits = atomic_load(&ann->active);
    cr_assert_not(filter_continue(&worker, ann, room_count(&seg.room)));
    cr_assert_eq(atomic_load(&ann->active), commits);
}

Test(filter, without_a_free_buffer_lines_wait_for_one) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    set_flags(ann, FACT_TIMESTAMPS);
    unit_take_buffers(&worker);
    unit_speak(&worker, ann, "one");
    unit_hears(peer, "");
    cr_assert_eq(client_facts(ann)->pos, 0);
    cr_assert(pause_has(&worker, client_index(&worker, ann), PAUSE_BUFFERS));
    unit_give_buffers(&worker);
    worker.now += PAUSE_LOOK_MS;
    input_resume(&worker);
    unit_flush(&worker);
    cr_assert_str_eq(unit_heard(peer) + STAMP, "ann: one\r\n");
}
