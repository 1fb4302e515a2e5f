/* browser.h - a browser or a bot of the server under test: WebSocket text frames, JSON events.
 *
 *     struct browser *eve = browser_enter(s, "eve");
 *     browser_say(eve, "{'do':'say','text':'hello','re':7}");
 *     browser_expect(eve, "{'ev':'say','who':'eve','text':'hello'}");
 *     browser_expect(eve, "{'ev':'ok','re':7}");
 *
 * Events are written with ' for ", in what is sent and in what is expected; a ' in a text is
 * written `.  Of an event that was received, `id`, `t`, `token` and `epoch` are taken out and kept
 * beside it.  Every frame is checked when it is read: whole, not masked, no reserved bit, the
 * shortest head, valid UTF-8 without a raw control character.  Pings are answered, unless the test
 * takes them (`deaf`). Waiting has a deadline, as with guests (guest.h). */
#ifndef TESTS_LIB_BROWSER_H
#define TESTS_LIB_BROWSER_H

#include "tests/lib/server.h"

#include <stddef.h>
#include <stdint.h>

enum {
    BROWSER_EVENT_MAX = 65536,
    BROWSER_TEXT = 1,
    BROWSER_BINARY = 2,
    BROWSER_CLOSE = 8,
    BROWSER_PING = 9,
    BROWSER_PONG = 10,
    BROWSER_MORE = 0x40, /* with an opcode: not the last frame of its message */
};

struct browser {
    struct browser *next; /* all of this process; reachable for leak checkers */
    int fd;               /* -1: closed by the test */
    char endpoint[64];    /* ADDRESS:PORT, as the server's log names it */
    bool ended;           /* the server has closed the connection */
    bool deaf;            /* pings are not answered */
    int pings, pongs;     /* that came */
    int code;             /* of the close frame that came; 0: none */
    uint8_t *data;        /* received */
    size_t len, size;
    size_t at; /* bytes of data that are read */
    /* Of the last event: */
    char event[BROWSER_EVENT_MAX]; /* ' for " */
    char id[32], t[32], epoch[20], token[36];
};

struct browser_how {
    const char *from;   /* source address; NULL: the kernel's choice */
    int receive_buffer; /* SO_RCVBUF, bytes; 0: the kernel's choice */
    const char *origin; /* NULL: none, a bot */
    const char *before; /* sent before the request, such as a PROXY header; NULL: nothing */
    const char *fields; /* further ones, each with CR LF; NULL: none */
};

/* The port of the first `web` address, from the last line of the log that names it. */
uint16_t browser_port_at(struct where where, struct server *s);
#define browser_port(s) browser_port_at(HERE, s)

/* A connection that has become a WebSocket; nothing of it is read yet. */
struct browser *browser_connect_at(struct where where, struct server *s, struct browser_how how);
#define browser_connect(s) browser_connect_at(HERE, s, (struct browser_how){0})
#define browser_connect_as(s, ...) browser_connect_at(HERE, s, (struct browser_how){__VA_ARGS__})

/* Connects, logs in, and reads up to its own join. */
struct browser *browser_enter_at(struct where where, struct server *s, const char *name,
                                 struct browser_how how);
#define browser_enter(s, name) browser_enter_at(HERE, s, name, (struct browser_how){0})

/* Closes the socket, without a close frame. */
void browser_close(struct browser *b);

void browser_send_at(struct where where, struct browser *b, const void *bytes, size_t len);
#define browser_send(b, bytes, len) browser_send_at(HERE, b, bytes, len)
/* One frame, masked; `what` is an opcode and perhaps BROWSER_MORE. */
void browser_frame_at(struct where where, struct browser *b, int what, const void *bytes,
                      size_t len);
#define browser_frame(b, what, bytes, len) browser_frame_at(HERE, b, what, bytes, len)
/* The same frame into out[len + 14]; returns its length. */
size_t browser_mask(uint8_t *out, int what, const void *bytes, size_t len);
/* A message as it stands: a line as typed in telnet. */
void browser_type_at(struct where where, struct browser *b, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define browser_type(b, ...) browser_type_at(HERE, b, __VA_ARGS__)
/* A message with ' for ", and ` for '. */
void browser_say_at(struct where where, struct browser *b, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define browser_say(b, ...) browser_say_at(HERE, b, __VA_ARGS__)

/* The next event; valid until the next one is read.  NULL: the connection has ended. */
const char *browser_read_at(struct where where, struct browser *b);
#define browser_read(b) browser_read_at(HERE, b)
void browser_expect_at(struct where where, struct browser *b, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define browser_expect(b, ...) browser_expect_at(HERE, b, __VA_ARGS__)
/* Reads events until this one. */
void browser_until_at(struct where where, struct browser *b, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define browser_until(b, ...) browser_until_at(HERE, b, __VA_ARGS__)
/* No event but a close frame with that code and the connection's end; 0: an end without one. */
void browser_expect_end_at(struct where where, struct browser *b, int code);
#define browser_expect_end(b, code) browser_expect_end_at(HERE, b, code)

/* Receives what is available without waiting; returns how many received bytes are not read. */
size_t browser_pending(struct browser *b);
/* Waits until n pings, or pongs, have come; events before them are read and forgotten. */
void browser_until_pings_at(struct where where, struct browser *b, int n);
#define browser_until_pings(b, n) browser_until_pings_at(HERE, b, n)
void browser_until_pongs_at(struct where where, struct browser *b, int n);
#define browser_until_pongs(b, n) browser_until_pongs_at(HERE, b, n)

#endif
