/* unit_apply.c - the effects of committed entries on a worker's clients: each once, and in the
 * order of the ledger. */
#include "tests/unit_worker.h"
#include "worker/ledger/move.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"
#include "worker/state/pause.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>

static struct segment seg;
static struct worker worker;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
}
TestSuite(apply, .init = set_up);

/* Applies again from `index`, like the successor of a worker that died before it stored the
 * cursor. */
static void apply_again_from(uint64_t index) {
    atomic_store(&worker.slot->cursor, index);
    cr_assert(apply(&worker));
}

/* Whether any bucket of the name table names the client. */
static bool has_bucket(struct client *c) {
    bool any = false;
    for (uint32_t i = 0; i < seg.names.len; i++)
        any |= atomic_load(&seg.names.at[i].owner) == client_tag(&worker, c);
    return any;
}

static void claim_again(struct client *c, const char *name) {
    uint64_t key = speaker_key(&worker, name), tag = client_tag(&worker, c);
    cr_assert(name_table_claim(&seg.names, &seg.room, &seg.clients, 0, key, 0, (uint32_t)tag,
                               (uint32_t)(tag >> 32)));
    name_table_confirm(&seg.names, key, (uint32_t)tag, (uint32_t)(tag >> 32), 0);
}

static void stage_simple(struct client *c, enum entry_kind kind, const void *side, uint32_t len) {
    uint64_t tag = client_tag(&worker, c);
    struct staged *s = stage_add(&worker.stage, kind, (uint32_t)tag, (uint32_t)(tag >> 32),
                                 client_facts(c)->consumed, segment_ticks(&seg));
    stage_side(&worker.stage, s, side, len);
}

/* ---- input ---- */

Test(apply, a_line_is_consumed_once_though_it_is_applied_twice) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    worker.config.flood_rate = 1;
    worker.config.flood_burst = 9;
    unit_type(&worker, ann, peer, "one\ntwo\n");
    publish(&worker);
    cr_assert_eq(room_count(&seg.room), 3);
    cr_assert_eq(client_facts(ann)->consumed, 0);
    cr_assert(apply(&worker));
    struct facts once = *client_facts(ann);
    cr_assert_eq(once.consumed, 8);
    cr_assert_eq(once.seen, 3);
    cr_assert_eq(once.rx, NO_BUFFER, "nothing is left in it");
    cr_assert_eq(atomic_load(&worker.slot->cursor), 3);
    apply_again_from(1);
    cr_assert_eq(memcmp(client_facts(ann), &once, sizeof once), 0, "no field has changed");
    unit_flush(&worker);
    unit_hears(peer, "ann: one\r\nann: two\r\n");
}

/* The cursor belongs to the slot, `seen` to the client: of two entries after the cursor, a client
 * may have seen one. */
Test(apply, only_what_a_client_has_not_seen_is_applied) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    unit_type(&worker, ann, peer, "one\ntwo\n");
    publish(&worker);
    struct facts *f = client_begin(ann);
    f->consumed = f->raw_off = 4;
    f->seen = 2;
    client_commit(ann);
    cr_assert(apply(&worker));
    cr_assert_eq(client_facts(ann)->consumed, 8);
}

Test(apply, an_entry_of_a_former_client_of_the_descriptor_changes_nothing) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    unit_type(&worker, ann, peer, "one\n");
    publish(&worker);
    room_entry(&seg.room, 1)->generation++;
    cr_assert(apply(&worker));
    cr_assert_eq(client_facts(ann)->consumed, 0);
    cr_assert_eq(atomic_load(&worker.slot->cursor), 2, "and holds nothing up");
}

/* ---- private lines ---- */

Test(apply, a_private_line_reaches_its_addressee_alone_in_its_place) {
    int peer[3];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    unit_named(&worker, "cat", &peer[2]);
    unit_say(&worker, ann, "one");
    unit_type(&worker, bob, peer[1], "/msg ann back\n");
    unit_say(&worker, ann, "two");
    unit_turn(&worker);
    unit_hears(peer[0], "ann: one\r\n[bob] back\r\nann: two\r\n");
    unit_hears(peer[1], "ann: one\r\n[to ann] back\r\nann: two\r\n");
    unit_hears(peer[2], "ann: one\r\nann: two\r\n");
    cr_assert_eq(client_facts(ann)->reply_client, client_index(&worker, bob));
    cr_assert(client_is(bob, client_facts(ann)->reply_generation));
}

