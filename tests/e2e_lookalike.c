/* e2e_lookalike.c - nobody looks like another person or like the server: names that look alike on
 * all workers, in any order and at once, after a death too; and blanks that wrap a line. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(lookalike, .timeout = 180);

static const char many[] = SERVER_QUIET(2);

static const char *const pairs[][2] = {
    {"paul", "pauI"}, {"O0O", "OOO"},  {"œuf", "oeuf"},          {"æ", "ӕ"},
    {"علی", "على"},   {"barn", "bam"}, {"bob1", "bobl"},         {"NIK", "ΝΙΚ"},
    {"cop", "сор"},   {"ロ", "口"},    {"ｂｏｂ", "bob"},        {"Ian", "lan"},
    {"oo", "օօ"},     {"DAD", "ᎠᎪᎠ"},  {"mike", "mi\314\207ke"}, {"عمر", "عـمر"},
};

/* Connects until two guests are on different workers. */
static void connect_apart(struct server *s, struct guest *pair[2]) {
    pair[0] = guest_connect_as(s, .from = guest_own_address());
    int first = server_worker_of(s, pair[0]->endpoint);
    for (int i = 0; i < 64; i++) {
        pair[1] = guest_connect_as(s, .from = guest_own_address());
        if (server_worker_of(s, pair[1]->endpoint) != first) {
            guest_until(pair[0], "%s", told(TOLD_HOW));
            guest_until(pair[1], "%s", told(TOLD_HOW));
            return;
        }
        guest_close(pair[1]);
    }
    cr_assert_fail("64 connections on one worker");
}

static void refused(struct guest *g, const char *command, const char *name) {
    guest_say(g, "%s %s", command, name);
    guest_until(g, "%s", told1(TOLD_TAKEN, name));
    guest_expect(g, "%s", told(TOLD_TRY_AGAIN));
}

Test(lookalike, refused_on_another_worker_in_both_orders) {
    struct server *s = server_start("%s", many);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        for (int order = 0; order < 2; order++) {
            struct guest *g[2];
            const char *first = pairs[i][order], *second = pairs[i][!order];
            connect_apart(s, g);
            guest_say(g[0], "login %s", first);
            guest_until(g[0], "%s", told1(TOLD_COMES, first));
            refused(g[1], "login", second);
            guest_say(g[1], "login zoe");
            guest_until(g[1], "%s", told1(TOLD_COMES, "zoe"));
            refused(g[1], "/nick", second);
            guest_close(g[0]);
            guest_until(g[1], "%s", told1(TOLD_GOES, first));
            guest_say(g[1], "/nick %s", second); /* both keys are free */
            guest_until(g[1], "%s", told2(TOLD_NICK, "zoe", second));
            struct guest *watcher = guest_enter(s, "watcher");
            guest_close(g[1]);
            guest_until(watcher, "%s", told1(TOLD_GOES, second));
            guest_say(watcher, "logout");
            while (guest_read(watcher))
                ;
        }
    server_stop(s);
}

Test(lookalike, both_at_once_never_both_get_in) {
    struct server *s = server_start("%s", many);
    struct guest *watcher = guest_enter(s, "watcher");
    for (size_t i = 0; i < 3 * sizeof pairs / sizeof *pairs; i++) {
        const char *const *pair = pairs[i % (sizeof pairs / sizeof *pairs)];
        struct guest *g[2];
        int in = -1;
        connect_apart(s, g);
        for (int k = 0; k < 2; k++)
            guest_say(g[k], "login %s", pair[k]);
        for (int k = 0; k < 2; k++) {
            char taken[128];
            strcpy(taken, told1(TOLD_TAKEN, pair[k]));
            if (strcmp(guest_next(g[k]), taken) != 0) {
                cr_assert_eq(in, -1, "%s and %s both got in", pair[0], pair[1]);
                in = k;
            }
        }
        cr_assert_neq(in, -1, "neither %s nor %s got in", pair[0], pair[1]);
        guest_expect(watcher, "%s", told1(TOLD_COMES, pair[in]));
        guest_close(g[0]);
        guest_close(g[1]);
        guest_expect(watcher, "%s", told1(TOLD_GOES, pair[in]));
    }
    server_stop(s);
}

Test(lookalike, ones_own_name_may_change_its_look) {
    struct server *s = server_start("%s", many);
    struct guest *paul = guest_enter(s, "paul"), *eve = guest_enter(s, "eve");
    static const char *const names[] = {"Paul", "pauI", "PAUL", "pau1", "paul", "Paul"};
    const char *now = "paul";
    for (size_t i = 0; i < sizeof names / sizeof *names; now = names[i++]) {
        guest_say(paul, "/nick %s", names[i]);
        guest_until(paul, "%s", told2(TOLD_NICK, now, names[i]));
        guest_until(eve, "%s", told2(TOLD_NICK, now, names[i]));
        refused(eve, "/nick", names[i]);
    }
    guest_say(eve, "/nick PAUI"); /* neither `Paul` in another case, nor with its look */
    guest_until(eve, "%s", told2(TOLD_NICK, "eve", "PAUI"));
    server_stop(s);
}

