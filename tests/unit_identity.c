/* unit_identity.c - what nobody sees from outside of a guest's leave, of numbers for names and of
 * private lines: counts that must not drift, and effects that are applied twice. */
#include "tests/unit_worker.h"
#include "worker/command/announce.h"
#include "worker/command/greeting.h"
#include "worker/command/whom.h"
#include "worker/output/overrun.h"
#include "worker/record/check.h"
#include "worker/record/leave.h"
#include "worker/state/label.h"
#include "worker/state/pause.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct segment seg;
static struct worker worker;
static const char asking[] = "Please log in\r\nUse \"login <nick>\"\r\n";

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
}
TestSuite(identity_unit, .init = set_up);

static void reload(bool login) {
    worker.config.login = login;
    greeting_reloaded(&worker);
    input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
}

static uint32_t people(void) {
    return room_entry(&seg.room, room_count(&seg.room) - 1)->people;
}

/* A guest that has joined the open room, so that it is counted. */
static struct client *guest(int *peer) {
    struct client *c = unit_newcomer(&worker, peer);
    worker.config.login = false;
    struct line nothing = {.consumed = 0};
    cr_assert_eq(say_join(&worker, c, &nothing, NULL), LINE_STAGED);
    unit_turn(&worker);
    unit_heard(*peer);
    return c;
}

static void apply_again_from(uint64_t index) {
    atomic_store(&worker.slot->cursor, index);
    cr_assert(apply(&worker));
}

/* ---- guests ---- */

Test(identity_unit, a_reload_that_asks_for_names_is_applied_once) {
    int peer[3];
    struct client *c[3];
    for (int i = 0; i < 3; i++)
        c[i] = guest(&peer[i]);
    cr_assert_eq(people(), 3);
    cr_assert_eq(worker.members.unauthenticated, 0);
    uint64_t before = room_count(&seg.room);
    for (int i = 0; i < 3; i++)
        unit_heard(peer[i]);
    reload(true);
    for (int i = 0; i < 3; i++)
        cr_assert(pause_has(&worker, client_index(&worker, c[i]), PAUSE_ARRIVAL));
    unit_turn(&worker);
    apply_again_from(before);
    unit_flush(&worker);
    cr_assert_eq(people(), 0);
    cr_assert_eq(worker.members.unauthenticated, 3);
    for (int i = 0; i < 3; i++) {
        const struct facts *f = client_facts(c[i]);
        cr_assert(client_live(c[i]));
        cr_assert_not(f->flags & (FACT_IN_ROOM | FACT_LEFT | FACT_NAMED));
        cr_assert_eq(worker.pauses.why[client_index(&worker, c[i])], 0);
        cr_assert_null(record_check(&seg, c[i]));
        const char *heard = unit_heard(peer[i]), *at = strstr(heard, asking);
        cr_assert(at && strcmp(at, asking) == 0, "once, and nothing behind it: %s", heard);
    }
    reload(true); /* once more: nothing is due */
    cr_assert_eq(worker.stage.count, 0);
    reload(false);
    cr_assert_eq(worker.members.unauthenticated, 0);
    cr_assert_eq(people(), 0, "they are quiet");
    worker.tenths += ANNOUNCE_TENTHS + 1;
    announce_look(&worker);
    input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
    unit_turn(&worker);
    cr_assert_eq(people(), 3);
}

Test(identity_unit, what_is_due_follows_from_record_and_configuration) {
    static const struct {
        uint32_t flags;
        bool login, due;
    } cases[] = {
        {FACT_GREETED, true, false},
        {FACT_GREETED, false, true},
        {FACT_GREETED | FACT_IN_ROOM, true, true},
        {FACT_GREETED | FACT_IN_ROOM, false, false},
        {FACT_GREETED | FACT_IN_ROOM | FACT_NAMED, true, false},
        {FACT_GREETED | FACT_IN_ROOM | FACT_NAMED, false, false},
        {0, true, true},
        {0, false, true},
    };
    int peer;
    struct client *c = unit_newcomer(&worker, &peer);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        client_begin(c)->flags = cases[i].flags;
        client_commit(c);
        worker.config.login = cases[i].login;
        cr_expect_eq(greeting_due(&worker, c), cases[i].due, "case %zu", i);
    }
}

/* The reloads come faster than what they make due is applied. */
Test(identity_unit, a_reload_between_staging_and_applying_is_not_missed) {
    int peer;
    struct client *c = unit_newcomer(&worker, &peer);
    uint32_t fd = client_index(&worker, c);
    reload(false);
    announce_now(&worker, c);
    input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
    cr_assert_eq(worker.stage.count, 1, "a join");
    worker.config.login = true; /* its join is not applied yet */
    greeting_reloaded(&worker);
    unit_round(&worker);
    cr_assert(client_facts(c)->flags & FACT_IN_ROOM);
    cr_assert(pause_has(&worker, fd, PAUSE_ARRIVAL), "nothing is read of it");
    input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
    cr_assert_eq(worker.stage.count, 1, "a leave");
    worker.config.login = false;
    greeting_reloaded(&worker);
    unit_round(&worker);
    cr_assert_not(client_facts(c)->flags & FACT_IN_ROOM);
    input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
    unit_round(&worker);
    cr_assert(client_facts(c)->flags & FACT_IN_ROOM);
    cr_assert_eq(worker.pauses.why[fd], 0);
    cr_assert_eq(people(), 0, "it is quiet");
}

