/* sandbox.h - a process to which the kernel refuses a system call (seccomp), as a container's
 * sandbox or an old kernel does.
 *
 *     run_before_exec = deny_signalfd;       calls sandbox_deny in the new process
 *     run(&ran, run_server_path(), ...);
 *
 * A rule holds for the calling process and all its children, until they end. */
#ifndef TESTS_LIB_SANDBOX_H
#define TESTS_LIB_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/* Refuses `call` if (argument & mask) == value; mask 0: whatever its arguments. */
struct sandbox_rule {
    long call;
    unsigned argument; /* its index, 0 to 5 */
    uint32_t mask, value;
    int error; /* what the call fails with; 0: the process is killed (SIGSYS) */
};

/* False with errno if the kernel has no seccomp. */
bool sandbox_deny(const struct sandbox_rule *rule);

/* Whether sandbox_deny works on this machine; tried in a child. */
bool sandbox_works(void);

#endif
