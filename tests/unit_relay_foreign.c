/* unit_relay_foreign.c - items of other machines become what the room is told, once each. */
#include "tests/unit_relay.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct segment seg;
static struct relay_process relay;
static struct worker worker; /* in slot 0, with people of this machine */
static struct unit_machine paris;

static void set_up(void) {
    UNIT_RELAY_ROOM(&seg, &worker, &relay);
    paris = UNIT_PARIS;
    unit_send(&relay, &paris, ITEM_HELLO, "", "");
    unit_told(&seg, "");
}
TestSuite(relay_foreign, .init = set_up);

static uint32_t entries_of(enum entry_kind kind) {
    uint32_t n = 0;
    for (uint64_t i = 1; i < room_count(&seg.room); i++)
        n += room_entry(&seg.room, i)->kind == kind;
    return n;
}

/* ---- kinds ---- */

Test(relay_foreign, every_kind_of_item_is_told_in_the_servers_words) {
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    unit_send(&relay, &paris, ITEM_SAY, "ann", "hello");
    unit_send(&relay, &paris, ITEM_ME, "ann", "waves");
    unit_send(&relay, &paris, ITEM_NICK, "ann", "anna");
    unit_send(&relay, &paris, ITEM_SYS, "", "tea at five");
    unit_send(&relay, &paris, ITEM_LEAVE, "anna", "");
    unit_told(&seg, "ann@paris has entered the room.\r\n"
                    "ann@paris: hello\r\n"
                    "* ann@paris waves\r\n"
                    "ann@paris is now known as anna@paris.\r\n"
                    "*** tea at five\r\n"
                    "anna@paris has left the room.\r\n");
    cr_assert_eq(unit_people(&seg), 0);
    cr_assert_eq(relay.shared->lines_in, 2);
}

Test(relay_foreign, who_is_here_is_known_by_name_and_counted) {
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    unit_send(&relay, &paris, ITEM_JOIN, "bot", "b");
    const struct client *ann = unit_remote(&relay, "ann@paris");
    cr_assert_not_null(ann);
    cr_assert_eq(unit_holder(&worker, "ann@paris"), client_index(&worker, ann));
    cr_assert_eq(unit_holder(&worker, "ANN@paris"), client_index(&worker, ann));
    cr_assert_not(client_facts(ann)->web & WEB_BOT);
    const struct client *bot = unit_remote(&relay, "bot@paris");
    cr_assert_not_null(bot);
    cr_assert(client_facts(bot)->web & WEB_BOT);
    cr_assert_eq(atomic_load(&ann->slot), RELAY_SLOT);
    cr_assert_eq(unit_people(&seg), 2);
    unit_send(&relay, &paris, ITEM_NICK, "ann", "anna");
    cr_assert_null(unit_remote(&relay, "ann@paris"));
    cr_assert_eq(unit_holder(&worker, "ann@paris"), NO_CLIENT);
    cr_assert_eq(unit_holder(&worker, "anna@paris"), client_index(&worker, ann));
    unit_send(&relay, &paris, ITEM_LEAVE, "anna", "");
    cr_assert_null(unit_remote(&relay, "anna@paris"));
    cr_assert_eq(unit_holder(&worker, "anna@paris"), NO_CLIENT);
    cr_assert_eq(unit_people(&seg), 1);
    cr_assert_eq(relay.place.node[0].people, 1);
}

Test(relay_foreign, a_row_is_used_again) {
    for (int i = 0; i < 100; i++) {
        unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
        unit_send(&relay, &paris, ITEM_LEAVE, "ann", "");
    }
    cr_assert_eq(atomic_load(&seg.header->remote_high), 1);
}

/* In one batch, as when the link was down meanwhile. */
Test(relay_foreign, who_leaves_and_comes_back_at_once_is_there) {
    uint32_t first = unit_sent;
    unit_add(&paris, ITEM_JOIN, "ann", "", "");
    unit_add(&paris, ITEM_LEAVE, "ann", "", "");
    unit_add(&paris, ITEM_JOIN, "ann", "", "");
    unit_add(&paris, ITEM_NICK, "ann", "", "eve");
    unit_add(&paris, ITEM_JOIN, "ann", "", "");
    for (uint32_t i = first; i < unit_sent; i++)
        cr_assert(unit_read(&relay, i));
    events_settle(&relay);
    cr_assert_not_null(unit_remote(&relay, "ann@paris"));
    cr_assert_not_null(unit_remote(&relay, "eve@paris"));
    cr_assert_eq(unit_people(&seg), 2);
    cr_assert_eq(relay.shared->refused, 0);
}

