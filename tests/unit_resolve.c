/* unit_resolve.c - hosts become addresses, by a child that cannot hold its parent. */
#include "tests/lib/fail.h"
#include "worker/relay/resolve.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(resolve, .timeout = 180);

static struct resolve r;

static enum resolve_state finish(void) {
    for (int64_t deadline = wait_deadline(); wait_left_ms(deadline) > 0;) {
        enum resolve_state state = resolve_work(&r, 0);
        if (state != RESOLVE_BUSY)
            return state;
        wait_fd(r.fd, POLLIN, deadline);
    }
    cr_assert_fail("no answer");
    return RESOLVE_BUSY;
}

Test(resolve, an_address_needs_no_child) {
    char text[ENDPOINT_TEXT];
    struct in6_addr addr;
    uint16_t port;
    cr_assert_eq(resolve_begin(&r, "192.0.2.7", 6379, 0), RESOLVE_DONE);
    cr_assert_eq(r.count, 1);
    cr_assert_eq(r.address[0].any.sa_family, AF_INET);
    address_split(&r.address[0], &addr, &port);
    cr_assert_str_eq(endpoint_format(&addr, port, text), "192.0.2.7:6379");
    cr_assert_eq(resolve_begin(&r, "2001:db8::7", 6380, 0), RESOLVE_DONE);
    cr_assert_eq(r.address[0].any.sa_family, AF_INET6);
    address_split(&r.address[0], &addr, &port);
    cr_assert_str_eq(endpoint_format(&addr, port, text), "[2001:db8::7]:6380");
    cr_assert_eq(r.pid, 0);
}

Test(resolve, a_name_is_looked_up_by_a_child_that_is_reaped) {
    cr_assert_eq(resolve_begin(&r, "localhost", 6379, 0), RESOLVE_BUSY);
    cr_assert_eq(finish(), RESOLVE_DONE);
    cr_assert_geq(r.count, 1);
    for (size_t i = 0; i < r.count; i++) {
        struct in6_addr addr;
        uint16_t port;
        address_split(&r.address[i], &addr, &port);
        cr_assert_eq(port, 6379);
    }
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_assert_eq(errno, ECHILD);
}

Test(resolve, a_name_that_is_none_is_told) {
    cr_assert_eq(resolve_begin(&r, "no-such-host.invalid", 6379, 0), RESOLVE_BUSY);
    cr_assert_eq(finish(), RESOLVE_FAILED);
    cr_assert(r.wrong && r.wrong[0]);
}

Test(resolve, a_look_up_that_hangs_is_ended_in_time) {
    cr_assert_eq(resolve_begin(&r, "localhost", 6379, 1000), RESOLVE_BUSY);
    kill(r.pid, SIGSTOP);
    pid_t child = r.pid;
    if (resolve_work(&r, 1000 + RESOLVE_LIMIT_MS - 1) == RESOLVE_BUSY) { /* else it was faster */
        cr_assert_eq(resolve_work(&r, 1000 + RESOLVE_LIMIT_MS), RESOLVE_FAILED);
        cr_assert_str_eq(r.wrong, "its name is not resolved in time");
    }
    cr_assert_eq(kill(child, 0), -1, "it is reaped");
    cr_assert_eq(resolve_begin(&r, "localhost", 6379, 0), RESOLVE_BUSY);
    cr_assert_eq(finish(), RESOLVE_DONE);
}

Test(resolve, a_child_that_dies_is_told) {
    cr_assert_eq(resolve_begin(&r, "localhost", 6379, 0), RESOLVE_BUSY);
    kill(r.pid, SIGSTOP); /* before it writes, nearly always */
    kill(r.pid, SIGKILL);
    if (finish() == RESOLVE_FAILED)
        cr_assert_str_eq(r.wrong, "the look-up of its name failed");
    cr_assert_eq(r.pid, 0);
}
