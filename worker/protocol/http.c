/* http.c - see http.h. */
#include "worker/protocol/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

_Static_assert(sizeof(struct http) == 12, "a client's record has twelve bytes for it");

/* What the next byte belongs to. */
enum http_step {
    STEP_METHOD,
    STEP_TARGET,
    STEP_VERSION,
    STEP_REQUEST_LF, /* the LF behind the request line's CR */
    STEP_LINE,       /* the first byte of a line */
    STEP_NAME,
    STEP_BLANKS, /* before a field's value */
    STEP_VALUE,
    STEP_FIELD_LF,
    STEP_LAST_LF
};

static const char *const http_methods[] = {"GET", "HEAD"}; /* enum http_method - 1 */

/* ---- fields ---- */

enum http_field {
    FIELD_HOST,
    FIELD_ORIGIN,
    FIELD_KEY,
    FIELD_VERSION,
    FIELD_UPGRADE,
    FIELD_CONNECTION,
    FIELD_FORWARDED,
    FIELDS_KEPT,
    FIELD_CONTENT_LENGTH = FIELDS_KEPT,
    FIELD_TRANSFER_ENCODING,
    FIELDS
};

static const char *const http_fields[FIELDS] = {
    [FIELD_HOST] = "host",
    [FIELD_ORIGIN] = "origin",
    [FIELD_KEY] = "sec-websocket-key",
    [FIELD_VERSION] = "sec-websocket-version",
    [FIELD_UPGRADE] = "upgrade",
    [FIELD_CONNECTION] = "connection",
    [FIELD_FORWARDED] = "x-forwarded-for",
    [FIELD_CONTENT_LENGTH] = "content-length",
    [FIELD_TRANSFER_ENCODING] = "transfer-encoding",
};
_Static_assert((int)FIELDS <= 16, "a bit for each fits struct http");

enum {
    /* Lists, which may be in several lines. */
    FIELDS_REPEATED = 1u << FIELD_UPGRADE | 1u << FIELD_CONNECTION | 1u << FIELD_FORWARDED,
};

/* Of `word` the bits stay whose names have the byte there. */
static void http_match(struct http *h, const char *const *names, int count, uint8_t byte) {
    for (int i = 0; i < count; i++)
        if (!(h->word & 1u << i) || strlen(names[i]) <= h->at || names[i][h->at] != (char)byte)
            h->word &= (uint16_t) ~(1u << i);
    h->at++;
}

/* The word is ended: only the name that is as long stays. */
static void http_matched(struct http *h, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (strlen(names[i]) != h->at)
            h->word &= (uint16_t) ~(1u << i);
}

static bool http_is(const struct http *h, enum http_field field) {
    return h->word & 1u << field;
}

/* ---- bytes ---- */

static void http_fail(struct http *h, enum http_status status) {
    h->state = HTTP_FAILED;
    h->status = (uint8_t)status;
}

/* RFC 9110 5.6.2 */
static bool http_token(uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
}

static bool http_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

static uint8_t http_lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

/* False: there is no room for it. */
static bool http_keep(uint8_t *kept, uint16_t *kept_len, uint8_t c) {
    if (*kept_len == HTTP_KEPT_MAX)
        return false;
    kept[(*kept_len)++] = c;
    return true;
}

/* ---- the request line ---- */

static void http_in_method(struct http *h, uint8_t c) {
    if (h->at == 0)
        h->word = 3;
    if (c == ' ' && h->at > 0) {
        http_matched(h, http_methods, 2);
        h->method = h->word & 1 ? HTTP_GET : h->word & 2 ? HTTP_HEAD : HTTP_OTHER;
        h->step = STEP_TARGET;
        h->at = 0;
    } else if (!http_token(c) || h->at == HTTP_METHOD_MAX) {
        http_fail(h, HTTP_BAD_REQUEST);
    } else {
        http_match(h, http_methods, 2, c);
    }
}

static void http_in_target(struct http *h, uint8_t *kept, uint16_t *kept_len, uint8_t c) {
    if (c == ' ' && *kept_len > 0) {
        h->step = STEP_VERSION;
        if (!http_keep(kept, kept_len, '\0'))
            http_fail(h, HTTP_TARGET_TOO_LONG);
    } else if (c <= ' ' || c >= 0x7F) {
        http_fail(h, HTTP_BAD_REQUEST);
    } else if (!http_keep(kept, kept_len, c)) {
        http_fail(h, HTTP_TARGET_TOO_LONG);
    }
}

