/* e2e_words.c - lines as people's keyboards, phones and input methods give them: blanks around
 * them, capitals, full width; words before login; how to get help; what is in force now. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const both[] = {"ann", "bob"};

TestSuite(words, .timeout = 180);

#define NBSP "\302\240"
#define WIDE "\343\200\200"
#define BOM "\357\273\277"

/* ---- blanks ---- */

Test(words, a_name_is_the_same_with_blanks_around_it) {
    struct server *s = server_start("%s", server_quiet);
    static const char *const lines[] = {"login a1 ",
                                        "login   a2  ",
                                        "login\ta3",
                                        " login a4",
                                        "\tlogin\ta5\t",
                                        ("login" NBSP "a6" NBSP),
                                        (WIDE "login" WIDE "a7" WIDE),
                                        (BOM "login a8"),
                                        ("login a9" BOM)};
    for (int i = 0; i < (int)(sizeof lines / sizeof lines[0]); i++) {
        struct guest *g = guest_connect(s);
        char name[16];
        snprintf(name, sizeof name, "a%d", i + 1);
        guest_until(g, "%s", told(TOLD_HOW));
        guest_say(g, "%s", lines[i]);
        guest_until(g, "%s", told1(TOLD_COMES, name));
        guest_say(g, "here");
        guest_expect(g, "%s: here", name);
        guest_say(g, "/nick b%d" NBSP "\t", i + 1);
        guest_expect(g, "%s is now known as b%d.", name, i + 1);
    }
    server_stop(s);
}

/* Names are checked as typed: what is stripped from a line, but is no blank around the name, makes
 * it none. */
Test(words, a_name_has_nothing_stripped_from_it) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *g = guest_connect(s);
    static const char *const bad[] = {
        "a\342\200\213nn", "\342\200\256ann", "ann\342\200\256", " \314\207ann",
        "a\302\255nn",     "ann\a",           "ann" WIDE "lee",  "a\tb"};
    guest_until(g, "%s", told(TOLD_HOW));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        guest_say(g, "login %s", bad[i]);
        cr_assert(strncmp(guest_next(g), "That is not a name: ", 20) == 0, "%zu: %s", i, g->line);
        guest_expect(g, "%s", told(TOLD_A_NAME));
    }
    guest_say(g, "login " BOM " ");
    guest_expect(g, "%s", told(TOLD_NO_NAME));
    server_stop(s);
}

/* In turn with each kind of blank before it, behind it and before its argument. */
Test(words, a_command_is_the_same_with_blanks_around_it) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    static const char *const blanks[] = {" ",        "\t",    NBSP,          WIDE,
                                         " \t" WIDE, BOM " ", "\342\200\203"};
    for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++) {
        const char *b = blanks[i];
        guest_say(g[0], "look%s", b);
        guest_expect(g[0], "%s", told(TOLD_LOOK));
        guest_expect_names(g[0], both, 2);
        guest_say(g[0], "%swho%s", b, b);
        guest_expect(g[0], "%s", told(TOLD_WHO));
        guest_expect_names(g[0], both, 2);
        guest_say(g[0], "%s/timestamps%son%s", b, b, b);
        guest_expect(g[0], "*** Lines now begin with their time.");
        guest_say(g[0], "/timestamps%soff%s", b, b);
        guest_expect(g[0], "*** Lines no longer begin with their time.");
        guest_say(g[0], "/encoding%sutf-8%s", b, b);
        guest_expect(g[0], "*** Your encoding is now utf-8.");
        guest_say(g[0], "/ignore%sbob%s", b, b);
        guest_expect(g[0], "You no longer see what bob says.");
        guest_say(g[0], "/unignore%sbob%s", b, b);
        guest_expect(g[0], "You see what bob says again.");
        guest_say(g[0], "%ssay%shello  you%s", b, b, b);
        guests_expect(g, 2, "ann: hello  you");
        guest_say(g[0], "%s/me%swaves%s", b, b, b);
        guests_expect(g, 2, "* ann waves");
        guest_say(g[0], "%s/msg%sbob%sin  private%s", b, b, b, b);
        guest_expect(g[0], "[to bob] in  private");
        guest_expect(g[1], "[ann] in  private");
    }
    guest_say(g[1], "logout" NBSP);
    guest_expect_end(g[1]);
    guest_expect(g[0], "%s", told1(TOLD_GOES, "bob"));
    server_stop(s);
}

