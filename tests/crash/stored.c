/* stored.c - a server ends and is started again, its service manager keeping everybody, while a
 * process dies at each fault point on the way: two people talk on.
 *
 *     stored -b BINARY_WITH_FAULT_POINTS [-q] [-o POINT]
 *
 * The points are those that are reached by a restart (SIGPWR) and by a start with what was kept,
 * also by the binary with another layout that lies in other/ beside the first.
 * Each is reached twice: in a restart, and after the death of every process.  -q: once. */
#include "tests/crash/points.h"
#include "tests/crash/table.h"
#include "tests/lib/guest.h"
#include "tests/lib/manager.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STARTS = 3, KEPT = 100 };

static struct fault_table *table;
static struct manager *manager;
static struct server *server;
static struct guest *ann, *bob;
static const char *armed = "no point"; /* for a failure's message */
static bool done;
static char *binary[2]; /* of two layouts */

struct reached {
    char name[FAULT_NAME_MAX];
    bool converts; /* only by a start with the other layout */
};

static void tell_point(void) {
    if (!done)
        fprintf(stderr, "stored: failed at %s\n", armed);
}

/* The first master may die before it says so; its successor is ready again. */
static int ready_lines(void) {
    return server_log_count(server, "ready: room ") +
           server_log_count(server, "ready again: room ");
}

static void wait_for_ready(int before) {
    int64_t deadline = wait_deadline();
    while (ready_lines() == before) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)server->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid != 0)
            return;
        if (wait_left_ms(deadline) == 0)
            fail_at(HERE, "the server is not ready");
        wait_breath();
    }
}

static bool main_lives(void) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)server->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

/* As a service manager does, until the main process stays: it may die at its point once. */
static void start_again(void) {
    for (int i = 0; i < STARTS; i++) {
        int before = ready_lines();
        manager_start(manager, server);
        wait_for_ready(before);
        if (main_lives())
            return;
        waitpid(server->pid, NULL, 0);
    }
    fail_at(HERE, "the server does not start");
}

/* The main process ends, whether it dies at its point or not; so may others, which are left then.
 */
static void end_by(int signo) {
    int status;
    kill(server->pid, signo);
    if (!run_wait(server->pid, &status, wait_deadline()))
        fail_at(HERE, "the server does not end");
    server->cleaner[1] = -1; /* what is left is the next life's affair, or the cleaner's */
}

static void say(struct guest *from, const char *name, unsigned number) {
    struct guest *both[] = {ann, bob};
    char text[32];
    snprintf(text, sizeof text, "%u", number);
    guest_say(from, "%s", text);
    guests_expect(both, 2, told2(TOLD_SPEECH, name, text));
}

static void talk(void) {
    static unsigned number;
    say(ann, "ann", ++number);
    say(bob, "bob", ++number);
}

static void arm(const char *point) {
    armed = point;
    atomic_store(&table->fired, 0);
    atomic_store(&table->left, 1);
    atomic_store(&table->signal, SIGKILL);
    atomic_store(&table->then, 0);
    atomic_store_explicit(&table->armed, fault_key(point), memory_order_release);
}

/* What is started from now on converts what was kept. */
static void change_layout(void) {
    server->binary = binary[server->binary == binary[0]];
}

/* True: a process has died at the point. */
static bool try_point(const struct reached *point, bool restart) {
    if (!restart)
        manager_kill_all(manager, server);
    arm(point->name);
    if (restart)
        end_by(SIGPWR);
    if (point->converts)
        change_layout();
    start_again();
    talk();
    bool fired = atomic_load(&table->fired) != 0;
    atomic_store(&table->armed, 0);
    if (atomic_load(&table->fired) != 0 && !main_lives()) { /* it died while they talked */
        waitpid(server->pid, NULL, 0);
        start_again();
        talk();
    }
    manager_await_kept(manager, "c", 2);
    manager_await_kept(manager, "s", 1);
    return fired;
}

static void begin(void) {
    table = table_make();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    manager = manager_begin(KEPT);
    server = server_prepare();
    server->binary = binary[0];
    server->workers_may_die = true;
    server_configure(server, "%scontrol = %s/control\npidfile = %s/pid\ntranscript = %s/lines\n",
                     SERVER_QUIET(2), server->dir, server->dir, server->dir);
    manager_launch(manager, server);
    ann = guest_enter(server, "ann");
    bob = guest_enter(server, "bob");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    manager_await_kept(manager, "c", 2);
}

static bool is_among(const struct reached *point, int count, const char *name) {
    for (int i = 0; i < count; i++) {
        if (strcmp(point[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Adds what a restart reaches, without anybody talking, to the points; returns their number. */
static int reach(struct reached *point, int count, bool converts) {
    char name[FAULT_NAME_MAX];
    for (int i = 0; i < FAULT_POINTS_MAX; i++)
        atomic_store(&table->at[i].hits, 0);
    manager_store(manager, server);
    if (converts)
        change_layout();
    manager_launch(manager, server);
    for (int i = 0; i < FAULT_POINTS_MAX; i++) {
        snprintf(name, sizeof name, "%.*s", FAULT_NAME_MAX - 1, table->at[i].name);
        if (atomic_load(&table->at[i].hits) == 0 || is_among(point, count, name))
            continue;
        memcpy(point[count].name, name, sizeof name);
        point[count++].converts = converts;
    }
    talk();
    return count;
}

int main(int argc, char **argv) {
    static struct reached point[FAULT_POINTS_MAX];
    static char other[512];
    const char *only = NULL;
    bool quick = false;
    int fired = 0, tried = 0;
    for (int opt; (opt = getopt(argc, argv, "b:o:q")) != -1;) {
        binary[0] = opt == 'b' ? optarg : binary[0];
        only = opt == 'o' ? optarg : only;
        quick |= opt == 'q';
    }
    if (!binary[0]) {
        fprintf(stderr, "stored -b BINARY_WITH_FAULT_POINTS [-q] [-o POINT]\n");
        return 2;
    }
    atexit(tell_point);
    points_other(binary[0], other, sizeof other);
    binary[1] = other;
    begin();
    int count = reach(point, 0, false);
    count = reach(point, count, true);
    for (int i = 0; i < count; i++) {
        if (only && strcmp(only, point[i].name) != 0)
            continue;
        for (int how = quick ? i % 2 : 0; how < (quick ? i % 2 + 1 : 2); how++, tried++)
            fired += try_point(&point[i], how == 0);
    }
    done = true;
    printf("%d points, %d tries, %d deaths: two people talked on\n", count, tried, fired);
    manager_kill_all(manager, server);
    return fired > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
