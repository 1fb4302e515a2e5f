/* unit_remote.c - people of other machines as this machine's people see and address them: lists,
 * private lines, ignoring, numbers, notes; and the records' limits. */
#include "tests/unit_remote.h"
#include "ipc/survey.h"
#include "tests/unit_browser.h"
#include "worker/command/ask_mute.h"
#include "worker/command/operator.h"
#include "worker/command/whom.h"
#include "worker/input/complete.h"
#include "worker/ledger/moderation.h"
#include "worker/output/history.h"
#include "worker/output/private.h"
#include "worker/transcript/gather.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct segment seg;
static struct worker worker, relay;
static struct client *bob, *paris; /* of this machine, and ann@paris */
static int peer;

static void begin(uint64_t ring_size) {
    unit_segment(&seg, ring_size);
    unit_worker(&worker, &seg);
    unit_relay(&relay, &seg);
    bob = unit_named(&worker, "bob", &peer);
    paris = unit_remote(&relay, 0, "ann@paris");
    unit_turn(&worker);
    unit_hears(peer, "ann@paris has entered the room.\r\n");
}
static void set_up(void) {
    begin(65536);
}
static void set_up_large(void) {
    begin(1 << 20);
}
TestSuite(remote, .init = set_up);

static void types(const char *text) {
    unit_type(&worker, bob, peer, text);
    unit_turn(&worker);
}

static const struct entry *last_entry(void) {
    return room_entry(&seg.room, room_count(&seg.room) - 1);
}

/* ---- lists ---- */

Test(remote, look_and_who_name_people_elsewhere_without_idle_times) {
    struct client *ted = unit_remote(&relay, 5, "ted@rome");
    client_begin(ted)->web = WEB_BOT;
    client_commit(ted);
    client_begin(paris)->last_input = (uint32_t)(-600 * 10); /* ten minutes ago, if it counted */
    client_commit(paris);
    unit_turn(&worker);
    unit_heard(peer);
    types("look\n");
    unit_hears(peer, "The following are in this room:\r\nbob\r\nann@paris\r\nted@rome (bot)\r\n");
    types("who\n");
    unit_hears(peer, "The following are logged in:\r\nbob\r\nann@paris\r\nted@rome (bot)\r\n");
    unit_remote_leaves(&relay, paris);
    unit_turn(&worker);
    unit_hears(peer, "ann@paris has left the room.\r\n");
    types("look\n");
    unit_hears(peer, "The following are in this room:\r\nbob\r\nted@rome (bot)\r\n");
}

/* A record that is LIVE and whose join is not applied is nobody yet. */
Test(remote, a_person_who_has_not_come_is_in_no_list) {
    struct facts facts = {.kind = KIND_TELNET};
    atomic_store(&seg.header->remote_high, 8);
    client_open_remote(&seg.clients.at[seg.clients.len + 7], RELAY_SLOT, &facts);
    types("look\n");
    unit_hears(peer, "The following are in this room:\r\nbob\r\nann@paris\r\n");
}

Test(remote, a_browser_is_told_them_without_idle_times) {
    int eye_peer;
    struct client *eye = unit_browser(&worker, "eye", &eye_peer);
    struct change ch;
    change_begin(&ch, &worker, eye);
    ch.f->flags |= FACT_LIST_ALL;
    ch.f->list_next = 0;
    cr_assert(change_commit(&ch));
    flush_client(&worker, eye);
    const char *heard = unit_heard(eye_peer);
    cr_assert_not_null(strstr(heard + 4, "{\"name\":\"ann@paris\"}"), "%s", heard + 4);
    cr_assert_not_null(strstr(heard + 4, "{\"name\":\"bob\",\"idle\":0}"), "%s", heard + 4);
}

/* The list goes on in the middle of the remote rows. */
Test(remote, a_list_of_many_comes_in_parts_with_each_person_once) {
    static char all[1 << 16];
    char name[NAME_BYTES_MAX + 1];
    for (uint32_t i = 1; i < seg.clients.remote_len; i++) {
        snprintf(name, sizeof name, "%0120u@paris", i);
        unit_remote(&relay, i, name);
    }
    unit_turn(&worker);
    unit_heard(peer);
    types("look\n");
    while (client_facts(bob)->flags & FACT_LIST_ROOM)
        flush_client(&worker, bob);
    strcpy(all, unit_heard(peer));
    const char *at = strstr(all, "ann@paris\r\n");
    cr_assert_not_null(at);
    at += strlen("ann@paris\r\n");
    for (uint32_t i = 1; i < seg.clients.remote_len; i++, at += 128) {
        snprintf(name, sizeof name, "%0120u@paris", i);
        cr_assert_eq(strncmp(at, name, 126), 0, "%u: %.130s", i, at);
    }
    cr_assert_str_empty(at);
}

