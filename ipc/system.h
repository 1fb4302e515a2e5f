/* system.h - what Linux has and a libc may have no name for: glibc 2.31 (2020) is the oldest that
 * Chatroom is built with.  Numbers are the same on every architecture but alpha. */
#ifndef IPC_SYSTEM_H
#define IPC_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SYS_close_range
#define SYS_close_range 436 /* Linux 5.9; glibc 2.33 */
#endif

/* P_PIDFD of waitid(2), which glibc 2.36 has, but as an enumerator that #ifdef cannot see. */
#define SYSTEM_P_PIDFD ((idtype_t)3)

/* Closes every descriptor from `first` on.  A kernel or a sandbox without close_range costs a
 * close() for each that /proc shows; without /proc too, for each number that
 * there may be, of the lowest million. */
void system_close_from(unsigned first);

/* Of the PID namespace that this process's ids are of, the number by which no other living one is
 * called (namespaces(7)); 0: there is no /proc to say so. */
uint64_t system_pid_namespace(void);

/* Whether the descriptor is readable now: of a pidfd, whether its process is dead (pidfd_open(2)).
 * -1 is not. */
bool system_readable(int fd);

/* oom_score_adj of this process (proc(5)): the higher, the sooner the kernel ends it where memory
 * is short; 0 if it cannot be read.  It may be raised, and lowered again; a failure is silent. */
int system_oom_score(void);
void system_set_oom_score(int score);

#endif
