/* unit_relay_pass_engine.c - what people of this machine do is in the stream exactly once, in
 * order, whatever happens to the engine, to the link and to the relay. */
#include "tests/unit_relay_engine.h"

#include "ipc/clock.h"

#include <criterion/criterion.h>

enum { RING = 65536 };
static struct segment seg;
static struct relay_process relay;

static void set_up(void) {
    unit_segment(&seg, RING);
    unit_passing(&relay, &seg);
}
TestSuite(relay_engine, .init = set_up);

static void append(uint8_t kind, uint8_t slot, const char *text, const char *side) {
    struct room_line line = {
        .entry = {.kind = kind, .slot = slot, .client = 1, .time = segment_ticks(&seg)}};
    struct batch b;
    line.text[ENC_UTF8] = text;
    line.len[ENC_UTF8] = (uint32_t)strlen(text);
    line.text[RING_SIDE] = side;
    line.len[RING_SIDE] = side ? (uint32_t)strlen(side) + 1 : 0;
    room_begin(&seg.room, &b);
    cr_assert(room_append(&seg.room, &b, &line));
    room_commit(&seg.room, &b);
}

static uint32_t said;
static int wide; /* bytes of a line, at least */

/* Lines "0", "1", ...; among them what is none, and what is not passed on. */
static void say(uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        char text[2048];
        snprintf(text, sizeof text, "ann: %-*u\r\n", wide, said++);
        append(ENTRY_SPEECH, 0, text, NULL);
        if (said % 5 == 0)
            append(ENTRY_SPEECH, RELAY_SLOT, "bob@rome: hi\r\n", NULL);
        if (said % 7 == 0)
            append(ENTRY_LEAVE, 1, "", "cat");
        unit_passing_apply(&relay);
    }
}

/* What a machine has that drops what it knows already, as far as it is told: the lines, which are
 * "from", "from + 1", ... but for those that it counts as missed. */
struct reader {
    uint64_t mark;
    uint32_t lines, next, missed, gaps;
    uint32_t read; /* items */
};

static void read_item(struct reader *r, const struct item *item) {
    bool line = item->kind == ITEM_SAY;
    if (item->index <= r->mark)
        return;
    uint32_t missed = item->lines - r->lines - line;
    r->gaps += item->prev != r->mark;
    cr_assert(missed == 0 || item->prev > r->mark, "what is missed is a gap");
    r->missed += missed;
    r->next += missed;
    if (line)
        cr_assert_eq((uint32_t)atoi(item->text), r->next++, "item %llu says %s",
                     (unsigned long long)item->index, item->text);
    r->mark = item->index;
    r->lines = item->lines;
}

static void read_all(struct reader *r) {
    for (; r->read < unit_engine.items; r->read++)
        read_item(r, unit_item(r->read));
}

/* The stream has every line once. */
static void whole(void) {
    struct reader r = {0};
    read_all(&r);
    cr_assert_eq(r.missed, 0);
    cr_assert_eq(r.gaps, 0);
    cr_assert_eq(r.next, said);
    for (uint32_t i = 1; i < unit_engine.items; i++)
        cr_assert_lt(unit_engine.index[i - 1], unit_engine.index[i], "nothing is there twice");
}

/* ---- order and the window ---- */

Test(relay_engine, a_window_of_items_is_on_its_way) {
    unit_engine_hello(&relay);
    say(700);
    cr_assert(pass_work(&relay));
    cr_assert_eq(unit_engine.asked_count, LINK_WINDOW);
    cr_assert(pass_work(&relay), "there is more");
    cr_assert_eq(unit_engine.asked_count, LINK_WINDOW);
    unit_engine_run(10);
    unit_engine_answer(&relay, 10);
    cr_assert(pass_work(&relay));
    cr_assert_eq(unit_engine.asked_count, LINK_WINDOW);
    cr_assert_not(pass_done(&relay, 1));
    unit_engine_all(&relay);
    whole();
    cr_assert_eq(relay.place.acked, unit_engine.mark);
    cr_assert_eq(relay.place.acked_lines, 700);
    cr_assert_eq(atomic_load(&relay.shared->lines_out), 700);
    cr_assert_eq(atomic_load(&relay.shared->skipped_out), 0);
    cr_assert_not(pass_work(&relay), "there is nothing more");
    cr_assert_eq(atomic_load(&relay.shared->lag), 0);
}

Test(relay_engine, a_link_without_room_is_asked_again) {
    unit_engine_hello(&relay);
    unit_engine.buffer = 3;
    say(20);
    pass_work(&relay);
    cr_assert_eq(unit_engine.asked_count, 3);
    unit_engine_all(&relay);
    whole();
}

