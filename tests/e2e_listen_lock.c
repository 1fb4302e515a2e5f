/* e2e_listen_lock.c - the lock of master/listen_lock.h, held by a process that nothing is known of:
 * the one that took it has ended, and a child has inherited it. */
#include "tests/lib/guest.h"
#include "tests/lib/network.h"
#include "tests/lib/server.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(listen_lock, .timeout = 60);

static const char unknown[] = "an unknown process holds a lock on /proc/self/ns/net";

/* The child that has inherited the lock. */
static pid_t lock_inherited(void) {
    int child[2], status;
    pid_t heir = 0;
    cr_assert_eq(pipe(child), 0);
    pid_t pid = fork();
    if (pid == 0) {
        network_hold();
        pid = fork();
        while (pid == 0)
            pause();
        _exit(write(child[1], &pid, sizeof pid) != sizeof pid);
    }
    cr_assert_eq(read(child[0], &heir, sizeof heir), sizeof heir);
    cr_assert(waitpid(pid, &status, 0) == pid && status == 0);
    close(child[0]);
    close(child[1]);
    return heir;
}

Test(listen_lock, an_unknown_holder_does_not_stop_a_start) {
    network_own();
    pid_t heir = lock_inherited();
    struct server *s = server_start("workers = 1\n");
    server_logged(s, "%s", unknown);
    guest_close(guest_enter(s, "ann"));
    server_stop(s);
    kill(heir, SIGKILL);
}

Test(listen_lock, an_unknown_holder_does_not_stop_a_reload) {
    network_own();
    struct server *s = server_start("workers = 1\nlisten = 127.0.0.1:7001\n");
    pid_t heir = lock_inherited();
    server_configure(s, "workers = 1\nlisten = 127.0.0.1:7001\nlisten = 127.0.0.1:7002\n");
    server_signal(s, SIGHUP);
    server_logged(s, "%s", unknown);
    server_logged(s, "listening on 127.0.0.1:7001, 127.0.0.1:7002, 1 workers");
    server_stop(s);
    kill(heir, SIGKILL);
}
