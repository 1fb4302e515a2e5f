/* sandbox.h - a seccomp filter that makes one system call fail, as in a container's sandbox or with
 * an old kernel.
 *
 *     run_before_exec = deny_signalfd;       calls sandbox_deny in the new process
 *     run(&ran, run_server_path(), ...);
 *
 * A rule applies to the calling process and all its children until they end. */
#ifndef TESTS_LIB_SANDBOX_H
#define TESTS_LIB_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/* Refuses `call` if (argument & mask) == value; mask 0: for any arguments. */
struct sandbox_rule {
    long call;
    unsigned argument; /* its index, 0 to 5 */
    uint32_t mask, value;
    int error; /* errno of the refused call; 0: the process is killed (SIGSYS) */
};

/* False, with errno set, if the kernel has no seccomp. */
bool sandbox_deny(const struct sandbox_rule *rule);

/* Whether sandbox_deny works on this machine; tested in a child. */
bool sandbox_works(void);

#endif