Test(apply, a_private_line_is_sent_once_though_it_is_applied_twice) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    unit_named(&worker, "bob", &peer[1]);
    unit_type(&worker, ann, peer[0], "/msg bob hello\n");
    publish(&worker);
    cr_assert(apply(&worker));
    apply_again_from(1);
    unit_flush(&worker);
    unit_hears(peer[0], "[to bob] hello\r\n");
    unit_hears(peer[1], "[ann] hello\r\n");
}

Test(apply, a_private_line_to_oneself_is_both_copies) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    unit_type(&worker, ann, peer, "/msg ann note\n");
    unit_turn(&worker);
    unit_hears(peer, "[to ann] note\r\n[ann] note\r\n");
}

Test(apply, a_line_to_an_addressee_that_does_not_read_is_refused) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    cr_assert(unit_reply(&worker, bob, 32768 + 1));
    bob->mode = MODE_BLOCKED;
    unit_type(&worker, ann, peer[0], "/msg bob hello\n");
    unit_turn(&worker);
    unit_hears(peer[0], "*** bob is not reading; your line was not delivered.\r\n");
    cr_assert_eq(client_facts(bob)->lines_lost, 0);
    cr_assert_eq(client_facts(bob)->tx_len, 32768 + 1, "nothing was added");
    flush_unblock(&worker, bob);
    cr_assert_eq(strlen(unit_heard(peer[1])), 32768 + 1);
    unit_type(&worker, ann, peer[0], "/msg bob again\n");
    unit_turn(&worker);
    unit_hears(peer[0], "[to bob] again\r\n");
    unit_hears(peer[1], "[ann] again\r\n");
}

Test(apply, an_addressee_with_so_much_unread_still_gets_the_line) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    cr_assert(unit_reply(&worker, bob, 32768));
    bob->mode = MODE_BLOCKED;
    unit_type(&worker, ann, peer[0], "/msg bob hello\n");
    unit_turn(&worker);
    cr_assert_eq(client_facts(bob)->lines_lost, 0);
    flush_unblock(&worker, bob);
    cr_assert_str_eq(unit_heard(peer[1]) + 32768, "[ann] hello\r\n");
}

Test(apply, without_a_free_buffer_a_private_line_is_counted_as_lost) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    unit_type(&worker, ann, peer[0], "/msg bob hello\n");
    publish(&worker);
    unit_take_buffers(&worker);
    cr_assert(apply(&worker), "it waits for no buffer");
    cr_assert_eq(client_facts(bob)->lines_lost, 1);
    cr_assert_eq(client_facts(bob)->seen, 2);
    cr_assert_eq(client_facts(ann)->consumed, strlen("/msg bob hello\n"));
    cr_assert(pause_has(&worker, client_index(&worker, bob), PAUSE_BUFFERS));
    unit_give_buffers(&worker);
    unit_flush(&worker);
    unit_hears(peer[1], "*** 1 line skipped\r\n");
}

/* ---- joins, nicks, leaves ---- */

Test(apply, a_join_brings_name_greeting_message_of_the_day_and_history) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    worker.config.history = 2;
    worker.config.motd_len = 5;
    memcpy(worker.config.motd, "today", 5);
    for (int i = 0; i < 3; i++)
        unit_speak(&worker, ann, i == 0 ? "one" : i == 1 ? "two" : "three");
    struct client *bob = unit_newcomer(&worker, &peer[1]);
    pause_client(&worker, bob, PAUSE_ARRIVAL);
    cr_assert_eq(worker.members.unauthenticated, 1);
    struct line line = {.consumed = 0};
    cr_assert_eq(say_join(&worker, bob, &line, "bob"), LINE_STAGED);
    unit_turn(&worker);
    char text[256];
    const char *heard = unit_heard(peer[1]);
    const char *two = strstr(heard, "ann: two"), *three = strstr(heard, "ann: three");
    cr_assert(two && three, "%s", heard);
    snprintf(text, sizeof text,
             "Welcome to Units\r\ntoday\r\n*** 2 earlier lines\r\n%.8sann: two\r\n"
             "%.8sann: three\r\nUse \"/help\" for the commands.\r\nbob has entered the room.\r\n",
             two - 8, three - 8);
    cr_assert_str_eq(heard, text);
    const uint32_t in = FACT_IN_ROOM | FACT_NAMED | FACT_GREETED;
    cr_assert_eq(client_facts(bob)->flags & in, in);
    cr_assert_str_eq(unit_name(&worker, bob), "bob");
    cr_assert_eq(worker.members.unauthenticated, 0);
    cr_assert_not(pause_has(&worker, client_index(&worker, bob), PAUSE_ARRIVAL));
    room_entry(&seg.room, 4)->kind = ENTRY_SPEECH; /* as if the ledger had overwritten the entry */
    cr_assert_eq(unit_holder(&worker, "bob"), client_index(&worker, bob), "it is confirmed");
}

