/* unit_relay_world.c - who is elsewhere, and which machines are in reach. */
#include "tests/unit_relay.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct segment seg;
static struct relay_process relay;
static struct worker worker;
static struct unit_machine paris, rome;

static void set_up(void) {
    UNIT_RELAY_ROOM(&seg, &worker, &relay);
    paris = UNIT_PARIS;
    rome = UNIT_ROME;
}
TestSuite(relay_world, .init = set_up);

/* The engine's list: paris with the names, up to a NULL. */
static void world_of_paris(const char *const *names) {
    unit_world_begin(&relay);
    unit_world_node(&relay, &paris);
    while (*names)
        unit_world_person(&relay, *names++);
    unit_world_end(&relay);
}
#define WORLD_OF_PARIS(...) world_of_paris((const char *const[]){__VA_ARGS__})

Test(relay_world, the_list_makes_the_rows_without_a_word) {
    WORLD_OF_PARIS("ann", "bob", NULL);
    unit_told(&seg, "*** paris is back (2 people).\r\n");
    cr_assert_not_null(unit_remote(&relay, "ann@paris"));
    cr_assert_not_null(unit_remote(&relay, "bob@paris"));
    cr_assert_eq(unit_people(&seg), 2);
    WORLD_OF_PARIS("bob", "eve", NULL);
    unit_told(&seg, "");
    cr_assert_null(unit_remote(&relay, "ann@paris"));
    cr_assert_not_null(unit_remote(&relay, "eve@paris"));
    cr_assert_eq(unit_people(&seg), 2);
}

Test(relay_world, of_a_machine_with_nobody_nothing_is_said_at_first) {
    WORLD_OF_PARIS(NULL);
    unit_told(&seg, "");
    unit_send(&relay, &paris, ITEM_END, "", "");
    unit_told(&seg, "*** paris is out of reach (0 people).\r\n");
    paris.turn++;
    unit_send(&relay, &paris, ITEM_HELLO, "", "");
    unit_told(&seg, "");
    WORLD_OF_PARIS(NULL);
    unit_told(&seg, "*** paris is back (0 people).\r\n");
}

Test(relay_world, one_person_is_a_person) {
    WORLD_OF_PARIS("ann", NULL);
    unit_told(&seg, "*** paris is back (1 person).\r\n");
}

Test(relay_world, a_machine_goes_and_comes_back_once_however_often_that_is_read) {
    WORLD_OF_PARIS("ann", NULL);
    unit_send(&relay, &paris, ITEM_END, "", "");
    cr_assert_eq(unit_people(&seg), 0);
    paris.turn++;
    unit_send(&relay, &paris, ITEM_HELLO, "", "");
    WORLD_OF_PARIS("ann", "bob", NULL);
    unit_told(&seg, "*** paris is back (1 person).\r\n"
                    "*** paris is out of reach (1 person).\r\n"
                    "*** paris is back (2 people).\r\n");
    unit_read_again(&relay);
    WORLD_OF_PARIS("ann", "bob", NULL);
    unit_told(&seg, "");
}

/* Names that nobody has would lengthen every search. */
Test(relay_world, a_machine_that_goes_leaves_no_name_behind) {
    WORLD_OF_PARIS("ann", "bob", NULL);
    unit_send(&relay, &paris, ITEM_END, "", "");
    cr_assert_eq(unit_people(&seg), 0);
    for (uint32_t i = 0; i < seg.names.len; i++) {
        uint64_t owner = atomic_load(&seg.names.at[i].owner);
        cr_assert(owner == 0 || owner == NAME_TABLE_VOID || (uint32_t)owner < seg.clients.len);
    }
}

/* The items from before the list's moment come behind it. */
Test(relay_world, items_that_the_list_is_ahead_of_find_it_done) {
    WORLD_OF_PARIS("bob", NULL);
    unit_told(&seg, "*** paris is back (1 person).\r\n");
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    unit_send(&relay, &paris, ITEM_LEAVE, "ann", "");
    unit_send(&relay, &paris, ITEM_NICK, "eve", "bob");
    cr_assert_not_null(unit_remote(&relay, "bob@paris"));
    cr_assert_null(unit_remote(&relay, "ann@paris"));
    cr_assert_eq(unit_people(&seg), 1);
}

Test(relay_world, a_hello_asks_for_the_list) {
    relay.world.due = false;
    unit_send(&relay, &rome, ITEM_HELLO, "", "");
    cr_assert(relay.world.due);
}

/* The engine knows better. */
Test(relay_world, an_end_that_is_a_lie_is_mended_by_the_list) {
    WORLD_OF_PARIS("ann", NULL);
    unit_send(&relay, &paris, ITEM_END, "", "");
    cr_assert(relay.world.due);
    WORLD_OF_PARIS("ann", NULL);
    unit_told(&seg, "*** paris is back (1 person).\r\n"
                    "*** paris is out of reach (1 person).\r\n"
                    "*** paris is back (1 person).\r\n");
    cr_assert_not_null(unit_remote(&relay, "ann@paris"));
}