Test(words, a_line_of_blanks_is_nothing) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    static const char *const nothing[] = {"",
                                          " ",
                                          "          ",
                                          "\t",
                                          NBSP,
                                          WIDE,
                                          BOM,
                                          "\342\200\213",
                                          " \t" WIDE NBSP BOM,
                                          "\342\240\200"};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        guest_say(g[0], "%s", nothing[i]);
    guest_say(g[0], "say%s", " " WIDE); /* no text: a word like others */
    guests_expect(g, 2, "ann: say");
    server_stop(s);
}

Test(words, an_open_room_s_lines_are_made_regular) {
    struct server *s = server_start("%slogin = no\n", server_quiet);
    struct guest *g[2];
    g[0] = guest_connect_as(s, .from = "127.0.0.2");
    guest_until(g[0], "%s", told1(TOLD_COMES, "127.0.0.2"));
    g[1] = guest_connect_as(s, .from = "127.0.0.3");
    guests_until(g, 2, told1(TOLD_COMES, "127.0.0.3"));
    static const char *const said[][2] = {
        {" hello ", "hello"}, {"\tlook\t", "look"}, {WIDE "a  b" NBSP, "a  b"},
        {" //x ", "/x"},      {"／／x", "/x"},      {"、你好", "、你好"}};
    guest_say(g[0], " " WIDE);
    guest_say(g[0], "\t");
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        guest_say(g[0], "%s", said[i][0]);
        guests_expect(g, 2, said[i][1]);
    }
    guest_say(g[0], " /msg %s secret", g[1]->endpoint);
    guest_expect(g[1], "[%s] secret", g[0]->endpoint);
    guest_say(g[0], "／ＬＯＧＯＵＴ　");
    guest_expect(g[1], "%s", told1(TOLD_GOES, "127.0.0.2"));
    server_stop(s);
}

/* ---- what was meant as a command is never spoken ---- */

Test(words, a_whisper_stays_one) {
    struct guest *g[3];
    struct server *s = guests_two(g);
    g[2] = guest_enter(s, "cat");
    guests_expect(g, 2, told1(TOLD_COMES, "cat"));
    static const char *const lines[] = {
        " /msg bob secret",
        "\t/msg bob secret",
        WIDE "/msg bob secret",
        NBSP "/msg bob secret",
        BOM "/msg bob secret",
        "/msg\tbob" NBSP "secret",
        "/msg" WIDE "bob" WIDE "secret",
        "／msg bob secret",
        "、msg bob secret",
        "／ｍｓｇ　bob　secret",
        "、ＭＳＧ bob secret",
        "・ｍｓｇ　bob　secret",
        "/MSG bob secret",
        "/Msg bob secret ",
        "\342\200\256/msg bob secret",
        "\033/msg bob secret",
        "/m\342\200\213sg bob secret",
        " \314\207/msg bob secret",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        guest_say(g[0], "%s", lines[i]);
        guest_expect(g[0], "[to bob] secret");
        guest_expect(g[1], "[ann] secret");
    }
    static const char *const unknown[][2] = {{"/ msg bob secret", "/"},
                                             {" / msg bob secret", "/"},
                                             {"／", "/"},
                                             {"／mgs bob secret", "/mgs"},
                                             {WIDE "/msgbob secret", "/msgbob"},
                                             {"/msg,bob secret", "/msg,bob"},
                                             {"／MSG2" WIDE "bob", "/MSG2"},
                                             {"/密 bob", "/密"}};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        guest_say(g[0], "%s", unknown[i][0]);
        guest_expect(g[0], "%s", told1(TOLD_UNKNOWN, unknown[i][1]));
        guest_expect(g[0], "%s", told(TOLD_HELP));
    }
    guest_say(g[0], "//msg bob aloud");
    guests_expect(g, 3, "ann: /msg bob aloud"); /* bob and cat were shown nothing else */
    server_stop(s);
}

/* An ideographic comma is a slash only before a command's name. */
Test(words, a_comma_begins_speech_too) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    static const char *const said[] = {"、你好",  "、", "、 who", "、hello",
                                       "、、who", "・", "、who,"};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        guest_say(g[0], "%s", said[i]);
        guests_expect(g, 2, told2(TOLD_SPEECH, "ann", said[i]));
    }
    guest_say(g[0], "、who");
    guest_expect(g[0], "%s", told(TOLD_WHO));
    server_stop(s);
}

