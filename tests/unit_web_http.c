/* unit_web_http.c - what web listeners want of a request besides: the fields of a WebSocket, the
 * Origin, X-Forwarded-For; and the page's two places in the segment. */
#include "ipc/address.h"
#include "ipc/web_page.h"
#include "worker/protocol/forwarded.h"
#include "worker/protocol/http.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(web_request, .timeout = 60);

static struct http h;
static uint8_t kept[HTTP_KEPT_MAX];
static uint16_t kept_len;

/* A byte at a time. */
static struct http_request read_in(const char *fields) {
    char bytes[2048];
    size_t n =
        (size_t)snprintf(bytes, sizeof bytes, "GET /chat HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    memset(&h, 0, sizeof h);
    kept_len = 0;
    for (size_t i = 0; i < n; i++)
        http_read(&h, kept, &kept_len, (const uint8_t *)bytes + i, 1);
    cr_assert_eq(h.state, HTTP_COMPLETE, "%s", fields);
    return http_request(&h, kept, kept_len);
}

Test(web_request, fields_of_a_web_socket) {
    struct http_request q = read_in("SEC-WebSocket-Key:\t abc= \r\nsec-websocket-version: 13 \r\n"
                                    "UPGRADE: h2c,\tWebSocket \r\nConnection: close\r\n"
                                    "Origin: https://x\t\r\nConnection:keep-alive ,upgrade\r\n");
    cr_expect(q.upgrades);
    cr_expect(q.version13);
    cr_assert_eq(q.key_len, 4);
    cr_expect_arr_eq(q.key, "abc=", 4);
    cr_assert_eq(q.origin_len, 9);
    cr_expect_arr_eq(q.origin, "https://x", 9);
    cr_expect_eq(q.host_len, 1);
}

Test(web_request, what_does_not_upgrade) {
    static const char *const fields[] = {
        "",
        "Upgrade: websocket\r\n",
        "Connection: upgrade\r\n",
        "Upgrade: websockets\r\nConnection: upgrade\r\n",
        "Upgrade: websocket/13\r\nConnection: upgrade\r\n",
        "Upgrade: web socket\r\nConnection: upgrade\r\n",
        "Upgrade: \r\nConnection: upgrade\r\n",
        "Upgrade: ,,\r\nConnection: ,\r\n",
        "X-Upgrade: websocket\r\nConnection: upgrade\r\n",
        "Upgrade: websocket\r\nConnection: upgraded, xupgrade\r\n",
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        cr_expect_not(read_in(fields[i]).upgrades, "%s", fields[i]);
    cr_expect_not(read_in("Sec-WebSocket-Version: 1\r\n").version13);
    cr_expect_not(read_in("Sec-WebSocket-Version: 013\r\n").version13);
    cr_expect_not(read_in("Sec-WebSocket-Version: 13, 8\r\n").version13);
    cr_expect_null(read_in("").key);
    cr_expect_null(read_in("").origin);
    cr_expect_eq(read_in("Origin:\r\n").origin_len, 0);
}

Test(web_request, an_origin_is_the_same) {
    static const struct {
        const char *origin, *host;
        bool same;
    } pairs[] = {
        {"http://a.b", "a.b", true},
        {"http://a.b", "A.B", true},
        {"http://a.b:80", "a.b", true},
        {"http://a.b", "a.b:80", true},
        {"https://a.b", "a.b:443", true},
        {"https://a.b:443", "a.b", true},
        {"https://a.b:8443", "a.b:8443", true},
        {"http://[::1]:8080", "[::1]:8080", true},
        {"http://127.0.0.1:1", "127.0.0.1:1", true},
        {"http://a.b", "a.b:443", false},
        {"https://a.b", "a.b:80", false},
        {"https://a.b:80", "a.b:443", false},
        {"http://a.b:8080", "a.b", false},
        {"http://a.b", "a.b:8080", false},
        {"http://a.b", "a.bc", false},
        {"http://a.b.c", "a.b", false},
        {"http://x@a.b", "a.b", false},
        {"http://a.b/", "a.b", false},
        {"http://[::2]", "[::1]", false},
        {"http://", "", false},
        {"null", "a.b", false},
        {"", "a.b", false},
        {"ws://a.b", "a.b", false},
        {"file://a.b", "a.b", false},
        {"https:/a.b", "a.b", false},
        {"http://a.b http://a.b", "a.b", false},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        cr_expect_eq(http_same_origin(pairs[i].origin, strlen(pairs[i].origin), pairs[i].host,
                                      strlen(pairs[i].host)),
                     pairs[i].same, "%s %s", pairs[i].origin, pairs[i].host);
}

Test(web_request, lists_are_walked_from_their_end) {
    static const struct {
        const char *list, *from; /* NULL: the list is wrong */
    } lists[] = {
        {"", "10.0.0.1"},
        {" , ,", "10.0.0.1"},
        {"192.0.2.1", "192.0.2.1"},
        {" 192.0.2.1\t", "192.0.2.1"},
        {"192.0.2.1:5555", "192.0.2.1"},
        {"2001:db8::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"junk, 192.0.2.1", "192.0.2.1"},
        {"junk, 192.0.2.1, 10.2.3.4", "192.0.2.1"},
        {"198.51.100.1, 192.0.2.1,10.9.9.9,,10.2.3.4", "192.0.2.1"},
        {"10.1.1.1, 10.1.1.2", "10.1.1.1"},
        {"junk", NULL},
        {"junk, 10.1.1.1", NULL},
        {"unknown", NULL},
        {"192.0.2.1 192.0.2.2", NULL},
        {"192.0.2.256", NULL},
        {"[", NULL},
        {"[]", NULL},
        {":", NULL},
        {"_hidden, 10.1.1.1", NULL},
        {"192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1", NULL},
    };
    struct network trusted;
    cr_assert(network_parse("10.0.0.0/8", &trusted));
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        size_t n = strlen(lists[i].list);
        char *list = malloc(n + !n), text[ADDRESS_TEXT]; /* of its size, for sanitizers */
        struct in6_addr addr;
        bool ipv4, right;
        memcpy(list, lists[i].list, n);
        cr_assert(address_parse("10.0.0.1", &addr, &ipv4));
        right = forwarded_walk(list, n, &trusted, 1, &addr);
        cr_expect_eq(right, lists[i].from != NULL, "%s", lists[i].list);
        if (right && lists[i].from)
            cr_expect_str_eq(address_format(&addr, text), lists[i].from, "%s", lists[i].list);
        cr_assert(address_parse("192.0.2.99", &addr, &ipv4));
        cr_expect(forwarded_walk(list, n, &trusted, 1, &addr), "it is not looked at");
        cr_expect_str_eq(address_format(&addr, text), "192.0.2.99");
        free(list);
    }
}

Test(web_request, lines_of_a_list_last_first) {
    size_t len;
    read_in("X-Forwarded-For: one\r\nX-Forwarded-Fo: no\r\nx-forwarded-for: two \r\n"
            "X-Forwarded-For:\r\n");
    const char *at = http_forwarded(kept, kept_len, NULL, &len);
    cr_assert(at);
    cr_expect_eq(len, 0);
    at = http_forwarded(kept, kept_len, at, &len);
    cr_assert(at);
    cr_expect_eq(len, 3);
    cr_expect_arr_eq(at, "two", 3);
    at = http_forwarded(kept, kept_len, at, &len);
    cr_assert(at);
    cr_expect_arr_eq(at, "one", 3);
    cr_expect_null(http_forwarded(kept, kept_len, at, &len));
    read_in("");
    cr_expect_null(http_forwarded(kept, kept_len, NULL, &len));
}

/* ---- the page ---- */

static struct web_pages pages;

Test(web_request, a_page_stays_until_the_next_but_one) {
    uint8_t first, second, again;
    web_page_publish(&pages, "one", 3, "p1");
    const struct web_page *page = web_page_current(&pages, &first);
    cr_assert_eq(page->len, 3);
    web_page_publish(&pages, "one", 3, "p1");
    web_page_current(&pages, &again);
    cr_expect_eq(again, first, "the same page is not written again");
    web_page_publish(&pages, "seconds", 7, "p2");
    page = web_page_current(&pages, &second);
    cr_expect_arr_eq(page->bytes, "seconds", 7);
    cr_expect_str_eq(page->policy, "p2");
    page = web_page_of(&pages, first);
    cr_assert(page);
    cr_expect_arr_eq(page->bytes, "one", 3);
    web_page_publish(&pages, "one", 3, "p1");
    cr_expect_null(web_page_of(&pages, first));
    cr_assert(web_page_of(&pages, second));
    for (int i = 0; i < 600; i++) /* the byte wraps */
        web_page_publish(&pages, i % 2 ? "odd" : "eve", 3, "p");
    page = web_page_current(&pages, &first);
    cr_expect_eq(web_page_of(&pages, first), page);
    cr_expect_arr_eq(page->bytes, "odd", 3);
}

/* The master died while it wrote the next: the place of the one before is not to be read any more,
 * and the one in effect is whole. */
Test(web_request, a_page_that_is_half_written) {
    uint8_t first, second;
    web_page_publish(&pages, "one", 3, "p");
    web_page_current(&pages, &first);
    web_page_publish(&pages, "two", 3, "p");
    web_page_current(&pages, &second);
    atomic_store(&pages.begun, atomic_load(&pages.version) + 1);
    cr_expect_null(web_page_of(&pages, first));
    const struct web_page *page = web_page_of(&pages, second);
    cr_assert(page);
    cr_expect_arr_eq(page->bytes, "two", 3);
}
