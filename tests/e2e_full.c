/* e2e_full.c - the CPU use of a worker that has to wait: for room in the ring, because another
 * worker is stopped, or for kernel memory. */
#include "tests/lib/guest.h"
#include "tests/lib/sandbox.h"
#include "tests/lib/skip.h"
#include "tests/lib/usage.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite(full, .timeout = 180);

/* More text than a ring of 64K holds; HEARD lines are received before the ring is full. */
enum { LINES = 200, HEARD = 10, FILLER = 900 };

static const char small_ring[] = SERVER_QUIET(2) "ring_size = 64K\nlogin_timeout = 0\n"
                                                 "worker_timeout = 1h\n";

/* A client of worker `worker`, not logged in.  No worker is stopped: it would keep connections. */
static struct guest *connect_to_worker(struct server *s, int worker) {
    for (int tries = 0; tries < 1000; tries++) {
        struct guest *g = guest_connect_as(s, .from = guest_own_address());
        if (server_worker_of(s, g->endpoint) == worker)
            return g;
        guest_close(g);
    }
    cr_assert_fail("worker %d never takes a connection", worker);
    return NULL;
}

static void log_in(struct guest *g, const char *name) {
    guest_say(g, "login %s", name);
    guest_until(g, "%s", told1(TOLD_COMES, name));
}

static struct guest *enter_at_worker(struct server *s, const char *name, int worker) {
    struct guest *g = connect_to_worker(s, worker);
    log_in(g, name);
    return g;
}

static int lines_received(struct guest *g) {
    int lines = 0;
    guest_pending(g);
    for (size_t i = g->at; i < g->len; i++)
        lines += g->data[i] == '\n';
    return lines;
}

/* Sends all lines at once, so that most of them wait as input. */
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

Test(full, a_worker_that_waits_for_room_in_the_ring_burns_no_cpu_and_loses_no_line) {
    struct server *s = server_start("%s", small_ring);
    struct guest *ann = enter_at_worker(s, "ann", 0), *bob = enter_at_worker(s, "bob", 0);
    struct guest *cat = enter_at_worker(s, "cat", 1);
    guest_until(ann, "%s", told1(TOLD_COMES, "cat"));
    guest_until(bob, "%s", told1(TOLD_COMES, "cat"));
    pid_t stopped = server_worker_pid(s, 1), other = server_worker_pid(s, 0);
    usage_wait_state(stopped, 'S'); /* asleep, so that it does not own the gate */
    cr_assert_eq(kill(stopped, SIGSTOP), 0);
    usage_wait_state(stopped, 'T');
    send_all(ann);
    hear(ann, 0, HEARD);
    usage_is_low(other);
    int heard = HEARD + lines_received(ann);
    cr_assert_lt(heard, LINES, "the ring was never full");
    cr_assert_eq(kill(stopped, SIGCONT), 0);
    hear(ann, HEARD, LINES);
    hear(bob, 0, LINES);
    hear(cat, 0, LINES);
    server_stop(s);
}

/* ---- no kernel memory for a socket ---- */

static struct sandbox_rule refused;
static void refuse(void) {
    if (!sandbox_deny(&refused))
        _exit(126);
}

/* Makes `call` fail always, as if the kernel had no memory; epoll still reports the socket as
 * ready. */
static void costs_little_without_memory_for(long call, int error) {
    if (!sandbox_works())
        skip_test("this kernel has no seccomp");
    refused = (struct sandbox_rule){.call = call, .error = error};
    run_before_exec = refuse;
    struct server *s = server_start("%s", SERVER_QUIET(1));
    run_before_exec = NULL;
    struct guest *g = guest_connect(s);
    guest_type(g, "login ann\r\n");
    server_logged(s, "client %s connected", g->endpoint);
    usage_is_low(server_worker_pid(s, 0));
    guest_close(g);
    server_stop(s);
}

Test(full, a_send_for_which_the_kernel_has_no_buffers_burns_no_cpu) {
    costs_little_without_memory_for(SYS_sendmsg, ENOBUFS);
}
Test(full, a_send_for_which_the_kernel_has_no_memory_burns_no_cpu) {
    costs_little_without_memory_for(SYS_sendmsg, ENOMEM);
}
Test(full, a_receive_for_which_the_kernel_has_no_memory_burns_no_cpu) {
    costs_little_without_memory_for(SYS_recvfrom, ENOMEM);
}

/* ---- a worker whose lines were not tried yet ---- */

/* Worker 0 waits for room; a join is then staged in worker 2, which has waited for nothing. */
Test(full, a_join_while_another_worker_waits_for_room_burns_no_cpu) {
    struct server *s = server_start("%sring_size = 64K\nlogin_timeout = 0\nworker_timeout = 1h\n",
                                    SERVER_QUIET(3));
    struct guest *ann = enter_at_worker(s, "ann", 0), *bob = connect_to_worker(s, 2);
    enter_at_worker(s, "cat", 1);
    pid_t stopped = server_worker_pid(s, 1), last = server_worker_pid(s, 2);
    usage_wait_state(stopped, 'S');
    cr_assert_eq(kill(stopped, SIGSTOP), 0);
    usage_wait_state(stopped, 'T');
    send_all(ann);
    usage_wait_state(server_worker_pid(s, 0), 'S'); /* the ring is full */
    guest_say(bob, "login bob");
    usage_is_low(last);
    cr_assert_eq(kill(stopped, SIGCONT), 0);
    guest_until(bob, "%s", told1(TOLD_COMES, "bob"));
    server_stop(s);
}
