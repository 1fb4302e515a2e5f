/* poison.c - a line that makes its worker crash each time it is handled.
 *
 * After one crash the successor handles the line, and no client notices.  After two crashes on the
 * same line the sender is disconnected, with a line in the log; other clients lose nothing.  A
 * worker that crashes while it handles no client's input costs no client anything, however often.
 *
 *     poison -b BINARY_WITH_FAULT_POINTS */
#include "ipc/fault_table.h"
#include "tests/crash/person.h"
#include "tests/crash/table.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct victim victim;
static struct fault_table *table;

static bool failed(const char *why) {
    fprintf(stderr, "  %s\n", why);
    return false;
}

/* The worker that handles the next line crashes; its successor gets the signal at `then`, if there
 * is one. */
static void poison_next_line(const char *then, int signo) {
    atomic_store(&table->fired, 0);
    atomic_store(&table->left, 1);
    atomic_store(&table->signal, SIGSEGV);
    atomic_store(&table->then, then ? fault_key(then) : 0);
    atomic_store(&table->then_signal, signo);
    atomic_store_explicit(&table->armed, fault_key("input.line"), memory_order_release);
}

static bool both_hear(struct person *a, struct person *b, const char *text) {
    return person_hears(a, text) && person_hears(b, text);
}

static bool once(struct person *ann, struct person *bob, struct person *mal) {
    poison_next_line(NULL, 0);
    person_types(mal, "bad luck\r\n");
    return (both_hear(ann, bob, "mal: bad luck") && person_hears(mal, "mal: bad luck") &&
            atomic_load(&table->fired) != 0 && person_times(ann->heard, "bad luck") == 1) ||
           failed("a client noticed one crash on a line");
}

/* The successor is killed from outside while it notes what its predecessor died of: that is no
 * second crash on the line. */
static bool once_and_killed(struct person *ann, struct person *bob, struct person *mal) {
    static const char *const point[] = {"adopt.fault.before", "adopt.fault.cleared",
                                        "adopt.fault.after"};
    for (size_t i = 0; i < sizeof point / sizeof point[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "worse luck %zu\r\n", i);
        poison_next_line(point[i], SIGKILL);
        person_types(mal, line);
        if (!both_hear(ann, bob, line) || !person_hears(mal, line) ||
            atomic_load(&table->fired) == 0)
            return failed(point[i]);
    }
    return true;
}

static bool idle(struct person *ann, struct person *bob, struct person *mal) {
    pid_t pid[VICTIM_WORKERS_MAX];
    for (int i = 0; i < 4; i++) {
        char line[64];
        for (uint32_t n = victim_workers(&victim, pid); n-- > 0;)
            kill(pid[n], SIGSEGV);
        snprintf(line, sizeof line, "still here %d\r\n", i);
        person_types(mal, line);
        if (!both_hear(ann, bob, line) || !person_hears(mal, line))
            return failed("a client noticed the crash of an idle worker");
    }
    return true;
}

static bool twice(struct person *ann, struct person *bob, struct person *mal) {
    poison_next_line("input.line", SIGSEGV);
    person_types(mal, "poison\r\n");
    if (!both_hear(ann, bob, "mal has left the room."))
        return failed("the sender of the line that killed two workers was not disconnected");
    while (person_reads(mal, 4096))
        ;
    person_types(ann, "what was that\r\n");
    return (both_hear(ann, bob, "ann: what was that") && atomic_load(&table->fired) != 0 &&
            person_times(bob->heard, "poison") == 0 &&
            person_times(bob->heard, "mal has left") == 1 &&
            person_times(bob->heard, "ann: what was that") == 1) ||
           failed("other clients were disturbed");
}

int main(int argc, char **argv) {
    static bool (*const scene[])(struct person *, struct person *,
                                 struct person *) = {once, once_and_killed, idle, twice};
    static const char *const name[] = {"a line kills a worker once",
                                       "a line kills a worker, and its successor is killed",
                                       "workers die while idle", "a line kills two workers"};
    uint32_t bad = 0;
    if (argc != 3 || strcmp(argv[1], "-b") != 0) {
        fprintf(stderr, "usage: poison -b BINARY\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    table = table_make();
    victim_start(&victim, argv[2],
                 "workers = 2\nflood_rate = 0\nconnect_rate = 0\nannounce_max = 0\nhistory = 0\n"
                 "worker_timeout = 1s\n");
    struct person ann = person_comes(&victim, "ann", 0), bob = person_comes(&victim, "bob", 0);
    bool inside = person_hears(&ann, "ann has entered") && person_hears(&bob, "bob has entered");
    struct person mal = person_comes(&victim, "mal", 0);
    bad += !(inside && both_hear(&ann, &bob, "mal has entered")) &&
           !failed("not all clients could join");
    for (size_t i = 0; i < sizeof scene / sizeof scene[0] && !bad; i++) {
        bool well = scene[i](&ann, &bob, &mal);
        printf("%s: %s\n", name[i], well ? "ok" : "FAILED");
        bad += !well;
    }
    person_goes(&ann);
    person_goes(&bob);
    person_goes(&mal);
    if (!bad && victim.errors != 1)
        bad +=
            !failed("the log does not name, exactly once, the disconnected client and the reason");
    bad += !victim_stop(&victim);
    victim_forget(&victim, bad != 0);
    printf("%s\n", bad ? "FAILED" : "ok");
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
