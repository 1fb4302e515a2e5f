/* e2e_room.c - the classic room over real sockets: joining, talking, listing, leaving. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(room, .timeout = 180);

Test(room, greets_and_says_how_to_log_in) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *g = guest_connect(s);
    guest_expect(g, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_until(g, "%s", told(TOLD_HOW));
    server_stop(s);
}

Test(room, greets_with_its_name) {
    struct server *s = server_start("%sroom = \"The Blue Room\"\n", server_quiet);
    struct guest *g = guest_connect(s);
    guest_expect(g, "Welcome to The Blue Room");
    server_stop(s);
}

Test(room, login_by_command_only) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_connect(s), *bob = guest_connect(s);
    guest_say(ann, "login ann");
    guest_until(ann, "%s", told1(TOLD_COMES, "ann"));
    guest_say(bob, "bob"); /* a bare word is no name */
    guest_until(bob, "%s", told(TOLD_HOW));
    guest_expect(bob, "%s", told(TOLD_LOG_IN));
    guest_expect(bob, "%s", told(TOLD_HOW));
    guest_say(bob, "login bob");
    guest_until(bob, "%s", told1(TOLD_COMES, "bob"));
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    server_stop(s);
}

Test(room, before_login_only_a_few_commands_work) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann"), *g = guest_connect(s);
    guest_until(g, "%s", told(TOLD_HOW));
    static const char *const refused[] = {"say hello", "look", "who", "/me waves", "/nick cat"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        guest_say(g, "%s", refused[i]);
        guest_expect(g, "%s", told(TOLD_LOG_IN));
        guest_expect(g, "%s", told(TOLD_HOW));
    }
    guest_say(g, "login cat");
    guest_until(g, "%s", told1(TOLD_COMES, "cat"));
    guest_expect(ann, "%s", told1(TOLD_COMES, "cat")); /* ann receives nothing before it */
    server_stop(s);
}

Test(room, quit_and_logout_before_login) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    static const char *const ways[] = {"logout", "/quit"};
    for (int i = 0; i < 2; i++) {
        struct guest *g = guest_connect(s);
        guest_until(g, "%s", told(TOLD_HOW));
        guest_say(g, "%s", ways[i]);
        while (guest_read(g))
            ;
    }
    guest_say(ann, "alone");
    guest_expect(ann, "ann: alone"); /* no join or leave was announced */
    server_stop(s);
}

Test(room, joins_speech_and_leaves_reach_all_clients_on_every_worker) {
    enum { N = 16 };
    struct server *s = server_start(SERVER_QUIET(4));
    struct guest *g[N];
    char name[32], line[128];
    unsigned used = 0;
    for (int i = 0; i < N; i++) {
        sprintf(name, "guest%d", i);
        g[i] = guest_enter(s, name);
        used |= 1U << server_worker_of(s, g[i]->endpoint);
        guests_expect(g, i, told1(TOLD_COMES, name));
    }
    cr_assert(used & (used - 1), "all %d on one worker", N);
    for (int i = 0; i < N; i++) {
        sprintf(name, "guest%d", i);
        guest_say(g[i], "%s here", name);
        snprintf(line, sizeof line, "%s: %s here", name, name);
        guests_expect(g, N, line);
    }
    for (int i = N - 1; i > 0; i--) {
        sprintf(name, "guest%d", i);
        if (i % 2)
            guest_close(g[i]);
        else
            guest_say(g[i], "logout");
        guests_expect(g, i, told1(TOLD_GOES, name));
    }
    server_stop(s);
}

Test(room, a_line_is_sent_to_all_clients_and_its_speaker) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *g[2] = {guest_enter(s, "ann"), guest_enter(s, "bob")};
    guest_expect(g[0], "%s", told1(TOLD_COMES, "bob"));
    static const char *const said[][2] = {
        {"hello", "hello"},
        {"say hello you", "hello you"},
        {"  two  spaces", "two  spaces"},
        {"looking good", "looking good"}, /* a command is a whole word, alone on its line */
        {"look at me", "look at me"},
        {"who is there?", "who is there?"},
        {"logout now", "logout now"},
        {"saying", "saying"},
        {"你好, 世界", "你好, 世界"},
        {"//etc", "/etc"},
        {"///", "//"},
        {"say /me too", "/me too"},
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        guest_say(g[i % 2], "%s", said[i][0]);
        guests_expect(g, 2, told2(TOLD_SPEECH, i % 2 ? "bob" : "ann", said[i][1]));
    }
    server_stop(s);
}