Test(remote, tab_completes_them) {
    static uint8_t line[LINE_MAX_MAX];
    static struct erase erase;
    struct edit e = {.line = line, .erase = &erase};
    erase_begin(&erase, ENC_UTF8);
    edit_text(&e, (const uint8_t *)"AN", 2);
    cr_assert(complete(&worker, bob, &e, LINE_MAX_MAX));
    cr_assert_eq(e.len, 11);
    cr_assert_eq(memcmp(line, "ann@paris: ", 11), 0);
}

Test(remote, an_operator_sees_them_and_connections_are_counted_without_them) {
    struct survey_client found;
    struct survey_clients sum = {0};
    cr_assert_eq(survey_remote_records(&seg), 1);
    cr_assert(survey_client(&seg, seg.clients.len, &found));
    cr_assert(found.remote);
    cr_assert_str_eq(found.name, "ann@paris");
    cr_assert(survey_client(&seg, client_index(&worker, bob), &found));
    cr_assert_not(found.remote);
    cr_assert_eq(survey_add_clients(&seg, 0, UINT32_MAX, &sum), 0);
    cr_assert_eq(sum.in_room, 1);
}

/* ---- private lines ---- */

Test(remote, a_private_line_to_one_is_published_for_the_relay) {
    struct private_line line;
    types("/msg ANN@Paris hello there\n");
    unit_hears(peer, "[to ann@paris] hello there\r\n");
    cr_assert_eq(last_entry()->kind, ENTRY_PRIVATE);
    cr_assert(private_read(&seg.room, room_count(&seg.room) - 1, &line));
    cr_assert_eq(line.addressee.client, client_index(&worker, paris));
    cr_assert_eq(line.addressee.generation, client_generation(client_word(paris)));
    cr_assert_str_eq(line.said, "hello there");
    cr_assert_gt(atomic_load(&seg.room.shared->held), 1);
}

Test(remote, while_the_link_is_down_it_is_refused) {
    uint64_t count = room_count(&seg.room);
    atomic_store(&seg.header->relay.link, RELAY_DOWN);
    types("/msg ann@paris hello\n");
    unit_hears(peer, "*** The link to the other machines is down.\r\n");
    cr_assert_eq(room_count(&seg.room), count);
    types("/msg bob hello\n");
    unit_hears(peer, "[to bob] hello\r\n[bob] hello\r\n");
    atomic_store(&seg.header->relay.link, RELAY_UP);
    types("/msg ann@paris hello\n");
    unit_hears(peer, "[to ann@paris] hello\r\n");
}

Test(remote, a_browser_is_told_so_by_an_error) {
    int eye_peer;
    struct client *eye = unit_browser(&worker, "eye", &eye_peer);
    struct line line = {.consumed = 0};
    struct addressee to = {"ann@paris", speaker_key(&worker, "ann@paris"), 0, 0};
    atomic_store(&seg.header->relay.link, RELAY_DOWN);
    cr_assert_eq(say_private(&worker, eye, &line, &to, "hello"), LINE_STAGED);
    unit_turn(&worker);
    const char *heard = unit_heard(eye_peer);
    cr_assert_not_null(strstr(heard, "\"code\":\"link\""), "%s", heard);
}

Test(remote, nobody_of_that_name_is_nobody) {
    types("/msg ann@rome hello\n");
    unit_hears(peer, "There is no \"ann@rome\" here.\r\n");
    types("/msg ann hello\n");
    unit_hears(peer, "There is no \"ann\" here.\r\n");
    unit_remote_leaves(&relay, paris);
    unit_turn(&worker);
    unit_heard(peer);
    types("/msg ann@paris hello\n");
    unit_hears(peer, "There is no \"ann@paris\" here.\r\n");
}

