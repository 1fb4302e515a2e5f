/* unit_relay_death.c - the relay dies between any two of its stores: its successor tells the room
 * what was not told, once, and knows who is elsewhere. */
#include "tests/unit_relay.h"
#include "worker/ledger/publish.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static struct segment seg;
static struct relay_process relay, successor;
static struct worker worker;
static struct unit_machine paris, rome;

/* Where the relay dies, with an item staged: before it is an entry; before that takes effect;
 * when it has had effect on the records alone; on the place as well; not at all. */
enum death { STAGED, PUBLISHED, RECORDED, PLACED, LIVES };

/* The words that say how far it is. */
struct words_of_place {
    struct relay_place place[2];
    uint32_t turn;
    uint64_t cursor, guard;
};

static struct words_of_place words_now(void) {
    const struct relay *r = &seg.header->relay;
    const struct slot *slot = &seg.slots[RELAY_SLOT];
    return (struct words_of_place){{r->place[0], r->place[1]},
                                   atomic_load(&r->turn),
                                   atomic_load(&slot->cursor),
                                   atomic_load(&slot->guard)};
}

static void words_restore(const struct words_of_place *words, enum death death) {
    struct relay *r = &seg.header->relay;
    struct slot *slot = &seg.slots[RELAY_SLOT];
    if (death == RECORDED)
        atomic_store(&r->turn, words->turn);
    atomic_store(&slot->cursor, words->cursor);
    atomic_store(&slot->guard, words->guard);
}

static void set_up(void) {
    UNIT_RELAY_ROOM(&seg, &worker, &relay);
    paris = UNIT_PARIS;
    rome = UNIT_ROME;
}
TestSuite(relay_death, .init = set_up);

static void die(enum death death) {
    struct words_of_place words = words_now();
    if (death == PUBLISHED)
        publish(&relay.w);
    if (death >= RECORDED)
        events_settle(&relay);
    if (death == RECORDED || death == PLACED)
        words_restore(&words, death);
    if (death == LIVES)
        return;
    atomic_store(&seg.slots[RELAY_SLOT].state, SLOT_DEAD);
    unit_relay(&successor, &seg);
    relay = successor;
    unit_up(&relay);
    unit_read_again(&relay);
}

/* An item is read, and the relay dies. */
static void send_and_die(struct unit_machine *m, enum item_kind kind, const char *who,
                         const char *text, enum death death) {
    unit_add(m, kind, who, "", text);
    cr_assert(unit_read(&relay, unit_sent - 1));
    die(death);
}

/* Rows that are neither free nor somebody's. */
static void no_row_is_lost(uint32_t people) {
    uint32_t live = 0;
    for (uint32_t row = 0; row < atomic_load(&seg.header->remote_high); row++)
        live += client_state(client_word(relay_record(&relay, row))) != CLIENT_FREE;
    cr_assert_eq(live, people);
    cr_assert_eq(relay.remotes.free_count, atomic_load(&seg.header->remote_high) - people);
    cr_assert_eq(unit_people(&seg), people);
}

static void talk(enum death death) {
    send_and_die(&paris, ITEM_HELLO, "", "", death);
    send_and_die(&rome, ITEM_HELLO, "", "", death);
    send_and_die(&paris, ITEM_JOIN, "ann", "", death);
    send_and_die(&rome, ITEM_JOIN, "leo", "", death);
    send_and_die(&paris, ITEM_SAY, "ann", "hello", death);
    send_and_die(&paris, ITEM_NICK, "ann", "anna", death);
    send_and_die(&rome, ITEM_ME, "leo", "waves", death);
    send_and_die(&paris, ITEM_SYS, "", "tea at five", death);
    no_row_is_lost(2);
    send_and_die(&paris, ITEM_LEAVE, "anna", "", death);
    send_and_die(&paris, ITEM_JOIN, "bob", "", death);
    send_and_die(&rome, ITEM_KICK, "leo", "", death);
    send_and_die(&rome, ITEM_LEAVE, "leo", "", death);
    unit_told(&seg, "ann@paris has entered the room.\r\n"
                    "leo@rome has entered the room.\r\n"
                    "ann@paris: hello\r\n"
                    "ann@paris is now known as anna@paris.\r\n"
                    "* leo@rome waves\r\n"
                    "*** tea at five\r\n"
                    "anna@paris has left the room.\r\n"
                    "bob@paris has entered the room.\r\n"
                    "leo@rome was asked to leave.\r\n");
    no_row_is_lost(1);
    cr_assert_not_null(unit_remote(&relay, "bob@paris"));
    cr_assert_eq(unit_holder(&worker, "bob@paris"),
                 client_index(&worker, unit_remote(&relay, "bob@paris")));
}

Test(relay_death, it_lives) {
    talk(LIVES);
}
Test(relay_death, before_an_item_is_an_entry) {
    talk(STAGED);
}
Test(relay_death, before_an_entry_takes_effect) {
    talk(PUBLISHED);
}
Test(relay_death, when_a_record_has_changed_and_the_place_has_not) {
    talk(RECORDED);
}
Test(relay_death, when_the_place_has_moved_and_the_slot_has_not) {
    talk(PLACED);
}

