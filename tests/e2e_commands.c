/* e2e_commands.c - the slash commands. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(commands, .timeout = 180);

Test(commands, me) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[0], "/me waves");
    guests_expect(g, 2, told2(TOLD_ME, "ann", "waves"));
    guest_say(g[1], "/me is 李四");
    guests_expect(g, 2, told2(TOLD_ME, "bob", "is 李四"));
    server_stop(s);
}

Test(commands, help_lists_every_command_a_line_each) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    static const char *const commands[] = {"/me",  "/nick", "/quit", "/help",
                                           "look", "who",   "say",   "logout"};
    guest_say(g[0], "/help");
    guest_say(g[0], "over");
    unsigned listed = 0;
    while (strcmp(guest_next(g[0]), "ann: over") != 0)
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
            if (strstr(g[0]->line, commands[i]))
                listed |= 1U << i;
    cr_assert_eq(listed, 0xff, "of the eight, %x are listed", listed);
    guest_expect(g[1], "ann: over"); /* no other client receives the help */
    server_stop(s);
}

Test(commands, help_before_login) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told(TOLD_HOW));
    guest_say(g, "/help");
    guest_say(g, "look"); /* refused before login: its answer marks the end of the help */
    int lines = 0;
    while (strcmp(guest_next(g), told(TOLD_LOG_IN)) != 0)
        lines++;
    cr_assert_gt(lines, 3);
    server_stop(s);
}

Test(commands, an_unknown_command_is_named) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    static const char *const unknown[] = {"/dance", "/dance with me", "/m", "/quitnow", "/李四"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(unknown[i], " "), unknown[i]);
        guest_say(g[0], "%s", unknown[i]);
        guest_expect(g[0], "%s", told1(TOLD_UNKNOWN, word));
        guest_expect(g[0], "%s", told(TOLD_HELP));
    }
    guest_say(g[0], "sorry");
    guests_expect(g, 2, "ann: sorry");
    server_stop(s);
}

Test(commands, private_lines_reach_sender_and_addressee_only) {
    struct guest *g[3];
    struct server *s = guests_two(g);
    g[2] = guest_enter(s, "cat");
    guests_expect(g, 2, told1(TOLD_COMES, "cat"));
    guest_say(g[0], "/msg BOB just for you");
    guest_expect(g[0], "%s", told2(TOLD_COPY, "bob", "just for you"));
    guest_expect(g[1], "%s", told2(TOLD_PRIVATE, "ann", "just for you"));
    guest_say(g[1], "/reply thank you");
    guest_expect(g[1], "%s", told2(TOLD_COPY, "ann", "thank you"));
    guest_expect(g[0], "%s", told2(TOLD_PRIVATE, "bob", "thank you"));
    guest_say(g[0], "/msg nobody hello?");
    guest_expect(g[0], "%s", told1(TOLD_NOBODY, "nobody"));
    guest_say(g[0], "in the open");
    guests_expect(g, 3, "ann: in the open"); /* the third guest receives nothing before it */
    server_stop(s);
}

Test(commands, ignore_hides_a_speaker_from_the_one_client_only) {
    struct guest *g[3];
    struct server *s = guests_two(g);
    g[2] = guest_enter(s, "cat");
    guests_expect(g, 2, told1(TOLD_COMES, "cat"));
    guest_say(g[0], "/ignore bob");
    guest_say(g[0], "now");
    guest_until(g[0], "ann: now");
    guests_expect(g + 1, 2, "ann: now");
    guest_say(g[1], "boo");
    guests_expect(g + 1, 2, "bob: boo");
    guest_say(g[2], "peace");
    guests_expect(g, 3, "cat: peace"); /* ann does not receive "boo" */
    guest_say(g[0], "/unignore bob");
    guest_say(g[0], "and now");
    guest_until(g[0], "ann: and now");
    guests_expect(g + 1, 2, "ann: and now");
    guest_say(g[1], "boo again");
    guests_expect(g, 3, "bob: boo again");
    server_stop(s);
}

/* The speaker stays ignored under a new name, and its changes of name are hidden; another person
 * that takes the name is not.  The history counts only lines that it shows. */
