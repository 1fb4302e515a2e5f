/* unit_header.c - the record of a client whose PROXY header is due: what others see of it, and what
 * a successor makes of a header that its predecessor had begun to act on. */
#include "ipc/address.h"
#include "tests/unit_worker.h"
#include "worker/timeouts.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>

#define HEADER "PROXY TCP4 203.0.113.7 192.0.2.1 4711 6666\r\n"

static struct segment seg;
static struct worker worker;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    worker.config.login = 1;
}
TestSuite(header, .init = set_up);

static struct client *by_proxy(int *peer) {
    struct facts facts = unit_facts(&worker, FACT_PROXY);
    facts.flags &= ~(uint32_t)FACT_GREETED;
    return unit_open(&worker, peer, &facts);
}

static struct in6_addr address(const char *text) {
    struct in_addr v4;
    cr_assert_eq(inet_pton(AF_INET, text, &v4), 1);
    return address_mapped(&v4);
}

static bool is_at(struct client *c, const char *endpoint) {
    struct client_view view;
    char text[ENDPOINT_TEXT];
    cr_assert(client_peek(&seg.clients, client_index(&worker, c), &view));
    return strcmp(endpoint_format(&view.addr, view.port, text), endpoint) == 0;
}

Test(header, until_it_is_complete_nobody_sees_an_address) {
    int peer;
    struct client *c = by_proxy(&peer);
    struct in6_addr addr, half = address("203.0.113.7");
    uint16_t port = c->port;
    for (int i = 0; i < 2; i++) { /* a worker dies while it rewrites it */
        cr_assert(is_at(c, "[::]:0"));
        cr_assert_not(client_peek_address(c, &addr));
        cr_assert_not(client_glance(c, i ? &half : &in6addr_loopback, port));
        client_set_address(c, &half, port);
    }
    unit_type(&worker, c, peer, HEADER);
    cr_assert(is_at(c, "203.0.113.7:4711"));
    cr_assert(client_peek_address(c, &addr));
    cr_assert(client_glance(c, &half, 4711));
}

Test(header, what_names_nobody_leaves_the_address) {
    int peer;
    struct client *c = by_proxy(&peer);
    char endpoint[ENDPOINT_TEXT];
    endpoint_format(&c->addr, c->port, endpoint);
    unit_type(&worker, c, peer, "PROXY UNKNOWN\r\n");
    cr_assert(is_at(c, endpoint));
    cr_assert(client_facts(c)->flags & FACT_PROXY);
    cr_assert_not(client_header_due(client_facts(c)));
}

Test(header, nothing_is_said_and_nothing_counts_before_it) {
    int peer;
    struct client *c = by_proxy(&peer);
    cr_assert_eq(worker.members.header_due, 1);
    unit_type(&worker, c, peer, "PROXY TCP4 203.0.113.7 192.0.2.1 47");
    unit_turn(&worker);
    unit_hears(peer, "");
    cr_assert_eq(worker.members.header_due, 1);
    unit_type(&worker, c, peer, "11 6666\r\n");
    unit_turn(&worker);
    cr_assert(strstr(unit_heard(peer), "Welcome to "));
    cr_assert_eq(worker.members.header_due, 0);
    cr_assert_eq(client_facts(c)->header_len, sizeof HEADER - 1);
    cr_assert_eq(client_facts(c)->consumed, sizeof HEADER - 1);
}

/* Its predecessor died behind the sentence: it is not said twice. */
Test(header, a_refusal_is_said_once) {
    int peer, others;
    struct client *other = by_proxy(&others), *c = by_proxy(&peer);
    worker.config.max_clients_per_address = 1;
    unit_type(&worker, other, others, HEADER);
    cr_assert(client_live(other));
    struct change ch;
    struct words words = {0};
    change_begin(&ch, &worker, c);
    change_sentence(&ch, SAY_ADDRESS_FULL, &words);
    cr_assert(change_commit(&ch));
    unit_type(&worker, c, peer, HEADER);
    unit_turn(&worker);
    cr_assert_not(client_live(c));
    unit_hears(peer, "Too many connections from your address.\r\n");
}

Test(header, a_member_that_leaves_before_it_is_not_waited_for) {
    int peer;
    struct client *c = by_proxy(&peer);
    cr_assert(timeouts_possible(&worker));
    member_remove(&worker, c);
    cr_assert_eq(worker.members.header_due, 0);
    worker.config.login_timeout_ms = worker.config.idle_timeout_ms = 0;
    cr_assert_not(timeouts_possible(&worker));
}
