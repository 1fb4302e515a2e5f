/* e2e_proxy.c - clients that come by a proxy: who they are taken for, what the log says, and what
 * becomes of connections whose PROXY header is none. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(proxy_e2e, .timeout = 180);

#define PROXY "127.0.0.9"
#define LOGIN_ROOM SERVER_QUIET(2) "proxy_from = " PROXY "\n"
#define OPEN_ROOM LOGIN_ROOM "login = no\n"
#define V1(address, port) "PROXY TCP4 " address " 198.51.100.1 " #port " 6666\r\n"
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define LOCAL SIGNATURE "\x20\0\0\0"

/* A connection from the proxy. */
static struct guest *by_proxy(struct server *s) {
    return guest_connect_as(s, .from = PROXY);
}

static void greeted(struct guest *g) {
    guest_expect(g, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_expect(g, "%s", told(TOLD_LOG_IN));
    guest_expect(g, "%s", told(TOLD_HOW));
}

/* Logs in behind what was sent. */
static void enters(struct guest *g, const char *name) {
    guest_say(g, "login %s", name);
    guest_until(g, "%s", told1(TOLD_COMES, name));
}

/* ---- whom a header names ---- */

Test(proxy_e2e, version_1_names_the_client) {
    struct server *s = server_start(LOGIN_ROOM);
    struct guest *g = by_proxy(s);
    guest_type(g, V1("203.0.113.7", 4711));
    greeted(g);
    server_logged(s, "client 203.0.113.7:4711 connected via PROXY %s", g->endpoint);
    enters(g, "ann");
    server_logged(s, "client 203.0.113.7:4711 is ann");
    guest_close(g);
    server_logged(s, "client 203.0.113.7:4711 disconnected");
    cr_assert_eq(server_log_count(s, "client " PROXY), 0);
    server_stop(s);
}

Test(proxy_e2e, version_2_names_the_client_and_what_is_behind_it_is_its_own) {
    struct server *s = server_start(LOGIN_ROOM);
    struct guest *g = by_proxy(s);
    guest_type(g, SIGNATURE "\x21\x21\0\x29\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                            "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\xdc\4\x1a\x0a"
                            "\4\0\2xx"
                            "login ann\r\nsay hi\r\n");
    guest_until(g, "%s", told2(TOLD_SPEECH, "ann", "hi"));
    server_logged(s, "client [2001:db8::1]:56324 connected via PROXY %s", g->endpoint);
    server_logged(s, "client [2001:db8::1]:56324 is ann");
    server_stop(s);
}

Test(proxy_e2e, a_header_may_come_byte_by_byte_and_nothing_is_said_before_its_last) {
    static const char header[] = V1("203.0.113.7", 4711);
    struct server *s = server_start(LOGIN_ROOM);
    struct guest *g = by_proxy(s);
    for (size_t i = 0; i < sizeof header - 1; i++) {
        cr_assert_eq(guest_pending(g), 0);
        guest_send(g, header + i, 1);
    }
    greeted(g);
    server_stop(s);
}

Test(proxy_e2e, in_the_open_room_people_are_called_by_the_named_address) {
    struct server *s = server_start(OPEN_ROOM);
    struct guest *ann = guest_connect_as(s, .from = "127.0.0.2"), *g = by_proxy(s);
    guest_until(ann, "%s", told1(TOLD_COMES, "127.0.0.2"));
    guest_type(g, V1("203.0.113.7", 4711) "hello\r\n");
    guest_until(ann, "%s", told1(TOLD_COMES, "203.0.113.7"));
    guest_expect(ann, "hello");
    guest_say(ann, "/msg 203.0.113.7:4711 psst");
    guest_expect(ann, "%s", told2(TOLD_COPY, "203.0.113.7:4711", "psst"));
    char from[96];
    snprintf(from, sizeof from, "%s", told2(TOLD_PRIVATE, ann->endpoint, "psst"));
    guest_until(g, "%s", from);
    guest_say(ann, "/msg %s psst", g->endpoint); /* nobody has the proxy's address */
    guest_expect(ann, "%s", told1(TOLD_NOBODY, g->endpoint));
    guest_close(g);
    guest_expect(ann, "%s", told1(TOLD_GOES, "203.0.113.7"));
    server_stop(s);
}

/* Names that look odd are names: of the proxy itself, of another client, an IPv4 address in IPv6,
 * a port of 0. */
Test(proxy_e2e, odd_addresses_are_addresses) {
    struct server *s = server_start(LOGIN_ROOM);
    struct guest *ann = guest_enter_as(s, "ann", .from = "127.0.0.2");
    static const struct {
        const char *source, *as;
    } odd[] = {{"TCP4 127.0.0.9 127.0.0.1 7 6", "127.0.0.9:7"},
               {"TCP4 127.0.0.1 127.0.0.1 0 6", "127.0.0.1:0"},
               {"TCP4 10.0.0.1 10.0.0.2 65535 6", "10.0.0.1:65535"},
               {"TCP6 ::ffff:192.0.2.1 ::1 5 6", "192.0.2.1:5"},
               {"TCP6 ::1 ::1 5 6", "[::1]:5"},
               {"TCP4 0.0.0.0 0.0.0.0 0 0", "0.0.0.0:0"}};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct guest *g = by_proxy(s);
        guest_say(g, "PROXY %s", odd[i].source);
        greeted(g);
        server_logged(s, "client %s connected via PROXY %s", odd[i].as, g->endpoint);
    }
    struct guest *twin = by_proxy(s);
    const char *port = strchr(ann->endpoint, ':') + 1;
    guest_say(twin, "PROXY TCP4 127.0.0.2 127.0.0.1 %s 6", port);
    greeted(twin);
    enters(twin, "twin");
    guest_say(ann, "/msg twin hi"); /* two of one address are two */
    guest_until(ann, "%s", told2(TOLD_COPY, "twin", "hi"));
    guest_until(twin, "%s", told2(TOLD_PRIVATE, "ann", "hi"));
    server_stop(s);
}

