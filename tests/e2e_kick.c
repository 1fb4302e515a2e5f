/* e2e_kick.c - a person is asked to leave. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(kick, .timeout = 180);

static const char asked[] = "*** You were asked to leave.";

Test(kick, the_person_and_the_others_are_told) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    ctl_ok(s, "kick", "ann");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    guest_expect(ann, "%s", asked);
    guest_expect_end(ann);
    guest_expect(bob, "ann was asked to leave.");
    struct guest *again = guest_enter(s, "ann");
    guest_expect(bob, "%s", told1(TOLD_COMES, "ann"));
    ctl_ok(s, "kick", "ANN", "too", "loud");
    guest_expect(again, "*** You were asked to leave: too loud");
    guest_expect_end(again);
    guest_expect(bob, "ann was asked to leave.");
    guest_say(bob, "who");
    guest_expect(bob, "%s", told(TOLD_WHO));
    guest_expect(bob, "bob");
    server_logged(s, "disconnected: it was asked to leave");
    server_stop(s);
}

Test(kick, in_chinese) {
    struct server *s = ctl_server(SERVER_QUIET(2) "language = zh\n");
    struct guest *bob = guest_connect(s);
    guest_say(bob, "login 李");
    guest_until(bob, "李进入聊天室!");
    struct guest *eve = guest_connect(s);
    guest_say(eve, "login 阿");
    guest_until(eve, "阿进入聊天室!");
    ctl_ok(s, "kick", "李", "再见");
    guest_until(bob, "*** 你被请出聊天室: 再见");
    guest_expect_end(bob);
    guest_expect(eve, "李被请出聊天室。");
    ctl_ok(s, "kick", "阿");
    guest_expect(eve, "*** 你被请出聊天室。");
    guest_expect_end(eve);
    server_stop(s);
}

/* The name that a terminal cannot show is its number there, and stands behind its time. */
Test(kick, in_a_converted_encoding_and_with_times) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *bob = guest_enter(s, "李"), *eve = guest_enter(s, "eve");
    guest_say(eve, "/encoding windows-1251");
    guest_until_begins(eve, "***");
    guest_say(eve, "/timestamps on");
    guest_until_begins(eve, "***");
    guest_say(eve, "look");
    guest_expect(eve, "%s", told(TOLD_LOOK));
    char line[2][64], *number = line[0];
    for (int i = 0; i < 2; i++) /* in any order */
        snprintf(line[i], sizeof line[i], "%s", guest_next(eve));
    if (strcmp(number, "eve") == 0)
        number = line[1];
    cr_assert_eq(strncmp(number, "\?\?\?#", 4), 0, "%s", number);
    ctl_ok(s, "kick", number);
    guest_until(bob, "%s", asked);
    guest_expect_earlier(eve, "%s was asked to leave.", number);
    server_stop(s);
}

Test(kick, in_the_open_room_by_address_and_port) {
    struct server *s = ctl_server(SERVER_QUIET(2) "login = no\n");
    struct guest *ann = guest_connect(s), *bob = guest_connect(s);
    guest_until(bob, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_say(ann, "hi");
    guest_until(bob, "hi");
    guest_say(bob, "hello");
    guest_until(bob, "hello");
    static const char hint[] =
        "there is no \"127.0.0.1\" here; in the open room a guest is named by address:port";
    ctl_refused(s, hint, "kick", "127.0.0.1");
    ctl_refused(s, hint, "mute", "127.0.0.1");
    ctl_refused(s, "there is no \"127.0.0.1:1\" here", "kick", "127.0.0.1:1");
    ctl_ok(s, "kick", ann->endpoint, "bye");
    guest_until(ann, "*** You were asked to leave: bye");
    guest_expect_end(ann);
    guest_until(bob, "%s was asked to leave.", ann->endpoint);
    struct guest *quiet = guest_connect(s);
    guest_until(quiet, "%s", told1(TOLD_GREETING, "Chatroom"));
    ctl_ok(s, "kick", quiet->endpoint);
    guest_until(quiet, "%s", asked);
    guest_expect_end(quiet);
    guest_until(bob, "%s was asked to leave.", quiet->endpoint);
    guest_say(bob, "well");
    guest_expect(bob, "well");
    server_stop(s);
}

Test(kick, a_name_that_is_not_here_is_refused) {
    struct server *s = ctl_server(SERVER_QUIET(1));
    ctl_refused(s, "there is no \"ann\" here", "kick", "ann");
    ctl_refused(s, "ann@home is on another machine: only its own server can do that", "kick",
                "ann@home");
    ctl_refused(s, "there is no \"#5\" here", "kick", "#5");
    const struct ran *ran = ctl_run(s, "kick");
    cr_assert_eq(ran->status, 2, "%s", ran->err);
    ran = ctl_run(s, "kick", "a b");
    cr_assert_eq(ran->status, 2, "%s", ran->err);
    ran = ctl_run(s, "kick", "");
    cr_assert_eq(ran->status, 2, "%s", ran->err);
    ran = ctl_run(s, "--json", "kick", "ann");
    cr_assert_eq(ran->status, 1);
    cr_assert_str_eq(ran->out, "{\"ok\":false,\"error\":\"there is no \\\"ann\\\" here\"}\n");
    server_stop(s);
}

/* What is ignored is what a person says. */
Test(kick, one_who_ignores_the_person_is_told) {
    struct guest *g[2];
    struct server *s = ctl_server(SERVER_QUIET(2));
    g[0] = guest_enter(s, "ann");
    g[1] = guest_enter(s, "bob");
    guest_expect(g[0], "%s", told1(TOLD_COMES, "bob"));
    guest_say(g[1], "/ignore ann");
    guest_next(g[1]);
    guest_say(g[0], "unheard");
    guest_until(g[0], "%s", told2(TOLD_SPEECH, "ann", "unheard"));
    ctl_ok(s, "kick", "ann");
    guest_expect(g[1], "ann was asked to leave.");
    server_stop(s);
}

/* Before its login a client has no name. */
Test(kick, a_client_with_a_half_typed_line) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    struct guest *ann = guest_enter(s, "ann");
    guest_type(ann, "half a li");
    ctl_ok(s, "kick", "ann");
    guest_expect(ann, "%s", asked);
    guest_expect_end(ann);
    server_stop(s);
}

/* While a person talks as fast as it can: nothing of it is heard behind its kick, until a person of
 * that name comes. */
Test(kick, hole_12_nothing_follows_a_kick) {
    enum { ROUNDS = 12, LINES = 400 };
    struct server *s = ctl_server(SERVER_QUIET(4));
    struct guest *bob = guest_enter(s, "bob");
    for (int i = 0; i < ROUNDS; i++) {
        struct guest *ann = guest_enter(s, "ann");
        guest_expect(bob, "%s", told1(TOLD_COMES, "ann"));
        for (int k = 0; k < LINES; k++)
            guest_say(ann, "line %d", k);
        ctl_ok(s, "kick", "ann");
        const char *line;
        for (int k = 0; (line = guest_next(bob))[3] == ':'; k++) {
            char want[64];
            snprintf(want, sizeof want, "ann: line %d", k);
            cr_assert_str_eq(line, want);
        }
        cr_assert_str_eq(line, "ann was asked to leave.");
        guest_until(ann, "%s", asked);
        guest_expect_end(ann);
    }
    guest_say(bob, "quiet");
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "bob", "quiet"));
    server_stop(s);
}
