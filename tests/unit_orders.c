/* unit_orders.c - a kick against what its client has staged: two workers, one of which serves the
 * operator.  See HOLES: "Kick and mute against staged lines". */
#include "tests/unit_worker.h"
#include "worker/command/operator.h"
#include "worker/ledger/closing.h"
#include "worker/record/leave.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker ours, other; /* slots 0 and 1 */
static struct client *ann, *operator;
static int ann_peer, operator_peer;

/* A client of KIND_CONTROL. */
static struct client *control(struct worker *w, int *peer) {
    struct facts facts = unit_facts(w, FACT_HEARD);
    facts.kind = KIND_CONTROL;
    return unit_open(w, peer, &facts);
}

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&ours, &seg);
    unit_worker(&other, &seg);
    unit_slot(&seg, 1, SLOT_SERVING);
    other.index = 1;
    other.slot = &seg.slots[1];
    other.slot->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    other.me = segment_incarnation(&seg, 1);
    stage_init(&other.stage, &seg.room, 1, seg.clients.rows);
    ann = unit_named(&ours, "ann", &ann_peer);
    operator= control(&other, &operator_peer);
}
TestSuite(orders, .init = set_up);

static void stage_kick(struct worker *w, struct client *by, const char *reason) {
    struct line line = {.consumed = client_facts(by)->consumed};
    uint64_t tag = client_tag(&ours, ann);
    struct addressee whom = {"ann", speaker_key(w, "ann"), (uint32_t)tag, (uint32_t)(tag >> 32)};
    cr_assert_eq(say_kick(w, by, &line, &whom, reason), LINE_STAGED);
}

/* The other worker's operator asks ann to leave. */
static void kick(void) {
    stage_kick(&other, operator, "");
    unit_turn(&other);
    unit_hears(operator_peer, "ok\n");
}

static uint32_t entries_of(enum entry_kind kind) {
    uint32_t n = 0;
    for (uint64_t i = 1; i < room_count(&seg.room); i++)
        n += room_entry(&seg.room, i)->kind == kind;
    return n;
}

/* What ann's worker does until she is gone. */
static void let_go(void) {
    closing_stage(&ours);
    unit_turn(&ours);
}

Test(orders, hole_12_a_line_that_was_staged_never_follows_its_kick) {
    unit_say(&ours, ann, "hello");
    kick();
    unit_turn(&ours);
    cr_assert_eq(entries_of(ENTRY_SPEECH), 0);
    cr_assert_eq(unit_holder(&ours, "ann"), client_index(&ours, ann), "no kick frees a name");
    let_go();
    cr_assert_eq(unit_holder(&ours, "ann"), NO_CLIENT);
    cr_assert_eq(entries_of(ENTRY_LEAVE), 1);
    const struct entry *leave = room_entry(&seg.room, room_count(&seg.room) - 1);
    cr_assert_eq(leave->kind, ENTRY_LEAVE);
    cr_assert_eq(leave->people, (uint32_t)-1);
    cr_assert_eq(room_len(&seg.room, room_count(&seg.room) - 1, ENC_UTF8), 0, "nobody is told");
    unit_hears(ann_peer, "*** You were asked to leave.\r\n");
}

Test(orders, hole_12_nor_does_one_behind_it_in_its_own_batch) {
    int peer;
    struct client *by = control(&ours, &peer);
    unit_say(&ours, ann, "before");
    stage_kick(&ours, by, "noise");
    unit_say(&ours, ann, "behind");
    unit_turn(&ours);
    cr_assert_eq(entries_of(ENTRY_SPEECH), 1);
    unit_hears(ann_peer, "ann: before\r\n*** You were asked to leave: noise\r\n");
    unit_hears(peer, "ok\n");
    cr_assert_eq(ours.stage.count, 0);
}

Test(orders, hole_12_others_lines_in_the_batch_are_said) {
    int peer;
    struct client *bob = unit_named(&ours, "bob", &peer);
    unit_say(&ours, ann, "one");
    unit_say(&ours, bob, "two");
    kick();
    unit_turn(&ours);
    unit_hears(peer, "ann was asked to leave.\r\nbob: two\r\n");
}

Test(orders, hole_12_a_new_name_and_a_private_line_are_dropped) {
    int peer;
    struct line line = {.consumed = client_facts(ann)->consumed};
    struct addressee bob = {"bob", speaker_key(&ours, "bob"), NO_CLIENT, 0};
    unit_named(&ours, "bob", &peer);
    cr_assert_eq(say_nick(&ours, ann, &line, "eve"), LINE_STAGED);
    cr_assert_eq(say_private(&ours, ann, &line, &bob, "psst"), LINE_STAGED);
    kick();
    unit_turn(&ours);
    cr_assert_eq(entries_of(ENTRY_NICK) + entries_of(ENTRY_PRIVATE), 0);
    cr_assert_eq(unit_holder(&ours, "eve"), NO_CLIENT);
    unit_hears(peer, "ann was asked to leave.\r\n");
}