/* A successor comes to a join whose text, and some after it, is overwritten. */
Test(apply, a_join_before_the_guard_counts_what_is_overwritten) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_newcomer(&worker, &peer[1]);
    struct line line = {.consumed = 0};
    cr_assert_eq(say_join(&worker, bob, &line, "bob"), LINE_STAGED);
    unit_say(&worker, ann, "one");
    unit_say(&worker, ann, "two");
    unit_say(&worker, ann, "three");
    publish(&worker);
    atomic_store(&worker.slot->guard, room_count(&seg.room) - 1);
    unit_turn(&worker);
    unit_hears(peer[1], "Welcome to Units\r\nUse \"/help\" for the commands.\r\n"
                        "*** 3 lines skipped\r\nann: three\r\n");
}

Test(apply, a_join_that_is_not_announced_is_sent_to_its_client_alone) {
    int peer[2];
    unit_named(&worker, "ann", &peer[0]);
    worker.config.announce_max = 1;
    for (int i = 0; i < 2; i++) {
        struct client *c = unit_newcomer(&worker, &peer[1]);
        struct line line = {.consumed = 0};
        say_join(&worker, c, &line, i == 0 ? "bob" : "cat");
        unit_turn(&worker);
    }
    unit_hears(peer[0], "bob has entered the room.\r\n");
    unit_hears(
        peer[1],
        "Welcome to Units\r\nUse \"/help\" for the commands.\r\ncat has entered the room.\r\n");
}

Test(apply, a_leave_frees_the_name_only_while_adopting) {
    for (int adopting = 0; adopting < 2; adopting++) {
        int peer;
        struct client *ann = unit_named(&worker, "ann", &peer);
        stage_simple(ann, ENTRY_LEAVE, "", 0);
        leave_begin(&worker, ann, NULL);
        publish(&worker); /* as if it had died before it freed the name: there is no old key */
        worker.adopting = adopting;
        cr_assert(has_bucket(ann));
        cr_assert(apply(&worker));
        worker.adopting = false;
        cr_assert(client_facts(ann)->flags & FACT_LEFT);
        cr_assert_eq(has_bucket(ann), !adopting);
        stage_reset(&worker.stage);
        if (!adopting)
            name_table_clear(&seg.names, speaker_key(&worker, "ann"), client_index(&worker, ann),
                             (uint32_t)(client_tag(&worker, ann) >> 32));
    }
}

Test(apply, a_nick_frees_the_old_name_only_while_adopting) {
    for (int adopting = 0; adopting < 2; adopting++) {
        int peer;
        struct client *c = unit_named(&worker, adopting ? "cat" : "ann", &peer);
        struct line line = {.consumed = 0};
        say_nick(&worker, c, &line, adopting ? "dan" : "bob");
        publish(&worker);
        claim_again(c, adopting ? "cat" : "ann"); /* as if it had not been freed */
        worker.adopting = adopting;
        unit_round(&worker);
        cr_assert_str_eq(unit_name(&worker, c), adopting ? "dan" : "bob");
        cr_assert_eq(unit_holder(&worker, adopting ? "dan" : "bob"), client_index(&worker, c));
    }
    cr_assert_neq(unit_holder(&worker, "ann"), NO_CLIENT);
    cr_assert_eq(unit_holder(&worker, "cat"), NO_CLIENT);
}

Test(apply, a_nick_to_the_same_name_written_otherwise_keeps_it) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    struct line line = {.consumed = 0};
    worker.adopting = true;
    say_nick(&worker, ann, &line, "ANN");
    unit_round(&worker);
    cr_assert_str_eq(unit_name(&worker, ann), "ANN");
    cr_assert_eq(unit_holder(&worker, "ann"), client_index(&worker, ann));
}

