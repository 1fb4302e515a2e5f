/* http.h - an HTTP request's head: bytes in, a request or the status it fails with out; and the
 * head of the answer.
 *
 *     size_t used = http_read(&h, kept, &kept_len, in, n);
 *     while h.state is HTTP_READING, more is wanted; then http_request(...)
 *
 * The head streams: of it only the target and the values of wanted fields are kept.  Any split of
 * the input gives the same result.  A connection serves one request: never keep-alive, and no
 * body.
 *
 * Replay.  `kept` is only appended to, so that a committed (state, kept_len) stays true while later
 * bytes are handled and a death throws them away.
 *
 * Strict where leniency lets two readers of one request differ (RFC 9112 11): a bare CR, a blank
 * before a colon, a folded line, a control character, a second Host, a body or a Transfer-Encoding
 * are 400.  A bare LF ends a line (RFC 9112 2.2), so that a person may type a request.  Of the
 * forms of a target only the origin form is served: this is no proxy.
 *
 * Sources: RFC 9110, 9112; RFC 6585 5 (431).  Pure functions; safe anywhere. */
#ifndef WORKER_PROTOCOL_HTTP_H
#define WORKER_PROTOCOL_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
    HTTP_BYTES_MAX = 8192, /* of a request's head */
    HTTP_FIELDS_MAX = 64,
    HTTP_METHOD_MAX = 32, /* bytes */
    HTTP_KEPT_MAX = 512,  /* bytes: target, host and what is between */
    HTTP_HEAD_MAX = 512,  /* bytes of an answer's head */
};

enum http_method { HTTP_OTHER, HTTP_GET, HTTP_HEAD };

enum http_status {
    HTTP_NONE, /* the request has not failed */
    HTTP_OK,
    HTTP_BAD_REQUEST,
    HTTP_NOT_FOUND,
    HTTP_METHOD_NOT_ALLOWED,
    HTTP_REQUEST_TIMEOUT,
    HTTP_TARGET_TOO_LONG,
    HTTP_MISDIRECTED,
    HTTP_FIELDS_TOO_LARGE,
    HTTP_UNAVAILABLE,
    HTTP_VERSION_NOT_SUPPORTED,
    HTTP_STATUSES
};

/* What has become of a connection's one request; the last two are the caller's. */
enum http_state {
    HTTP_READING,
    HTTP_COMPLETE, /* the head is read and well formed */
    HTTP_FAILED,   /* `status` says how */
    HTTP_ANSWERED, /* the answer is in the client's output */
    HTTP_ENDED,    /* the answer is sent: the peer is to end the connection */
};

/* Twelve bytes of plain data, zero at the start.  It lives in the client's record and may be copied
 * anywhere between two calls. */
struct http {
    uint8_t state;  /* enum http_state */
    uint8_t step;   /* of the reader: http.c */
    uint8_t method; /* enum http_method */
    uint8_t status; /* enum http_status */
    uint8_t old;    /* 1: HTTP/1.0 */
    uint8_t at;     /* bytes of the word under way: method, version, a field's name */
    uint8_t word;   /* what that may be, or is: a bit each */
    uint8_t seen;   /* wanted fields: a bit each */
    uint16_t bytes; /* of the head so far */
    uint8_t fields; /* so far */
    uint8_t pad;
};

/* Reads what is left of the head, at most in[0, n), and returns how many bytes that were: fewer
 * than n only when the state is no longer HTTP_READING.  `kept` has HTTP_KEPT_MAX bytes. */
size_t http_read(struct http *h, uint8_t *kept, uint16_t *kept_len, const uint8_t *in, size_t n);

/* A complete request.  Text points into `kept` and is terminated. */
struct http_request {
    enum http_method method;
    const char *path; /* without the query; path_len bytes of the target */
    size_t path_len;
    const char *host; /* NULL: HTTP/1.0 without one */
    size_t host_len;  /* without blanks behind it */
};
struct http_request http_request(const struct http *h, const uint8_t *kept, uint16_t kept_len);

/* What a Host field names.  A page elsewhere may make a name of its own lead to this machine (DNS
 * rebinding), and its visitors' browsers then ask here with that name: so a name is served only if
 * the caller knows it. */
enum http_host {
    HTTP_HOST_NONE,    /* malformed, or empty */
    HTTP_HOST_ADDRESS, /* an IP address */
    HTTP_HOST_LOCAL,   /* localhost */
    HTTP_HOST_LABEL,   /* another name without a dot: of no public domain */
    HTTP_HOST_NAME,
};
/* With or without a port; *name_len: of the name without it. */
enum http_host http_host(const char *host, size_t len, size_t *name_len);

/* "400 Bad Request" */
const char *http_status_text(enum http_status status);

struct http_answer {
    enum http_status status;
    const char *type; /* of the body */
    size_t length;    /* of the body, whether it is sent (GET) or not (HEAD) */
    time_t date;
};
/* Writes the head and returns its length. */
size_t http_head(const struct http_answer *answer, char out[HTTP_HEAD_MAX]);

#endif
