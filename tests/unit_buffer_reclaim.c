/* unit_buffer_reclaim.c - when no tx buffer is free: which client leaves for others, and which
 * stays. */
#include "tests/unit_worker.h"
#include "worker/output/reclaim.h"
#include "worker/record/change.h"
#include "worker/state/buffer_request.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;
static struct reclaim reclaim;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    cr_assert(reclaim_make(&reclaim, seg.clients.len));
}
TestSuite(buffer_reclaim, .init = set_up);

/* A client with a reply that its full socket does not take. */
static struct client *unread(int *peer) {
    struct client *c = unit_client(&worker, peer);
    cr_assert(unit_reply(&worker, c, 6000));
    c->mode = MODE_BLOCKED;
    return c;
}

/* A quarter is free afterwards, or less. */
static void take_three_quarters(void) {
    uint32_t limit = (uint32_t)(seg.tx_buffers.count * 3ull / 4);
    while (buffer_take_below(&seg.tx_buffers, buffer_tag(NO_CLIENT, 1), limit) != NO_BUFFER)
        ;
}

static void look(void) {
    atomic_fetch_add(&seg.header->buffers_wanted, 1);
    worker.now += RECLAIM_MS;
    reclaim_look(&worker, &reclaim);
}

Test(buffer_reclaim, a_client_that_reads_nothing_between_two_looks_leaves) {
    int peer;
    struct client *c = unread(&peer);
    take_three_quarters();
    look();
    cr_assert(client_live(c), "it may be about to read");
    look();
    cr_assert_not(client_live(c));
    cr_assert_eq(worker.closing.count, 1);
}

/* It always holds replies, and has always read what it held at the look before. */
Test(buffer_reclaim, a_client_that_reads_between_two_looks_what_it_held_stays) {
    int peer;
    struct client *c = unread(&peer);
    take_three_quarters();
    for (int i = 0; i < 10; i++) {
        look();
        cr_assert(client_live(c), "look %d", i);
        atomic_store(&c->sent, client_tx_end(client_facts(c)));
        c->mode = MODE_SLOW;
        cr_assert(unit_reply(&worker, c, 6000));
        c->mode = MODE_BLOCKED;
    }
    look();
    atomic_fetch_add(&c->sent, 5999);
    look();
    cr_assert_not(client_live(c), "it has read too little");
}

Test(buffer_reclaim, while_buffers_are_free_no_client_of_the_room_leaves) {
    int peer;
    struct client *c = unread(&peer);
    for (int i = 0; i < 5; i++)
        look();
    cr_assert(client_live(c));
    take_three_quarters();
    look();
    cr_assert_not(client_live(c));
}

/* ---- clients that are not in the room ---- */

static struct client *unread_outside(int *peer) {
    struct client *c = unit_newcomer(&worker, peer);
    cr_assert(unit_reply(&worker, c, 100));
    c->mode = MODE_BLOCKED;
    return c;
}

Test(buffer_reclaim, before_its_login_a_client_that_does_not_read_leaves_at_once) {
    int peer[3];
    struct client *c = unread_outside(&peer[0]);
    struct client *reads = unit_newcomer(&worker, &peer[1]), *inside = unread(&peer[2]);
    cr_assert(unit_reply(&worker, reads, 100)); /* its socket will take it */
    look();
    cr_assert_not(client_live(c));
    cr_assert(client_live(reads));
    cr_assert(client_live(inside));
}

Test(buffer_reclaim, such_looks_are_some_time_apart) {
    int peer[2];
    look();
    for (int i = 0; i < 2; i++) {
        struct client *c = unread_outside(&peer[i]);
        atomic_fetch_add(&seg.header->buffers_wanted, 1);
        worker.now += RECLAIM_OUTSIDE_MS - 1;
        reclaim_look(&worker, &reclaim);
        cr_assert(client_live(c));
        atomic_fetch_add(&seg.header->buffers_wanted, 1);
        worker.now++;
        reclaim_look(&worker, &reclaim);
        cr_assert_not(client_live(c));
    }
}

/* ---- shares ---- */

static uint32_t taken_by(struct client *c) {
    uint32_t n = 0;
    while (unit_reply(&worker, c, TX_DATA))
        n++;
    return n;
}

Test(buffer_reclaim, before_the_login_replies_take_half_of_the_pool_at_most) {
    int peer[40];
    uint32_t count = seg.tx_buffers.count, n = 0;
    for (int i = 0; i < 20; i++) /* a change takes no more than CHANGE_TAKEN */
        n += taken_by(unit_newcomer(&worker, &peer[i]));
    cr_assert_eq(n, count / 2);
    struct client *c = unit_client(&worker, &peer[30]);
    cr_assert(unit_reply(&worker, c, TX_DATA), "one in the room gets an answer");
}