/* HTTP/1.0, or 1.1 and later ones of 1, which are answered alike (RFC 9110 2.5). */
static void http_in_version(struct http *h, uint8_t c) {
    static const char form[] = "HTTP/d.d";
    if (h->at == sizeof form - 1) {
        if (h->word != 1)
            http_fail(h, HTTP_VERSION_NOT_SUPPORTED);
        else if (c == '\r' || c == '\n')
            h->step = c == '\r' ? STEP_REQUEST_LF : STEP_LINE;
        else
            http_fail(h, HTTP_BAD_REQUEST);
    } else if (form[h->at] == 'd' ? c < '0' || c > '9' : c != (uint8_t)form[h->at]) {
        http_fail(h, HTTP_BAD_REQUEST);
    } else {
        if (h->at == 5)
            h->word = c == '1';
        h->at++;
        h->old = c == '0';
    }
}

/* ---- fields ---- */

/* The last line is read. */
static void http_head_ends(struct http *h) {
    if (!h->old && !(h->seen & 1u << FIELD_HOST))
        http_fail(h, HTTP_BAD_REQUEST);
    else
        h->state = HTTP_COMPLETE;
}

static void http_in_name(struct http *h, uint8_t c) {
    if (c != ':' && http_token(c)) {
        if (h->at < UINT8_MAX) /* longer than any that is wanted */
            http_match(h, http_fields, FIELDS, http_lower(c));
        return;
    }
    http_matched(h, http_fields, FIELDS);
    unsigned again = h->seen & h->word & ~(unsigned)FIELDS_REPEATED;
    if (c != ':' || h->at == 0 || again || http_is(h, FIELD_TRANSFER_ENCODING))
        http_fail(h, HTTP_BAD_REQUEST);
    h->seen |= h->word;
    h->step = STEP_BLANKS;
}

static void http_at_line(struct http *h, uint8_t c) {
    if (c == '\r') {
        h->step = STEP_LAST_LF;
    } else if (c == '\n') {
        http_head_ends(h);
    } else if (h->fields == HTTP_FIELDS_MAX) {
        http_fail(h, HTTP_FIELDS_TOO_LARGE);
    } else {
        h->fields++;
        h->at = 0;
        h->word = (1u << FIELDS) - 1;
        h->step = STEP_NAME;
        http_in_name(h, c);
    }
}

/* A wanted value is kept as its field's number, its bytes, a NUL. */
static void http_value(struct http *h, uint8_t *kept, uint16_t *kept_len, uint8_t c, bool first) {
    bool end = c == '\r' || c == '\n', room = true;
    if (!end && (c == 0x7F || (c < ' ' && c != '\t'))) {
        http_fail(h, HTTP_BAD_REQUEST);
        return;
    }
    if (http_is(h, FIELD_CONTENT_LENGTH) && (end ? first : c != '0' && !http_blank(c)))
        http_fail(h, HTTP_BAD_REQUEST); /* a body, or no number */
    unsigned wanted = h->word & ((1u << FIELDS_KEPT) - 1);
    if (wanted && first)
        room = http_keep(kept, kept_len, (uint8_t)__builtin_ctz(wanted) + 1);
    if (wanted)
        room = room && http_keep(kept, kept_len, end ? '\0' : c);
    if (!room)
        http_fail(h, HTTP_FIELDS_TOO_LARGE);
    h->step = c == '\r' ? STEP_FIELD_LF : c == '\n' ? STEP_LINE : STEP_VALUE;
}

static void http_want_lf(struct http *h, uint8_t c, enum http_step next) {
    if (c != '\n')
        http_fail(h, HTTP_BAD_REQUEST);
    h->step = (uint8_t)next;
}

/* ---- the whole ---- */

static void http_byte(struct http *h, uint8_t *kept, uint16_t *kept_len, uint8_t c) {
    switch ((enum http_step)h->step) {
    case STEP_METHOD: http_in_method(h, c); break;
    case STEP_TARGET: http_in_target(h, kept, kept_len, c); break;
    case STEP_VERSION: http_in_version(h, c); break;
    case STEP_REQUEST_LF: http_want_lf(h, c, STEP_LINE); break;
    case STEP_LINE: http_at_line(h, c); break;
    case STEP_NAME: http_in_name(h, c); break;
    case STEP_BLANKS:
        if (!http_blank(c))
            http_value(h, kept, kept_len, c, true);
        break;
    case STEP_VALUE: http_value(h, kept, kept_len, c, false); break;
    case STEP_FIELD_LF: http_want_lf(h, c, STEP_LINE); break;
    case STEP_LAST_LF:
        http_want_lf(h, c, STEP_LAST_LF);
        if (h->state == HTTP_READING)
            http_head_ends(h);
        break;
    }
}

size_t http_read(struct http *h, uint8_t *kept, uint16_t *kept_len, const uint8_t *in, size_t n) {
    size_t at = 0;
    while (at < n && h->state == HTTP_READING) {
        if (h->bytes == HTTP_BYTES_MAX) {
            http_fail(h, h->step < STEP_REQUEST_LF ? HTTP_TARGET_TOO_LONG : HTTP_FIELDS_TOO_LARGE);
            break;
        }
        h->bytes++;
        http_byte(h, kept, kept_len, in[at++]);
    }
    return at;
}

