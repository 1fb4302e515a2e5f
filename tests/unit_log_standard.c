/* unit_log_standard.c - a log on a standard descriptor that the starter of the server uses too. */
#include "ipc/log.h"
#include "master/log_file.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(log_standard, .timeout = 180);

static struct config config = {.log_level = LOG_LEVEL_INFO, .log = "stderr"};
static struct master_state state;

/* The log of a server whose standard error is `fd`; a descriptor of the test's own keeps the old
 * one. */
static int log_on(int fd) {
    char err[512] = "";
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    state = (struct master_state){.log_fd = -1};
    cr_assert_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    bool opened = log_file_open(&state, &config, err, sizeof err);
    log_info("the first line");
    dup2(kept, STDERR_FILENO);
    close(kept);
    cr_assert(opened, "%s", err);
    return state.log_fd;
}

static bool waits(int fd) {
    return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static bool has_first_line(int from) {
    char text[2048];
    ssize_t n = read(from, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, "the first line");
}

Test(log_standard, writes_to_a_pipe_or_a_terminal_do_not_wait) {
    int ends[2][2] = {{-1, -1}, {posix_openpt(O_RDWR | O_NOCTTY), -1}};
    cr_assert_eq(pipe(ends[0]) | grantpt(ends[1][0]) | unlockpt(ends[1][0]), 0);
    ends[1][1] = open(ptsname(ends[1][0]), O_RDWR | O_NOCTTY);
    for (int i = 0; i < 2; i++) {
        int log = log_on(ends[i][1]);
        cr_assert(!waits(log), "%d", i);
        cr_assert(waits(ends[i][1]), "%d: the starter's own is changed", i);
        cr_assert(has_first_line(ends[i][0]), "%d", i);
    }
}

/* A full pipe loses lines. */
Test(log_standard, a_full_pipe_holds_nothing_up) {
    int ends[2], capacity;
    cr_assert_eq(pipe(ends), 0);
    capacity = fcntl(ends[0], F_GETPIPE_SZ);
    log_on(ends[1]);
    for (int i = 0; i < capacity / 32; i++)
        log_info("line %d", i);
    cr_assert(has_first_line(ends[0]));
}

/* Its position is shared with the starter's, as of `>file`; and a socket cannot be opened. */
Test(log_standard, a_file_and_a_socket_are_copied) {
    char path[] = "/tmp/chatroom-log-XXXXXX", text[4096] = "";
    int file = mkstemp(path), pair[2];
    cr_assert_geq(file, 0);
    unlink(path);
    cr_assert_eq(write(file, "before\n", 7), 7);
    log_on(file);
    cr_assert_eq(write(file, "after\n", 6), 6);
    cr_assert_gt(pread(file, text, sizeof text - 1, 0), 13);
    cr_assert_eq(strncmp(text, "before\n", 7), 0);
    cr_assert(strstr(text, "the first line\nafter\n"), "%s", text);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    log_on(pair[1]);
    cr_assert(has_first_line(pair[0]));
}

Test(log_standard, is_known_by_each_of_its_names) {
    static const struct {
        const char *name;
        int fd;
    } names[] = {{"/dev/fd/2", 2},        {"/proc/self/fd/2", 2}, {"/dev/fd/1", 1},
                 {"/proc/self/fd/1", 1},  {"/dev/fd/12", -1},     {"/dev/fd/0", -1},
                 {"/proc/self/fd/3", -1}, {"stdout", -1},         {"/dev/stderr2", -1}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(config.log, sizeof config.log, "%s", names[i].name);
        cr_assert_eq(log_file_standard(&config), names[i].fd, "%s", names[i].name);
    }
}

/* There is nothing to open again, and another user may not be allowed to. */
Test(log_standard, stays_when_the_log_is_reopened) {
    int ends[2];
    struct stat before, after;
    cr_assert_eq(pipe(ends), 0);
    int log = log_on(ends[1]);
    cr_assert(has_first_line(ends[0]));
    cr_assert_eq(fstat(log, &before), 0);
    log_file_reopen(&state, &config);
    cr_assert_eq(fstat(state.log_fd, &after), 0);
    cr_assert_eq(before.st_ino, after.st_ino);
    char text[1024] = "";
    cr_assert_gt(read(ends[0], text, sizeof text - 1), 0);
    cr_assert(strstr(text, "log reopened"));
}
