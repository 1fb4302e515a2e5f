/* e2e_machines.c - one room over two and three machines: what people say and do on one of them is
 * seen on the others, once and in order. */
#include "tests/lib/bbs.h"
#include "tests/lib/browser.h"
#include "tests/lib/ctl.h"
#include "tests/lib/machines.h"
#include "tests/lib/swarm.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(machines, .timeout = 180);

enum { ANN, BOB, CAT };

/* ---- speech ---- */

Test(machines, speech_goes_both_ways_with_the_machine_of_its_speaker) {
    struct machines m;
    machines_start(&m, 2, "");
    guest_say(m.g[ANN], "hello");
    guest_expect(m.g[ANN], "ann: hello");
    guest_expect(m.g[BOB], "ann@paris: hello");
    guest_say(m.g[BOB], "h\xc3\xa9llo \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80");
    guest_expect(m.g[BOB], "bob: h\xc3\xa9llo \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80");
    guest_expect(m.g[ANN], "bob@london: h\xc3\xa9llo \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80");
    guest_say(m.g[ANN], "/me waves");
    guest_expect(m.g[ANN], "* ann waves");
    guest_expect(m.g[BOB], "* ann@paris waves");
    guest_say(m.g[BOB], "* ann sings");
    guest_expect(m.g[BOB], "bob: * ann sings");
    guest_expect(m.g[ANN], "bob@london: * ann sings");
    machines_talk(&m);
    machines_stop(&m);
}

/* A name is unique on its machine; with its machine it is unique everywhere. */
Test(machines, two_people_of_one_name_are_two) {
    struct machines m;
    machines_start(&m, 2, "");
    struct guest *other = guest_enter(m.s[1], "ann");
    guest_until(m.g[ANN], "ann@london has entered the room.");
    guest_until(m.g[BOB], "ann has entered the room.");
    guest_say(other, "it is me");
    guest_expect(m.g[ANN], "ann@london: it is me");
    guest_expect(m.g[BOB], "ann: it is me");
    guest_say(m.g[ANN], "no, me");
    guest_expect(m.g[ANN], "ann: no, me");
    guest_expect(m.g[BOB], "ann@paris: no, me");
    guest_expect(other, "ann: it is me");
    guest_expect(other, "ann@paris: no, me");
    guest_say(m.g[BOB], "/msg ann which?");
    guest_expect(m.g[BOB], "[to ann] which?");
    guest_expect(other, "[bob] which?");
    machines_stop(&m);
}

/* `login ann@paris` is no name, so that nobody is taken for a person of another machine. */
Test(machines, nobody_can_take_a_name_with_a_machine) {
    struct machines m;
    machines_start(&m, 2, "");
    struct guest *eve = guest_connect(m.s[1]);
    guest_say(eve, "login ann@paris");
    guest_until(eve, "%s", told1(TOLD_NOT_A_NAME, "ann@paris"));
    guest_say(m.g[BOB], "/nick ann@paris");
    guest_expect(m.g[BOB], "%s", told1(TOLD_NOT_A_NAME, "ann@paris"));
    machines_stop(&m);
}

Test(machines, in_gbk_and_in_browsers) {
    struct machines m;
    machines_start(&m, 2, "web = 127.0.0.1:0\n");
    struct guest *li = guest_enter_gbk(m.s[0], "\xe6\x9d\x8e");
    struct browser *eve = browser_enter(m.s[1], "eve");
    guest_until(m.g[ANN], "eve@london has entered the room.");
    guest_until(m.g[BOB], "eve has entered the room.");
    guest_say_in(li, "\xe4\xbd\xa0\xe5\xa5\xbd");
    browser_until(eve, "{'ev':'say','who':'\xe6\x9d\x8e@paris','text':'\xe4\xbd\xa0\xe5\xa5\xbd'}");
    guest_until(m.g[BOB], "\xe6\x9d\x8e@paris: \xe4\xbd\xa0\xe5\xa5\xbd");
    browser_say(eve, "{'do':'say','text':'\xe5\x86\x8d\xe8\xa7\x81'}");
    browser_expect(eve, "{'ev':'say','who':'eve','text':'\xe5\x86\x8d\xe8\xa7\x81'}");
    guest_until(li, "eve@london: \xe5\x86\x8d\xe8\xa7\x81");
    guest_say(m.g[ANN], "/nick anna");
    browser_expect(eve, "{'ev':'nick','who':'ann@paris','new':'anna@paris'}");
    guest_say(m.g[ANN], "/me waves");
    browser_expect(eve, "{'ev':'me','who':'anna@paris','text':'waves'}");
    guest_close(li);
    browser_expect(eve, "{'ev':'leave','who':'\xe6\x9d\x8e@paris'}");
    machines_stop(&m);
}