/* A machine goes out of reach with everybody, in one entry; and is back. */
static void go_away(enum death death) {
    unit_send(&relay, &paris, ITEM_HELLO, "", "");
    unit_world_begin(&relay);
    unit_world_node(&relay, &paris);
    unit_world_person(&relay, "ann");
    unit_world_person(&relay, "bob");
    unit_world_end(&relay);
    unit_send(&relay, &rome, ITEM_JOIN, "leo", "");
    unit_told(&seg, "*** paris is back (2 people).\r\nleo@rome has entered the room.\r\n");
    no_row_is_lost(3);
    unit_add(&paris, ITEM_END, "", "", "");
    struct words_of_place words = words_now();
    cr_assert(unit_read(&relay, unit_sent - 1)); /* is published at once */
    if (death < LIVES)
        words_restore(&words, death);
    die(death < LIVES ? STAGED : LIVES);
    unit_told(&seg, "*** paris is out of reach (2 people).\r\n");
    no_row_is_lost(1);
    cr_assert_null(unit_remote(&relay, "ann@paris"));
    cr_assert_not_null(unit_remote(&relay, "leo@rome"));
    cr_assert_eq(relay.place.node[intake_node(&relay, "paris")].state, RELAY_NODE_AWAY);
}

Test(relay_death, a_machine_is_away_and_the_relay_lives) {
    go_away(LIVES);
}
Test(relay_death, when_the_people_of_a_machine_have_gone_and_the_place_does_not_know) {
    go_away(RECORDED);
}
Test(relay_death, when_the_people_of_a_machine_have_gone_and_the_slot_does_not_know) {
    go_away(PLACED);
}

/* Those who came back meanwhile stay. */
Test(relay_death, an_absence_that_is_applied_again_takes_nobody_who_came_afterwards) {
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    paris.turn = 2;
    struct words_of_place words = words_now();
    unit_send(&relay, &paris, ITEM_END, "", "");
    paris.turn = 3;
    unit_send(&relay, &paris, ITEM_HELLO, "", "");
    unit_send(&relay, &paris, ITEM_JOIN, "bob", "");
    cr_assert_eq(unit_people(&seg), 1);
    atomic_store(&seg.header->relay.turn, words.turn); /* as if nothing of it were in the place */
    seg.header->relay.place[words.turn & 1] = words.place[words.turn & 1];
    die(STAGED);
    cr_assert_not_null(unit_remote(&relay, "bob@paris"));
    no_row_is_lost(1);
}

/* A record was claimed, and the coming never became an entry. */
Test(relay_death, a_row_that_was_claimed_for_nothing_is_free_again) {
    send_and_die(&paris, ITEM_JOIN, "ann", "", LIVES);
    uint64_t key = speaker_key(&worker, "bob@paris");
    cr_assert_neq(remote_claim(&relay, 0, key, false), NO_ROW);
    struct client *c = relay_record(&relay, 1);
    cr_assert(client_live(c));
    die(STAGED);
    no_row_is_lost(1);
    /* or was being claimed */
    cr_assert_neq(remote_claim(&relay, 0, key, false), NO_ROW);
    atomic_store(&c->state_word,
                 client_state_word(client_generation(client_word(c)), CLIENT_FILLING));
    die(STAGED);
    no_row_is_lost(1);
}

/* Of the lines that are this machine's own the place knows the number, whatever dies. */
Test(relay_death, own_lines_are_counted_once) {
    int peer;
    struct client *bob = unit_named(&worker, "bob", &peer);
    for (int i = 0; i < 5; i++) {
        unit_speak(&worker, bob, "mine");
        send_and_die(&paris, ITEM_SAY, "ann", "yours", (enum death)i);
    }
    settle(&relay);
    cr_assert_eq(relay.place.own_lines, 5);
    cr_assert_eq(relay.place.index, room_count(&seg.room));
    cr_assert_eq(atomic_load(&seg.slots[RELAY_SLOT].cursor), room_count(&seg.room));
    cr_assert_eq(atomic_load(&seg.slots[RELAY_SLOT].guard), room_count(&seg.room));
}

/* A private line whose addressee is absent: the note bears the item's mark. */
Test(relay_death, an_answer_to_a_private_line_is_given_once) {
    unit_send(&relay, &paris, ITEM_JOIN, "ann", "");
    for (int death = STAGED; death <= LIVES; death++) {
        unit_add(&paris, ITEM_MSG, "ann", "bob@london", "psst");
        cr_assert(unit_read(&relay, unit_sent - 1));
        die((enum death)death);
        uint32_t notes = 0;
        for (uint64_t i = 1; i < room_count(&seg.room); i++)
            notes += room_entry(&seg.room, i)->kind == ENTRY_NOTE;
        cr_assert_eq(notes, (uint32_t)death + 1);
    }
}

/* It begins where the last one ended; where that is overwritten, at the ledger's end. */
Test(relay_death, an_unused_slot_is_entered_where_the_last_process_ended) {
    int peer;
    struct client *bob = unit_named(&worker, "bob", &peer);
    settle(&relay);
    atomic_store(&seg.slots[RELAY_SLOT].state, SLOT_UNUSED);
    unit_speak(&worker, bob, "while there is no relay");
    unit_relay(&successor, &seg);
    cr_assert_eq(successor.place.own_lines, 1);
    successor.place.from = 0; /* as if the room had been on this machine alone since */
    place_commit(&successor);
    atomic_store(&seg.slots[RELAY_SLOT].state, SLOT_UNUSED);
    unit_speak(&worker, bob, "for this machine alone");
    unit_relay(&successor, &seg);
    cr_assert_eq(successor.place.own_lines, 1);
    cr_assert_eq(successor.place.from, room_count(&seg.room));
    atomic_store(&seg.slots[RELAY_SLOT].state, SLOT_UNUSED);
    static char text[1000];
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 1000; i++) {
        unit_speak(&worker, bob, text);
        unit_heard(peer);
    }
    unit_relay(&successor, &seg);
    cr_assert_eq(successor.place.index, room_count(&seg.room));
    cr_assert_eq(atomic_load(&seg.slots[RELAY_SLOT].cursor), room_count(&seg.room));
}
