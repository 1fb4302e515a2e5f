/* usage.h - CPU use of a process, from /proc/PID/stat.  An upper bound on it does not depend on
 * time: load on the machine can only make it smaller. */
#ifndef TESTS_LIB_USAGE_H
#define TESTS_LIB_USAGE_H

#include "tests/lib/fail.h"

#include <sys/types.h>

/* Waits until the process is in state `state` (S: sleeping, T: stopped). */
void usage_wait_state_at(struct where where, pid_t pid, char state);
#define usage_wait_state(pid, state) usage_wait_state_at(HERE, pid, state)

/* The test fails if the process uses a quarter of a core or more over the next two seconds. */
void usage_is_low_at(struct where where, pid_t pid);
#define usage_is_low(pid) usage_is_low_at(HERE, pid)

#endif