Test(words, a_full_width_line_in_gbk_is_understood) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter_gbk(s, "小波");
    guest_expect(ann, "%s", told1(TOLD_COMES, "小波"));
    guest_say_in(bob, "／ｍｓｇ　ann　你好");
    guest_expect(bob, "[to ann] 你好");
    guest_expect(ann, "[小波] 你好");
    guest_say_in(bob, "ｌｏｏｋ");
    guest_expect(bob, "%s", told(TOLD_LOOK));
    guest_until(bob, "小波");
    guest_say_in(bob, "　　、ｑｕｉｔ　");
    guest_expect_end(bob);
    server_stop(s);
}

/* ---- capitals ---- */

Test(words, letters_of_commands_may_be_capitals) {
    struct server *s = server_start("%s", server_quiet);
    static const char *const ways[] = {"Login", "LOGIN", "lOgIn", "ｌｏｇｉｎ", "Ｌｏｇｉｎ"};
    struct guest *bob = guest_enter(s, "bob");
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct guest *g = guest_connect(s);
        guest_until(g, "%s", told(TOLD_HOW));
        guest_say(g, "%s Ann", ways[i]);
        guest_until(g, "%s", told1(TOLD_COMES, "Ann"));
        guest_expect(bob, "%s", told1(TOLD_COMES, "Ann"));
        guest_say(g, "%s", i % 2 ? "Logout" : "/QUIT");
        guest_expect_end(g);
        guest_expect(bob, "%s", told1(TOLD_GOES, "Ann"));
    }
    guest_say(bob, "Say Hi");
    guest_expect(bob, "bob: Hi");
    guest_say(bob, "Look");
    guest_expect(bob, "%s", told(TOLD_LOOK));
    guest_expect(bob, "bob");
    guest_say(bob, "WHO");
    guest_expect(bob, "%s", told(TOLD_WHO));
    guest_expect(bob, "bob");
    guest_say(bob, "/TimeStamps OFF");
    guest_expect(bob, "*** Lines no longer begin with their time.");
    guest_say(bob, "LOGIN ann");
    guest_expect(bob, "%s", told1(TOLD_LOGGED_IN, "bob"));
    guest_say(bob, "/Login");
    guest_expect(bob, "%s", told1(TOLD_LOGGED_IN, "bob"));
    static const char *const said[] = {
        "Look at me", "Who is there?", "LOGOUT now", "Login is odd today", "Saying", "Quit", "Help",
        "?",          "exit",          "Bye"};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        guest_say(bob, "%s", said[i]);
        guest_expect(bob, "%s", told2(TOLD_SPEECH, "bob", said[i]));
    }
    server_stop(s);
}

/* ---- before login ---- */

Test(words, that_leave_before_login) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *bob = guest_enter(s, "bob");
    static const char *const ways[] = {"quit",   "exit",       "bye",    "logout",
                                       "/quit",  "QUIT",       "Exit ",  " Bye",
                                       "LOGOUT", "／ｑｕｉｔ", "、quit", "ｅｘｉｔ"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct guest *g = guest_connect(s);
        guest_until(g, "%s", told(TOLD_HOW));
        guest_say(g, "%s", ways[i]);
        guest_expect_end(g);
    }
    guest_say(bob, "nobody came");
    guest_expect(bob, "bob: nobody came");
    server_stop(s);
}

Test(words, that_help_before_login) {
    struct server *s = server_start("%s", server_quiet);
    static const char *const ways[] = {"help",   "HELP", "?",      "/help",
                                       "/Help ", "？",   "／help", " Help\t"};
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told(TOLD_HOW));
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        guest_say(g, "%s", ways[i]);
        guest_expect(g, "login NAME          enter the room");
        guest_until_begins(g, "/help ");
    }
    guest_say(g, "login ann");
    guest_until(g, "%s", told1(TOLD_COMES, "ann"));
    guest_say(g, "/help");
    guest_expect(g, "say TEXT            speak"); /* one has logged in */
    guest_until_begins(g, "/help ");
    server_stop(s);
}

