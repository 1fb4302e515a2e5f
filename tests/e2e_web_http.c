/* e2e_web_http.c - a web listener before there is a WebSocket: the page, what is refused and as
 * what, where a request comes from, and that peers of that port, however they behave, disturb none
 * in the room. */
#include "ipc/page_html.h"
#include "tests/lib/browser.h"
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/http.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(web_http, .timeout = 180);

#define WEB(workers) SERVER_QUIET(workers) "web = 127.0.0.1:0\n"
#define HOST "Host: localhost\r\n"
#define PAGE "GET / HTTP/1.1\r\n" HOST
#define UPGRADE                                                                                    \
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"       \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define CHAT "GET /chat HTTP/1.1\r\n" HOST UPGRADE
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" /* RFC 6455 1.3 */

/* The whole page, as it lies in the binary. */
static void page_came_at(struct where where, const struct http_got *got) {
    if (got->status != 200 || got->body_len != page_html_len ||
        memcmp(got->body, page_html, page_html_len) != 0)
        fail_at(where, "no page: %d, %zu bytes", got->status, got->body_len);
}
#define page_came(got) page_came_at(HERE, got)

Test(web_http, the_page_is_served_whole) {
    struct server *s = server_start(WEB(2));
    uint16_t port = browser_port(s);
    char policy[700];
    struct http_got got = http_ask(port, PAGE "\r\n");
    page_came(&got);
    cr_expect_eq(got.content_length, page_html_len);
    snprintf(policy, sizeof policy, "\r\nContent-Security-Policy: %s\r\n", page_csp);
    const char *fields[] = {policy,
                            "\r\nContent-Type: text/html; charset=utf-8\r\n",
                            "\r\nX-Content-Type-Options: nosniff\r\n",
                            "\r\nReferrer-Policy: no-referrer\r\n",
                            "\r\nX-Frame-Options: DENY\r\n",
                            "\r\nCache-Control: no-cache\r\n",
                            "\r\nConnection: close\r\n"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        cr_expect(strstr(got.text, fields[i]), "%s", fields[i]);
    got = http_ask(port, "HEAD /?x HTTP/1.1\r\n" HOST "\r\n");
    cr_expect_eq(got.status, 200);
    cr_expect_eq(got.content_length, page_html_len);
    cr_expect_eq(got.body_len, 0);
    server_stop(s);
}

Test(web_http, a_web_socket_begins) {
    struct server *s = server_start(WEB(2));
    int fd = http_connect(browser_port(s));
    http_send_text(fd, CHAT "Origin: http://localhost\r\n\r\n");
    struct http_got got = http_read_head(fd);
    cr_expect_eq(got.status, 101);
    cr_expect(strstr(got.text, "\r\n" ACCEPT), "%s", got.text);
    cr_expect(strstr(got.text, "\r\nUpgrade: websocket\r\n"));
    cr_expect(strstr(got.text, "\r\nConnection: Upgrade\r\n"));
    cr_expect_not(strstr(got.text, "Sec-WebSocket-Extensions"));
    server_logged(s, " connected");
    close(fd);
    server_logged(s, " disconnected");
    server_stop(s);
}

static const struct {
    const char *bytes;
    int status;
    const char *field; /* NULL: none is looked for */
} asked[] = {
    {PAGE "\r\n", 200, NULL},
    {"GET /?a=b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n", 200, NULL},
    {"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200, NULL},
    {"GET / HTTP/1.1\r\nHost: LOCALHOST\r\n\r\n", 200, NULL},
    {"GET / HTTP/1.1\r\nHost: chat.example.org\r\n\r\n", 200, NULL},
    {"GET / HTTP/1.1\r\nHost: Chat.Example.ORG:8443\r\n\r\n", 200, NULL},
    {"GET / HTTP/1.0\r\n" HOST "\r\n", 200, NULL},
    {"GET / HTTP/1.0\r\n\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\n\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 421, NULL},
    {"GET / HTTP/1.1\r\nHost: chat.example.org.evil.example\r\n\r\n", 421, NULL},
    {"GET / HTTP/1.1\r\nHost: intranet\r\n\r\n", 421, NULL},
    {"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421, NULL},
    {"GET /nothing HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"GET /metrics HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"GET /favicon.ico HTTP/1.1\r\n" HOST "\r\n", 404, NULL},
    {"GET /chat/ HTTP/1.1\r\n" HOST UPGRADE "\r\n", 404, NULL},
    {"POST / HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET, HEAD\r\n"},
    {"POST /chat HTTP/1.1\r\n" HOST UPGRADE "\r\n", 405, NULL},
    {"OPTIONS / HTTP/1.1\r\n" HOST "\r\n", 405, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nlogin ann", 400, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL},
    /* another page's */
    {PAGE "Origin: http://evil.example\r\n\r\n", 403, NULL},
    {PAGE "Origin: null\r\n\r\n", 403, NULL},
    {PAGE "Origin:\r\n\r\n", 403, NULL},
    {PAGE "Origin: http://localhost:81\r\n\r\n", 403, NULL},
    {PAGE "Origin: http://localhost/\r\n\r\n", 403, NULL},
    {PAGE "Origin: file://\r\n\r\n", 403, NULL},
    {PAGE "Origin: http://127.0.0.1\r\n\r\n", 403, NULL},
    {CHAT "Origin: http://evil.example\r\n\r\n", 403, NULL},
    {CHAT "Origin: https://localhost.evil.example\r\n\r\n", 403, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n", 403, NULL},
    {"GET / HTTP/1.1\r\nHost: x.example\r\nOrigin: http://x.example\r\n\r\n", 421, NULL},
    {PAGE "Origin: http://localhost\r\n\r\n", 200, NULL},
    {PAGE "Origin: http://localhost:80\r\n\r\n", 200, NULL},
    {"GET / HTTP/1.1\r\nHost: localhost:8080\r\nOrigin: http://localhost:8080\r\n\r\n", 200, NULL},
    {"GET / HTTP/1.1\r\nHost: chat.example.org\r\nOrigin: https://chat.example.org\r\n\r\n", 200,
     NULL},
    /* a WebSocket that is none */
    {"GET /chat HTTP/1.1\r\n" HOST "\r\n", 426, "\r\nUpgrade: websocket\r\n"},
    {"HEAD /chat HTTP/1.1\r\n" HOST UPGRADE "\r\n", 426, NULL},
    {"GET /chat HTTP/1.0\r\n" HOST UPGRADE "\r\n", 426, NULL},
    {"GET /chat HTTP/1.1\r\n" HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 426, NULL},
    {"GET /chat HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: close\r\n\r\n", 426, NULL},
    {"GET /chat HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     426, "\r\nSec-WebSocket-Version: 13\r\n"},
    {"GET /chat HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Version: 13\r\n\r\n",
     400, NULL},
    {"GET /chat HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n\r\n",
     400, NULL},
    {"GET /chat HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: not base64 at all!!!!!!==\r\n\r\n",
     400, NULL},
    /* twice */
    {CHAT "Sec-WebSocket-Version: 13\r\n\r\n", 400, NULL},
    {CHAT "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400, NULL},
    {PAGE "host: localhost\r\n\r\n", 400, NULL},
    {PAGE "Origin: http://localhost\r\norigin: http://localhost\r\n\r\n", 400, NULL},
    /* form */
    {"GET / HTTP/1.1\r\n" HOST " folded: line\r\n\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 400, NULL},
    {"GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400, NULL},
    {"GET / HTTP/2.0\r\n\r\n", 505, NULL},
    {"login ann\r\n", 400, NULL},
    {"\x16\x03\x01\x02", 400, NULL},
    {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" PAGE "\r\n", 400, NULL},
};

Test(web_http, each_request_has_one_answer_and_no_person_hears_of_it) {
    struct server *s = server_start(WEB(2) "web_host = chat.example.org\n");
    struct guest *ann = guest_enter(s, "ann");
    uint16_t port = browser_port(s);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct http_got got = http_ask(port, asked[i].bytes);
        cr_expect_eq(got.status, asked[i].status, "%s: %.60s", asked[i].bytes, got.text);
        bool head = strncmp(asked[i].bytes, "HEAD", 4) == 0;
        cr_expect_eq(got.body_len, head ? 0 : got.content_length, "%s", asked[i].bytes);
        cr_expect_not(got.reset, "%s", asked[i].bytes);
        cr_expect(!asked[i].field || strstr(got.text, asked[i].field), "%s", got.text);
    }
    guest_say(ann, "who");
    guest_expect(ann, "%s", told(TOLD_WHO));
    guest_expect(ann, "ann");
    guest_say(ann, "quiet");
    guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "quiet"));
    server_logged(s, " asked for /nothing: 404 Not Found");
    server_stop(s);
}

/* Also in the open room, where no login stands before a line. */
Test(web_http, nothing_speaks_in_the_open_room) {
    struct server *s = server_start(WEB(1) "login = no\n");
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told1(TOLD_GREETING, "Chatroom"));
    guest_say(g, "here");
    guest_until(g, "here");
    uint16_t port = browser_port(s);
    static const char *const from[] = {
        "POST / HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\nContent-Length: 5\r\n\r\nspam\n",
        "spam\r\n", PAGE "\r\nspam\r\n", CHAT "Origin: http://evil.example\r\n\r\nspam\r\n"};
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++)
        http_ask(port, from[i]);
    guest_say(g, "alone");
    guest_expect(g, "alone");
    server_stop(s);
}

Test(web_http, fields_are_counted) {
    static char bytes[16384];
    struct server *s = server_start(WEB(1));
    uint16_t port = browser_port(s);
    for (int fields = 64; fields <= 65; fields++) {
        char *at = stpcpy(bytes, PAGE);
        for (int i = 1; i < fields; i++)
            at = stpcpy(at, "X: y\r\n");
        strcpy(at, "\r\n");
        cr_expect_eq(http_ask(port, bytes).status, fields == 64 ? 200 : 431, "%d", fields);
    }
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, PAGE "Cookie: ", sizeof PAGE "Cookie: " - 1);
    memcpy(bytes + 8192 - 4, "\r\n\r\n", 5); /* 8 KB in all */
    struct http_got got = http_ask(port, bytes);
    page_came(&got);
    bytes[8192 - 4] = 'x';
    memcpy(bytes + 8192 - 3, "\r\n\r\n", 5);
    cr_expect_eq(http_ask(port, bytes).status, 431);
    server_stop(s);
}

Test(web_http, a_header_a_byte_at_a_time_survives_its_workers) {
    static const char request[] = CHAT "Origin: http://localhost\r\n\r\n";
    struct server *s = server_start(WEB(1) "login_timeout = 0\n");
    int fd = http_connect(browser_port(s)), nodelay = 1;
    s->workers_may_die = true;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
    for (size_t i = 0; i < sizeof request - 1; i++) {
        http_send(fd, request + i, 1);
        if (i % 37 == 0)
            kill(server_worker_pid(s, 0), SIGKILL);
        usleep(500);
    }
    struct http_got got = http_read_head(fd);
    cr_expect_eq(got.status, 101);
    cr_expect(strstr(got.text, ACCEPT), "%s", got.text);
    close(fd);
    server_stop(s);
}

Test(web_http, a_head_has_as_long_as_a_login) {
    struct server *s = server_start(WEB(1) "login_timeout = 1s\n");
    int fd = http_connect(browser_port(s));
    http_send_text(fd, "GET / HT");
    cr_expect_eq(http_read_all(fd).status, 408);
    server_logged(s, " asked for nothing: 408 Request Timeout");
    server_stop(s);
}

/* ---- the page's bytes ---- */

enum { SLOW = 300 };

/* The page takes no buffers: however many load it and do not read, telnet clients are answered. */
Test(web_http, many_that_load_the_page_slowly_disturb_none) {
    static int fd[SLOW];
    struct server *s = server_start(WEB(2) "max_clients = 400\n");
    uint16_t port = browser_port(s);
    struct guest *ann = guest_enter(s, "ann");
    for (int i = 0; i < SLOW; i++) {
        fd[i] = http_open(port, 2048);
        cr_assert_geq(fd[i], 0);
        http_send_text(fd[i], PAGE "\r\n");
    }
    for (int i = 0; i < 20; i++) {
        guest_say(ann, "/me counts");
        guest_expect(ann, "* ann counts");
        guest_say(ann, "/msg ann hello");
        guest_until(ann, "[ann] hello");
    }
    for (int i = 0; i < SLOW; i++) {
        struct http_got got = http_read_all(fd[i]);
        page_came(&got);
    }
    server_stop(s);
}

Test(web_http, a_page_goes_on_in_a_successor) {
    enum { LOADS = 20 };
    int fd[LOADS];
    struct server *s = server_start(WEB(1));
    uint16_t port = browser_port(s);
    s->workers_may_die = true;
    for (int i = 0; i < LOADS; i++) {
        fd[i] = http_open(port, 2048);
        http_send_text(fd[i], PAGE "\r\n");
        wait_fd(fd[i], POLLIN, wait_deadline());
        char some[300];
        cr_assert_eq(recv(fd[i], some, sizeof some, MSG_PEEK | MSG_WAITALL), sizeof some);
    }
    for (int i = 0; i < 3; i++) {
        pid_t pid = server_worker_pid(s, 0);
        kill(pid, SIGKILL);
        while (server_worker_pid(s, 0) == pid)
            usleep(1000);
    }
    for (int i = 0; i < LOADS; i++) {
        struct http_got got = http_read_all(fd[i]);
        page_came(&got);
    }
    server_stop(s);
}

/* ---- where it comes from ---- */

#define PROXY "127.0.0.9"

static struct http_got ask_from(uint16_t port, const char *from, const char *bytes) {
    int fd = http_connect_from(port, from);
    http_send_text(fd, bytes);
    return http_read_all(fd);
}

Test(web_http, a_proxy_names_its_client_by_a_header_or_in_the_request) {
    struct server *s = server_start(WEB(2) "proxy_from = " PROXY "\nproxy_from = 10.0.0.0/8\n");
    uint16_t port = browser_port(s);
    cr_expect_eq(ask_from(port, PROXY, PAGE "X-Forwarded-For: 192.0.2.7\r\n\r\n").status, 200);
    server_logged(s, "client 192.0.2.7:");
    ask_from(port, PROXY,
             "GET /a HTTP/1.1\r\n" HOST
             "X-Forwarded-For: 1.2.3.4, 2001:db8::5\r\nX-Forwarded-For: 10.1.1.1\r\n\r\n");
    server_logged(s, "client [2001:db8::5]:");
    cr_expect_eq(server_log_count(s, "1.2.3.4"), 0, "what no trusted proxy has written");
    ask_from(port, PROXY, "PROXY TCP4 192.0.2.8 192.0.2.2 77 2\r\nGET /b HTTP/1.1\r\n" HOST "\r\n");
    server_logged(s, "client 192.0.2.8:77 asked for /b: 404");
    ask_from(port, PROXY, "GET /c HTTP/1.1\r\n" HOST "\r\n"); /* its own */
    server_logged(s, "client " PROXY ":");
    cr_expect_eq(ask_from(port, PROXY, PAGE "X-Forwarded-For: nonsense\r\n\r\n").status, 400);
    ask_from(port, "127.0.0.1", "GET /d HTTP/1.1\r\n" HOST "X-Forwarded-For: 192.0.2.66\r\n\r\n");
    server_logged(s, "client 127.0.0.1:");
    cr_expect_eq(server_log_count(s, "192.0.2.66"), 0, "no proxy of ours has written it");
    server_stop(s);
}

Test(web_http, a_banned_address_is_refused_however_it_comes) {
    struct server *s = ctl_server(WEB(1) "proxy_from = " PROXY "\n");
    uint16_t port = browser_port(s);
    ctl_ok(s, "ban", "192.0.2.0/24");
    ctl_ok(s, "ban", "127.0.0.66");
    cr_expect_eq(ask_from(port, "127.0.0.66", PAGE "\r\n").status, 403);
    cr_expect_eq(ask_from(port, PROXY, PAGE "X-Forwarded-For: 192.0.2.7\r\n\r\n").status, 403);
    struct http_got got =
        ask_from(port, PROXY, "PROXY TCP4 192.0.2.8 192.0.2.2 77 2\r\n" PAGE "\r\n");
    cr_expect_eq(got.status, 403);
    cr_expect(strstr(got.text, "You are banned."), "%s", got.text);
    cr_expect_eq(ask_from(port, PROXY, PAGE "X-Forwarded-For: 198.51.100.1\r\n\r\n").status, 200);
    server_stop(s);
}

/* Judged when it logs in; a page that is loaded, and one that has not logged in, take no place. */
Test(web_http, so_many_browsers_from_one_address) {
    struct server *s = server_start(WEB(2) "max_clients_per_address = 2\n");
    struct guest *ann = guest_enter(s, "ann");
    struct browser *bob = browser_enter(s, "bob"), *eve = browser_connect(s);
    struct http_got got = http_ask(browser_port(s), PAGE "\r\n");
    page_came(&got);
    browser_read(eve); /* hello */
    browser_say(eve, "{'do':'login','name':'eve','re':1}");
    browser_read(eve);
    cr_expect(strstr(eve->event, "'code':'address'"), "%s", eve->event);
    browser_expect_end(eve, 1013);
    browser_close(bob);
    browser_enter_at(HERE, s, "joe", (struct browser_how){.from = "127.0.0.2"});
    guest_until(ann, "%s", told1(TOLD_COMES, "joe"));
    server_stop(s);
}

Test(web_http, so_many_browsers_from_one_address_in_the_open_room) {
    struct server *s = server_start(WEB(2) "login = no\nmax_clients_per_address = 2\n");
    struct guest *g = guest_connect(s);
    guest_until(g, "%s", told1(TOLD_GREETING, "Chatroom"));
    struct browser *b = browser_connect(s);
    struct http_got got = http_ask(browser_port(s), CHAT "\r\n");
    cr_expect_eq(got.status, 503);
    cr_expect(strstr(got.text, "Too many connections from your address."), "%s", got.text);
    browser_close(b);
    server_stop(s);
}

/* ---- the configuration ---- */

Test(web_http, a_reload_opens_and_closes_them_and_changes_the_names) {
    struct server *s = server_start(SERVER_QUIET(1));
    cr_expect_eq(server_log_count(s, "browsers: "), 0);
    server_configure(s, "%s", "listen = 127.0.0.1:0\n" WEB(1));
    server_signal(s, SIGHUP);
    uint16_t port = browser_port(s);
    cr_expect_eq(http_ask(port, "GET / HTTP/1.1\r\nHost: x.example\r\n\r\n").status, 421);
    server_configure(s, "%s", "listen = 127.0.0.1:0\n" WEB(1) "web_host = x.example\n");
    int lines = server_log_count(s, "reloaded: ");
    server_signal(s, SIGHUP);
    while (server_log_count(s, "reloaded: ") == lines)
        usleep(1000);
    while (http_ask(port, "GET / HTTP/1.1\r\nHost: x.example\r\n\r\n").status != 200)
        usleep(1000);
    server_configure(s, "%s", "listen = 127.0.0.1:0\n" SERVER_QUIET(1));
    server_signal(s, SIGHUP);
    int fd;
    while ((fd = http_open(port, 0)) >= 0)
        close(fd);
    server_stop(s);
}