Test(identity_unit, a_guest_that_closes_meanwhile_leaves_once) {
    int peer;
    struct client *c = guest(&peer);
    reload(true);
    leave_begin(&worker, c, NULL);
    unit_round(&worker);
    cr_assert_eq(client_state(atomic_load(&c->state_word)), CLIENT_FREE);
    cr_assert_eq(people(), 0);
    cr_assert_eq(worker.members.count, 0);
    cr_assert_eq(worker.members.unauthenticated, 0);
}

/* Its socket is full: the lines before its leave are counted, and the record stays sound. */
Test(identity_unit, lines_that_a_guest_has_not_been_sent_are_counted) {
    for (int waiting = 0; waiting < 2; waiting++) {
        int peer[2];
        struct client *slow = guest(&peer[0]),
                      *ann = unit_named(&worker, waiting ? "bob" : "ann", &peer[1]);
        if (waiting)
            cr_assert(unit_reply(&worker, slow, 100));
        slow->mode = MODE_BLOCKED;
        unit_speak(&worker, ann, "one");
        unit_speak(&worker, ann, "two");
        reload(true);
        unit_round(&worker);
        cr_assert_eq(client_facts(slow)->lines_lost, 2);
        cr_assert_null(record_check(&seg, slow));
        flush_unblock(&worker, slow);
        const char *heard = unit_heard(peer[0]);
        char want[300] = "";
        if (waiting)
            memset(want, 'r', 100);
        strcat(strcat(want, asking), "*** 2 lines skipped\r\n");
        cr_assert_str_eq(heard, want);
        cr_assert_null(record_check(&seg, slow));
    }
}

/* A torn line is ended before anything is said, with a buffer and without one. */
Test(identity_unit, a_line_that_was_torn_is_ended_before_the_asking) {
    for (int without = 0; without < 2; without++) {
        int peer[2];
        struct client *slow = guest(&peer[0]),
                      *ann = unit_named(&worker, without ? "bob" : "ann", &peer[1]);
        slow->mode = MODE_BLOCKED;
        unit_speak(&worker, ann, "one");
        atomic_fetch_add(&slow->sent, 2); /* "an" */
        slow->mode = MODE_BLOCKED;
        reload(true);
        publish(&worker);
        if (without)
            unit_take_buffers(&worker);
        cr_assert(apply(&worker));
        cr_assert_null(record_check(&seg, slow));
        if (without) {
            cr_assert_not(client_facts(slow)->flags & FACT_IN_ROOM);
            unit_give_buffers(&worker);
            continue;
        }
        flush_unblock(&worker, slow);
        unit_hears(peer[0], "n: one\r\nPlease log in\r\nUse \"login <nick>\"\r\n");
    }
}

/* ---- numbers ---- */

