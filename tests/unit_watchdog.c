/* unit_watchdog.c - which worker is killed for making no progress, and which is not.  The test sets
 * the clock; the workers are children that only pause(), in slots that the test fills. */
#include "ipc/pid_stat.h"
#include "master/process.h"
#include "master/watchdog.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

enum { TIMEOUT = 1000, PERIOD = TIMEOUT / 2, BEGIN = 1000000, SLOT = 3, ME = 7 << 8 | SLOT };

static struct segment seg;
static struct watchdog dog;
static struct slot *slot;
static uint64_t now;

/* Puts a new child into the slot, awake; its time begins now. */
static void fill(void) {
    pid_t pid = unit_fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    atomic_store(&slot->pid, pid);
    atomic_store(&slot->pidfd, (int)syscall(SYS_pidfd_open, pid, 0));
    atomic_store(&slot->fault, 0);
    watchdog_begin(&dog, &seg, (uint32_t)(slot - seg.slots), now);
}

static void set_up(void) {
    struct config config = unit_config(65536);
    config.worker_timeout_ms = TIMEOUT;
    unit_segment(&seg, 65536);
    segment_publish_config(&seg, &config);
    slot = &seg.slots[SLOT];
    slot->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    slot->bell_fd = eventfd(0, EFD_NONBLOCK);
    atomic_store(&slot->state, SLOT_SERVING);
    atomic_store(&slot->incarnation, ME);
    now = BEGIN;
    fill();
    watchdog_look(&dog, &seg, now); /* the first call is a gap, as in the master */
}
TestSuite(watchdog, .init = set_up, .timeout = 180);

static void look_after(uint64_t ms) {
    now += ms;
    watchdog_look(&dog, &seg, now);
}

static bool killed(void) {
    siginfo_t info = {0};
    int options = WEXITED | WNOWAIT | (atomic_load(&slot->fault) ? 0 : WNOHANG);
    cr_assert_eq(waitid(P_PID, (id_t)atomic_load(&slot->pid), &info, options), 0);
    return info.si_pid != 0;
}

/* Calls watchdog_look once a period; returns after how many ms the worker was killed. */
static uint64_t lives_for(void) {
    for (uint64_t begin = now; now - begin < 100 * TIMEOUT;) {
        look_after(PERIOD);
        if (killed())
            return now - begin;
    }
    return UINT64_MAX;
}

static void event_waits(void) {
    int fd = eventfd(1, EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN};
    cr_assert_eq(epoll_ctl(slot->epoll_fd, EPOLL_CTL_ADD, fd, &event), 0);
}

Test(watchdog, a_sleeper_without_work_is_not_killed) {
    atomic_store(&slot->asleep, 1);
    cr_assert_eq(lives_for(), UINT64_MAX);
}

Test(watchdog, a_heartbeat_that_moves_is_enough) {
    for (int i = 0; i < 20; i++) {
        atomic_fetch_add(&slot->heartbeat, 1);
        look_after(PERIOD);
        look_after(PERIOD);
        cr_assert_not(killed());
    }
}

Test(watchdog, a_worker_that_is_awake_without_progress_is_killed) {
    cr_assert_eq(lives_for(), TIMEOUT);
    cr_assert_eq(atomic_load(&slot->fault), (uint32_t)SIGKILL, "it was at fault");
}

Test(watchdog, a_worker_that_sleeps_while_an_event_waits_is_killed) {
    atomic_store(&slot->asleep, 1);
    event_waits();
    cr_assert_eq(lives_for(), TIMEOUT);
}

/* slot_ring clears `asleep` before it writes to the bell. */
Test(watchdog, a_worker_that_sleeps_although_it_was_rung_is_killed) {
    atomic_store(&slot->asleep, 1);
    look_after(PERIOD);
    slot_ring(slot);
    cr_assert_eq(lives_for(), TIMEOUT, "from the last look at which nothing waited");
}

Test(watchdog, a_worker_that_waits_at_the_gate_is_not_blamed) {
    uint64_t other = 8 << 8 | (SLOT + 1);
    atomic_store(&slot->at_gate, 1);
    gate_lock(seg.gate, other, NULL);
    int tokens = -1, more = -1;
    sem_getvalue(&seg.gate->tokens, &tokens);
    cr_assert_eq(lives_for(), UINT64_MAX);
    sem_getvalue(&seg.gate->tokens, &more);
    cr_assert_gt(more, tokens, "in case its token was lost");
    gate_unlock(seg.gate, other);
}

Test(watchdog, the_gates_owner_is_blamed) {
    atomic_store(&slot->at_gate, 1); /* until it has passed the gate */
    gate_lock(seg.gate, ME, NULL);
    cr_assert_eq(lives_for(), TIMEOUT);
}

static void stop_worker(void) {
    siginfo_t info;
    pid_t pid = atomic_load(&slot->pid);
    kill(pid, SIGSTOP);
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
    cr_assert(pid_stat_read(pid).stopped);
}

