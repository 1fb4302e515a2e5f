/* stepper.c - a process dies, or is stopped, after each single instruction of lock, publish,
 * unlock.
 *
 * The real gate and room are linked in.  For every k a child is single-stepped k instructions into
 * { gate_lock; room_begin; room_append; room_commit; gate_unlock } and is killed (or stopped)
 * there, while another process waits for the lock; then the test does what the master does after a
 * death.  The waiter must get the lock and publish, and the room must have the victim's line whole
 * or not at all.
 *
 * Each is done alone (the victim finds the gate free) and contended (the victim first sleeps).
 * Then the same is done with protocols that are known to be wrong: the stepper is only valid if
 * they fail. */
#include "ipc/clock.h"
#include "ipc/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PARENT = 1 << 8,
    VICTIM = 2 << 8,
    WAITER = 3 << 8,
    TEXT = 20,
    DEADLINE_MS = 5000,
    MUTANT_DEADLINE_MS = 300,
    LATE_MS = GATE_RETRY_MS * 9 / 10
};

struct protocol {
    const char *name;
    void (*lock)(struct gate *gate, uint64_t me);
    void (*unlock)(struct gate *gate, uint64_t me);
    void (*repair)(struct gate *gate, uint64_t dead);
    bool mutant;
};

enum mode { KILLED, STOPPED };

struct stage {
    struct segment seg;
    const struct protocol *protocol;
    bool contended;
    enum mode mode;
    pid_t victim, waiter;
    uint32_t every; /* step of k */
    _Atomic uint32_t *waiter_done;
};

static void die(const char *what) {
    perror(what);
    exit(2);
}

/* ---- protocols ---- */

static void real_lock(struct gate *gate, uint64_t me) {
    gate_lock(gate, me, NULL);
}
static void real_repair(struct gate *gate, uint64_t dead) {
    gate_repair(gate, dead);
}

/* Without the retry after 50 ms, which would hide a post that the repair omits. */
static void patient_lock(struct gate *gate, uint64_t me) {
    uint64_t nobody;
    do {
        while (sem_wait(&gate->tokens) != 0)
            ;
        nobody = 0;
    } while (!atomic_compare_exchange_strong(&gate->owner, &nobody, me));
}

/* Wrong: the owner is stored after the lock is taken, and the gate repaired only if it has an
 * owner. */
static void store_after_wait(struct gate *gate, uint64_t me) {
    while (sem_wait(&gate->tokens) != 0)
        ;
    atomic_store(&gate->owner, me);
}
static void repair_if_owned(struct gate *gate, uint64_t dead) {
    if (gate_owner(gate) == dead) {
        atomic_store(&gate->owner, 0);
        sem_post(&gate->tokens);
    }
}

/* Wrong: the woken waiter still finds an owner and drops its token, and no other post follows. */
static void post_before_owner(struct gate *gate, uint64_t me) {
    (void)me;
    sem_post(&gate->tokens);
    atomic_store(&gate->owner, 0);
}

static const struct protocol protocols[] = {
    {"the gate", real_lock, gate_unlock, real_repair, false},
    {"the gate without its retry", patient_lock, gate_unlock, real_repair, false},
    {"mutant: owner stored after the wait", store_after_wait, gate_unlock, repair_if_owned, true},
    {"mutant: no post unless owned", patient_lock, gate_unlock, repair_if_owned, true},
    {"mutant: post before owner = 0", patient_lock, post_before_owner, real_repair, true},
};

/* ---- the actors ---- */

static void publish(struct stage *s, uint64_t me) {
    char text[TEXT];
    struct room_line line = {.entry = {.client = (uint32_t)me, .kind = ENTRY_SPEECH}};
    memset(text, (int)(me >> 8) + 'a', sizeof text);
    for (int e = 0; e < RING_COUNT; e++) {
        line.text[e] = text;
        line.len[e] = TEXT - (uint32_t)e;
    }
    struct batch b;
    s->protocol->lock(s->seg.gate, me);
    room_begin(&s->seg.room, &b);
    room_append(&s->seg.room, &b, &line);
    room_commit(&s->seg.room, &b);
    s->protocol->unlock(s->seg.gate, me);
}

static void reset(struct stage *s) {
    if (!gate_init(s->seg.gate))
        abort();
    room_init(&s->seg.room);
    atomic_store(s->waiter_done, 0);
}

