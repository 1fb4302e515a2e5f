/* e2e_joining.c - what a client receives when it joins, also in a room with many clients. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(joining, .timeout = 180);

enum { SAID_MAX = 512 };

/* What was said in the room, as another client receives it from its own join on. */
struct record {
    char line[SAID_MAX][64];
    int count;
};

static void witness(struct record *r, struct guest *g, const char *last) {
    do {
        const char *line = guest_next(g);
        cr_assert_lt(r->count, SAID_MAX);
        if (strstr(line, ": ")) /* no coming or going */
            snprintf(r->line[r->count++], sizeof r->line[0], "%s", line);
    } while (strcmp(g->line, last) != 0);
}

/* A client that joins receives the greeting, the earlier lines after their correct number, and its
 * own join; returns the number. */
static int join_and_compare(struct server *s, struct guest *ann, struct record *r,
                            const char *name) {
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told(TOLD_HOW));
    guest_say(g, "login %s", name);
    witness(r, ann, told1(TOLD_COMES, name));
    guest_expect(g, "%s", told1(TOLD_GREETING, "Chatroom"));
    int n = 0, end = 0;
    const char *line = guest_next(g);
    if (sscanf(line, "*** %d earlier line%n", &n, &end) == 1) {
        cr_assert_str_eq(line + end, n == 1 ? "" : "s");
        cr_assert_gt(n, 0, "%s", line); /* the notice is only sent if there are lines */
        cr_assert_leq(n, r->count);
        for (int i = 0; i < n; i++)
            guest_expect_earlier(g, "%s", r->line[r->count - n + i]);
        guest_next(g);
    }
    cr_assert_str_eq(g->line, told(TOLD_HELP));
    guest_expect(g, "%s", told1(TOLD_COMES, name));
    guest_close(g);
    witness(r, ann, told1(TOLD_GOES, name));
    return n;
}

Test(joining, shows_the_last_lines_of_the_room) {
    struct server *s = server_start("workers = 4\nflood_rate = 0\nhistory = 7\n");
    struct guest *ann = guest_enter(s, "ann");
    static struct record r;
    for (int i = 0; i < 30; i++) {
        char name[32], last[32];
        sprintf(name, "late%d", i);
        int before = r.count;
        cr_assert_eq(join_and_compare(s, ann, &r, name), before < 7 ? before : 7);
        guest_say(ann, "line %d", i);
        sprintf(last, "ann: line %d", i);
        witness(&r, ann, last);
    }
    server_stop(s);
}

Test(joining, shows_nothing_where_history_is_0) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    static struct record r;
    guest_say(ann, "something to remember");
    guest_expect(ann, "ann: something to remember");
    cr_assert_eq(join_and_compare(s, ann, &r, "bob"), 0);
    server_stop(s);
}

Test(joining, history_is_sent_in_the_new_client_s_encoding) {
    struct server *s = server_start("workers = 2\nflood_rate = 0\nencoding = gbk\n");
    struct guest *ann = guest_enter_as(s, "ann", .charset = "GBK");
    guest_say(ann, "从前有座山");
    guest_expect(ann, "ann: 从前有座山");
    struct guest *bob = guest_connect_as(s, .charset = "GBK");
    guest_say(bob, "login bob");
    guest_until(bob, "%s", told1(TOLD_EARLIER, "1"));
    guest_expect_earlier(bob, "ann: 从前有座山");
    guest_until(bob, "%s", told1(TOLD_COMES, "bob"));
    server_stop(s);
}

Test(joining, shows_the_message_of_the_day_after_the_greeting) {
    struct server *s = server_prepare();
    char motd[400];
    snprintf(motd, sizeof motd, "%s/motd", s->dir);
    run_write_file(HERE, motd, "Be kind.\n欢迎 everybody.\n");
    server_launch(s, "workers = 2\nflood_rate = 0\nmotd = %s\n", motd);
    struct guest *ann = guest_enter(s, "ann");
    guest_say(ann, "first");
    guest_expect(ann, "ann: first");
    struct guest *bob = guest_connect(s);
    guest_until(bob, "%s", told(TOLD_HOW));
    guest_say(bob, "login bob");
    guest_expect(bob, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_expect(bob, "Be kind.");
    guest_expect(bob, "欢迎 everybody.");
    guest_expect(bob, "%s", told1(TOLD_EARLIER, "1"));
    guest_expect_earlier(bob, "ann: first");
    guest_until(bob, "%s", told1(TOLD_COMES, "bob"));
    server_stop(s);
}

Test(joining, is_not_announced_above_announce_max) {
    struct server *s = server_start(SERVER_QUIET(2) "announce_max = 2\n");
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob")); /* not more than announce_max */
    struct guest *more[3];
    for (int i = 0; i < 3; i++) {
        more[i] = guest_connect(s);
        guest_until(more[i], "%s", told(TOLD_HOW));
        guest_say(more[i], "login more%d", i);
        guest_say(more[i], "hello");
        char hello[32];
        sprintf(hello, "more%d: hello", i);
        guests_until(more, i + 1, hello);
        guest_expect(ann, "%s", hello);
        guest_expect(bob, "%s", hello);
    }
    guest_say(more[2], "/quit"); /* four clients are left, more than announce_max */
    while (guest_read(more[2]))
        ;
    guest_say(bob, "who was that?");
    guest_expect(ann, "bob: who was that?");
    server_stop(s);
}

Test(joining, is_always_announced_where_announce_max_is_0) {
    struct server *s = server_start(SERVER_QUIET(2) "announce_max = 0\n");
    struct guest *ann = guest_enter(s, "ann");
    for (int i = 0; i < 8; i++) {
        char name[32];
        sprintf(name, "more%d", i);
        guest_enter(s, name);
        guest_expect(ann, "%s", told1(TOLD_COMES, name));
    }
    server_stop(s);
}