Test(relay_world, this_machine_is_not_elsewhere) {
    struct unit_machine own = {.node = "london", .life = 5, .turn = 1};
    unit_world_begin(&relay);
    unit_world_node(&relay, &own);
    unit_world_person(&relay, "me");
    unit_world_node(&relay, &rome);
    unit_world_person(&relay, "leo");
    unit_world_end(&relay);
    unit_told(&seg, "*** rome is back (1 person).\r\n");
    cr_assert_eq(unit_people(&seg), 1);
}

Test(relay_world, lies_in_the_list_are_refused) {
    unit_world_begin(&relay);
    unit_world_node(&relay, &rome);
    unit_world_person(&relay, "*** The server");
    unit_world_person(&relay, "leo@paris");
    unit_world_person(&relay, "leo");
    struct unit_machine bad = {.node = "../paris", .life = 5};
    unit_world_node(&relay, &bad);
    unit_world_person(&relay, "ann");
    unit_world_end(&relay);
    cr_assert_eq(unit_people(&seg), 1);
    cr_assert_eq(relay.shared->refused, 3);
}

/* An engine that has lost all is told who is there by each machine in turn. */
Test(relay_world, a_machine_that_the_engine_has_forgotten_has_time_to_come_back) {
    WORLD_OF_PARIS("ann", NULL);
    unit_told(&seg, "*** paris is back (1 person).\r\n");
    unit_world_begin(&relay);
    unit_world_end(&relay);
    unit_told(&seg, "");
    cr_assert_neq(relay.world.again_at, 0);
    relay.up_at -= 60000;
    relay.world.again_at = 1;
    world_look(&relay, clock_ms());
    cr_assert(relay.world.due);
    unit_world_begin(&relay);
    unit_world_end(&relay);
    unit_told(&seg, "*** paris is out of reach (1 person).\r\n");
    cr_assert_eq(unit_people(&seg), 0);
    unit_world_begin(&relay);
    unit_world_end(&relay);
    unit_told(&seg, "");
}

Test(relay_world, a_connection_that_is_lost_in_the_middle_of_the_list_takes_nobody_away) {
    WORLD_OF_PARIS("ann", "bob", NULL);
    unit_world_begin(&relay);
    unit_world_node(&relay, &paris);
    unit_world_person(&relay, "ann");
    struct link_event lost = {.kind = LINK_LOST};
    cr_assert(relay_event(&relay, &lost));
    unit_up(&relay);
    cr_assert_not(relay.world.asked);
    cr_assert(relay.world.due);
    cr_assert_eq(unit_people(&seg), 2);
}

/* ---- the link ---- */

static void link_goes(uint64_t ms_ago) {
    struct link_event lost = {.kind = LINK_LOST};
    cr_assert(relay_event(&relay, &lost));
    relay.down_at -= ms_ago;
}

Test(relay_world, a_link_that_is_down_for_long_is_spoken_of_once) {
    link_goes(0);
    events_notice(&relay);
    unit_told(&seg, "");
    cr_assert_not(relay_is_up(relay.shared));
    relay.down_at -= 3000;
    events_notice(&relay);
    events_notice(&relay);
    unit_told(&seg, "*** The link to the other machines is down.\r\n");
    struct relay_process successor;
    atomic_store(&seg.slots[RELAY_SLOT].state, SLOT_DEAD);
    unit_relay(&successor, &seg);
    relay = successor;
    relay.down_at -= 3000;
    events_notice(&relay);
    unit_told(&seg, "");
    unit_up(&relay);
    cr_assert(relay_is_up(relay.shared));
    events_notice(&relay);
    events_notice(&relay);
    unit_told(&seg, "*** The link to the other machines is up again.\r\n");
}

Test(relay_world, a_link_that_is_down_for_a_moment_is_not_spoken_of) {
    WORLD_OF_PARIS("ann", NULL);
    unit_told_to = room_count(&seg.room);
    link_goes(1000);
    events_notice(&relay);
    unit_up(&relay);
    events_notice(&relay);
    unit_told(&seg, "");
    cr_assert_not_null(unit_remote(&relay, "ann@paris"));
}

Test(relay_world, a_higher_life_of_this_machine_is_outdone) {
    struct link_event later = {.kind = LINK_LATER, .life = UINT64_C(1) << 62};
    cr_assert(relay_event(&relay, &later));
    cr_assert_eq(relay_place(relay.shared)->life, (UINT64_C(1) << 62) + 1);
}

/* Reading begins a minute before, because another engine may lack the last of it; and behind what
 * it has, if that is less. */
