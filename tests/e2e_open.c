/* e2e_open.c - the open room: no names, lines unchanged, clients shown by their address. */
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(open_room, .timeout = 180);

static const char open_room[] = "workers = 2\nlogin = no\nflood_rate = 0\nhistory = 0\n";

/* Two guests join from their own addresses, one after the other; the first receives both joins. */
static void two_come(struct server *s, struct guest *g[2], const char *charset) {
    static const char *const from[] = {"127.0.0.2", "127.0.0.3"};
    for (int i = 0; i < 2; i++) {
        g[i] = guest_connect_as(s, .from = from[i], .charset = charset);
        guest_expect(g[i], "%s", told1(TOLD_GREETING, "Chatroom"));
        guests_expect(g, i + 1, told1(TOLD_COMES, from[i]));
    }
}

/* The settings of the original exercise, and a client that sends UTF-8 and decodes GBK. */
Test(open_room, the_settings_of_the_original_exercise) {
    struct server *s = server_start("login = no\nlanguage = zh\nencoding = gbk\n");
    struct guest *g[3];
    static const char *const from[] = {"127.0.0.2", "127.0.0.3", "127.0.0.4"};
    for (int i = 0; i < 3; i++) {
        g[i] = guest_connect_as(s, .from = from[i], .charset = "GBK");
        guest_expect(g[i], "%s", told_in(ZH, TOLD_GREETING, "Chatroom", ""));
        guests_until(g, i + 1, told_in(ZH, TOLD_COMES, from[i], ""));
    }
    for (int i = 0; i < 3; i++) {
        guest_say(g[i], "大家好, I am number %d", i);
        char line[64];
        sprintf(line, "大家好, I am number %d", i);
        guests_expect(g, 3, line);
    }
    guest_close(g[2]);
    guests_expect(g, 2, told_in(ZH, TOLD_GOES, from[2], ""));
    guest_say(g[1], "/quit");
    guest_expect(g[0], "%s", told_in(ZH, TOLD_GOES, from[1], ""));
    server_stop(s);
}

Test(open_room, help_lists_the_commands_of_the_open_room) {
    struct server *s = server_start("%s", open_room);
    struct guest *g[2];
    two_come(s, g, NULL);
    guest_say(g[0], "/help");
    guest_expect(g[0], "/say TEXT           speak");
    guest_expect(g[0], "/look               who is in the room");
    guest_expect(g[0], "/who                who is logged in, and how long idle");
    guest_expect(g[0], "/logout, /quit      leave");
    guest_expect(g[0], "/me TEXT            * NAME TEXT");
    guest_expect(g[0], "/msg NAME TEXT      to one person, privately");
    guest_expect(g[0], "/reply TEXT         to whoever wrote to you last");
    guest_expect(g[0], "/ignore NAME        hide somebody's lines");
    guest_say(g[0], "/say hi");
    guest_until(g[0], "hi");
    guest_expect(g[1], "hi");
    guest_say(g[0], "/nick ann");
    guest_expect(g[0], "%s", told1(TOLD_UNKNOWN, "/nick"));
    guest_expect(g[0], "%s", told(TOLD_HELP));
    guest_say(g[0], "/logout");
    guest_expect(g[1], "%s", told1(TOLD_GOES, "127.0.0.2"));
    server_stop(s);
}

Test(open_room, lines_go_to_all_clients_as_typed) {
    struct server *s = server_start("%s", open_room);
    struct guest *g[2];
    two_come(s, g, NULL);
    static const char *const lines[][2] = {
        {"hello", "hello"}, /* commands of the classic room are speech here */
        {"look", "look"},           {"who", "who"},
        {"logout", "logout"},       {"say hi", "say hi"},
        {"login ann", "login ann"}, {"  as  typed  ", "as  typed"},
        {"a: b", "a: b"},           {"//slash", "/slash"},
        {"晚上好", "晚上好"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        guest_say(g[i % 2], "%s", lines[i][0]);
        guests_expect(g, 2, lines[i][1]);
    }
    guest_say(g[0], "/dance");
    guest_until_begins(g[0], told1(TOLD_UNKNOWN, ""));
    guest_say(g[0], "/quit");
    guest_expect(g[1], "%s", told1(TOLD_GOES, "127.0.0.2"));
    server_stop(s);
}

Test(open_room, gbk_and_utf8_clients_read_one_another) {
    struct server *s = server_start("%sencoding = gbk\n", open_room);
    struct guest *g[2];
    two_come(s, g, "GBK");
    guest_type(g[0], "\xcd\xed\xc9\xcf\xba\xc3\r\n"); /* GBK */
    guests_expect(g, 2, "晚上好");
    guest_say(g[1], "晚上好"); /* UTF-8; the sender's encoding stays the same */
    guests_expect(g, 2, "晚上好");
    guest_say(g[1], "☃?"); /* not in GBK */
    guests_expect(g, 2, "??");
    guest_say(g[1], "/encoding utf-8");
    guest_say(g[1], "switched");
    guest_expect(g[0], "switched");
    guest_until(g[1], "switched");
    g[1]->charset = NULL;
    guest_type(g[0], "\xcd\xed\xc9\xcf\xba\xc3\r\n");
    guests_expect(g, 2, "晚上好");
    server_stop(s);
}

Test(open_room, history_follows_the_greeting) {
    struct server *s = server_start("workers = 2\nlogin = no\nflood_rate = 0\nhistory = 2\n");
    struct guest *g = guest_connect_as(s, .from = "127.0.0.2");
    guest_say(g, "one");
    guest_say(g, "two");
    guest_say(g, "three");
    guest_until(g, "three");
    struct guest *late = guest_connect_as(s, .from = "127.0.0.3");
    guest_expect(late, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_expect(late, "%s", told1(TOLD_EARLIER, "2"));
    guest_expect_earlier(late, "two");
    guest_expect_earlier(late, "three");
    guest_expect(late, "%s", told1(TOLD_COMES, "127.0.0.3"));
    server_stop(s);
}

Test(open_room, an_ipv4_client_of_an_ipv6_listener_is_shown_as_plain_ipv4) {
    skip_unless_ipv6();
    struct server *s = server_start("%slisten = [::]:0\n", open_room);
    struct guest *g[2] = {guest_connect_as(s, .from = "127.0.0.2"), NULL};
    guest_until(g[0], "%s", told1(TOLD_COMES, "127.0.0.2"));
    server_logged(s, "client %s connected", g[0]->endpoint);
    g[1] = guest_connect_as(s, .to = "::1");
    guests_until(g, 2, told1(TOLD_COMES, "::1"));
    guest_close(g[1]);
    guest_expect(g[0], "%s", told1(TOLD_GOES, "::1"));
    server_stop(s);
}

Test(open_room, private_lines_are_addressed_by_address_and_port) {
    struct server *s = server_start("%s", open_room);
    struct guest *g[2];
    two_come(s, g, NULL);
    guest_say(g[0], "/msg %s psst", g[1]->endpoint);
    guest_expect(g[0], "%s", told2(TOLD_COPY, g[1]->endpoint, "psst"));
    guest_expect(g[1], "%s", told2(TOLD_PRIVATE, g[0]->endpoint, "psst"));
    guest_say(g[0], "aloud");
    guests_expect(g, 2, "aloud");
    server_stop(s);
}