/* What the relay has not applied is on its way to it, as for any owner of an addressee. */
Test(remote, a_relay_that_stands_still_is_sent_no_more, .init = set_up_large) {
    static char text[1001];
    struct line line = {.consumed = 0};
    uint64_t tag = client_tag(&worker, bob);
    struct addressee self = {"bob", 0, (uint32_t)tag, (uint32_t)(tag >> 32)};
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 70; i++) {
        cr_assert_eq(say_private(&worker, bob, &line, &self, text), LINE_STAGED);
        unit_turn(&worker);
        unit_heard(peer);
    }
    types("/msg ann@paris hello\n");
    unit_hears(peer, "*** ann@paris is not reading; your line was not delivered.\r\n");
    atomic_store(&relay.slot->cursor, room_count(&seg.room));
    types("/msg ann@paris hello\n");
    unit_hears(peer, "[to ann@paris] hello\r\n");
}

Test(remote, one_who_writes_is_answered_by_reply) {
    cr_assert_eq(unit_remote_writes(&relay, paris, "BOB", "are you there?"), STAGE_PUBLISHED);
    unit_turn(&worker);
    unit_hears(peer, "[ann@paris] are you there?\r\n");
    types("/reply yes\n");
    unit_hears(peer, "[to ann@paris] yes\r\n");
    unit_remote_leaves(&relay, paris);
    unit_remote(&relay, 0, "ann@paris");
    unit_turn(&worker);
    unit_heard(peer);
    types("/reply still?\n");
    unit_hears(peer, "There is no \"ann@paris\" here.\r\n");
}

Test(remote, one_who_writes_to_nobody_is_the_relays_to_answer) {
    cr_assert_eq(unit_remote_writes(&relay, paris, "zoe", "hello"), STAGE_NOBODY);
    struct staged *s = unit_foreign(&relay, paris, ENTRY_PRIVATE);
    struct side_private side = {NO_CLIENT, 1};
    s->key = speaker_key(&relay, "zoe");
    stage_side(&relay.stage, s, &side, sizeof side);
    publish(&relay);
    refusal_answer(&relay);
    cr_assert_eq(relay.stage.count, 0);
    cr_assert_eq(client_facts(paris)->tx, NO_BUFFER);
}

Test(remote, a_late_private_line_shows_its_time) {
    char want[64], stamp[STAMP_MAX];
    struct stamp clock = {0};
    struct stamp_now now = stamp_now(&seg);
    struct staged *s = unit_foreign(&relay, paris, ENTRY_PRIVATE);
    struct side_private side = {client_index(&worker, bob),
                                (uint32_t)(client_tag(&worker, bob) >> 32)};
    stage_side(&relay.stage, s, &side, sizeof side);
    stage_side(&relay.stage, s, "ann@paris\0bob\0hi", 16);
    s->line.entry.flags |= ENTRY_STAMPED;
    s->line.entry.time -= 6000;
    uint32_t n = stamp_text(&clock, &now, s->line.entry.time, stamp);
    unit_foreign_side(&relay, s);
    cr_assert_eq(unit_relay_publish(&relay), STAGE_PUBLISHED);
    unit_turn(&worker);
    snprintf(want, sizeof want, "%.*s[ann@paris] hi\r\n", (int)n, stamp);
    unit_hears(peer, want);
}

/* In an open room its people have no names; one elsewhere is named as it is shown. */
Test(remote, a_guest_writes_to_a_guest_elsewhere) {
    int guest_peer;
    struct client *guest = unit_client(&worker, &guest_peer);
    unit_remote(&relay, 1, "10.0.0.5:4711@rome");
    unit_turn(&worker);
    unit_heard(guest_peer);
    worker.config.login = false;
    unit_type(&worker, guest, guest_peer, "/msg 10.0.0.5:4711@rome hello\n");
    unit_turn(&worker);
    unit_hears(guest_peer, "[to 10.0.0.5:4711@rome] hello\r\n");
    unit_type(&worker, guest, guest_peer, "/msg 10.0.0.6:4711@rome hello\n");
    unit_turn(&worker);
    unit_hears(guest_peer, "There is no \"10.0.0.6:4711@rome\" here.\r\n");
}

/* ---- notes ---- */

