/* cores.h - how many cores this process may use, for `workers = auto`: those of its affinity, and
 * no more than the CPU quotas of its control groups allow, rounded up.
 *
 * A quota is `cpu.max` (version 2) or `cpu.cfs_quota_us` (version 1) of the process's group or of a
 * group above it.  Within a container the group's path may be the host's, of which only the part
 * that is mounted can be read (Linux, Documentation/admin-guide/cgroup-v2.rst, cgroup-v1). */
#ifndef MASTER_CORES_H
#define MASTER_CORES_H

#include <stdint.h>

enum { CORES_NO_QUOTA = 0 };

/* At least 1. */
uint32_t cores_available(void);

/* Of the groups that `membership` lists (/proc/self/cgroup), mounted below `mount`
 * (/sys/fs/cgroup); CORES_NO_QUOTA: none, or none that can be read. */
uint32_t cores_quota(const char *membership, const char *mount);

#endif
