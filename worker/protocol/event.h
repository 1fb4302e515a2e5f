/* event.h - what browsers and bots are sent: one JSON object in one WebSocket text frame.
 *
 *     struct event_line line = {.kind = EVENT_SAY, .epoch = ..., .ms = ..., .who = "ann", ...};
 *     size_t n = event_line(&clock, &line, out, size, &id_at);
 *
 * A frame of the server is not masked (RFC 6455 5.1), so the same bytes serve every client.  Text
 * stands in it as UTF-8: only `"`, `\` and C0 controls are escaped, and a byte that is no UTF-8 is
 * shown as U+FFFD, because it would end the connection of every browser.  Keys come in the order
 * in which the builders write them.
 *
 * An object is written behind room for the longest head, four bytes, and moved up when its length
 * is known: a head has the shortest form.
 *
 * The builders return the frame's length, or 0 where it does not fit: a frame is never cut.
 * Memory is the caller's; pure functions; safe anywhere.  Sources: RFC 6455 5.2, RFC 8259 7. */
#ifndef WORKER_PROTOCOL_EVENT_H
#define WORKER_PROTOCOL_EVENT_H

#include "ipc/client.h"
#include "ipc/config.h"
#include "ipc/timestamp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
    EVENT_SAY, /* event_line: up to EVENT_MSG */
    EVENT_ME,
    EVENT_JOIN,
    EVENT_LEAVE,
    EVENT_KICK,
    EVENT_NICK, /* `text` is the new name */
    EVENT_SYS,  /* an announcement, without "*** " */
    EVENT_MSG,  /* private; `to` is the addressee */
    EVENT_HELLO,
    EVENT_OK,
    EVENT_ERROR,
    EVENT_NOTE, /* any other sentence of the server */
    EVENT_MOTD,
    EVENT_PEOPLE,
    EVENT_HISTORY, /* so many earlier lines follow */
    EVENT_SKIPPED,
    EVENT_DROPPED,
    EVENT_KINDS
};

enum {
    EVENT_HEAD_MAX = 4,      /* bytes of a frame's head */
    EVENT_ESCAPED = 6,       /* bytes that one of a text may take: \u001f */
    EVENT_EPOCH_DIGITS = 16, /* an id is these, `-`, and those */
    EVENT_INDEX_DIGITS = 12,
    EVENT_ID_LEN = EVENT_EPOCH_DIGITS + 1 + EVENT_INDEX_DIGITS,
    EVENT_TOKEN_BYTES = 16,
    /* The longest frame of a line: two names, a text, and less than 256 bytes for the rest. */
    EVENT_LINE_MAX = 256 + EVENT_ESCAPED * (LINE_MAX_MAX + 2 * NAME_BYTES_MAX),
    EVENT_PING_LEN = 2,
};

/* A batch may take a quarter of a ring.  The smallest JSON ring is four times the smallest
 * ring_size (master/config.c). */
enum { EVENT_RING_MIN = 4 * 65536 };
_Static_assert(EVENT_LINE_MAX <= EVENT_RING_MIN / 4, "a line's frame fits the smallest ring");

/* ---- lines ---- */

/* The time as text, written once a second; zeroed: nothing is written yet. */
struct event_clock {
    int64_t second;
    char text[TIMESTAMP_TEXT];
};

struct event_line {
    enum event_kind kind;
    uint64_t epoch;       /* of the segment: room->shared->epoch */
    uint64_t index;       /* in the ledger; 0 where only the append will know it */
    int64_t ms;           /* since 1970, shown with 10 ms */
    const char *who, *to; /* NULL: none */
    const char *text;     /* NULL: none; text_len bytes */
    size_t text_len;
};

/* *id_at: where in the frame the index's digits are, to be written later; EVENT_LINE_MAX bytes are
 * always enough. */
size_t event_line(struct event_clock *clock, const struct event_line *line, uint8_t *out,
                  size_t size, uint32_t *id_at);

/* A ping frame without payload, which serves every browser; it is no line. */
extern const uint8_t event_ping[EVENT_PING_LEN];

/* False: the text is no id. */
bool event_id_read(const char *text, size_t len, uint64_t *epoch, uint64_t *index);

/* ---- for one client ---- */

#define EVENT_NO_RE (-1) /* the answered message had no `re` */

struct event_hello {
    const char *room;
    uint64_t epoch, index; /* the last entry */
    bool login;
    uint32_t line_max;
    const char *language;
};
size_t event_hello(const struct event_hello *hello, uint8_t *out, size_t size);

size_t event_ok(int64_t re, uint8_t *out, size_t size);
/* `last`: the last `re` that was taken from the connection taken over. */
size_t event_logged_in(int64_t re, const char *name, const uint8_t token[EVENT_TOKEN_BYTES],
                       uint32_t last, uint8_t *out, size_t size);
size_t event_error(int64_t re, const char *code, const char *text, size_t len, uint8_t *out,
                   size_t size);
/* EVENT_NOTE, EVENT_MOTD */
size_t event_text(enum event_kind kind, const char *text, size_t len, uint8_t *out, size_t size);
/* EVENT_HISTORY, EVENT_SKIPPED, EVENT_DROPPED */
size_t event_number(enum event_kind kind, uint64_t n, uint8_t *out, size_t size);

/* A list of people may take several events:
 *
 *     event_people(&e, re, out, size);
 *     while (event_person(&e, ...)) ...    false: there is no room for it
 *     n = event_people_end(&e, more);      more: another event of this list follows
 */
struct event {
    uint8_t *out; /* the object begins EVENT_HEAD_MAX bytes behind it */
    size_t size, len;
    bool full; /* something did not fit */
};
/* Bytes in which a list with any one person fits. */
enum { EVENT_PERSON_MAX = 128 + EVENT_ESCAPED * NAME_BYTES_MAX };
void event_people(struct event *e, int64_t re, uint8_t *out, size_t size);
#define EVENT_NO_IDLE (-1) /* of people of other machines it is not known */
bool event_person(struct event *e, const char *name, int64_t idle_s, bool bot);
size_t event_people_end(struct event *e, bool more);

#endif
