/* e2e_history.c - earlier lines: what was said, each line behind its time. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(earlier, .timeout = 180);

static const char quiet[] = SERVER_QUIET(2);

static void says(struct guest *g, const char *name, const char *text) {
    guest_say(g, "%s", text);
    guest_until(g, "%s", told2(TOLD_SPEECH, name, text));
}

Test(earlier, comings_goings_and_new_names_neither_count_nor_show) {
    struct server *s = server_start("workers = 2\nflood_rate = 0\nconnect_rate = 0\nhistory = 3\n");
    struct guest *ann = guest_enter(s, "ann");
    says(ann, "ann", "one");
    says(ann, "ann", "two");
    for (int i = 0; i < 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "bird%d", i);
        struct guest *bird = guest_enter(s, name);
        guest_close(bird);
        guest_until(ann, "%s", told1(TOLD_GOES, name));
    }
    guest_say(ann, "/nick anna");
    guest_until(ann, "%s", told2(TOLD_NICK, "ann", "anna"));
    struct guest *bob = guest_connect(s);
    guest_say(bob, "login bob");
    guest_until(bob, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_until(bob, "%s", told1(TOLD_EARLIER, "2"));
    guest_expect_earlier(bob, "ann: one");
    guest_expect_earlier(bob, "ann: two");
    guest_expect(bob, "%s", told(TOLD_HELP));
    guest_expect(bob, "%s", told1(TOLD_COMES, "bob"));
    server_stop(s);
}

Test(earlier, without_a_number_as_on_joining) {
    struct server *s = server_start("workers = 2\nflood_rate = 0\nhistory = 2\n");
    struct guest *ann = guest_enter(s, "ann");
    guest_say(ann, "/history");
    guest_expect(ann, "%s", told1(TOLD_EARLIER, "0"));
    says(ann, "ann", "one");
    guest_say(ann, "/history");
    guest_expect(ann, "%s", told1(TOLD_EARLIER, "1"));
    guest_expect_earlier(ann, "ann: one");
    says(ann, "ann", "two");
    says(ann, "ann", "three");
    guest_say(ann, "/history");
    guest_expect(ann, "%s", told1(TOLD_EARLIER, "2"));
    guest_expect_earlier(ann, "ann: two");
    guest_expect_earlier(ann, "ann: three");
    guest_say(ann, "/history 0");
    guest_expect(ann, "Use /history N, N from 1 to 1000");
    guest_say(ann, "/history many");
    guest_expect(ann, "Use /history N, N from 1 to 1000");
    server_stop(s);
}

Test(earlier, a_private_line_is_none_and_an_action_is_one) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[0], "/msg bob psst");
    guest_expect(g[0], "%s", told2(TOLD_COPY, "bob", "psst"));
    guest_until(g[1], "%s", "[ann] psst");
    guest_say(g[0], "/me waves");
    guest_expect(g[0], "* ann waves");
    guest_until(g[1], "* ann waves");
    guest_say(g[1], "/history 9");
    guest_expect(g[1], "%s", told1(TOLD_EARLIER, "1"));
    guest_expect_earlier(g[1], "* ann waves");
    server_stop(s);
}

Test(earlier, a_line_shows_its_time_once_with_timestamps_on) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[1], "/timestamps on");
    guest_until_begins(g[1], "*** Lines now begin");
    guest_say(g[0], "one");
    guest_expect_earlier(g[1], "ann: one");
    guest_say(g[1], "/history 1");
    guest_expect(g[1], "%s", told1(TOLD_EARLIER, "1"));
    guest_expect_earlier(g[1], "ann: one");
    guest_say(g[0], "/msg bob psst");
    guest_expect_earlier(g[1], "%s", told2(TOLD_PRIVATE, "ann", "psst"));
    guest_say(g[1], "/msg ann yes");
    guest_expect_earlier(g[1], "%s", told2(TOLD_COPY, "ann", "yes"));
    server_stop(s);
}

/* ---- a long one, to a client that does not read ---- */

enum { MANY = 300, BYTES = 3000 };

