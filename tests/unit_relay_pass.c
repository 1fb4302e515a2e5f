/* unit_relay_pass.c - what people of this machine do, as items of the stream: which entries are
 * passed on, who and what they name, and who is here. */
#include "tests/unit_relay_engine.h"
#include "tests/unit_worker.h"
#include "worker/command/announce.h"
#include "worker/command/greeting.h"
#include "worker/ledger/closing.h"
#include "worker/record/leave.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;
static struct relay_process relay;

static void begin(bool login) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    worker.config.login = login;
    unit_passing(&relay, &seg);
    unit_engine_hello(&relay);
}
static void set_up(void) {
    begin(true);
}
static void set_up_open(void) {
    begin(false);
}
TestSuite(relay_pass, .init = set_up);
TestSuite(relay_pass_open, .init = set_up_open);

#define passes(want) unit_passes(&relay, want)

/* ---- what people do ---- */

static struct line nothing(const struct client *c) {
    return (struct line){.consumed = client_facts(c)->consumed};
}

static void join(struct client *c, const char *name) {
    struct line line = nothing(c);
    cr_assert_eq(say_join(&worker, c, &line, name), LINE_STAGED);
    unit_turn(&worker);
}

static void act(struct client *c, const char *text) {
    struct line line = nothing(c);
    cr_assert_eq(say_speech(&worker, c, &line, text, true), LINE_STAGED);
    unit_turn(&worker);
}

static void nick(struct client *c, const char *name) {
    struct line line = nothing(c);
    cr_assert_eq(say_nick(&worker, c, &line, name), LINE_STAGED);
    unit_turn(&worker);
}

static void leave(struct client *c) {
    leave_begin(&worker, c, NULL);
    closing_stage(&worker);
    unit_turn(&worker);
}

static struct client *operator_of(struct worker *w, int *peer) {
    struct facts facts = unit_facts(w, FACT_HEARD);
    facts.kind = KIND_CONTROL;
    return unit_open(w, peer, &facts);
}

static void kick(struct client *c, const char *label, const char *reason) {
    int peer;
    struct client *by = operator_of(&worker, &peer);
    struct line line = nothing(by);
    uint64_t tag = client_tag(&worker, c);
    struct addressee whom = {label, 0, (uint32_t)tag, (uint32_t)(tag >> 32)};
    cr_assert_eq(say_kick(&worker, by, &line, &whom, reason), LINE_STAGED);
    unit_turn(&worker);
}

/* ---- kinds ---- */

Test(relay_pass, each_kind_is_passed_on_with_its_names) {
    int peer[3];
    struct client *ann = unit_newcomer(&worker, &peer[0]);
    join(ann, "ann");
    unit_speak(&worker, ann, "hi");
    act(ann, "waves");
    nick(ann, "eve");
    unit_speak(&worker, ann, "again");
    leave(ann);
    passes("join ann  |say ann  hi|me ann  waves|nick ann  eve|say eve  again|leave eve  |");
    cr_assert_str_eq(unit_people(), "");
}

Test(relay_pass, a_kick_names_its_client_and_not_the_reason) {
    int peer;
    struct client *ann = unit_named(&worker, "ann", &peer);
    kick(ann, "ann", "too \"loud\"");
    closing_stage(&worker);
    unit_turn(&worker);
    passes("kick ann  |leave ann  |");
}

Test(relay_pass, an_announcement_has_no_stars) {
    int peer;
    struct client *by = operator_of(&worker, &peer);
    struct line line = nothing(by);
    cr_assert_eq(say_announcement(&worker, by, &line, "*** tea at 5"), LINE_STAGED);
    unit_turn(&worker);
    passes("sys   *** tea at 5|");
}

Test(relay_pass, a_text_is_as_it_was_said) {
    int peer;
    static const char *const texts[] = {"a \"quoted\" \\n word",
                                        "x: y: z",
                                        "* ann: waves",
                                        ": ",
                                        ":",
                                        "\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x81 \xf0\x9f\x98\x80",
                                        "{\"ev\":\"say\",\"who\":\"bob\"}"};
    struct client *ann = unit_named(&worker, "\xe5\xae\x89-1.x_", &peer);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        unit_speak(&worker, ann, texts[i]);
        act(ann, texts[i]);
    }
    unit_passing_apply(&relay);
    unit_engine_all(&relay);
    for (size_t i = 0; i < 2 * sizeof texts / sizeof texts[0]; i++) {
        const struct item *item = unit_item((uint32_t)i);
        cr_assert_str_eq(item->text, texts[i / 2]);
        cr_assert_eq(item->text_len, strlen(texts[i / 2]));
        cr_assert_str_eq(item->who, "\xe5\xae\x89-1.x_");
        cr_assert_eq(item->kind, i % 2 == 0 ? ITEM_SAY : ITEM_ME);
    }
}