Test(relay_foreign, of_a_kick_the_room_is_told_once) {
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    unit_send(&relay, &paris, ITEM_KICK, "ann", "");
    unit_send(&relay, &paris, ITEM_LEAVE, "ann", "");
    unit_told(&seg, "ann@paris has entered the room.\r\nann@paris was asked to leave.\r\n");
    cr_assert_eq(unit_people(&seg), 0);
}

Test(relay_foreign, a_guest_of_an_open_room_is_named_where_people_log_in) {
    unit_send(&relay, &paris, ITEM_BARE, "10.0.0.5:4711", "ann: I am not ann");
    unit_told(&seg, "10.0.0.5:4711@paris: ann: I am not ann\r\n");
    relay.w.config.login = false;
    unit_send(&relay, &paris, ITEM_BARE, "10.0.0.5:4711", "as it was typed");
    unit_told(&seg, "as it was typed\r\n");
}

Test(relay_foreign, in_a_crowd_comings_and_goings_are_not_told) {
    relay.w.config.announce_max = 1;
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    unit_send(&relay, &paris, ITEM_JOIN, "bob", "");
    unit_told(&seg, "ann@paris has entered the room.\r\n");
    cr_assert_eq(unit_people(&seg), 2);
}

Test(relay_foreign, a_line_that_comes_late_begins_with_its_time) {
    char text[64];
    paris.age_ms = 3600 * 1000;
    unit_send(&relay, &paris, ITEM_SAY, "ann", "an hour ago");
    const struct entry *entry = room_entry(&seg.room, room_count(&seg.room) - 1);
    struct stamp stamp = {0};
    struct stamp_now now = stamp_now(&seg);
    uint32_t n = stamp_text(&stamp, &now, entry->time, text);
    snprintf(text + n, sizeof text - n, "ann@paris: an hour ago\r\n");
    cr_assert(entry->flags & ENTRY_STAMPED);
    cr_assert_eq((segment_ticks(&seg) - entry->time) / 6000, 60);
    unit_told(&seg, text);
}

/* ---- once ---- */

Test(relay_foreign, what_is_read_twice_is_told_once) {
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    unit_send(&relay, &paris, ITEM_SAY, "ann", "hello");
    unit_send(&relay, &paris, ITEM_LEAVE, "ann", "");
    unit_send(&relay, &paris, ITEM_END, "", "");
    uint64_t count = room_count(&seg.room);
    unit_read_again(&relay);
    unit_read_again(&relay);
    cr_assert_eq(room_count(&seg.room), count);
}

Test(relay_foreign, this_machines_own_items_are_not_told_again) {
    struct unit_machine own = {.node = "london", .life = UINT64_MAX, .turn = 1, .index = 1};
    unit_send(&relay, &own, ITEM_SAY, "bob", "hello");
    unit_told(&seg, "");
    cr_assert_eq(relay.place.in.ms, 2000 + unit_sent - 1);
}

Test(relay_foreign, nor_are_they_when_this_machine_is_called_otherwise) {
    uint64_t life = relay.place.life;
    struct unit_machine own = {.node = "london", .life = life, .turn = 1, .index = 1};
    unit_add(&own, ITEM_SAY, "bob", "", "hello");
    strcpy(relay.w.config.node, "lyon");
    segment_publish_config(&seg, &relay.w.config);
    atomic_store(&seg.slots[RELAY_SLOT].state, SLOT_DEAD);
    struct relay_process lyon;
    unit_relay(&lyon, &seg);
    cr_assert_neq(lyon.place.life, life);
    cr_assert_eq(lyon.place.former, life);
    cr_assert_eq(lyon.place.from, lyon.place.index, "what was said before is not said again");
    cr_assert(unit_read(&lyon, unit_sent - 1));
    events_settle(&lyon);
    unit_told(&seg, "");
}