/* ---- health checks ---- */

Test(proxy_e2e, health_checks_are_answered_and_unheard) {
    struct server *s = server_start(OPEN_ROOM);
    struct guest *ann = guest_connect_as(s, .from = "127.0.0.2");
    guest_until(ann, "%s", told1(TOLD_COMES, "127.0.0.2"));
    for (int i = 0; i < 10; i++) {
        struct guest *g = by_proxy(s);
        if (i % 3 == 0)
            guest_type(g, LOCAL);
        else if (i % 3 == 1)
            guest_type(g, "PROXY UNKNOWN\r\n");
        if (i % 3 < 2)
            guest_expect(g, "%s", told1(TOLD_GREETING, "Chatroom"));
        guest_close(g);
    }
    guest_say(ann, "nobody?");
    guest_expect(ann, "nobody?");
    server_signal(s, SIGTERM);
    server_logged(s, ": ended");
    cr_assert_eq(server_log_count(s, PROXY), 0);
    server_ended(s);
}

/* A client that the proxy does not name is one at the proxy's address. */
Test(proxy_e2e, who_is_not_named_may_talk) {
    struct server *s = server_start(LOGIN_ROOM "max_clients_per_address = 1\n");
    struct guest *g = by_proxy(s), *other = by_proxy(s);
    guest_type(g, "PROXY UNKNOWN some thing\r\n");
    greeted(g);
    enters(g, "ann");
    server_logged(s, "client %s is ann", g->endpoint);
    guest_type(other, LOCAL "login bob\r\n");
    guest_until(other, "%s", told1(TOLD_COMES, "bob")); /* the limit is none for the proxy */
    guest_close(g);
    server_logged(s, "client %s disconnected", g->endpoint);
    server_stop(s);
}

/* ---- what is no header ---- */

Test(proxy_e2e, a_wrong_header_is_one_line_in_the_log_and_the_end) {
    static const struct {
        const char *bytes;
        size_t len;
        const char *why;
    } wrong[] = {
        {"hello\r\n", 7, "is missing"}, /* a person at the proxy's host */
        {"\xff\xfd\1", 3, "is missing"},
        {"GET / HTTP/1.1\r\n\r\n", 18, "is missing"},
        {"PROXY TCP4 1.2.3.4\r\nlogin eve\r\n", 31, "has no two IPv4 addresses"},
        {"PROXY TCP9 1.2.3.4 1.2.3.4 1 2\r\nlogin eve\r\n", 43, "is of no protocol that is known"},
        {SIGNATURE "\x31\x11\0\0", 16, "is of no version and command that are known"},
        {SIGNATURE "\x21\x11\xff\xff", 16, "is longer than 1024 bytes"},
    };
    struct server *s = server_start(OPEN_ROOM);
    struct guest *ann = guest_connect_as(s, .from = "127.0.0.2");
    guest_until(ann, "%s", told1(TOLD_COMES, "127.0.0.2"));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct guest *g = by_proxy(s);
        guest_send(g, wrong[i].bytes, wrong[i].len);
        guest_expect_end(g);
        server_logged(s, "client %s disconnected: its PROXY header %s", g->endpoint, wrong[i].why);
        cr_assert_eq(server_log_count(s, g->endpoint), 1, "%s", g->endpoint);
    }
    guest_say(ann, "nobody?");
    guest_expect(ann, "nobody?");
    server_stop(s);
}

