/* e2e_full.c - the ring is full because one worker is stopped: what the other one costs meanwhile,
 * and that no line is lost. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

TestSuite(full, .timeout = 180);

/* More text than a ring of 64K holds, of which some is heard before the ring is full. */
enum { LINES = 200, HEARD = 10, FILLER = 900 };

static const char small_ring[] = SERVER_QUIET(2) "ring_size = 64K\nlogin_timeout = 0\n"
                                                 "worker_timeout = 1h\n";

/* The fields behind the name in /proc/PID/stat: state, and at 11 and 12 user and system time. */
static char *stat_fields(pid_t pid, char **text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    *text = run_read_file(path);
    cr_assert(*text, "%s", path);
    return strrchr(*text, ')') + 2;
}

static void wait_for_state(pid_t pid, char state) {
    for (int64_t deadline = wait_deadline();; wait_breath()) {
        char *text, now = *stat_fields(pid, &text);
        free(text);
        if (now == state)
            return;
        cr_assert_gt(wait_left_ms(deadline), 0, "process %d is in state %c", (int)pid, now);
    }
}

static double cpu_seconds(pid_t pid) {
    char *text, *field = stat_fields(pid, &text), *rest = field;
    for (int i = 0; i < 11; i++)
        strsep(&rest, " ");
    unsigned long user = 0, system = 0;
    cr_assert_eq(sscanf(rest, "%lu %lu", &user, &system), 2, "%s", rest);
    free(text);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double wall_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A client of worker `worker`, logged in. */
static struct guest *enter_at_worker(struct server *s, const char *name, int worker) {
    for (int tries = 0; tries < 1000; tries++) {
        struct guest *g = guest_connect(s);
        if (server_worker_of(s, g->endpoint) == worker) {
            guest_say(g, "login %s", name);
            guest_until(g, "%s", told1(TOLD_COMES, name));
            return g;
        }
        guest_close(g);
    }
    cr_assert_fail("worker %d never takes a connection", worker);
    return NULL;
}

static int lines_received(struct guest *g) {
    int lines = 0;
    guest_pending(g);
    for (size_t i = g->at; i < g->len; i++)
        lines += g->data[i] == '\n';
    return lines;
}

/* All lines are sent at once, so that most of them wait as input. */
static void send_all(struct guest *ann) {
    static char text[LINES * (FILLER + 16)];
    char filler[FILLER + 1] = "";
    memset(filler, 'x', FILLER);
    char *end = text;
    for (int n = 0; n < LINES; n++)
        end += sprintf(end, "%06d %s\r\n", n, filler);
    guest_send(ann, text, (size_t)(end - text));
}

static void hear(struct guest *g, int from, int to) {
    for (int n = from; n < to; n++) {
        int number = -1;
        const char *line = guest_next(g);
        cr_assert(sscanf(line, "ann: %6d x", &number) == 1 && number == n,
                  "instead of line %d: %.60s", n, line);
    }
}

/* Consumption is measured, not speed: load on the machine can only make it less.  The two seconds
 * are not waited for anything; what is spent in them is what is tried. */
Test(full, a_worker_that_waits_for_room_in_the_ring_burns_no_cpu_and_loses_no_line) {
    struct server *s = server_start("%s", small_ring);
    struct guest *ann = enter_at_worker(s, "ann", 0), *bob = enter_at_worker(s, "bob", 0);
    struct guest *cat = enter_at_worker(s, "cat", 1);
    guest_until(ann, "%s", told1(TOLD_COMES, "cat"));
    guest_until(bob, "%s", told1(TOLD_COMES, "cat"));
    pid_t stopped = server_worker_pid(s, 1), other = server_worker_pid(s, 0);
    wait_for_state(stopped, 'S'); /* asleep, so that it does not hold the gate */
    cr_assert_eq(kill(stopped, SIGSTOP), 0);
    wait_for_state(stopped, 'T');
    send_all(ann);
    hear(ann, 0, HEARD);
    double began = wall_seconds(), cpu = cpu_seconds(other), wall;
    while ((wall = wall_seconds() - began) < 2)
        wait_breath();
    cpu = cpu_seconds(other) - cpu;
    int heard = HEARD + lines_received(ann);
    cr_expect_lt(cpu, wall / 4, "%.2f s of CPU in %.2f s", cpu, wall);
    cr_assert_lt(heard, LINES, "the ring was never full");
    cr_assert_eq(kill(stopped, SIGCONT), 0);
    hear(ann, HEARD, LINES);
    hear(bob, 0, LINES);
    hear(cat, 0, LINES);
    server_stop(s);
}