Test(identity_unit, only_what_an_encoding_cannot_show_becomes_a_number) {
    static const struct {
        const char *label;
        bool gbk, big5;
    } cases[] = {
        {"bob", true, true},      {"李四", true, true},   {"张说", true, false},
        {"김철수", false, false}, {"अमित", false, false}, {"[::1]:6666", true, true},
        {"ÜBER", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[LABEL_TEXT];
        const char *label = cases[i].label;
        cr_expect_eq(label_shown(ENC_UTF8, label, 7, out), label, "%s", label);
        cr_expect_str_eq(label_shown(ENC_GBK, label, 7, out), cases[i].gbk ? label : "\?\?\?#7",
                         "gbk %s", label);
        cr_expect_str_eq(label_shown(ENC_BIG5, label, 7, out), cases[i].big5 ? label : "\?\?\?#7",
                         "big5 %s", label);
    }
}

Test(identity_unit, a_number_is_read_as_it_is_shown) {
    static const struct {
        const char *typed;
        bool ok;
        uint64_t number;
    } cases[] = {
        {"#0", true, 0},
        {"#17", true, 17},
        {"\?\?\?#17", true, 17},
        {"#017", true, 17},
        {"#", false, 0},
        {"17", false, 0},
        {"\?\?#17", false, 0},
        {"\?\?\?\?#1", false, 0},
        {"#1a", false, 0},
        {"# 1", false, 0},
        {"", false, 0},
        {"\?\?\?", false, 0},
        {"#-1", false, 0},
        {"#42949672950123", true, 42949672950123},
        {"#18446744073709551617", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t number = 99;
        cr_expect_eq(label_typed(cases[i].typed, &number), cases[i].ok, "%s", cases[i].typed);
        if (cases[i].ok)
            cr_expect_eq(number, cases[i].number, "%s", cases[i].typed);
    }
}

/* A descriptor that is given again brings another number. */
Test(identity_unit, no_number_is_given_twice) {
    int peer[2];
    char number[32];
    struct whom whom;
    struct client *kim = unit_named(&worker, "김철수", &peer[0]);
    uint32_t client = client_index(&worker, kim);
    snprintf(number, sizeof number, "#%u", client);
    cr_assert(whom_numbered(&worker, number, &whom));
    atomic_store(&kim->state_word, client_state_word(2, CLIENT_LIVE)); /* its next user */
    cr_assert_not(whom_numbered(&worker, number, &whom));
    snprintf(number, sizeof number, "#%u", client + worker.seg->clients.rows);
    cr_assert(whom_numbered(&worker, number, &whom));
    cr_assert_eq(whom.generation, 2);
    cr_assert_neq(label_number(client, 3, worker.seg->clients.rows),
                  label_number(client, 2, worker.seg->clients.rows));
}

Test(identity_unit, a_question_in_the_text_is_no_name_that_cannot_be_shown) {
    int peer[2];
    struct client *li = unit_named(&worker, "李四", &peer[0]);
    struct client *gbk = unit_named(&worker, "cat", &peer[1]);
    client_begin(gbk)->ring = ENC_GBK;
    client_commit(gbk);
    unit_speak(&worker, li, "why? 김");
    unit_hears(peer[1], "\xc0\xee\xcb\xc4: why? ?\r\n");
}

Test(identity_unit, whom_finds_clients_in_the_room_alone) {
    int peer[3];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *kim = unit_named(&worker, "김철수", &peer[1]);
    struct client *newcomer = unit_newcomer(&worker, &peer[2]);
    struct whom whom;
    char number[32];
    snprintf(number, sizeof number, "#%u", client_index(&worker, kim));
    cr_assert(whom_find(&worker, ann, number, &whom));
    cr_assert_str_eq(whom.label, "김철수");
    cr_assert_eq(whom.client, client_index(&worker, kim));
    cr_assert(client_is(kim, whom.generation));
    cr_assert(whom_find(&worker, ann, "김철수", &whom));
    cr_assert_eq(whom.client, client_index(&worker, kim));
    snprintf(number, sizeof number, "#%u", client_index(&worker, newcomer));
    cr_assert_not(whom_find(&worker, ann, number, &whom), "it has not logged in");
    leave_begin(&worker, kim, NULL);
    snprintf(number, sizeof number, "#%u", client_index(&worker, kim));
    cr_assert_not(whom_find(&worker, ann, number, &whom), "it is leaving");
    cr_assert_not(whom_find(&worker, ann, "김철수", &whom));
}

/* ---- private lines ---- */

/* A line that was accepted is not dropped, however many wait to be applied. */
Test(identity_unit, lines_on_their_way_count_as_unread) {
    enum { LINE = 1000 };
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    static char text[LINE + 1];
    memset(text, 'x', LINE);
    bob->mode = MODE_BLOCKED;
    ann->mode = MODE_WRITE_FAILED; /* its copies do not matter here */
    struct addressee to = {"bob", speaker_key(&worker, "bob"), NO_CLIENT, 0};
    int published = 0, refused = 0;
    uint64_t cursor = atomic_load(&worker.slot->cursor);
    for (int i = 0; i < 100 && refused == 0; i++) { /* published and not applied */
        struct line line = {.consumed = 0};
        cr_assert_eq(say_private(&worker, ann, &line, &to, text), LINE_STAGED);
        publish(&worker);
        published += worker.stage.line[0].verdict == STAGE_PUBLISHED;
        refused += worker.stage.line[0].verdict == STAGE_UNREAD;
        stage_reset(&worker.stage);
        if (seg.room.ring_size[RING_SIDE] < 2 * 65536 && i == 50)
            break;
    }
    cr_assert_geq(published, 32);
    cr_assert_eq(atomic_load(&worker.slot->cursor), cursor);
    cr_assert(apply(&worker));
    cr_assert_eq(client_facts(bob)->lines_lost, 0, "all of them are kept");
    cr_assert_eq(client_facts(bob)->tx_len, published * (LINE + strlen("[ann] \r\n")));
}

Test(identity_unit, the_correspondent_is_kept_when_its_number_is_given_again) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    unit_type(&worker, bob, peer[1], "/msg ann hi\n");
    unit_turn(&worker);
    uint32_t fd = client_index(&worker, bob);
    leave_begin(&worker, bob, NULL);
    atomic_store(&bob->state_word,
                 client_state_word(client_facts(ann)->reply_generation, CLIENT_FREE));
    unit_heard(peer[0]);
    unit_type(&worker, ann, peer[0], "/reply one\n"); /* its record is still there */
    unit_turn(&worker);
    unit_hears(peer[0], "There is no \"bob\" here.\r\n");
    cr_assert_neq(client_claim(bob, client_word(bob), worker.index, 12345), 0);
    struct facts facts = unit_facts(&worker, FACT_IN_ROOM);
    struct in6_addr address = in6addr_loopback;
    client_open(bob, worker.index, 12345, &facts, &address, 1);
    unit_set_name(&worker, bob, "eve");
    unit_type(&worker, ann, peer[0], "/reply two\n");
    unit_turn(&worker);
    unit_hears(peer[0], "There is no \"bob\" here.\r\n");
    cr_assert_eq(client_facts(ann)->reply_client, fd);
}
