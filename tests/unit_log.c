/* unit_log.c - the log: one event per line, truncated at the limit, and without bytes that control
 * a terminal. */
#include "ipc/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(log, .timeout = 180);

/* Lines logged since `from`. */
static const char *logged(int from) {
    static char text[4 * LOG_LINE_MAX];
    ssize_t n = read(from, text, sizeof text - 1);
    cr_assert_geq(n, 0, "%s", strerror(errno));
    text[n] = '\0';
    return text;
}

static int log_into_pipe(void) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    log_to(ends[1], NULL);
    return ends[0];
}

Test(log, a_line_has_time_level_pid_process_and_event) {
    int from = log_into_pipe(), year, month, day, hour, minute, second, ms, pid, used = 0;
    char level[16];
    log_set_process("worker 2");
    log_warn("%d clients", 7);
    const char *line = logged(from);
    int n = sscanf(line, "%d-%d-%d %d:%d:%d.%d %15s [%d] worker 2: %n", &year, &month, &day, &hour,
                   &minute, &second, &ms, level, &pid, &used);
    cr_assert_eq(n, 9, "%s", line);
    cr_assert_str_eq(level, "warn");
    cr_assert_eq(pid, getpid());
    cr_assert_str_eq(line + used, "7 clients\n");
}

/* A reload changes the target for all processes that share the word. */
Test(log, the_target_is_one_word_for_all) {
    struct log_shared shared = {.target = LOG_TO_FD};
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    log_to(ends[1], &shared);
    log_info("to the file");
    cr_assert(strstr(logged(ends[0]), " to the file\n"));
    shared.target = LOG_TO_SYSLOG;
    log_info("to syslog");
    cr_assert_eq(recv(ends[0], (char[1]){0}, 1, MSG_DONTWAIT), -1, "it is not written here");
    shared.target = LOG_TO_FD;
    log_info("to the file again");
    cr_assert(strstr(logged(ends[0]), " to the file again\n"));
}

Test(log, the_level_decides_what_is_written) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    int from = log_into_pipe();
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        log_set_level((enum log_level)level);
        log_error("error.");
        log_warn("warn.");
        log_info("info.");
        log_debug("debug.");
        const char *text = logged(from);
        for (int i = 0; i < 4; i++) {
            char want[16];
            snprintf(want, sizeof want, ": %s.\n", names[i]);
            cr_assert_eq(strstr(text, want) != NULL, i <= level, "level %d: %s", level, text);
        }
    }
}

Test(log, errno_is_named_and_kept) {
    int from = log_into_pipe();
    errno = ENOSPC;
    log_error_errno("transcript %s", "x");
    cr_assert_eq(errno, ENOSPC);
    cr_assert(strstr(logged(from), ": transcript x: No space left on device\n"));
    log_info("%s", "nothing wrong");
    cr_assert_eq(errno, ENOSPC);
}

Test(log, a_line_too_long_is_cut_and_still_ends) {
    int from = log_into_pipe();
    char text[3 * LOG_LINE_MAX];
    for (size_t len = LOG_LINE_MAX - 80; len < LOG_LINE_MAX + 20; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        errno = ENOENT;
        log_error_errno("%s", text);
        const char *line = logged(from);
        size_t n = strlen(line);
        cr_assert_leq(n, LOG_LINE_MAX);
        cr_assert_eq(strchr(line, '\n'), line + n - 1, "one line end, at the end");
    }
}

Test(log, a_log_that_cannot_be_written_is_no_error) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[1]);
    log_to(ends[1], NULL);
    errno = 0;
    log_error("not written");
    cr_assert_eq(errno, 0);
}

static const struct {
    const char *bytes, *want;
} escapes[] = {
    {"plain text, 100 %", "plain text, 100 %"},
    {"back\\slash", "back\\x5Cslash"},
    {"\033[2J\r\n\t\177", "\\x1B[2J\\x0D\\x0A\\x09\\x7F"},
    {"中文 ж é ﬁ 😀", "中文 ж é ﬁ 😀"},
    {"\xC2\x9B[2J", "\\xC2\\x9B[2J"}, /* C1 as UTF-8 */
    {"\x9B", "\\x9B"},                /* C1 raw */
    {"a\xE2\x80\xAE"
     "b",
     "a\\xE2\\x80\\xAE"
     "b"},                               /* right-to-left override */
    {"\xE2\x80\x8B", "\\xE2\\x80\\x8B"}, /* zero-width space */
    {"\xE2\x80\xA8", "\\xE2\\x80\\xA8"}, /* line separator */
    {"\xC0\xAF", "\\xC0\\xAF"},          /* overlong / */
    {"\xE0\x80\xAF", "\\xE0\\x80\\xAF"}, /* overlong / again */
    {"\xF0\x80\x80\xAF", "\\xF0\\x80\\x80\\xAF"},
    {"\xED\xA0\x80", "\\xED\\xA0\\x80"},          /* a surrogate */
    {"\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"}, /* beyond Unicode */
    {"\xEE\x80\x80", "\\xEE\\x80\\x80"},          /* private use */
    {"\xF3\xA0\x81\x81", "\\xF3\\xA0\\x81\\x81"}, /* a tag */
    {"\xE4\xB8", "\\xE4\\xB8"},                   /* cut */
    {"\xE4\xB8z", "\\xE4\\xB8z"},
    {"\xFF\xFD\x06", "\\xFF\\xFD\\x06"},          /* telnet */
    {"\xD6\xD0\xCE\xC4", "\\xD6\\xD0\\xCE\\xC4"}, /* GBK */
};

