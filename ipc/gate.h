/* clang-format off */
/* gate.h - the one lock: a process-shared semaphore and a word that names its owner.
 *
 * Model.  The semaphore only puts waiters to sleep; the lock itself is the owner word, taken by
 * compare-and-swap from 0 alone.  A token of the semaphore is permission to try, nothing more:
 * surplus tokens are harmless, a lost one costs a waiter at most GATE_RETRY_MS.
 *
 *   lock:    wait for a token (or 50 ms, or a signal), then CAS(owner, 0 -> me); a token that loses
 *            the CAS is dropped, never posted again.
 *   unlock:  owner = 0, then post.  In this order only: posted first, a killed unlocker would leave
 *            a woken waiter before an owner word that is never cleared.
 *   death:   CAS(owner, dead -> 0), then post ALWAYS, even if the dead process did not own the gate:
 *            it may have died between clearing the owner and posting, or after taking a token.
 *
 * A process is known here by its incarnation, a number never given twice (slot.h), never by a pid.
 * Never decide by sem_getvalue: value 1 with a sleeper behind it is a real state.
 *
 * Under the gate: bounded copying only; no system call, no rendering, no log.
 *
 *     gate_lock(gate, me, NULL);
 *     ... at most a batch of memcpy ...
 *     gate_unlock(gate, me);
 */
/* clang-format on */
#ifndef IPC_GATE_H
#define IPC_GATE_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { GATE_RETRY_MS = 50 };

struct gate {
    _Alignas(64) sem_t tokens;
    uint8_t pad[64 - sizeof(sem_t)];
    _Alignas(64) _Atomic uint64_t owner; /* an incarnation; 0: free */
    uint8_t pad2[56];
};

/* What a waiter does each time GATE_RETRY_MS passed in vain: ask whether `owner` still lives, and
 * repair the gate if it does not.  Called without any lock held; may be NULL. */
struct gate_watch {
    void (*suspect)(void *arg, uint64_t owner);
    void *arg;
};

/* Once, by the process that makes the segment.  False with errno if the system has no semaphores
 * that processes can share. */
bool gate_init(struct gate *gate);
void gate_lock(struct gate *gate, uint64_t me, const struct gate_watch *watch);
void gate_unlock(struct gate *gate, uint64_t me);

/* `dead` is gone for good (reaped, or its pidfd is readable).  May be called by anyone, any number
 * of times.  True if it owned the gate. */
bool gate_repair(struct gate *gate, uint64_t dead);

/* A nudge without a death: after a process was stopped, whose token may be in its hand. */
void gate_nudge(struct gate *gate);

static inline uint64_t gate_owner(const struct gate *gate) {
    return atomic_load_explicit(&gate->owner, memory_order_acquire);
}

#endif
