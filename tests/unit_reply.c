/* unit_reply.c - replies that wait to be sent: they are kept in buffers, which are freed when the
 * client can no longer receive them. */
#include "tests/unit_worker.h"
#include "worker/ledger/closing.h"
#include "worker/output/flush.h"
#include "worker/output/reclaim.h"
#include "worker/record/change.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;
static struct reclaim reclaim;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    cr_assert(reclaim_make(&reclaim, seg.clients.len));
}
TestSuite(reply, .init = set_up);

static size_t heard(int peer) {
    static char bytes[65536];
    ssize_t n = recv(peer, bytes, sizeof bytes, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

Test(reply, is_sent_and_frees_its_buffers) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    cr_assert(unit_reply(&worker, c, 6000));
    cr_assert_eq(unit_buffers(&worker, c), 2);
    flush_client(&worker, c);
    cr_assert_eq(heard(peer), 6000);
    cr_assert_eq(unit_buffers(&worker, c), 0);
}

/* What it sent before is not processed either (RFC 9293, 3.10.7.4: a reset flushes the queues). */
Test(reply, to_a_closed_connection_ends_it_at_once) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    cr_assert(unit_reply(&worker, c, 6000));
    close(peer);
    flush_client(&worker, c);
    cr_assert_eq(c->mode, MODE_WRITE_FAILED, "nothing more is sent");
    cr_assert_not(client_live(c));
    cr_assert_eq(worker.closing.count, 1);
    closing_stage(&worker);
    unit_turn(&worker);
    cr_assert_eq(unit_buffers(&worker, c), 0);
}

/* The client was overrun in the middle of a line: the line is ended before a reply is sent, and the
 * notice follows the reply. */
Test(reply, does_not_follow_half_a_line) {
    int peer;
    char text[200] = "";
    struct client *c = unit_client(&worker, &peer);
    struct facts *f = client_begin(c);
    f->flags |= FACT_TORN;
    f->lines_lost = 3;
    client_commit(c);
    cr_assert(unit_reply(&worker, c, 4));
    flush_client(&worker, c);
    cr_assert_gt(recv(peer, text, sizeof text - 1, MSG_DONTWAIT), 0);
    cr_assert_str_eq(text, "\r\nrrrr*** 3 lines skipped\r\n");
}

static void half_a_long_line(struct client *c) {
    struct change ch;
    change_begin(&ch, &worker, c);
    cr_assert(change_line_buffer(&ch));
    ch.f->line_len = 600;
    cr_assert(change_commit(&ch));
}

static void look_for_buffers(void) {
    atomic_fetch_add(&seg.header->buffers_wanted, 1);
    worker.now += RECLAIM_MS;
    reclaim_look(&worker, &reclaim);
}

/* The buffer is reclaimed although more input arrives. */
Test(reply, half_a_long_line_keeps_no_buffer_from_others) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    half_a_long_line(c);
    cr_assert_eq(unit_buffers(&worker, c), 1);
    look_for_buffers();
    cr_assert_eq(unit_buffers(&worker, c), 1, "it may be about to end");
    look_for_buffers();
    cr_assert_eq(unit_buffers(&worker, c), 0);
    cr_assert_eq(client_facts(c)->line_len, 0);
    cr_assert(client_facts(c)->flags & FACT_OVERLONG, "its end will be refused");
    cr_assert(client_is(c, 1), "it stays connected");
}