Test(log, what_a_client_sent_is_escaped) {
    char out[256];
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
        cr_assert_str_eq(log_escape(out, sizeof out, escapes[i].bytes, strlen(escapes[i].bytes)),
                         escapes[i].want);
    cr_assert_str_eq(log_escape(out, sizeof out, "a\0b", 3), "a\\x00b");
    cr_assert_str_eq(log_escape(out, sizeof out, "", 0), "");
}

Test(log, an_escape_never_leaves_its_buffer) {
    static const char bytes[] = "中\x01\xFFz中";
    for (size_t size = 0; size < 32; size++) {
        char out[40];
        memset(out, '#', sizeof out);
        log_escape(out, size, bytes, sizeof bytes - 1);
        for (size_t i = size; i < sizeof out; i++)
            cr_assert_eq(out[i], '#', "size %zu: byte %zu written", size, i);
        if (size > 0)
            cr_assert_not_null(memchr(out, '\0', size));
    }
}

/* ---- torn lines ---- */

/* A file that the process may write to up to `size` bytes. */
static void limit_to(rlim_t size) {
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static const char *file_text(int fd) {
    static char text[4 * LOG_LINE_MAX];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    cr_assert_geq(n, 0);
    text[n] = '\0';
    return text;
}

static int log_into_file(struct log_shared *shared) {
    char path[] = "/tmp/chatroom-log-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(unlink(path) | fcntl(fd, F_SETFL, O_APPEND), 0);
    signal(SIGXFSZ, SIG_IGN);
    log_to(fd, shared);
    return fd;
}

Test(log, a_torn_line_is_not_glued_to_the_next) {
    static struct log_shared shared;
    int fd = log_into_file(&shared);
    log_info("the first");
    off_t end = lseek(fd, 0, SEEK_END);
    for (int part = 1; part < 60; part += 7) {
        cr_assert_eq(ftruncate(fd, end), 0);
        limit_to((rlim_t)(end + part));
        log_info("torn, of which a part is written, as long as a line with its head is");
        log_info("lost");
        log_info("lost as well");
        cr_assert_eq(lseek(fd, 0, SEEK_END), end + part);
        limit_to(RLIM_INFINITY);
        log_info("the next");
        log_info("the last");
        const char *text = file_text(fd);
        cr_assert_eq(text[end + part], '\n', "%d: %s", part, text);
        cr_assert_eq(text[end + part + 1], '2', "%d: %s", part, text);
        cr_assert(strstr(text, ": the next\n2") && strstr(text, ": the last\n"), "%s", text);
        cr_assert_not(strstr(text, "\n\n"), "%s", text);
        cr_assert_not(strstr(text, "lost"), "%s", text);
    }
}

/* Room for the line end alone, then for a part again. */
Test(log, a_line_is_torn_again_before_the_next) {
    static struct log_shared shared;
    int fd = log_into_file(&shared);
    limit_to(5);
    log_info("torn");
    limit_to(6);
    log_info("only its line end");
    cr_assert_eq(lseek(fd, 0, SEEK_END), 6);
    limit_to(10);
    log_info("torn again");
    limit_to(RLIM_INFINITY);
    log_info("whole");
    const char *text = file_text(fd);
    cr_assert_eq(text[5], '\n', "%s", text);
    cr_assert_eq(text[10], '\n', "%s", text);
    cr_assert_eq(text[11], '2', "%s", text);
    cr_assert_not(strstr(text, "\n\n"), "%s", text);
}

/* Another process tears, this one goes on. */
Test(log, the_state_is_one_for_all_processes) {
    struct log_shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(shared, MAP_FAILED);
    int fd = log_into_file(shared);
    pid_t child = fork();
    if (child == 0) {
        limit_to(20);
        log_info("torn");
        _exit(0);
    }
    cr_assert_eq(waitpid(child, NULL, 0), child);
    log_info("whole");
    const char *text = file_text(fd);
    cr_assert_eq(text[20], '\n', "%s", text);
    cr_assert_eq(text[21], '2', "%s", text);
}
