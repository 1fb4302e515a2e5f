/* usage.h - what a process consumes, by /proc/PID/stat: a bound on consumption is no assertion on
 * time, because load on the machine can only make it less. */
#ifndef TESTS_LIB_USAGE_H
#define TESTS_LIB_USAGE_H

#include "tests/lib/fail.h"

#include <sys/types.h>

/* Waits until the process is in state `state` (S: asleep, T: stopped). */
void usage_wait_state_at(struct where where, pid_t pid, char state);
#define usage_wait_state(pid, state) usage_wait_state_at(HERE, pid, state)

/* The test fails if, over two seconds from now, the process uses a quarter of a core or more. */
void usage_is_low_at(struct where where, pid_t pid);
#define usage_is_low(pid) usage_is_low_at(HERE, pid)

#endif