Test(proxy_e2e, a_header_that_does_not_come_is_the_end) {
    struct server *s = server_start(LOGIN_ROOM "login_timeout = 1s\n");
    struct guest *silent = by_proxy(s), *half = by_proxy(s), *cut = by_proxy(s);
    guest_type(half, "PROXY TCP4 1.2.3.4 ");
    guest_type(cut, "PROXY TCP4 1.2.3.4 ");
    guest_close(cut);
    server_logged(s, "client %s disconnected: its PROXY header is cut off", cut->endpoint);
    guest_expect_end(silent);
    guest_expect_end(half);
    server_logged(s, "client %s disconnected: its PROXY header did not come in time",
                  silent->endpoint);
    server_logged(s, "client %s disconnected: its PROXY header did not come in time",
                  half->endpoint);
    server_stop(s);
}

Test(proxy_e2e, a_header_does_not_come_for_ever_without_login_timeout) {
    struct server *s = server_start(LOGIN_ROOM "login_timeout = 0\n");
    struct guest *silent = by_proxy(s);
    guest_expect_end(silent);
    server_logged(s, "client %s disconnected: its PROXY header did not come", silent->endpoint);
    server_stop(s);
}

/* ---- elsewhere ---- */

Test(proxy_e2e, from_elsewhere_it_is_text) {
    struct server *s = server_start(LOGIN_ROOM);
    struct guest *g = guest_connect_as(s, .from = "127.0.0.10");
    greeted(g);
    guest_type(g, V1("203.0.113.7", 4711));
    guest_expect(g, "%s", told(TOLD_LOG_IN));
    guest_expect(g, "%s", told(TOLD_HOW));
    enters(g, "eve");
    server_logged(s, "client %s is eve", g->endpoint);
    cr_assert_eq(server_log_count(s, "203.0.113.7"), 0);
    server_stop(s);
}

Test(proxy_e2e, from_elsewhere_it_is_spoken_in_the_open_room) {
    struct server *s = server_start(OPEN_ROOM);
    struct guest *g = guest_connect_as(s, .from = "127.0.0.10");
    guest_type(g, V1("203.0.113.7", 4711));
    guest_until(g, "%s", told1(TOLD_COMES, "127.0.0.10"));
    guest_expect(g, "PROXY TCP4 203.0.113.7 198.51.100.1 4711 6666");
    cr_assert_eq(server_log_count(s, "203.0.113.7"), 0);
    server_stop(s);
}

/* A second header is text, too. */
Test(proxy_e2e, behind_a_header_another_one_is_text) {
    struct server *s = server_start(LOGIN_ROOM);
    struct guest *g = by_proxy(s);
    guest_type(g, V1("203.0.113.7", 4711) V1("192.0.2.66", 1));
    greeted(g);
    guest_expect(g, "%s", told(TOLD_LOG_IN));
    guest_expect(g, "%s", told(TOLD_HOW));
    enters(g, "eve");
    server_logged(s, "client 203.0.113.7:4711 is eve");
    cr_assert_eq(server_log_count(s, "192.0.2.66"), 0);
    server_stop(s);
}

/* ---- other protocols behind it ---- */

static void is_unheard(const char *bytes, size_t len, size_t first, const char *why) {
    struct server *s = server_start(OPEN_ROOM);
    struct guest *ann = guest_connect_as(s, .from = "127.0.0.2"), *g = by_proxy(s);
    guest_until(ann, "%s", told1(TOLD_COMES, "127.0.0.2"));
    guest_send(g, bytes, first);
    if (first < len) {
        guest_expect(g, "%s", told1(TOLD_GREETING, "Chatroom"));
        guest_send(g, bytes + first, len - first);
    }
    guest_expect_end(g);
    server_logged(s, "client 203.0.113.7:4711 disconnected: %s", why);
    guest_say(ann, "nobody?");
    guest_expect(ann, "nobody?");
    server_stop(s);
}
#define is_unheard(literal, first, why) is_unheard(literal, sizeof(literal) - 1, first, why)

static const size_t v1_len = sizeof V1("203.0.113.7", 4711) - 1;

