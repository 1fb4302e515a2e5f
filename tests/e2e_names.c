/* e2e_names.c - names: which texts are names, when a name is free, and that two clients never have
 * the same name. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(names, .timeout = 180);

static const char many[] = SERVER_QUIET(4);

Test(names, missing_name) {
    struct server *s = server_start("%s", many);
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told(TOLD_HOW));
    guest_say(g, "login");
    guest_expect(g, "%s", told(TOLD_NO_NAME));
    guest_say(g, "login ");
    guest_expect(g, "%s", told(TOLD_NO_NAME));
    server_stop(s);
}

Test(names, taken_in_any_case_on_any_worker) {
    struct server *s = server_start("%s", many);
    struct guest *ann = guest_enter(s, "Ann");
    static const char *const same[] = {"Ann", "ann", "ANN", "aNN"};
    int own = server_worker_of(s, ann->endpoint), elsewhere = 0;
    for (int i = 0; i < 12 || elsewhere < 4; i++) {
        cr_assert_lt(i, 1000, "all connections are on one worker");
        struct guest *g = guest_connect_as(s, .from = guest_own_address());
        elsewhere += server_worker_of(s, g->endpoint) != own;
        guest_until(g, "%s", told(TOLD_HOW));
        guest_say(g, "login %s", same[i % 4]);
        guest_expect(g, "%s", told1(TOLD_TAKEN, same[i % 4]));
        guest_expect(g, "%s", told(TOLD_TRY_AGAIN));
        guest_say(g, "login %s", same[(i + 1) % 4]);
        guest_expect(g, "%s", told1(TOLD_TAKEN, same[(i + 1) % 4]));
        guest_expect(g, "%s", told(TOLD_TRY_AGAIN));
        guest_close(g);
    }
    guest_say(ann, "still me");
    guest_expect(ann, "Ann: still me");
    server_stop(s);
}

Test(names, free_again_when_the_client_has_left) {
    struct server *s = server_start("%s", many);
    struct guest *watcher = guest_enter(s, "watcher");
    for (int i = 0; i < 20; i++) {
        struct guest *g = guest_enter(s, "bob");
        guest_expect(watcher, "%s", told1(TOLD_COMES, "bob"));
        guest_close(g);
        guest_expect(watcher, "%s", told1(TOLD_GOES, "bob")); /* its name is free now */
    }
    server_stop(s);
}

Test(names, that_are_not_names) {
    struct server *s = server_start("%s", many);
    struct guest *ann = guest_enter(s, "ann"), *g = guest_connect(s);
    guest_until(g, "%s", told(TOLD_HOW));
    static const char *const bad[] = {
        "two words",
        "b@b",
        "a/b",
        "***",
        "<b>",
        "a:b",
        "\"ann\"",
        "(bob)",
        "who",
        "look",
        "say",
        "login",
        "logout",
        "abcdefghijklmnopqrstuvwxy", /* 25 characters */
        "一二三四五六七八九十一二三四五六七八九十一二三四五",
        "Chatroom",
        "chatroom",
        "CHATROOM",
        "x\xe2\x80\x8by",  /* zero-width space: the name is checked as typed */
        "bob\xe2\x80\xae", /* right-to-left override */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        guest_say(g, "login %s", bad[i]);
        guest_until_begins(g, told1(TOLD_NOT_A_NAME, ""));
        guest_expect(g, "%s", told(TOLD_A_NAME));
    }
    guest_say(ann, "nobody came");
    guest_expect(ann, "ann: nobody came");
    server_stop(s);
}

Test(names, the_answer_shows_what_was_asked_for) {
    struct server *s = server_start("%s", many);
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told(TOLD_HOW));
    guest_say(g, "login b@b");
    guest_expect(g, "%s", told1(TOLD_NOT_A_NAME, "b@b"));
    server_stop(s);
}

Test(names, of_any_script_up_to_24_code_points) {
    struct server *s = server_start("%s", many);
    struct guest *ann = guest_enter(s, "ann");
    static const char *const good[] = {
        "x",
        "x.y_z-1",
        "007",
        "Jürgen",
        "Ольга",
        "Ελένη",
        "李四",
        "さくら",
        "محمد",
        "한글",
        "abcdefghijklmnopqrstuvwx",
        "一二三四五六七八九十一二三四五六七八九十一二三四",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        guest_enter(s, good[i]);
        guest_expect(ann, "%s", told1(TOLD_COMES, good[i]));
    }
    server_stop(s);
}

Test(names, the_room_s_own_name_is_refused) {
    struct server *s = server_start("%sroom = Lounge\n", many);
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told(TOLD_HOW));
    guest_say(g, "login Lounge");
    guest_expect(g, "%s", told1(TOLD_NOT_A_NAME, "Lounge"));
    guest_say(g, "login Chatroom");
    guest_until(g, "%s", told1(TOLD_COMES, "Chatroom"));
    server_stop(s);
}

