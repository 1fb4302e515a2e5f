/* unit_gate.c - the gate has one owner at a time, also if processes die at any point; with
 * processes, and with threads for ThreadSanitizer. */
#include "ipc/gate.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { ALICE = 1 << 8, BOB = 2 << 8, RUNNERS = 4, ROUNDS = 20000 };

/* Memory that the processes of a test share. */
struct arena {
    struct gate gate;
    _Alignas(64) volatile uint64_t counter; /* changed only under the gate; not atomic */
    _Atomic uint32_t inside, collisions, at, done;
};

static struct arena *arena_make(void) {
    struct arena *a =
        mmap(NULL, sizeof *a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(a, MAP_FAILED);
    cr_assert(gate_init(&a->gate), "%s", strerror(errno));
    return a;
}

static void arena_round(struct arena *a, uint64_t me) {
    gate_lock(&a->gate, me, NULL);
    if (atomic_fetch_add(&a->inside, 1) != 0 || gate_owner(&a->gate) != me)
        atomic_fetch_add(&a->collisions, 1);
    a->counter++;
    atomic_fetch_sub(&a->inside, 1);
    gate_unlock(&a->gate, me);
}

static void arena_check(const struct arena *a) {
    cr_assert_eq(a->counter, (uint64_t)RUNNERS * ROUNDS, "%lu rounds were counted",
                 (unsigned long)a->counter);
    cr_assert_eq(a->collisions, 0);
    cr_assert_eq(gate_owner((struct gate *)&a->gate), 0);
}

static pid_t run_child(struct arena *a, void (*body)(struct arena *a, uint64_t me), uint64_t me) {
    pid_t pid = unit_fork();
    if (pid == 0) {
        body(a, me);
        _exit(0);
    }
    return pid;
}

Test(gate, names_its_owner) {
    struct arena *a = arena_make();
    gate_lock(&a->gate, ALICE, NULL);
    cr_assert_eq(gate_owner(&a->gate), ALICE);
    gate_unlock(&a->gate, ALICE);
    cr_assert_eq(gate_owner(&a->gate), 0);
    gate_lock(&a->gate, BOB, NULL);
    cr_assert_eq(gate_owner(&a->gate), BOB);
}

static void rounds(struct arena *a, uint64_t me) {
    for (int i = 0; i < ROUNDS; i++)
        arena_round(a, me);
}

Test(gate, admits_one_process_at_a_time) {
    struct arena *a = arena_make();
    pid_t pid[RUNNERS];
    for (int i = 0; i < RUNNERS; i++)
        pid[i] = run_child(a, rounds, (uint64_t)(i + 1) << 8);
    for (int i = 0; i < RUNNERS; i++)
        cr_assert_eq(unit_join(pid[i]), 0);
    arena_check(a);
}

/* A repair may leave a surplus token; it must not admit a second owner. */
Test(gate, surplus_tokens_admit_no_second_owner) {
    struct arena *a = arena_make();
    for (int i = 0; i < 100; i++)
        gate_nudge(&a->gate);
    pid_t pid[RUNNERS];
    for (int i = 0; i < RUNNERS; i++)
        pid[i] = run_child(a, rounds, (uint64_t)(i + 1) << 8);
    for (int i = 0; i < RUNNERS; i++)
        cr_assert_eq(unit_join(pid[i]), 0);
    arena_check(a);
}

struct runner {
    struct arena *arena;
    uint64_t me;
};
static void *rounds_in_thread(void *arg) {
    struct runner *runner = arg;
    rounds(runner->arena, runner->me);
    return NULL;
}

Test(gate, admits_one_thread_at_a_time) {
    struct arena *a = arena_make();
    pthread_t thread[RUNNERS];
    struct runner runner[RUNNERS];
    for (int i = 0; i < RUNNERS; i++) {
        runner[i] = (struct runner){a, (uint64_t)(i + 1) << 8};
        cr_assert_eq(pthread_create(&thread[i], NULL, rounds_in_thread, &runner[i]), 0);
    }
    for (int i = 0; i < RUNNERS; i++)
        pthread_join(thread[i], NULL);
    arena_check(a);
}

/* A process died with a token: the owner word is 0, so the wait ends by its retry. */
Test(gate, a_lost_token_is_survived) {
    struct arena *a = arena_make();
    cr_assert_eq(sem_trywait(&a->gate.tokens), 0);
    gate_lock(&a->gate, ALICE, NULL);
    cr_assert_eq(gate_owner(&a->gate), ALICE);
}

static void lock_and_stay(struct arena *a, uint64_t me) {
    gate_lock(&a->gate, me, NULL);
    atomic_store(&a->at, 1);
    pause();
}
static void lock_once(struct arena *a, uint64_t me) {
    atomic_store(&a->done, 1);
    arena_round(a, me);
}

static void wait_for(_Atomic uint32_t *word) {
    while (atomic_load(word) == 0)
        sched_yield();
}

Test(gate, is_repaired_after_its_owner) {
    struct arena *a = arena_make();
    pid_t owner = run_child(a, lock_and_stay, ALICE);
    wait_for(&a->at);
    pid_t waiter = run_child(a, lock_once, BOB);
    wait_for(&a->done);
    kill(owner, SIGKILL);
    unit_join(owner);
    cr_assert_eq(gate_owner(&a->gate), ALICE);
    cr_assert_eq(a->counter, 0);
    cr_assert(gate_repair(&a->gate, ALICE));
    cr_assert_eq(unit_join(waiter), 0);
    cr_assert_eq(a->counter, 1);
    cr_assert_not(gate_repair(&a->gate, ALICE), "a second repair finds nothing");
}

/* The owner died between clearing the owner word and posting: the repair must post. */
Test(gate, repair_posts_if_the_owner_died_before_its_post) {
    struct arena *a = arena_make();
    int tokens;
    gate_lock(&a->gate, ALICE, NULL);
    atomic_store(&a->gate.owner, 0);
    cr_assert_not(gate_repair(&a->gate, ALICE));
    sem_getvalue(&a->gate.tokens, &tokens);
    cr_assert_eq(tokens, 1);
}

Test(gate, repair_touches_no_other_owner) {
    struct arena *a = arena_make();
    gate_lock(&a->gate, BOB, NULL);
    cr_assert_not(gate_repair(&a->gate, ALICE));
    cr_assert_eq(gate_owner(&a->gate), BOB);
}

struct suspicion {
    struct gate *gate;
    uint64_t of;
    int times;
};
static void suspect(void *arg, uint64_t owner) {
    struct suspicion *s = arg;
    s->of = owner;
    s->times++;
    gate_repair(s->gate, owner);
}

Test(gate, a_waiter_gets_the_incarnation_of_the_owner) {
    struct arena *a = arena_make();
    struct suspicion s = {.gate = &a->gate};
    struct gate_watch watch = {suspect, &s};
    gate_lock(&a->gate, ALICE, &watch);
    cr_assert_eq(s.times, 0, "the gate was free");
    gate_lock(&a->gate, BOB, &watch);
    cr_assert_geq(s.times, 1);
    cr_assert_eq(s.of, ALICE);
    cr_assert_eq(gate_owner(&a->gate), BOB);
}

/* A signal interrupts sem_wait: the gate may still have an owner. */
static void no_handler(int signo) {
    (void)signo;
}
static void lock_through_signals(struct arena *a, uint64_t me) {
    struct sigaction act = {.sa_handler = no_handler};
    sigaction(SIGUSR1, &act, NULL);
    atomic_store(&a->done, 1);
    arena_round(a, me);
}

Test(gate, a_signal_does_not_end_the_wait) {
    struct arena *a = arena_make();
    gate_lock(&a->gate, ALICE, NULL);
    pid_t waiter = run_child(a, lock_through_signals, BOB);
    wait_for(&a->done);
    for (int i = 0; i < 50; i++) {
        kill(waiter, SIGUSR1);
        cr_assert_eq(gate_owner(&a->gate), ALICE);
        sched_yield();
    }
    cr_assert_eq(a->counter, 0);
    gate_unlock(&a->gate, ALICE);
    cr_assert_eq(unit_join(waiter), 0);
    cr_assert_eq(a->counter, 1);
}

static void rounds_for_ever(struct arena *a, uint64_t me) {
    for (;;) {
        arena_round(a, me);
        atomic_fetch_add(&a->done, 1);
    }
}

/* Kills at random points, each followed by the repair: no process may block forever.  (At every
 * single instruction: tests/crash/stepper.c.) */
Test(gate, survives_random_kills) {
    struct arena *a = arena_make();
    pid_t pid[RUNNERS];
    uint64_t me[RUNNERS], next = 1;
    srand(7);
    for (int i = 0; i < RUNNERS; i++)
        pid[i] = run_child(a, rounds_for_ever, me[i] = next++ << 8);
    for (int kills = 0; kills < 300; kills++) {
        int i = rand() % RUNNERS;
        uint32_t until = atomic_load(&a->done) + (uint32_t)rand() % 200;
        while ((int32_t)(atomic_load(&a->done) - until) < 0)
            sched_yield();
        kill(pid[i], SIGKILL);
        unit_join(pid[i]);
        if (gate_owner(&a->gate) == me[i])
            atomic_store(&a->inside, 0); /* it died between the two steps of arena_round */
        gate_repair(&a->gate, me[i]);
        pid[i] = run_child(a, rounds_for_ever, me[i] = next++ << 8);
    }
    for (int i = 0; i < RUNNERS; i++) {
        kill(pid[i], SIGKILL);
        unit_join(pid[i]);
        if (gate_owner(&a->gate) == me[i])
            atomic_store(&a->inside, 0); /* the others run on meanwhile */
        gate_repair(&a->gate, me[i]);
    }
    gate_lock(&a->gate, ALICE, NULL);
    gate_unlock(&a->gate, ALICE);
    cr_assert_eq(a->collisions, 0);
}
