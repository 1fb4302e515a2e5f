/* server.h - a real server under test.
 *
 *     struct server *s = server_start("workers = 4\nflood_rate = 0\n");
 *     ... connect guests ...
 *     server_stop(s);
 *
 * Each server has a private directory with its configuration and log, and a port that the kernel
 * picks, so servers of several tests can run at once.  A configuration without a `listen` line gets
 * `listen = 127.0.0.1:0`.  server_stop sends SIGTERM, and the test fails unless the exit status is
 * 0, no process of the group is left, no worker was replaced, and no sanitizer reported an error.
 * A test that ends without server_stop leaves no process or file behind either (run.h).
 *
 * These lines of the log are parsed:
 *     ready: room NAME, listening on ADDR:PORT[, ADDR:PORT...], N workers, pid PID
 *     master: pid P
 *     worker K: pid P
 *     ready again: ... pid PID
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
    char log[300];  /* the file searched for the ready line; `err` unless set otherwise */
    char err[300];  /* file of its standard error */
    char *binary;   /* NULL: run_server_path() */
    char listening[256];
    uint16_t port; /* of the first address */
    int workers;
    pid_t pid;            /* the guardian, which was started */
    int cleaner[2];       /* of the directory and of the process group; see run_cleaner */
    bool workers_may_die; /* otherwise server_stop fails if a worker was replaced */
};

/* A configuration for most tests: `workers` workers (a number), no rate limit, no history on
 * joining.  The macro is a string literal, to which more lines can be added; `server_quiet` has two
 * workers. */
#define SERVER_QUIET(workers)                                                                      \
    "workers = " #workers "\nflood_rate = 0\nconnect_rate = 0\nhistory = 0\n"
extern const char server_quiet[];

/* Starts a server in one step; or server_prepare and server_launch, where the configuration needs
 * the directory's name. */
struct server *server_start_at(struct where where, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define server_start(...) server_start_at(HERE, __VA_ARGS__)
struct server *server_prepare_at(struct where where);
#define server_prepare() server_prepare_at(HERE)
void server_launch_at(struct where where, struct server *s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define server_launch(s, ...) server_launch_at(HERE, s, __VA_ARGS__)

/* Only writes the configuration file, for -t or a reload. */
void server_configure_at(struct where where, struct server *s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define server_configure(s, ...) server_configure_at(HERE, s, __VA_ARGS__)

/* Waits for the ready line; server_launch calls it. */
void server_wait_ready_at(struct where where, struct server *s);
#define server_wait_ready(s) server_wait_ready_at(HERE, s)

void server_signal(struct server *s, int signal);
void server_stop_at(struct where where, struct server *s);
#define server_stop(s) server_stop_at(HERE, s)
/* What server_stop does after SIGTERM, for a server that is ended in another way. */
void server_ended_at(struct where where, struct server *s);
#define server_ended(s) server_ended_at(HERE, s)

/* Waits until the log has a line that contains the text; returns a copy of the last such line,
 * valid until the next call. */
const char *server_logged_at(struct where where, struct server *s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define server_logged(s, ...) server_logged_at(HERE, s, __VA_ARGS__)

/* How many lines of the log contain the text at present. */
int server_log_count(const struct server *s, const char *text);

/* The pid of the master, the guardian's child, in the last log line that names it. */
pid_t server_master_pid_at(struct where where, struct server *s);
#define server_master_pid(s) server_master_pid_at(HERE, s)

/* Kills the master, and waits until another says in the log that it is ready; returns its pid. */
pid_t server_new_master_at(struct where where, struct server *s);
#define server_new_master(s) server_new_master_at(HERE, s)

/* Kills the guardian, or several processes with it, and waits until s->pid is the pid of another,
 * which is a child of this process. */
void server_new_guardian_at(struct where where, struct server *s, const pid_t *kills, int count);
#define server_new_guardian(s) server_new_guardian_at(HERE, s, &(s)->pid, 1)
#define server_new_guardian_of(s, kills, count) server_new_guardian_at(HERE, s, kills, count)

/* The same in two steps, for a guardian that is ended in another way: before that, orphans become
 * children of this process; afterwards, waits until s->pid has ended and is the pid of another. */
void server_adopt_orphans(void);
void server_await_guardian_at(struct where where, struct server *s);
#define server_await_guardian(s) server_await_guardian_at(HERE, s)

/* Waits until the log has more than `before` lines that contain the text, whether the process
 * s->pid lives or not. */
void server_logged_more_at(struct where where, const struct server *s, const char *text,
                           int before);
#define server_logged_more(s, text, before) server_logged_more_at(HERE, s, text, before)

/* The pid of worker k in the last log line that names it. */
pid_t server_worker_pid_at(struct where where, struct server *s, int k);
#define server_worker_pid(s, k) server_worker_pid_at(HERE, s, k)

/* The worker that accepted the connection from `endpoint`, which is ADDRESS:PORT as in the log. */
int server_worker_of_at(struct where where, struct server *s, const char *endpoint);
#define server_worker_of(s, endpoint) server_worker_of_at(HERE, s, endpoint)

#endif