static void call_it(struct relay_process *p, const char *node) {
    strcpy(relay.w.config.node, node);
    segment_publish_config(&seg, &relay.w.config);
    atomic_store(&seg.slots[RELAY_SLOT].state, SLOT_DEAD);
    unit_relay(p, &seg);
}

/* A name that was never in reach has passed on nothing; of one that was, nothing is read again. */
Test(relay_foreign, nor_when_it_was_called_otherwise_more_than_once) {
    uint64_t life = relay.place.life;
    struct stream_id in = relay.place.in;
    struct relay_process lyon, nice, oslo;
    call_it(&lyon, "lyon");
    cr_assert_eq(memcmp(&lyon.place.floor, &in, sizeof in), 0);
    call_it(&nice, "nice");
    cr_assert_eq(nice.place.former, life);
    unit_up(&nice);
    unit_send(&nice, &paris, ITEM_SAY, "ann", "hello");
    life = nice.place.life;
    in = nice.place.in;
    call_it(&oslo, "oslo");
    cr_assert_eq(oslo.place.former, life);
    cr_assert_eq(memcmp(&oslo.place.floor, &in, sizeof in), 0);
    cr_assert_neq(in.ms, 0);
}

/* While the one of the old name said goodbye. */
Test(relay_foreign, what_was_not_passed_on_under_the_old_name_is_under_the_new_one) {
    struct relay_process lyon;
    uint64_t acked = relay.place.acked;
    unit_send(&relay, &paris, ITEM_SAY, "ann", "one more entry");
    cr_assert_eq(relay.place.acked, acked);
    cr_assert_gt(relay.place.index, acked + 1);
    call_it(&lyon, "lyon");
    cr_assert_eq(lyon.place.from, acked + 1);
    cr_assert_eq(lyon.place.acked, acked);
}

Test(relay_foreign, lines_that_are_missing_are_counted) {
    unit_send(&relay, &paris, ITEM_SAY, "ann", "one");
    for (int i = 0; i < 3; i++)
        unit_add(&paris, ITEM_SAY, "ann", "", "lost");
    unit_add(&paris, ITEM_JOIN, "bob", "", "");
    relay.world.due = false;
    unit_send(&relay, &paris, ITEM_SAY, "ann", "five");
    unit_told(&seg, "ann@paris: one\r\n*** 3 lines skipped\r\nann@paris: five\r\n");
    cr_assert(relay.world.due, "someone may have come or left meanwhile");
    cr_assert_eq(relay.shared->skipped_in, 3);
}

Test(relay_foreign, lines_that_the_other_machine_could_not_pass_on_are_counted) {
    unit_send(&relay, &paris, ITEM_SAY, "ann", "one");
    paris.lines += 2;
    unit_send(&relay, &paris, ITEM_SAY, "ann", "four");
    unit_told(&seg, "ann@paris: one\r\n*** 2 lines skipped\r\nann@paris: four\r\n");
}

Test(relay_foreign, more_missing_lines_than_there_are_items_between_are_a_lie) {
    unit_send(&relay, &paris, ITEM_SAY, "ann", "one");
    paris.lines += 1000000;
    unit_send(&relay, &paris, ITEM_SAY, "ann", "two");
    unit_told(&seg, "ann@paris: one\r\nann@paris: two\r\n");
    cr_assert_eq(relay.shared->skipped_in, 0);
}

Test(relay_foreign, a_missing_coming_is_no_missing_line) {
    unit_send(&relay, &paris, ITEM_SAY, "ann", "one");
    unit_add(&paris, ITEM_JOIN, "bob", "", "");
    relay.world.due = false;
    unit_send(&relay, &paris, ITEM_SAY, "ann", "two");
    unit_told(&seg, "ann@paris: one\r\nann@paris: two\r\n");
    cr_assert(relay.world.due);
}

Test(relay_foreign, a_machine_that_is_first_heard_in_its_middle_has_skipped_nothing) {
    struct unit_machine rome = {
        .node = "rome", .life = 3, .turn = 1, .index = 900, .prev = 900, .lines = 400};
    unit_send(&relay, &rome, ITEM_SAY, "leo", "ciao");
    unit_told(&seg, "leo@rome: ciao\r\n");
}

