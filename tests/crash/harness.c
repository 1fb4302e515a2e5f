/* harness.c - what tests/lib needs of a test, in a program without Criterion (tests/lib/fail.h). */
#include "ipc/clock.h"
#include "tests/lib/redis.h"
#include "tests/lib/skip.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void (*fail_last_words)(void);

void fail_at(struct where where, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "%s:%d: ", where.file, where.line);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    if (fail_last_words)
        fail_last_words();
    exit(1);
}

void skip_test(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    printf("skipped: ");
    vprintf(fmt, args);
    putchar('\n');
    va_end(args);
    exit(0);
}

int64_t wait_deadline(void) {
    return (int64_t)clock_ms() + WAIT_SECONDS * 1000;
}

int wait_left_ms(int64_t deadline) {
    int64_t left = deadline - (int64_t)clock_ms();
    return left > 0 ? (int)left : 0;
}

bool wait_fd(int fd, short events, int64_t deadline) {
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    while ((n = poll(&p, 1, wait_left_ms(deadline))) < 0 && errno == EINTR)
        ;
    return n > 0;
}

void wait_breath(void) {
    poll(NULL, 0, 5);
}
