/* connection.h - chatroom-ctl's connection to a server's control socket.
 *
 *     struct connection c;
 *     if (!connection_open(&c, path, CONNECTION_MS, err, sizeof err)) ...
 *     if (connection_ask(&c, line, answer, err, sizeof err) == CONNECTION_OK) ...
 *     connection_close(&c);
 *
 * The protocol is the worker's (worker/ledger/control.h, worker/command/operator.h).  Nothing waits
 * beyond the time that connection_open was given. */
#ifndef MASTER_CTL_CONNECTION_H
#define MASTER_CTL_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CONNECTION_VERSION = 1,
    CONNECTION_MS = 1900, /* a command ends within two seconds */
    CONNECTION_AGAIN_MS = 5,
    CONNECTION_LAST_MS = 100, /* too short to try again: the sentence is that of the last time */
    CONNECTION_LINE = 4096,
};

struct connection {
    int fd;
    int view_fd; /* the segment's, for reading; -1: the server gave none.  The caller closes it */
    int32_t listener; /* pid of the process that began to listen, perhaps dead since; 0: unknown */
    uint32_t layout;
    uint64_t epoch;
    uint64_t until; /* clock_ms() */
    bool broke;     /* the server's end is closed */
    bool full;      /* the server serves no more connections now */
    bool refused;   /* it may not be used: the sentence says why */
    size_t len;
    char in[CONNECTION_LINE]; /* received behind the line that was read last */
};

enum connection_answer {
    CONNECTION_OK,
    CONNECTION_NO,   /* the server refuses: its sentence is in `text` */
    CONNECTION_LOST, /* no answer: whether it was done is unknown; a sentence in `text` */
};

/* Connects and reads the server's first line, within `ms`.  A server that has CONTROL_MAX of them
 * is asked again until then.  False with a sentence. */
bool connection_open(struct connection *c, const char *path, uint32_t ms, char *err, size_t size);

/* Sends one line, to which LF is added, and waits for its answer.  `text` receives the sentence, or
 * what follows `ok`. */
enum connection_answer connection_ask(struct connection *c, const char *line, char *text,
                                      size_t size);
void connection_close(struct connection *c);

/* Nothing listens at the path: every process of the server has ended, or has closed the socket. */
bool connection_is_gone(const char *path);

#endif