/* The next kept value of a field behind `after` (NULL: the first), without the blanks behind it;
 * NULL: it has no more. */
static const char *http_kept(const uint8_t *kept, uint16_t kept_len, enum http_field field,
                             const char *after, size_t *len) {
    const char *at = (const char *)kept, *end = at + kept_len;
    at = after ? after + strlen(after) + 1 : at + strnlen(at, kept_len) + 1;
    for (; at < end; at += strlen(at) + 1) {
        if (*at != (char)(field + 1))
            continue;
        *len = strlen(at + 1);
        while (*len > 0 && http_blank((uint8_t)at[*len]))
            --*len;
        return at + 1;
    }
    return NULL;
}

/* Whether a list, in one line or several, has the word (RFC 9110 5.6.1, 7.8). */
static bool http_lists(const uint8_t *kept, uint16_t kept_len, enum http_field field,
                       const char *word) {
    size_t len, n = strlen(word);
    for (const char *at = NULL; (at = http_kept(kept, kept_len, field, at, &len)) != NULL;) {
        for (const char *item = at, *end = at + len; item < end;) {
            item += strspn(item, " \t,");
            size_t span = strcspn(item, ","), bare = span;
            while (bare > 0 && http_blank((uint8_t)item[bare - 1]))
                bare--;
            if (bare == n && strncasecmp(item, word, n) == 0)
                return true;
            item += span;
        }
    }
    return false;
}

struct http_request http_request(const struct http *h, const uint8_t *kept, uint16_t kept_len) {
    struct http_request r = {.method = (enum http_method)h->method, .path = (const char *)kept};
    size_t len = 0;
    r.path_len = strcspn(r.path, "?");
    r.host = http_kept(kept, kept_len, FIELD_HOST, NULL, &r.host_len);
    r.origin = http_kept(kept, kept_len, FIELD_ORIGIN, NULL, &r.origin_len);
    r.key = http_kept(kept, kept_len, FIELD_KEY, NULL, &r.key_len);
    const char *version = http_kept(kept, kept_len, FIELD_VERSION, NULL, &len);
    r.version13 = version && len == 2 && memcmp(version, "13", 2) == 0;
    r.upgrades = !h->old && r.method == HTTP_GET &&
                 http_lists(kept, kept_len, FIELD_UPGRADE, "websocket") &&
                 http_lists(kept, kept_len, FIELD_CONNECTION, "upgrade");
    return r;
}

const char *http_forwarded(const uint8_t *kept, uint16_t kept_len, const char *before,
                           size_t *len) {
    const char *last = NULL;
    size_t n;
    for (const char *at = NULL;
         (at = http_kept(kept, kept_len, FIELD_FORWARDED, at, &n)) != NULL;) {
        if (at == before)
            break;
        last = at;
        *len = n;
    }
    return last;
}

/* ---- Host ---- */

/* ":9100" or nothing. */
static bool http_port(const char *text, size_t len) {
    bool digits = len > 1 && len <= 6 && text[0] == ':';
    for (size_t i = 1; i < len && digits; i++)
        digits = text[i] >= '0' && text[i] <= '9';
    return len == 0 || digits;
}

