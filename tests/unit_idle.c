/* unit_idle.c - which input renews a client's idle time: lines, and nothing else. */
#include "tests/unit_worker.h"

#include <criterion/criterion.h>

static struct segment seg;
static struct worker worker;
static struct client *ann;
static int peer;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    ann = unit_named(&worker, "ann", &peer);
}
TestSuite(idle, .init = set_up);

/* Types these bytes after a long silence, and applies them. */
static bool renews(const char *bytes, size_t len) {
    client_begin(ann)->last_input = worker.tenths - 5000;
    client_commit(ann);
    uint64_t before = client_facts(ann)->consumed;
    cr_assert_eq(send(peer, bytes, len, 0), (ssize_t)len);
    for (int turn = 0; turn < 8; turn++) {
        worker.interest.readable[client_index(&worker, ann)] = 1;
        fd_queue_push(&worker.ready, client_index(&worker, ann));
        input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
        unit_turn(&worker);
    }
    cr_assert_eq(client_facts(ann)->consumed, before + len, "it is read");
    uint32_t input = client_facts(ann)->last_input; /* of the turn, or of the entry after it */
    return (int32_t)(worker.tenths - input) < 4000;
}
#define renews(literal) renews(literal, sizeof(literal) - 1)

Test(idle, lines_renew_it) {
    cr_assert(renews("hello\r\n"));
    cr_assert(renews("/me waves\n"));
    cr_assert(renews("look\n"));
    cr_assert(renews("who\n"));
    cr_assert(renews("/help\n"));
    cr_assert(renews("/nosuch\n"), "a line that is refused is one");
    cr_assert(renews("/msg nobody hi\n"));
    cr_assert(renews("/msg ann hi\n"));
    cr_assert(renews("/nick anna\n"));
    cr_assert(renews("/history\n"));
}

Test(idle, a_line_that_is_too_long_renews_it) {
    static char text[3000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\n';
    cr_assert((renews)(text, sizeof text));
}

Test(idle, telnet_commands_do_not) {
    cr_assert_not(renews("\xff\xf1"), "NOP");
    cr_assert_not(renews("\xff\xfc\x06"), "WONT TIMING-MARK");
    cr_assert_not(renews("\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0"), "window size");
    cr_assert_not(renews("\xff\xf6"), "are you there");
    cr_assert_not(renews("\xff\xf4"), "interrupt");
    cr_assert_not(renews("\xff\xf9\xff\xf9"), "go ahead");
}

Test(idle, empty_lines_do_not) {
    cr_assert_not(renews("\r\n"));
    cr_assert_not(renews("\n\n\n"));
    cr_assert_not(renews("\r\0"));
    cr_assert_not(renews("  \r\n"), "blanks");
    cr_assert_not(renews("\t\343\200\200\r\n"), "blanks of other scripts");
    cr_assert_not(renews("\xff\xf1\r\n"));
}

Test(idle, keys_do_not_before_the_line_ends) {
    cr_assert_not(renews("h"));
    cr_assert_not(renews("ello"));
    cr_assert_not(renews("\b\x7f"));
    cr_assert(renews("!\r\n"));
}

/* Lines of a client that is too fast are dropped unheard, but it is there. */
Test(idle, lines_that_are_dropped_renew_it) {
    client_begin(ann)->flags |= FACT_DROPPING;
    client_commit(ann);
    cr_assert(renews("spam\nspam\nspam\n"));
    cr_assert(strstr(unit_heard(peer), "of your lines were dropped"));
}
