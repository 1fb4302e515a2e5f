/* unit_http.c - the codec of HTTP requests: what is served, what is refused and as what, however
 * the bytes are split and whenever a death throws some of them away. */
#include "worker/protocol/http.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MORE = -1 };

/* What a reader has committed. */
struct reader {
    struct http h;
    uint16_t len;
    uint8_t *kept; /* of exactly its size, for sanitizers */
};

static struct reader reader_new(void) {
    return (struct reader){.kept = malloc(HTTP_KEPT_MAX)};
}

/* Reads `n` bytes and dies: what was written beyond the committed length stays. */
static void read_and_die(struct reader *r, const uint8_t *in, size_t n) {
    struct http h = r->h;
    uint16_t len = r->len;
    http_read(&h, r->kept, &len, in, n);
}

static size_t read_part(struct reader *r, const uint8_t *bytes, size_t n) {
    uint8_t *in = malloc(n + !n);
    memcpy(in, bytes, n);
    size_t used = http_read(&r->h, r->kept, &r->len, in, n);
    free(in);
    cr_assert(used == n || r->h.state != HTTP_READING, "stopped while it wants more");
    return used;
}

/* The request in pieces of `step` bytes (0: whole); `dies`: after each piece more was read and
 * forgotten. */
static struct reader read_in(const uint8_t *bytes, size_t n, size_t step, bool dies) {
    struct reader r = reader_new();
    for (size_t at = 0; at < n && r.h.state == HTTP_READING;) {
        size_t part = step == 0 || step > n - at ? n - at : step;
        if (dies)
            read_and_die(&r, bytes + at, n - at);
        at += read_part(&r, bytes + at, part);
    }
    return r;
}

static int outcome(const struct reader *r) {
    return r->h.state == HTTP_READING ? MORE : r->h.state == HTTP_COMPLETE ? HTTP_OK : r->h.status;
}

static void outcome_is(const char *bytes, size_t n, int expected) {
    const size_t steps[] = {0, 1, 2, 3, 7, 64};
    for (size_t i = 0; i < 2 * sizeof steps / sizeof steps[0]; i++) {
        struct reader r = read_in((const uint8_t *)bytes, n, steps[i / 2], i % 2);
        cr_expect_eq(outcome(&r), expected, "%.*s: %d in pieces of %zu", (int)n, bytes, outcome(&r),
                     steps[i / 2]);
        free(r.kept);
    }
}