Test(machines, with_a_chinese_room_elsewhere) {
    struct redis *r = redis_start("%s", "");
    struct server *paris = machine_start(r, "paris", ""),
                  *london = machine_start(r, "london", "language = zh\n");
    struct guest *ann = guest_enter(paris, "ann"), *bob = guest_connect(london);
    guest_say(bob, "login bob");
    machine_until_listed(ann, "bob@london", true);
    guest_say(ann, "hello");
    guest_until(bob, "ann@paris: hello");
    guest_say(bob, "/nick bo");
    guest_until(ann, "bob@london is now known as bo@london.");
    guest_say(ann, "/nick anna");
    guest_until(bob, "ann@paris\xe6\x94\xb9\xe5\x90\x8d\xe4\xb8\xba"
                     "anna@paris\xe3\x80\x82");
    guest_close(ann);
    guest_until(bob, "anna@paris\xe7\xa6\xbb\xe5\xbc\x80\xe8\x81\x8a\xe5\xa4\xa9\xe5\xae\xa4!");
    server_stop(paris);
    server_stop(london);
}

/* ---- order ---- */

enum { LINES = 400 };

/* Lines of both speakers, each speaker's once and in order, whatever lies between. */
static void hears_all_in_order(struct guest *g, const char *one, const char *other) {
    const char *who[] = {one, other};
    int next[2] = {0};
    while (next[0] < LINES || next[1] < LINES) {
        const char *line = guest_next(g);
        for (int i = 0; i < 2; i++) {
            size_t n = strlen(who[i]);
            if (strncmp(line, who[i], n) == 0 && strncmp(line + n, ": line ", 7) == 0) {
                cr_assert_eq(atoi(line + n + 7), next[i], "%s behind %d", line, next[i]);
                next[i]++;
            }
        }
    }
}

Test(machines, each_speakers_lines_are_in_order_everywhere) {
    struct machines m;
    machines_start(&m, 3, "");
    for (int i = 0; i < LINES; i++) {
        guest_say(m.g[ANN], "line %d", i);
        guest_say(m.g[BOB], "line %d", i);
    }
    for (int to = 0; to < 3; to++)
        hears_all_in_order(m.g[to], machine_person(ANN, to), machine_person(BOB, to));
    machines_talk(&m); /* so nothing came twice */
    machines_stop(&m);
}

/* ann asks on paris, bob answers on london as soon as he hears it: cat, on tokyo, hears it in that
 * order. */
Test(machines, an_answer_is_never_seen_before_what_it_answers) {
    struct machines m;
    machines_start(&m, 3, "");
    for (int i = 0; i < 100; i++) {
        guest_say(m.g[ANN], "question %d", i);
        guest_until(m.g[BOB], "ann@paris: question %d", i);
        guest_say(m.g[BOB], "answer %d", i);
        guest_expect(m.g[CAT], "ann@paris: question %d", i);
        guest_expect(m.g[CAT], "bob@london: answer %d", i);
    }
    machines_settle(&m);
    machines_stop(&m);
}

