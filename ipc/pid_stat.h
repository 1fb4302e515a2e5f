/* pid_stat.h - what the kernel says of a process (proc(5), /proc/PID/stat).
 *
 * Process ids in the segment are those of the server's PID namespace, and mean something to callers
 * in the same one alone (system_pid_namespace). */
#ifndef IPC_PID_STAT_H
#define IPC_PID_STAT_H

#include <stdbool.h>
#include <stdint.h>

enum { PID_NAME = 16 };
struct pid_stat {
    char name[PID_NAME]; /* as prctl(PR_SET_NAME) has set it; "": unknown */
    bool exists;         /* and is no zombie */
    bool stopped;        /* by a signal or a debugger */
    uint64_t cpu_ms;     /* of user and system time */
};

/* `pid` 0 does not exist.  Where there is no /proc only `exists` is known. */
struct pid_stat pid_stat_read(int32_t pid);

#endif