/* Both ways: the key that the new name shares with the old one stays, the other one is freed. */
Test(apply, a_nick_frees_one_key_of_two_while_adopting) {
    static const char *const names[] = {"paul", "pauI", "paul", "PAUL"};
    int peer;
    struct client *c = unit_named(&worker, "paul", &peer);
    for (int i = 1; i < 4; i++) {
        struct line line = {.consumed = 0};
        say_nick(&worker, c, &line, names[i]);
        publish(&worker);
        worker.adopting = true;
        unit_round(&worker);
        const uint64_t keys[] = {speaker_key(&worker, names[i]), speaker_look(&worker, names[i])};
        uint32_t used = 0;
        for (uint32_t k = 0; k < seg.names.len; k++)
            if (atomic_load(&seg.names.at[k].owner) == client_tag(&worker, c)) {
                cr_assert(seg.names.at[k].key == keys[0] || seg.names.at[k].key == keys[1]);
                used++;
            }
        cr_assert_eq(used, 2, "%s: %u", names[i], used);
    }
}

/* ---- moves ---- */

/* A client of slot 1 on a TCP connection, because the receiver of a move reads the socket's byte
 * counters. */
static struct client *tcp_client(int *peer) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct facts facts = unit_facts(&worker, FACT_IN_ROOM);
    struct in6_addr address = in6addr_loopback;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    *peer = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    cr_assert_eq(connect(*peer, (struct sockaddr *)&at, sizeof at), 0);
    int fd = accept(listener, NULL, NULL);
    cr_assert(fd >= 0 && (uint32_t)fd < seg.clients.len);
    close(listener);
    struct client *c = worker_client(&worker, (uint32_t)fd);
    cr_assert_neq(client_claim(c, client_word(c), 1, socket_cookie(fd)), 0);
    client_open(c, 1, socket_cookie(fd), &facts, &address, 1);
    seg.header->counters_exact = 1;
    return c;
}

static void commit_move(struct client *c, uint32_t from, uint32_t to) {
    struct side_move move = {from, to};
    unit_slot(&seg, 1, SLOT_SERVING);
    stage_simple(c, ENTRY_MOVE, &move, sizeof move);
    publish(&worker);
    stage_reset(&worker.stage);
}

Test(apply, the_receiver_of_a_move_waits_until_the_giver_has_let_go) {
    int peer, other;
    struct client *c = tcp_client(&peer), *ann = unit_named(&worker, "ann", &other);
    uint32_t fd = client_index(&worker, c);
    commit_move(c, 1, 0);
    uint64_t at = room_count(&seg.room) - 1;
    unit_say(&worker, ann, "behind it");
    publish(&worker);
    for (int i = 0; i < 3; i++) {
        cr_assert_not(apply(&worker));
        cr_assert_not(worker.settled);
        cr_assert_eq(atomic_load(&worker.slot->cursor), at, "no entry behind it is applied");
        cr_assert_not(worker_serves(&worker, fd));
    }
    atomic_store(&c->slot, 0);
    cr_assert(apply(&worker));
    cr_assert(worker.settled);
    cr_assert(worker_serves(&worker, fd));
    cr_assert(client_live(c));
    cr_assert_eq(client_facts(c)->seen, at + 1);
    cr_assert_eq(atomic_load(&worker.slot->cursor), at + 2);
    apply_again_from(at);
    cr_assert_eq(worker.members.count, 2, "it is adopted once");
}

Test(apply, a_move_whose_client_has_left_or_moved_on_has_no_effect) {
    int peer;
    struct client *c = tcp_client(&peer);
    commit_move(c, 1, 0);
    uint64_t word = atomic_load(&c->state_word);
    atomic_store(&c->state_word, client_state_word(client_generation(word), CLIENT_CLOSING));
    cr_assert(apply(&worker), "the giver has closed it");
    atomic_store(&c->state_word, word + (1ull << 32));
    apply_again_from(1);
    atomic_store(&c->state_word, word);
    atomic_store(&c->slot, 2);
    apply_again_from(1);
    cr_assert_eq(worker.members.count, 0);
}

Test(apply, the_giver_of_a_move_lets_go_and_wakes_the_receiver) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    commit_move(ann, 0, 1);
    unit_sleeper(&seg, 1);
    cr_assert(apply(&worker));
    cr_assert_eq(atomic_load(&ann->slot), 1);
    cr_assert_not(worker_serves(&worker, client_index(&worker, ann)));
    cr_assert(client_live(ann));
    cr_assert_eq(atomic_load(&seg.slots[1].asleep), 0);
}

/* A later move has brought the client back: the entry is older than its `seen`. */
Test(apply, a_move_that_its_client_has_seen_moves_nothing) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    commit_move(ann, 0, 1);
    client_begin(ann)->seen = room_count(&seg.room);
    client_commit(ann);
    cr_assert(apply(&worker));
    cr_assert_eq(atomic_load(&ann->slot), 0);
    cr_assert(worker_serves(&worker, client_index(&worker, ann)));
}
