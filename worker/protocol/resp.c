/* resp.c - see resp.h. */
#include "worker/protocol/resp.h"

#include "ipc/decimal.h"

#include <string.h>

enum { RESP_NUMBER_MAX = 20 }; /* characters of a number */
_Static_assert(1 + RESP_NUMBER_MAX + 2 + RESP_BULK_MAX + 2 <= RESP_BUFFER_MIN, "a whole bulk fits");

/* ---- reading ---- */

static void resp_bad(struct resp_reader *r, struct resp_element *out, const char *why) {
    r->bad = why;
    out->kind = RESP_BAD;
    out->bytes = why;
    out->len = strlen(why);
}

/* The line that begins with a type at in[0], without that and its CRLF: its length is *len.  False:
 * it is not there, or bad. */
static bool resp_line(struct resp_reader *r, const char *in, size_t n, size_t most, size_t *len,
                      struct resp_element *out) {
    const char *line = in + 1;
    size_t there = n - 1 <= most ? n - 1 : most + 1;
    const char *cr = memchr(line, '\r', there);
    *len = cr ? (size_t)(cr - line) : there;
    if (memchr(line, '\n', *len))
        resp_bad(r, out, "a line ends without CR");
    else if (!cr && there > most)
        resp_bad(r, out, "a line is too long");
    else if (cr && *len + 2 < n && cr[1] != '\n')
        resp_bad(r, out, "a line has a CR without LF");
    return out->kind != RESP_BAD && cr && *len + 2 < n;
}

