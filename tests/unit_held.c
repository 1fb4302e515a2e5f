/* unit_held.c - what is behind a private line is sent behind it, also where it is committed while a
 * worker flushes: a browser whose connection ends then comes back for what is behind the last line
 * that it has seen. */
#include "tests/unit_browser.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;
static struct client *ann, *bob, *cat;
static int ann_peer, bob_peer, cat_peer;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    ann = unit_named(&worker, "ann", &ann_peer);
    bob = unit_browser(&worker, "bob", &bob_peer);
    cat = unit_named(&worker, "cat", &cat_peer);
}
TestSuite(held, .init = set_up);

/* The flush sees what is committed meanwhile, and this worker has not applied. */
static void flush_meanwhile(void) {
    publish(&worker);
    unit_flush(&worker);
}

/* True if both are in what the peer has received, the first before the second. */
static bool hears_before(int peer, const char *first, const char *second) {
    const char *heard = unit_heard(peer), *at = strstr(heard, first), *next = strstr(heard, second);
    return at && next && at < next;
}

static void check(struct client *from, int peer, const char *line) {
    unit_say(&worker, ann, "before");
    unit_type(&worker, from, peer, line);
    unit_say(&worker, ann, "behind");
    flush_meanwhile();
    cr_assert_null(strstr(unit_heard(bob_peer), "behind"), "not before the private line");
    cr_assert_null(strstr(unit_heard(cat_peer), "behind"));
    cr_assert(apply(&worker));
    unit_flush(&worker);
}

Test(held, a_browser_is_sent_a_private_line_before_what_follows_it) {
    check(ann, ann_peer, "/msg bob secret\n");
    cr_assert(hears_before(bob_peer, "\"text\":\"secret\"", "\"text\":\"behind\""));
}

Test(held, a_browsers_copy_comes_before_what_follows_it) {
    struct line line = {.consumed = client_facts(bob)->consumed};
    struct addressee whom = {"cat", speaker_key(&worker, "cat"), client_index(&worker, cat),
                             (uint32_t)(client_tag(&worker, cat) >> 32)};
    cr_assert_eq(say_private(&worker, bob, &line, &whom, "secret"), LINE_STAGED);
    unit_say(&worker, ann, "behind");
    flush_meanwhile();
    cr_assert_str_empty(unit_heard(bob_peer));
    cr_assert(apply(&worker));
    unit_flush(&worker);
    cr_assert(hears_before(bob_peer, "\"text\":\"secret\"", "\"text\":\"behind\""));
    cr_assert(hears_before(cat_peer, "[bob] secret", "ann: behind"));
}

Test(held, so_is_a_telnet) {
    check(ann, ann_peer, "/msg cat secret\n");
    cr_assert(hears_before(cat_peer, "[ann] secret", "ann: behind"));
}

Test(held, also_a_line_to_oneself) {
    check(cat, cat_peer, "/msg cat secret\n");
    cr_assert(hears_before(cat_peer, "[to cat] secret", "[cat] secret"));
}

Test(held, public_lines_wait_for_nothing) {
    unit_say(&worker, ann, "one");
    flush_meanwhile();
    cr_assert_not_null(strstr(unit_heard(bob_peer), "one"));
    unit_hears(cat_peer, "ann: one\r\n");
}

/* A death before the commit has moved the word for nothing. */
Test(held, a_private_line_that_was_never_committed_holds_nothing_that_is_applied) {
    atomic_store(&seg.room.shared->held, room_count(&seg.room) + 1);
    unit_speak(&worker, ann, "one");
    unit_hears(cat_peer, "ann: one\r\n");
    cr_assert_not_null(strstr(unit_heard(bob_peer), "one"));
    unit_say(&worker, ann, "two");
    flush_meanwhile();
    unit_hears(cat_peer, "ann: two\r\n");
}