Test(remote, notes_say_what_became_of_a_line) {
    static const struct {
        uint8_t note;
        const char *sentence;
    } cases[] = {
        {RELAY_NOTE_NOBODY, "There is no \"ann@paris\" here.\r\n"},
        {RELAY_NOTE_UNREAD, "*** ann@paris is not reading; your line was not delivered.\r\n"},
        {RELAY_NOTE_LINK, "*** The link to the other machines is down.\r\n"},
        {RELAY_NOTES, ""},
        {255, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(unit_remote_note(&relay, bob, cases[i].note, "ann@paris"), STAGE_PUBLISHED);
        cr_assert_eq(atomic_load(&seg.room.shared->held), room_count(&seg.room));
        unit_turn(&worker);
        unit_hears(peer, cases[i].sentence);
    }
}

/* The note's client has left, or its note is applied again: it is said once or not at all. */
Test(remote, a_note_is_said_once) {
    cr_assert_eq(unit_remote_note(&relay, bob, RELAY_NOTE_NOBODY, "zoe@paris"), STAGE_PUBLISHED);
    unit_turn(&worker);
    unit_hears(peer, "There is no \"zoe@paris\" here.\r\n");
    atomic_store(&worker.slot->cursor, room_count(&seg.room) - 1);
    cr_assert(apply(&worker));
    unit_flush(&worker);
    unit_hears(peer, "");
    atomic_store(&bob->state_word, client_state_word(7, CLIENT_LIVE));
    struct side_private gone = {client_index(&worker, bob), 6};
    struct staged *s = unit_foreign(&relay, NULL, ENTRY_NOTE);
    stage_side(&relay.stage, s, &gone, sizeof gone);
    cr_assert_eq(unit_relay_publish(&relay), STAGE_NOBODY);
}

/* The other way: the relay passes it on, and no worker applies it. */
Test(remote, a_note_to_a_person_elsewhere_is_the_relays) {
    atomic_store(&seg.header->relay.link, RELAY_DOWN);
    cr_assert_eq(unit_remote_note(&relay, paris, RELAY_NOTE_NOBODY, "zoe"), STAGE_PUBLISHED);
    unit_turn(&worker);
    unit_hears(peer, "");
    cr_assert_eq(last_entry()->kind, ENTRY_NOTE);
}

/* ---- what the server says of machines ---- */

Test(remote, a_machine_out_of_reach_is_one_notice) {
    int eye_peer;
    struct words words = {.name = "paris", .n = 1};
    unit_browser(&worker, "eye", &eye_peer);
    struct staged *s = say_notice(&relay, ENTRY_NODE, SAY_NODE_AWAY, &words);
    cr_assert_not_null(s);
    s->line.people = -1;
    unit_foreign_side(&relay, s);
    cr_assert_eq(unit_relay_publish(&relay), STAGE_PUBLISHED);
    unit_turn(&worker);
    unit_hears(peer, "*** paris is out of reach (1 person).\r\n");
    const char *heard = unit_heard(eye_peer);
    cr_assert_not_null(strstr(heard, "\"ev\":\"sys\""), "%s", heard);
    cr_assert_not_null(strstr(heard, "\"text\":\"paris is out of reach (1 person).\"}"), "%s",
                       heard);
    cr_assert_eq(last_entry()->people, 0);
    cr_assert_eq(gather_kind(last_entry()), TRANSCRIPT_SYS);
}

/* ---- ignoring, numbers ---- */

Test(remote, they_are_ignored_and_unignored) {
    unit_remote(&relay, 1, "ann@rome");
    unit_turn(&worker);
    unit_heard(peer);
    types("/ignore ann@paris\n");
    unit_hears(peer, "You no longer see what ann@paris says.\r\n");
    unit_remote_speaks(&relay, paris, "hidden");
    unit_remote_speaks(&relay, &seg.clients.at[seg.clients.len + 1], "seen");
    cr_assert_eq(unit_remote_writes(&relay, paris, "bob", "psst"), STAGE_PUBLISHED);
    unit_turn(&worker);
    unit_hears(peer, "ann@rome: seen\r\n");
    types("/ignore\n");
    unit_hears(peer, "*** You ignore the following:\r\nann@paris\r\n"
                     "Use /ignore NAME or /unignore NAME\r\n");
    types("/unignore ann@paris\n");
    unit_hears(peer, "You see what ann@paris says again.\r\n");
    unit_remote_speaks(&relay, paris, "again");
    unit_turn(&worker);
    unit_hears(peer, "ann@paris: again\r\n");
}

/* Thai, which GBK does not have. */
Test(remote, a_name_that_cannot_be_shown_is_a_number) {
    char number[32], want[128];
    struct facts *f;
    struct client *som = unit_remote(&relay, 1, "สม@paris");
    unit_turn(&worker);
    unit_heard(peer);
    f = client_begin(bob);
    f->ring = ENC_GBK;
    f->pos = room_end(&seg.room, room_count(&seg.room) - 1, ENC_GBK);
    f->base = f->tx_len = 0;
    client_commit(bob);
    atomic_store(&bob->sent, 0);
    client_refresh(bob);
    uint64_t n =
        client_number(&worker, client_index(&worker, som), client_generation(client_word(som)));
    snprintf(number, sizeof number, "#%llu", (unsigned long long)n);
    unit_remote_speaks(&relay, som, "hello");
    unit_turn(&worker);
    snprintf(want, sizeof want, "\?\?\?%s: hello\r\n", number);
    unit_hears(peer, want);
    snprintf(want, sizeof want, "/msg %s hi\n", number);
    types(want);
    snprintf(want, sizeof want, "[to \?\?\?%s] hi\r\n", number);
    unit_hears(peer, want);
}

/* Numbers of descriptors' records and remote ones are never the same. */
Test(remote, a_number_names_one_client_ever) {
    struct whom whom;
    char typed[32];
    uint64_t own = client_number(&worker, client_index(&worker, bob), 2);
    uint64_t remote = client_number(&worker, client_index(&worker, paris), 1);
    cr_assert_neq(own, remote);
    cr_assert_eq(remote, client_index(&worker, paris));
    snprintf(typed, sizeof typed, "#%llu", (unsigned long long)remote);
    cr_assert(whom_numbered(&worker, typed, &whom));
    cr_assert_str_eq(whom.label, "ann@paris");
    snprintf(typed, sizeof typed, "#%u", seg.clients.rows - 1); /* no memory, nobody */
    cr_assert_not(whom_numbered(&worker, typed, &whom));
}

/* ---- late lines ---- */

/* A line of paris' that was said a minute ago; `text` has its time, as part `in` makes it. */
static uint32_t speaks_late(const char *name, char stamp[STAMP_MAX]) {
    struct stamp clock = {0};
    struct stamp_now now = stamp_now(&seg);
    struct staged *s = unit_foreign(&relay, paris, ENTRY_SPEECH);
    struct words words = {.name = name, .text = "late"};
    s->line.entry.flags |= ENTRY_STAMPED;
    s->line.entry.time -= 6000;
    uint32_t n = stamp_text(&clock, &now, s->line.entry.time, stamp);
    stamp[n] = '\0';
    stage_text(&relay.stage, s, stamp, n);
    stage_sentence(&relay.stage, s, LANG_EN, SAY_SPEECH, &words);
    unit_foreign_side(&relay, s);
    cr_assert_eq(unit_relay_publish(&relay), STAGE_PUBLISHED);
    return n;
}

Test(remote, a_late_line_shows_its_time_once) {
    char want[128], stamp[STAMP_MAX];
    struct change ch;
    speaks_late("ann@paris", stamp);
    snprintf(want, sizeof want, "%sann@paris: late\r\n", stamp);
    unit_turn(&worker);
    unit_hears(peer, want);
    types("/timestamps on\n");
    unit_heard(peer);
    speaks_late("ann@paris", stamp);
    unit_turn(&worker);
    unit_hears(peer, want);
    change_begin(&ch, &worker, bob);
    history_begin(&ch, 1, HISTORY_ASKED);
    cr_assert(change_commit(&ch));
    flush_client(&worker, bob);
    snprintf(want, sizeof want, "*** 1 earlier line\r\n%sann@paris: late\r\n", stamp);
    unit_hears(peer, want);
}

/* What begins with a time of its own is text. */
Test(remote, a_time_that_a_person_typed_stays) {
    char stamp[STAMP_MAX];
    types("/timestamps on\n");
    unit_heard(peer);
    unit_remote_speaks(&relay, paris, "[21:04] x");
    unit_turn(&worker);
    cr_assert_not_null(strstr(unit_heard(peer), "] ann@paris: [21:04] x\r\n"));
    cr_assert_eq(stamp_len("[21:04] x", 9), 8);
    cr_assert_eq(stamp_len("[11-24 21:04] x", 15), 14);
    cr_assert_eq(stamp_len("[21:04]", 7), 0);
    cr_assert_eq(stamp_len("x", 1), 0);
    cr_assert_eq(stamp_len("", 0), 0);
    cr_assert_eq(stamp_len("[a name that is longer] x", 25), 0);
    (void)stamp;
}

/* The transcript's row has the time. */
Test(remote, a_late_line_stands_in_the_transcript_without_its_time) {
    static struct gathered got;
    struct gather_clock clock = {0};
    char stamp[STAMP_MAX];
    uint64_t index = room_count(&seg.room);
    speaks_late("ann@paris", stamp);
    gather(&seg, &clock, index, room_entry(&seg.room, index - 1)->lines, &got);
    cr_assert_eq(got.count, 1);
    got.text[got.len] = '\0';
    cr_assert_not_null(strstr(got.text, "ann@paris: late\n"));
    cr_assert_null(strstr(got.text, stamp));
}

/* ---- names ---- */

Test(remote, a_name_elsewhere_takes_none_here) {
    int other;
    struct client *c = unit_newcomer(&worker, &other);
    unit_type(&worker, c, other, "login ann\n");
    unit_turn(&worker);
    cr_assert_eq(unit_holder(&worker, "ann"), client_index(&worker, c));
    cr_assert_eq(unit_holder(&worker, "ann@paris"), client_index(&worker, paris));
}

Test(remote, a_name_elsewhere_has_one_key_and_frees_it) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < seg.names.len; i++)
        used += (uint32_t)atomic_load(&seg.names.at[i].owner) == client_index(&worker, paris);
    cr_assert_eq(used, 1);
    unit_remote_leaves(&relay, paris);
    cr_assert_eq(unit_holder(&worker, "ann@paris"), NO_CLIENT);
    for (uint32_t i = 0; i < seg.names.len; i++)
        cr_assert_neq((uint32_t)atomic_load(&seg.names.at[i].owner), client_index(&worker, paris));
}

