/* e2e_return.c - a browser that comes back into its place: when the room is full, when its owner
 * was spoken of meanwhile, when much was missed, from another address. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/http.h"
#include "tests/lib/person.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(return, .timeout = 180);

#define WEB(workers) SERVER_QUIET(workers) "web = 127.0.0.1:0\n"
#define PAGE "GET / HTTP/1.1\r\nHost: localhost\r\n"

static void refused_as_full_at(struct where where, struct browser *b, const char *name) {
    browser_read_at(where, b); /* hello */
    browser_say_at(where, b, "{'do':'login','name':'%s','re':1}", name);
    if (!browser_read_at(where, b) || !strstr(b->event, "'code':'full'"))
        fail_at(where, "not full: %s", b->event);
    browser_expect_end_at(where, b, 1013);
}
#define refused_as_full(b, name) refused_as_full_at(HERE, b, name)

/* ---- a full room ---- */

Test(return, a_full_room_has_its_own_person_back_and_nobody_else) {
    struct server *s = server_start(WEB(2) "max_clients = 2\n");
    struct person ann;
    struct guest *bob = person_meets_bob(&ann, s);
    person_lose(&ann);
    guest_say(bob, "alone");
    guest_expect(bob, "bob: alone");
    struct http_got page = http_ask(browser_port(s), PAGE "\r\n");
    cr_expect_eq(page.status, 200);
    refused_as_full(browser_connect(s), "eve");
    struct guest *cat = guest_connect(s);
    guest_expect(cat, "The room is full.");
    guest_expect_end(cat);
    for (unsigned re = 2; re < 6; re++) {
        person_come_back(&ann, re, re - 1);
        if (re == 2)
            person_hears(&ann, "bob", "alone");
        person_lose(&ann);
    }
    guest_say(bob, "nobody was told");
    guest_expect(bob, "bob: nobody was told");
    server_stop(s);
}

Test(return, a_full_room_is_judged_by_its_people_not_by_pages_that_load) {
    struct server *s = server_start(WEB(2) "max_clients = 2\n");
    int load[4];
    for (int i = 0; i < 4; i++)
        http_send_text(load[i] = http_connect(browser_port(s)), "GET / HT");
    struct browser *ann = browser_enter(s, "ann"), *bob = browser_enter(s, "bob");
    browser_until(ann, "{'ev':'join','who':'bob'}");
    refused_as_full(browser_connect(s), "eve");
    browser_say(bob, "{'do':'quit'}");
    browser_until(ann, "{'ev':'leave','who':'bob'}");
    browser_enter(s, "joe");
    for (int i = 0; i < 4; i++)
        close(load[i]);
    server_stop(s);
}

/* Of those that only hold a connection, no more are accepted than this. */
Test(return, what_is_beyond_a_full_room_has_an_end) {
    enum { BEYOND = 8 };
    struct server *s = server_start(WEB(1) "max_clients = 1\n");
    struct guest *ann = guest_enter(s, "ann");
    int held[BEYOND];
    for (int i = 0; i < BEYOND; i++) {
        struct browser *b = browser_connect(s);
        browser_read(b);
        held[i] = b->fd;
    }
    struct http_got got = http_ask(browser_port(s), PAGE "\r\n");
    cr_expect(got.status == 503 || got.reset, "%.80s", got.text);
    close(held[0]);
    while (http_ask(browser_port(s), PAGE "\r\n").status != 200)
        ;
    guest_say(ann, "alone");
    guest_expect(ann, "ann: alone");
    server_stop(s);
}

Test(return, the_open_room_is_full) {
    struct server *s = server_start(WEB(1) "login = no\nmax_clients = 1\n");
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told1(TOLD_GREETING, "Chatroom"));
    struct http_got got =
        http_ask(browser_port(s), "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    cr_expect_eq(got.status, 503);
    cr_expect(strstr(got.text, "The room is full."), "%s", got.text);
    server_stop(s);
}

/* ---- moderated while away ---- */