/* The same, where nobody waits for the third machine. */
Test(machines, answers_follow_what_they_answer_in_a_stream_of_lines) {
    struct machines m;
    machines_start(&m, 3, "");
    for (int i = 0; i < LINES; i++)
        guest_say(m.g[ANN], "line %d", i);
    for (int i = 0; i < LINES; i++) {
        guest_until(m.g[BOB], "ann@paris: line %d", i);
        guest_say(m.g[BOB], "line %d", i);
    }
    for (int asked = 0, answered = 0; answered < LINES;) {
        const char *line = guest_next(m.g[CAT]);
        asked += strncmp(line, "ann@paris: line ", 16) == 0;
        answered += strncmp(line, "bob@london: line ", 17) == 0;
        cr_assert_leq(answered, asked);
    }
    machines_settle(&m);
    machines_stop(&m);
}

Test(machines, a_line_of_the_greatest_length) {
    struct machines m;
    static char text[4096];
    machines_start(&m, 2, "line_max = 4096\n");
    memset(text, 'x', 4000);
    machines_hear(&m, ANN, text);
    machines_hear(&m, BOB, text);
    machines_stop(&m);
}

/* ---- comings and goings ---- */

Test(machines, joins_leaves_and_new_names_are_seen_elsewhere) {
    struct machines m;
    machines_start(&m, 2, "");
    struct guest *eve = guest_enter(m.s[0], "eve");
    guest_expect(m.g[ANN], "%s", told1(TOLD_COMES, "eve"));
    guest_expect(m.g[BOB], "%s", told1(TOLD_COMES, "eve@paris"));
    guest_say(eve, "/nick eva");
    guest_expect(m.g[BOB], "%s", told2(TOLD_NICK, "eve@paris", "eva@paris"));
    guest_say(eve, "hi");
    guest_expect(m.g[BOB], "eva@paris: hi");
    machine_until_listed(m.g[BOB], "eva@paris", true);
    machine_until_listed(m.g[BOB], "eve@paris", false);
    guest_close(eve);
    guest_expect(m.g[BOB], "%s", told1(TOLD_GOES, "eva@paris"));
    machine_until_listed(m.g[BOB], "eva@paris", false);
    redis_until(m.redis, "ann\n", "HGETALL", "chatroom:people:paris");
    machines_stop(&m);
}

Test(machines, look_and_who_have_everybody) {
    struct machines m;
    machines_start(&m, 3, "");
    for (int to = 0; to < 3; to++) {
        for (int from = 0; from < 3; from++) {
            cr_assert(machine_lists(machine_list(m.g[to], "look"), machine_person(from, to)));
            cr_assert(machine_lists(machine_list(m.g[to], "who"), machine_person(from, to)));
        }
        const char *list = machine_list(m.g[to], "who");
        int lines = 0;
        for (; *list; list++)
            lines += *list == '\n';
        cr_assert_eq(lines, 3);
    }
    machines_stop(&m);
}

/* A server that is stopped says so: nobody waits for its lease to end. */
Test(machines, a_machine_that_is_stopped_takes_its_people_along) {
    struct machines m;
    machines_start(&m, 2, "");
    server_stop(m.s[0]);
    m.s[0] = NULL;
    guest_expect(m.g[BOB], "*** paris is out of reach (1 person).");
    machine_until_listed(m.g[BOB], "ann@paris", false);
    redis_until(m.redis, "0", "EXISTS", "chatroom:people:paris");
    redis_until(m.redis, "0", "EXISTS", "chatroom:lease:paris");
    machines_stop(&m);
}

struct counting {
    int joined, count;
};
static void count_joins(void *state, int member, const char *line) {
    struct counting *c = state;
    c->joined += member == c->count - 1 && strstr(line, "has entered the room.") != NULL;
}
static bool all_joined(void *state) {
    const struct counting *c = state;
    return c->joined >= 1;
}