/* One key of nothing would be taken by the first who has none. */
Test(remote, a_second_name_without_a_look_is_not_taken) {
    unit_remote(&relay, 1, "ted@paris");
    unit_remote(&relay, 2, "zoe@paris");
    cr_assert_eq(unit_holder(&worker, "zoe@paris"), seg.clients.len + 2);
}

Test(remote, the_same_name_twice_is_refused) {
    struct facts facts = {.kind = KIND_TELNET};
    struct client *c = &seg.clients.at[seg.clients.len + 3];
    client_open_remote(c, RELAY_SLOT, &facts);
    struct staged *s = unit_foreign(&relay, c, ENTRY_JOIN);
    unit_remote_name(&relay, s, "Ann@paris");
    cr_assert_eq(unit_relay_publish(&relay), STAGE_NAME_TAKEN);
}

/* ---- operators ---- */

static struct client *operator_of(int *operator_peer) {
    struct facts facts = unit_facts(&worker, FACT_HEARD);
    facts.kind = KIND_CONTROL;
    return unit_open(&worker, operator_peer, &facts);
}

static void asks(struct client *operator, const char * text) {
    char bytes[256];
    snprintf(bytes, sizeof bytes, "%s", text);
    struct line line = {.bytes = (const uint8_t *)bytes,
                        .len = (uint32_t)strlen(bytes),
                        .consumed = client_facts(operator)->consumed};
    operator_line(&worker, operator, & line);
    unit_turn(&worker);
}

