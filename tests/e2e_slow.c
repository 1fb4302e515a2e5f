/* e2e_slow.c - people who read slowly, or never, and hold nobody up. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(slow, .timeout = 300);

/* A ring of 64K, and lines so long that 3,000 of them overflow every socket buffer on the way to
 * one who does not read (4 MB is the most the kernel gives to a sender by itself). */
enum { LINES = 3000, FILLER = 3900, IN_FLIGHT = 4 };

static const char small_ring[] =
    "workers = 2\nring_size = 64K\nline_max = 4096\nflood_rate = 0\nhistory = 0\n"
    "login_timeout = 0\n";

static char filler[FILLER + 1];

/* ann says the line numbered n; "." is its last byte, so that a torn line shows. */
static void say_numbered(struct guest *ann, int n) {
    guest_say(ann, "%06d %s.", n, filler);
}

/* The number of a whole line of ann's; -1: another line, or a torn one. */
static int number_of(const char *line) {
    int n, end = 0;
    size_t len = strlen(line);
    if (sscanf(line, "ann: %6d%n", &n, &end) != 1 || end != 11)
        return -1;
    return len == 11 + 1 + FILLER + 1 && line[len - 1] == '.' ? n : -1;
}

/* ann says the lines `from` to `to` with few of them on the way, and hears each of them, whole and
 * in order: whoever is slow does not hold her up, and she is never lapped herself. */
static void talk(struct guest *ann, int from, int to) {
    memset(filler, 'x', FILLER);
    int said = from;
    for (int n = from; n < to; n++) {
        while (said < to && said < n + IN_FLIGHT)
            say_numbered(ann, said++);
        const char *line = guest_next(ann);
        cr_assert_eq(number_of(line), n, "instead of line %d: %.60s", n, line);
    }
}

/* A torn line (the beginning of one of ann's, or nothing) and then the count; returns it. */
static int read_skip(struct guest *g) {
    const char *line = g->line;
    int n = 0, end = 0;
    if (strncmp(line, "***", 3) != 0) {
        size_t len = strlen(line);
        cr_assert_eq(strncmp(line, "ann: ", len < 5 ? len : 5), 0, "not a part: %.60s", line);
        line = guest_next(g);
    }
    cr_assert(sscanf(line, "*** %d lines skipped%n", &n, &end) == 1 && line[end] == '\0' && n > 0,
              "after a torn line: %.60s", line);
    return n;
}

/* Reads all until the line `last`: every line is the one that follows, or a torn one and a count
 * that is exact, the torn line included.  Returns how many were skipped.  (A line whose end alone
 * was torn off looks whole and is counted as skipped all the same: `maybe_torn`.) */
static int read_with_skips(struct guest *g, const char *last) {
    int next = 0, skipped = 0;
    bool maybe_torn = false;
    while (strcmp(guest_next(g), last) != 0) {
        int number = number_of(g->line);
        if (number < 0) {
            int n = read_skip(g);
            next += n;
            skipped += n;
            continue;
        }
        if (maybe_torn && number == next - 1)
            next--;
        cr_assert_eq(number, next, "%d instead of %d", number, next);
        next++;
        const char *pending = guest_pending(g) > 0 ? g->data + g->at : "";
        maybe_torn = strncmp(pending, "***", 3) == 0;
    }
    cr_assert_eq(next, LINES, "%d lines instead of %d", next, LINES);
    return skipped;
}

Test(slow, a_slow_reader_is_lapped_and_told_how_many_lines_it_missed) {
    struct server *s = server_start("%s", small_ring);
    struct guest *ann = guest_enter(s, "ann");
    struct guest *bob = guest_enter_as(s, "bob", .receive_buffer = 4096);
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    talk(ann, 0, LINES);
    guest_say(ann, "the end");
    guest_expect(ann, "ann: the end");
    int skipped = read_with_skips(bob, "ann: the end");
    cr_assert_gt(skipped, 0, "nothing was skipped: the test does not test");
    guest_say(bob, "I am back"); /* and is a guest like any other again */
    guest_expect(bob, "bob: I am back");
    guest_expect(ann, "bob: I am back");
    server_stop(s);
}

