/* unit_notify.c - messages to a service manager that does not read. */
#include "master/notify.h"
#include "tests/lib/sandbox.h"
#include "tests/lib/skip.h"
#include "tests/unit_segment.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

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
