/* fail.h - how the harness ends a test that went wrong, and how long it waits for anything.
 *
 * Every call of the harness that can fail takes the place it was called from, so that a failure
 * names a line of the test, not of the harness: the macros beside the functions pass HERE.
 * fail_at does not return.  fail.c and skip.c are the files of tests/lib that know Criterion; a
 * program without it links its own fail_at and fail_last_words instead. */
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

/* Called once before the test ends in fail_at: server.c shows the end of its logs.  NULL: nothing.
 */
extern void (*fail_last_words)(void);

/* A deadline is a point on the monotonic clock, in milliseconds.  It is far away, because it
 * matters only to a test that fails: no test may depend on how long something takes. */
enum { WAIT_SECONDS = 30 };

int64_t wait_deadline(void);
int wait_left_ms(int64_t deadline); /* 0: over */

/* Until fd is ready for one of `events` (poll(2)), or over: false. */
bool wait_fd(int fd, short events, int64_t deadline);

/* A breath between two looks at what cannot be polled: a file, a process that is not our child. */
void wait_breath(void);

#endif