Test(relay_foreign, a_new_life_begins_anew_and_the_old_one_is_over) {
    unit_send(&relay, &paris, ITEM_SAY, "ann", "one");
    struct unit_machine before = paris;
    paris = (struct unit_machine){.node = "paris", .life = 8, .turn = 1, .index = 1, .prev = 1};
    unit_send(&relay, &paris, ITEM_HELLO, "", "");
    unit_send(&relay, &paris, ITEM_SAY, "ann", "two");
    unit_send(&relay, &before, ITEM_SAY, "ann", "of the old life");
    unit_told(&seg, "ann@paris: one\r\nann@paris: two\r\n");
    unit_read_again(&relay);
    unit_told(&seg, "");
}

/* ---- lies ---- */

Test(relay_foreign, what_is_no_item_is_refused_and_does_not_hold_up_others) {
    static const char *const lies[] = {
        "",
        "2\tparis\t0000000000000007\t1\t10\t12\t1\t0\tsay\tann\t\thello",
        "1\tparis\t0000000000000007\t1\t10\t12\t1\t0\tsay\tann@paris\t\thello",
        "1\tparis\t0000000000000007\t1\t10\t12\t1\t0\tsay\t*** The server\t\thello",
        "1\tPARIS\t0000000000000007\t1\t10\t12\t1\t0\tsay\tann\t\thello",
        "1\tparis\t0000000000000007\t1\t12\t12\t1\t0\tsay\tann\t\thello",
    };
    enum { LIES = sizeof lies / sizeof lies[0] };
    for (int i = 0; i < LIES; i++) {
        struct link_event ev = {
            .kind = LINK_ITEM, .id = {3000, 0}, .bytes = lies[i], .len = strlen(lies[i])};
        cr_assert(relay_event(&relay, &ev));
    }
    events_settle(&relay);
    unit_told(&seg, "");
    cr_assert_eq(relay.shared->refused, LIES);
    unit_send(&relay, &paris, ITEM_SAY, "ann", "true");
    unit_told(&seg, "ann@paris: true\r\n");
}

/* It would silence the machine for good. */
Test(relay_foreign, a_life_of_a_time_to_come_is_refused_until_the_list_has_it) {
    struct unit_machine liar = paris;
    liar.life = UINT64_MAX;
    unit_send(&relay, &liar, ITEM_SAY, "ann", "a lie");
    unit_send(&relay, &liar, ITEM_END, "", "");
    unit_send(&relay, &paris, ITEM_SAY, "ann", "true");
    unit_told(&seg, "ann@paris: true\r\n");
    cr_assert_eq(relay.shared->refused, 2);
    unit_world_begin(&relay);
    unit_world_node(&relay, &liar);
    unit_world_end(&relay);
    unit_send(&relay, &liar, ITEM_SAY, "ann", "by a clock that was wrong");
    unit_told(&seg, "ann@paris: by a clock that was wrong\r\n");
}

Test(relay_foreign, control_characters_of_another_machine_reach_no_terminal) {
    unit_send(&relay, &paris, ITEM_SAY, "ann", "\033[2Jbold\r\nann@rome: lies");
    unit_told(&seg, "ann@paris: [2Jbold  ann@rome: lies\r\n");
}

Test(relay_foreign, machines_beyond_the_limit_are_refused) {
    for (int i = 0; i < RELAY_NODES + 3; i++) {
        char node[16];
        snprintf(node, sizeof node, "node%d", i);
        struct unit_machine m = {.node = node, .life = 5, .turn = 1, .index = 5};
        unit_send(&relay, &m, ITEM_JOIN, "ann", "");
    }
    cr_assert_eq(unit_people(&seg), RELAY_NODES); /* paris had nobody, and gave its place */
    cr_assert_eq(relay.shared->refused, 3);
}

Test(relay_foreign, a_machine_that_is_away_gives_its_place_to_another) {
    for (int i = 0; i < RELAY_NODES + 3; i++) {
        char node[16];
        snprintf(node, sizeof node, "node%d", i);
        struct unit_machine m = {.node = node, .life = 5, .turn = 1, .index = 5};
        unit_send(&relay, &m, ITEM_SAY, "ann", "hello");
    }
    cr_assert_eq(relay.shared->refused, 0);
    cr_assert_eq(relay.shared->lines_in, RELAY_NODES + 3);
}

