/* http.h - an HTTP request's head: bytes in, a request or the status it fails with out; and the
 * head of the answer, or of the answer that begins a WebSocket.
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
 * are 400; so is a second Origin, key or version of a WebSocket.  A bare LF ends a line (RFC
 * 9112 2.2), so that a person may type a request.  Of the forms of a target only the origin form is
 * served: this is no proxy.
 *
 * Sources: RFC 9110, 9112; RFC 6585 5 (431); RFC 6455 4 (WebSocket), RFC 6454 (Origin).  Pure
 * functions; safe anywhere. */
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
    HTTP_KEPT_MAX = 512,  /* bytes: the target and the wanted values */
    HTTP_HEAD_MAX = 1280, /* bytes of an answer's head */
    HTTP_ACCEPT_LEN = 28, /* Sec-WebSocket-Accept */
};

enum http_method { HTTP_OTHER, HTTP_GET, HTTP_HEAD };

enum http_status {
    HTTP_NONE, /* the request has not failed */
    HTTP_SWITCHING_PROTOCOLS,
    HTTP_OK,
    HTTP_BAD_REQUEST,
    HTTP_FORBIDDEN,
    HTTP_NOT_FOUND,
    HTTP_METHOD_NOT_ALLOWED,
    HTTP_REQUEST_TIMEOUT,
    HTTP_TARGET_TOO_LONG,
    HTTP_MISDIRECTED,
    HTTP_UPGRADE_REQUIRED,
    HTTP_FIELDS_TOO_LARGE,
    HTTP_UNAVAILABLE,
    HTTP_VERSION_NOT_SUPPORTED,
    HTTP_STATUSES
};

/* What has become of a connection's one request; from HTTP_ANSWERED on the caller's. */
enum http_state {
    HTTP_READING,
    HTTP_COMPLETE, /* the head is read and well formed */
    HTTP_FAILED,   /* `status` says how */
    HTTP_ANSWERED, /* the answer is in the client's output */
    HTTP_PAGE,     /* its head is, and the page follows from the segment (ipc/web_page.h) */
    HTTP_ENDED,    /* the answer is sent: the peer is to end the connection */
    HTTP_UPGRADED, /* the connection is a WebSocket: the state's other bytes are websocket.h's */
};

/* Twelve bytes of plain data, zero at the start.  It lives in the client's record and may be copied
 * anywhere between two calls. */
struct http {
    uint8_t state;      /* enum http_state */
    uint8_t step;       /* of the reader: http.c */
    uint8_t method;     /* enum http_method */
    uint8_t status;     /* enum http_status */
    uint8_t at;         /* bytes of the word under way: method, version, a field's name;
                           HTTP_PAGE: the page's version */
    uint8_t fields : 7; /* so far */
    uint8_t old : 1;    /* HTTP/1.0 */
    uint16_t word;      /* what the word under way may be, or is: a bit each */
    uint16_t seen;      /* wanted fields: a bit each */
    uint16_t bytes;     /* of the head so far */
};

/* Reads what is left of the head, at most in[0, n), and returns how many bytes that were: fewer
 * than n only when the state is no longer HTTP_READING.  `kept` has HTTP_KEPT_MAX bytes. */
size_t http_read(struct http *h, uint8_t *kept, uint16_t *kept_len, const uint8_t *in, size_t n);

/* A complete request.  Text points into `kept` and is terminated. */
struct http_request {
    enum http_method method;
    const char *path; /* without the query; path_len bytes of the target */
    size_t path_len;
    const char *host;   /* NULL: HTTP/1.0 without one */
    size_t host_len;    /* lengths are without blanks behind the value */
    const char *origin; /* NULL: none */
    size_t origin_len;
    bool upgrades;   /* asks for a WebSocket */
    const char *key; /* of the WebSocket; NULL: none */
    size_t key_len;
    bool version13; /* of the WebSocket protocol: the only one there is */
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

/* Whether an Origin is the server that Host names: http or https, the same name and the same port,
 * where that of the scheme may be left out of either. */
bool http_same_origin(const char *origin, size_t origin_len, const char *host, size_t host_len);

/* The value of the last line of X-Forwarded-For before `before` (NULL: of all); NULL: none. */
const char *http_forwarded(const uint8_t *kept, uint16_t kept_len, const char *before, size_t *len);

/* "400 Bad Request" */
const char *http_status_text(enum http_status status);

struct http_answer {
    enum http_status status;
    const char *type;   /* of the body */
    const char *policy; /* Content-Security-Policy of the page, which may be kept if asked for again
                           each time; NULL: no page, and not to be kept */
    size_t length;      /* of the body, whether it is sent (GET) or not (HEAD) */
    time_t date;
};
/* Writes the head and returns its length. */
size_t http_head(const struct http_answer *answer, char out[HTTP_HEAD_MAX]);
/* The head that begins a WebSocket. */
size_t http_head_upgraded(const char accept[HTTP_ACCEPT_LEN], char out[HTTP_HEAD_MAX]);

#endif
