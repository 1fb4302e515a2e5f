/* fault_signals.h - the signals by which a process dies of its own fault, as opposed to a kill from
 * outside.  A worker records them in its slot; the supervisor decides by them whether a client's
 * input is poison (slot.h, struct breadcrumb). */
#ifndef IPC_FAULT_SIGNALS_H
#define IPC_FAULT_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
enum { FAULT_SIGNALS = sizeof fault_signals / sizeof fault_signals[0] };

static inline bool fault_signal_is(int signo) {
    for (size_t i = 0; i < FAULT_SIGNALS; i++) {
        if (fault_signals[i] == signo)
            return true;
    }
    return false;
}

/* Installs one action for all of them; SIG_DFL undoes what a parent had installed. */
static inline void fault_signals_set(const struct sigaction *action) {
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        sigaction(fault_signals[i], action, NULL);
}

#endif