/* Mutants also fail an assertion in gate_unlock; its message is discarded. */
static void child_begins(const struct stage *s) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (s->protocol->mutant)
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
}

static pid_t victim_start(struct stage *s) {
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        child_begins(s);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(2);
        raise(SIGSTOP);
        publish(s, VICTIM);
        _exit(0);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
        fprintf(stderr, "ptrace is not permitted here\n");
        exit(2);
    }
    return pid;
}

static char state_of(pid_t pid) {
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *end = strrchr(text, ')');
    return end ? end[2] : 'X';
}

/* The victim sleeps at the gate that the parent holds: the parent then unlocks it.  False: the
 * victim sleeps and will not be woken. */
static bool open_gate(struct stage *s, pid_t pid, int *status) {
    uint64_t begun = clock_ms();
    while (waitpid(pid, status, WNOHANG) == 0) {
        if (state_of(pid) != 'S')
            continue;
        if (gate_owner(s->seg.gate) == PARENT)
            s->protocol->unlock(s->seg.gate, PARENT);
        else if (s->protocol->mutant && clock_ms() - begun > MUTANT_DEADLINE_MS)
            return false;
    }
    return true;
}

enum progress { STEPPED, ENDED, ASLEEP };

static enum progress step(struct stage *s, pid_t pid) {
    int status;
    if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0)
        die("ptrace");
    if (!s->contended)
        waitpid(pid, &status, 0);
    else if (!open_gate(s, pid, &status))
        return ASLEEP;
    return WIFEXITED(status) ? ENDED : STEPPED;
}

static void waiter_start(struct stage *s) {
    s->waiter = fork();
    if (s->waiter < 0)
        die("fork");
    if (s->waiter == 0) {
        child_begins(s);
        publish(s, WAITER);
        atomic_store(s->waiter_done, 1);
        _exit(0);
    }
    while (!atomic_load(s->waiter_done) && state_of(s->waiter) != 'S')
        sched_yield();
}

static bool waiter_ends(struct stage *s, uint64_t *took) {
    uint64_t begun = clock_ms(), limit = s->protocol->mutant ? MUTANT_DEADLINE_MS : DEADLINE_MS;
    while (!atomic_load(s->waiter_done) && clock_ms() - begun < limit)
        sched_yield();
    *took = clock_ms() - begun;
    bool ended = atomic_load(s->waiter_done);
    if (!ended)
        kill(s->waiter, SIGKILL);
    waitpid(s->waiter, NULL, 0);
    return ended;
}

/* ---- the judgement ---- */

static bool line_intact(struct stage *s, uint64_t index, uint64_t who) {
    const struct room *room = &s->seg.room;
    if (room_entry(room, index)->client != who || room_entry(room, index)->lines != index)
        return false;
    for (int e = 0; e < RING_COUNT; e++) {
        const uint8_t *text = room_text(room, e, room_start(room, index, e));
        if (room_len(room, index, e) != TEXT - (uint32_t)e)
            return false;
        for (uint32_t i = 0; i < TEXT - (uint32_t)e; i++) {
            if (text[i] != (who >> 8) + 'a')
                return false;
        }
    }
    return true;
}

/* The room has the victim's line, if it was committed, and the waiter's; `victim_first` gives their
 * order. */
static bool room_sound(struct stage *s, bool victim_first, bool victim_at_all) {
    uint64_t count = room_count(&s->seg.room), index = 1;
    if (count != 2u + victim_at_all || gate_owner(s->seg.gate) != 0)
        return false;
    if (victim_at_all && victim_first && !line_intact(s, index++, VICTIM))
        return false;
    if (!line_intact(s, index++, WAITER))
        return false;
    return !victim_at_all || victim_first || line_intact(s, index, VICTIM);
}

enum verdict { WELL, LATE, STUCK, UNSOUND, NO_MORE };

static enum verdict after_kill(struct stage *s) {
    uint64_t took;
    kill(s->victim, SIGKILL);
    waitpid(s->victim, NULL, 0);
    bool committed = room_count(&s->seg.room) > 1 && room_entry(&s->seg.room, 1)->client == VICTIM;
    s->protocol->repair(s->seg.gate, VICTIM);
    if (gate_owner(s->seg.gate) == PARENT) /* it died before it slept at the gate */
        s->protocol->unlock(s->seg.gate, PARENT);
    if (!waiter_ends(s, &took))
        return STUCK;
    if (!room_sound(s, committed, committed))
        return UNSOUND;
    return took > LATE_MS ? LATE : WELL;
}

