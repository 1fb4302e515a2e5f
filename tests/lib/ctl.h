/* ctl.h - chatroom-ctl against a server under test, and the control socket itself.
 *
 *     struct server *s = ctl_server(SERVER_QUIET(2));
 *     ctl_ok(s, "say", "hello");
 *
 * chatroom-ctl is $CHATROOM_CTL or ./chatroom-ctl.  The socket is DIR/control of the server's
 * private directory. */
#ifndef TESTS_LIB_CTL_H
#define TESTS_LIB_CTL_H

#include "tests/lib/run.h"
#include "tests/lib/server.h"

#include <stddef.h>

char *ctl_path(void);

/* Valid until the next call. */
char *ctl_socket(const struct server *s);

/* Starts a server with a control socket; `fmt` is the rest of its configuration. */
struct server *ctl_server_at(struct where where, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define ctl_server(...) ctl_server_at(HERE, __VA_ARGS__)

/* Runs chatroom-ctl -s SOCKET with these arguments to its end.  The result is valid until the next
 * call. */
const struct ran *ctl_run_at(struct where where, const struct server *s, char *const arguments[]);
#define ctl_run(s, ...) ctl_run_at(HERE, s, (char *[]){__VA_ARGS__, NULL})

/* The same; fails unless it exits 0 and says nothing on standard error. */
const struct ran *ctl_ok_at(struct where where, const struct server *s, char *const arguments[]);
#define ctl_ok(s, ...) ctl_ok_at(HERE, s, (char *[]){__VA_ARGS__, NULL})

/* Runs it again until it exits 0 and `want` is in what it prints, which is returned. */
const char *ctl_until_at(struct where where, const struct server *s, const char *want,
                         char *const arguments[]);
#define ctl_until(s, want, ...) ctl_until_at(HERE, s, want, (char *[]){__VA_ARGS__, NULL})

/* Fails unless it exits 1 with "chatroom-ctl: SENTENCE" on standard error and nothing else. */
void ctl_refused_at(struct where where, const struct server *s, const char *sentence,
                    char *const arguments[]);
#define ctl_refused(s, sentence, ...)                                                              \
    ctl_refused_at(HERE, s, sentence, (char *[]){__VA_ARGS__, NULL})

/* ---- the socket itself, without chatroom-ctl ---- */

/* A connection; its greeting is not read. */
int ctl_connect_at(struct where where, const struct server *s);
#define ctl_connect(s) ctl_connect_at(HERE, s)

/* The next line without its LF, in line[size].  False: the server has closed the connection. */
bool ctl_line_at(struct where where, int fd, char *line, size_t size);
#define ctl_line(fd, line) ctl_line_at(HERE, fd, line, sizeof(line))

#endif