Test(names, nick_changes_the_name_for_all_clients) {
    struct server *s = server_start("%s", many);
    struct guest *g[2] = {guest_enter(s, "ann"), guest_enter(s, "bob")};
    guest_expect(g[0], "%s", told1(TOLD_COMES, "bob"));
    guest_say(g[1], "/nick Rob");
    guests_expect(g, 2, told2(TOLD_NICK, "bob", "Rob"));
    guest_say(g[1], "me again");
    guests_expect(g, 2, "Rob: me again");
    guest_say(g[1], "/nick ROB"); /* a client may change the case of its own name */
    guests_expect(g, 2, told2(TOLD_NICK, "Rob", "ROB"));
    guest_say(g[1], "/nick ROB"); /* no change: others are sent nothing */
    guest_expect(g[1], "%s", told1(TOLD_LOGGED_IN, "ROB"));
    guest_say(g[1], "still me");
    guests_expect(g, 2, "ROB: still me");
    guest_say(g[1], "/nick ANN");
    guest_expect(g[1], "%s", told1(TOLD_TAKEN, "ANN"));
    guest_until_begins(g[1], told(TOLD_TRY_AGAIN));
    guest_say(g[1], "/nick a@b");
    guest_expect(g[1], "%s", told1(TOLD_NOT_A_NAME, "a@b"));
    guest_expect(g[1], "%s", told(TOLD_A_NAME));
    guest_say(g[1], "/nick");
    guest_expect(g[1], "%s", told(TOLD_NO_NAME));
    struct guest *cat = guest_enter(s, "bob"); /* the old name is free */
    guests_expect(g, 2, told1(TOLD_COMES, "bob"));
    guest_close(cat);
    guests_expect(g, 2, told1(TOLD_GOES, "bob"));
    guest_close(g[1]);
    guest_expect(g[0], "%s", told1(TOLD_GOES, "ROB"));
    server_stop(s);
}

/* Connects until two guests are on different workers. */
static void connect_apart(struct server *s, struct guest *pair[2]) {
    pair[0] = guest_connect_as(s, .from = guest_own_address());
    int first = server_worker_of(s, pair[0]->endpoint);
    for (int i = 0; i < 64; i++) {
        pair[1] = guest_connect_as(s, .from = guest_own_address());
        if (server_worker_of(s, pair[1]->endpoint) != first)
            return;
        guest_close(pair[1]);
    }
    cr_assert_fail("64 connections on one worker");
}

Test(names, two_logins_at_once_never_both_get_the_name) {
    struct server *s = server_start("%s", many);
    struct guest *watcher = guest_enter(s, "watcher");
    for (int round = 0; round < 40; round++) {
        struct guest *pair[2];
        char name[32], taken[64];
        sprintf(name, "round%d", round);
        strcpy(taken, told1(TOLD_TAKEN, name));
        connect_apart(s, pair);
        for (int i = 0; i < 2; i++)
            guest_until(pair[i], "%s", told(TOLD_HOW));
        for (int i = 0; i < 2; i++)
            guest_say(pair[(round + i) % 2], "login %s", name);
        int in = 0, refused = 0;
        for (int i = 0; i < 2; i++) {
            const char *line = guest_next(pair[i]);
            bool no = strcmp(line, taken) == 0;
            refused += no;
            in += !no;
        }
        cr_assert_eq(in, 1, "round %d: %d got in", round, in);
        cr_assert_eq(refused, 1, "round %d: %d were refused", round, refused);
        guest_expect(watcher, "%s", told1(TOLD_COMES, name));
        guest_close(pair[0]);
        guest_close(pair[1]);
        guest_expect(watcher, "%s", told1(TOLD_GOES, name));
    }
    server_stop(s);
}

Test(names, two_nicks_at_once_never_both_get_the_name) {
    struct server *s = server_start("%s", many);
    struct guest *pair[2], *watcher;
    connect_apart(s, pair);
    char name[2][32] = {"left", "right"};
    for (int i = 0; i < 2; i++) {
        guest_say(pair[i], "login %s", name[i]);
        guests_until(pair, i + 1, told1(TOLD_COMES, name[i]));
    }
    watcher = guest_enter(s, "watcher");
    guests_expect(pair, 2, told1(TOLD_COMES, "watcher"));
    for (int round = 0; round < 100; round++) {
        char fresh[32], change[2][64], taken[64];
        sprintf(fresh, "round%d", round);
        for (int i = 0; i < 2; i++)
            strcpy(change[i], told2(TOLD_NICK, name[i], fresh));
        strcpy(taken, told1(TOLD_TAKEN, fresh));
        for (int i = 0; i < 2; i++)
            guest_say(pair[(round + i) % 2], "/nick %s", fresh);
        const char *line = guest_next(watcher);
        int winner = strcmp(line, change[0]) == 0 ? 0 : 1;
        cr_assert_str_eq(line, change[winner]);
        guest_until(pair[winner], "%s", change[winner]);
        for (int i = 0; i < 3; i++) { /* in any order: the change, and two lines of refusal */
            line = guest_next(pair[!winner]);
            cr_assert(strcmp(line, change[winner]) == 0 || strcmp(line, taken) == 0 ||
                          strcmp(line, told(TOLD_TRY_AGAIN)) == 0,
                      "round %d: \"%s\"", round, line);
        }
        strcpy(name[winner], fresh);
        guest_say(pair[!winner], "end of round %d", round);
        char end[64];
        sprintf(end, "%s: end of round %d", name[!winner], round);
        guests_expect(pair, 2, end);
        guest_expect(watcher, "%s", end);
    }
    server_stop(s);
}
