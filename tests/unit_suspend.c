/* unit_suspend.c - the machine is suspended, or its wall clock set, after a line was said: the line
 * shows when that was.
 *
 * clock_gettime is replaced for the whole test program, and differs from the kernel's only in a
 * test of this file, whose process is its own. */
#include "ipc/clock.h"
#include "tests/unit_worker.h"
#include "worker/output/history.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long slept, set; /* seconds: a suspend moves two clocks, `date` one */

int clock_gettime(clockid_t clock, struct timespec *t) {
    int status = (int)syscall(SYS_clock_gettime, clock, t);
    if (clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME)
        t->tv_sec += slept;
    if (clock == CLOCK_REALTIME)
        t->tv_sec += set;
    return status;
}

static struct segment seg;
static struct worker worker;
static struct client *ann;
static int peer;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    ann = unit_named(&worker, "ann", &peer);
    unit_speak(&worker, ann, "hello");
    unit_heard(peer);
}
TestSuite(suspend, .init = set_up);

/* The history is shown with the time of `ago` seconds before now. */
static void shows(long ago, const char *form) {
    char expected[64] = "", stamp[32];
    for (int late = 1; late >= 0; late--) { /* the minute may have begun meanwhile */
        struct change ch;
        struct timespec now;
        struct tm local;
        clock_gettime(CLOCK_REALTIME, &now);
        time_t then = now.tv_sec - ago - late;
        strftime(stamp, sizeof stamp, form, localtime_r(&then, &local));
        snprintf(expected, sizeof expected, "*** 1 earlier line\r\n%sann: hello\r\n", stamp);
        change_begin(&ch, &worker, ann);
        history_begin(&ch, 1, HISTORY_ASKED);
        cr_assert(change_commit(&ch));
        flush_client(&worker, ann);
        if (strcmp(unit_heard(peer), expected) == 0)
            return;
    }
    cr_assert_fail("not %s", expected);
}

Test(suspend, a_line_keeps_its_time) {
    slept = 7200;
    worker_read_clock(&worker);
    shows(7200, "[%H:%M] ");
}

Test(suspend, a_line_of_before_a_long_one_has_its_date) {
    slept = 3 * 24 * 3600;
    shows(3 * 24 * 3600, "[%m-%d %H:%M] ");
}

/* The clock was an hour slow: now it is known when the line was said. */
Test(suspend, a_clock_that_is_set_right_dates_earlier_lines_right) {
    set = 3600;
    shows(0, "[%H:%M] ");
}

Test(suspend, a_clock_that_is_set_back_dates_no_line_into_the_future) {
    set = -7200;
    shows(0, "[%H:%M] ");
}

/* Neither rate limit nor idle time know of it. */
Test(suspend, a_line_that_is_applied_after_it_costs_what_it_did) {
    unit_say(&worker, ann, "again");
    publish(&worker);
    slept = 7200;
    worker_read_clock(&worker);
    worker.config.flood_rate = 5;
    worker.config.flood_burst = 20;
    unit_turn(&worker);
    cr_assert_leq((int32_t)(client_facts(ann)->tat - worker.now), 1000);
}
