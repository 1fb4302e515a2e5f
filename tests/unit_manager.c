/* unit_manager.c - what the guardian tells the service manager, and when.
 *
 * The test reads the socket that NOTIFY_SOCKET names: a message is in its queue when notify()
 * returns.  It sets the clock, the master's heartbeat and the slots' states. */
#include "ipc/clock.h"
#include "ipc/log.h"
#include "master/manager.h"
#include "master/signals.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

enum { BEGIN = 1000000, HALF = 1000 }; /* ms; HALF: of WATCHDOG_USEC */

static struct segment seg;
static struct manager manager;
static uint64_t now = BEGIN;
static int queue;

/* The kernel gives the socket an abstract name: NOTIFY_SOCKET has it behind an '@'. */
static void set_up(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t len = sizeof name;
    char path[32];
    unit_segment(&seg, 65536);
    queue = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(queue, (struct sockaddr *)&name, sizeof name.sun_family), 0);
    cr_assert_eq(getsockname(queue, (struct sockaddr *)&name, &len), 0);
    snprintf(path, sizeof path, "@%.*s", (int)(len - offsetof(struct sockaddr_un, sun_path) - 1),
             name.sun_path + 1);
    setenv("NOTIFY_SOCKET", path, 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    manager_begin(&manager, now);
}
TestSuite(manager, .init = set_up, .timeout = 180);

/* The messages since the last call, each ended by a ';'; valid until the next call. */
static const char *told(void) {
    static char text[4096];
    size_t len = 0;
    ssize_t n;
    while ((n = recv(queue, text + len, sizeof text - 2 - len, MSG_DONTWAIT)) >= 0) {
        len += (size_t)n;
        text[len++] = ';';
    }
    cr_assert_eq(errno, EAGAIN);
    text[len] = '\0';
    return text;
}

/* One turn of the guardian's loop, `ms` after the last one. */
static const char *told_after(uint64_t ms) {
    now += ms;
    manager_look(&manager, &seg, now);
    return told();
}

/* ---- ready ---- */

Test(manager, ready_is_told_once_with_the_guardians_pid) {
    char expected[64];
    cr_assert_str_eq(told_after(1), "", "the server is not ready");
    atomic_store(&seg.header->ready, 1);
    snprintf(expected, sizeof expected, "READY=1\nMAINPID=%d;", (int)getpid());
    cr_assert_str_eq(told_after(1), expected);
    for (int i = 0; i < 10; i++)
        cr_assert_str_eq(told_after(60000), "");
}

/* A guardian in place of one that died, and an upgraded one, begin with a ready server: the manager
 * is to learn the new pid. */
Test(manager, a_new_guardian_tells_its_own_pid) {
    atomic_store(&seg.header->ready, 1);
    cr_assert_str_neq(told_after(1), "");
    pid_t pid = unit_fork();
    if (pid == 0) {
        manager_begin(&manager, now);
        manager_look(&manager, &seg, now);
        _exit(0);
    }
    cr_assert_eq(unit_join(pid), 0);
    char expected[64];
    snprintf(expected, sizeof expected, "READY=1\nMAINPID=%d;", (int)pid);
    cr_assert_str_eq(told(), expected);
}

/* ---- reload ---- */

static void begin_reload(void) {
    manager_reloading(&manager);
    signals_pass_on(&seg, ORDER_RELOAD);
}

static void do_reload(void) {
    cr_assert_eq(signals_take(seg.header), ORDER_RELOAD);
    cr_assert_str_eq(told_after(1), "", "the master has only begun");
    signals_done(&seg, ORDER_RELOAD);
}

Test(manager, a_reload_is_told_when_it_begins_and_when_it_is_done) {
    atomic_store(&seg.header->ready, 1);
    told_after(1);
    for (int i = 0; i < 3; i++) {
        begin_reload();
        cr_assert_eq(strncmp(told(), "RELOADING=1\n", 12), 0);
        for (int k = 0; k < 3; k++)
            cr_assert_str_eq(told_after(60000), "", "no master has taken it");
        do_reload();
        cr_assert_str_eq(told_after(1), "READY=1;");
        cr_assert_str_eq(told_after(60000), "");
    }
}

