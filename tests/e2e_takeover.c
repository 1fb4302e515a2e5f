/* e2e_takeover.c - a browser whose connection ends, and which comes back into its own place. */
#include "tests/lib/guest.h"
#include "tests/lib/person.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(takeover, .timeout = 180);

#define WEB(workers) SERVER_QUIET(workers) "web = 127.0.0.1:0\n"

Test(takeover, it_sees_every_line_once_and_nobody_is_told) {
    struct server *s = server_start(WEB(1));
    struct person ann;
    struct guest *bob = person_meets_bob(&ann, s);
    guest_say(bob, "one");
    person_hears(&ann, "bob", "one");
    person_lose(&ann);
    guest_say(bob, "two");
    guest_say(bob, "three");
    guest_expect(bob, "bob: one");
    guest_expect(bob, "bob: two");
    guest_expect(bob, "bob: three");
    person_come_back(&ann, 2, 1);
    person_hears(&ann, "bob", "two");
    person_hears(&ann, "bob", "three");
    browser_say(ann.b, "{'do':'say','text':'back','re':3}");
    guest_expect(bob, "ann: back");
    server_stop(s);
}

Test(takeover, private_lines_meanwhile_are_not_refused_and_come) {
    struct server *s = server_start(WEB(1));
    struct person ann;
    struct guest *bob = person_meets_bob(&ann, s);
    person_lose(&ann);
    guest_say(bob, "/msg ann psst");
    guest_expect(bob, "[to ann] psst");
    guest_say(bob, "aloud");
    guest_expect(bob, "bob: aloud");
    person_come_back(&ann, 2, 1);
    browser_expect(ann.b, "{'ev':'msg','who':'bob','to':'ann','text':'psst'}");
    person_hears(&ann, "bob", "aloud");
    browser_say(ann.b, "{'do':'msg','to':'bob','text':'yes','re':3}");
    guest_expect(bob, "[ann] yes");
    guest_say(bob, "/reply good");
    browser_until(ann.b, "{'ev':'msg','who':'bob','to':'ann','text':'good'}");
    server_stop(s);
}

