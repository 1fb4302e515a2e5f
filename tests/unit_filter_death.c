/* unit_filter_death.c - a worker dies when the kernel has taken any number of a filtered part's
 * bytes: its successor, who knows the record and that number, sends the rest and nothing else. */
#include "tests/unit_worker.h"
#include "worker/output/filter.h"
#include "worker/output/ignore.h"
#include "worker/record/check.h"
#include "worker/record/encoding.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/wait.h>

static struct segment seg;
static struct worker worker;
static int ann_peer, bob_peer, cat_peer;
static struct client *ann, *bob, *cat;

/* A room in which bob is to be filtered. */
static void make_room(uint32_t flags) {
    struct change ch;
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    ann = unit_named(&worker, "ann", &ann_peer);
    bob = unit_named(&worker, "bob", &bob_peer);
    cat = unit_named(&worker, "cat", &cat_peer);
    change_begin(&ch, &worker, bob);
    change_settle_map(&ch);
    ch.f->flags |= flags & FACT_TIMESTAMPS;
    if (flags & FACT_IGNORES)
        cr_assert(ignore_add(&ch, client_tag(&worker, cat)));
    if (flags & FACT_ECHOED) {
        struct rx_buffer *rx = change_rx(&ch);
        memset(rx->line, 'h', 300);
        ch.f->line_len = 300;
        ch.f->columns = 80;
        ch.f->flags |= FACT_ECHOED;
    }
    cr_assert(change_commit(&ch));
    unit_flush(&worker);
    flush_client(&worker, bob);
    unit_heard(bob_peer);
}

static void say_lines(void) {
    unit_say(&worker, ann, "one");
    unit_say(&worker, cat, "hidden, where cat is ignored");
    unit_say(&worker, ann, "two");
    unit_round(&worker);
}

/* The part is committed, and the kernel takes `most` bytes of it.  Returns the part's length. */
static uint32_t part_sent(uint32_t most) {
    cr_assert(filter_continue(&worker, bob, room_count(&seg.room)));
    const struct facts *f = client_facts(bob);
    const uint8_t *data = ((struct tx_buffer *)buffer_at(&seg.tx_buffers, f->tx))->data;
    uint32_t n = f->tx_len < most ? f->tx_len : most;
    cr_assert_leq(f->tx_len, TX_DATA);
    if (n > 0)
        cr_assert_eq(send((int)client_index(&worker, bob), data, n, 0), n);
    atomic_store(&bob->sent, client_tx_end(f) - f->tx_len + n);
    return f->tx_len;
}

/* As adoption leaves a client, its buffers swept; `sent` is the kernel's count. */
static void take_over(void) {
    const struct facts *f = client_facts(bob);
    cr_assert_null(record_check(&seg, bob), "%s", record_check(&seg, bob));
    if (client_drained(bob, f) && f->tx != NO_BUFFER)
        buffer_give(&seg.tx_buffers, f->tx, client_tag(&worker, bob));
    memset(&bob->facts[(atomic_load(&bob->active) + 1) & 1], 0xA5, sizeof bob->facts[0]);
    memset(&worker.stamp, 0, sizeof worker.stamp);
    cr_assert_null(record_check(&seg, bob), "%s", record_check(&seg, bob));
    bob->mode = MODE_SLOW;
    client_refresh(bob);
}

/* What bob has heard after another line.  The digits of times are all 0: a minute may pass. */
static const char *heard_in_the_end(void) {
    static char all[4096];
    strcpy(all, unit_heard(bob_peer));
    unit_speak(&worker, ann, "three");
    strcat(all, unit_heard(bob_peer));
    for (char *at = all; *at; at++)
        *at = *at >= '0' && *at <= '9' ? '0' : *at;
    return all;
}

/* A room of its own: the part's length, after which all was heard as in `all`. */
static uint32_t trial(uint32_t flags, uint32_t taken, const char *all) {
    make_room(flags);
    say_lines();
    uint32_t len = part_sent(taken);
    take_over();
    flush_client(&worker, bob);
    cr_assert_str_eq(heard_in_the_end(), all, "flags %x, %u bytes taken", flags, taken);
    cr_assert_eq(unit_buffers(&worker, bob), 0);
    return len;
}