/* ---- limits ---- */

Test(relay_foreign, people_beyond_the_limit_speak_and_are_not_listed) {
    uint32_t most = seg.clients.remote_len;
    for (uint32_t i = 0; i < most + 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "ann%u", i);
        unit_send(&relay, &paris, ITEM_JOIN, name, "");
    }
    cr_assert_eq(unit_people(&seg), most);
    cr_assert_eq(relay.shared->refused, 5);
    char last[16], came[64];
    snprintf(last, sizeof last, "ann%u", most + 4);
    snprintf(came, sizeof came, "%s@paris has entered the room.\r\n", last);
    cr_assert_not_null(strstr(unit_room(&seg, unit_told_to), came));
    unit_told_to = room_count(&seg.room);
    unit_send(&relay, &paris, ITEM_SAY, last, "I am here");
    unit_send(&relay, &paris, ITEM_LEAVE, last, "");
    char said[64];
    snprintf(said, sizeof said, "%s@paris: I am here\r\n", last);
    unit_told(&seg, said);
    cr_assert_eq(unit_people(&seg), most);
    unit_send(&relay, &paris, ITEM_LEAVE, "ann0", "");
    unit_send(&relay, &paris, ITEM_JOIN, "late", "");
    cr_assert_not_null(unit_remote(&relay, "late@paris"));
}

/* The worker keeps the ring: what finds no room is asked for again, and nothing is lost. */
Test(relay_foreign, a_full_ring_keeps_items_waiting) {
    char text[1000], name[16];
    uint32_t said = 0;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    atomic_store(&worker.slot->guard, room_count(&seg.room));
    bool read = true;
    while (read && unit_sent < 200) {
        snprintf(name, sizeof name, "ann%u", said++);
        unit_add(&paris, ITEM_SAY, name, "", text);
        read = unit_read(&relay, unit_sent - 1);
    }
    cr_assert_not(read, "64 KB hold no 200 lines of 1 KB");
    uint32_t waiting = unit_sent - 1;
    cr_assert_not(unit_read(&relay, waiting));
    for (int i = 0; i < 8 && !read; i++) {
        atomic_store(&worker.slot->guard, room_count(&seg.room));
        atomic_store(&worker.slot->cursor, room_count(&seg.room));
        read = unit_read(&relay, waiting);
    }
    cr_assert(read);
    events_settle(&relay);
    cr_assert_eq(entries_of(ENTRY_SPEECH), said);
    cr_assert_eq(relay.shared->lines_in, said);
    cr_assert_eq(relay.shared->skipped_in, 0);
}

/* People have heard the server's last words, and the transcript has ended. */
Test(relay_foreign, nothing_is_taken_any_more_when_the_server_ends) {
    atomic_store(&seg.header->shutdown, 1);
    unit_send(&relay, &paris, ITEM_SAY, "ann", "too late");
    unit_told(&seg, "");
    cr_assert_eq(relay.place.node[0].mark, 10);
    atomic_store(&seg.header->shutdown, 0);
    unit_read_again(&relay);
    unit_told(&seg, "ann@paris: too late\r\n");
}

/* ---- private lines ---- */

static int bob_peer;

static struct client *bob(void) {
    return unit_named(&worker, "bob", &bob_peer);
}

/* The last note, "" if there is none; its addressee. */
static const char *note(enum relay_note *what, struct side_private *to) {
    for (uint64_t i = room_count(&seg.room) - 1; i > 0; i--) {
        uint32_t len;
        if (room_entry(&seg.room, i)->kind != ENTRY_NOTE)
            continue;
        const uint8_t *side = room_side(&seg.room, i, &len);
        memcpy(to, side, sizeof *to);
        *what = (enum relay_note)side[sizeof *to];
        return (const char *)side + sizeof *to + 1;
    }
    return "";
}

Test(relay_foreign, a_private_line_reaches_its_addressee_alone) {
    bob();
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    unit_turn(&worker);
    unit_hears(bob_peer, "ann@paris has entered the room.\r\n");
    unit_send_to(&relay, &paris, ITEM_MSG, "ann", "bob@london", "psst");
    unit_send_to(&relay, &paris, ITEM_MSG, "ann", "bob@rome", "for another bob");
    unit_turn(&worker);
    unit_hears(bob_peer, "[ann@paris] psst\r\n");
    cr_assert_eq(entries_of(ENTRY_NOTE), 0);
    unit_read_again(&relay);
    unit_turn(&worker);
    unit_hears(bob_peer, "");
}