Test(proxy_e2e, a_browser_behind_it_is_unheard) {
    is_unheard(V1("203.0.113.7", 4711) "GET / HTTP/1.1\r\nHost: a\r\n\r\n", v1_len + 27,
               "it speaks HTTP");
}
Test(proxy_e2e, a_browser_behind_it_and_the_greeting_is_unheard) {
    is_unheard(V1("203.0.113.7", 4711) "GET / HTTP/1.1\r\nHost: a\r\n\r\n", v1_len,
               "it speaks HTTP");
}
Test(proxy_e2e, tls_behind_it_is_unheard) {
    is_unheard(V1("203.0.113.7", 4711) "\x16\x03\x01\2\0\1\0\1\xfc\3\3", v1_len + 11,
               "it speaks TLS");
}
Test(proxy_e2e, the_first_byte_of_tls_with_it_and_the_second_later) {
    is_unheard(V1("203.0.113.7", 4711) "\x16\x03\x01\2\0\1\0\1\xfc\3\3", v1_len + 1,
               "it speaks TLS");
}

/* ---- limits ---- */

Test(proxy_e2e, clients_of_an_address_are_counted_by_the_named_one) {
    struct server *s = server_start(LOGIN_ROOM "max_clients_per_address = 2\n");
    struct guest *g[3], *other = by_proxy(s);
    for (int i = 0; i < 3; i++) {
        g[i] = by_proxy(s);
        guest_say(g[i], "PROXY TCP4 203.0.113.7 1.1.1.1 %d 6666", 4711 + i);
        if (i < 2)
            greeted(g[i]);
    }
    guest_expect(g[2], "%s", told(TOLD_ADDRESS_FULL));
    guest_expect_end(g[2]);
    server_logged(s, "client 203.0.113.7:4713 refused: max_clients_per_address, via PROXY %s",
                  g[2]->endpoint);
    guest_type(other, V1("203.0.113.8", 1));
    greeted(other);
    guest_close(g[0]);
    server_logged(s, "client 203.0.113.7:4711 disconnected");
    struct guest *next = by_proxy(s);
    guest_type(next, V1("203.0.113.7", 9));
    greeted(next);
    server_stop(s);
}

/* An IPv6 address counts by its /64, also where a header names it. */
Test(proxy_e2e, a_network_of_ipv6_is_one_address) {
    struct server *s = server_start(LOGIN_ROOM "max_clients_per_address = 2\n");
    for (int i = 0; i < 3; i++) {
        struct guest *g = by_proxy(s);
        guest_say(g, "PROXY TCP6 2001:db8::%d 2001:db8:1::1 5 6666", i + 1);
        if (i < 2)
            greeted(g);
        else
            guest_expect(g, "%s", told(TOLD_ADDRESS_FULL));
    }
    server_stop(s);
}

Test(proxy_e2e, connect_rate_is_the_named_address_own) {
    enum { TRIES = 40 };
    struct server *s =
        server_start("workers = 2\nhistory = 0\nconnect_rate = 1\nconnect_burst = 10\n"
                     "login_timeout = 0\nproxy_from = " PROXY "\n");
    int heard = 0;
    for (int i = 0; i < TRIES; i++) {
        struct guest *g = by_proxy(s);
        guest_say(g, "PROXY TCP4 203.0.113.7 1.1.1.1 %d 6666", i);
        heard += guest_read(g) != NULL;
    }
    cr_assert_geq(heard, 10);
    cr_assert_lt(heard, TRIES - 5);
    struct guest *other = by_proxy(s);
    guest_type(other, V1("203.0.113.8", 1));
    greeted(other);
    server_signal(s, SIGTERM);
    server_logged(s, "client 203.0.113.7: ");
    server_ended(s);
}

/* ---- moderation ---- */

Test(proxy_e2e, a_ban_concerns_the_named_address) {
    struct server *s = ctl_server(LOGIN_ROOM);
    struct guest *in = by_proxy(s), *out = by_proxy(s), *other = by_proxy(s);
    guest_type(in, V1("203.0.113.7", 4711));
    greeted(in);
    ctl_ok(s, "ban", "203.0.113.0/24");
    guest_until(in, "%s", "*** You are banned.");
    guest_expect_end(in);
    guest_type(out, V1("203.0.113.8", 4712)); /* its header was due when the ban came */
    guest_expect(out, "%s", "*** You are banned.");
    guest_expect_end(out);
    server_logged(s, "client 203.0.113.8:4712 refused: banned, via PROXY %s", out->endpoint);
    guest_type(other, V1("203.0.112.7", 1));
    greeted(other);
    ctl_ok(s, "unban", "203.0.113.0/24");
    out = by_proxy(s);
    guest_type(out, V1("203.0.113.8", 4713));
    greeted(out);
    server_stop(s);
}