static void numbered(char out[BYTES + 16], int n) {
    snprintf(out, BYTES + 16, "%04d%0*d", n, BYTES, 0);
}

static void talk(struct guest *ann, int from, int to) {
    char text[BYTES + 16];
    for (int i = from; i < to; i++) {
        numbered(text, i);
        says(ann, "ann", text);
    }
}

/* 300 lines of 3 kB are asked for and not read, more than all buffers to the client hold; meanwhile
 * `happens`, and ann says ten more.  Each line comes once, in its place. */
static void long_history(void (*happens)(struct server *s, struct guest *bob)) {
    char text[BYTES + 16];
    struct server *s = server_start("%sline_max = 4096\nring_size = 16M\n", quiet);
    struct guest *ann = guest_enter(s, "ann");
    talk(ann, 0, MANY);
    struct guest *bob = guest_enter_as(s, "bob", .receive_buffer = 4096);
    guest_say(bob, "/history %d", MANY);
    guest_until(bob, "*** %d earlier lines", MANY);
    happens(s, bob);
    talk(ann, MANY, MANY + 10);
    for (int i = 0; i < MANY; i++) {
        numbered(text, i);
        guest_expect_earlier(bob, "ann: %s", text);
    }
    for (int i = MANY; i < MANY + 10; i++) {
        numbered(text, i);
        guest_expect(bob, "ann: %s", text);
    }
    guest_say(bob, "all of it");
    guest_expect(bob, "bob: all of it");
    server_stop(s);
}

static void nothing(struct server *s, struct guest *bob) {
    (void)s;
    (void)bob;
}

static void its_worker_dies(struct server *s, struct guest *bob) {
    int k = server_worker_of(s, bob->endpoint);
    pid_t dead = server_worker_pid(s, k);
    s->workers_may_die = true;
    cr_assert_eq(kill(dead, SIGKILL), 0);
    server_logged(s, "worker %d was killed", k);
}

static void its_worker_retires(struct server *s, struct guest *bob) {
    (void)bob;
    server_configure(s, "workers = 1\nflood_rate = 0\nconnect_rate = 0\nhistory = 0\n"
                        "line_max = 4096\nring_size = 16M\n");
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded");
}

Test(earlier, lines_said_meanwhile_follow_it) {
    long_history(nothing);
}
Test(earlier, a_death_in_the_middle_loses_and_doubles_nothing) {
    long_history(its_worker_dies);
}
Test(earlier, a_move_in_the_middle_loses_and_doubles_nothing) {
    long_history(its_worker_retires);
}

/* The ring is lapped meanwhile: what was not shown is counted, and what comes then is in order. */
Test(earlier, an_overrun_in_the_middle_is_counted) {
    char text[BYTES + 16];
    struct server *s = server_start("%sline_max = 4096\nring_size = 2M\n", quiet);
    struct guest *ann = guest_enter(s, "ann");
    talk(ann, 0, MANY);
    struct guest *bob = guest_enter_as(s, "bob", .receive_buffer = 4096);
    guest_say(bob, "/history %d", MANY);
    guest_until(bob, "*** %d earlier lines", MANY);
    talk(ann, MANY, 6 * MANY);
    guest_say(bob, "still here");
    int next = 0, skipped = 0, n, end, live = 0;
    while (strcmp(guest_next(bob), "bob: still here") != 0) {
        const char *line = bob->line;
        if (sscanf(line, "*** %d lines skipped%n", &n, &end) == 1 && line[end] == '\0') {
            skipped += n;
            next += n;
            continue;
        }
        if (*line == '\0')
            continue; /* the end of a torn line */
        live += line[0] == 'a';
        const char *number = strstr(line, "ann: ");
        cr_assert(number && sscanf(number, "ann: %4d", &n) == 1, "%.60s", line);
        numbered(text, n);
        if (strcmp(number + 5, text) != 0)
            continue; /* torn: it is among those skipped */
        cr_assert_eq(n, next, "instead of %d: %.20s", next, line);
        next++;
    }
    cr_assert_eq(next, 6 * MANY);
    cr_assert_gt(skipped, 0);
    cr_assert_gt(live, 0);
    server_stop(s);
}