Test(commands, ignore_follows_a_new_name) {
    struct guest *g[2];
    struct server *s = server_start("workers = 2\nflood_rate = 0\nhistory = 20\n");
    g[0] = guest_enter(s, "ann");
    g[1] = guest_enter(s, "bob");
    guest_until(g[0], "%s", told1(TOLD_COMES, "bob"));
    guest_say(g[0], "/ignore ann");
    guest_expect(g[0], "You cannot ignore yourself.");
    guest_say(g[0], "/unignore zoe");
    guest_expect(g[0], "There is no \"zoe\" here.");
    guest_say(g[0], "/ignore bob");
    guest_expect(g[0], "You no longer see what bob says.");
    guest_say(g[1], "one");
    guest_expect(g[1], "bob: one");
    guest_say(g[1], "/nick rob");
    guest_expect(g[1], "%s", told2(TOLD_NICK, "bob", "rob"));
    guest_say(g[1], "two");
    guest_expect(g[1], "rob: two");
    guest_say(g[1], "/nick bobby");
    guest_expect(g[1], "%s", told2(TOLD_NICK, "rob", "bobby"));
    guest_say(g[1], "three");
    guest_expect(g[1], "bobby: three");
    guest_say(g[0], "hello?");
    guests_expect(g, 2, "ann: hello?");
    guest_close(g[1]);
    guest_expect(g[0], "%s", told1(TOLD_GOES, "bobby"));
    g[1] = guest_enter(s, "bobby");
    guest_expect(g[0], "%s", told1(TOLD_COMES, "bobby"));
    guest_say(g[1], "four");
    guests_expect(g, 2, "bobby: four");
    guest_say(g[0], "/history 7");
    guest_expect(g[0], "*** 2 earlier lines");
    guest_expect_earlier(g[0], "ann: hello?");
    guest_expect_earlier(g[0], "bobby: four");
    guest_say(g[0], "/unignore bobby");
    guest_expect(g[0], "You see what bobby says.");
    guest_say(g[1], "five");
    guests_expect(g, 2, "bobby: five");
    server_stop(s);
}

Test(commands, timestamps_stand_before_lines) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[0], "/timestamps on");
    guest_say(g[0], "what time is it?");
    do
        guest_next(g[0]);
    while (!strstr(g[0]->line, "ann: what time is it?"));
    int hour = -1, minute = -1, end = 0;
    cr_assert_eq(sscanf(g[0]->line, "[%2d:%2d] ann%n", &hour, &minute, &end), 2, "%s", g[0]->line);
    cr_assert(hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && end == 11, "%s", g[0]->line);
    guest_expect(g[1], "ann: what time is it?");
    guest_say(g[0], "/timestamps off");
    guest_say(g[0], "never mind");
    guest_until(g[0], "ann: never mind");
    guest_expect(g[1], "ann: never mind");
    server_stop(s);
}

Test(commands, history_shows_the_last_lines_again) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    for (int i = 0; i < 9; i++)
        guest_say(g[0], "line %d", i);
    guests_until(g, 2, "ann: line 8");
    guest_say(g[1], "/history 3");
    guest_expect(g[1], "%s", told1(TOLD_EARLIER, "3"));
    for (int i = 6; i < 9; i++)
        guest_expect_earlier(g[1], "ann: line %d", i);
    guest_say(g[1], "thanks");
    guests_expect(g, 2, "bob: thanks");
    server_stop(s);
}

Test(commands, encoding_switches_what_a_client_is_sent_and_how_it_is_read) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[1], "/encoding gbk");
    guest_say(g[1], "done");
    guest_until(g[1], "bob: done"); /* ASCII is the same in both encodings */
    guest_expect(g[0], "bob: done");
    g[1]->charset = "GBK";
    guest_say(g[0], "你好");
    guests_expect(g, 2, "ann: 你好");
    guest_type(g[1], "\xc4\xe3\xba\xc3\r\n"); /* the same text in GBK */
    guests_expect(g, 2, "bob: 你好");
    guest_say(g[1], "再见"); /* valid UTF-8 is decoded as UTF-8 in any case */
    guests_expect(g, 2, "bob: 再见");
    server_stop(s);
}
