/* unit_relay_pass_private.c - private lines to people elsewhere, and the answers to theirs, as
 * items of the stream. */
#include "tests/unit_relay_engine.h"
#include "tests/unit_remote.h"
#include "worker/ledger/closing.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker, publisher; /* the relay's hands */
static struct relay_process relay;
static struct client *ann, *bob; /* here; at rome */
static int ann_peer;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    unit_relay(&publisher, &seg);
    unit_passing(&relay, &seg);
    unit_engine_hello(&relay);
    ann = unit_named(&worker, "ann", &ann_peer);
    bob = unit_remote(&publisher, 0, "bob@rome");
}
TestSuite(relay_pass_private, .init = set_up);

static void writes(struct client *c, const char *to, const char *text, bool numbered) {
    struct line line = {
        .consumed = client_facts(c)->consumed, .numbered = numbered, .re = 0x61616161};
    struct addressee whom = {to, speaker_key(&worker, to), NO_CLIENT, 0};
    cr_assert_eq(say_private(&worker, c, &line, &whom, text), LINE_STAGED);
    unit_turn(&worker);
}

Test(relay_pass_private, a_line_to_a_person_elsewhere_is_passed_on) {
    writes(ann, "bob@rome", "a \"quoted\": text", false);
    unit_speak(&worker, ann, "open");
    unit_passes(&relay, "msg ann bob@rome a \"quoted\": text|say ann  open|");
    cr_assert_eq(unit_item(0)->lines, 0, "it is no line of the room's");
    cr_assert_eq(unit_item(1)->lines, 1);
}

Test(relay_pass_private, the_number_of_a_browsers_message_is_not) {
    writes(ann, "bob@rome", "hi", true);
    cr_assert(room_entry(&seg.room, room_count(&seg.room) - 1)->flags & ENTRY_RE);
    unit_passes(&relay, "msg ann bob@rome hi|");
}

Test(relay_pass_private, a_guest_writes_by_address_and_port) {
    int peer;
    char want[128];
    worker.config.login = false;
    struct client *guest = unit_client(&worker, &peer);
    uint64_t tag = client_tag(&worker, bob);
    struct line line = {.consumed = client_facts(guest)->consumed};
    struct addressee whom = {"10.0.0.5:4711@rome", 0, (uint32_t)tag, (uint32_t)(tag >> 32)};
    cr_assert_eq(say_private(&worker, guest, &line, &whom, "hi"), LINE_STAGED);
    unit_turn(&worker);
    snprintf(want, sizeof want, "msg [::1]:%u 10.0.0.5:4711@rome hi|", guest->port);
    unit_passes(&relay, want);
}

Test(relay_pass_private, one_who_has_left_meanwhile_is_named_all_the_same) {
    writes(ann, "bob@rome", "hi", false);
    unit_remote_leaves(&publisher, bob);
    unit_remote(&publisher, 0, "eve@rome");
    unit_passes(&relay, "msg ann bob@rome hi|");
}

Test(relay_pass_private, a_line_from_elsewhere_is_not_passed_back) {
    cr_assert_eq(unit_remote_writes(&publisher, bob, "ann", "hi"), STAGE_PUBLISHED);
    unit_passes(&relay, "");
}

Test(relay_pass_private, what_became_of_a_line_from_elsewhere_is_told_there) {
    cr_assert_eq(unit_remote_note(&publisher, bob, RELAY_NOTE_NOBODY, "cat"), STAGE_PUBLISHED);
    cr_assert_eq(unit_remote_note(&publisher, bob, RELAY_NOTE_UNREAD, "ann"), STAGE_PUBLISHED);
    unit_passes(&relay, "nobody cat bob@rome |unread ann bob@rome |");
}

Test(relay_pass_private, what_is_told_here_is_not_passed_on) {
    cr_assert_eq(unit_remote_note(&publisher, ann, RELAY_NOTE_NOBODY, "cat@rome"), STAGE_PUBLISHED);
    unit_passes(&relay, "");
}

Test(relay_pass_private, a_note_to_one_who_has_left_is_not_for_the_next) {
    cr_assert_eq(unit_remote_note(&publisher, bob, RELAY_NOTE_NOBODY, "cat"), STAGE_PUBLISHED);
    unit_remote_leaves(&publisher, bob);
    unit_remote(&publisher, 0, "eve@rome");
    unit_passes(&relay, "");
}
