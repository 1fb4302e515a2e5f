/* e2e_flood_wait.c - a client that is too fast for too long: what waits is dropped, counted and
 * told, and no word that makes it leave is lost with it. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(flood_wait, .timeout = 180);

#define SLOW "workers = 2\nhistory = 0\nflood_rate = 5\nflood_burst = 20\nconnect_rate = 0\n"

enum { SENT = 4000 };

/* Sends `count` numbered lines in one piece; `last` comes behind them. */
static void floods(struct guest *g, int count, const char *last, size_t last_len) {
    static char all[SENT * 8 + 4096];
    char *end = all;
    for (int i = 0; i < count; i++)
        end += sprintf(end, "n %d\r\n", i);
    memcpy(end, last, last_len);
    guest_send(g, all, (size_t)(end - all) + last_len);
}

/* Reads up to the notice.  Of `sent` lines, those said are the first ones, in order, and the rest
 * is what the notice counts. */
static void is_told(struct guest *g, const char *name, int sent) {
    char want[64];
    int said = 0;
    for (const char *line = guest_next(g); line[0] != '*'; line = guest_next(g)) {
        snprintf(want, sizeof want, "%s: n %d", name, said++);
        cr_assert_str_eq(line, want);
    }
    cr_assert_geq(said, 20, "as many as the burst were said: %d", said);
    cr_assert_lt(said, sent, "some were dropped");
    snprintf(want, sizeof want, "*** %d of your lines were dropped: too fast.", sent - said);
    cr_assert_str_eq(g->line, want);
}

Test(flood_wait, lines_are_dropped_and_counted) {
    struct server *s = server_start(SLOW "flood_wait = 1s\n");
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    floods(bob, SENT, "", 0);
    is_told(bob, "bob", SENT);
    guest_say(bob, "and now?");
    guest_expect(bob, "bob: and now?");
    guest_until(ann, "bob: and now?");
    server_stop(s);
}

/* Half a line at the end of what is dropped is still under way. */
Test(flood_wait, the_line_under_way_is_not_dropped) {
    struct server *s = server_start(SLOW "flood_wait = 1s\n");
    struct guest *bob = guest_enter(s, "bob");
    floods(bob, SENT, "half of ", 8);
    is_told(bob, "bob", SENT);
    guest_say(bob, "a line");
    guest_expect(bob, "bob: half of a line");
    server_stop(s);
}

Test(flood_wait, counts_exactly_over_the_death_of_a_worker) {
    for (int i = 0; i < 4; i++) {
        struct server *s = server_start(SLOW "flood_wait = 1s\n");
        s->workers_may_die = true;
        struct guest *bob = guest_enter(s, "bob");
        floods(bob, SENT, "", 0);
        for (int k = 0; k < 20 + i; k++)
            guest_expect(bob, "bob: n %d", k);
        kill(server_worker_pid(s, server_worker_of(s, bob->endpoint)), SIGKILL);
        int said = 20 + i;
        char want[64];
        for (const char *line = guest_next(bob); line[0] != '*'; line = guest_next(bob), said++) {
            snprintf(want, sizeof want, "bob: n %d", said);
            cr_assert_str_eq(line, want);
        }
        snprintf(want, sizeof want, "*** %d of your lines were dropped: too fast.", SENT - said);
        cr_assert_str_eq(bob->line, want);
        server_stop(s);
    }
}

/* ---- leaving behind a paste ---- */

static const struct {
    const char *word;
    const char *open; /* configuration; NULL: not logged in */
} leaves[] = {{"quit\r\n", NULL}, {"  EXIT\r\n", NULL},      {"logout\n", NULL},
              {"/quit\r\n", ""},  {"logout\r\n", ""},        {"  /quit  \r\n", ""},
              {"/logout\n", ""},  {"／ＱＵＩＴ　\r\n", ""},  {"\357\273\277Logout\t\r\n", ""},
              {"、quit\r\n", ""}, {"\302\240Bye\r\n", NULL}, {"/quit\r\n", "login = no\n"}};

