/* e2e_flood_lists.c - a client that asks for long lists only, faster than it may: what waits is
 * dropped as other lines are, and the words that leave are found behind it. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(flood_lists, .timeout = 180);

/* A list costs 1.2 s.  That of the first is excused, and flood_wait is 1 s more. */
enum { LINES = 60, TIMES = 1000, LISTS_MOST = 5 };

static struct guest *asker(struct server **s) {
    char text[512];
    *s = server_start("workers = 1\nhistory = 0\nflood_rate = 0\nflood_wait = 0\n");
    struct guest *bob = guest_enter(*s, "bob");
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < LINES; i++)
        guest_say(bob, "%s", text);
    for (int i = 0; i < LINES; i++)
        guest_expect(bob, "bob: %s", text);
    server_configure(*s, "workers = 1\nhistory = 0\nflood_rate = 50\nflood_burst = 5\n"
                         "flood_wait = 1s\n");
    server_signal(*s, SIGHUP);
    server_logged(*s, "reloaded: ");
    return bob;
}

static void asks(struct guest *g, const char *what, const char *last) {
    static char all[TIMES * 64];
    size_t len = 0;
    for (int i = 0; i < TIMES; i++)
        len += (size_t)sprintf(all + len, "%s", what);
    len += (size_t)sprintf(all + len, "%s", last);
    guest_send(g, all, len);
}

/* Reads up to the line that has `what` in it, or to the end of the connection (NULL). */
static void few_lists_until(struct guest *g, const char *what) {
    int lists = 0;
    for (const char *line; (line = guest_read(g)) != NULL && !(what && strstr(line, what));)
        cr_assert_leq(lists += strcmp(line, "*** 60 earlier lines") == 0, LISTS_MOST);
    cr_assert_eq(g->ended, what == NULL);
}

static void is_told(const char *what) {
    struct server *s;
    struct guest *bob = asker(&s);
    asks(bob, what, "");
    few_lists_until(bob, "of your lines were dropped: too fast.");
    guest_say(bob, "and now?");
    guest_expect(bob, "bob: and now?");
    server_stop(s);
}

Test(flood_lists, lists_are_dropped_and_counted) {
    is_told("/history 60\r\n");
}

Test(flood_lists, with_lines_between_them) {
    is_told("/history 60\r\na word\r\n");
}

Test(flood_lists, with_other_lists_and_refused_commands_between_them) {
    is_told("/history 60\r\n/help\r\nwho\r\n/nothing\r\n");
}

Test(flood_lists, a_word_that_leaves_is_obeyed_behind_lists) {
    struct server *s;
    struct guest *bob = asker(&s);
    asks(bob, "/history 60\r\n", "/quit\r\n");
    few_lists_until(bob, NULL);
    server_stop(s);
}