Test(takeover, an_away_person_is_listed) {
    struct server *s = server_start(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann");
    struct guest *bob = guest_enter(s, "bob");
    browser_expect(ann.b, "{'ev':'join','who':'bob'}");
    person_lose(&ann);
    guest_say(bob, "look");
    guest_until(bob, "The following are in this room:");
    guest_until(bob, "ann");
    server_stop(s);
}

Test(takeover, a_wrong_token_is_refused_as_the_name_is_taken) {
    struct server *s = server_start(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann");
    person_lose(&ann);
    struct person eve = ann;
    eve.token[5] = eve.token[5] == 'a' ? 'b' : 'a';
    person_ask_back(&eve, 2);
    browser_expect(eve.b, "{'ev':'error','re':2,'code':'taken','text':'The name \\'ann\\' is "
                          "taken.\\nPlease try again.'}");
    server_stop(s);
}

Test(takeover, a_second_tab_closes_the_first_with_4001) {
    struct server *s = server_start(WEB(1));
    struct person ann;
    person_enter(&ann, s, "ann");
    struct person tab = ann;
    struct guest *bob = guest_enter(s, "bob");
    browser_expect(ann.b, "{'ev':'join','who':'bob'}");
    person_come_back(&tab, 2, 1);
    browser_expect_end(ann.b, 4001);
    browser_expect(tab.b, "{'ev':'join','who':'bob'}");
    guest_say(bob, "which");
    person_hears(&tab, "bob", "which");
    person_come_back(&ann, 3, 2);
    browser_expect_end(tab.b, 4001);
    server_stop(s);
}

Test(takeover, from_any_worker) {
    struct server *s = server_start(WEB(4));
    struct person ann;
    struct guest *bob = person_meets_bob(&ann, s);
    for (unsigned i = 2; i < 12; i++) {
        person_lose(&ann);
        guest_say(bob, "line %u", i);
        guest_expect(bob, "bob: line %u", i);
        person_come_back(&ann, i, i - 1);
        char text[32];
        snprintf(text, sizeof text, "line %u", i);
        person_hears(&ann, "bob", text);
    }
    server_stop(s);
}

/* Both deaths find an away person: its own, and the one that has it after a move. */
Test(takeover, over_the_deaths_of_all_workers) {
    struct server *s = server_start(WEB(2));
    s->workers_may_die = true;
    struct person ann;
    struct guest *bob = person_meets_bob(&ann, s);
    person_lose(&ann);
    guest_say(bob, "before");
    guest_expect(bob, "bob: before");
    for (int k = 0; k < 2; k++)
        kill(server_worker_pid(s, k), SIGKILL);
    guest_say(bob, "after");
    guest_expect(bob, "bob: after");
    person_come_back(&ann, 2, 1);
    person_hears(&ann, "bob", "before");
    person_hears(&ann, "bob", "after");
    kill(server_worker_pid(s, 0), SIGKILL);
    kill(server_worker_pid(s, 1), SIGKILL);
    guest_say(bob, "again");
    person_hears(&ann, "bob", "again");
    server_stop(s);
}

Test(takeover, over_an_upgrade_and_fewer_workers) {
    struct server *s = server_start(WEB(4));
    s->workers_may_die = true;
    struct person ann;
    struct guest *bob = person_meets_bob(&ann, s);
    person_lose(&ann);
    server_configure(s, WEB(1));
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded");
    guest_say(bob, "reloaded");
    guest_expect(bob, "bob: reloaded");
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded");
    guest_say(bob, "upgraded");
    guest_expect(bob, "bob: upgraded");
    person_come_back(&ann, 2, 1);
    person_hears(&ann, "bob", "reloaded");
    person_hears(&ann, "bob", "upgraded");
    server_stop(s);
}

Test(takeover, a_message_behind_the_login_is_not_lost) {
    struct server *s = server_start(WEB(1));
    struct person ann;
    struct guest *bob = person_meets_bob(&ann, s);
    person_lose(&ann);
    uint8_t frames[1024];
    char text[512];
    ann.b = browser_connect(s);
    snprintf(text, sizeof text,
             "{\"do\":\"login\",\"name\":\"ann\",\"token\":\"%s\",\"since\":"
             "\"%s\",\"re\":2}",
             ann.token, ann.since);
    size_t len = browser_mask(frames, BROWSER_TEXT, text, strlen(text));
    len += browser_mask(frames + len, BROWSER_TEXT, "one", 3);
    len += browser_mask(frames + len, BROWSER_TEXT, "two", 3);
    browser_send(ann.b, frames, len - 1);
    guest_expect(bob, "ann: one");
    browser_send(ann.b, frames + len - 1, 1);
    guest_expect(bob, "ann: two");
    browser_until(ann.b, "{'ev':'ok','re':2,'name':'ann','last':1}");
    person_hears(&ann, "ann", "one");
    person_hears(&ann, "ann", "two");
    server_stop(s);
}

Test(takeover, a_goodbye_keeps_no_place) {
    struct server *s = server_start(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann");
    struct guest *bob = guest_enter(s, "bob");
    browser_say(ann.b, "{'do':'quit'}");
    guest_expect(bob, "ann has left the room.");
    person_enter(&ann, s, "ann");
    guest_expect(bob, "ann has entered the room.");
    browser_frame(ann.b, BROWSER_CLOSE, "\x03\xe8", 2);
    guest_expect(bob, "ann has left the room.");
    person_ask_back(&ann, 2); /* its place is nobody's by now */
    browser_expect(ann.b, "{'ev':'ok','re':2,'name':'ann','last':0}");
    guest_expect(bob, "ann has entered the room.");
    server_stop(s);
}

Test(takeover, a_login_with_since_sees_what_was_said_since) {
    struct server *s = server_start(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann");
    struct guest *bob = guest_enter(s, "bob");
    browser_expect(ann.b, "{'ev':'join','who':'bob'}");
    guest_say(bob, "one");
    person_hears(&ann, "bob", "one");
    browser_say(ann.b, "{'do':'quit'}");
    guest_expect(bob, "bob: one");
    guest_expect(bob, "ann has left the room.");
    guest_say(bob, "two");
    guest_expect(bob, "bob: two");
    person_ask_back(&ann, 9);
    browser_expect(ann.b, "{'ev':'ok','re':9,'name':'ann','last':0}");
    browser_expect(ann.b, "{'ev':'leave','who':'ann'}");
    person_hears(&ann, "bob", "two");
    browser_expect(ann.b, "{'ev':'join','who':'ann'}");
    server_stop(s);
}

Test(takeover, since_shows_lines_again) {
    struct server *s = server_start(WEB(1));
    struct person ann;
    struct guest *bob = person_meets_bob(&ann, s);
    char since[40];
    snprintf(since, sizeof since, "%s", ann.since);
    guest_say(bob, "one");
    person_hears(&ann, "bob", "one");
    browser_say(ann.b, "{'do':'since','since':'%s','re':5}", since);
    browser_expect(ann.b, "{'ev':'ok','re':5}");
    person_hears(&ann, "bob", "one");
    browser_say(ann.b, "{'do':'since','since':'none','re':6}");
    cr_assert(strstr(browser_read(ann.b), "'re':6,'code':'json'"));
    server_stop(s);
}

Test(takeover, nobody_comes_back_and_the_place_is_given_up) {
    struct server *s = server_start(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann");
    struct guest *bob = guest_enter(s, "bob");
    person_lose(&ann);
    guest_expect(bob, "ann has left the room."); /* after 30 s */
    server_stop(s);
}
