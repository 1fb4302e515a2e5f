/* scenes.c - scenes, one after the other:
 *
 * a half-typed line outlives the worker that read its first half; a list of a thousand names whose
 * worker is killed in the middle arrives complete; stopped workers are replaced, and lines arrive
 * again soon; guardian, master and workers die or stop in every combination that the server
 * survives, and another process takes the place of each and performs a reload.
 *
 *     scenes [-b BINARY] */
#include "ipc/clock.h"
#include "tests/crash/person.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { PEOPLE = 1000 };

static struct victim victim;

static bool failed(const char *why) {
    fprintf(stderr, "  %s\n", why);
    return false;
}

/* Kills all workers at once; the master is not touched. */
static void kill_workers(void) {
    pid_t pid[VICTIM_WORKERS_MAX];
    for (uint32_t n = victim_workers(&victim, pid); n-- > 0;)
        kill(pid[n], SIGKILL);
}

/* When another client has joined, input sent before is usually read. */
static void until_read(void) {
    struct person witness = person_comes(&victim, "witness", 0);
    person_hears(&witness, "witness has entered the room.");
    person_goes(&witness);
}

static bool half_typed(void) {
    struct person ann = person_comes(&victim, "ann", 0), bob = person_comes(&victim, "bob", 0);
    char line[64];
    bool well = person_hears(&ann, "ann has entered") && person_hears(&bob, "bob has entered");
    for (int i = 0; i < 10 && well; i++) {
        person_types(&ann, "hel");
        until_read();
        kill_workers();
        snprintf(line, sizeof line, "lo %d\r\n", i);
        person_types(&ann, line);
        snprintf(line, sizeof line, "ann: hello %d\r\n", i);
        well = person_hears(&bob, line) && person_hears(&ann, line);
    }
    person_types(&ann, "done\r\n");
    well = well && person_hears(&bob, "ann: done\r\n") && person_times(bob.heard, "ann: ") == 11;
    person_goes(&ann);
    person_goes(&bob);
    return well || failed("half a line was lost or doubled");
}

static bool whole_list(void) {
    static struct person crowd[PEOPLE];
    char name[64];
    bool whole = true;
    for (int i = 0; i < PEOPLE; i++) {
        snprintf(name, sizeof name, "p%04d-abcdefghijklmnopqr", i);
        crowd[i] = person_comes(&victim, name, 0);
    }
    for (int i = 0; i < PEOPLE; i++) {
        snprintf(name, sizeof name, "p%04d-abcdefghijklmnopqr has entered", i);
        whole = whole && person_hears(&crowd[i], name);
    }
    struct person reader = person_comes(&victim, "reader", 2048);
    whole = whole && person_hears(&reader, "reader has entered the room.");
    person_types(&reader, "who\r\n");
    whole = whole && person_hears(&reader, "The following are logged in:");
    for (int cuts = 0; cuts < 5 && whole; cuts++) {
        kill_workers();
        for (int i = 0; i < 8; i++)
            whole = whole && person_reads(&reader, 256);
    }
    person_types(&crowd[0], "that was all\r\n");
    whole = whole && person_hears(&reader, "that was all");
    const char *list = reader.heard ? strstr(reader.heard, "The following") : NULL;
    for (int i = 0; i < PEOPLE && whole && list; i++) {
        snprintf(name, sizeof name, "\np%04d-abcdefghijklmnopqr\r", i);
        whole = person_times(list, name) == 1;
        if (!whole)
            fprintf(stderr, "  %u times:%s\n", person_times(list, name), name);
    }
    for (int i = 0; i < PEOPLE; i++)
        person_goes(&crowd[i]);
    person_goes(&reader);
    return (whole && list) || failed("the list is not whole");
}

/* What happens at one moment, and what must come of it. */
struct death {
    const char *name;
    bool guardian, master, workers;
    int signal;
    bool again;   /* a successor of guardian or master says so in the log */
    bool one_pid; /* the guardian's is as before */
};
static const struct death deaths[] = {
    {"the master dies", .master = true, .signal = SIGKILL, .again = true, .one_pid = true},
    {"the master hangs", .master = true, .signal = SIGSTOP, .again = true, .one_pid = true},
    {"the guardian dies", .guardian = true, .signal = SIGKILL, .again = true},
    {"the guardian is stopped", .guardian = true, .signal = SIGSTOP, .one_pid = true},
    {"guardian and master die", .guardian = true, .master = true, .signal = SIGKILL, .again = true},
    {"guardian and master are stopped", .guardian = true, .master = true, .signal = SIGSTOP,
     .again = true, .one_pid = true},
    {"guardian and workers die", .guardian = true, .workers = true, .signal = SIGKILL,
     .again = true},
    {"master and workers die", .master = true, .workers = true, .signal = SIGKILL, .again = true,
     .one_pid = true},
    {"the workers die", .workers = true, .signal = SIGKILL, .one_pid = true},
};
enum { DEATHS = sizeof deaths / sizeof deaths[0], TIMES = 3 };