/* False: it is none, or does not fit. */
static bool resp_number(const char *text, size_t len, int64_t *out) {
    bool minus = len > 0 && text[0] == '-';
    size_t at = minus || (len > 0 && text[0] == '+');
    uint64_t most = minus ? (uint64_t)INT64_MAX + 1 : INT64_MAX, number = 0;
    if (at == len)
        return false;
    for (; at < len; at++) {
        uint64_t digit = (uint64_t)(unsigned char)text[at] - '0';
        if (digit > 9 || number > (most - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = minus ? (int64_t)(0 - number) : (int64_t)number;
    return true;
}

/* The element is whole: moves to the next, out of all arrays that end with it. */
static void resp_step(struct resp_reader *r, struct resp_element *out, enum resp_kind kind) {
    out->kind = kind;
    if (r->depth > 0)
        r->array[r->depth - 1].read++;
    if (kind == RESP_ARRAY && out->number > 0) {
        r->array[r->depth].read = 0;
        r->array[r->depth++].of = (uint32_t)out->number;
        return;
    }
    while (r->depth > 0 && r->array[r->depth - 1].read == r->array[r->depth - 1].of)
        r->depth--;
    out->last = r->depth == 0;
}

/* Bytes of a bulk that is passed over; how many were used. */
static size_t resp_pass_over(struct resp_reader *r, const char *in, size_t n,
                             struct resp_element *out) {
    uint64_t text = r->long_left - 2;
    size_t used = text < n ? (size_t)text : n;
    r->long_left -= used;
    if (r->long_left > 2 || n - used < 2)
        return used;
    if (memcmp(in + used, "\r\n", 2) != 0) {
        resp_bad(r, out, "a bulk does not end with CRLF");
        return used;
    }
    r->long_left = 0;
    out->number = (int64_t)r->long_len;
    resp_step(r, out, RESP_LONG);
    return used + 2;
}

/* A bulk of out->number bytes behind `head` bytes. */
static size_t resp_bulk(struct resp_reader *r, const char *in, size_t n, size_t head,
                        struct resp_element *out) {
    size_t len = (size_t)out->number;
    if (out->number > RESP_BULK_MAX) {
        r->long_len = len;
        r->long_left = len + 2;
        return head + resp_pass_over(r, in + head, n - head, out);
    }
    if (n < head + len + 2)
        return 0;
    if (memcmp(in + head + len, "\r\n", 2) != 0) {
        resp_bad(r, out, "a bulk does not end with CRLF");
        return 0;
    }
    out->bytes = in + head;
    out->len = len;
    resp_step(r, out, RESP_BULK);
    return head + len + 2;
}

/* What begins with a number. */
static size_t resp_counted(struct resp_reader *r, const char *in, size_t n,
                           struct resp_element *out) {
    size_t len;
    if (!resp_line(r, in, n, RESP_NUMBER_MAX, &len, out))
        return 0;
    if (!resp_number(in + 1, len, &out->number)) {
        resp_bad(r, out, "a number is none, or too large");
        return 0;
    }
    bool integer = in[0] == ':', array = in[0] == '*';
    int64_t most = array ? RESP_COUNT_MAX : RESP_LONG_MAX;
    if (!integer && (out->number < -1 || out->number > most)) {
        resp_bad(r, out,
                 array ? "an array's length is out of range" : "a bulk's length is out of range");
        return 0;
    }
    if (array && out->number > 0 && r->depth == RESP_DEPTH_MAX) {
        resp_bad(r, out, "arrays are too deep in one another");
        return 0;
    }
    if (!integer && !array && out->number >= 0)
        return resp_bulk(r, in, n, len + 3, out);
    resp_step(r, out, integer ? RESP_INTEGER : out->number < 0 ? RESP_NIL : RESP_ARRAY);
    return len + 3;
}

size_t resp_read(struct resp_reader *r, const char *in, size_t n, struct resp_element *out) {
    *out = (struct resp_element){.kind = RESP_MORE, .depth = r->depth, .of = 1};
    if (r->depth > 0) {
        out->index = r->array[r->depth - 1].read;
        out->of = r->array[r->depth - 1].of;
    }
    if (r->bad)
        resp_bad(r, out, r->bad);
    if (r->bad || n == 0)
        return 0;
    if (r->long_left > 0)
        return resp_pass_over(r, in, n, out);
    if (in[0] == ':' || in[0] == '$' || in[0] == '*')
        return resp_counted(r, in, n, out);
    if (in[0] != '+' && in[0] != '-') {
        resp_bad(r, out, "an element is of no type that is known");
        return 0;
    }
    if (!resp_line(r, in, n, RESP_LINE_MAX, &out->len, out))
        return 0;
    out->bytes = in + 1;
    resp_step(r, out, in[0] == '+' ? RESP_SIMPLE : RESP_ERROR);
    return out->len + 3;
}

/* ---- writing ---- */

static void resp_put(struct resp_writer *w, const void *bytes, size_t n) {
    size_t used = w->len + w->piece;
    w->full |= n > w->size - used;
    if (w->full)
        return;
    memcpy(w->out + used, bytes, n);
    w->piece += n;
}

static void resp_put_head(struct resp_writer *w, char type, size_t number) {
    char head[1 + DECIMAL_MAX + 2] = {type};
    size_t n = 1 + decimal_write(number, head + 1);
    head[n++] = '\r';
    head[n++] = '\n';
    resp_put(w, head, n);
}

void resp_put_array(struct resp_writer *w, size_t elements) {
    resp_put_head(w, '*', elements);
}

void resp_put_bulk(struct resp_writer *w, const void *bytes, size_t len) {
    resp_put_head(w, '$', len);
    resp_put(w, bytes, len);
    resp_put(w, "\r\n", 2);
}

void resp_put_text(struct resp_writer *w, const char *text) {
    resp_put_bulk(w, text, strlen(text));
}

void resp_put_number(struct resp_writer *w, uint64_t number) {
    char text[DECIMAL_MAX];
    size_t n = decimal_write(number, text);
    resp_put_bulk(w, text, n);
}

bool resp_commit(struct resp_writer *w) {
    bool all = !w->full;
    w->len += all ? w->piece : 0;
    w->piece = 0;
    w->full = false;
    return all;
}
