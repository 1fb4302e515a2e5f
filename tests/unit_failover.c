/* unit_failover.c - a master that hangs is killed after four looks, not before; a dead one is
 * replaced once.
 *
 * The master is a child that does nothing, and whose pidfd the lease names.  Time is worker.now,
 * which the tests set. */
#include "ipc/lease.h"
#include "tests/unit_worker.h"
#include "worker/failover.h"

#include <criterion/criterion.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

static struct segment seg;
static struct worker worker;
static struct failover failover;
static struct slot *master;
static pid_t master_pid;

static void make_master(void) {
    master_pid = unit_fork();
    if (master_pid == 0) {
        for (;;)
            pause();
    }
    int pidfd = (int)syscall(SYS_pidfd_open, master_pid, 0);
    cr_assert_geq(pidfd, 0);
    uint64_t lease = ((atomic_load(&master->entry) >> 32) + 1) << 32 | (uint32_t)pidfd;
    atomic_store(&master->entry, lease);
    atomic_store(&master->pid, master_pid);
    atomic_store(&master->pidfd, pidfd);
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
    master = &seg.slots[MASTER_SLOT];
    seg.header->master.watchdog_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    make_master();
    failover.start = started;
    failover_lost(&failover);
    failover_look(&worker, &failover);
    cr_assert_not(failover.lost, "it lives, and is watched");
}

TestSuite(failover, .init = set_up);

/* Neither killed nor about to be. */
static bool spared(void) {
    return atomic_load(&master->fault) == 0 && waitpid(master_pid, NULL, WNOHANG) == 0;
}

static void look_again(void) {
    worker.now += FAILOVER_SUSPECT_MS;
    failover_look(&worker, &failover);
}

/* ---- a master that hangs ---- */

Test(failover, a_silent_master_is_killed_at_the_fourth_look_and_not_before) {
    failover_suspect(&worker, &failover);
    for (int look = 1; look < 4; look++) {
        cr_assert(spared(), "look %d", look - 1);
        look_again();
    }
    cr_assert(spared(), "three looks");
    look_again();
    cr_assert_eq(atomic_load(&master->fault), SIGKILL);
    int status = unit_join(master_pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

Test(failover, a_heartbeat_at_any_look_clears_the_suspicion) {
    for (int moves_at = 1; moves_at <= 4; moves_at++) {
        failover_suspect(&worker, &failover);
        cr_assert(failover.suspected);
        for (int look = 1; look < moves_at; look++)
            look_again();
        atomic_fetch_add(&master->heartbeat, 1);
        look_again();
        cr_assert_not(failover.suspected, "moved before look %d", moves_at);
        for (int i = 0; i < 6; i++)
            look_again();
        cr_assert(spared());
    }
}

/* The suspicion was of the former master. */
Test(failover, another_master_is_not_killed_for_the_former_ones_silence) {
    failover_suspect(&worker, &failover);
    for (int look = 1; look < 4; look++)
        look_again();
    pid_t former = master_pid;
    make_master();
    look_again();
    cr_assert_not(failover.suspected);
    cr_assert(spared());
    cr_assert_eq(waitpid(former, NULL, WNOHANG), 0, "nor is the former one");
}

Test(failover, while_the_server_shuts_down_no_master_is_killed) {
    failover_suspect(&worker, &failover);
    atomic_store(&seg.header->shutdown, 1);
    for (int i = 0; i < 8; i++)
        look_again();
    cr_assert(spared());
}

Test(failover, looks_are_an_interval_apart_however_often_the_loop_turns) {
    failover_suspect(&worker, &failover);
    for (int i = 0; i < 20; i++) {
        worker.now += FAILOVER_SUSPECT_MS / 20;
        failover_look(&worker, &failover);
        cr_assert_leq(failover.suspect_looks, 1);
    }
    cr_assert(spared());
}

/* Its successor handles them. */
Test(failover, signals_that_a_stopped_master_had_pending_are_kept) {
    siginfo_t info;
    kill(master_pid, SIGSTOP);
    cr_assert_eq(waitid(P_PID, (id_t)master_pid, &info, WSTOPPED), 0);
    kill(master_pid, SIGHUP);
    failover_suspect(&worker, &failover);
    for (int i = 0; i < 4; i++)
        look_again();
    cr_assert_eq(atomic_load(&master->fault), SIGKILL);
    unit_join(master_pid);
    cr_assert(atomic_load(&seg.header->signals) & 1ull << (SIGHUP - 1));
    cr_assert_not(atomic_load(&seg.header->signals) & 1ull << (SIGTERM - 1));
}

Test(failover, a_suspicion_makes_the_loop_wake_for_its_next_look) {
    cr_assert_eq(failover_timeout(&worker, &failover), -1, "all is well: no timer");
    failover_suspect(&worker, &failover);
    cr_assert_eq(failover_timeout(&worker, &failover), FAILOVER_SUSPECT_MS);
    worker.now += 100;
    cr_assert_eq(failover_timeout(&worker, &failover), FAILOVER_SUSPECT_MS - 100);
    worker.now += FAILOVER_SUSPECT_MS;
    cr_assert_eq(failover_timeout(&worker, &failover), 1, "it is late");
    failover_lost(&failover);
    cr_assert_eq(failover_timeout(&worker, &failover), FAILOVER_MS);
}

/* ---- a dead master ---- */

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

/* How many masters the child that looks has started. */
static uint64_t starts(int ms) {
    int status;
    pid_t child;
    kill(master_pid, SIGKILL);
    unit_join(master_pid);
    pid_t pid = unit_child(looks_many_times, &seg, ms);
    uint64_t count = 0;
    while ((child = waitpid(-1, &status, 0)) > 0) {
        cr_assert_eq(WEXITSTATUS(status), child == pid ? 0 : 7, "the exit status that it returns");
        count += child != pid;
    }
    cr_assert_eq(atomic_load(&seg.slots[5].heartbeat), count);
    return count;
}

Test(failover, a_dead_master_is_replaced_once) {
    cr_assert_eq(starts(FAILOVER_MS), 1);
    cr_assert_eq(atomic_load(&seg.slots[5].entry), atomic_load(&master->entry));
}

/* The first that was started died before it had the lease. */
Test(failover, a_dead_master_is_replaced_again_when_its_replacement_does_not_come) {
    cr_assert_eq(starts(1000), 5);
}

Test(failover, while_the_server_shuts_down_a_dead_master_is_not_replaced) {
    atomic_store(&seg.header->shutdown, 1);
    kill(master_pid, SIGKILL);
    unit_join(master_pid);
    failover_lost(&failover);
    failover_look(&worker, &failover);
    cr_assert_not(failover.lost);
    cr_assert_eq(atomic_load(&seg.slots[5].heartbeat), 0);
}

Test(failover, a_new_master_is_noticed_and_followed) {
    cr_assert_not(failover_changed(&worker, &failover));
    make_master();
    cr_assert(failover_changed(&worker, &failover));
    failover_look(&worker, &failover);
    cr_assert_not(failover_changed(&worker, &failover));
    cr_assert_eq(failover.lease, atomic_load(&master->entry));
    cr_assert(worker.orphans_due, "half-made listeners of the former one are looked for");
    cr_assert_not(failover.unwatched);
}
