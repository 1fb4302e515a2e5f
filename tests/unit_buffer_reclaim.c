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

static void look(void) {
    atomic_fetch_add(&seg.header->buffers_wanted, 1);
    worker.now += RECLAIM_MS;
    reclaim_look(&worker, &reclaim);
}

Test(buffer_reclaim, a_client_that_reads_nothing_between_two_looks_leaves) {
    int peer;
    struct client *c = unread(&peer);
    look();
    cr_assert(client_live(c), "it may be about to read");
    look();
    cr_assert_not(client_live(c));
    cr_assert_eq(worker.closing.count, 1);
}

Test(buffer_reclaim, a_client_that_reads_however_little_stays) {
    int peer;
    struct client *c = unread(&peer);
    for (int i = 0; i < 10; i++) {
        look();
        cr_assert(client_live(c), "look %d", i);
        atomic_fetch_add(&c->sent, 1);
    }
    look();
    look();
    cr_assert_not(client_live(c), "it has ceased to");
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
    cr_assert_eq(reclaim.mark[client_index(&worker, c)], 0);
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
    look();
    member_remove(&worker, c);
    cr_assert_neq(client_claim(c, 0, c->cookie + 1), 0);
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
    look();
    atomic_fetch_add(&c[2]->sent, 1);
    look();
    for (int i = 0; i < 6; i++)
        cr_assert_eq(client_live(c[i]), i == 2, "client %d", i);
}
