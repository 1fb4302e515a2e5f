/* server.h - a real server under test.
 *
 *     struct server *s = server_start("workers = 4\nflood_rate = 0\n");
 *     ... talk to it ...
 *     server_stop(s);
 *
 * Each server has a private directory with its configuration and log, and picks its own port, so
 * any number of them run side by side.  A configuration without a `listen` line gets
 * `listen = 127.0.0.1:0`.  server_stop sends SIGTERM, and the test fails unless the exit status is
 * 0, no process of the group is left, no worker had to be replaced, and no sanitizer has spoken.  A
 * test that ends without it leaves nothing behind either (run.h).
 *
 * What is read from the log, line by line:
 *     ready: room NAME, listening on ADDR:PORT[, ADDR:PORT...], N workers, pid PID
 *     worker K: pid P
 *     worker K ... client ADDR:PORT connected */
#ifndef TESTS_LIB_SERVER_H
#define TESTS_LIB_SERVER_H

#include "tests/lib/run.h"

#include <stdint.h>

enum { SERVER_WORKERS_MAX = 64 };

struct server {
    struct server *next;
    char dir[256];
    char conf[300]; /* path of the configuration */
    char log[300];  /* where its ready line is looked for; standard error unless set otherwise */
    char err[300];  /* its standard error */
    char *binary;   /* NULL: run_server_path() */
    char listening[256];
    uint16_t port; /* of the first address */
    int workers;
    pid_t pid;            /* the master */
    int keeper[2];        /* of the directory, of the process group: see run_keep */
    bool workers_may_die; /* the test kills some; else server_stop fails where one was replaced */
};

/* So many workers (a number), lines as fast as they come, and no earlier lines on joining: what
 * most tests want.  A literal, to which more lines are added; `server_quiet` has two workers. */
#define SERVER_QUIET(workers) "workers = " #workers "\nflood_rate = 0\nhistory = 0\n"
extern const char server_quiet[];

/* In one step; or prepared first, where the configuration needs the directory's name. */
struct server *server_start_at(struct where where, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define server_start(...) server_start_at(HERE, __VA_ARGS__)
struct server *server_prepare_at(struct where where);
#define server_prepare() server_prepare_at(HERE)
void server_launch_at(struct where where, struct server *s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define server_launch(s, ...) server_launch_at(HERE, s, __VA_ARGS__)

/* Only writes the configuration, for -t or a reload. */
void server_configure_at(struct where where, struct server *s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define server_configure(s, ...) server_configure_at(HERE, s, __VA_ARGS__)

/* Waits for the ready line; server_launch does it. */
void server_wait_ready_at(struct where where, struct server *s);
#define server_wait_ready(s) server_wait_ready_at(HERE, s)

void server_signal(struct server *s, int signal);
void server_stop_at(struct where where, struct server *s);
#define server_stop(s) server_stop_at(HERE, s)
/* The second half of it, where something else ends the server. */
void server_ended_at(struct where where, struct server *s);
#define server_ended(s) server_ended_at(HERE, s)

/* Waits until the log has a line that contains the text; a copy of the last such line, which lives
 * until the next call. */
const char *server_logged_at(struct where where, struct server *s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define server_logged(s, ...) server_logged_at(HERE, s, __VA_ARGS__)

/* How many lines of the log contain the text now. */
int server_log_count(const struct server *s, const char *text);

/* Of worker k, the pid that the log named last. */
pid_t server_worker_pid_at(struct where where, struct server *s, int k);
#define server_worker_pid(s, k) server_worker_pid_at(HERE, s, k)

/* Which worker took the connection from 127.0.0.1:port (as the log names it: `endpoint`). */
int server_worker_of_at(struct where where, struct server *s, const char *endpoint);
#define server_worker_of(s, endpoint) server_worker_of_at(HERE, s, endpoint)

#endif