/* A stopped worker is replaced in any case, but its client's input is not at fault. */
Test(watchdog, a_worker_that_is_stopped_is_killed_without_blame) {
    stop_worker();
    atomic_store(&slot->at_gate, 1);
    look_after(PERIOD);
    look_after(PERIOD);
    cr_assert_eq(atomic_load(&slot->fault), 0);
    int status = unit_join(atomic_load(&slot->pid));
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The master was stopped, or the machine suspended: the worker could not run either. */
Test(watchdog, a_gap_in_the_masters_own_clock_measures_anew) {
    look_after(PERIOD);
    look_after(60 * TIMEOUT);
    cr_assert_not(killed());
    cr_assert_eq(lives_for(), TIMEOUT);
}

Test(watchdog, looks_no_more_often_than_its_period_allows) {
    struct watchdog before;
    look_after(PERIOD);
    before = dog;
    look_after(PERIOD / 2 - 1);
    cr_assert_eq(memcmp(&before, &dog, sizeof dog), 0);
    look_after(1);
    cr_assert_neq(memcmp(&before, &dog, sizeof dog), 0);
}

Test(watchdog, patience_doubles_until_the_heartbeat_moves) {
    for (uint64_t patience = TIMEOUT; patience <= 8 * TIMEOUT; patience *= 2) {
        cr_assert_eq(lives_for(), patience);
        unit_join(atomic_load(&slot->pid));
        fill();
    }
    atomic_fetch_add(&slot->heartbeat, 1);
    look_after(PERIOD);
    cr_assert_eq(lives_for(), TIMEOUT);
}

Test(watchdog, a_process_that_has_just_started_has_all_its_time) {
    atomic_store(&slot->pid, 0);
    for (int i = 0; i < 10; i++)
        look_after(PERIOD);
    fill();
    cr_assert_eq(lives_for(), TIMEOUT);
}

Test(watchdog, a_vacant_slot_is_passed_over) {
    pid_t pid = atomic_exchange(&slot->pid, 0);
    for (int i = 0; i < 10; i++)
        look_after(PERIOD);
    cr_assert_eq(atomic_load(&slot->fault), 0);
    cr_assert_eq(kill(pid, 0), 0);
    cr_assert_eq(waitpid(pid, NULL, WNOHANG), 0);
}

/* A stopped process that owns the gate is continued, because other processes wait for it. */
Test(watchdog, a_stopped_owner_of_the_gate_is_continued) {
    siginfo_t info = {0};
    pid_t pid = atomic_load(&slot->pid);
    stop_worker();
    watchdog_stopped(&seg, SLOT);
    cr_assert(pid_stat_read(pid).stopped, "it owned nothing");
    gate_lock(seg.gate, ME, NULL);
    watchdog_stopped(&seg, SLOT);
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WCONTINUED), 0);
    uint64_t rung = 0;
    cr_assert_eq(read(slot->bell_fd, &rung, sizeof rung), sizeof rung);
    cr_assert_eq(rung, 2);
}

Test(watchdog, the_masters_beat_sets_the_timer_anew) {
    struct itimerspec left;
    uint64_t before = atomic_load(&seg.slots[MASTER_SLOT].heartbeat);
    seg.header->master.watchdog_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    cr_assert(watchdog_beat(&seg));
    cr_assert_eq(timerfd_gettime(seg.header->master.watchdog_fd, &left), 0);
    cr_assert(left.it_value.tv_sec > 0 || left.it_value.tv_nsec > 0, "it is armed");
    cr_assert_leq((uint64_t)left.it_value.tv_sec * 1000, watchdog_master_ms(&seg));
    cr_assert_eq(atomic_load(&seg.slots[MASTER_SLOT].heartbeat), before + 1);
    seg.header->master.watchdog_fd = -1;
    cr_assert(!watchdog_beat(&seg));
    cr_assert_eq(errno, EBADF);
}

/* What waits in its sockets is not seen from the master, and its bell may be silent. */
Test(watchdog, a_relay_that_was_stopped_is_killed_and_one_that_sleeps_is_not) {
    slot = &seg.slots[RELAY_SLOT];
    slot->bell_fd = eventfd(0, EFD_NONBLOCK);
    atomic_store(&seg.slots[SLOT].pid, 0);
    atomic_store(&slot->state, SLOT_SERVING);
    atomic_store(&slot->asleep, 1);
    fill();
    cr_assert_eq(lives_for(), UINT64_MAX);
    stop_worker();
    for (int i = 0; i < 2; i++)
        look_after(PERIOD);
    cr_assert_eq(dog.at[RELAY_SLOT].patience, 2 * TIMEOUT, "it was not killed");
    cr_assert_eq(atomic_load(&slot->fault), 0, "it was stopped, and not at fault");
    int status = unit_join(atomic_load(&slot->pid));
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
