/* guest.h - a person at the other end of a socket: sends lines, expects lines.
 *
 *     struct guest *ann = guest_enter(s, "ann");
 *     guest_say(ann, "hello");
 *     guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "hello"));
 *
 * Every line that arrives is checked on the way: it ends with CR LF, is valid in the encoding
 * expected, and holds no control character, no escape sequence and no telnet command: of those only
 * WILL, WONT, DO, DONT may come, and only to a guest that speaks telnet itself.  That a line
 * does NOT arrive is shown by the line that arrives in its place: expect the next one exactly.
 * Waiting has a deadline; a test that reaches it fails with what had arrived. */
#ifndef TESTS_LIB_GUEST_H
#define TESTS_LIB_GUEST_H

#include "tests/lib/sentence.h"
#include "tests/lib/server.h"

#include <stddef.h>
#include <stdint.h>

enum { GUEST_LINE_MAX = 32768 };

struct guest {
    struct guest *next;  /* all of this process, so that a leak checker sees them reachable */
    int fd;              /* -1: closed by us */
    char endpoint[64];   /* ADDRESS:PORT, as the server's log names it */
    const char *charset; /* iconv's name of what it is sent; NULL: UTF-8 */
    bool ended;          /* the server has closed the connection */
    bool telnet; /* it speaks telnet: what the server negotiates is taken out of the stream */
    unsigned char command[3]; /* of a negotiation, the bytes so far */
    int command_len;
    unsigned char answers[1024]; /* all negotiations of the server, three bytes each */
    size_t answers_len;
    char *data; /* received */
    size_t len, size;
    size_t at;                 /* of it, taken */
    char line[GUEST_LINE_MAX]; /* the last line taken, in UTF-8 */
};

struct guest_how {
    const char *from;    /* source address; NULL: the kernel's choice */
    const char *to;      /* NULL: 127.0.0.1 */
    int receive_buffer;  /* SO_RCVBUF, bytes; 0: the kernel's choice */
    const char *charset; /* see struct guest */
};

struct guest *guest_connect_at(struct where where, const struct server *s, struct guest_how how);
#define guest_connect(s) guest_connect_at(HERE, s, (struct guest_how){0})
#define guest_connect_as(s, ...) guest_connect_at(HERE, s, (struct guest_how){__VA_ARGS__})

/* Connects, logs in, and has seen its own coming. */
struct guest *guest_enter_at(struct where where, const struct server *s, const char *name,
                             struct guest_how how);
#define guest_enter(s, name) guest_enter_at(HERE, s, name, (struct guest_how){0})
#define guest_enter_as(s, name, ...) guest_enter_at(HERE, s, name, (struct guest_how){__VA_ARGS__})

/* Says `/encoding gbk` first, and its name in it. */
struct guest *guest_enter_gbk_at(struct where where, const struct server *s, const char *name);
#define guest_enter_gbk(s, name) guest_enter_gbk_at(HERE, s, name)

/* "ann" and "bob" of a new, quiet server; both have seen both come. */
struct server *guests_two_at(struct where where, struct guest *g[2]);
#define guests_two(g) guests_two_at(HERE, g)

/* Closes from this side. */
void guest_close(struct guest *g);

void guest_send_at(struct where where, struct guest *g, const void *bytes, size_t len);
#define guest_send(g, bytes, len) guest_send_at(HERE, g, bytes, len)
/* A string literal, which may contain NUL. */
#define guest_type(g, literal) guest_send_at(HERE, g, literal, sizeof(literal) - 1)
/* A line; CR LF is added. */
void guest_say_at(struct where where, struct guest *g, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define guest_say(g, ...) guest_say_at(HERE, g, __VA_ARGS__)

/* The same, of UTF-8 in the encoding that the guest is sent. */
void guest_say_in_at(struct where where, struct guest *g, const char *text);
#define guest_say_in(g, text) guest_say_in_at(HERE, g, text)

/* The next line, without its end; valid until the next line is taken.  NULL: the connection ended.
 */
const char *guest_read_at(struct where where, struct guest *g);
#define guest_read(g) guest_read_at(HERE, g)
/* The same, and the end of the connection fails the test. */
const char *guest_next_at(struct where where, struct guest *g);
#define guest_next(g) guest_next_at(HERE, g)

void guest_expect_at(struct where where, struct guest *g, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define guest_expect(g, ...) guest_expect_at(HERE, g, __VA_ARGS__)
/* Skips lines until this one. */
void guest_until_at(struct where where, struct guest *g, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define guest_until(g, ...) guest_until_at(HERE, g, __VA_ARGS__)
/* Skips lines until one that begins so; returns it. */
const char *guest_until_begins_at(struct where where, struct guest *g, const char *begin);
#define guest_until_begins(g, begin) guest_until_begins_at(HERE, g, begin)
/* Waits until the server has answered `IAC verb option`, once; g->telnet is set. */
void guest_until_answer_at(struct where where, struct guest *g, unsigned char verb,
                           unsigned char option);
#define guest_until_answer(g, verb, option) guest_until_answer_at(HERE, g, verb, option)
/* The connection ends now, without another line. */
void guest_expect_end_at(struct where where, struct guest *g);
#define guest_expect_end(g) guest_expect_end_at(HERE, g)

/* Reads what is there without waiting; how many bytes are then received and not taken. */
size_t guest_pending(struct guest *g);

/* The line comes next to each of them / each skips to it. */
void guests_expect_at(struct where where, struct guest **g, int n, const char *line);
#define guests_expect(g, n, line) guests_expect_at(HERE, g, n, line)
void guests_until_at(struct where where, struct guest **g, int n, const char *line);
#define guests_until(g, n, line) guests_until_at(HERE, g, n, line)

#endif
