/* child.c - see child.h. */
#include "worker/state/child.h"

#include "ipc/clock.h"
#include "ipc/fault_signals.h"
#include "ipc/system.h"

#include <signal.h>

enum { CHILD_ALONE_MS = 15000 }; /* beyond what workers need to start another master */

static struct slot *child_slot; /* for the handler below */

static void child_on_fault(int signo) {
    atomic_store(&child_slot->fault, (uint32_t)signo);
    signal(signo, SIG_DFL);
    raise(signo);
}

void child_signals(const struct segment *seg, struct slot *slot) {
    static const int ignored[] = {SIGINT,  SIGTERM, SIGQUIT, SIGHUP,
                                  SIGUSR1, SIGUSR2, SIGPWR,  SIGPIPE};
    struct sigaction act = {.sa_handler = child_on_fault, .sa_flags = SA_NODEFER | SA_RESETHAND};
    sigset_t none;
    child_slot = slot;
    fault_signals_set(&act);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    system_set_oom_score(seg->header->master.oom_score + CHILD_OOM);
}

bool child_is_alone(struct child_alone *alone, const struct segment *seg,
                    uint64_t worker_timeout_ms) {
    uint64_t now = clock_ms(), beat = atomic_load(&seg->slots[MASTER_SLOT].heartbeat);
    if (beat != alone->beat || alone->seen_ms == 0) {
        alone->beat = beat;
        alone->seen_ms = now;
    }
    return now - alone->seen_ms > 2 * worker_timeout_ms + CHILD_ALONE_MS;
}
