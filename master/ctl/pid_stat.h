/* pid_stat.h - what the kernel says of a process (proc(5), /proc/PID/stat).
 *
 * Process ids in the segment are those of the server's PID namespace, and mean something to callers
 * in the same one alone (look.h). */
#ifndef MASTER_CTL_PID_STAT_H
#define MASTER_CTL_PID_STAT_H

#include <stdbool.h>
#include <stdint.h>

struct pid_stat {
    bool exists;     /* and is no zombie */
    bool stopped;    /* by a signal or a debugger */
    uint64_t cpu_ms; /* of user and system time */
};

/* `pid` 0 does not exist. */
struct pid_stat pid_stat_read(int32_t pid);

#endif