/* The names of the dead worker's clients are still theirs, by both keys. */
Test(lookalike, after_the_death_of_a_worker_too) {
    struct server *s = server_start("%s", many);
    struct guest *g[2];
    s->workers_may_die = true;
    connect_apart(s, g);
    guest_say(g[0], "login paul");
    guest_until(g[0], "%s", told1(TOLD_COMES, "paul"));
    guest_say(g[1], "login eve");
    guest_until(g[1], "%s", told1(TOLD_COMES, "eve"));
    for (int round = 0; round < 3; round++)
        for (int worker = 0; worker < 2; worker++) {
            kill(server_worker_pid(s, worker), SIGKILL);
            refused(g[1], "/nick", "pauI");
            refused(g[1], "/nick", "PAUL");
            guest_say(g[0], "/nick bam");
            guest_until(g[0], "%s", told2(TOLD_NICK, "paul", "bam"));
            guest_until(g[1], "%s", told2(TOLD_NICK, "paul", "bam"));
            refused(g[1], "/nick", "barn");
            guest_say(g[1], "/nick pauI"); /* the old name is free by both keys */
            guest_until(g[1], "%s", told2(TOLD_NICK, "eve", "pauI"));
            guest_say(g[1], "/nick eve");
            guest_until(g[1], "%s", told2(TOLD_NICK, "pauI", "eve"));
            guest_say(g[0], "/nick paul");
            guest_until(g[0], "%s", told2(TOLD_NICK, "bam", "paul"));
            guest_until(g[1], "%s", told2(TOLD_NICK, "bam", "paul"));
        }
    server_stop(s);
}

/* A name that is given up by a client that changes its spelling for ever is not used up. */
Test(lookalike, a_thousand_spellings_need_no_room) {
    struct server *s = server_start("%smax_clients = 8\n", many);
    struct guest *paul = guest_enter(s, "paul");
    for (int i = 0; i < 200; i++) {
        guest_say(paul, "/nick %s", i % 2 ? "paul" : "Paul");
        guest_until(paul, "%s", told2(TOLD_NICK, i % 2 ? "Paul" : "paul", i % 2 ? "paul" : "Paul"));
    }
    guest_enter(s, "bob");
    server_stop(s);
}

/* ---- lines ---- */

static void blanks(char *out, int count) {
    for (int i = 0; i < count; i++)
        out += sprintf(out, "%s", i % 3 == 0 ? " " : i % 3 == 1 ? "\342\240\200" : "\343\200\200");
}

Test(lookalike, blanks_do_not_wrap_a_line) {
    struct guest *g[2];
    struct server *s = guests_two(g);
    char many_blanks[512], few[64];
    blanks(many_blanks, 100);
    blanks(few, 16);
    guest_say(g[0], "x%sbob: it was me", many_blanks);
    guest_expect(g[1], "ann: x%sbob: it was me", few);
    guest_say(g[0], "/me waves%s*** The server is going down.", many_blanks);
    guest_expect(g[1], "* ann waves%s*** The server is going down.", few);
    guest_say(g[0], "/msg bob x%s[eve] hi", many_blanks);
    guest_expect(g[1], "[ann] x%s[eve] hi", few);
    guest_say(g[0], "say x%80sy", "");
    guest_expect(g[1], "ann: x%16sy", "");
    server_stop(s);
}

Test(lookalike, in_the_open_room_neither) {
    struct server *s = server_start("%slogin = no\n", many);
    struct guest *one = guest_connect(s);
    char many_blanks[512], few[64];
    blanks(many_blanks, 100);
    blanks(few, 16);
    guest_say(one, "x%sy", many_blanks);
    guest_until(one, "x%sy", few);
    for (int i = 0; i < 100; i++) /* Korean vowels that belong to no syllable */
        strcpy(many_blanks + 4 * i, " \341\205\241");
    guest_say(one, "x%sy", many_blanks);
    guest_until(one, "x                y");
    server_stop(s);
}

Test(lookalike, no_name_is_a_sentence_of_the_server) {
    struct server *s = server_start("%slanguage = zh\n", many);
    static const char *const names[] = {
        "未知命令", "bob改名为ann", "bob离开聊天室",       "请先登录", "Iook",
        "你是ann",  "对bob",        "你不再看到bob的发言", "21.04",    "..a"};
    struct guest *g = guest_connect(s);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char answer[128];
        sprintf(answer, "这不是名字: %s", names[i]);
        guest_say(g, "login %s", names[i]);
        guest_until_begins(g, answer);
    }
    guest_say(g, "login bob\341\205\241"); /* a Korean vowel, which the answer does not show */
    guest_until(g, "这不是名字: bob");
    server_stop(s);
}