/* The name is anybody's by now: the token brings no place, only a login like any other. */
static void comes_anew_at(struct where where, struct person *p) {
    person_ask_back_at(where, p, 9);
    browser_until_at(where, p->b, "{'ev':'ok','re':9,'name':'%s','last':0}", p->name);
    if (strcmp(p->b->token, p->token) == 0)
        fail_at(where, "the token has come back");
}
#define comes_anew(p) comes_anew_at(HERE, p)

Test(return, kicked_while_away_it_is_gone_at_once) {
    struct server *s = ctl_server(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann");
    struct guest *bob = guest_enter(s, "bob");
    person_lose(&ann);
    ctl_ok(s, "kick", "ann", "snores");
    guest_expect(bob, "ann was asked to leave.");
    ctl_refused(s, "there is no \"ann\" here", "kick", "ann");
    comes_anew(&ann);
    guest_expect(bob, "ann has entered the room.");
    server_stop(s);
}

Test(return, banned_while_away_it_is_gone_at_once) {
    struct server *s = ctl_server(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann", .from = "127.0.0.66");
    struct guest *bob = guest_enter(s, "bob");
    person_lose(&ann);
    ctl_ok(s, "ban", "127.0.0.66");
    guest_expect(bob, "ann has left the room.");
    ann.how.from = "127.0.0.67";
    comes_anew(&ann);
    guest_expect(bob, "ann has entered the room.");
    server_stop(s);
}

/* It was away at another address. */
Test(return, a_banned_address_does_not_bring_it_back) {
    struct server *s = ctl_server(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann", .from = "127.0.0.66");
    struct guest *bob = guest_enter(s, "bob");
    person_lose(&ann);
    ann.how.from = "127.0.0.67";
    person_come_back(&ann, 2, 1);
    browser_expect(ann.b, "{'ev':'join','who':'bob'}");
    ctl_ok(s, "ban", "127.0.0.66");
    guest_say(bob, "still");
    browser_expect(ann.b, "{'ev':'say','who':'bob','text':'still'}");
    guest_expect(bob, "bob: still");
    ctl_ok(s, "ban", "127.0.0.67");
    guest_expect(bob, "ann has left the room.");
    server_stop(s);
}

Test(return, muted_while_away_it_comes_back_muted) {
    struct server *s = ctl_server(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann");
    struct guest *bob = guest_enter(s, "bob");
    person_lose(&ann);
    ctl_ok(s, "mute", "ann");
    person_come_back(&ann, 2, 1);
    browser_expect(ann.b, "{'ev':'join','who':'bob'}");
    browser_say(ann.b, "{'do':'say','text':'aloud','re':3}");
    browser_read(ann.b);
    cr_expect(strstr(ann.b->event, "'re':3,'code':'muted'"), "%s", ann.b->event);
    person_lose(&ann);
    ctl_ok(s, "unmute", "ann");
    person_come_back(&ann, 4, 3);
    browser_until(ann.b, "{'ev':'join','who':'bob'}");
    browser_say(ann.b, "{'do':'say','text':'aloud','re':5}");
    guest_expect(bob, "ann: aloud");
    server_stop(s);
}

Test(return, whom_it_ignores_it_ignores_still) {
    struct server *s = server_start(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann");
    struct guest *bob = guest_enter(s, "bob"), *eve = guest_enter(s, "eve");
    browser_until(ann.b, "{'ev':'join','who':'eve'}");
    person_seen(&ann);
    browser_say(ann.b, "{'do':'ignore','name':'eve','re':2}");
    browser_until(ann.b, "{'ev':'ok','re':2}");
    person_lose(&ann);
    guest_say(eve, "one");
    guest_expect(eve, "eve: one");
    guest_say(eve, "/msg ann psst");
    guest_next(eve);
    guest_say(bob, "two");
    guest_expect(eve, "bob: two");
    person_come_back(&ann, 3, 2);
    person_hears(&ann, "bob", "two");
    guest_say(eve, "three");
    guest_say(bob, "four");
    person_hears(&ann, "bob", "four");
    server_stop(s);
}

/* ---- its own lines ---- */

enum { OWN_ROUNDS = 15, OWN_LINES = 5 };

/* Says the lines from `from` to `upto`, in one segment, with numbers from `re` on. */
static void own_lines(struct person *p, unsigned from, unsigned upto, unsigned re) {
    static uint8_t frames[OWN_LINES * 128];
    size_t len = 0;
    for (unsigned n = from; n <= upto; n++) {
        char text[96];
        int bytes =
            snprintf(text, sizeof text, "{\"do\":\"say\",\"text\":\"%u\",\"re\":%u}", n, re++);
        len += browser_mask(frames + len, BROWSER_TEXT, text, (size_t)bytes);
    }
    browser_send(p->b, frames, len);
}

/* The number of the last message that was taken from the former connection. */
static unsigned own_last(struct person *p) {
    unsigned last = 0;
    person_ask_back(p, 0);
    browser_read(p->b);
    const char *at = strstr(p->b->event, "'last':");
    cr_assert(at && sscanf(at, "'last':%u", &last) == 1, "%s", p->b->event);
    return last;
}

/* What was said before the reset was taken, or is said again: `last` tells which. */
static void own_lines_stand_once(struct server *s, bool known) {
    struct person ann;
    person_enter(&ann, s, "ann");
    struct guest *bob = guest_enter(s, "bob");
    unsigned re = 1, said = 0;
    for (int round = 0; round < OWN_ROUNDS; round++) {
        own_lines(&ann, said + 1, said + OWN_LINES, re + 1);
        if (known)
            person_lose(&ann);
        else
            person_reset(&ann);
        unsigned taken = own_last(&ann) - re;
        cr_assert_leq(taken, OWN_LINES);
        re += OWN_LINES;
        own_lines(&ann, said + taken + 1, said + OWN_LINES, re + 1);
        re += OWN_LINES - taken;
        for (int n = 0; n < OWN_LINES; n++)
            guest_expect(bob, "ann: %u", ++said);
    }
    guest_say(bob, "and no more");
    guest_expect(bob, "bob: and no more");
}

Test(return, what_it_said_before_a_reset_stands_once) {
    struct server *s = server_start(WEB(2));
    own_lines_stand_once(s, true);
    server_stop(s);
}

Test(return, what_it_said_stands_once_even_if_it_is_back_before_the_reset_is_seen) {
    struct server *s = server_start(WEB(4));
    own_lines_stand_once(s, false);
    server_stop(s);
}

/* ---- two at once ---- */

/* True: it was taken over, or closed.  False: it hears `text`. */
static bool superseded(struct browser *b, const char *text) {
    while (browser_read(b))
        if (strstr(b->event, text))
            return false;
    cr_expect_eq(b->code, 4001);
    return true;
}

static void came_back(struct browser *b, unsigned re) {
    char ok[64];
    snprintf(ok, sizeof ok, "{'ev':'ok','re':%u,'name':'ann',", re);
    browser_read(b); /* hello */
    browser_read(b);
    cr_assert(strstr(b->event, ok), "%s", b->event);
}

Test(return, of_two_that_come_back_at_once_one_stays) {
    struct server *s = server_start(WEB(4));
    struct person ann, twin[2];
    person_enter(&ann, s, "ann");
    struct guest *bob = guest_enter(s, "bob");
    for (unsigned round = 0; round < 6; round++) {
        char text[32];
        if (round % 2 == 0)
            person_lose(&ann);
        for (int i = 0; i < 2; i++) {
            twin[i] = ann;
            twin[i].b = browser_connect(s);
        }
        for (int i = 0; i < 2; i++)
            browser_say(twin[i].b, "{'do':'login','name':'ann','token':'%s','since':'%s','re':%u}",
                        ann.token, ann.since, 2 + round);
        for (int i = 0; i < 2; i++)
            came_back(twin[i].b, 2 + round);
        snprintf(text, sizeof text, "round %u", round);
        guest_say(bob, "%s", text);
        guest_expect(bob, "bob: %s", text);
        bool gone = superseded(twin[0].b, text);
        cr_assert_neq(superseded(twin[1].b, text), gone, "both, or none");
        ann = twin[gone ? 1 : 0];
        person_seen(&ann);
    }
    server_stop(s);
}

/* ---- much was missed ---- */

enum { MISSED = 600, MISSED_BYTES = 900 };
#define SMALL_RING(workers) WEB(workers) "ring_size = 64K\nline_max = 4096\n"

static void say_missed(struct guest *bob, int n, int bytes) {
    char filler[4096];
    memset(filler, 'x', (size_t)bytes);
    filler[bytes] = '\0';
    guest_say(bob, "%06d %s", n, filler);
    guest_until(bob, "bob: %06d %s", n, filler);
}

/* The number of bob's line; -1: another event. */
static int missed_number(const char *event) {
    const char *at = event ? strstr(event, "'who':'bob','text':'") : NULL;
    int n = -1;
    return at && sscanf(at + 20, "%6d x", &n) == 1 ? n : -1;
}

/* `skipped`, and the rest: none is missing in between. */
static void sees_the_rest(struct person *p, int from, int upto) {
    unsigned skipped = 0;
    browser_read(p->b);
    cr_assert(sscanf(p->b->event, "{'ev':'skipped','n':%u}", &skipped) == 1, "%s", p->b->event);
    cr_assert_gt(skipped, 0);
    for (int n = from + (int)skipped; n < upto; n++) {
        browser_read(p->b);
        cr_assert_eq(missed_number(p->b->event), n, "instead of %d: %.80s", n, p->b->event);
    }
    cr_assert_lt(from + (int)skipped, upto, "nothing is left");
}

static void away_for_longer_than_the_ring_lasts(struct server *s) {
    struct person ann;
    struct guest *bob = person_meets_bob(&ann, s);
    person_lose(&ann);
    for (int n = 0; n < MISSED; n++)
        say_missed(bob, n, MISSED_BYTES);
    person_come_back(&ann, 2, 1);
    sees_the_rest(&ann, 0, MISSED);
    say_missed(bob, MISSED, 1);
    browser_read(ann.b);
    cr_expect_eq(missed_number(ann.b->event), MISSED, "%s", ann.b->event);
}

Test(return, lines_that_are_overwritten_are_counted) {
    struct server *s = server_start(SMALL_RING(2));
    away_for_longer_than_the_ring_lasts(s);
    server_stop(s);
}

Test(return, an_away_person_is_not_too_slow) {
    struct server *s = server_start(SMALL_RING(2) "slow_client = disconnect\n");
    away_for_longer_than_the_ring_lasts(s);
    cr_expect_eq(server_log_count(s, "too slow"), 0);
    server_stop(s);
}

Test(return, a_browser_that_was_too_slow_has_its_place) {
    struct server *s = server_start(SMALL_RING(2) "slow_client = disconnect\n");
    struct person ann;
    person_enter(&ann, s, "ann", .receive_buffer = 4096);
    struct guest *bob = guest_enter(s, "bob");
    browser_expect(ann.b, "{'ev':'join','who':'bob'}");
    person_seen(&ann);
    int said = 0;
    while (server_log_count(s, "its place is kept") == 0)
        say_missed(bob, said++, 3900);
    server_logged(s, "client %s disconnected: too slow; its place is kept", ann.b->endpoint);
    browser_close(ann.b);
    ann.how.receive_buffer = 0;
    person_come_back(&ann, 2, 1);
    sees_the_rest(&ann, 0, said);
    guest_say(bob, "faster now");
    guest_expect(bob, "bob: faster now");
    person_hears(&ann, "bob", "faster now");
    server_stop(s);
}

/* ---- from another address ---- */

#define PROXIED WEB(2) "proxy_from = 127.0.0.5\nmax_clients_per_address = 2\n"

static void loses_the_former(struct server *s, struct person *ann) {
    server_logged(s, "client 192.0.2.7:");
    person_reset(ann);
    const char *line = server_logged(s, "; its place is kept");
    cr_expect(strstr(line, "client 192.0.2.7:"), "%s", line);
}

/* Everything that looks at addresses looks at the new one. */
static void is_at_the_new_address(struct server *s, struct person *ann, struct guest *bob) {
    cr_expect(strstr(ctl_ok(s, "who")->out, "192.0.2.8"), "%s", ctl_ok(s, "who")->out);
    cr_expect_not(strstr(ctl_ok(s, "who")->out, "192.0.2.7"));
    ctl_ok(s, "ban", "192.0.2.7");
    guest_say(bob, "here");
    browser_until(ann->b, "{'ev':'say','who':'bob','text':'here'}");
    guest_expect(bob, "bob: here");
    ctl_ok(s, "ban", "192.0.2.8");
    guest_expect(bob, "ann has left the room.");
    browser_read(ann->b);
    cr_expect(strstr(ann->b->event, "'code':'banned'"), "%s", ann->b->event);
    browser_expect_end(ann->b, 1008);
}

Test(return, by_x_forwarded_for_from_another_address) {
    struct server *s = ctl_server(PROXIED);
    struct person ann;
    person_enter(&ann, s, "ann", .from = "127.0.0.5", .fields = "X-Forwarded-For: 192.0.2.7\r\n");
    struct guest *bob = guest_enter(s, "bob");
    loses_the_former(s, &ann);
    ann.how.fields = "X-Forwarded-For: 192.0.2.8\r\n";
    person_come_back(&ann, 2, 1);
    server_logged(s, "client 192.0.2.8:");
    is_at_the_new_address(s, &ann, bob);
    server_stop(s);
}

Test(return, by_a_proxy_header_from_another_address) {
    struct server *s = ctl_server(PROXIED);
    struct person ann;
    person_enter(&ann, s, "ann", .from = "127.0.0.5",
                 .before = "PROXY TCP4 192.0.2.7 192.0.2.2 4711 80\r\n");
    struct guest *bob = guest_enter(s, "bob");
    loses_the_former(s, &ann);
    ann.how.before = "PROXY TCP4 192.0.2.8 192.0.2.2 4712 80\r\n";
    person_come_back(&ann, 2, 1);
    server_logged(s, "client 192.0.2.8:4712 is ann");
    is_at_the_new_address(s, &ann, bob);
    server_stop(s);
}

static void refused_at_address(struct server *s, const char *from) {
    struct browser *b = browser_connect_as(s, .from = from);
    browser_read(b); /* hello */
    browser_say(b, "{'do':'login','name':'eve'}");
    browser_read(b);
    cr_expect(strstr(b->event, "'code':'address'"), "%s", b->event);
    browser_expect_end(b, 1013);
}

/* The former address has a place free again, the new one has none. */
Test(return, the_limit_of_an_address_counts_where_it_is) {
    struct server *s = server_start(WEB(2) "max_clients_per_address = 1\n");
    struct person ann;
    person_enter(&ann, s, "ann", .from = "127.0.0.66");
    person_lose(&ann);
    refused_at_address(s, "127.0.0.66");
    ann.how.from = "127.0.0.67";
    person_come_back(&ann, 2, 1);
    refused_at_address(s, "127.0.0.67");
    browser_enter_at(HERE, s, "joe", (struct browser_how){.from = "127.0.0.66"});
    server_stop(s);
}

/* ---- as the operator sees it ---- */

Test(return, an_operator_sees_who_is_away_and_what_is_a_bot) {
    struct server *s = ctl_server(WEB(2));
    struct person ann;
    person_enter(&ann, s, "ann");
    struct browser *bot = browser_connect(s);
    browser_say(bot, "{'do':'login','name':'weather','bot':true}");
    browser_until(bot, "{'ev':'join','who':'weather'}");
    person_lose(&ann);
    const char *who = ctl_ok(s, "who")->out;
    const char *first = strstr(who, "ann "), *second = strstr(who, "weather ");
    cr_assert(first && second, "%s", who);
    cr_expect(strstr(first, " away\n") && strstr(first, " away\n") < second, "%s", who);
    cr_expect(strstr(second, " bot\n"), "%s", who);
    cr_expect(strstr(ctl_ok(s, "--json", "who")->out, "\"bot\":false,\"away\":true"), "%s",
              ctl_ok(s, "--json", "who")->out);
    server_stop(s);
}