Test(relay_engine, an_item_says_of_which_life_and_turn_it_is_and_when_it_was) {
    unit_engine_hello(&relay);
    unit_engine_lose(&relay);
    unit_engine_hello(&relay);
    say(1);
    unit_engine_all(&relay);
    const struct item *item = unit_item(0);
    int64_t now = (int64_t)clock_wall_ms();
    cr_assert_str_eq(item->node, "paris");
    cr_assert_eq(item->life, UNIT_LIFE);
    cr_assert_eq(item->turn, 2);
    cr_assert_eq(item->lines, 1);
    cr_assert(item->ms <= now + 1000 && item->ms > now - 60000);
}

/* What is not reached in one turn is looked at in the next, without a bell. */
Test(relay_engine, many_entries_of_others_are_passed_over_in_parts) {
    unit_engine_hello(&relay);
    for (int i = 0; i < 700; i++)
        append(ENTRY_SPEECH, RELAY_SLOT, "x@rome: hi\r\n", NULL);
    say(1);
    cr_assert(pass_work(&relay));
    cr_assert_eq(unit_engine.asked_count, 0);
    cr_assert(pass_work(&relay));
    cr_assert_eq(unit_engine.asked_count, 1);
    unit_engine_all(&relay);
    whole();
    cr_assert_eq(unit_item(0)->prev, 0);
}

Test(relay_engine, nothing_is_passed_on_before_hello_and_after_the_link_is_lost) {
    say(3);
    cr_assert_not(pass_work(&relay));
    cr_assert_eq(unit_engine.asked_count, 0);
    cr_assert_eq(atomic_load(&relay.shared->lag), room_count(&seg.room) - 1);
    unit_engine_hello(&relay);
    pass_work(&relay);
    unit_engine_lose(&relay);
    cr_assert_not(pass_work(&relay));
    cr_assert_eq(unit_engine.asked_count, 0);
    unit_engine_hello(&relay);
    unit_engine_all(&relay);
    whole();
}

/* ---- HOLES 2: a request in the middle fails ---- */

Test(relay_engine, a_failure_in_the_middle_loses_and_doubles_nothing) {
    for (uint32_t at = 0; at < 20; at++) {
        unit_engine_hello(&relay);
        say(20);
        pass_work(&relay);
        unit_engine_run(at);
        unit_engine.failing = 4; /* out of memory for a moment; the rest has a gap before it */
        unit_engine_run(12);
        say(5);
        unit_engine_answer(&relay, at + 2);
        pass_work(&relay);
        unit_engine_all(&relay);
        whole();
    }
}

Test(relay_engine, nothing_is_asked_until_all_that_was_asked_is_answered) {
    unit_engine_hello(&relay);
    say(10);
    unit_engine.failing = 1;
    pass_work(&relay);
    uint32_t asked = unit_engine.asked_count;
    unit_engine_run(5);
    unit_engine_answer(&relay, 5);
    say(1);
    pass_work(&relay);
    cr_assert_eq(unit_engine.asked_count, asked - 5);
    unit_engine_run(asked);
    unit_engine_answer(&relay, asked);
    cr_assert_eq(unit_engine.items, 0);
    unit_engine_all(&relay);
    whole();
}

Test(relay_engine, an_engine_without_a_mark_is_passed_nothing_until_hello) {
    unit_engine_hello(&relay);
    say(10);
    unit_engine.marked = false;
    pass_work(&relay);
    unit_engine_run(LINK_WINDOW);
    unit_engine_answer(&relay, LINK_WINDOW);
    cr_assert_eq(unit_engine.renewed, 1);
    cr_assert_not(pass_work(&relay));
    cr_assert_eq(unit_engine.asked_count, 0);
    unit_engine_all(&relay);
    whole();
}

/* ---- HOLES 3: an engine that went back ---- */

/* Its stream and its mark are as they were `items` items ago. */
static void engine_goes_back(uint32_t items) {
    unit_engine.items -= items;
    unit_engine.mark = unit_engine.items > 0 ? unit_engine.index[unit_engine.items - 1] : 0;
}

Test(relay_engine, an_engine_that_went_back_is_sent_what_it_lacks) {
    struct reader r = {0};
    unit_engine_hello(&relay);
    say(100);
    unit_engine_all(&relay);
    read_all(&r);
    engine_goes_back(27);
    unit_engine_lose(&relay);
    say(10);
    r.read = unit_engine.items;
    unit_engine_hello(&relay);
    unit_engine_all(&relay);
    whole();
    read_all(&r); /* a machine that had read it drops it */
    cr_assert_eq(r.next, said);
    cr_assert_eq(r.missed, 0);
    cr_assert_eq(relay.place.acked_lines, said);
}