/* Scanners and people who try a word do not become people. */
Test(words, that_do_nothing_before_login) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *bob = guest_enter(s, "bob"), *g = guest_connect(s);
    static const char *const nothing[] = {
        "hello",       "ann",        "admin", "root",          "quit now",    "help me",
        "exit 1",      "bye all",    "? who", "logout please", "/exit",       "/bye",
        "/logout",     "/login ann", "/who",  "／msg bob x",   "、msg bob x", "/say hi",
        "//quit",      "/",          "、",    "/nick ann",     "logins ann",  "/history 5",
        "/ignore bob", " ",          "小明"};
    guest_until(g, "%s", told(TOLD_HOW));
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        guest_say(g, "%s", nothing[i]);
        guest_expect(g, "%s", told(TOLD_LOG_IN));
        guest_expect(g, "%s", told(TOLD_HOW));
    }
    guest_say(g, "/Encoding GBK ");
    guest_expect(g, "*** Your encoding is now gbk.");
    guest_say(g, "login ann");
    guest_until(g, "%s", told1(TOLD_COMES, "ann"));
    guest_expect(bob, "%s", told1(TOLD_COMES, "ann")); /* nothing before it */
    server_stop(s);
}

Test(words, of_commands_are_no_names) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *bob = guest_enter(s, "bob"), *g = guest_connect(s);
    static const char *const bad[] = {
        "help", "quit",   "exit",     "bye",      "me",         "msg",     "reply",
        "nick", "ignore", "unignore", "encoding", "timestamps", "history", "say",
        "look", "who",    "login",    "logout",   "Quit",       "QUIT",    "ＱＵＩＴ",
        "quіt", "Ｈelp",  "ѕау",      "rnsg",     "heIp"};
    guest_until(g, "%s", told(TOLD_HOW));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        guest_say(g, "login %s", bad[i]);
        guest_say(bob, "/nick %s", bad[i]);
        for (int k = 0; k < 2; k++) {
            guest_expect(k ? g : bob, "%s", told1(TOLD_NOT_A_NAME, bad[i]));
            guest_expect(k ? g : bob, "%s", told(TOLD_A_NAME));
        }
    }
    guest_say(g, "login helper");
    guest_until(g, "%s", told1(TOLD_COMES, "helper"));
    server_stop(s);
}

/* ---- how to get help ---- */

Test(words, how_to_get_help_is_told_on_joining) {
    struct server *s = server_start("%slanguage = zh\n", server_quiet);
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told_in(ZH, TOLD_HOW, "", ""));
    guest_say(g, "login ann");
    guest_expect(g, "%s", told_in(ZH, TOLD_GREETING, "Chatroom", ""));
    guest_expect(g, "%s", told_in(ZH, TOLD_HELP, "", ""));
    guest_expect(g, "%s", told_in(ZH, TOLD_COMES, "ann", ""));
    server_stop(s);
}

/* In a crowd one's coming is told to oneself. */
Test(words, how_to_get_help_comes_before_one_s_own_coming) {
    struct server *s = server_start("%sannounce_max = 1\n", server_quiet);
    guest_enter(s, "ann");
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told(TOLD_HOW));
    guest_say(g, "login bob");
    guest_expect(g, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_expect(g, "%s", told(TOLD_HELP));
    guest_expect(g, "%s", told1(TOLD_COMES, "bob"));
    guest_say(g, "hello");
    guest_expect(g, "bob: hello");
    server_stop(s);
}

/* ---- what is in force now ---- */

Test(words, a_command_without_its_argument_tells_what_is_in_force) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[0], "/timestamps");
    guest_expect(g[0], "*** Lines do not begin with their time.");
    guest_expect(g[0], "Use /timestamps on or off");
    guest_say(g[0], "/timestamps on");
    guest_expect(g[0], "*** Lines now begin with their time.");
    guest_say(g[0], "/timestamps ");
    guest_expect(g[0], "*** Lines begin with their time.");
    guest_expect(g[0], "Use /timestamps on or off");
    guest_say(g[0], "/timestamps maybe");
    guest_expect(g[0], "Use /timestamps on or off");
    guest_say(g[0], "/encoding");
    guest_expect(g[0], "*** Your encoding is utf-8.");
    guest_until_begins(g[0], "Use /encoding ");
    guest_say(g[0], "/encoding big5");
    guest_expect(g[0], "*** Your encoding is now big5.");
    guest_say(g[0], "/encoding");
    guest_expect(g[0], "*** Your encoding is big5.");
    guest_until_begins(g[0], "Use /encoding ");
    guest_say(g[1], "/nick bob");
    guest_expect(g[1], "%s", told1(TOLD_LOGGED_IN, "bob"));
    guest_say(g[1], "/nick Bob");
    guest_expect(g[1], "%s", told2(TOLD_NICK, "bob", "Bob"));
    server_stop(s);
}

