/* crasher.c - makes a program fail in the middle of its start; by LD_PRELOAD.
 *
 * $CRASH says how, $CRASH_IN where: in the process with the pid $CRASH_PID ("itself"), or in others
 * ("children").  Only the program $CRASH_EXE fails: where it maps memory for the third time, or a
 * child sets a timer, and not where it only checks whether it can take over a server. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { CRASHER_CALL = 3 };

static int crasher_overflow(volatile char *above, int depth) {
    volatile char more[4096];
    more[0] = above[0];
    return depth == 0 ? 0 : crasher_overflow(more, depth - 1) + more[0];
}

static void crasher_fail(const char *how) {
    static const struct {
        const char *how;
        int signal;
    } signals[] = {{"segv", SIGSEGV}, {"abort", SIGABRT}, {"bus", SIGBUS},  {"ill", SIGILL},
                   {"fpe", SIGFPE},   {"kill", SIGKILL},  {"stop", SIGSTOP}};
    volatile char here = 0;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (strcmp(how, signals[i].how) == 0)
            kill(getpid(), signals[i].signal);
    }
    if (strcmp(how, "exit") == 0)
        _exit(1);
    if (strcmp(how, "wild") == 0)
        *(volatile int *)8 = 1;
    if (strcmp(how, "overflow") == 0)
        crasher_overflow(&here, 1 << 30);
    while (strcmp(how, "orphan") == 0 && getppid() == atoi(getenv("CRASH_PID")))
        kill(atoi(getenv("CRASH_PID")), SIGKILL); /* the parent dies, and this process goes on */
    while (strcmp(how, "hang") == 0)
        ;
}

static int crasher_is_here(void) {
    const char *pid = getenv("CRASH_PID"), *in = getenv("CRASH_IN"), *exe = getenv("CRASH_EXE");
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return !getenv("CHATROOM_CHECK") && pid && in && exe && strcmp(path, exe) == 0 &&
           (getpid() == atoi(pid)) == (strcmp(in, "itself") == 0);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *next, struct itimerspec *before) {
    const char *how = getenv("CRASH");
    if (how && crasher_is_here())
        crasher_fail(how);
    return (int)syscall(SYS_timerfd_settime, fd, flags, next, before);
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset) {
    static int calls;
    const char *how = getenv("CRASH");
    if (++calls >= CRASHER_CALL && how && crasher_is_here())
        crasher_fail(how);
    return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, offset);
}