/* It goes back while the link stays up: the first item that does not fit tells. */
Test(relay_engine, an_engine_that_goes_back_under_the_link_is_noticed) {
    unit_engine_hello(&relay);
    say(50);
    unit_engine_all(&relay);
    engine_goes_back(9);
    say(1);
    unit_engine_all(&relay);
    whole();
}

Test(relay_engine, an_engine_that_lost_all_is_sent_all_that_the_ledger_has) {
    struct reader r = {0};
    unit_engine_hello(&relay);
    say(100);
    unit_engine_all(&relay);
    r.read = unit_engine.items / 2; /* what a machine had not read when the engine lost it */
    for (uint32_t i = 0; i < r.read; i++)
        read_item(&r, unit_item(i));
    unit_engine.items = r.read = 0;
    unit_engine.marked = false;
    unit_engine_lose(&relay);
    unit_engine_hello(&relay);
    cr_assert_eq(unit_engine.hello_acked,
                 relay.pass.given + unit_engine.hello_acked - unit_engine.mark);
    cr_assert_eq(unit_engine.hello_lines, 100, "a machine that is new begins behind them");
    unit_engine_all(&relay);
    whole();
    read_all(&r);
    cr_assert_eq(r.next, said);
    cr_assert_eq(r.missed, 0);
    cr_assert_eq(atomic_load(&relay.shared->skipped_out), 0);
}

/* A relay that was configured when the server had run for a while. */
Test(relay_engine, what_was_before_the_relay_is_never_passed_on) {
    say(30);
    uint64_t from = room_count(&seg.room);
    relay.place.from = 0;
    unit_passing_begin(&relay);
    cr_assert_eq(relay.place.from, from);
    for (int i = 0; i < 2; i++) {
        unit_engine_hello(&relay);
        cr_assert_eq(unit_engine.mark, from - 1);
        say(1);
        unit_engine_all(&relay);
        cr_assert_eq(unit_engine.index[0], from);
        unit_engine_lose(&relay);
        unit_engine.marked = false;
        unit_engine.items = 0;
    }
    cr_assert_eq(relay.place.acked_lines, said);
}

/* It was taken out of the configuration for so long that its place was overwritten. */
Test(relay_engine, what_was_while_the_relay_was_away_is_not_passed_on) {
    struct reader r = {0};
    unit_engine_hello(&relay);
    say(10);
    unit_engine_all(&relay);
    unit_engine_lose(&relay);
    say(5);
    uint64_t from = room_count(&seg.room);
    uint32_t before = unit_engine.items;
    relay.place.from = 0;
    unit_passing_begin(&relay);
    say(1);
    unit_engine_hello(&relay);
    unit_engine_all(&relay);
    cr_assert_eq(unit_engine.index[before], from);
    read_all(&r);
    cr_assert_eq(r.gaps, 1, "the others are told that something is missing");
    cr_assert_eq(r.next, said);
}

/* ---- a lap ---- */

/* Every line is read or counted, and the relay counts as many. */
static void all_is_told(struct reader *r) {
    read_all(r);
    cr_assert_eq(r->next, said);
    cr_assert_gt(r->missed, 0);
    cr_assert_eq(r->missed, atomic_load(&relay.shared->skipped_out));
    cr_assert_eq(unit_item(unit_engine.items - 1)->lines, said);
}

Test(relay_engine, what_is_overwritten_while_the_link_is_down_is_counted_exactly) {
    static const uint32_t counts[] = {2000, 5000, 9999};
    struct reader r = {0};
    unit_engine_hello(&relay);
    say(10);
    unit_engine_all(&relay);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        unit_engine_lose(&relay);
        say(counts[i]);
        unit_engine_hello(&relay);
        unit_engine_all(&relay);
        all_is_told(&r);
    }
    cr_assert_eq(r.gaps, sizeof counts / sizeof counts[0]);
    cr_assert_eq(unit_engine.renewed, 0);
}

/* Their entries are still there: each of those is looked at. */
Test(relay_engine, texts_that_are_overwritten_are_counted_exactly) {
    struct reader r = {0};
    wide = 1000;
    unit_engine_hello(&relay);
    say(10);
    unit_engine_all(&relay);
    for (int i = 0; i < 3; i++) {
        say(200);
        unit_engine_all(&relay);
        all_is_told(&r);
    }
    cr_assert_gt(r.next - r.missed, 10 + 3 * 50, "what is there is passed on");
}

Test(relay_engine, what_is_overwritten_under_an_engine_that_is_slow_is_counted_exactly) {
    struct reader r = {0};
    unit_engine_hello(&relay);
    for (int i = 0; i < 40; i++) {
        say(500);
        pass_work(&relay);
        unit_engine_run(37);
        unit_engine_answer(&relay, 37);
        unit_engine_renew(&relay);
    }
    unit_engine_all(&relay);
    all_is_told(&r);
    cr_assert_gt(unit_engine.renewed, 0, "the list of people is made anew");
}