/* The time of the manager's own clock, by which it knows a later READY=1 from an earlier one. */
Test(manager, a_reload_is_told_with_its_time) {
    unsigned long long us = 0;
    char more = '\0';
    uint64_t before = clock_us();
    manager_reloading(&manager);
    uint64_t after = clock_us();
    const char *text = told();
    cr_assert_eq(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%llu%c", &us, &more), 2, "%s", text);
    cr_assert_eq(more, ';', "%s", text);
    cr_assert(before <= us && us <= after, "%s", text);
}

/* A second SIGHUP while the master obeys the first. */
Test(manager, a_reload_during_a_reload_is_not_done_before_the_second) {
    begin_reload();
    signals_take(seg.header);
    begin_reload();
    told();
    signals_done(&seg, ORDER_RELOAD);
    cr_assert_str_eq(told_after(1), "", "the second is to be done");
    do_reload();
    cr_assert_str_eq(told_after(1), "READY=1;");
}

/* It was passed on just before the execve, and READY=1 would end it for the manager. */
Test(manager, an_upgraded_guardian_is_not_ready_before_a_reload_that_waits) {
    atomic_store(&seg.header->ready, 1);
    told_after(1);
    begin_reload();
    told();
    manager_begin(&manager, now);
    cr_assert_str_eq(told_after(1), "", "no master has taken it");
    do_reload();
    cr_assert_eq(strncmp(told_after(1), "READY=1\n", 8), 0);
}

Test(manager, what_else_the_master_has_to_do_does_not_delay_it) {
    manager_reloading(&manager);
    told();
    signals_pass_on(&seg, ORDER_REOPEN);
    cr_assert_str_eq(told_after(1), "READY=1;");
}

/* ---- watchdog ---- */

static void beat(void) {
    atomic_fetch_add(&seg.slots[MASTER_SLOT].heartbeat, 1);
}

static void begin_watchdog(void) {
    setenv("WATCHDOG_USEC", "2000000", 1);
    manager_begin(&manager, now);
    unit_slot(&seg, 0, SLOT_SERVING);
    beat();
    cr_assert_str_eq(told_after(0), "WATCHDOG=1;", "at once");
}

Test(manager, all_is_well_is_told_in_half_the_watchdogs_time) {
    begin_watchdog();
    for (int i = 0; i < 5; i++) {
        beat();
        cr_assert_str_eq(told_after(HALF - 1), "", "not due");
        cr_assert_str_eq(told_after(1), "WATCHDOG=1;");
        cr_assert_str_eq(told_after(0), "", "not due again");
    }
}

Test(manager, a_master_whose_heartbeat_stays_is_not_well) {
    begin_watchdog();
    for (int i = 0; i < 5; i++)
        cr_assert_str_eq(told_after(HALF), "");
    beat();
    cr_assert_str_eq(told_after(HALF), "WATCHDOG=1;", "it moves again");
    cr_assert_str_eq(told_after(HALF), "");
}

Test(manager, without_a_worker_that_serves_it_is_not_well) {
    static const uint32_t states[] = {SLOT_UNUSED, SLOT_DEAD, SLOT_ADOPTING, SLOT_RETIRING};
    begin_watchdog();
    unit_slot(&seg, RELAY_SLOT, SLOT_SERVING); /* accepts no client */
    unit_slot(&seg, TRANSCRIPT_SLOT, SLOT_SERVING);
    unit_slot(&seg, MASTER_SLOT, SLOT_SERVING);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        unit_slot(&seg, 0, states[i]);
        beat();
        cr_assert_str_eq(told_after(HALF), "", "in state %u", states[i]);
    }
    unit_slot(&seg, WORKERS_MAX - 1, SLOT_SERVING);
    cr_assert_str_eq(told_after(HALF), "", "the master has not moved since");
    beat();
    cr_assert_str_eq(told_after(HALF), "WATCHDOG=1;", "one of all is enough");
}

/* Its slot's state is the one that it died in until the master has seen that. */
Test(manager, a_dead_worker_does_not_serve) {
    begin_watchdog();
    pid_t pid = unit_fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    atomic_store(&seg.slots[0].pid, pid);
    atomic_store(&seg.slots[0].pidfd, (int)syscall(SYS_pidfd_open, pid, 0));
    beat();
    cr_assert_str_eq(told_after(HALF), "WATCHDOG=1;", "it lives");
    kill(pid, SIGKILL);
    unit_join(pid);
    beat();
    cr_assert_str_eq(told_after(HALF), "");
}

Test(manager, a_manager_that_has_no_watchdog_is_told_nothing_of_it) {
    char other[32];
    unit_slot(&seg, 0, SLOT_SERVING);
    beat();
    cr_assert_str_eq(told_after(60000), "");
    setenv("WATCHDOG_USEC", "2000000", 1);
    snprintf(other, sizeof other, "%d", (int)getppid()); /* the process that this one replaced */
    setenv("WATCHDOG_PID", other, 1);
    manager_begin(&manager, now);
    beat();
    cr_assert_str_eq(told_after(60000), "");
    snprintf(other, sizeof other, "%d", (int)getpid());
    setenv("WATCHDOG_PID", other, 1);
    manager_begin(&manager, now);
    beat();
    cr_assert_str_eq(told_after(60000), "WATCHDOG=1;");
}

/* ---- no manager ---- */

/* Ready, reloads, is well: all that a manager would be told. */
static void live(void) {
    manager_begin(&manager, now);
    atomic_store(&seg.header->ready, 1);
    manager_look(&manager, &seg, now);
    begin_reload();
    signals_take(seg.header);
    signals_done(&seg, ORDER_RELOAD);
    beat();
    now += HALF;
    manager_look(&manager, &seg, now);
}

Test(manager, without_one_nothing_is_sent_or_logged) {
    static const char *const none[] = {NULL, ""};
    char text[4096] = "";
    unit_slot(&seg, 0, SLOT_SERVING);
    setenv("WATCHDOG_USEC", "2000000", 1);
    live();
    cr_assert_eq(strncmp(told(), "READY=1\n", 8), 0, "one that is there is told");
    log_copy_to(text, sizeof text);
    for (int i = 0; i < 2; i++) {
        if (none[i])
            setenv("NOTIFY_SOCKET", none[i], 1);
        else
            unsetenv("NOTIFY_SOCKET");
        live();
    }
    log_copy_to(NULL, 0);
    cr_assert_str_eq(told(), "");
    cr_assert_str_eq(text, "");
}
