/* e2e_slow.c - clients that read slowly, or never, and delay no other client. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(slow, .timeout = 300);

/* A ring of 64K, and lines so long that 1,500 of them overflow all socket buffers between the
 * server and a client that does not read (the kernel grows a send buffer to 4 MB at most). */
enum { OVERFLOW = 1500, LINES = 2 * OVERFLOW, FILLER = 3900, IN_FLIGHT = 4 };

static const char small_ring[] =
    "workers = 2\nring_size = 64K\nline_max = 4096\nflood_rate = 0\nhistory = 0\n"
    "login_timeout = 0\n";

static char filler[FILLER + 1];

/* ann says line number n.  Its last byte is ".", so that a torn line is recognised. */
static void say_numbered(struct guest *ann, int n) {
    guest_say(ann, "%06d %s.", n, filler);
}

/* The number of a complete line of ann's; -1: another line, or a torn one. */
static int number_of(const char *line) {
    int n, end = 0;
    size_t len = strlen(line);
    if (sscanf(line, "ann: %6d%n", &n, &end) != 1 || end != 11)
        return -1;
    return len == 11 + 1 + FILLER + 1 && line[len - 1] == '.' ? n : -1;
}

/* ann says the lines `from` to `to`, a few at a time, and receives each of them, complete and in
 * order: a slow client does not delay her, and she is never overrun. */
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

/* The notices that a client received, and the lines that they count. */
struct skips {
    int notices, lines;
};

/* Reads a torn line (the beginning of one of ann's, or nothing) and the notice after it; returns
 * its count. */
static int read_skip(struct guest *g) {
    const char *line = g->line;
    int n = 0, end = 0;
    if (strncmp(line, "***", 3) != 0) {
        size_t len = strlen(line);
        cr_assert_eq(strncmp(line, "ann: ", len < 5 ? len : 5), 0, "not a part: %.60s", line);
        line = guest_next(g);
    }
    cr_assert(sscanf(line, "*** %d line%n", &n, &end) == 1 && n > 0, "after a torn line: %.60s",
              line);
    cr_assert_str_eq(line + end, n == 1 ? " skipped" : "s skipped");
    return n;
}

/* Reads the lines `from` to `to` and then `last`.  Each line is the next one, or a torn one
 * followed by a notice whose count is exact and includes the torn line.  (A line of which only the
 * end was torn off looks complete but is counted as skipped: `maybe_torn`.) */
static struct skips read_with_skips(struct guest *g, int from, int to, const char *last) {
    struct skips skips = {0};
    int next = from;
    bool maybe_torn = false;
    while (strcmp(guest_next(g), last) != 0) {
        int number = number_of(g->line);
        if (number < 0) {
            int n = read_skip(g);
            next += n;
            skips.lines += n;
            skips.notices++;
            continue;
        }
        if (maybe_torn && number == next - 1)
            next--;
        cr_assert_eq(number, next, "%d instead of %d", number, next);
        next++;
        const char *pending = guest_pending(g) > 0 ? g->data + g->at : "";
        maybe_torn = strncmp(pending, "***", 3) == 0;
    }
    cr_assert_eq(next, to, "%d lines instead of %d", next, to);
    return skips;
}

/* ann, who reads, and bob, whose receive buffer is small. */
static struct server *ann_and_slow_bob(struct guest *g[2], const char *more) {
    struct server *s = server_start("%s%s", small_ring, more);
    g[0] = guest_enter(s, "ann");
    g[1] = guest_enter_as(s, "bob", .receive_buffer = 4096);
    guest_expect(g[0], "%s", told1(TOLD_COMES, "bob"));
    return s;
}

/* More than once: after each notice the client is in normal state again, and is overrun again. */
Test(slow, a_slow_reader_is_overrun_and_gets_the_number_of_lost_lines_each_time) {
    struct guest *g[2];
    struct server *s = ann_and_slow_bob(g, "");
    for (int round = 0; round < 3; round++) {
        char end[32];
        talk(g[0], round * OVERFLOW, (round + 1) * OVERFLOW);
        guest_say(g[0], "the end of %d", round);
        snprintf(end, sizeof end, "ann: the end of %d", round);
        guest_expect(g[0], "%s", end);
        struct skips skips = read_with_skips(g[1], round * OVERFLOW, (round + 1) * OVERFLOW, end);
        cr_assert_gt(skips.lines, 0, "round %d: nothing was skipped", round);
        guest_say(g[1], "I am back");
        guests_expect(g, 2, "bob: I am back");
    }
    server_stop(s);
}

/* The client reads a part from time to time, so that it is overrun in the middle of pending
 * output. */
Test(slow, a_reader_that_pauses_is_overrun_more_than_once) {
    struct guest *g[2];
    struct server *s = ann_and_slow_bob(g, "");
    for (int round = 0; round < 3; round++) {
        talk(g[0], round * OVERFLOW, (round + 1) * OVERFLOW);
        guest_pending(g[1]); /* makes room in the socket; the lines are compared below */
    }
    guest_say(g[0], "the end");
    guest_expect(g[0], "ann: the end");
    struct skips skips = read_with_skips(g[1], 0, 3 * OVERFLOW, "ann: the end");
    cr_assert_gt(skips.notices, 1, "overrun %d times", skips.notices);
    server_stop(s);
}