/* Names are overwritten by other side data, while the ledger has their entries. */
static void overwrite_names(void) {
    static char text[1001];
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 100; i++)
        append(ENTRY_PRIVATE, 0, "", text);
}

Test(relay_engine, a_coming_that_is_overwritten_makes_the_list_of_people_anew) {
    struct reader r = {0};
    unit_engine_hello(&relay);
    say(1);
    append(ENTRY_JOIN, 1, "", "ann");
    overwrite_names();
    say(1);
    unit_engine_all(&relay);
    cr_assert_eq(unit_engine.renewed, 1);
    read_all(&r);
    cr_assert_eq(unit_engine.items, 2);
    cr_assert_eq(r.next, 2);
    cr_assert_eq(r.missed, 0);
    cr_assert_eq(r.gaps, 1, "the others look who is there");
}

Test(relay_engine, a_coming_that_the_list_has_may_be_overwritten) {
    struct reader r = {0};
    append(ENTRY_JOIN, 1, "", "ann");
    overwrite_names();
    say(1);
    unit_engine_hello(&relay);
    unit_engine_all(&relay);
    cr_assert_eq(unit_engine.renewed, 0);
    read_all(&r);
    cr_assert_eq(r.gaps, 1);
}

/* What a slot's worker has not applied may not be in the list either. */
Test(relay_engine, the_list_has_what_every_worker_has_applied) {
    append(ENTRY_JOIN, 1, "", "ann");
    overwrite_names();
    say(1);
    atomic_store(&seg.slots[2].cursor, 1);
    atomic_store(&seg.slots[2].state, SLOT_DEAD);
    unit_engine_hello(&relay);
    pass_work(&relay);
    cr_assert_eq(unit_engine.renewed, 1);
    atomic_store(&seg.slots[2].cursor, room_count(&seg.room));
    unit_engine_all(&relay);
    cr_assert_eq(unit_engine.renewed, 1);
}

/* The machine was in nobody's reach yet, so that no other has missed it, but it is counted. */
Test(relay_engine, what_is_overwritten_before_the_first_hello_is_counted) {
    struct reader r = {0};
    say(5000);
    unit_engine_hello(&relay);
    cr_assert_eq(unit_engine.hello_acked, 0);
    cr_assert_eq(unit_engine.hello_lines, 0);
    unit_engine_all(&relay);
    all_is_told(&r);
    cr_assert_eq(r.gaps, 1);
}

/* ---- deaths ---- */

/* The engine has executed `run` items, the relay was told `told` of the answers, and its place was
 * committed before any of them, or after them. */
static void dies(uint32_t run, uint32_t told, bool committed) {
    pass_work(&relay);
    unit_engine_run(run);
    unit_engine_answer(&relay, told);
    if (committed)
        unit_passing_commit(&relay);
    unit_engine_drop();
    unit_passing(&relay, &seg);
    unit_passing_apply(&relay);
    say(3);
    unit_engine_hello(&relay);
}

Test(relay_engine, a_successor_goes_on_wherever_its_predecessor_died) {
    unit_passing_commit(&relay);
    unit_engine_hello(&relay);
    for (uint32_t run = 0; run < 12; run++)
        for (uint32_t told = 0; told <= run; told++)
            for (int committed = 0; committed < 2; committed++) {
                say(10);
                dies(run, told, committed);
                if (committed)
                    unit_engine_all(&relay);
            }
    whole();
    cr_assert_eq(relay.place.acked_lines, said);
}

Test(relay_engine, a_successor_after_a_lap_counts_what_is_overwritten) {
    struct reader r = {0};
    unit_engine_hello(&relay);
    say(100);
    unit_engine_all(&relay);
    unit_passing_commit(&relay);
    unit_engine_drop();
    say(6000);
    struct relay_place applied = relay.place; /* what binds the ledger goes on: it is local */
    unit_passing(&relay, &seg);
    relay.place.index = applied.index;
    relay.place.own_lines = applied.own_lines;
    unit_engine_hello(&relay);
    unit_engine_all(&relay);
    all_is_told(&r);
}

/* ---- what the list of people is told ---- */

Test(relay_engine, the_list_of_people_is_the_same_after_any_repetition) {
    unit_engine_hello(&relay);
    append(ENTRY_JOIN, 1, "", "ann");
    append(ENTRY_JOIN, 1, "", "bob");
    append(ENTRY_LEAVE, 1, "", "ann");
    say(1);
    unit_engine_all(&relay);
    cr_assert_str_eq(unit_people(), "bob |");
    engine_goes_back(3);
    unit_person_set("ann", "");
    unit_person_clear("bob");
    say(1);
    unit_engine_all(&relay);
    cr_assert_str_eq(unit_people(), "bob |");
}