Test(machines, three_hundred_people_elsewhere_are_in_who) {
    enum { PEOPLE = 300 };
    struct machines m;
    machines_start(&m, 2, "max_clients_per_address = 0\n");
    struct counting c = {.count = PEOPLE};
    struct swarm *w = swarm_connect(m.s[0], PEOPLE, count_joins, &c);
    for (int i = 0; i < PEOPLE; i++)
        swarm_say(w, i, "login p%d", i);
    swarm_pump(w, all_joined, &c);
    for (int i = 0; i < PEOPLE; i++) {
        char name[32];
        snprintf(name, sizeof name, "p%d@paris", i);
        machine_until_listed(m.g[BOB], name, true);
    }
    const char *list = machine_list(m.g[BOB], "who");
    int lines = 0;
    for (; *list; list++)
        lines += *list == '\n';
    cr_assert_eq(lines, PEOPLE + 2);
    guest_say(m.g[BOB], "/msg p299@paris hello");
    guest_expect(m.g[BOB], "[to p299@paris] hello");
    for (int i = 0; i < PEOPLE; i++)
        swarm_close(w, i);
    machine_until_listed(m.g[BOB], "p0@paris", false);
    machine_until_listed(m.g[BOB], "p299@paris", false);
    redis_until(m.redis, "1", "HLEN", "chatroom:people:paris");
    machines_stop(&m);
}

/* ---- private lines ---- */

Test(machines, private_lines_go_across_and_are_answered) {
    struct machines m;
    machines_start(&m, 3, "");
    guest_say(m.g[ANN], "/msg bob@london a secret");
    guest_expect(m.g[ANN], "%s", told2(TOLD_COPY, "bob@london", "a secret"));
    guest_expect(m.g[BOB], "%s", told2(TOLD_PRIVATE, "ann@paris", "a secret"));
    guest_say(m.g[BOB], "/reply another");
    guest_expect(m.g[BOB], "%s", told2(TOLD_COPY, "ann@paris", "another"));
    guest_expect(m.g[ANN], "%s", told2(TOLD_PRIVATE, "bob@london", "another"));
    machines_talk(&m); /* cat saw nothing of it */
    machines_stop(&m);
}

Test(machines, private_lines_of_browsers_go_across) {
    struct machines m;
    machines_start(&m, 2, "web = 127.0.0.1:0\n");
    struct browser *eve = browser_enter(m.s[1], "eve");
    guest_until(m.g[ANN], "eve@london has entered the room.");
    guest_say(m.g[ANN], "/msg eve@london psst");
    guest_expect(m.g[ANN], "[to eve@london] psst");
    browser_until(eve, "{'ev':'msg','who':'ann@paris','to':'eve','text':'psst'}");
    browser_say(eve, "{'do':'msg','to':'ann@paris','text':'yes?'}");
    guest_expect(m.g[ANN], "[eve@london] yes?");
    machines_stop(&m);
}

Test(machines, an_absent_addressee_is_answered) {
    struct machines m;
    machines_start(&m, 2, "");
    guest_say(m.g[ANN], "/msg zoe@london are you there?");
    guest_expect(m.g[ANN], "%s", told1(TOLD_NOBODY, "zoe@london"));
    guest_say(m.g[ANN], "/msg bob@rome are you there?");
    guest_expect(m.g[ANN], "%s", told1(TOLD_NOBODY, "bob@rome"));
    guest_say(m.g[ANN], "/msg bob are you there?"); /* on this machine there is none */
    const char *line = guest_next(m.g[ANN]);
    cr_assert(strcmp(line, told1(TOLD_NOBODY, "bob")) == 0 ||
                  strcmp(line, "[to bob@london] are you there?") == 0,
              "%s", line);
    machines_settle(&m);
    machines_stop(&m);
}

Test(machines, people_elsewhere_can_be_ignored) {
    struct machines m;
    machines_start(&m, 2, "");
    struct guest *eve = guest_enter(m.s[0], "eve");
    guest_expect(m.g[BOB], "%s", told1(TOLD_COMES, "eve@paris"));
    guest_expect(m.g[ANN], "%s", told1(TOLD_COMES, "eve"));
    guest_say(m.g[BOB], "/ignore eve@paris");
    guest_expect(m.g[BOB], "You no longer see what eve@paris says.");
    guest_say(eve, "not for bob");
    guest_until(m.g[ANN], "eve: not for bob");
    guest_say(eve, "/msg bob@london nor that");
    guest_until(eve, "[to bob@london] nor that");
    machines_talk(&m); /* of ann, bob hears the next line */
    guest_say(m.g[BOB], "/unignore eve@paris");
    guest_expect(m.g[BOB], "You see what eve@paris says again.");
    guest_say(eve, "for bob");
    guest_expect(m.g[BOB], "eve@paris: for bob");
    machines_stop(&m);
}

