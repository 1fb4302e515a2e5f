/* e2e_machines_split.c - a network that is cut between one machine and the others, in network
 * namespaces: both sides talk on, and afterwards each has the other's lines once, with their times.
 */
#include "tests/lib/machines.h"
#include "tests/lib/network.h"
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

TestSuite(machines_split, .timeout = 180);

enum side { NEAR, FAR };
enum { ANN, BOB, LINES = 5, LATE_MS = 11000 };

static int namespace[2];

/* What is opened or started from now on is on that side. */
static void enter(enum side side) {
    cr_assert_eq(setns(namespace[side], CLONE_NEWNET), 0, "%s", strerror(errno));
}

static void ip(const char *fmt, int pid) {
    static struct ran ran;
    char command[200], line[300];
    snprintf(command, sizeof command, "%s %d", fmt, pid);
    snprintf(line, sizeof line, "PATH=$PATH:/usr/sbin:/sbin; exec ip %s", pid ? command : fmt);
    run(&ran, "/bin/sh", "-c", line);
    if (ran.status != 0)
        skip_test("ip %s: %s", pid ? command : fmt, ran.err);
}

/* A process that holds a namespace of its own; ends with the test. */
static pid_t hold_namespace(void) {
    int ready[2];
    char byte = 0;
    cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
    pid_t holder = fork();
    if (holder == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        byte = unshare(CLONE_NEWNET) == 0;
        if (write(ready[1], &byte, 1) == 1 && byte)
            for (;;)
                pause();
        _exit(1);
    }
    if (read(ready[0], &byte, 1) != 1 || !byte)
        skip_test("a second network namespace cannot be made");
    close(ready[0]);
    close(ready[1]);
    return holder;
}

/* Two namespaces, joined by one pair of interfaces: 10.77.0.1 is near, 10.77.0.2 far. */
static void two_sides(void) {
    char path[64];
    network_own();
    pid_t holder = hold_namespace();
    snprintf(path, sizeof path, "/proc/%d/ns/net", holder);
    namespace[NEAR] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    namespace[FAR] = open(path, O_RDONLY | O_CLOEXEC);
    ip("link add v0 type veth peer name v1 netns", holder);
    ip("addr add 10.77.0.1/24 dev v0", 0);
    ip("link set v0 up", 0);
    enter(FAR);
    ip("link set lo up", 0);
    ip("addr add 10.77.0.2/24 dev v1", 0);
    ip("link set v1 up", 0);
    enter(NEAR);
}

/* The engine and london are near, paris is far. */
static void begin(struct machines *m) {
    two_sides();
    *m = (struct machines){.n = 2, .redis = redis_prepare()};
    snprintf(m->redis->address, sizeof m->redis->address, "10.77.0.1");
    redis_launch(m->redis, "%s", "");
    m->s[BOB] = machine_start(m->redis, "london", "");
    m->g[BOB] = guest_enter(m->s[BOB], "bob");
    enter(FAR);
    m->s[ANN] = machine_start(m->redis, "paris", "");
    m->g[ANN] = guest_enter(m->s[ANN], "ann");
    enter(NEAR);
    machines_meet(m);
}

static void all_talk(struct machines *m) {
    for (int i = 0; i < LINES; i++) {
        for (int from = 0; from < m->n; from++) {
            guest_say(m->g[from], "line %d", i);
            guest_expect(m->g[from], "%s: line %d", machine_name[from], i);
        }
    }
}

/* The other's lines, each once, in order, behind their times or without; `told`: two sentences that
 * come once each, NULL: none. */
static void hears_all(struct machines *m, int to, bool late, const char *told[2]) {
    char want[64];
    int next = 0, sentences = 0, wanted = told[0] ? told[1] ? 2 : 1 : 0;
    while (next < LINES || sentences < wanted) {
        const char *line = guest_next(m->g[to]);
        if ((told[0] && strcmp(line, told[0]) == 0) || (told[1] && strcmp(line, told[1]) == 0)) {
            cr_assert_leq(++sentences, wanted, "%s", line);
            continue;
        }
        snprintf(want, sizeof want, "%s: line %d", machine_person(!to, to), next++);
        cr_assert_eq(strlen(line), strlen(want) + (late ? 8 : 0), "%s", line);
        cr_assert_str_eq(line + (late ? 8 : 0), want);
        cr_assert(!late || (line[0] == '[' && line[6] == ']'), "%s", line);
    }
}

Test(machines_split, a_split_is_told_and_mended) {
    static const char *down[] = {"*** The link to the other machines is down.",
                                 "*** paris is out of reach (1 person)."};
    static const char *up[] = {"*** The link to the other machines is up again.",
                               "*** paris is back (1 person)."};
    struct machines m;
    begin(&m);
    machines_talk(&m);
    ip("link set v0 down", 0);
    all_talk(&m);
    int64_t said = wait_deadline();
    guest_until(m.g[ANN], "%s", down[0]);
    guest_until(m.g[BOB], "%s", down[1]);
    /* Not a wait for an event: that the lines are old is what is tested. */
    while (WAIT_SECONDS * 1000 - wait_left_ms(said) < LATE_MS)
        wait_breath();
    ip("link set v0 up", 0);
    hears_all(&m, ANN, true, (const char *[2]){up[0], NULL});
    hears_all(&m, BOB, true, (const char *[2]){up[1], NULL});
    machines_settle(&m);
    machines_talk(&m);
    machines_stop(&m);
}

/* It ends before anybody is told. */
Test(machines_split, a_moment_without_a_network_is_not_noticed) {
    struct machines m;
    begin(&m);
    ip("link set v0 down", 0);
    all_talk(&m);
    ip("link set v0 up", 0);
    hears_all(&m, ANN, false, (const char *[2]){NULL, NULL});
    hears_all(&m, BOB, false, (const char *[2]){NULL, NULL});
    machines_talk(&m);
    machines_stop(&m);
}