Test(orders, a_leave_that_was_staged_frees_the_name_once_and_untold) {
    leave_begin(&ours, ann, NULL);
    closing_stage(&ours);
    cr_assert_eq(ours.stage.count, 1);
    stage_kick(&other, operator, "");
    publish(&other);
    cr_assert_eq(entries_of(ENTRY_KICK), 0, "it is leaving already");
    refusal_answer(&other);
    unit_flush(&other);
    unit_hears(operator_peer, "no it is no longer here\n");
    unit_turn(&ours);
    cr_assert_eq(entries_of(ENTRY_LEAVE), 1);
}

Test(orders, a_client_is_asked_once) {
    kick();
    stage_kick(&other, operator, "");
    unit_turn(&other);
    unit_hears(operator_peer, "no it is no longer here\n");
    unit_turn(&ours);
    stage_kick(&other, operator, "");
    unit_turn(&other);
    cr_assert_eq(entries_of(ENTRY_KICK), 1);
}

Test(orders, another_client_of_that_name_is_not_meant) {
    stage_kick(&other, operator, "");
    leave_begin(&ours, ann, NULL);
    let_go();
    int peer;
    unit_named(&ours, "ann", &peer);
    unit_turn(&other);
    unit_hears(operator_peer, "no it is no longer here\n");
    cr_assert_eq(entries_of(ENTRY_KICK), 0);
}

/* A client that moves to it has not been let go by its giver, in slot 2. */
Test(orders, a_worker_waits_for_an_entry_that_it_cannot_apply) {
    int peer;
    struct side_move move = {2, 0};
    struct client *moving = unit_client(&other, &peer);
    uint64_t tag = client_tag(&other, moving);
    struct staged *s = stage_add(&other.stage, ENTRY_MOVE, (uint32_t)tag, (uint32_t)(tag >> 32), 0,
                                 segment_ticks(&seg));
    stage_side(&other.stage, s, &move, sizeof move);
    atomic_store(&moving->slot, 2);
    stage_kick(&other, operator, "");
    unit_say(&ours, ann, "hello");
    publish(&other);
    publish(&ours);
    cr_assert_eq(entries_of(ENTRY_KICK), 1);
    cr_assert_eq(entries_of(ENTRY_SPEECH), 0);
    cr_assert(stage_blocked(&ours.stage), "it is decided later");
    atomic_store(&moving->slot, 3);
    unit_turn(&ours);
    cr_assert_eq(entries_of(ENTRY_SPEECH), 0);
    cr_assert_eq(ours.stage.count, 0);
}

/* A kick that another worker commits between this worker's apply and its flush. */
Test(orders, its_announcement_is_not_sent_to_the_client_itself) {
    int peer;
    struct client *bob = unit_named(&ours, "bob", &peer);
    unit_speak(&ours, bob, "hello");
    kick();
    unit_flush(&ours);
    unit_hears(ann_peer, "bob: hello\r\n");
    unit_turn(&ours);
    unit_hears(ann_peer, "*** You were asked to leave.\r\n");
    unit_hears(peer, "bob: hello\r\nann was asked to leave.\r\n");
}

/* Nor by its replies, nor with what follows the kick. */
Test(orders, nor_with_a_reply_or_what_is_said_behind_it) {
    int peer;
    struct client *bob = unit_named(&other, "bob", &peer);
    kick();
    unit_speak(&other, bob, "gone");
    cr_assert(unit_reply(&ours, ann, 3));
    flush_client(&ours, ann);
    unit_hears(ann_peer, "rrr");
    unit_turn(&ours);
    unit_hears(ann_peer, "*** You were asked to leave.\r\n");
    unit_hears(peer, "ann was asked to leave.\r\nbob: gone\r\n");
}

/* What comes after is sent at once again, applied or not. */
Test(orders, other_lines_do_not_wait_to_be_applied) {
    int peer;
    struct client *bob = unit_named(&other, "bob", &peer);
    int eve_peer;
    unit_named(&ours, "eve", &eve_peer);
    kick();
    unit_turn(&ours);
    unit_speak(&other, bob, "now");
    unit_flush(&ours);
    unit_hears(eve_peer, "ann was asked to leave.\r\nbob: now\r\n");
}

/* Lines were sent before they were applied, as they always may be, when the kick came: the pass, by
 * which the guard rises, does not go back to what is applied. */
Test(orders, a_pass_does_not_go_back) {
    int peer;
    struct client *bob = unit_named(&other, "bob", &peer);
    unit_turn(&ours);
    unit_speak(&other, bob, "ahead");
    unit_flush(&ours);
    uint64_t sent = ours.flush.count;
    cr_assert_gt(sent, ours.applied);
    kick();
    unit_flush(&ours);
    cr_assert_eq(ours.flush.count, sent);
    unit_hears(ann_peer, "bob: ahead\r\n");
    unit_turn(&ours);
    unit_hears(ann_peer, "*** You were asked to leave.\r\n");
}