/* "[::1]" and a port. */
static enum http_host http_host_ipv6(const char *host, size_t len, size_t *name_len) {
    char text[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    const char *close = memchr(host, ']', len);
    size_t inside = close ? (size_t)(close - host) - 1 : sizeof text;
    if (inside >= sizeof text || !http_port(close + 1, len - inside - 2))
        return HTTP_HOST_NONE;
    memcpy(text, host + 1, inside);
    text[inside] = '\0';
    *name_len = inside + 2;
    return inet_pton(AF_INET6, text, &addr) == 1 ? HTTP_HOST_ADDRESS : HTTP_HOST_NONE;
}

static bool http_host_bytes(const char *host, size_t len) {
    for (size_t i = 0; i < len; i++) {
        uint8_t c = http_lower((uint8_t)host[i]);
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_')
            return false;
    }
    return len > 0;
}

enum http_host http_host(const char *host, size_t len, size_t *name_len) {
    char text[INET_ADDRSTRLEN];
    struct in_addr addr;
    *name_len = 0;
    if (len > 0 && *host == '[')
        return http_host_ipv6(host, len, name_len);
    const char *colon = memchr(host, ':', len);
    size_t n = colon ? (size_t)(colon - host) : len;
    if (!http_host_bytes(host, n) || !http_port(host + n, len - n))
        return HTTP_HOST_NONE;
    *name_len = n;
    snprintf(text, sizeof text, "%.*s", (int)(n < sizeof text ? n : 0), host);
    if (inet_pton(AF_INET, text, &addr) == 1)
        return HTTP_HOST_ADDRESS;
    if (n == 9 && strncasecmp(host, "localhost", n) == 0)
        return HTTP_HOST_LOCAL;
    return memchr(host, '.', n) ? HTTP_HOST_NAME : HTTP_HOST_LABEL;
}

/* Of ":9100"; that of the scheme where there is none. */
static long http_port_of(const char *text, size_t len, long scheme) {
    char digits[8] = "";
    if (len > 1 && len <= sizeof digits)
        memcpy(digits, text + 1, len - 1);
    return len > 1 ? strtol(digits, NULL, 10) : scheme;
}

bool http_same_origin(const char *origin, size_t origin_len, const char *host, size_t host_len) {
    bool plain = origin_len > 7 && strncasecmp(origin, "http://", 7) == 0;
    bool secure = origin_len > 8 && strncasecmp(origin, "https://", 8) == 0;
    size_t scheme = plain ? 7 : 8, name, host_name;
    if (!plain && !secure)
        return false;
    origin += scheme;
    origin_len -= scheme;
    if (http_host(origin, origin_len, &name) == HTTP_HOST_NONE ||
        http_host(host, host_len, &host_name) == HTTP_HOST_NONE || name != host_name ||
        strncasecmp(origin, host, name) != 0)
        return false;
    long port = plain ? 80 : 443;
    return http_port_of(origin + name, origin_len - name, port) ==
           http_port_of(host + name, host_len - name, port);
}

/* ---- answers ---- */

const char *http_status_text(enum http_status status) {
    static const char *const text[HTTP_STATUSES] = {
        [HTTP_NONE] = "500 Internal Server Error",
        [HTTP_SWITCHING_PROTOCOLS] = "101 Switching Protocols",
        [HTTP_OK] = "200 OK",
        [HTTP_BAD_REQUEST] = "400 Bad Request",
        [HTTP_FORBIDDEN] = "403 Forbidden",
        [HTTP_NOT_FOUND] = "404 Not Found",
        [HTTP_METHOD_NOT_ALLOWED] = "405 Method Not Allowed",
        [HTTP_REQUEST_TIMEOUT] = "408 Request Timeout",
        [HTTP_TARGET_TOO_LONG] = "414 URI Too Long",
        [HTTP_MISDIRECTED] = "421 Misdirected Request",
        [HTTP_UPGRADE_REQUIRED] = "426 Upgrade Required",
        [HTTP_FIELDS_TOO_LARGE] = "431 Request Header Fields Too Large",
        [HTTP_UNAVAILABLE] = "503 Service Unavailable",
        [HTTP_VERSION_NOT_SUPPORTED] = "505 HTTP Version Not Supported",
    };
    return text[status];
}

/* What some answers say besides. */
static const char *http_more(enum http_status status) {
    if (status == HTTP_METHOD_NOT_ALLOWED)
        return "Allow: GET, HEAD\r\n";
    if (status == HTTP_UPGRADE_REQUIRED)
        return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    return "";
}

/* What a page may do, and that no other page shows it in a frame. */
static void http_page_fields(const char *policy, char *out, size_t size) {
    snprintf(out, size,
             "Content-Security-Policy: %s\r\nX-Frame-Options: DENY\r\n"
             "Referrer-Policy: no-referrer\r\n",
             policy);
}

size_t http_head(const struct http_answer *answer, char out[HTTP_HEAD_MAX]) {
    char date[64], page[HTTP_HEAD_MAX] = "";
    struct tm tm;
    gmtime_r(&answer->date, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (answer->policy)
        http_page_fields(answer->policy, page, sizeof page);
    bool upgrade = answer->status == HTTP_UPGRADE_REQUIRED;
    int n = snprintf(out, HTTP_HEAD_MAX,
                     "HTTP/1.1 %s\r\nDate: %s\r\n%s%sContent-Type: %s\r\nContent-Length: %zu\r\n"
                     "Cache-Control: %s\r\nX-Content-Type-Options: nosniff\r\n"
                     "Connection: %s\r\n\r\n",
                     http_status_text(answer->status), date, http_more(answer->status), page,
                     answer->type, answer->length, answer->policy ? "no-cache" : "no-store",
                     upgrade ? "close, Upgrade" : "close");
    return n < HTTP_HEAD_MAX ? (size_t)n : 0;
}

size_t http_head_upgraded(const char accept[HTTP_ACCEPT_LEN], char out[HTTP_HEAD_MAX]) {
    return (size_t)snprintf(out, HTTP_HEAD_MAX,
                            "HTTP/1.1 %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: %.*s\r\n\r\n",
                            http_status_text(HTTP_SWITCHING_PROTOCOLS), HTTP_ACCEPT_LEN, accept);
}