Test(remote, an_operator_cannot_kick_them) {
    int operator_peer;
    char text[64];
    struct client *operator= operator_of(&operator_peer);
    static const char no[] =
        "no ann@paris is on another machine: only its own server can do that\n";
    asks(operator, "kick ann@paris");
    unit_hears(operator_peer, no);
    snprintf(text, sizeof text, "kick #%u", client_index(&worker, paris));
    asks(operator, text);
    unit_hears(operator_peer, no);
}

/* The request names the key, and no address. */
Test(remote, an_operator_mutes_them_here) {
    char text[] = "ANN@paris 10m", out[REQUEST_TEXT_LEN], no[ASK_MUTE_NO] = "", want[64];
    struct invocation inv = {.w = &worker, .text = text};
    struct in6_addr other = {{{[15] = 1, [10] = 0xff, [11] = 0xff}}};
    client_set_address(bob, &other, 1); /* nobody here is of the address that it has not */
    cr_assert(ask_mute(&inv, out, no), "%s", no);
    snprintf(want, sizeof want, "%llx [::]:0 shared 10m ann@paris",
             (unsigned long long)speaker_key(&worker, "ann@paris"));
    cr_assert_str_eq(out, want);
    char nobody[] = "ann@rome";
    inv.text = nobody;
    cr_assert_not(ask_mute(&inv, out, no));
    cr_assert_str_eq(no, "there is no \"ann@rome\" here");
}