Test(relay_foreign, an_absent_addressee_is_told_to_the_speaker_elsewhere) {
    enum relay_note what;
    struct side_private to;
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    unit_send_to(&relay, &paris, ITEM_MSG, "ann", "bob@london", "psst");
    cr_assert_str_eq(note(&what, &to), "bob");
    cr_assert_eq(what, RELAY_NOTE_NOBODY);
    cr_assert_eq(to.client, client_index(&worker, unit_remote(&relay, "ann@paris")));
    unit_read_again(&relay);
    cr_assert_eq(entries_of(ENTRY_NOTE), 1);
}

/* In one batch: a note finds its addressee only once its coming is applied. */
Test(relay_foreign, nor_is_the_answer_lost_on_who_has_just_come) {
    uint32_t first = unit_sent;
    unit_add(&paris, ITEM_JOIN, "ann", "", "");
    unit_add(&paris, ITEM_MSG, "ann", "bob@london", "psst");
    cr_assert(unit_read(&relay, first));
    cr_assert(unit_read(&relay, first + 1));
    events_settle(&relay);
    cr_assert_eq(entries_of(ENTRY_NOTE), 1);
}

Test(relay_foreign, an_addressee_that_does_not_read_is_told_to_the_speaker_elsewhere) {
    enum relay_note what;
    struct side_private to;
    struct client *c = bob();
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    unit_turn(&worker);
    while (unit_reply(&worker, c, 16384))
        ;
    unit_send_to(&relay, &paris, ITEM_MSG, "ann", "bob@london", "psst");
    cr_assert_str_eq(note(&what, &to), "bob");
    cr_assert_eq(what, RELAY_NOTE_UNREAD);
    cr_assert_eq(entries_of(ENTRY_PRIVATE), 0);
}

Test(relay_foreign, what_became_of_a_private_line_is_told_to_its_speaker_here) {
    enum relay_note what;
    struct side_private to;
    uint64_t tag = client_tag(&worker, bob());
    unit_send_to(&relay, &paris, ITEM_NOBODY, "ann", "bob@london", "");
    cr_assert_str_eq(note(&what, &to), "ann@paris");
    cr_assert_eq(what, RELAY_NOTE_NOBODY);
    cr_assert_eq(to.client, (uint32_t)tag);
    unit_send_to(&relay, &paris, ITEM_UNREAD, "ann", "bob@london", "");
    cr_assert_str_eq(note(&what, &to), "ann@paris");
    cr_assert_eq(what, RELAY_NOTE_UNREAD);
    unit_send_to(&relay, &paris, ITEM_UNREAD, "ann", "bob@rome", "");
    cr_assert_eq(entries_of(ENTRY_NOTE), 2);
}

/* ---- operators ---- */

static void mute(const char *name) {
    struct restriction_table *table = restriction_edit(seg.restrictions, clock_wall_ms());
    struct mute *m = &table->mute[table->mutes++];
    *m = (struct mute){.key = speaker_key(&worker, name)};
    restriction_publish(seg.restrictions);
}

Test(relay_foreign, who_is_muted_here_is_not_heard) {
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    mute("ann@paris");
    unit_send(&relay, &paris, ITEM_SAY, "ann", "not heard");
    unit_send(&relay, &paris, ITEM_SAY, "bob", "heard");
    unit_told(&seg, "ann@paris has entered the room.\r\nbob@paris: heard\r\n");
}

Test(relay_foreign, a_line_that_was_staged_when_its_speaker_was_muted_is_not_heard) {
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    unit_add(&paris, ITEM_SAY, "ann", "", "staged");
    cr_assert(unit_read(&relay, unit_sent - 1));
    cr_assert_eq(relay.w.stage.count, 1);
    mute("ann@paris");
    atomic_fetch_add(&seg.room.shared->orders, 1);
    events_settle(&relay);
    unit_told(&seg, "ann@paris has entered the room.\r\n");
    unit_read_again(&relay);
    unit_told(&seg, "");
}