Test(slow, one_who_reads_now_and_then_is_lapped_again_and_again) {
    struct server *s = server_start("%s", small_ring);
    struct guest *ann = guest_enter(s, "ann");
    struct guest *bob = guest_enter_as(s, "bob", .receive_buffer = 4096);
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    for (int n = 0; n < LINES; n += 100) {
        talk(ann, n, n + 100);
        guest_pending(bob); /* makes room in the socket; the lines themselves are taken below */
    }
    guest_say(ann, "the end");
    guest_expect(ann, "ann: the end");
    read_with_skips(bob, "ann: the end");
    server_stop(s);
}

Test(slow, a_slow_reader_is_disconnected_where_so_configured) {
    struct server *s = server_start("%sslow_client = disconnect\n", small_ring);
    struct guest *ann = guest_enter(s, "ann");
    struct guest *bob = guest_enter_as(s, "bob", .receive_buffer = 4096);
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    memset(filler, 'x', FILLER);
    bool left = false;
    for (int n = 0, heard = 0; n < LINES || !left; n++) {
        cr_assert_lt(n, 2 * LINES, "bob is still there");
        say_numbered(ann, n);
        while (heard <= n) {
            const char *line = guest_next(ann);
            if (strcmp(line, told1(TOLD_GOES, "bob")) == 0)
                left = true;
            else
                cr_assert_eq(number_of(line), heard++, "%.60s", line);
        }
    }
    while (guest_pending(bob), !bob->ended)
        wait_breath();
    server_stop(s);
}

Test(slow, many_who_never_read_hold_nobody_up) {
    struct server *s = server_start("%s", small_ring);
    struct guest *ann = guest_enter(s, "ann");
    for (int i = 0; i < 8; i++) {
        char name[32];
        sprintf(name, "deaf%d", i);
        guest_enter_as(s, name, .receive_buffer = 4096);
        guest_expect(ann, "%s", told1(TOLD_COMES, name));
    }
    talk(ann, 0, LINES);
    server_stop(s); /* ends in time, whoever does not read */
}

/* As much as it can without waiting. */
static void send_without_reading(struct guest *g, const char *text, int times) {
    size_t len = strlen(text);
    for (int i = 0; i < times; i++)
        if (send(g->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            break;
}

Test(slow, one_who_asks_and_asks_and_never_reads_holds_nobody_up) {
    struct server *s = server_start("%s", small_ring);
    struct guest *ann = guest_enter(s, "ann");
    struct guest *bob = guest_enter_as(s, "bob", .receive_buffer = 4096);
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    for (int n = 0; n < 200; n++) {
        send_without_reading(bob, "/help\r\nlook\r\n/nonsense\r\n", 100);
        talk(ann, n, n + 1);
    }
    server_stop(s);
}

/* The last lines *again*: one who has not been sent them yet is not to lose those before. */
Test(slow, history_passes_nothing_over) {
    enum { SAID = 2000 };
    struct server *s = server_start("workers = 2\nflood_rate = 0\nhistory = 0\n");
    struct guest *slow = guest_enter_as(s, "slow", .receive_buffer = 4096);
    struct guest *ann = guest_enter(s, "ann");
    int next = 0, notices = 0;
    memset(filler, 'x', 400);
    for (int i = 0; i < SAID + IN_FLIGHT; i++) {
        char number[32];
        snprintf(number, sizeof number, "ann: %06d", i - IN_FLIGHT);
        if (i < SAID)
            guest_say(ann, "%06d %s", i, filler);
        if (i >= IN_FLIGHT)
            guest_until_begins(ann, number);
    }
    guest_say(slow, "/history 3");
    guest_say(slow, "done");
    for (;;) {
        const char *line = guest_next(slow);
        int n;
        if (strcmp(line, "slow: done") == 0)
            break;
        notices += strncmp(line, "*** ", 4) == 0;
        if (sscanf(line, "ann: %6d", &n) == 1 && n >= next)
            cr_assert_eq(n, next++);
    }
    cr_assert_eq(next, SAID);
    cr_assert_eq(notices, 1);
    server_stop(s);
}
