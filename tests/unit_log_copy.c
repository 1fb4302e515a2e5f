/* unit_log_copy.c - what the log is told of an operator's request is also kept for the operator. */
#include "ipc/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The log goes into a pipe. */
static int copy_begin(char *out, size_t size) {
    int fds[2];
    cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
    log_to(fds[1], NULL);
    out[0] = '\0';
    log_copy_to(out, size);
    return fds[0];
}

static const char *log_text(int fd) {
    static char text[4096];
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

Test(log_copy, has_errors_and_warnings_without_their_heads) {
    char copy[256];
    int fd = copy_begin(copy, sizeof copy);
    log_error("FILE:%d: wrong", 3);
    log_info("unasked");
    errno = ENOENT;
    log_warn_errno("cannot open");
    cr_assert_str_eq(copy, "FILE:3: wrong\ncannot open: No such file or directory");
    const char *text = log_text(fd);
    cr_assert(strstr(text, "FILE:3: wrong\n") && strstr(text, "unasked\n"));
    log_copy_to(NULL, 0);
    log_error("afterwards");
    cr_assert_null(strstr(copy, "afterwards"));
}

Test(log_copy, has_what_the_level_keeps_out_of_the_log) {
    char copy[256];
    int fd = copy_begin(copy, sizeof copy);
    log_set_level(LOG_LEVEL_ERROR);
    log_warn("hidden");
    cr_assert_str_eq(copy, "hidden");
    cr_assert_str_eq(log_text(fd), "");
}

/* A worker that is started while a request is carried out. */
Test(log_copy, ends_with_a_new_process) {
    char copy[256];
    int fd = copy_begin(copy, sizeof copy);
    log_set_process("worker 3");
    log_error("its own");
    cr_assert_str_eq(copy, "");
    cr_assert_not_null(strstr(log_text(fd), "worker 3: its own\n"));
}

Test(log_copy, leaves_out_whole_lines_that_do_not_fit) {
    char copy[12];
    copy_begin(copy, sizeof copy);
    log_error("12345");
    log_error("123456");
    cr_assert_str_eq(copy, "12345");
    log_error("1234");
    cr_assert_str_eq(copy, "12345\n1234");
}
