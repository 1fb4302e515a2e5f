/* fail.c - see fail.h. */
#include "tests/lib/fail.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void (*fail_last_words)(void);

void fail_at(struct where where, const char *fmt, ...) {
    char text[4096];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (fail_last_words)
        fail_last_words();
    struct criterion_assert_stats stats = {
        .message = text, .passed = false, .line = (unsigned)where.line, .file = where.file};
    criterion_send_assert(&stats);
    criterion_abort_test();
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t wait_deadline(void) {
    return now_ms() + WAIT_SECONDS * 1000;
}

int wait_left_ms(int64_t deadline) {
    int64_t left = deadline - now_ms();
    return left > 0 ? (int)left : 0;
}

bool wait_fd(int fd, short events, int64_t deadline) {
    struct pollfd p = {.fd = fd, .events = events};
    for (;;) {
        int left = wait_left_ms(deadline);
        int n = poll(&p, 1, left);
        if (n > 0)
            return true;
        if (left == 0)
            return false;
    }
}

void wait_breath(void) {
    poll(NULL, 0, 5);
}