Test(relay_pass, the_longest_line_is_whole) {
    static char text[LINE_MAX_MAX + 1], name[24 * 4 + 1];
    int peer;
    memset(text, 'x', LINE_MAX_MAX);
    for (size_t i = 0; i + 1 < sizeof name; i += 4) /* 24 letters of four bytes */
        memcpy(name + i, "\xf0\xa0\x80\x80", 4);
    struct client *ann = unit_named(&worker, name, &peer);
    unit_speak(&worker, ann, text);
    leave(ann);
    unit_passing_apply(&relay);
    unit_engine_all(&relay);
    cr_assert_eq(unit_item(0)->text_len, LINE_MAX_MAX);
    cr_assert_str_eq(unit_item(0)->text, text);
    cr_assert_str_eq(unit_item(0)->who, name);
    cr_assert_str_eq(unit_item(1)->who, name);
}

Test(relay_pass, in_a_crowd_comings_and_goings_are_passed_on_all_the_same) {
    int peer[2];
    worker.config.announce_max = 1;
    unit_named(&worker, "ann", &peer[0]);
    struct client *first = unit_newcomer(&worker, &peer[0]);
    join(first, "bob");
    struct client *second = unit_newcomer(&worker, &peer[1]);
    join(second, "cat");
    cr_assert_eq(room_len(&seg.room, 2, ENC_UTF8), 0, "it is not announced here");
    leave(second);
    passes("join bob  |join cat  |leave cat  |");
}

Test(relay_pass, a_bot_says_that_it_is_one) {
    int peer;
    struct client *bot = unit_newcomer(&worker, &peer);
    client_begin(bot)->web |= WEB_BOT;
    client_commit(bot);
    join(bot, "crier");
    passes("join crier  b|");
    cr_assert_str_eq(unit_people(), "crier b|");
}

Test(relay_pass, nothing_private_to_people_here_is_passed_on) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    unit_named(&worker, "bob", &peer[1]);
    struct line line = nothing(ann);
    struct addressee bob = {"bob", speaker_key(&worker, "bob"), NO_CLIENT, 0};
    cr_assert_eq(say_private(&worker, ann, &line, &bob, "secret"), LINE_STAGED);
    unit_turn(&worker);
    cr_assert_eq(room_entry(&seg.room, 1)->kind, ENTRY_PRIVATE);
    unit_speak(&worker, ann, "open");
    passes("say ann  open|");
    cr_assert_eq(unit_item(0)->prev, 0);
    cr_assert_eq(unit_item(0)->index, 2);
}

static void append(uint8_t kind, uint8_t slot, uint32_t client, const char *text) {
    struct room_line line = {
        .entry = {.kind = kind, .slot = slot, .client = client, .time = segment_ticks(&seg)}};
    struct batch b;
    line.text[ENC_UTF8] = text;
    line.len[ENC_UTF8] = (uint32_t)strlen(text);
    room_begin(&seg.room, &b);
    cr_assert(room_append(&seg.room, &b, &line));
    room_commit(&seg.room, &b);
}

Test(relay_pass, what_comes_from_elsewhere_or_from_before_is_not) {
    append(ENTRY_SPEECH, 0, NO_CLIENT, "old: restored\r\n");
    append(ENTRY_SPEECH, RELAY_SLOT, 70, "ann@rome: hi\r\n");
    append(ENTRY_JOIN, RELAY_SLOT, 70, "");
    append(ENTRY_SYSTEM, RELAY_SLOT, NO_CLIENT, "*** 3 lines skipped\r\n");
    append(ENTRY_NODE, RELAY_SLOT, NO_CLIENT, "*** rome is back\r\n");
    append(ENTRY_PING, 0, NO_CLIENT, "");
    append(ENTRY_MOVE, 0, 5, "");
    passes("");
    cr_assert_eq(relay.pass.lines, 0);
    cr_assert_eq(relay.place.own_lines, 0);
}

/* ---- the open room ---- */