Test(flood_wait, a_word_that_leaves_is_obeyed_behind_a_paste) {
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        const char *open = leaves[i].open;
        struct server *s = server_start(SLOW "flood_wait = 1s\n%s", open ? open : "");
        struct guest *bob = !open || open[0] ? guest_connect(s) : guest_enter(s, "bob");
        floods(bob, SENT, leaves[i].word, strlen(leaves[i].word));
        int lines = 0, told = 0;
        for (const char *line; (line = guest_read(bob)) != NULL; lines++)
            told += strncmp(line, "*** ", 4) == 0 && strstr(line, " of your lines were dropped");
        cr_assert_lt(lines, SENT / 2, "%s", leaves[i].word);
        cr_assert_eq(told, 1, "%s", leaves[i].word);
        server_stop(s);
    }
}

/* Ctrl-C of GNU telnet: it shows nothing more until its TIMING-MARK is answered. */
Test(flood_wait, telnet_is_obeyed_behind_a_paste) {
    struct server *s = server_start(SLOW "flood_wait = 1s\n");
    struct guest *bob = guest_enter(s, "bob");
    bob->telnet = true;
    floods(bob, SENT, "half\377\364\377\375\006", 9);
    guest_until_answer(bob, 252, 6);
    is_told(bob, "bob", SENT);
    guest_say(bob, "whole");
    guest_expect(bob, "bob: whole");
    server_stop(s);
}

Test(flood_wait, before_login_too) {
    struct server *s = server_start(SLOW "flood_wait = 1s\n");
    struct guest *bob = guest_connect(s);
    floods(bob, SENT, "", 0);
    cr_assert(guest_until_begins(bob, "*** "));
    guest_say(bob, "login bob");
    guest_until(bob, "%s", told1(TOLD_COMES, "bob"));
    server_stop(s);
}

/* ---- who is not too fast ---- */

/* What a list costs is waited for, and the line behind it is said: with a flood_wait of 0 any line
 * that comes too fast would be dropped. */
Test(flood_wait, the_time_that_a_list_costs_does_not_count) {
    char text[512];
    struct server *s = server_start("workers = 1\nhistory = 0\nflood_rate = 0\nflood_wait = 0\n");
    struct guest *bob = guest_enter(s, "bob");
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 60; i++)
        guest_say(bob, "%s", text);
    for (int i = 0; i < 60; i++)
        guest_expect(bob, "bob: %s", text);
    server_configure(s, "workers = 1\nhistory = 0\nflood_rate = 50\nflood_burst = 5\n"
                        "flood_wait = 0\n");
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: ");
    guest_type(bob, "/history 60\r\nafter it\r\n");
    guest_expect(bob, "*** 60 earlier lines");
    for (int i = 0; i < 60; i++)
        guest_expect_earlier(bob, "bob: %s", text);
    guest_expect(bob, "bob: after it");
    server_stop(s);
}

/* ---- what is no line costs, too ---- */

/* Sends `input` SENT / 2 times at once, each of which brings `answer`.  The k-th must not come
 * before the account allows it, at (k / 16 - BURST) / RATE: each costs two 32nds of a line at
 * least. */
static void is_charged(const char *input, size_t len, const char *answer) {
    enum { RATE = 20, BURST = 20, ANSWERS = 1000 };
    static char all[SENT * 8];
    struct server *s = server_start("workers = 1\nhistory = 0\nflood_rate = %d\nflood_burst = %d\n"
                                    "flood_wait = 1h\n",
                                    RATE, BURST);
    struct guest *bob = guest_enter(s, "bob");
    int64_t since = wait_deadline();
    bob->telnet = true;
    for (int i = 0; i < SENT / 2; i++)
        memcpy(all + (size_t)i * len, input, len);
    guest_send(bob, all, SENT / 2 * len);
    for (int k = 1; k <= ANSWERS; k++) {
        guest_expect(bob, "%s", answer);
        int passed = WAIT_SECONDS * 1000 - wait_left_ms(since);
        int earliest = (k / 16 - BURST) * 1000 / RATE - 100;
        cr_assert_geq(passed, earliest, "answer %d after %d ms", k, passed);
    }
    server_stop(s);
}

Test(flood_wait, are_you_there_is_charged) {
    is_charged("\377\366", 2, told1(TOLD_HERE, "Chatroom"));
}
Test(flood_wait, are_you_there_between_keys_is_charged) {
    is_charged("a\b\377\366", 4, told1(TOLD_HERE, "Chatroom"));
}
