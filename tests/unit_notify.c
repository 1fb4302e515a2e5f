/* unit_notify.c - messages to a service manager that does not read. */
#include "ipc/log.h"
#include "master/notify.h"
#include "tests/lib/sandbox.h"
#include "tests/lib/skip.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(notify, .timeout = 180);

/* Even if the time limit on sending cannot be set, a manager that does not read must not block the
 * master. */
Test(notify, without_a_time_limit_it_does_not_wait) {
    static const struct sandbox_rule rule = {SYS_setsockopt, 2, ~0u, SO_SNDTIMEO, EPERM};
    char dir[] = "/tmp/chatroom-notify-XXXXXX";
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int deaf = socket(AF_UNIX, SOCK_DGRAM, 0), full = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (!sandbox_works())
        skip_test("this kernel has no seccomp");
    cr_assert(mkdtemp(dir));
    snprintf(to.sun_path, sizeof to.sun_path, "%s/notify", dir);
    cr_assert_eq(bind(deaf, (struct sockaddr *)&to, sizeof to), 0);
    while (sendto(full, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to) == 1)
        ;
    setenv("NOTIFY_SOCKET", to.sun_path, 1);
    pid_t pid = unit_fork();
    if (pid == 0) {
        if (!sandbox_deny(&rule))
            _exit(1);
        notify("READY=1");
        _exit(0);
    }
    int status = unit_join(pid); /* if the child blocks, the suite's time limit ends the test */
    unlink(to.sun_path);
    rmdir(dir);
    cr_assert_eq(status, 0);
}

/* What cannot be waited for, or would be without a pause, is bounded; nonsense counts for none. */
Test(notify, the_watchdogs_time_is_bounded) {
    static const struct {
        const char *us;
        uint64_t ms;
    } cases[] = {{"30000000", 30000},
                 {"1", 20},
                 {"18446744073709551615", 86400000},
                 {"-1", 0},
                 {"abc", 0},
                 {"5s", 0},
                 {"", 0},
                 {"0", 0},
                 {"99999999999999999999", 86400000}};
    unsetenv("WATCHDOG_PID");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv("WATCHDOG_USEC", cases[i].us, 1);
        cr_expect_eq(notify_watchdog_ms(), cases[i].ms, "%s", cases[i].us);
    }
    setenv("WATCHDOG_PID", "1", 1);
    cr_expect_eq(notify_watchdog_ms(), 0);
}

/* A store is tried once a second. */
Test(notify, a_manager_that_is_gone_is_logged_once) {
    char text[4096] = "";
    setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
    log_copy_to(text, sizeof text);
    for (int i = 0; i < 3; i++)
        (void)notify_descriptors("FDSTOREREMOVE=1", NULL, 0, 0);
    log_copy_to(NULL, 0);
    const char *first = strstr(text, "NOTIFY_SOCKET");
    cr_assert(first && !strstr(first + 1, "NOTIFY_SOCKET"), "%s", text);
}