Test(remote, a_mute_holds_for_the_name_alone) {
    struct restriction_table *table = restriction_edit(seg.restrictions, 1);
    cr_assert_not(moderation_mutes(&relay, "ann@paris"));
    table->mutes = 1;
    table->mute[0] = (struct mute){.key = speaker_key(&worker, "ann@paris")};
    restriction_publish(seg.restrictions);
    cr_assert(moderation_mutes(&relay, "ann@paris"));
    cr_assert(moderation_mutes(&relay, "ANN@paris"));
    cr_assert_not(moderation_mutes(&relay, "ann"));
    cr_assert_not(moderation_mutes(&relay, "ann@rome"));
}

/* ---- records ---- */

Test(remote, a_record_is_another_persons_after_it_was_free) {
    struct client_view view;
    uint32_t at = client_index(&worker, paris), generation = client_generation(client_word(paris));
    unit_remote_leaves(&relay, paris);
    cr_assert_not(client_peek(&seg.clients, at, &view));
    cr_assert(client_peek_last(&seg.clients, at, generation, &view));
    unit_remote(&relay, 0, "ted@rome");
    cr_assert_not(client_is(paris, generation));
    cr_assert_not(client_peek_last(&seg.clients, at, generation, &view));
    cr_assert(client_peek(&seg.clients, at, &view));
    cr_assert_eq(view.generation, generation + 1);
    cr_assert_str_eq(view.name, "ted@rome");
}

Test(remote, the_longest_name_has_its_place) {
    char name[NAME_BYTES_MAX + 1], want[NAME_BYTES_MAX + 64];
    memset(name, 'n', NAME_OWN_MAX);
    name[NAME_OWN_MAX] = '@';
    memset(name + NAME_OWN_MAX + 1, 'm', NODE_NAME_MAX - 1);
    name[NAME_BYTES_MAX] = '\0';
    struct client *c = unit_remote(&relay, 1, name);
    unit_turn(&worker);
    unit_heard(peer);
    cr_assert_eq(unit_holder(&worker, name), client_index(&worker, c));
    snprintf(want, sizeof want, "/msg %s hi\n", name);
    types(want);
    snprintf(want, sizeof want, "[to %s] hi\r\n", name);
    unit_hears(peer, want);
    name[NAME_BYTES_MAX - 1] = 'o'; /* all of it counts */
    cr_assert_eq(unit_holder(&worker, name), NO_CLIENT);
}

Test(remote, rows_end_where_the_table_does) {
    uint32_t rows = seg.clients.rows;
    cr_assert_eq(rows, seg.clients.len + seg.header->geometry.max_clients);
    cr_assert_eq(segment_grow_remote(&seg, rows - 1), 0);
    cr_assert(segment_has_client(&seg, rows - 1));
    cr_assert_not(segment_has_client(&seg, rows));
    cr_assert_not(segment_has_client(&seg, UINT32_MAX));
    atomic_store(&seg.header->remote_high, UINT32_MAX); /* a damaged word */
    uint32_t last = 0;
    for (uint32_t at = segment_walk(&seg, 0); at != NO_CLIENT; at = segment_walk(&seg, at + 1))
        last = at;
    cr_assert_eq(last, rows - 1);
    cr_assert_eq(segment_walk(&seg, NO_CLIENT), NO_CLIENT);
}

Test(remote, a_walk_passes_over_descriptors_that_were_never_used) {
    atomic_store(&seg.header->fd_high, 3);
    cr_assert_eq(segment_walk(&seg, 3), 3);
    cr_assert_eq(segment_walk(&seg, 4), seg.clients.len);
    cr_assert_eq(segment_walk(&seg, seg.clients.len + 1), NO_CLIENT);
}
