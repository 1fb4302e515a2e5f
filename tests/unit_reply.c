/* unit_reply.c - what a client is still to be sent: kept in boxes, and forgotten when it never will
 * be. */
#include "tests/unit_worker.h"
#include "worker/edit.h"
#include "worker/flush.h"
#include "worker/relieve.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
}
TestSuite(reply, .init = set_up);

static bool reply(struct client *c, size_t len) {
    static char text[65536];
    struct edit e;
    memset(text, 'r', sizeof text);
    edit_begin(&e, &worker, c);
    edit_bytes(&e, text, len);
    return edit_commit(&e);
}

static size_t heard(int peer) {
    static char bytes[65536];
    ssize_t n = recv(peer, bytes, sizeof bytes, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

Test(reply, is_sent_and_gives_its_boxes_back) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    cr_assert(reply(c, 6000));
    cr_assert_eq(unit_boxes(&worker, c), 2);
    flush_client(&worker, c);
    cr_assert_eq(heard(peer), 6000);
    cr_assert_eq(unit_boxes(&worker, c), 0);
}

/* Its input may still wait for something; others must not wait for its boxes. */
Test(reply, to_one_whose_connection_is_gone_keeps_no_box) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    cr_assert(reply(c, 6000));
    close(peer);
    flush_client(&worker, c);
    cr_assert_eq(c->mode, MODE_DEAF);
    cr_assert_eq(unit_boxes(&worker, c), 0);
    cr_assert_eq(client_facts(c)->box_len, 0);
    cr_assert(reply(c, 6000), "nothing is wanted for what nobody hears");
    cr_assert_eq(unit_boxes(&worker, c), 0);
    cr_assert_eq(worker.hold[client_index(&worker, c)], 0);
}

/* Lapped in the middle of a line: that ends before anything else is said, and is told of after it.
 */
Test(reply, does_not_follow_half_a_line) {
    int peer;
    char text[200] = "";
    struct client *c = unit_client(&worker, &peer);
    struct facts *f = client_edit(c);
    f->flags |= FACT_TORN;
    f->skipped = 3;
    client_commit(c);
    cr_assert(reply(c, 4));
    flush_client(&worker, c);
    cr_assert_gt(recv(peer, text, sizeof text - 1, MSG_DONTWAIT), 0);
    cr_assert_str_eq(text, "\r\nrrrr*** 3 lines skipped\r\n");
}

static void half_a_long_line(struct client *c) {
    struct edit e;
    edit_begin(&e, &worker, c);
    cr_assert(edit_line_box(&e));
    e.f->line_len = 600;
    cr_assert(edit_commit(&e));
}

static void look_for_boxes(void) {
    atomic_fetch_add(&seg.header->boxes_wanted, 1);
    worker.now += RELIEVE_MS;
    relieve_look(&worker);
}

/* However busily it is typed on. */
Test(reply, half_a_long_line_keeps_no_box_from_others) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    half_a_long_line(c);
    cr_assert_eq(unit_boxes(&worker, c), 1);
    look_for_boxes();
    cr_assert_eq(unit_boxes(&worker, c), 1, "it may be about to end");
    look_for_boxes();
    cr_assert_eq(unit_boxes(&worker, c), 0);
    cr_assert_eq(client_facts(c)->line_len, 0);
    cr_assert(client_facts(c)->flags & FACT_OVERLONG, "its end will be told so");
    cr_assert(client_is(c, 1), "and it stays");
}
