/* skip.c - see skip.h. */
#include "tests/lib/skip.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SKIP_REASON_MAX = 512 };

/* Appends a line to the list; Criterion knows the test's name. */
static void skip_append(const char *kind, const char *reason) {
    char line[SKIP_REASON_MAX + 256];
    const char *path = getenv("CHATROOM_SKIPS");
    int len = snprintf(line, sizeof line, "%s/%s: %s%s\n", criterion_current_suite->name,
                       criterion_current_test->name, kind, reason);
    if (!path || !*path)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    bool written = fd >= 0 && write(fd, line, (size_t)len) == len;
    if (fd >= 0)
        close(fd);
    if (!written) /* without its line in the list, a skip would not be noticed */
        cr_assert_fail("%s: cannot be written; skipped: %s", path, line);
}

void skip_test(const char *fmt, ...) {
    char reason[SKIP_REASON_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    skip_append("", reason);
    criterion_skip_test("%s", reason);
}

void skip_part(const char *fmt, ...) {
    char reason[SKIP_REASON_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    skip_append("in part: ", reason);
}

void skip_unless_root(void) {
    if (geteuid() != 0)
        skip_test("only root can become another user");
}

void skip_unless_ipv6(void) {
    struct sockaddr_in6 self = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&self, sizeof self) == 0;
    if (fd >= 0)
        close(fd);
    if (!bound)
        skip_test("this machine has no IPv6");
}

void skip_if_proc_is_needed(void) {
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip_test("the sanitizer needs /proc");
#endif
}