Test(room, look_and_who_list_all_people) {
    struct server *s = server_start(SERVER_QUIET(4));
    static const char *const names[] = {"ann", "bob", "cat", "李四", "eve"};
    struct guest *g[5];
    for (int i = 0; i < 5; i++) {
        g[i] = guest_enter(s, names[i]);
        guests_expect(g, i, told1(TOLD_COMES, names[i]));
    }
    struct guest *waiting = guest_connect(s); /* not logged in: not listed */
    guest_until(waiting, "%s", told(TOLD_HOW));
    for (int i = 0; i < 5; i++) {
        guest_say(g[i], "look");
        guest_expect(g[i], "%s", told(TOLD_LOOK));
        guest_expect_names(g[i], names, 5);
        guest_say(g[i], "who");
        guest_expect(g[i], "%s", told(TOLD_WHO));
        guest_expect_names(g[i], names, 5);
        guest_say(g[i], "and that is all"); /* the list has ended */
        guests_expect(g, 5, told2(TOLD_SPEECH, names[i], "and that is all"));
    }
    server_stop(s);
}

Test(room, each_way_to_leave) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    static const char *const ways[] = {"logout", "/quit"};
    for (int i = 0; i < 2; i++) {
        struct guest *g = guest_enter(s, "bob"); /* the name is free again each time */
        guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
        guest_say(g, "%s", ways[i]);
        guest_expect(ann, "%s", told1(TOLD_GOES, "bob"));
        while (guest_read(g))
            ;
    }
    server_stop(s);
}

Test(room, what_was_typed_before_leaving_is_still_said) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann");
    struct guest *bob = guest_enter(s, "bob"), *cat = guest_enter(s, "cat");
    guest_until(ann, "%s", told1(TOLD_COMES, "cat"));
    guest_type(bob, "one\r\ntwo\r\n/quit\r\nthree\r\n");
    struct guest *others[2] = {ann, cat};
    guests_expect(others, 2, "bob: one");
    guests_expect(others, 2, "bob: two");
    guests_expect(others, 2, told1(TOLD_GOES, "bob"));
    guest_say(cat, "last words"); /* closed at once, with all output read */
    guest_close(cat);
    guest_expect(ann, "cat: last words");
    guest_expect(ann, "%s", told1(TOLD_GOES, "cat"));
    server_stop(s);
}

Test(room, speaks_chinese) {
    struct server *s = server_start("%slanguage = zh\n", server_quiet);
    struct guest *li = guest_connect(s), *wang;
    guest_expect(li, "%s", told_in(ZH, TOLD_GREETING, "Chatroom", ""));
    guest_until(li, "%s", told_in(ZH, TOLD_HOW, "", ""));
    guest_say(li, "look");
    guest_expect(li, "%s", told_in(ZH, TOLD_LOG_IN, "", ""));
    guest_expect(li, "%s", told_in(ZH, TOLD_HOW, "", ""));
    guest_say(li, "login");
    guest_expect(li, "%s", told_in(ZH, TOLD_NO_NAME, "", ""));
    guest_say(li, "login 李四");
    guest_until(li, "%s", told_in(ZH, TOLD_COMES, "李四", ""));
    wang = guest_connect(s);
    guest_say(wang, "login 李四");
    guest_until(wang, "%s", told_in(ZH, TOLD_TAKEN, "李四", ""));
    guest_expect(wang, "%s", told_in(ZH, TOLD_TRY_AGAIN, "", ""));
    guest_say(wang, "login 王五");
    guest_until(wang, "%s", told_in(ZH, TOLD_COMES, "王五", ""));
    guest_expect(li, "%s", told_in(ZH, TOLD_COMES, "王五", ""));
    guest_say(wang, "look");
    guest_expect(wang, "%s", told_in(ZH, TOLD_LOOK, "", ""));
    guest_until(wang, "王五");
    guest_say(wang, "/nick 赵六");
    guest_expect(li, "%s", told_in(ZH, TOLD_NICK, "王五", "赵六"));
    guest_say(wang, "你好");
    guest_expect(li, "赵六: 你好");
    guest_close(wang);
    guest_expect(li, "%s", told_in(ZH, TOLD_GOES, "赵六", ""));
    server_stop(s);
}
