/* unit_slot.c - bells: no wake-up is lost; and how a dead process is recognised. */
#include "ipc/slot.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

static struct slot *slot_make(void) {
    static struct slot slots[SLOT_COUNT];
    for (int i = 0; i < SLOT_COUNT; i++) {
        slots[i].bell_fd = -1;
        atomic_store(&slots[i].pidfd, -1);
    }
    slots[0].bell_fd = eventfd(0, EFD_NONBLOCK);
    cr_assert(slots[0].bell_fd >= 0);
    return slots;
}

static uint64_t rung(struct slot *slot) {
    uint64_t n = 0;
    return read(slot->bell_fd, &n, sizeof n) == sizeof n ? n : 0;
}

Test(slot, rings_only_sleeping_slots) {
    struct slot *slot = slot_make();
    slot_ring(slot);
    cr_assert_eq(rung(slot), 0);
    slot_sleep(slot);
    slot_ring(slot);
    slot_ring(slot);
    cr_assert_eq(rung(slot), 1, "one ring wakes; the second finds it awake");
    slot_sleep(slot);
    slot_wake(slot);
    slot_ring(slot);
    cr_assert_eq(rung(slot), 0);
}

Test(slot, rings_all_slots_but_its_own) {
    struct slot *slots = slot_make();
    slots[1].bell_fd = eventfd(0, EFD_NONBLOCK);
    slot_sleep(&slots[0]);
    slot_sleep(&slots[1]);
    slots_ring(slots, WORKERS_MAX, 0);
    cr_assert_eq(rung(&slots[0]), 0);
    cr_assert_eq(rung(&slots[1]), 1);
    slots_ring(slots, WORKERS_MAX, -1);
    cr_assert_eq(rung(&slots[0]), 1);
}

/* A sleeping and a ringing thread, in the order that slot.h prescribes.  After a lost ring the
 * sleeper would not wake again, and the time limit would end the test. */
enum { ROUNDS = 20000 };
static _Atomic uint64_t published, noticed;

static void *sleeper(void *arg) {
    struct slot *slot = arg;
    for (uint64_t seen = 0; seen < ROUNDS;) {
        slot_sleep(slot);
        uint64_t now = atomic_load_explicit(&published, memory_order_acquire);
        if (now == seen) {
            struct pollfd wait = {.fd = slot->bell_fd, .events = POLLIN};
            poll(&wait, 1, -1);
            (void)rung(slot);
        }
        slot_wake(slot);
        seen = atomic_load_explicit(&published, memory_order_acquire);
        atomic_store(&noticed, seen);
    }
    return NULL;
}

Test(slot, no_ring_is_lost, .timeout = 180) {
    struct slot *slot = slot_make();
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, sleeper, slot), 0);
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        atomic_store_explicit(&published, i, memory_order_release);
        slots_ring(slot, 1, -1);
        while (atomic_load(&noticed) < i) /* every round is its own race */
            sched_yield();
    }
    pthread_join(thread, NULL);
}

static int pidfd_of(pid_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

Test(slot, tells_the_dead_from_the_living) {
    struct slot *slots = slot_make();
    pid_t pid = unit_fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    uint64_t me = 5 << 8 | 3;
    atomic_store(&slots[3].incarnation, me);
    cr_assert_not(slot_dead(slots, me), "no pidfd: it cannot be told");
    atomic_store(&slots[3].pidfd, pidfd_of(pid));
    cr_assert_not(slot_dead(slots, me));
    kill(pid, SIGSTOP);
    cr_assert_not(slot_dead(slots, me), "stopped is not dead");
    kill(pid, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    cr_assert(slot_dead(slots, me), "not reaped yet, but dead");
    unit_join(pid);
    cr_assert(slot_dead(slots, me));
    cr_assert_not(slot_dead(slots, 4 << 8 | 3), "another incarnation is not ours to judge");
    atomic_store(&slots[3].incarnation, 6 << 8 | 3);
    cr_assert_not(slot_dead(slots, me), "it has been seen to");
    cr_assert_not(slot_dead(slots, 7 << 8 | 0xff), "no such slot");
}

Test(slot, an_incarnation_names_its_slot) {
    struct segment seg;
    unit_segment(&seg, 65536);
    uint64_t first = segment_incarnation(&seg, 7), second = segment_incarnation(&seg, 7);
    cr_assert_neq(first, second);
    cr_assert_neq(first, 0);
    cr_assert_eq(incarnation_slot(first), 7);
    cr_assert_eq(incarnation_slot(segment_incarnation(&seg, MASTER_SLOT)), MASTER_SLOT);
}