static const struct {
    const char *bytes;
    int outcome;
} cases[] = {
    /* served */
    {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", HTTP_OK},
    {"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.0\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.1\nHost: a\n\n", HTTP_OK},
    {"GET / HTTP/1.9\r\nHost: a\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.1\r\nhOsT:a\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.1\r\nHost: \t a \t \r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_OK}, /* no name: http_host refuses it */
    {"GET / HTTP/1.1\r\nX:\r\nHost: a\r\nY: \x80\xff\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.1\r\nHosts: b\r\nHost: a\r\nHos: c\r\n\r\n", HTTP_OK},
    {"GET /?a=b&c=%20 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK},
    {"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK}, /* no path of ours */
    /* another method: the caller's to refuse */
    {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK},
    {"get / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK},
    {"GETS / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK},
    {"G / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK},
    {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK},
    {"!#$%&'*+-.^_`|~09 / HTTP/1.0\r\n\r\n", HTTP_OK},
    /* not complete */
    {"", MORE},
    {"G", MORE},
    {"GET /metrics HTTP/1.1", MORE},
    {"GET /metrics HTTP/1.1\r", MORE},
    {"GET /metrics HTTP/1.1\r\n", MORE},
    {"GET / HTTP/1.1\r\nHost: localhost\r\n", MORE},
    {"GET / HTTP/1.1\r\nHost: localhost\r\n\r", MORE},
    /* the request line */
    {" GET / HTTP/1.1\r\n", HTTP_BAD_REQUEST},
    {"\r\nGET / HTTP/1.1\r\n", HTTP_BAD_REQUEST},
    {"GET  / HTTP/1.1\r\n", HTTP_BAD_REQUEST},
    {"GET /  HTTP/1.1\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1 \r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.10\r\n", HTTP_BAD_REQUEST},
    {"GET\t/ HTTP/1.1\r\n", HTTP_BAD_REQUEST},
    {"GET /\tx HTTP/1.1\r\n", HTTP_BAD_REQUEST},
    {"GET /\x80 HTTP/1.1\r\n", HTTP_BAD_REQUEST},
    {"GET /\x7f HTTP/1.1\r\n", HTTP_BAD_REQUEST},
    {"GET /\r\n", HTTP_BAD_REQUEST},
    {"GET\r\n", HTTP_BAD_REQUEST},
    {"GET / \r\n", HTTP_BAD_REQUEST},
    {"GET / http/1.1\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/x.1\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/11\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTQ/1.1\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\rHost: a\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\r\n", HTTP_BAD_REQUEST},
    {"login ann\r\n", HTTP_BAD_REQUEST},
    {"login\r\n", HTTP_BAD_REQUEST},
    {"\xff\xfd\x03", HTTP_BAD_REQUEST},
    {"\x16\x03\x01\x02", HTTP_BAD_REQUEST},
    {"A23456789012345678901234567890123 / HTTP/1.1\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/2.0\r\n", HTTP_VERSION_NOT_SUPPORTED},
    {"GET / HTTP/0.9\r\n", HTTP_VERSION_NOT_SUPPORTED},
    {"GET / HTTP/3.1\n", HTTP_VERSION_NOT_SUPPORTED},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP_VERSION_NOT_SUPPORTED},
    /* fields */
    {"GET / HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nX: Host: a\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n Host: a\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nX: a\r\n\tb\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost : a\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n: a\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nX(: a\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n\x80: a\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nX: a\rb\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nX:\ra\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nX: \x01\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nX: a\x7f\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nX: a\x1b[2J\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\n\rX", HTTP_BAD_REQUEST},
    /* bodies */
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \t\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING:\r\n", HTTP_BAD_REQUEST},
};

Test(http, each_request_has_its_outcome_however_it_is_split) {
    cr_assert_geq(sizeof cases / sizeof cases[0], 60);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        outcome_is(cases[i].bytes, strlen(cases[i].bytes), cases[i].outcome);
}

Test(http, a_nul_is_refused_anywhere) {
    static const char request[] = "GET /m HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    for (size_t at = 0; at < sizeof request - 3; at++) {
        char bytes[sizeof request];
        memcpy(bytes, request, sizeof bytes);
        bytes[at] = '\0';
        outcome_is(bytes, sizeof request - 1, HTTP_BAD_REQUEST);
    }
}

/* A head with `fields` fields and `bytes` bytes in all. */
static size_t long_head(char *out, int fields, size_t bytes) {
    size_t at = (size_t)sprintf(out, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 1; i < fields - 1; i++)
        at += (size_t)sprintf(out + at, "X%d: y\r\n", i);
    at += (size_t)sprintf(out + at, "Long: ");
    while (at < bytes - 4)
        out[at++] = 'z';
    memcpy(out + at, "\r\n\r\n", 4);
    return at + 4;
}

Test(http, so_many_fields_and_bytes_and_no_more) {
    static char head[2 * HTTP_BYTES_MAX];
    outcome_is(head, long_head(head, HTTP_FIELDS_MAX, 2000), HTTP_OK);
    outcome_is(head, long_head(head, HTTP_FIELDS_MAX + 1, 2000), HTTP_FIELDS_TOO_LARGE);
    outcome_is(head, long_head(head, 3, HTTP_BYTES_MAX), HTTP_OK);
    outcome_is(head, long_head(head, 3, HTTP_BYTES_MAX + 1), HTTP_FIELDS_TOO_LARGE);
    memset(head, 'x', sizeof head);
    memcpy(head, "GET /", 5);
    outcome_is(head, sizeof head, HTTP_TARGET_TOO_LONG);
}

Test(http, a_target_and_a_host_that_are_kept_no_further) {
    static char head[2 * HTTP_BYTES_MAX];
    size_t at = (size_t)sprintf(head, "GET /");
    memset(head + at, 'x', HTTP_KEPT_MAX - 2); /* with its NUL it fills what there is */
    strcpy(head + at + HTTP_KEPT_MAX - 2, " HTTP/1.0\r\n\r\n");
    outcome_is(head, strlen(head), HTTP_OK);
    strcpy(head + at + HTTP_KEPT_MAX - 2, " HTTP/1.0\r\nHost: a\r\n\r\n");
    outcome_is(head, strlen(head), HTTP_FIELDS_TOO_LARGE);
    head[at + HTTP_KEPT_MAX - 2] = 'x';
    strcpy(head + at + HTTP_KEPT_MAX - 1, " HTTP/1.0\r\n\r\n");
    outcome_is(head, strlen(head), HTTP_TARGET_TOO_LONG);
    at = (size_t)sprintf(head, "GET / HTTP/1.1\r\nHost: ");
    memset(head + at, 'a', HTTP_KEPT_MAX);
    strcpy(head + at + HTTP_KEPT_MAX, "\r\n\r\n");
    outcome_is(head, strlen(head), HTTP_FIELDS_TOO_LARGE);
}

static void request_is(const char *bytes, enum http_method method, const char *path,
                       const char *host) {
    struct reader r = read_in((const uint8_t *)bytes, strlen(bytes), 1, true);
    cr_assert_eq(r.h.state, HTTP_COMPLETE, "%s", bytes);
    struct http_request q = http_request(&r.h, r.kept, r.len);
    cr_expect_eq(q.method, method, "%s", bytes);
    cr_expect(q.path_len == strlen(path) && memcmp(q.path, path, q.path_len) == 0, "%s", bytes);
    if (host)
        cr_expect(q.host && q.host_len == strlen(host) && memcmp(q.host, host, q.host_len) == 0,
                  "%s", bytes);
    else
        cr_expect_null(q.host);
    free(r.kept);
}

Test(http, what_was_asked_for) {
    request_is("GET /metrics HTTP/1.1\r\nHost: localhost:9100\r\n\r\n", HTTP_GET, "/metrics",
               "localhost:9100");
    request_is("HEAD /metrics?a=/b HTTP/1.1\r\nX: y\r\nHost:  a \t \r\nY: z\r\n\r\n", HTTP_HEAD,
               "/metrics", "a");
    request_is("GET / HTTP/1.0\r\n\r\n", HTTP_GET, "/", NULL);
    request_is("POST / HTTP/1.0\r\nHost:\r\n\r\n", HTTP_OTHER, "/", "");
    request_is("GET /?/ HTTP/1.1\r\nHost: [::1]\r\n\r\n", HTTP_GET, "/", "[::1]");
    request_is("HEADS ? HTTP/1.1\r\nHost: a b\r\n\r\n", HTTP_OTHER, "", "a b");
}

static const struct {
    const char *host;
    enum http_host kind;
    const char *name;
} hosts[] = {
    {"127.0.0.1", HTTP_HOST_ADDRESS, "127.0.0.1"},
    {"127.0.0.1:9100", HTTP_HOST_ADDRESS, "127.0.0.1"},
    {"[::1]", HTTP_HOST_ADDRESS, "[::1]"},
    {"[2001:db8::1]:9100", HTTP_HOST_ADDRESS, "[2001:db8::1]"},
    {"localhost", HTTP_HOST_LOCAL, "localhost"},
    {"LocalHost:1", HTTP_HOST_LOCAL, "LocalHost"},
    {"chatroom:9100", HTTP_HOST_LABEL, "chatroom"},
    {"evil.example", HTTP_HOST_NAME, "evil.example"},
    {"localhost.evil.example:9100", HTTP_HOST_NAME, "localhost.evil.example"},
    {"127.0.0.1.evil.example", HTTP_HOST_NAME, "127.0.0.1.evil.example"},
    {"127.0.0.1.", HTTP_HOST_NAME, "127.0.0.1."},
    {"127.0.0.256", HTTP_HOST_NAME, "127.0.0.256"},
    {"", HTTP_HOST_NONE, ""},
    {":9100", HTTP_HOST_NONE, ""},
    {"a:", HTTP_HOST_NONE, ""},
    {"a:b", HTTP_HOST_NONE, ""},
    {"a:123456", HTTP_HOST_NONE, ""},
    {"a b", HTTP_HOST_NONE, ""},
    {"a,b", HTTP_HOST_NONE, ""},
    {"user@a", HTTP_HOST_NONE, ""},
    {"a/b", HTTP_HOST_NONE, ""},
    {"::1", HTTP_HOST_NONE, ""},
    {"[::1", HTTP_HOST_NONE, ""},
    {"[::1]x", HTTP_HOST_NONE, NULL},
    {"[]", HTTP_HOST_NONE, NULL},
    {"[127.0.0.1]", HTTP_HOST_NONE, NULL},
    {"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]", HTTP_HOST_NONE, ""},
    {"\xe5\xae\xb6", HTTP_HOST_NONE, ""},
};

Test(http, what_a_host_names) {
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        size_t len = strlen(hosts[i].host), name_len = 99;
        char *host = malloc(len + !len);
        memcpy(host, hosts[i].host, len);
        cr_expect_eq(http_host(host, len, &name_len), hosts[i].kind, "%s", hosts[i].host);
        if (hosts[i].name)
            cr_expect_eq(name_len, strlen(hosts[i].name), "%s", hosts[i].host);
        free(host);
    }
}

Test(http, the_head_of_each_answer_is_whole) {
    char head[HTTP_HEAD_MAX];
    for (int status = HTTP_NONE; status < HTTP_STATUSES; status++) {
        struct http_answer answer = {(enum http_status)status,
                                     "text/plain; version=0.0.4; charset=utf-8", NULL, SIZE_MAX,
                                     1764174245};
        size_t len = http_head(&answer, head);
        cr_assert_gt(len, 4);
        cr_assert_arr_eq(head + len - 4, "\r\n\r\n", 4);
        cr_assert(strncmp(head, "HTTP/1.1 ", 9) == 0);
        cr_assert(strncmp(head + 9, http_status_text((enum http_status)status), 3) == 0);
        cr_assert(strstr(head, "Connection: close"));
        cr_assert(strstr(head, "Date: Wed, 26 Nov 2025 16:24:05 GMT\r\n"), "%s", head);
        cr_assert_eq(strstr(head, "Allow: GET, HEAD\r\n") != NULL,
                     status == HTTP_METHOD_NOT_ALLOWED);
    }
}
