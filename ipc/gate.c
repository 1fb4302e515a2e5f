/* gate.c - see gate.h for the protocol and why each order is as it is. */
#include "ipc/gate.h"

#include "ipc/clock.h"
#include "ipc/fault.h"

#include <assert.h>
#include <time.h>

bool gate_init(struct gate *gate) {
    atomic_init(&gate->owner, 0);
    return sem_init(&gate->tokens, 1, 1) == 0;
}

static bool gate_try(struct gate *gate, uint64_t me) {
    uint64_t unowned = 0;
    return atomic_compare_exchange_strong_explicit(&gate->owner, &unowned, me, memory_order_acquire,
                                                   memory_order_relaxed);
}

void gate_lock(struct gate *gate, uint64_t me, const struct gate_watch *watch) {
    FAULT("gate.lock.before");
    if (sem_trywait(&gate->tokens) == 0) {
        FAULT("gate.lock.token");
        if (gate_try(gate, me)) {
            FAULT("gate.lock.owner");
            return;
        }
    }
    for (;;) {
        struct timespec until = clock_after_ms(GATE_RETRY_MS);
        int waited = sem_clockwait(&gate->tokens, CLOCK_MONOTONIC, &until);
        FAULT("gate.lock.waited");
        if (gate_try(gate, me)) {
            FAULT("gate.lock.owner");
            return;
        }
        uint64_t owner = gate_owner(gate);
        if (waited != 0 && watch && watch->suspect && owner != 0)
            watch->suspect(watch->arg, owner);
    }
}

void gate_unlock(struct gate *gate, uint64_t me) {
    assert(gate_owner(gate) == me);
    (void)me;
    FAULT("gate.unlock.before");
    atomic_store_explicit(&gate->owner, 0, memory_order_release);
    FAULT("gate.unlock.cleared");
    sem_post(&gate->tokens);
    FAULT("gate.unlock.posted");
}

bool gate_repair(struct gate *gate, uint64_t dead) {
    uint64_t owner = dead;
    bool owned = atomic_compare_exchange_strong_explicit(
        &gate->owner, &owner, 0, memory_order_acq_rel, memory_order_relaxed);
    FAULT("gate.repair.cleared");
    sem_post(&gate->tokens);
    return owned;
}

void gate_nudge(struct gate *gate) {
    sem_post(&gate->tokens);
}
