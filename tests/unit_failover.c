/* unit_failover.c - a dead guardian is replaced by a worker once, and only if the master cannot.
 *
 * Guardian and master are children that do nothing; the lease names the one's pidfd, the slot the
 * other's.  Time is worker.now, which the tests set. */
#include "ipc/lease.h"
#include "tests/unit_worker.h"
#include "worker/failover.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

static struct segment seg;
static struct worker worker;
static struct failover failover;
static struct slot *guardian, *master;
static pid_t guardian_pid, master_pid;

static int make_process(struct slot *slot, pid_t *pid) {
    *pid = unit_fork();
    if (*pid == 0) {
        for (;;)
            pause();
    }
    int pidfd = (int)syscall(SYS_pidfd_open, *pid, 0);
    cr_assert_geq(pidfd, 0);
    atomic_store(&slot->pid, *pid);
    atomic_store(&slot->pidfd, pidfd);
    return pidfd;
}

static void make_guardian(void) {
    uint32_t pidfd = (uint32_t)make_process(guardian, &guardian_pid);
    atomic_store(&guardian->entry, ((atomic_load(&guardian->entry) >> 32) + 1) << 32 | pidfd);
}

/* Started in a clone of the worker: leaves a trace in the segment. */
static int started(struct segment *s, uint64_t lease) {
    atomic_fetch_add(&s->slots[5].heartbeat, 1);
    atomic_store(&s->slots[5].entry, lease);
    return 7;
}

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    worker.now = 100000;
    guardian = &seg.slots[GUARDIAN_SLOT];
    master = &seg.slots[MASTER_SLOT];
    seg.header->master.watchdog_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    make_guardian();
    make_process(master, &master_pid);
    failover.start = started;
    failover_lost(&failover);
    failover_look(&worker, &failover);
    cr_assert_not(failover.lost, "it lives, and is watched");
}

TestSuite(failover, .init = set_up);

static void end(pid_t pid) {
    kill(pid, SIGKILL);
    unit_join(pid);
}

/* As the worker of another process, so that what it starts becomes this process's child. */
static bool looks_many_times(struct segment *s, int ms) {
    (void)s;
    failover_lost(&failover);
    for (int i = 0; i < 5; i++) {
        failover_look(&worker, &failover);
        worker.now += (uint32_t)ms;
    }
    return failover.lost;
}

/* How many guardians the child that looks has started. */
static uint64_t starts(int ms) {
    int status, looked = !lease_lost(guardian, atomic_load(&guardian->entry));
    pid_t child, looking = unit_child(looks_many_times, &seg, ms);
    uint64_t count = 0;
    while ((child = waitpid(-1, &status, 0)) > 0) {
        if (child == master_pid || child == guardian_pid)
            continue;
        cr_assert_eq(WEXITSTATUS(status), child == looking ? looked : 7, "what it returns");
        count += child != looking;
        if (child == looking) { /* or they would be waited for for ever */
            kill(master_pid, SIGKILL);
            kill(guardian_pid, SIGKILL);
        }
    }
    cr_assert_eq(atomic_load(&seg.slots[5].heartbeat), count);
    return count;
}

Test(failover, guardian_and_master_dead_are_replaced_once) {
    end(guardian_pid);
    end(master_pid);
    cr_assert_eq(starts(FAILOVER_MS), 1);
    cr_assert_eq(atomic_load(&seg.slots[5].entry), atomic_load(&guardian->entry));
}

/* The first that was started died before it had the lease. */
Test(failover, they_are_replaced_again_when_the_replacement_does_not_come) {
    end(guardian_pid);
    end(master_pid);
    cr_assert_eq(starts(LEASE_AGAIN_MS), 5);
}

Test(failover, a_living_master_is_left_to_replace_the_guardian) {
    end(guardian_pid);
    cr_assert_eq(starts(LEASE_AGAIN_MS), 0);
}

/* It is stopped, or hangs. */
Test(failover, a_master_whose_watchdog_has_expired_is_not) {
    const struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
    struct pollfd expired = {.fd = seg.header->master.watchdog_fd, .events = POLLIN};
    timerfd_settime(expired.fd, 0, &soon, NULL);
    cr_assert_eq(poll(&expired, 1, 10000), 1);
    end(guardian_pid);
    cr_assert_eq(starts(FAILOVER_MS), 1);
}

Test(failover, a_dead_master_alone_is_left_to_the_guardian) {
    end(master_pid);
    cr_assert_eq(starts(LEASE_AGAIN_MS), 0);
}

Test(failover, while_the_server_shuts_down_nothing_is_replaced) {
    atomic_store(&seg.header->shutdown, SHUTDOWN_BEGUN);
    end(guardian_pid);
    end(master_pid);
    failover_lost(&failover);
    failover_look(&worker, &failover);
    cr_assert_not(failover.lost);
    cr_assert_eq(atomic_load(&seg.slots[5].heartbeat), 0);
}

Test(failover, a_lost_guardian_makes_the_loop_wake_for_its_next_look) {
    cr_assert_eq(failover_timeout(&worker, &failover), -1, "all is well: no timer");
    failover_lost(&failover);
    cr_assert_eq(failover_timeout(&worker, &failover), FAILOVER_MS);
}

Test(failover, a_stopped_guardian_is_continued) {
    siginfo_t info;
    kill(guardian_pid, SIGSTOP);
    cr_assert_eq(waitid(P_PID, (id_t)guardian_pid, &info, WSTOPPED), 0);
    failover_rouse(&worker);
    cr_assert_eq(waitid(P_PID, (id_t)guardian_pid, &info, WCONTINUED), 0);
    cr_assert_eq(info.si_code, CLD_CONTINUED);
}

Test(failover, a_new_guardian_is_noticed_and_followed) {
    cr_assert_not(failover_changed(&worker, &failover));
    make_guardian();
    cr_assert(failover_changed(&worker, &failover));
    failover_look(&worker, &failover);
    cr_assert_not(failover_changed(&worker, &failover));
    cr_assert_eq(failover.lease, atomic_load(&guardian->entry));
    cr_assert_not(failover.unwatched);
}

Test(failover, a_new_master_makes_the_worker_look_for_half_made_listeners) {
    worker.orphans_due = false;
    atomic_fetch_add(&master->incarnation, 1);
    failover_look(&worker, &failover);
    cr_assert(worker.orphans_due);
}
