/* http.c - see http.h. */
#include "tests/lib/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

uint16_t http_metrics_port_at(struct where where, struct server *s) {
    const char *line = server_logged_at(where, s, "metrics: http://"),
               *end = strstr(line, "/metrics");
    while (end && *end != ':')
        end--;
    int port = end ? atoi(end + 1) : 0;
    if (port <= 0)
        fail_at(where, "no port: %s", line);
    return (uint16_t)port;
}

int http_open(uint16_t port, int receive) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int http_connect_at(struct where where, uint16_t port) {
    int fd = http_open(port, 0);
    if (fd < 0)
        fail_at(where, "connect: %s", strerror(errno));
    return fd;
}

int http_connect_from_at(struct where where, uint16_t port, const char *from) {
    struct sockaddr_in own = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (inet_pton(AF_INET, from, &own.sin_addr) != 1 ||
        bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail_at(where, "connect from %s: %s", from, strerror(errno));
    return fd;
}

/* The server may have answered, and closed, before the last byte. */
void http_send_at(struct where where, int fd, const void *bytes, size_t len) {
    const char *from = bytes;
    int64_t deadline = wait_deadline();
    while (len > 0) {
        ssize_t n = send(fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return;
        if (n < 0 && errno == EAGAIN && !wait_fd(fd, POLLOUT, deadline))
            fail_at(where, "the server reads nothing");
        if (n > 0) {
            from += n;
            len -= (size_t)n;
        }
    }
}

static void http_split(struct http_got *got) {
    char *end = strstr(got->text, "\r\n\r\n"), *length = strstr(got->text, "\r\nContent-Length: ");
    if (!end || sscanf(got->text, "HTTP/1.1 %d ", &got->status) != 1)
        return;
    got->body = end + 4;
    got->body_len = got->len - (size_t)(got->body - got->text);
    got->content_length = length && length < end ? strtoul(length + 18, NULL, 10) : SIZE_MAX;
}

struct http_got http_read_all_at(struct where where, int fd) {
    enum { MOST = 1 << 20 };
    static char text[MOST + 1];
    struct http_got got = {.text = text};
    int64_t deadline = wait_deadline();
    for (;;) {
        if (!wait_fd(fd, POLLIN, deadline))
            fail_at(where, "the connection does not end; so far: %.200s", text);
        ssize_t n = recv(fd, text + got.len, MOST - got.len, 0);
        got.reset = n < 0;
        if (n <= 0)
            break;
        got.len += (size_t)n;
        text[got.len] = '\0';
    }
    text[got.len] = '\0';
    close(fd);
    http_split(&got);
    return got;
}

struct http_got http_read_head_at(struct where where, int fd) {
    static char text[4096];
    struct http_got got = {.text = text};
    int64_t deadline = wait_deadline();
    text[0] = '\0';
    while (!strstr(text, "\r\n\r\n")) {
        if (!wait_fd(fd, POLLIN, deadline) || got.len == sizeof text - 1 ||
            recv(fd, text + got.len, 1, 0) != 1)
            fail_at(where, "no head of an answer; so far: %.*s", (int)got.len, text);
        text[++got.len] = '\0';
    }
    http_split(&got);
    return got;
}

struct http_got http_ask_at(struct where where, uint16_t port, const char *bytes, size_t len) {
    int fd = http_connect_at(where, port);
    http_send_at(where, fd, bytes, len);
    return http_read_all_at(where, fd);
}

char *http_scrape_at(struct where where, uint16_t port) {
    const char *ask = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct http_got got = http_ask_at(where, port, ask, strlen(ask));
    if (got.status != 200 || got.body_len != got.content_length)
        fail_at(where, "not an answer: %.300s", got.text);
    return strdup(got.body);
}

double http_sample(const char *text, const char *name) {
    size_t len = strlen(name);
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += len)
        if ((at == text || at[-1] == '\n') && at[len] == ' ')
            return strtod(at + len, NULL);
    return -1;
}

double http_sum(const char *text, const char *family) {
    double sum = 0;
    size_t len = strlen(family);
    for (const char *at = text; (at = strstr(at, family)) != NULL; at += len)
        if ((at == text || at[-1] == '\n') && (at[len] == ' ' || at[len] == '{'))
            sum += strtod(strchr(at, ' '), NULL);
    return sum;
}
