/* unit_lease.c - which process is the guardian, and when another is started for it.
 *
 * A guardian is a child that does nothing until it is killed; the test opens its pidfd, as if they
 * shared a descriptor table. */
#include "ipc/lease.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

static struct slot slot;

static void set_up(void) {
    memset(&slot, 0, sizeof slot);
    atomic_store(&slot.pidfd, -1);
}
TestSuite(lease, .init = set_up, .timeout = 180);

/* A new guardian takes the lease; returns it. */
static uint64_t make_guardian(void) {
    pid_t pid = unit_fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    cr_assert_geq(pidfd, 0);
    atomic_store(&slot.pid, pid);
    atomic_store(&slot.pidfd, pidfd);
    atomic_store(&slot.entry, ((atomic_load(&slot.entry) >> 32) + 1) << 32 | (uint32_t)pidfd);
    return atomic_load(&slot.entry);
}

static void end_guardian(void) {
    kill(atomic_load(&slot.pid), SIGKILL);
    unit_join(atomic_load(&slot.pid));
}

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

/* The number that the next descriptor gets: what a call has left open raises it. */
static int next_fd(void) {
    int fd = dup(STDERR_FILENO);
    close(fd);
    return fd;
}

/* ---- taking it ---- */

Test(lease, the_first_guardian_takes_it) {
    cr_assert(lease_take(&slot, 0));
    uint64_t lease = atomic_load(&slot.entry);
    cr_assert_eq(lease >> 32, 1);
    cr_assert_eq(atomic_load(&slot.pid), getpid());
    cr_assert_eq(atomic_load(&slot.pidfd), lease_pidfd(lease));
    cr_assert_eq(syscall(SYS_pidfd_send_signal, lease_pidfd(lease), 0, NULL, 0), 0);
    cr_assert_not(lease_lost(&slot, lease));
}

Test(lease, a_guardian_in_place_of_a_dead_one_closes_its_pidfd) {
    uint64_t dead = make_guardian();
    end_guardian();
    cr_assert(lease_take(&slot, dead));
    uint64_t lease = atomic_load(&slot.entry);
    cr_assert_eq(lease >> 32, (dead >> 32) + 1);
    cr_assert_not(is_open(lease_pidfd(dead)));
    cr_assert(is_open(lease_pidfd(lease)));
}

Test(lease, of_two_that_are_started_for_one_death_the_second_does_not_get_it) {
    uint64_t dead = make_guardian();
    end_guardian();
    uint64_t lease = make_guardian();
    pid_t pid = atomic_load(&slot.pid);
    int next = next_fd();
    cr_assert_not(lease_take(&slot, dead));
    cr_assert_eq(atomic_load(&slot.entry), lease);
    cr_assert_eq(atomic_load(&slot.pid), pid);
    cr_assert_eq(atomic_load(&slot.pidfd), lease_pidfd(lease));
    cr_assert(is_open(lease_pidfd(lease)));
    cr_assert_eq(next_fd(), next, "it leaves its pidfd open");
}

/* After an execve the number is another descriptor's. */
Test(lease, a_void_one_is_taken_and_no_descriptor_is_closed) {
    uint64_t before = make_guardian(), lease = lease_void(&slot);
    cr_assert_eq(lease >> 32, before >> 32);
    cr_assert_eq(lease_pidfd(lease), -1);
    cr_assert_eq(atomic_load(&slot.entry), lease);
    cr_assert_not(lease_take(&slot, before));
    cr_assert(lease_take(&slot, lease));
    cr_assert_eq(atomic_load(&slot.entry) >> 32, (before >> 32) + 1);
    cr_assert(is_open(lease_pidfd(before)));
}

/* ---- losing it ---- */

Test(lease, is_lost_when_its_guardian_is_dead) {
    uint64_t lease = make_guardian();
    cr_assert_not(lease_lost(&slot, lease));
    end_guardian();
    cr_assert(lease_lost(&slot, lease));
}

/* The caller loaded the lease before another guardian took it: its number is closed by then, and
 * may be that of a socket with input. */
Test(lease, one_that_another_has_taken_is_not_lost) {
    uint64_t dead = make_guardian();
    end_guardian();
    make_guardian();
    cr_assert_not(lease_lost(&slot, dead), "the pidfd is still open");
    cr_assert_not(lease_lost(&slot, atomic_load(&slot.entry)));
    cr_assert_eq(dup2(eventfd(1, 0), lease_pidfd(dead)), lease_pidfd(dead));
    cr_assert_not(lease_lost(&slot, dead), "the number is reused");
}

Test(lease, one_without_a_pidfd_is_not_lost) {
    cr_assert_eq(dup2(eventfd(1, 0), STDIN_FILENO), STDIN_FILENO); /* descriptor 0 is readable */
    cr_assert_not(lease_lost(&slot, 0), "there was no guardian yet");
    make_guardian();
    end_guardian();
    cr_assert_not(lease_lost(&slot, lease_void(&slot)), "an upgrade goes on");
}

/* ---- starting another ---- */

enum { BEGIN = 100000 };

static const uint64_t first = (uint64_t)1 << 32 | 7, second = (uint64_t)2 << 32 | 7;

Test(lease, another_guardian_is_due_once_for_a_death) {
    struct lease_watch watch = {0};
    cr_assert(lease_due(&watch, first, BEGIN));
    cr_assert_not(lease_due(&watch, first, BEGIN));
    cr_assert_not(lease_due(&watch, first, BEGIN + LEASE_AGAIN_MS - 1));
}

/* The one that was started died before it took the lease. */
Test(lease, another_is_due_again_if_that_one_took_no_lease) {
    struct lease_watch watch = {0};
    cr_assert(lease_due(&watch, first, BEGIN));
    for (int i = 1; i <= 3; i++) {
        uint64_t due = BEGIN + (uint64_t)i * LEASE_AGAIN_MS;
        cr_assert_not(lease_due(&watch, first, due - 1));
        cr_assert(lease_due(&watch, first, due));
        cr_assert_not(lease_due(&watch, first, due), "it is remembered");
    }
}

Test(lease, the_next_death_does_not_wait_for_it) {
    struct lease_watch watch = {0};
    cr_assert(lease_due(&watch, first, BEGIN));
    cr_assert(lease_due(&watch, second, BEGIN));
    cr_assert_not(lease_due(&watch, second, BEGIN + 1));
    cr_assert_eq(watch.replaced, second);
}

/* Its clock may count from its own start. */
Test(lease, a_process_that_has_started_none_starts_one_at_time_0) {
    struct lease_watch watch = {0};
    cr_assert(lease_due(&watch, first, 0));
    cr_assert_not(lease_due(&watch, first, 1));
}
