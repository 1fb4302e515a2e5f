/* unit_recall.c - the buffers of an echoed client's editing: the line before this one, and a line
 * changed in its middle; and what becomes of both where no buffer is free. */
#include "tests/unit_worker.h"
#include "worker/output/reclaim.h"
#include "worker/record/change.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;
static struct reclaim reclaim;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    worker.config.flood_rate = 0;
    cr_assert(reclaim_make(&reclaim, seg.clients.len));
}
TestSuite(recall, .init = set_up);

#define UP "\033[A"
#define DOWN "\033[B"
#define LEFT "\033[D"

static struct client *echoed(int *peer) {
    struct client *c = unit_named(&worker, "ann", peer);
    unit_type(&worker, c, *peer, "\377\375\001");
    cr_assert(client_facts(c)->flags & FACT_ECHOED);
    unit_turn(&worker);
    unit_heard(*peer); /* telnet's answers, which have a NUL */
    return c;
}

/* The second turn is for a line's end, which is handled when the line is committed. */
static void types(struct client *c, int peer, const char *text) {
    unit_type(&worker, c, peer, text);
    unit_turn(&worker);
    input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
    unit_turn(&worker);
}

static void line_is(const struct client *c, const char *text, unsigned behind) {
    const struct facts *f = client_facts(c);
    const uint8_t *line =
        f->line_buffer == NO_BUFFER
            ? ((struct rx_buffer *)buffer_at(&seg.rx_buffers, f->rx))->line
            : ((struct tx_buffer *)buffer_at(&seg.tx_buffers, f->line_buffer))->data;
    cr_assert(f->line_len == strlen(text) && memcmp(line, text, f->line_len) == 0, "%.*s",
              f->line_len, line);
    cr_assert_eq(f->behind, behind);
}

static void look_for_buffers(void) {
    atomic_fetch_add(&seg.header->buffers_wanted, 1);
    worker.now += RECLAIM_MS;
    reclaim_look(&worker, &reclaim);
}

Test(recall, a_client_that_is_not_echoed_keeps_no_line) {
    int peer;
    struct client *c = unit_named(&worker, "ann", &peer);
    types(c, peer, "hello\r\n");
    cr_assert_eq(unit_buffers(&worker, c), 0);
    cr_assert_eq(client_facts(c)->last, NO_BUFFER);
}

Test(recall, the_line_before_takes_one_buffer_until_echo_ends) {
    int peer;
    struct client *c = echoed(&peer);
    for (int i = 0; i < 3; i++) {
        types(c, peer, "hello");
        types(c, peer, "\r");
        cr_assert_eq(unit_buffers(&worker, c), 1);
    }
    types(c, peer, "half" UP);
    line_is(c, "hello", 0);
    cr_assert_eq(unit_buffers(&worker, c), 2);
    types(c, peer, DOWN);
    line_is(c, "half", 0);
    types(c, peer, "\025");
    cr_assert_eq(unit_buffers(&worker, c), 1);
    types(c, peer, "\377\376\001");
    cr_assert_not(client_facts(c)->flags & FACT_ECHOED);
    cr_assert_eq(unit_buffers(&worker, c), 0);
}

Test(recall, it_is_forgotten_when_others_want_buffers) {
    int peer;
    struct client *c = echoed(&peer);
    types(c, peer, "hello\r");
    look_for_buffers();
    cr_assert_eq(unit_buffers(&worker, c), 0);
    unit_heard(peer);
    types(c, peer, UP);
    const char *heard = unit_heard(peer);
    cr_assert_str_eq(heard, "\a", "heard %zu: %s", strlen(heard), heard);
    cr_assert_eq(client_facts(c)->line_len, 0);
}

Test(recall, without_a_buffer_a_line_is_said_and_not_kept) {
    int peer;
    struct client *c = echoed(&peer);
    while (buffer_take_below(&seg.tx_buffers, buffer_tag(NO_CLIENT, 1), seg.tx_buffers.count / 4))
        ; /* what is left is for replies */
    types(c, peer, "hello");
    types(c, peer, "\r");
    const char *heard = unit_heard(peer);
    cr_assert_not_null(strstr(heard, "ann: hello\r\n"), "%s", heard);
    cr_assert_eq(client_facts(c)->last, NO_BUFFER);
    types(c, peer, "ac" LEFT);
    line_is(c, "ac", 1);
    unit_heard(peer);
    types(c, peer, "b"); /* into the middle: it would need a buffer */
    cr_assert_str_eq(unit_heard(peer), "\a");
    line_is(c, "ac", 1);
    unit_give_buffers(&worker);
    types(c, peer, "b");
    line_is(c, "abc", 1);
}

/* A death after any byte that was handled and not committed leaves the line as it was. */
Test(recall, a_change_in_the_middle_spares_the_committed_line) {
    int peer;
    struct client *c = echoed(&peer);
    types(c, peer, "abcdef" LEFT LEFT LEFT);
    struct facts before = *client_facts(c);
    const struct rx_buffer *rx = buffer_at(&seg.rx_buffers, before.rx);
    types(c, peer, "x\177\177\004y");
    line_is(c, "abyef", 2);
    cr_assert_eq(memcmp(rx->line, "abcdef", 6), 0, "the record before would still hold");
    uint32_t buffer = client_facts(c)->line_buffer;
    types(c, peer, "z");
    cr_assert_neq(client_facts(c)->line_buffer, buffer);
    cr_assert_eq(unit_buffers(&worker, c), 1);
}
