/* fail.h - how the harness fails a test, and how long it waits for an event.
 *
 * Every function of the harness that can fail takes the place of its call, so that a failure names
 * a line of the test instead of the harness: the macros beside the functions pass HERE.  fail_at
 * does not return.  fail.c and skip.c are the only files of tests/lib that use Criterion; a program
 * without it links its own fail_at and fail_last_words instead. */
#ifndef TESTS_LIB_FAIL_H
#define TESTS_LIB_FAIL_H

#include <stdbool.h>
#include <stdint.h>

struct where {
    const char *file;
    int line;
};
#define HERE ((struct where){__FILE__, __LINE__})

void fail_at(struct where where, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* fail_at calls it once before the test ends: server.c prints the end of its logs.  NULL: nothing
 * is called. */
extern void (*fail_last_words)(void);

/* A deadline is a time of CLOCK_MONOTONIC in milliseconds.  It is far away, because it matters only
 * to a test that fails: no test may depend on how long something takes. */
enum { WAIT_SECONDS = 90 };

int64_t wait_deadline(void);
int wait_left_ms(int64_t deadline); /* milliseconds until the deadline; 0: it has passed */

/* Waits until fd is ready for one of `events` (poll(2)); false: the deadline has passed. */
bool wait_fd(int fd, short events, int64_t deadline);

/* A pause of 5 ms between two checks of a thing that poll(2) cannot watch: a file, or a process
 * that is not a child. */
void wait_breath(void);

#endif