Test(machines, tab_completes_people_elsewhere) {
    struct machines m;
    machines_start(&m, 2, "workers = 1\n");
    struct bbs dan = bbs_start(m.s[1], .blind = true);
    bbs_type(&dan, "login dan\r");
    guest_until(m.g[BOB], "%s", told1(TOLD_COMES, "dan"));
    guest_until(m.g[ANN], "%s", told1(TOLD_COMES, "dan@london"));
    bbs_type(&dan, "/msg an\thi\r");
    guest_expect(m.g[ANN], "[dan@london] hi");
    machines_stop(&m);
}

/* ---- an operator ---- */

Test(machines, announcements_are_heard_everywhere) {
    struct machines m;
    machines_start(&m, 2, "");
    ctl_ok(m.s[0], "say", "tea is ready");
    guest_expect(m.g[ANN], "*** tea is ready");
    guest_expect(m.g[BOB], "*** tea is ready");
    machines_talk(&m);
    machines_stop(&m);
}

Test(machines, a_kick_is_seen_elsewhere_and_asked_for_at_home) {
    struct machines m;
    machines_start(&m, 2, "");
    struct guest *eve = guest_enter(m.s[0], "eve");
    guest_expect(m.g[BOB], "%s", told1(TOLD_COMES, "eve@paris"));
    guest_expect(m.g[ANN], "%s", told1(TOLD_COMES, "eve"));
    const struct ran *ran = ctl_run(m.s[1], "kick", "eve@paris");
    cr_assert_neq(ran->status, 0);
    cr_assert(strstr(ran->err, "another machine"), "%s", ran->err);
    ctl_ok(m.s[0], "kick", "eve");
    guest_expect(m.g[ANN], "eve was asked to leave.");
    guest_expect(m.g[BOB], "eve@paris was asked to leave.");
    guest_until(eve, "*** You were asked to leave.");
    guest_expect_end(eve);
    machine_until_listed(m.g[BOB], "eve@paris", false);
    machines_talk(&m);
    machines_stop(&m);
}

Test(machines, who_of_the_control_tool_has_people_elsewhere) {
    struct machines m;
    machines_start(&m, 2, "");
    const struct ran *ran = ctl_ok(m.s[0], "who");
    cr_assert(strstr(ran->out, "bob@london"), "%s", ran->out);
    machines_stop(&m);
}

/* ---- an open room ---- */

Test(machines, an_open_room_over_two_machines) {
    struct redis *r = redis_start("%s", "");
    struct server *paris = machine_start(r, "paris", "login = no\n"),
                  *london = machine_start(r, "london", "login = no\n");
    struct guest *ann = guest_connect(paris), *bob = guest_connect(london);
    int64_t deadline = wait_deadline();
    /* Until both have heard one another, lines are said again. */
    for (bool heard = false; !heard;) {
        guest_say(ann, "are you there?");
        guest_until(ann, "are you there?");
        redis_until(r, "2", "HLEN", "chatroom:nodes");
        heard = guest_pending(bob) > 0 && strcmp(guest_next(bob), "are you there?") == 0;
        cr_assert_gt(wait_left_ms(deadline), 0);
    }
    guest_say(ann, "hello");
    guest_until(bob, "hello");
    guest_until(ann, "hello");
    guest_say(bob, "look");
    guest_until(bob, "look");
    guest_until(ann, "look");
    char waves[128];
    snprintf(waves, sizeof waves, "* %s@london waves", bob->endpoint);
    guest_say(bob, "/me waves");
    guest_expect(bob, "* 127.0.0.1 waves");
    guest_expect(ann, "%s", waves);
    guest_say(ann, "1");
    guest_expect(ann, "1");
    guest_expect(bob, "1");
    guest_close(ann);
    guest_expect(bob, "%s@paris has left the room.", ann->endpoint);
    server_stop(paris);
    server_stop(london);
}
