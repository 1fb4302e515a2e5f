/* usage.c - see usage.h. */
#include "tests/lib/usage.h"

#include "tests/lib/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { USAGE_SECONDS = 2, USAGE_PART = 4 };

/* Returns the state; *ticks is user and system time in clock ticks: fields 3, 14 and 15
 * (proc(5)). */
static char usage_stat(struct where where, pid_t pid, unsigned long *ticks) {
    char path[64], state = '?';
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    char *text = run_read_file(path);
    if (!text)
        fail_at(where, "%s: no such process", path);
    if (sscanf(strrchr(text, ')') + 2, "%c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &state,
               &user, &system) != 3)
        fail_at(where, "%s: %s", path, text);
    free(text);
    *ticks = user + system;
    return state;
}

void usage_wait_state_at(struct where where, pid_t pid, char state) {
    unsigned long ticks;
    char now;
    for (int64_t deadline = wait_deadline(); (now = usage_stat(where, pid, &ticks)) != state;
         wait_breath()) {
        if (wait_left_ms(deadline) <= 0)
            fail_at(where, "process %d is in state %c", (int)pid, now);
    }
}

static double usage_wall(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The two seconds are the measured interval; nothing is waited for. */
void usage_is_low_at(struct where where, pid_t pid) {
    unsigned long before, after;
    double began = usage_wall(), wall;
    usage_stat(where, pid, &before);
    while ((wall = usage_wall() - began) < USAGE_SECONDS)
        wait_breath();
    usage_stat(where, pid, &after);
    double used = (double)(after - before) / (double)sysconf(_SC_CLK_TCK);
    if (used >= wall / USAGE_PART)
        fail_at(where, "%.2f s of CPU in %.2f s", used, wall);
}