Test(slow, a_slow_reader_is_disconnected_where_so_configured) {
    struct guest *g[2];
    struct server *s = ann_and_slow_bob(g, "slow_client = disconnect\n");
    memset(filler, 'x', FILLER);
    bool left = false;
    for (int n = 0, heard = 0; n < LINES || !left; n++) {
        cr_assert_lt(n, 2 * LINES, "bob is still there");
        say_numbered(g[0], n);
        while (heard <= n) {
            const char *line = guest_next(g[0]);
            if (strcmp(line, told1(TOLD_GOES, "bob")) == 0)
                left = true;
            else
                cr_assert_eq(number_of(line), heard++, "%.60s", line);
        }
    }
    while (guest_pending(g[1]), !g[1]->ended)
        wait_breath();
    server_stop(s);
}

Test(slow, many_that_never_read_delay_no_other_client) {
    struct server *s = server_start("%s", small_ring);
    struct guest *ann = guest_enter(s, "ann"), *deaf[8];
    for (int i = 0; i < 8; i++) {
        char name[32];
        sprintf(name, "deaf%d", i);
        deaf[i] = guest_enter_as(s, name, .receive_buffer = 4096);
        guest_expect(ann, "%s", told1(TOLD_COMES, name));
    }
    talk(ann, 0, OVERFLOW);
    guest_say(ann, "the end");
    guest_expect(ann, "ann: the end");
    struct skips skips = read_with_skips(deaf[7], 0, OVERFLOW, "ann: the end");
    cr_assert_gt(skips.lines, 0, "the sockets held all of it");
    server_stop(s); /* the server ends in time, although seven clients do not read */
}

/* Sends `text` `times` times without waiting; false: the socket takes no more. */
static bool send_without_reading(struct guest *g, const char *text, int times) {
    size_t len = strlen(text);
    for (int i = 0; i < times; i++)
        if (send(g->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            return false;
    return true;
}

Test(slow, a_client_that_never_reads_its_answers_is_not_read_and_delays_no_other) {
    struct guest *g[2];
    struct server *s = ann_and_slow_bob(g, "");
    int n = 0;
    while (send_without_reading(g[1], "/help\r\nlook\r\n/nonsense\r\n", 100)) {
        cr_assert_lt(n, 5000, "all input is read although no answer is");
        talk(g[0], n, n + 1);
        n++;
    }
    talk(g[0], n, n + 100);
    server_stop(s);
}

/* The number of an earlier line of ann's, "[21:04] ann: ..."; -1: another line. */
static int number_of_earlier(const char *line) {
    int hour, minute, end = 0;
    bool time = sscanf(line, "[%2d:%2d] %n", &hour, &minute, &end) == 2 && end == 8;
    return time ? number_of(line + 8) : -1;
}

/* /history shows the last lines of those that a client was sent, also to one that has lines unsent:
 * these follow, each once. */
Test(slow, history_skips_no_unsent_line_and_doubles_none) {
    struct server *s = server_start(SERVER_QUIET(2) "line_max = 4096\nring_size = 16M\n");
    struct guest *slow = guest_enter_as(s, "slow", .receive_buffer = 4096);
    struct guest *ann = guest_enter(s, "ann");
    int next = 0, earlier = 0, behind = 0;
    talk(ann, 0, OVERFLOW);
    guest_say(slow, "/history 3");
    guest_say(slow, "done");
    while (strcmp(guest_next(slow), "slow: done") != 0) {
        int n = number_of(slow->line), again = number_of_earlier(slow->line);
        if (n >= 0)
            cr_assert_eq(n, next++);
        if (strcmp(slow->line, "*** 3 earlier lines") == 0)
            behind = OVERFLOW - next;
        if (again >= 0)
            cr_assert_eq(again, next - 3 + earlier++);
    }
    cr_assert_eq(next, OVERFLOW);
    cr_assert_eq(earlier, 3);
    cr_assert_gt(behind, 0, "it was not behind");
    server_stop(s);
}

/* DEAF: more clients than there are tx buffers with max_clients = 400 (ipc/segment.c).  ASKED: more
 * answers than all buffers between server and client hold. */
enum { DEAF = 330, ASKED = 100 };

static const char few_buffers[] =
    SERVER_QUIET(2) "max_clients = 400\nlogin_timeout = 0\nannounce_max = 0\n";

Test(slow, clients_that_never_read_keep_no_buffer_from_others) {
    struct server *s = server_start(few_buffers);
    struct guest *ann = guest_enter(s, "ann");
    static struct guest *deaf[DEAF];
    for (int i = 0; i < DEAF; i++) {
        char name[32];
        snprintf(name, sizeof name, "never_reads_%03d", i);
        deaf[i] = guest_enter_as(s, name, .receive_buffer = 2048);
    }
    for (int i = 0; i < DEAF; i++) {
        for (int n = 0; n < ASKED; n++)
            guest_type(deaf[i], "who\r\n");
    }
    /* Clients that got no buffer send on. */
    server_logged(s, "does not read, and few buffers are free for others");
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "late%d", i);
        struct guest *late = guest_enter(s, name);
        guest_say(late, "who");
        guest_until(late, "%s", name);
        guest_say(ann, "hello");
        guest_until(late, "%s", told2(TOLD_SPEECH, "ann", "hello"));
        guest_until(ann, "%s", told2(TOLD_SPEECH, "ann", "hello"));
    }
    server_stop(s);
}