static struct client *guest(int *peer) {
    struct client *c = unit_client(&worker, peer);
    struct line line = nothing(c);
    cr_assert_eq(say_join(&worker, c, &line, NULL), LINE_STAGED);
    unit_turn(&worker);
    return c;
}

Test(relay_pass_open, guests_are_known_by_address_and_port) {
    int peer;
    char want[512];
    struct client *c = guest(&peer);
    unit_speak(&worker, c, "::1: hi");
    act(c, "waves");
    kick(c, "[::1]:9", "");
    snprintf(want, sizeof want,
             "join [::1]:%u  |bare [::1]:%u  ::1: hi|me [::1]:%u  waves|kick [::1]:9  |", c->port,
             c->port, c->port);
    passes(want);
}

Test(relay_pass_open, a_guest_that_is_gone_by_then_spoke_by_port_0) {
    int peer, other;
    char want[256];
    struct client *c = guest(&peer);
    unit_speak(&worker, c, "hi");
    act(c, "waves");
    uint16_t port = c->port;
    leave(c);
    close(peer);
    struct client *next = unit_client(&worker, &other);
    cr_assert_eq(next, c, "its record is another one's");
    next->port = 4711;
    snprintf(want, sizeof want, "bare 0.0.0.0:0  hi|me [::1]:0  waves|leave [::1]:%u  |", port);
    passes(want);
}

/* ---- who is here ---- */

Test(relay_pass, hello_lists_who_is_in_the_room) {
    int peer[8];
    unit_named(&worker, "ann", &peer[0]);
    unit_newcomer(&worker, &peer[1]);
    operator_of(&worker, &peer[2]);
    struct client *bot = unit_named(&worker, "crier", &peer[3]);
    client_begin(bot)->web |= WEB_BOT;
    client_commit(bot);
    struct client *second = unit_named(&worker, "second", &peer[4]);
    client_begin(second)->web |= WEB_BOT;
    client_commit(second);
    struct client *away = unit_named(&worker, "away", &peer[5]);
    client_begin(away)->web |= WEB_AWAY;
    client_commit(away);
    struct client *kicked = unit_named(&worker, "bob", &peer[6]);
    kick(kicked, "bob", "");
    unit_engine_lose(&relay);
    unit_engine_hello(&relay);
    cr_assert_str_eq(unit_people(), "ann |away |crier b|second b|");
}

Test(relay_pass_open, hello_lists_guests_that_were_announced) {
    int peer[3];
    char want[64];
    struct client *c = guest(&peer[0]);
    struct client *quiet = unit_client(&worker, &peer[1]);
    client_begin(quiet)->flags |= FACT_QUIET;
    client_commit(quiet);
    unit_engine_lose(&relay);
    unit_engine_hello(&relay);
    snprintf(want, sizeof want, "[::1]:%u |", c->port);
    cr_assert_str_eq(unit_people(), want);
}

/* HELLO's list is read from the records: they must not be behind the engine's mark. */
Test(relay_pass, who_comes_is_passed_on_once_the_worker_has_applied_it) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_newcomer(&worker, &peer[1]);
    unit_say(&worker, ann, "first");
    struct line line = nothing(bob);
    cr_assert_eq(say_join(&worker, bob, &line, "bob"), LINE_STAGED);
    unit_say(&worker, ann, "last");
    publish(&worker);
    for (int i = 0; i < 3; i++) {
        cr_assert(pass_work(&relay), "it looks again soon");
        unit_engine_run(LINK_WINDOW);
        unit_engine_answer(&relay, LINK_WINDOW);
    }
    cr_assert_eq(unit_engine.items, 1);
    unit_engine_lose(&relay);
    unit_engine_hello(&relay);
    cr_assert_str_eq(unit_people(), "ann |");
    apply(&worker);
    refusal_answer(&worker);
    passes("say ann  first|join bob  |say ann  last|");
    cr_assert_str_eq(unit_people(), "ann |bob |");
}

Test(relay_pass, a_worker_that_is_no_more_keeps_nothing_back) {
    int peer[1];
    struct client *bob = unit_newcomer(&worker, &peer[0]);
    struct line line = nothing(bob);
    cr_assert_eq(say_join(&worker, bob, &line, "bob"), LINE_STAGED);
    publish(&worker);
    atomic_store(&seg.slots[0].state, SLOT_DEAD);
    pass_work(&relay);
    cr_assert_eq(unit_engine.asked_count, 0, "its successor is to apply it");
    atomic_store(&seg.slots[0].state, SLOT_UNUSED);
    passes("join bob  |");
}