static void signal_them(const struct death *d) {
    pid_t pid[VICTIM_WORKERS_MAX], guardian = victim_guardian(&victim);
    pid_t master = victim_master(&victim);
    uint32_t n = victim_workers(&victim, pid);
    if (d->guardian)
        kill(guardian, d->signal);
    if (d->master)
        kill(master, d->signal);
    while (d->workers && n-- > 0)
        kill(pid[n], d->signal);
}

/* Waits until the counter of the log's lines has moved on. */
static bool awaited(const uint32_t *counter, uint32_t before) {
    uint64_t begun = clock_ms();
    while (*counter == before && clock_ms() - begun < PATIENCE_MS)
        victim_watch(&victim);
    return *counter != before;
}

static bool die_once(const struct death *d, struct person *ann, int turn) {
    char line[64], heard[80];
    uint64_t begun = clock_ms();
    pid_t guardian = victim_guardian(&victim);
    uint32_t again = victim.again, reloaded = victim.reloaded;
    snprintf(line, sizeof line, "still %d\r\n", turn);
    snprintf(heard, sizeof heard, "ann: still %d\r\n", turn);
    signal_them(d);
    person_types(ann, line);
    if (!person_hears(ann, heard) || person_times(ann->heard, heard) != 1)
        return failed("the line did not arrive once");
    printf("  the line took %llu ms", (unsigned long long)(clock_ms() - begun));
    if (d->again && !awaited(&victim.again, again))
        return failed("nothing took its place");
    printf(", a successor %llu ms", (unsigned long long)(clock_ms() - begun));
    kill(victim_guardian(&victim), SIGHUP);
    if (!awaited(&victim.reloaded, reloaded))
        return failed("no reload");
    printf(", a reload %llu ms\n", (unsigned long long)(clock_ms() - begun));
    return (victim_guardian(&victim) == guardian) == d->one_pid || failed("the wrong pid");
}

static bool all_deaths(void) {
    struct person ann = person_comes(&victim, "ann", 0);
    bool well = person_hears(&ann, "ann has entered");
    for (int i = 0; i < DEATHS * TIMES && well; i++) {
        if (i % TIMES == 0)
            printf(" %s\n", deaths[i / TIMES].name);
        well = die_once(&deaths[i / TIMES], &ann, i);
    }
    person_goes(&ann);
    return well;
}

static bool stopped_worker(void) {
    pid_t pid[VICTIM_WORKERS_MAX];
    /* Names of their own: those of the scene before may be on their way out. */
    struct person eve = person_comes(&victim, "eve", 0), bob = person_comes(&victim, "bob", 0);
    bool well = person_hears(&eve, "eve has entered") && person_hears(&bob, "bob has entered");
    uint64_t begun = clock_ms();
    for (uint32_t n = victim_workers(&victim, pid); n-- > 0;)
        kill(pid[n], SIGSTOP);
    person_types(&eve, "is anybody there\r\n");
    well = well && person_hears(&bob, "eve: is anybody there") &&
           person_hears(&eve, "eve: is anybody there");
    printf("  all workers stopped: the line took %llu ms\n",
           (unsigned long long)(clock_ms() - begun));
    person_goes(&eve);
    person_goes(&bob);
    return well || failed("a line did not arrive");
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        bool (*play)(void);
    } scenes[] = {{"a half-typed line", half_typed},
                  {"a list of a thousand, cut", whole_list},
                  {"every worker is stopped", stopped_worker},
                  {"deaths", all_deaths}};
    struct rlimit files = {8000, 8000};
    uint32_t bad = 0;
    const char *binary = argc == 3 && strcmp(argv[1], "-b") == 0 ? argv[2] : "./chatroom-master";
    setvbuf(stdout, NULL, _IOLBF, 0);
    setrlimit(RLIMIT_NOFILE, &files);
    victim_start(&victim, binary,
                 "workers = 4\nflood_rate = 0\nconnect_rate = 0\nannounce_max = 0\nhistory = 0\n"
                 "worker_timeout = 1s\nring_size = 1M\n");
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        bool well = scenes[i].play();
        printf("%s: %s\n", scenes[i].name, well ? "ok" : "FAILED");
        bad += !well;
    }
    bad += !victim_stop(&victim);
    victim_forget(&victim, bad != 0);
    printf("%s\n", bad ? "FAILED" : "ok");
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
