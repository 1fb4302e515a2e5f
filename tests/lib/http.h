/* http.h - a peer of the server's HTTP ports: sends bytes, reads the answer to its end. */
#ifndef TESTS_LIB_HTTP_H
#define TESTS_LIB_HTTP_H

#include "tests/lib/server.h"

#include <stddef.h>
#include <stdint.h>

/* The port of `metrics`, from the last line of the log that names it. */
uint16_t http_metrics_port_at(struct where where, struct server *s);
#define http_metrics_port(s) http_metrics_port_at(HERE, s)

/* A connection to 127.0.0.1; -1 with errno.  `receive`: SO_RCVBUF, bytes; 0: the kernel's choice.
 */
int http_open(uint16_t port, int receive);
/* The same; that it is refused fails the test. */
int http_connect_at(struct where where, uint16_t port);
#define http_connect(port) http_connect_at(HERE, port)

/* The same from another address of this machine. */
int http_connect_from_at(struct where where, uint16_t port, const char *from);
#define http_connect_from(port, from) http_connect_from_at(HERE, port, from)

void http_send_at(struct where where, int fd, const void *bytes, size_t len);
#define http_send(fd, bytes, len) http_send_at(HERE, fd, bytes, len)
#define http_send_text(fd, text) http_send_at(HERE, fd, text, strlen(text))

/* Everything up to the end of the connection, which is then closed here; `reset`: whether it ended
 * by a reset.  NUL-terminated; until the next call. */
struct http_got {
    char *text; /* as received */
    size_t len;
    bool reset;
    int status; /* 0: no answer */
    const char *body;
    size_t body_len;
    size_t content_length;
};
struct http_got http_read_all_at(struct where where, int fd);
#define http_read_all(fd) http_read_all_at(HERE, fd)

/* An answer's head, up to its empty line and no further; the connection stays. */
struct http_got http_read_head_at(struct where where, int fd);
#define http_read_head(fd) http_read_head_at(HERE, fd)

/* Both. */
struct http_got http_ask_at(struct where where, uint16_t port, const char *bytes, size_t len);
#define http_ask(port, text) http_ask_at(HERE, port, text, strlen(text))

/* The text of /metrics, copied for the caller to free. */
char *http_scrape_at(struct where where, uint16_t port);
#define http_scrape(port) http_scrape_at(HERE, port)

/* A sample of such a text, by its name and labels; -1: it has none. */
double http_sample(const char *text, const char *name);
/* The sum of all samples of a family. */
double http_sum(const char *text, const char *family);

#endif