/* Who bans the proxy bans those that it does not name, and no other. */
Test(proxy_e2e, a_ban_of_the_proxy_concerns_whom_it_does_not_name) {
    struct server *s = ctl_server(LOGIN_ROOM);
    struct guest *g = by_proxy(s), *unknown = by_proxy(s);
    ctl_ok(s, "ban", PROXY);
    guest_type(g, V1("203.0.113.7", 4711));
    greeted(g);
    enters(g, "ann");
    guest_type(unknown, "PROXY UNKNOWN\r\n");
    guest_until(unknown, "%s", "*** You are banned.");
    guest_expect_end(unknown);
    server_stop(s);
}

Test(proxy_e2e, who_is_muted_by_its_address_stays_so_behind_the_header) {
    struct server *s = ctl_server(LOGIN_ROOM);
    struct guest *g = by_proxy(s);
    guest_type(g, V1("203.0.113.7", 4711));
    enters(g, "ann");
    ctl_ok(s, "mute", "ann");
    guest_close(g);
    server_logged(s, "client 203.0.113.7:4711 disconnected");
    g = by_proxy(s);
    guest_type(g, V1("203.0.113.7", 4712) "login bob\r\nhello\r\n");
    guest_until(g, "%s", "You are muted.");
    struct guest *neighbour = by_proxy(s);
    guest_type(neighbour, V1("203.0.113.8", 1) "login cat\r\nhello\r\n");
    guest_until(neighbour, "%s", told2(TOLD_SPEECH, "cat", "hello"));
    server_stop(s);
}

Test(proxy_e2e, a_guest_is_muted_by_the_named_address) {
    struct server *s = ctl_server(OPEN_ROOM);
    struct guest *g = by_proxy(s);
    guest_type(g, V1("203.0.113.7", 4711));
    guest_until(g, "%s", told1(TOLD_COMES, "203.0.113.7"));
    ctl_ok(s, "mute", "203.0.113.7:4711");
    guest_close(g);
    server_logged(s, "client 203.0.113.7:4711 disconnected");
    g = by_proxy(s);
    guest_type(g, V1("203.0.113.7", 4712) "hello\r\n");
    guest_until(g, "%s", "You are muted.");
    struct guest *neighbour = by_proxy(s);
    guest_type(neighbour, V1("203.0.113.8", 1) "hi\r\n");
    guest_until(g, "hi");
    server_stop(s);
}

/* It is alone at the proxy's address, which is no address of its own. */
Test(proxy_e2e, a_mute_of_a_person_whom_the_proxy_does_not_name_is_hers_alone) {
    struct server *s = ctl_server(LOGIN_ROOM);
    struct guest *ann = by_proxy(s), *bob = by_proxy(s);
    guest_type(ann, "PROXY UNKNOWN\r\n");
    enters(ann, "ann");
    ctl_ok(s, "mute", "ann");
    guest_say(ann, "hello");
    guest_expect(ann, "You are muted.");
    guest_type(bob, LOCAL);
    enters(bob, "bob");
    guest_say(bob, "hello");
    guest_expect(bob, "%s", told2(TOLD_SPEECH, "bob", "hello"));
    guest_close(ann);
    guest_until(bob, "%s", told1(TOLD_GOES, "ann"));
    ann = by_proxy(s);
    guest_type(ann, "PROXY UNKNOWN\r\n");
    enters(ann, "ann");
    guest_say(ann, "again");
    guest_expect(ann, "You are muted.");
    server_stop(s);
}

Test(proxy_e2e, a_mute_of_a_guest_whom_the_proxy_does_not_name_is_its_alone) {
    struct server *s = ctl_server(OPEN_ROOM);
    struct guest *g = by_proxy(s), *other = by_proxy(s);
    guest_type(g, "PROXY UNKNOWN\r\n");
    guest_until(g, "%s", told1(TOLD_COMES, PROXY));
    ctl_ok(s, "mute", g->endpoint);
    guest_say(g, "hello");
    guest_expect(g, "You are muted.");
    guest_type(other, LOCAL "hi\r\n");
    guest_until(g, "hi");
    server_stop(s);
}

/* ---- reload ---- */

