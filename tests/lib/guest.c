/* guest.c - see guest.h. */
#include "tests/lib/guest.h"

#include "tests/lib/terminal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <iconv.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct guest *guests;

static socklen_t address_of(struct where where, const char *text, uint16_t port,
                            struct sockaddr_storage *out) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        fail_at(where, "not an address: %s", text);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof *v6;
}

static void name_of(int fd, char *endpoint, size_t size) {
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char text[INET6_ADDRSTRLEN];
    getsockname(fd, (struct sockaddr *)&a, &len);
    if (a.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        snprintf(endpoint, size, "%s:%u", text, ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a;
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        snprintf(endpoint, size, "[%s]:%u", text, ntohs(v6->sin6_port));
    }
}

const char *guest_own_address(void) {
    static char text[32];
    static unsigned n;
    n++;
    snprintf(text, sizeof text, "127.2.%u.%u", n / 250 % 250, n % 250 + 1);
    return text;
}

struct guest *guest_connect_at(struct where where, const struct server *s, struct guest_how how) {
    struct guest *g = calloc(1, sizeof *g);
    g->next = guests;
    guests = g;
    g->charset = how.charset;
    struct sockaddr_storage to, from;
    socklen_t len = address_of(where, how.to ? how.to : "127.0.0.1", s->port, &to);
    g->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(g->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (how.receive_buffer)
        setsockopt(g->fd, SOL_SOCKET, SO_RCVBUF, &how.receive_buffer, sizeof how.receive_buffer);
    if (how.from) {
        socklen_t from_len = address_of(where, how.from, 0, &from);
        if (bind(g->fd, (struct sockaddr *)&from, from_len) < 0)
            fail_at(where, "bind %s: %s", how.from, strerror(errno));
    }
    if (connect(g->fd, (struct sockaddr *)&to, len) < 0)
        fail_at(where, "connect to port %u: %s", s->port, strerror(errno));
    name_of(g->fd, g->endpoint, sizeof g->endpoint);
    return g;
}

struct guest *guest_enter_at(struct where where, const struct server *s, const char *name,
                             struct guest_how how) {
    struct guest *g = guest_connect_at(where, s, how);
    guest_say_at(where, g, "login %s", name);
    guest_until_at(where, g, "%s", told1(TOLD_COMES, name));
    return g;
}

struct guest *guest_enter_gbk_at(struct where where, const struct server *s, const char *name) {
    struct guest *g = guest_connect_at(where, s, (struct guest_how){.charset = "CP936"});
    guest_say_at(where, g, "/encoding gbk");
    char line[GUEST_LINE_MAX];
    snprintf(line, sizeof line, "login %s", name);
    guest_say_in_at(where, g, line);
    guest_until_at(where, g, "%s", told1(TOLD_COMES, name));
    return g;
}

struct server *guests_two_at(struct where where, struct guest *g[2]) {
    struct server *s = server_start_at(where, "%s", server_quiet);
    g[0] = guest_enter_at(where, s, "ann", (struct guest_how){0});
    g[1] = guest_enter_at(where, s, "bob", (struct guest_how){0});
    guest_expect_at(where, g[0], "%s", told1(TOLD_COMES, "bob"));
    return s;
}

void guest_close(struct guest *g) {
    close(g->fd);
    g->fd = -1;
}

/* Received bytes that have not been read as lines, printable: for the message of a failed test. */
static const char *rest_of(const struct guest *g) {
    static char text[2048];
    size_t at = 0;
    for (size_t i = g->at; i < g->len && at < sizeof text - 8; i++) {
        unsigned char c = (unsigned char)g->data[i];
        bool plain = c >= 0x20 && c != 0x7f && c != '\\' && (!g->charset || c < 0x80);
        at += (size_t)snprintf(text + at, sizeof text - at, plain ? "%c" : "\\x%02x", c);
    }
    text[at] = '\0';
    return text;
}

enum { IAC = 0xff, WILL = 0xfb, DONT = 0xfe };

/* Moves the negotiations among the last n bytes received to g->answers.  An IAC before any other
 * byte stays in the data, where check_line fails the test. */
static void take_answers(struct guest *g, size_t n) {
    char *out = g->data + g->len - n;
    for (char *in = out, *stop = g->data + g->len; in < stop; in++) {
        unsigned char c = (unsigned char)*in;
        bool fits = g->command_len == 0   ? c == IAC
                    : g->command_len == 1 ? c >= WILL && c <= DONT
                                          : true;
        if (!fits) {
            memmove(out, g->command, (size_t)g->command_len);
            out += g->command_len;
            g->command_len = 0;
            *out++ = (char)c;
            continue;
        }
        g->command[g->command_len++] = c;
        if (g->command_len == 3) {
            g->command_len = 0;
            if (g->answers_len + 3 <= sizeof g->answers) {
                memcpy(g->answers + g->answers_len, g->command, 3);
                g->answers_len += 3;
            }
        }
    }
    g->len = (size_t)(out - g->data);
}

/* Receives what is available.  False: the connection has ended. */
static bool receive(struct guest *g) {
    if (g->ended)
        return false;
    if (g->at > g->size / 2) {
        memmove(g->data, g->data + g->at, g->len - g->at);
        g->len -= g->at;
        g->at = 0;
    }
    if (g->size - g->len < 65536)
        g->data = realloc(g->data, g->size = g->size * 2 + 65536);
    ssize_t n = recv(g->fd, g->data + g->len, g->size - g->len, MSG_DONTWAIT);
    if (n > 0) {
        g->len += (size_t)n;
        if (g->telnet)
            take_answers(g, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        g->ended = true;
    }
    return !g->ended;
}

size_t guest_pending(struct guest *g) {
    size_t before;
    do {
        before = g->len - g->at;
        receive(g);
    } while (g->len - g->at > before);
    return g->len - g->at;
}

void guest_send_at(struct where where, struct guest *g, const void *bytes, size_t len) {
    int64_t deadline = wait_deadline();
    for (size_t sent = 0; sent < len;) {
        ssize_t n =
            send(g->fd, (const char *)bytes + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR)
            fail_at(where, "%s: send: %s", g->endpoint, strerror(errno));
        else if (!wait_fd(g->fd, POLLOUT, deadline))
            fail_at(where, "%s: the server takes no more input", g->endpoint);
    }
}

void guest_say_at(struct where where, struct guest *g, const char *fmt, ...) {
    char line[GUEST_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line - 2, fmt, args);
    va_end(args);
    memcpy(line + len, "\r\n", 2);
    guest_send_at(where, g, line, (size_t)len + 2);
}

void guest_say_in_at(struct where where, struct guest *g, const char *text) {
    const char *bytes = terminal_recode_at(where, g->charset, "UTF-8", text, strlen(text));
    guest_send_at(where, g, bytes, strlen(bytes));
    guest_send_at(where, g, "\r\n", 2);
}

/* Encodings of single bytes have a letter 255, which telnet calls IAC. */
static bool has_255(const char *charset) {
    return charset && (strncmp(charset, "CP125", 5) == 0 || strncmp(charset, "KOI8", 4) == 0 ||
                       strncmp(charset, "ISO-8859", 8) == 0);
}

/* iconv, and the euro in Big5: terminals have it at A3E1, glibc's Big5-HKSCS has not. */
static bool decode_line(iconv_t codec, const char *charset, char **in, size_t *left, char **out,
                        size_t *room) {
    static const char euro[] = "\342\202\254";
    while (iconv(codec, in, left, out, room) == (size_t)-1) {
        if (!charset || strncmp(charset, "BIG5", 4) != 0 || *left < 2 || *room < sizeof euro ||
            memcmp(*in, "\243\341", 2) != 0)
            return false;
        *out = stpcpy(*out, euro);
        *in += 2, *left -= 2, *room -= sizeof euro - 1;
    }
    return true;
}

/* Checks what holds for every line to every client. */
static void check_line(struct where where, struct guest *g, const char *raw, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)raw[i];
        if (c < 0x20 || c == 0x7f || (c == 0xff && !has_255(g->charset)))
            fail_at(where, "%s: byte %02x in a line: %s", g->endpoint, c, rest_of(g));
    }
    iconv_t to_utf8 = iconv_open("UTF-8", g->charset ? g->charset : "UTF-8");
    char *in = (char *)raw, *out = g->line;
    size_t left = len, room = sizeof g->line - 1;
    bool valid = decode_line(to_utf8, g->charset, &in, &left, &out, &room);
    iconv_close(to_utf8);
    if (!valid)
        fail_at(where, "%s: not valid %s: %s", g->endpoint, g->charset ? g->charset : "UTF-8",
                rest_of(g));
    *out = '\0';
}

const char *guest_read_at(struct where where, struct guest *g) {
    int64_t deadline = wait_deadline();
    size_t searched = g->at;
    for (;;) {
        char *end = g->len > searched ? memchr(g->data + searched, '\n', g->len - searched) : NULL;
        if (end) {
            char *start = g->data + g->at;
            if (end == start || end[-1] != '\r')
                fail_at(where, "%s: a line ends without CR: %s", g->endpoint, rest_of(g));
            check_line(where, g, start, (size_t)(end - 1 - start));
            g->at = (size_t)(end + 1 - g->data);
            return g->line;
        }
        if (g->ended) {
            if (g->len > g->at)
                fail_at(where, "%s: the last line is cut: %s", g->endpoint, rest_of(g));
            return NULL;
        }
        size_t untaken = g->len - g->at;
        if (!wait_fd(g->fd, POLLIN, deadline))
            fail_at(where, "%s: no line came; pending: \"%s\"", g->endpoint, rest_of(g));
        receive(g);
        searched = g->at + untaken;
    }
}

const char *guest_next_at(struct where where, struct guest *g) {
    const char *line = guest_read_at(where, g);
    if (!line)
        fail_at(where, "%s: the server closed the connection", g->endpoint);
    return line;
}

static void expect(struct where where, struct guest *g, const char *want) {
    const char *line = guest_read_at(where, g);
    if (!line)
        fail_at(where, "%s: the connection ended instead of \"%s\"", g->endpoint, want);
    if (strcmp(line, want) != 0)
        fail_at(where, "%s: \"%s\" instead of \"%s\"; then: \"%s\"", g->endpoint, line, want,
                rest_of(g));
}

void guest_expect_at(struct where where, struct guest *g, const char *fmt, ...) {
    char want[GUEST_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(want, sizeof want, fmt, args);
    va_end(args);
    expect(where, g, want);
}

void guest_expect_names_at(struct where where, struct guest *g, const char *const *names, int n) {
    unsigned seen = 0;
    for (int k = 0; k < n; k++) {
        const char *line = guest_next_at(where, g);
        for (int i = 0; i < n; i++) {
            size_t len = strlen(names[i]);
            if (strncmp(line, names[i], len) == 0 &&
                (line[len] == '\0' || strncmp(line + len, " (idle ", 7) == 0))
                seen |= 1U << i;
        }
    }
    if (seen != (1U << n) - 1)
        fail_at(where, "not all the names; the last line was \"%s\"", g->line);
}

void guest_expect_earlier_at(struct where where, struct guest *g, const char *fmt, ...) {
    char want[GUEST_LINE_MAX];
    int hour, minute, end = 0;
    va_list args;
    va_start(args, fmt);
    vsnprintf(want, sizeof want, fmt, args);
    va_end(args);
    const char *line = guest_next_at(where, g);
    if (sscanf(line, "[%2d:%2d] %n", &hour, &minute, &end) != 2 || end != 8 ||
        strcmp(line + 8, want) != 0)
        fail_at(where, "%s: \"%s\" instead of \"%s\" behind its time; then: \"%s\"", g->endpoint,
                line, want, rest_of(g));
}

/* Reads lines until one equals `want` (`whole`) or begins with it.  On failure the message has the
 * lines that were skipped. */
static const char *skip_to(struct where where, struct guest *g, const char *want, bool whole) {
    char skipped[1024] = "";
    int64_t deadline = wait_deadline();
    for (;;) {
        while (!memchr(g->data ? g->data + g->at : "", '\n', g->len - g->at) && !g->ended) {
            if (!wait_fd(g->fd, POLLIN, deadline))
                fail_at(where, "%s: \"%s\" did not come; last seen:%s; pending: \"%s\"",
                        g->endpoint, want, skipped, rest_of(g));
            receive(g);
        }
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "%s: lines without end, but no \"%s\"; last seen:%s", g->endpoint, want,
                    skipped);
        const char *line = guest_read_at(where, g);
        if (!line)
            fail_at(where, "%s: the connection ended before \"%s\"; last seen:%s", g->endpoint,
                    want, skipped);
        if (whole ? strcmp(line, want) == 0 : strncmp(line, want, strlen(want)) == 0)
            return line;
        size_t len = strlen(skipped);
        if (len > sizeof skipped / 2) {
            memmove(skipped, skipped + len / 2, len - len / 2 + 1);
            len -= len / 2;
        }
        snprintf(skipped + len, sizeof skipped - len, " \"%.100s\"", line);
    }
}

void guest_until_at(struct where where, struct guest *g, const char *fmt, ...) {
    char want[GUEST_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(want, sizeof want, fmt, args);
    va_end(args);
    skip_to(where, g, want, true);
}

const char *guest_until_begins_at(struct where where, struct guest *g, const char *begin) {
    return skip_to(where, g, begin, false);
}

void guest_until_answer_at(struct where where, struct guest *g, unsigned char verb,
                           unsigned char option) {
    int64_t deadline = wait_deadline();
    for (;;) {
        int times = 0;
        for (size_t i = 0; i < g->answers_len; i += 3)
            times += g->answers[i + 1] == verb && g->answers[i + 2] == option;
        if (times > 1)
            fail_at(where, "%s: %02x %02x came %d times", g->endpoint, verb, option, times);
        if (times == 1)
            return;
        if (!wait_fd(g->fd, POLLIN, deadline) || !receive(g))
            fail_at(where, "%s: no %02x %02x came", g->endpoint, verb, option);
    }
}

void guest_expect_end_at(struct where where, struct guest *g) {
    const char *line = guest_read_at(where, g);
    if (line)
        fail_at(where, "%s: \"%s\" instead of the end", g->endpoint, line);
}

void guests_expect_at(struct where where, struct guest **g, int n, const char *line) {
    for (int i = 0; i < n; i++)
        expect(where, g[i], line);
}

void guests_until_at(struct where where, struct guest **g, int n, const char *line) {
    for (int i = 0; i < n; i++)
        skip_to(where, g[i], line, true);
}