Test(buffer_reclaim, in_the_room_a_client_that_holds_many_leaves_a_quarter) {
    int peer[3];
    uint32_t count = seg.tx_buffers.count, kept = count - (uint32_t)(count * 3ull / 4);
    cr_assert_gt(taken_by(unit_client(&worker, &peer[0])), 0);
    cr_assert_eq(count - buffer_used(&seg.tx_buffers), kept);
    struct client *blocked = unit_client(&worker, &peer[1]);
    blocked->mode = MODE_BLOCKED;
    cr_assert_eq(taken_by(blocked), 0, "its socket is full");
    cr_assert_eq(taken_by(unit_client(&worker, &peer[2])), CHANGE_FEW);
    cr_assert_eq(count - buffer_used(&seg.tx_buffers), kept - CHANGE_FEW);
}

Test(buffer_reclaim, half_typed_lines_take_a_quarter_at_most) {
    int peer[2];
    uint32_t quarter = seg.tx_buffers.count / 4, wanted = atomic_load(&seg.header->buffers_wanted);
    struct change ch;
    for (uint32_t i = 0; i < quarter; i++)
        cr_assert_neq(buffer_take_below(&seg.tx_buffers, buffer_tag(NO_CLIENT, 1), quarter), 0);
    struct client *c = unit_client(&worker, &peer[0]);
    change_begin(&ch, &worker, c);
    cr_assert_null(change_line_buffer(&ch));
    cr_assert_not(ch.failed, "its line is refused, and it does not wait");
    cr_assert(change_commit(&ch));
    cr_assert_eq(atomic_load(&seg.header->buffers_wanted), wanted + 1);
    cr_assert(unit_reply(&worker, unit_newcomer(&worker, &peer[1]), 100));
}

Test(buffer_reclaim, a_client_that_holds_no_reply_stays) {
    int peer[2];
    struct client *blocked = unit_client(&worker, &peer[0]);
    struct client *replied = unit_client(&worker, &peer[1]);
    blocked->mode = MODE_BLOCKED;                  /* with room lines alone, which take no buffer */
    cr_assert(unit_reply(&worker, replied, 6000)); /* and its socket takes it */
    for (int i = 0; i < 3; i++)
        look();
    cr_assert(client_live(blocked));
    cr_assert(client_live(replied));
}

Test(buffer_reclaim, without_a_request_no_client_is_looked_at) {
    int peer;
    struct client *c = unread(&peer);
    for (int i = 0; i < 3; i++) {
        worker.now += RECLAIM_MS;
        reclaim_look(&worker, &reclaim);
    }
    cr_assert(client_live(c));
    cr_assert_eq(reclaim.mark[client_index(&worker, c)].generation, 0);
}

Test(buffer_reclaim, requests_in_quick_succession_are_one_look) {
    int peer;
    struct client *c = unread(&peer);
    look();
    for (int i = 0; i < 5; i++) {
        atomic_fetch_add(&seg.header->buffers_wanted, 1);
        worker.now += RECLAIM_MS / 10;
        reclaim_look(&worker, &reclaim);
        cr_assert_not(buffer_request_pending(&worker), "it is seen all the same");
    }
    cr_assert(client_live(c));
}

/* The descriptor's former client had read as much when it was looked at. */
Test(buffer_reclaim, the_next_client_of_a_descriptor_is_looked_at_twice_as_well) {
    int peer;
    struct client *c = unread(&peer);
    struct facts facts = unit_facts(&worker, FACT_IN_ROOM);
    take_three_quarters();
    look();
    member_remove(&worker, c);
    cr_assert_neq(client_claim(c, client_word(c), 0, c->cookie + 1), 0);
    client_open(c, 0, c->cookie + 1, &facts, &c->addr, 1);
    member_add(&worker, c);
    cr_assert(unit_reply(&worker, c, 6000));
    c->mode = MODE_BLOCKED;
    look();
    cr_assert(client_live(c));
    look();
    cr_assert_not(client_live(c));
}

Test(buffer_reclaim, a_client_that_wants_a_buffer_makes_one_request_and_wakes_the_others) {
    int peer;
    struct change ch;
    struct client *c = unit_client(&worker, &peer);
    unit_sleeper(&seg, 1);
    unit_take_buffers(&worker);
    uint32_t wanted = atomic_load(&seg.header->buffers_wanted);
    for (int i = 0; i < 3; i++) {
        change_begin(&ch, &worker, c);
        change_bytes(&ch, "x", 1);
        cr_assert_not(change_commit(&ch));
    }
    cr_assert_eq(atomic_load(&seg.header->buffers_wanted), wanted + 1);
    cr_assert_eq(atomic_load(&seg.slots[1].asleep), 0);
    cr_assert(buffer_request_pending(&worker), "this worker looks at its own members, too");
}

Test(buffer_reclaim, all_that_are_due_leave_in_one_look) {
    int peer[6];
    struct client *c[6];
    for (int i = 0; i < 6; i++)
        c[i] = unread(&peer[i]);
    take_three_quarters();
    look();
    atomic_fetch_add(&c[2]->sent, 6000);
    look();
    for (int i = 0; i < 6; i++)
        cr_assert_eq(client_live(c[i]), i == 2, "client %d", i);
}