static void dies_at_every_byte(uint32_t flags) {
    make_room(flags);
    say_lines();
    flush_client(&worker, bob);
    char all[4096];
    strcpy(all, heard_in_the_end());
    uint32_t len = trial(flags, 0, all);
    cr_assert_gt(len, 10);
    for (uint32_t taken = 1; taken <= len; taken++) {
        int status;
        pid_t child = fork(); /* each trial takes descriptors and maps a segment */
        cr_assert_geq(child, 0);
        if (child == 0) {
            alarm(10); /* an assertion that fails does not end a process that is not a test's */
            trial(flags, taken, all);
            _exit(0);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert_eq(status, 0, "flags %x, %u bytes taken", flags, taken);
    }
}

TestSuite(filter_death, .timeout = 180);

Test(filter_death, times) {
    dies_at_every_byte(FACT_TIMESTAMPS);
}
Test(filter_death, ignored_speakers) {
    dies_at_every_byte(FACT_IGNORES);
}
Test(filter_death, a_half_typed_line) {
    dies_at_every_byte(FACT_ECHOED);
}
Test(filter_death, all_of_them) {
    dies_at_every_byte(FACT_TIMESTAMPS | FACT_IGNORES | FACT_ECHOED);
}

/* ---- buffers ---- */

static void say_much(int lines) {
    char text[1000];
    memset(text, 'm', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < lines; i++) {
        unit_say(&worker, ann, text);
        unit_round(&worker);
    }
}

Test(filter_death, a_part_is_all_that_is_pending_and_gives_its_buffers_back) {
    make_room(FACT_TIMESTAMPS);
    say_much(15);
    uint32_t commits = atomic_load(&bob->active);
    uint64_t sends = atomic_load(&worker.slot->stats.sends);
    flush_client(&worker, bob);
    cr_assert_eq(atomic_load(&bob->active), commits + 1, "one commit");
    cr_assert_eq(atomic_load(&worker.slot->stats.sends), sends + 1, "one send");
    cr_assert_eq(unit_buffers(&worker, bob), 0);
    cr_assert_eq(strlen(unit_heard(bob_peer)), 15 * (8 + 5 + 999 + 2));
}

/* Where buffers are scarce, a client that does not read holds few. */
Test(filter_death, parts_are_small_where_buffers_are_scarce) {
    make_room(FACT_TIMESTAMPS);
    say_much(15);
    uint32_t kept = 0;
    for (; buffer_plenty(&seg.tx_buffers); kept++)
        cr_assert_neq(buffer_take(&seg.tx_buffers, buffer_tag(NO_CLIENT, 1)), NO_BUFFER);
    cr_assert_geq(kept, seg.tx_buffers.count / 2);
    cr_assert(filter_continue(&worker, bob, room_count(&seg.room)));
    cr_assert_leq(unit_buffers(&worker, bob), 2);
    flush_client(&worker, bob);
    cr_assert_eq(strlen(unit_heard(bob_peer)), 15 * (8 + 5 + 999 + 2));
}

/* A buffer that was given back when it was sent may be taken for something else of the same client
 * before its map changes: the change must not give it back again. */
Test(filter_death, a_drained_buffer_is_not_given_back_twice) {
    struct change ch;
    make_room(FACT_TIMESTAMPS);
    unit_speak(&worker, ann, "one");
    uint32_t drained = client_facts(bob)->tx;
    cr_assert_neq(drained, NO_BUFFER);
    cr_assert_not(buffer_owned(&seg.tx_buffers, drained, client_tag(&worker, bob)));
    change_begin(&ch, &worker, bob);
    cr_assert_not_null(change_line_buffer(&ch));
    cr_assert_eq(ch.f->line_buffer, drained, "the one given back last is taken first");
    change_sentence(&ch, SAY_HERE, &(struct words){.room = "x"});
    cr_assert(change_commit(&ch));
    cr_assert(buffer_owned(&seg.tx_buffers, drained, client_tag(&worker, bob)));
    flush_client(&worker, bob);
    cr_assert(buffer_owned(&seg.tx_buffers, drained, client_tag(&worker, bob)));
    unit_speak(&worker, ann, "two");
    cr_assert(buffer_owned(&seg.tx_buffers, drained, client_tag(&worker, bob)));
}

/* ---- in its place ---- */

/* A private line comes behind the lines that were said before it, and before those after it. */
Test(filter_death, nothing_beyond_the_entry_is_sent) {
    make_room(FACT_IGNORES);
    unit_say(&worker, ann, "one");
    unit_round(&worker);
    uint64_t until = room_count(&seg.room);
    unit_say(&worker, ann, "two");
    unit_round(&worker);
    flush_until(&worker, bob, until);
    unit_hears(bob_peer, "ann: one\r\n");
    flush_client(&worker, bob);
    unit_hears(bob_peer, "ann: two\r\n");
}

/* An echoed client with nothing typed is on the direct path, and off it from its first key. */
Test(filter_death, an_empty_line_is_direct) {
    struct change ch;
    make_room(0);
    change_begin(&ch, &worker, bob);
    ch.f->flags |= FACT_ECHOED;
    cr_assert(change_commit(&ch));
    cr_assert_eq(bob->mode, ENC_UTF8);
    unit_say(&worker, ann, "one");
    unit_round(&worker);
    cr_assert_eq(send((int)client_index(&worker, bob), "ann: ", 5, 0), 5);
    atomic_fetch_add(&bob->sent, 5); /* the line is torn */
    unit_type(&worker, bob, bob_peer, "h");
    cr_assert_eq(bob->mode, MODE_SLOW);
    unit_speak(&worker, ann, "two");
    unit_hears(bob_peer, "ann: one\r\nh\r \rann: two\r\nh");
}