/* At log_level debug.  A worker that began after the reload would adopt nothing. */
static void both_serve(struct server *s) {
    for (int k = 0; k < 2; k++)
        server_logged(s, "worker %d: serving", k);
}

static void both_adopted(struct server *s, int version) {
    for (int k = 0; k < 2; k++)
        server_logged(s, "worker %d: configuration %d adopted", k, version);
}

Test(proxy_e2e, a_reload_applies_to_new_connections) {
    static const char *const from[] = {"", "proxy_from = 127.0.0.8/30\n", ""};
    struct server *s = server_start(SERVER_QUIET(2) "log_level = debug\n");
    struct guest *old = guest_connect_as(s, .from = PROXY);
    greeted(old);
    both_serve(s);
    for (int i = 0; i < 3; i++) {
        server_configure(s, SERVER_QUIET(2) "log_level = debug\n%s", from[i]);
        server_signal(s, SIGHUP);
        both_adopted(s, 2 + i);
        struct guest *g = by_proxy(s);
        if (*from[i])
            guest_say(g, "PROXY TCP4 203.0.113.7 1.1.1.1 %d 6666", i);
        greeted(g);
        if (*from[i])
            server_logged(s, "client 203.0.113.7:%d connected via PROXY %s", i, g->endpoint);
        else
            server_logged(s, "client %s connected", g->endpoint);
    }
    enters(old, "ann");
    server_stop(s);
}

/* It is still nobody when the room is opened: what it is shown is the open room, once it is
 * somebody. */
Test(proxy_e2e, a_reload_of_login_passes_over_whose_header_is_due) {
    struct server *s = server_start(LOGIN_ROOM "log_level = debug\n");
    struct guest *g = by_proxy(s), *ann = guest_connect_as(s, .from = "127.0.0.2");
    guest_type(g, "PROXY TCP4 203.0.113.7 ");
    greeted(ann);
    both_serve(s);
    server_configure(s, OPEN_ROOM "log_level = debug\n");
    server_signal(s, SIGHUP);
    guest_until(ann, "%s", told1(TOLD_COMES, "127.0.0.2"));
    both_adopted(s, 2);
    guest_say(ann, "hello");
    guest_until(ann, "hello");
    cr_assert_eq(guest_pending(g), 0);
    guest_type(g, "192.0.2.1 4711 6666\r\n");
    guest_until(g, "%s", told1(TOLD_COMES, "203.0.113.7"));
    server_stop(s);
}

/* ---- deaths ---- */

/* Everything that was sent has arrived. */
static void arrived(const struct guest *g) {
    int unsent = 1;
    while (ioctl(g->fd, SIOCOUTQ, &unsent) == 0 && unsent > 0)
        wait_breath();
}

/* The server has done what was sent before. */
static void round_trip(struct guest *witness) {
    guest_say(witness, "x");
    guest_expect(witness, "%s", told(TOLD_LOG_IN));
    guest_expect(witness, "%s", told(TOLD_HOW));
}

static void survives(const char *bytes, size_t len, const char *as) {
    struct server *s = server_start(SERVER_QUIET(1) "proxy_from = " PROXY "\n");
    struct guest *witness = guest_connect_as(s, .from = "127.0.0.2");
    s->workers_may_die = true;
    greeted(witness);
    for (size_t i = 0; i <= len; i++) {
        struct guest *g = by_proxy(s);
        char name[16];
        guest_send(g, bytes, i);
        arrived(g);
        round_trip(witness);
        pid_t pid = server_worker_pid(s, 0);
        kill(pid, SIGKILL);
        round_trip(witness); /* by the successor, which has looked at all others */
        if (i < len)
            cr_assert_eq(guest_pending(g), 0, "at byte %zu", i);
        guest_send(g, bytes + i, len - i);
        greeted(g);
        snprintf(name, sizeof name, "ann%zu", i);
        enters(g, name);
        server_logged(s, "client %s is %s", as, name);
        guest_close(g);
        while (server_worker_pid(s, 0) == pid)
            wait_breath();
    }
    server_stop(s);
}

Test(proxy_e2e, deaths_at_each_byte_of_version_1_change_nothing) {
    survives(V1("1.2.3.4", 5), sizeof V1("1.2.3.4", 5) - 1, "1.2.3.4:5");
}
Test(proxy_e2e, deaths_at_each_byte_of_version_2_change_nothing) {
    static const char header[] = SIGNATURE "\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\0\x09\0\x0a";
    survives(header, sizeof header - 1, "1.2.3.4:9");
}
