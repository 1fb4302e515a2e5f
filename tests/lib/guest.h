/* guest.h - a client of the server under test: sends lines, expects lines.
 *
 *     struct guest *ann = guest_enter(s, "ann");
 *     guest_say(ann, "hello");
 *     guest_expect(ann, "%s", told2(TOLD_SPEECH, "ann", "hello"));
 *
 * Every line is checked when it is read: it ends with CR LF, is valid in the guest's encoding, and
 * has no control character, no escape sequence and no telnet command.  WILL, WONT, DO and DONT are
 * allowed if the guest speaks telnet itself.  A test shows that a line is NOT sent by expecting
 * exactly the line that follows.  Waiting has a deadline; when it passes, the test fails and prints
 * what was received. */
#ifndef TESTS_LIB_GUEST_H
#define TESTS_LIB_GUEST_H

#include "tests/lib/sentence.h"
#include "tests/lib/server.h"

#include <stddef.h>
#include <stdint.h>

enum { GUEST_LINE_MAX = 32768 };

struct guest {
    struct guest *next;  /* all of this process; reachable for leak checkers */
    int fd;              /* -1: closed by the test */
    char endpoint[64];   /* ADDRESS:PORT, as the server's log names it */
    const char *charset; /* encoding of what the server sends, by its iconv name; NULL: UTF-8 */
    bool ended;          /* the server has closed the connection */
    bool telnet;         /* negotiations of the server are removed from the stream */
    unsigned char command[3]; /* an incomplete negotiation */
    int command_len;
    unsigned char answers[1024]; /* all negotiations of the server, three bytes each */
    size_t answers_len;
    char *data; /* received */
    size_t len, size;
    size_t at;                 /* bytes of data that guest_read has returned */
    char line[GUEST_LINE_MAX]; /* the line that guest_read returned last, in UTF-8 */
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

/* An address that no other guest of this process connects from, to be `from`: limits for one
 * address, such as that of the log's lines, do not concern it.  Valid until the next call. */
const char *guest_own_address(void);

/* Connects, logs in, and reads up to the line that announces its own join. */
struct guest *guest_enter_at(struct where where, const struct server *s, const char *name,
                             struct guest_how how);
#define guest_enter(s, name) guest_enter_at(HERE, s, name, (struct guest_how){0})
#define guest_enter_as(s, name, ...) guest_enter_at(HERE, s, name, (struct guest_how){__VA_ARGS__})

/* The same, in GBK: sends `/encoding gbk` first, and its name in GBK. */
struct guest *guest_enter_gbk_at(struct where where, const struct server *s, const char *name);
#define guest_enter_gbk(s, name) guest_enter_gbk_at(HERE, s, name)

/* Starts a server from server_quiet with the guests "ann" and "bob"; both have read both joins. */
struct server *guests_two_at(struct where where, struct guest *g[2]);
#define guests_two(g) guests_two_at(HERE, g)

/* Closes the guest's socket. */
void guest_close(struct guest *g);

void guest_send_at(struct where where, struct guest *g, const void *bytes, size_t len);
#define guest_send(g, bytes, len) guest_send_at(HERE, g, bytes, len)
/* A string literal, which may contain NUL. */
#define guest_type(g, literal) guest_send_at(HERE, g, literal, sizeof(literal) - 1)
/* Sends a line; CR LF is added. */
void guest_say_at(struct where where, struct guest *g, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define guest_say(g, ...) guest_say_at(HERE, g, __VA_ARGS__)

/* The same; `text` is UTF-8 and is sent in the guest's encoding. */
void guest_say_in_at(struct where where, struct guest *g, const char *text);
#define guest_say_in(g, text) guest_say_in_at(HERE, g, text)

/* Returns the next line without its end; valid until the next line is read.  NULL: the server has
 * closed the connection. */
const char *guest_read_at(struct where where, struct guest *g);
#define guest_read(g) guest_read_at(HERE, g)
/* The same, but the end of the connection fails the test. */
const char *guest_next_at(struct where where, struct guest *g);
#define guest_next(g) guest_next_at(HERE, g)

void guest_expect_at(struct where where, struct guest *g, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define guest_expect(g, ...) guest_expect_at(HERE, g, __VA_ARGS__)
/* The next n lines are, in any order, each of `names` once, as a name or as `NAME (idle ...)`. */
void guest_expect_names_at(struct where where, struct guest *g, const char *const *names, int n);
#define guest_expect_names(g, names, n) guest_expect_names_at(HERE, g, names, n)
/* The next line is this one behind its time, "[21:04] ". */
void guest_expect_earlier_at(struct where where, struct guest *g, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define guest_expect_earlier(g, ...) guest_expect_earlier_at(HERE, g, __VA_ARGS__)
/* Reads lines until this one. */
void guest_until_at(struct where where, struct guest *g, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define guest_until(g, ...) guest_until_at(HERE, g, __VA_ARGS__)
/* Reads lines until one that begins with `begin`; returns it. */
const char *guest_until_begins_at(struct where where, struct guest *g, const char *begin);
#define guest_until_begins(g, begin) guest_until_begins_at(HERE, g, begin)
/* Waits until the server has answered `IAC verb option`, exactly once; g->telnet must be set. */
void guest_until_answer_at(struct where where, struct guest *g, unsigned char verb,
                           unsigned char option);
#define guest_until_answer(g, verb, option) guest_until_answer_at(HERE, g, verb, option)
/* The server closes the connection without sending another line. */
void guest_expect_end_at(struct where where, struct guest *g);
#define guest_expect_end(g) guest_expect_end_at(HERE, g)

/* Receives what is available without waiting; returns how many received bytes have not been read as
 * lines. */
size_t guest_pending(struct guest *g);

/* guests_expect: the line is the next one of each guest.  guests_until: each guest reads lines
 * until it. */
void guests_expect_at(struct where where, struct guest **g, int n, const char *line);
#define guests_expect(g, n, line) guests_expect_at(HERE, g, n, line)
void guests_until_at(struct where where, struct guest **g, int n, const char *line);
#define guests_until(g, n, line) guests_until_at(HERE, g, n, line)

#endif
