/* resp.h - RESP2, which the engine (Redis) speaks: reads replies element by element, writes
 * commands.
 *
 *     struct resp_reader r = {0};                           one a connection, zeroed with it
 *     while ((used = resp_read(&r, rx + at, len - at, &el)), at += used, el.kind != RESP_MORE)
 *         ...                                               el.depth, el.index: which element it is
 *     move rx[at, len) to the front, receive behind it, again
 *
 * The reader keeps counts and no bytes: the receive buffer is the caller's, and what an element
 * refers to lies in it, until the caller moves or overwrites it.  An element is read once all its
 * bytes are there, so a buffer of RESP_BUFFER_MIN bytes never fills up with one that is not whole,
 * and replies of any length pass through it.  Where the input is split makes no difference to the
 * elements.
 *
 * An element is named by its depth (0: the reply itself, 1: of the reply's array, ...) and its
 * index in the array around it, which begins before its elements do.  Arrays have no end of their
 * own: `last` marks the element that ends the reply, an empty array's too.
 *
 *     XREAD:  depth 4, index 0: an entry's id; depth 5, index 1: the value of its first field
 *
 * A bulk of more than RESP_BULK_MAX bytes is passed over and told by its length (RESP_LONG), so
 * that one entry that is too long does not end the connection.  Malformed input does: RESP_BAD with
 * a reason, for each call from then on.  Pure functions; no allocation.  Source: redis.io/docs,
 * "Redis serialization protocol specification", RESP2. */
#ifndef WORKER_PROTOCOL_RESP_H
#define WORKER_PROTOCOL_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
enum {
    RESP_BULK_MAX = 8192,       /* bytes of a bulk that is given */
    RESP_LINE_MAX = 1024,       /* bytes of a simple string or an error, without its type and CRLF */
    RESP_DEPTH_MAX = 8,         /* arrays in one another */
    RESP_COUNT_MAX = 1 << 24,   /* elements of one array */
    RESP_LONG_MAX = 512 << 20,  /* bytes of a bulk that is passed over; the engine's own limit */
    RESP_BUFFER_MIN = RESP_BULK_MAX + 32,
};

enum resp_kind {
    RESP_MORE,    /* no element: more bytes are needed; some may have been used */
    RESP_SIMPLE,  /* +OK: bytes, len */
    RESP_ERROR,   /* -ERR ...: bytes, len, without the minus; an element like others, not RESP_BAD */
    RESP_INTEGER, /* number */
    RESP_BULK,    /* bytes, len; any bytes */
    RESP_LONG,    /* number: the length of a bulk that was passed over */
    RESP_NIL,     /* a bulk or an array that is not there */
    RESP_ARRAY,   /* number: how many elements follow */
    RESP_BAD,     /* not RESP2: bytes, len: why, in words for a log */
};
/* clang-format on */

struct resp_element {
    enum resp_kind kind;
    bool last;         /* the reply ends with it */
    uint32_t depth;    /* arrays around it */
    uint32_t index;    /* in the innermost of them, from 0 on; 0 at depth 0 */
    uint32_t of;       /* how many elements that array has; 1 at depth 0 */
    const char *bytes; /* not NUL-terminated */
    size_t len;
    int64_t number;
};

struct resp_reader {
    uint32_t depth; /* arrays that have begun and not ended */
    struct {
        uint32_t read, of;
    } array[RESP_DEPTH_MAX];
    uint64_t long_len, long_left; /* a bulk that is being passed over; bytes left, with its CRLF */
    const char *bad;              /* why the input is malformed; NULL: it is not */
};

/* Reads the element that begins at in[0], `n` bytes are there.  Returns how many of them are used
 * up; those of an element in place are among them. */
size_t resp_read(struct resp_reader *r, const char *in, size_t n, struct resp_element *out);

/* Writes commands, arrays of bulks, into the caller's buffer:
 *
 *     struct resp_writer w = {.out = tx, .size = sizeof tx};
 *     resp_put_array(&w, 3);
 *     resp_put_text(&w, "SET"); resp_put_text(&w, key); resp_put_bulk(&w, value, len);
 *     if (!resp_commit(&w)) ...                             there is no room: nothing is written
 *
 * What is put between two commits is in out[0, len) as a whole or not at all.  A command may be
 * put in several such pieces, its array first.  The caller takes bytes off by moving the rest to
 * the front and lowering `len`, between a commit and the next piece. */
struct resp_writer {
    char *out;
    size_t size;
    size_t len;   /* bytes that are committed */
    size_t piece; /* bytes of the piece under way, behind them */
    bool full;    /* that piece did not fit */
};

void resp_put_array(struct resp_writer *w, size_t elements);
void resp_put_bulk(struct resp_writer *w, const void *bytes, size_t len);
void resp_put_text(struct resp_writer *w, const char *text);
void resp_put_number(struct resp_writer *w, uint64_t number); /* a bulk, in decimal */
bool resp_commit(struct resp_writer *w);

#endif
