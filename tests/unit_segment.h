/* unit_segment.h - a small segment for unit tests, and child processes that share it.
 *
 * The segment is real (segment_create).  Forked children use the parent's mapping of it, and end by
 * _exit, so that no code of the test runs twice. */
#ifndef TESTS_UNIT_SEGMENT_H
#define TESTS_UNIT_SEGMENT_H

#include "ipc/segment.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UNIT_CLIENTS = 64 };

static inline struct config unit_config(uint64_t ring_size) {
    struct config config = {.room = "Units", .workers = 4, .login = true, .max_clients = 32};
    config.ring_size = ring_size;
    config.line_max = 1024;
    config.flood_wait_ms = 10000;
    return config;
}

static inline void unit_segment(struct segment *seg, uint64_t ring_size) {
    struct config config = unit_config(ring_size);
    struct geometry geometry;
    char err[256] = "";
    segment_geometry(&geometry, &config, UNIT_CLIENTS);
    cr_assert_eq(segment_create(seg, &geometry, &config, err, sizeof err), 0, "%s", err);
}

/* A slot in state `state`, whose guard and cursor keep everything from the first entry on. */
static inline void unit_slot(struct segment *seg, uint32_t i, uint32_t state) {
    atomic_store(&seg->slots[i].guard, room_oldest(&seg->room));
    atomic_store(&seg->slots[i].cursor, room_oldest(&seg->room));
    atomic_store(&seg->slots[i].state, state);
}

/* A child that ends with the test at the latest, even where the test fails.  The test may have
 * ended before the child asks for its signal: then it has another parent already. */
static inline pid_t unit_fork(void) {
    pid_t test = getpid(), pid = fork();
    cr_assert(pid >= 0, "fork: %s", strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != test)
            _exit(1);
    }
    return pid;
}

/* Runs body(seg, arg) in a child; its exit status is 0 if body returns true. */
static inline pid_t unit_child(bool (*body)(struct segment *seg, int arg), struct segment *seg,
                               int arg) {
    pid_t pid = unit_fork();
    if (pid == 0)
        _exit(body(seg, arg) ? 0 : 1);
    return pid;
}

/* Waits for a child; returns its wait status. */
static inline int unit_join(pid_t pid) {
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

#endif
