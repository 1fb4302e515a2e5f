/* unit_process.c - how a process ended, as its slot says: what the guardian has stored, or will in
 * a moment, or else what the process itself has left. */
#include "ipc/slot.h"
#include "master/process.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/time.h>

static struct segment seg;
static struct slot *slot;
enum { GUARDIAN = 4711, ANOTHER = 4712 };

static void set_up(void) {
    unit_segment(&seg, 65536);
    slot = &seg.slots[3];
    atomic_store(&seg.slots[GUARDIAN_SLOT].pid, GUARDIAN);
    atomic_store(&slot->state, SLOT_SERVING);
}
TestSuite(process, .init = set_up);

static void ended(const struct slot *of, bool exited, int status) {
    struct process_end end = process_end(&seg, of);
    cr_assert_eq(end.exited, exited);
    cr_assert_eq(end.status, status);
}

Test(process, the_guardian_has_stored_how_it_ended) {
    atomic_store(&slot->reaper, GUARDIAN);
    process_store_end(slot, CLD_EXITED, 255);
    ended(slot, true, 255);
    process_store_end(slot, CLD_KILLED, SIGKILL);
    ended(slot, false, SIGKILL);
    process_store_end(slot, CLD_DUMPED, SIGSEGV);
    ended(slot, false, SIGSEGV);
}

static void store(int signo) {
    (void)signo;
    process_store_end(slot, CLD_KILLED, SIGTERM);
}

/* The death is seen by the pidfd before the guardian has seen it. */
Test(process, the_guardian_stores_it_a_moment_later) {
    const struct itimerval soon = {.it_value = {.tv_usec = 5000}};
    atomic_store(&slot->reaper, GUARDIAN);
    signal(SIGALRM, store);
    setitimer(ITIMER_REAL, &soon, NULL);
    ended(slot, false, SIGTERM);
}

/* Its parent was an earlier guardian, whose children no process of the server reaps. */
Test(process, another_parent_tells_nothing) {
    atomic_store(&slot->reaper, ANOTHER);
    atomic_store(&slot->fault, SIGBUS);
    ended(slot, false, SIGBUS);
    atomic_store(&slot->state, SLOT_UNUSED);
    ended(slot, true, 0);
}

Test(process, a_guardian_that_never_tells_is_not_waited_for_for_ever) {
    atomic_store(&slot->reaper, GUARDIAN);
    ended(slot, false, 0);
}

/* The state of its slot says nothing: it is that of no worker. */
Test(process, a_master_whose_end_is_not_known_did_not_exit) {
    ended(&seg.slots[MASTER_SLOT], false, 0);
}

Test(process, an_invitation_forgets_how_the_former_one_ended) {
    process_store_end(slot, CLD_KILLED, SIGKILL);
    slot_invite(slot, segment_incarnation(&seg, 3));
    ended(slot, false, 0);
}