Test(relay_world, the_stream_is_read_from_a_minute_before) {
    struct link_event hello = {.kind = LINK_HELLO, .turn = 2, .last = {900000, 5}};
    relay.place.in = (struct stream_id){800000, 3};
    cr_assert(relay_event(&relay, &hello));
    cr_assert_eq(relay.reading.at.ms, 740000);
    hello.last = (struct stream_id){700000, 5};
    cr_assert(relay_event(&relay, &hello));
    cr_assert_eq(relay.reading.at.ms, 640000);
    relay.place.floor = (struct stream_id){690000, 1};
    cr_assert(relay_event(&relay, &hello));
    cr_assert_eq(relay.reading.at.ms, 690000);
    hello.last = (struct stream_id){300000, 0};
    cr_assert(relay_event(&relay, &hello));
    cr_assert_eq(relay.reading.at.ms, 240000);
}

/* ---- earlier lines ---- */

static void earlier_lines(uint32_t first) {
    struct link_event end = {.kind = LINK_HISTORY};
    for (uint32_t i = unit_sent; i-- > first;)
        cr_assert(unit_read(&relay, i));
    cr_assert(relay_event(&relay, &end));
    events_settle(&relay);
}

static void earlier_wanted(void) {
    relay.w.config.history = 5;
    relay.place.filled = 0;
    relay.earlier = (struct earlier){.asked = true, .most = 5, .at = calloc(5, 8192)};
    relay.caught = (struct stream_id){2000 + unit_sent, 0};
}

Test(relay_world, earlier_lines_are_read_from_the_stream_and_not_again) {
    struct unit_machine own = {.node = "london", .life = 1, .turn = 1, .index = 1};
    for (int i = 0; i < 4; i++)
        unit_add(&paris, ITEM_SAY, "ann", "", "too old");
    unit_add(&paris, ITEM_SAY, "ann", "", "one");
    unit_add(&paris, ITEM_JOIN, "eve", "", "");
    unit_add(&own, ITEM_SAY, "me", "", "two");
    unit_add(&rome, ITEM_ME, "leo", "", "waves");
    unit_add(&own, ITEM_SAY, "me", "", "four");
    unit_add(&own, ITEM_SAY, "me", "", "five");
    earlier_wanted();
    earlier_lines(0);
    unit_told(&seg, "ann@paris: one\r\nme: two\r\n* leo@rome waves\r\nme: four\r\nme: five\r\n");
    cr_assert_eq(relay.place.filled, 1);
    cr_assert_eq(relay.place.own_lines, 0);
    cr_assert_eq(relay.place.floor.ms, 2000 + unit_sent);
    cr_assert_eq(relay_place(relay.shared)->filled, 1);
    unit_send(&relay, &paris, ITEM_SAY, "ann", "six");
    unit_told(&seg, "ann@paris: six\r\n");
}

Test(relay_world, a_successor_goes_on_with_earlier_lines) {
    unit_add(&paris, ITEM_SAY, "ann", "", "one");
    unit_add(&paris, ITEM_SAY, "ann", "", "two");
    earlier_wanted();
    earlier_lines(0);
    relay.place.filled = 0; /* died before the last store */
    relay.place.in = relay.in.in = (struct stream_id){2001, 0};
    unit_add(&paris, ITEM_SAY, "ann", "", "three");
    earlier_wanted();
    earlier_lines(0);
    unit_told(&seg, "ann@paris: one\r\nann@paris: two\r\nann@paris: three\r\n");
}

/* Its turn was put far ahead by a lie, so the true end looks like an old one. */
Test(relay_world, an_end_that_is_not_new_asks_for_the_list) {
    WORLD_OF_PARIS("ann", NULL);
    paris.turn += 1000;
    unit_send(&relay, &paris, ITEM_HELLO, "", "");
    WORLD_OF_PARIS("ann", NULL);
    paris.turn -= 1000;
    cr_assert_not(relay.world.due);
    unit_send(&relay, &paris, ITEM_END, "", "");
    cr_assert(relay.world.due);
    cr_assert_not_null(unit_remote(&relay, "ann@paris"));
}

Test(relay_world, a_list_that_takes_long_is_asked_for_seldom) {
    relay.reading.caught = true;
    unit_world_begin(&relay);
    relay.world.asked_us -= 500000;
    unit_world_end(&relay);
    relay.world.due = true;
    cr_assert_not(world_wanted(&relay, clock_us()));
    cr_assert(world_wanted(&relay, clock_us() + 9 * UINT64_C(1000000)));
    unit_world_begin(&relay);
    relay.world.asked_us -= 60 * UINT64_C(1000000);
    unit_world_end(&relay);
    relay.world.due = true;
    cr_assert(world_wanted(&relay, clock_us() + 10 * UINT64_C(1000000)));
}