/* The victim is stopped: as the master does, nudges the gate, and continues the victim if it owns
 * the gate. */
static enum verdict after_stop(struct stage *s) {
    uint64_t took;
    int status = 0;
    if (ptrace(PTRACE_DETACH, s->victim, NULL, (void *)(long)SIGSTOP) != 0)
        die("detach");
    waitpid(s->victim, &status, WUNTRACED);
    if (gate_owner(s->seg.gate) == PARENT)
        s->protocol->unlock(s->seg.gate, PARENT);
    gate_nudge(s->seg.gate);
    if (gate_owner(s->seg.gate) == VICTIM)
        kill(s->victim, SIGCONT);
    bool ended = waiter_ends(s, &took);
    kill(s->victim, ended ? SIGCONT : SIGKILL);
    if (!WIFEXITED(status))
        waitpid(s->victim, &status, 0);
    if (!ended)
        return STUCK;
    bool first = room_entry(&s->seg.room, 1)->client == VICTIM;
    if (!WIFEXITED(status) || !room_sound(s, first, true))
        return UNSOUND;
    return took > LATE_MS ? LATE : WELL;
}

static enum verdict one(struct stage *s, uint32_t k) {
    reset(s);
    if (s->contended)
        s->protocol->lock(s->seg.gate, PARENT);
    s->victim = victim_start(s);
    for (uint32_t i = 0; i < k; i++) {
        enum progress progress = step(s, s->victim);
        if (progress == ENDED)
            return NO_MORE;
        if (progress == ASLEEP) {
            kill(s->victim, SIGKILL);
            waitpid(s->victim, NULL, 0);
            return STUCK;
        }
    }
    waiter_start(s);
    return s->mode == KILLED ? after_kill(s) : after_stop(s);
}

/* Tries every instruction; returns how many left the waiter stuck or the room unsound. */
static uint32_t all(struct stage *s) {
    uint32_t count[NO_MORE + 1] = {0}, k = 0;
    for (enum verdict v; (v = one(s, k)) != NO_MORE; k += s->every) {
        count[v]++;
        if (s->protocol->mutant && count[STUCK] + count[UNSOUND] >= 3)
            break; /* three failures are proof enough */
    }
    printf("%-36s %-9s %-8s %5u instructions, %u stuck, %u unsound, %u late\n", s->protocol->name,
           s->contended ? "contended" : "alone", s->mode == KILLED ? "killed" : "stopped", k,
           count[STUCK], count[UNSOUND], count[LATE]);
    return count[STUCK] + count[UNSOUND];
}

int main(int argc, char **argv) {
    static struct stage s;
    struct config config = {.workers = 4, .max_clients = 16, .ring_size = 65536};
    struct geometry geometry;
    char err[256];
    uint32_t bad = 0;
    s.every = argc == 3 && strcmp(argv[1], "-e") == 0 && atoi(argv[2]) > 0 ? atoi(argv[2]) : 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    segment_geometry(&geometry, &config, 32);
    if (segment_create(&s.seg, &geometry, &config, err, sizeof err) != 0) {
        fprintf(stderr, "%s\n", err);
        return 2;
    }
    s.seg.room.slot_count = 2; /* no slot is in use; checking fewer takes fewer instructions */
    s.waiter_done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t p = 0; p < sizeof protocols / sizeof protocols[0]; p++) {
        uint32_t found = 0;
        s.protocol = &protocols[p];
        reset(&s);
        publish(&s, PARENT); /* so that the dynamic linker has nothing left to resolve */
        for (int variant = 0; variant < 4; variant++) {
            s.contended = variant & 1;
            s.mode = variant & 2 ? STOPPED : KILLED;
            found += all(&s);
        }
        if (s.every == 1 ? protocols[p].mutant != (found > 0) : !protocols[p].mutant && found > 0) {
            printf("FAILED: %s\n", protocols[p].name);
            bad++;
        }
    }
    printf("%s\n", bad ? "FAILED" : "ok");
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
