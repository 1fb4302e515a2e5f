/* unit_http_client.c - one request of a connection that speaks HTTP, inside a worker: an answer
 * that its peer does not read, one for which no buffer is free, what comes behind it, its time; and
 * of which kind an orphan is. */
#include "ipc/metrics.h"
#include "tests/unit_worker.h"
#include "worker/command/page.h"
#include "worker/input/http_client.h"
#include "worker/ledger/adopt.h"
#include "worker/ledger/closing.h"
#include "worker/record/check.h"
#include "worker/state/pause.h"
#include "worker/timeouts.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

static struct segment seg;
static struct worker worker;
static int peer;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    for (int i = 0; i < LISTENERS_MAX; i++)
        memset(seg.header->listeners[i].fd, 0xff, sizeof seg.header->listeners[i].fd);
}
TestSuite(http_client, .init = set_up, .timeout = 180);

static const char ask[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

static struct client *scraper(void) {
    struct facts facts = unit_facts(&worker, 0);
    facts.kind = KIND_METRICS;
    return unit_open(&worker, &peer, &facts);
}

static enum http_state state_of(const struct client *c) {
    return page_state(client_facts(c));
}

/* What the loop does when the socket takes bytes again. */
static void unblock(struct client *c) {
    flush_unblock(&worker, c);
    input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
}

Test(http_client, a_request_is_read_answered_and_ended) {
    struct client *c = scraper();
    unit_type(&worker, c, peer, "GET /metrics HT");
    cr_assert_eq(state_of(c), HTTP_READING);
    cr_assert_gt(client_facts(c)->line_len, 0, "what is kept is committed");
    unit_type(&worker, c, peer, "TP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(state_of(c), HTTP_ENDED);
    const char *heard = unit_heard(peer);
    cr_assert(strncmp(heard, "HTTP/1.1 200 OK\r\n", 17) == 0, "%.60s", heard);
    cr_assert(strstr(heard, "\nchatroom_people 0\n"));
    cr_assert_eq(recv(peer, (char[1]){0}, 1, MSG_DONTWAIT), 0, "our FIN");
    cr_assert_eq(unit_buffers(&worker, c), 0);
    cr_assert_eq(client_facts(c)->rx, NO_BUFFER);
    cr_assert(client_live(c), "until its own");
    shutdown(peer, SHUT_WR);
    worker.interest.readable[client_index(&worker, c)] = 1;
    fd_queue_push(&worker.ready, client_index(&worker, c));
    input_read(&worker, 1, segment_now(&seg) + 60000);
    cr_assert(!client_live(c));
    closing_stage(&worker);
    cr_assert_eq(worker.members.count, 0);
}

Test(http_client, an_answer_that_is_not_read_waits_and_is_whole) {
    struct client *c = scraper();
    uint32_t fd = client_index(&worker, c);
    static char all[METRICS_MAX];
    int small = 1;
    size_t len = 0;
    atomic_store(&seg.header->slots_used, WORKERS_MAX);
    setsockopt((int)fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    unit_type(&worker, c, peer, ask);
    cr_assert_eq(state_of(c), HTTP_ANSWERED);
    cr_assert_eq(c->mode, MODE_BLOCKED);
    cr_assert(pause_has(&worker, fd, PAUSE_OUTPUT));
    for (int turns = 0; state_of(c) == HTTP_ANSWERED && turns < 1000; turns++) {
        const char *heard = unit_heard(peer);
        memcpy(all + len, heard, strlen(heard));
        len += strlen(heard);
        unblock(c);
    }
    cr_assert_eq(state_of(c), HTTP_ENDED);
    len += strlen(strcpy(all + len, unit_heard(peer)));
    const char *body = strstr(all, "\r\n\r\n"), *length = strstr(all, "Content-Length: ");
    cr_assert(body && length);
    cr_assert_eq(strlen(body + 4), strtoul(length + 16, NULL, 10));
    cr_assert_gt(len, 20000);
    cr_assert_eq(unit_buffers(&worker, c), 0);
}

Test(http_client, without_a_free_buffer_the_request_waits) {
    struct client *c = scraper();
    uint32_t fd = client_index(&worker, c);
    unit_take_buffers(&worker);
    unit_type(&worker, c, peer, ask);
    cr_assert_eq(state_of(c), HTTP_READING);
    cr_assert(pause_has(&worker, fd, PAUSE_BUFFERS));
    unit_hears(peer, "");
    unit_give_buffers(&worker);
    pause_end(&worker, c, PAUSE_BUFFERS);
    input_read(&worker, worker.ready.count, segment_now(&seg) + 60000);
    cr_assert_eq(state_of(c), HTTP_ENDED);
    cr_assert(strstr(unit_heard(peer), "chatroom_people"));
}

Test(http_client, what_follows_a_request_is_dropped_and_bounded) {
    struct client *c = scraper();
    static char more[RX_RAW + 1];
    memset(more, 'x', RX_RAW);
    unit_type(&worker, c, peer, ask);
    unit_heard(peer);
    int parts = 0;
    for (; client_live(c) && parts < 1000; parts++)
        unit_type(&worker, c, peer, more);
    cr_assert_eq(parts, HTTP_DROP_MAX / RX_RAW + 1);
    unit_hears(peer, "");
}

Test(http_client, its_time_is_bounded_in_each_state) {
    struct client *c = scraper();
    unit_type(&worker, c, peer, "GET /met");
    cr_assert_eq(http_client_limit(&worker.config, client_facts(c)), HTTP_HEAD_MS);
    http_client_overdue(&worker, c);
    cr_assert(strncmp(unit_heard(peer), "HTTP/1.1 408 Request Timeout\r\n", 30) == 0);
    cr_assert_eq(state_of(c), HTTP_ENDED);
    cr_assert_eq(http_client_limit(&worker.config, client_facts(c)), HTTP_END_MS);
    http_client_overdue(&worker, c);
    cr_assert(!client_live(c));
}

Test(http_client, a_person_is_not_counted_by_it) {
    int other;
    scraper();
    unit_client(&worker, &other);
    cr_assert_eq(segment_connections(&seg), 1);
}

/* Its kind is in TCP_KEEPINTVL. */
static int orphan(int between, int *to) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int from = socket(AF_INET, SOCK_STREAM, 0), idle = SLOT_TAG + 3;
    socklen_t len = sizeof at;
    setsockopt(from, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(from, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between);
    cr_assert_eq(bind(from, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(listen(from, 5), 0);
    cr_assert_eq(getsockname(from, (struct sockaddr *)&at, &len), 0);
    *to = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(*to, (struct sockaddr *)&at, sizeof at), 0);
    int fd = accept(from, NULL, NULL);
    close(from);
    return fd;
}

Test(http_client, an_orphan_is_of_its_listeners_kind) {
    int metrics, telnet, web;
    seg.header->geometry.max_clients = UNIT_CLIENTS / 2;
    int a = orphan(KIND_TAG - KIND_METRICS, &metrics), b = orphan(KIND_TAG - KIND_TELNET, &telnet),
        c = orphan(KIND_TAG - KIND_WEB, &web);
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(client_kind(&seg.clients.at[a]), KIND_METRICS);
    cr_assert_eq(client_kind(&seg.clients.at[b]), KIND_TELNET);
    cr_assert_eq(client_kind(&seg.clients.at[c]), KIND_WEB);
    unit_hears(metrics, "");
    unit_hears(web, "");
    cr_assert(strstr(unit_heard(telnet), "Welcome"));
    cr_assert_eq(segment_connections(&seg), 2);
}

/* ---- of a browser ---- */

static struct client *browser(void) {
    struct facts facts = unit_facts(&worker, 0);
    facts.kind = KIND_WEB;
    return unit_open(&worker, &peer, &facts);
}

static const char get[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/* Only its head takes a buffer, and none once it is sent. */
Test(http_client, a_page_that_is_not_read_takes_no_buffers_and_is_whole) {
    static char all[4 * WEB_PAGE_MAX];
    struct client *c = browser();
    uint32_t fd = client_index(&worker, c);
    size_t len = 0;
    int small = 1;
    static char page[WEB_PAGE_MAX];
    for (size_t i = 0; i < sizeof page; i++)
        page[i] = (char)('a' + i % 23);
    web_page_publish(seg.pages, page, sizeof page, "default-src 'none'");
    setsockopt((int)fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    unit_type(&worker, c, peer, get);
    cr_assert_eq(state_of(c), HTTP_PAGE);
    cr_assert_eq(c->mode, MODE_BLOCKED);
    cr_assert_leq(unit_buffers(&worker, c), 1);
    cr_assert_null(record_check(&seg, c));
    for (int turns = 0; state_of(c) == HTTP_PAGE && turns < 1000; turns++) {
        const char *heard = unit_heard(peer);
        memcpy(all + len, heard, strlen(heard));
        len += strlen(heard);
        unblock(c);
        cr_assert_null(record_check(&seg, c));
    }
    cr_assert_eq(state_of(c), HTTP_ENDED);
    len += strlen(strcpy(all + len, unit_heard(peer)));
    const char *body = strstr(all, "\r\n\r\n") + 4;
    cr_assert_eq(len - (size_t)(body - all), sizeof page);
    cr_assert(memcmp(body, page, sizeof page) == 0);
    cr_assert_eq(unit_buffers(&worker, c), 0);
}

/* Bytes of two pages are never mixed: the one under way stays its own, or ends. */
Test(http_client, a_page_that_is_replaced_meanwhile) {
    struct client *c = browser();
    int small = 1;
    static char page[WEB_PAGE_MAX];
    memset(page, 'a', sizeof page);
    web_page_publish(seg.pages, page, sizeof page, "");
    setsockopt((int)client_index(&worker, c), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    unit_type(&worker, c, peer, get);
    cr_assert_eq(state_of(c), HTTP_PAGE);
    unit_heard(peer);
    memset(page, 'b', sizeof page);
    web_page_publish(seg.pages, page, sizeof page, "");
    unblock(c);
    cr_assert(client_live(c));
    const char *heard = unit_heard(peer);
    cr_assert_eq(strspn(heard, "a"), strlen(heard));
    memset(page, 'c', sizeof page);
    web_page_publish(seg.pages, page, sizeof page, "");
    unblock(c);
    cr_assert(!client_live(c));
    heard = unit_heard(peer);
    cr_assert_eq(strspn(heard, "a"), strlen(heard));
}

Test(http_client, its_head_has_as_long_as_a_login) {
    struct client *c = browser();
    worker.config.login_timeout_ms = 77000;
    unit_type(&worker, c, peer, "GET /");
    cr_assert_eq(http_client_limit(&worker.config, client_facts(c)), 77000);
    worker.config.login_timeout_ms = 0;
    cr_assert_eq(http_client_limit(&worker.config, client_facts(c)), HTTP_HEAD_MS);
    cr_assert(timeouts_possible(&worker), "nothing else is bounded in time");
}

Test(http_client, a_browser_counts_as_a_connection_and_is_a_person_when_upgraded) {
    struct client *c = browser();
    cr_assert_eq(segment_connections(&seg), 1);
    cr_assert_eq(worker.members.asking, 1);
    cr_assert_not(client_is_person(client_facts(c)));
    cr_assert_not(client_peek_person(c));
    unit_type(&worker, c, peer,
              "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    cr_assert(client_is_person(client_facts(c)));
    cr_assert(client_peek_person(c));
    cr_assert_eq(worker.members.asking, 0);
    flush_reply_pending(&worker);
    cr_assert(strncmp(unit_heard(peer), "HTTP/1.1 101 ", 13) == 0);
}