Test(words, the_people_that_one_ignores_are_listed) {
    struct guest *g[3];
    struct server *s = guests_two(g);
    g[2] = guest_enter(s, "cat");
    guests_expect(g, 2, told1(TOLD_COMES, "cat"));
    static const char how[] = "Use /ignore NAME or /unignore NAME";
    guest_say(g[0], "/ignore");
    guest_expect(g[0], "*** You ignore nobody.");
    guest_expect(g[0], "%s", how);
    guest_say(g[0], "/unignore bob");
    guest_expect(g[0], "You see what bob says.");
    guest_say(g[0], "/ignore bob");
    guest_expect(g[0], "You no longer see what bob says.");
    guest_say(g[0], "/ignore cat");
    guest_expect(g[0], "You no longer see what cat says.");
    guest_say(g[1], "/nick rob"); /* a person is ignored, not a name */
    guests_expect(g + 1, 2, told2(TOLD_NICK, "bob", "rob"));
    guest_say(g[0], "/ignore ");
    guest_expect(g[0], "*** You ignore the following:");
    guest_expect(g[0], "rob");
    guest_expect(g[0], "cat");
    guest_expect(g[0], "%s", how);
    guest_say(g[0], "/unignore bob");
    guest_expect(g[0], "%s", told1(TOLD_NOBODY, "bob"));
    guest_say(g[0], "/unignore ROB");
    guest_expect(g[0], "You see what rob says again.");
    guest_say(g[0], "/unignore rob");
    guest_expect(g[0], "You see what rob says.");
    guest_close(g[2]);
    guests_expect(g, 2, told1(TOLD_GOES, "cat"));
    guest_say(g[0], "/unignore");
    guest_expect(g[0], "*** You ignore nobody."); /* cat has left */
    guest_expect(g[0], "%s", how);
    server_stop(s);
}

Test(words, an_ignored_name_that_one_cannot_be_shown_is_its_number) {
    struct server *s = server_start("%s", server_quiet);
    struct guest *g = guest_enter(s, "ann");
    char number[32];
    guest_enter(s, "محمد");
    guest_expect(g, "%s", told1(TOLD_COMES, "محمد"));
    guest_say(g, "/encoding big5");
    guest_expect(g, "*** Your encoding is now big5.");
    guest_say(g, "look");
    snprintf(number, sizeof number, "%.20s", guest_until_begins(g, "\?\?\?#"));
    guest_say(g, "/ignore %s", number + 3);
    guest_expect(g, "You no longer see what %s says.", number);
    guest_say(g, "/ignore");
    guest_expect(g, "*** You ignore the following:");
    guest_expect(g, "%s", number);
    guest_expect(g, "Use /ignore NAME or /unignore NAME");
    server_stop(s);
}

/* ---- what is said of a line that is too long ---- */

Test(words, the_limit_of_a_line_is_told) {
    char text[2048];
    memset(text, 'x', sizeof text);
    struct server *s = server_start("%sline_max = 700\n", server_quiet);
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told(TOLD_HOW));
    guest_say(g, "login %.*s", 600, text); /* before login no line is longer than 512 bytes */
    guest_expect(g, "%s", told(TOLD_TOO_LONG));
    guest_expect(g, "%s", told1(TOLD_LIMIT, "512"));
    guest_say(g, "login ann");
    guest_until(g, "%s", told1(TOLD_COMES, "ann"));
    guest_say(g, "%.*s", 700, text);
    guest_expect(g, "ann: %.*s", 700, text);
    guest_say(g, "%.*s ", 700, text); /* its blanks count: the line is as it was sent */
    guest_expect(g, "%s", told(TOLD_TOO_LONG));
    guest_expect(g, "%s", told1(TOLD_LIMIT, "700"));
    server_stop(s);
}

/* ---- arguments that a command does not take ---- */

Test(words, behind_a_command_that_takes_none_are_ignored) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    guest_say(g[0], "/who is here");
    guest_expect(g[0], "%s", told(TOLD_WHO));
    guest_expect_names(g[0], both, 2);
    guest_say(g[0], "/look around");
    guest_expect(g[0], "%s", told(TOLD_LOOK));
    guest_expect_names(g[0], both, 2);
    guest_say(g[0], "/help me");
    guest_until_begins(g[0], "/help ");
    guest_say(g[0], "/say");
    guest_expect(g[0], "Use say TEXT");
    guest_say(g[0], "/quit good night");
    guest_expect_end(g[0]);
    guest_expect(g[1], "%s", told1(TOLD_GOES, "ann"));
    server_stop(s);
}
