/* e2e_request_busy.c - commands at the same time: one that finds the server busy tries again,
 * within its two seconds. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(request_busy, .timeout = 120);

enum { MOST = 8, LATER_US = 200000 /* a command has begun by then; it holds in either order */ };

static int held[MOST];

static void hold_all(const struct server *s) {
    char line[256];
    for (int i = 0; i < MOST; i++) {
        held[i] = ctl_connect(s);
        cr_assert(ctl_line(held[i], line));
        cr_assert(strncmp(line, "chatroom-control ", 17) == 0, "%s", line);
    }
}

static void *let_go(void *unused) {
    (void)unused;
    usleep(LATER_US);
    for (int i = 0; i < MOST; i++)
        close(held[i]);
    return NULL;
}

/* For each kind of command: an entry, a request, what is only read. */
static void waits_for_a_connection(char *const arguments[]) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    pthread_t later;
    hold_all(s);
    cr_assert_eq(pthread_create(&later, NULL, let_go, NULL), 0);
    ctl_ok_at(HERE, s, arguments);
    pthread_join(later, NULL);
    server_stop(s);
}

Test(request_busy, an_announcement_waits_for_a_connection) {
    waits_for_a_connection((char *[]){"say", "hello", NULL});
}

Test(request_busy, a_request_waits_for_a_connection) {
    waits_for_a_connection((char *[]){"ban", "192.0.2.1", NULL});
}

Test(request_busy, a_table_needs_none) {
    waits_for_a_connection((char *[]){"status", NULL});
}

Test(request_busy, without_one_the_sentence_is_the_servers) {
    struct server *s = ctl_server(SERVER_QUIET(2));
    hold_all(s);
    ctl_refused(s, "8 connections are open already", "say", "hello");
    ctl_refused(s, "8 connections are open already", "ban", "192.0.2.1");
    let_go(NULL);
    server_stop(s);
}

static struct server *server;

static void *go_on(void *unused) {
    (void)unused;
    usleep(LATER_US);
    kill(server_master_pid(server), SIGCONT);
    return NULL;
}

static void waits_for_a_row(char *const arguments[]) {
    struct server *s = server = ctl_server(SERVER_QUIET(2) "worker_timeout = 60s\n");
    char line[256];
    pthread_t later;
    int fd = ctl_connect(s);
    cr_assert(ctl_line(fd, line));
    kill(server_master_pid(s), SIGSTOP);
    for (int i = 1; i <= MOST; i++) {
        snprintf(line, sizeof line, "request %016x loglevel info\n", i);
        cr_assert_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
        cr_assert(ctl_line(fd, line));
        cr_assert_str_eq(line, "ok");
    }
    cr_assert_eq(pthread_create(&later, NULL, go_on, NULL), 0);
    ctl_ok_at(HERE, s, arguments);
    pthread_join(later, NULL);
    close(fd);
    server_stop(s);
}

Test(request_busy, a_ban_waits_for_a_row) {
    waits_for_a_row((char *[]){"ban", "192.0.2.1", NULL});
}

Test(request_busy, a_reload_waits_for_a_row) {
    waits_for_a_row((char *[]){"reload", NULL});
}
