/* cores.c - see cores.h. */
#include "master/cores.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CORES_LINE_MAX = PATH_MAX + 256 };

/* How many numbers the file begins with, two at most. */
static int cores_numbers(const char *folder, const char *name, long long out[2]) {
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    int n = file ? fscanf(file, "%lld %lld", &out[0], &out[1]) : 0;
    if (file)
        fclose(file);
    return n > 0 ? n : 0;
}

/* The quota of one group.  No quota is "max" in version 2, -1 in version 1. */
static uint32_t cores_of_group(const char *folder) {
    long long quota[2], period[2];
    if (cores_numbers(folder, "cpu.max", quota) == 2)
        period[0] = quota[1];
    else if (cores_numbers(folder, "cpu.cfs_quota_us", quota) < 1 ||
             cores_numbers(folder, "cpu.cfs_period_us", period) < 1)
        return CORES_NO_QUOTA;
    if (quota[0] <= 0 || period[0] <= 0)
        return CORES_NO_QUOTA;
    long long cores = quota[0] / period[0] + (quota[0] % period[0] != 0);
    return cores < INT_MAX ? (uint32_t)cores : CORES_NO_QUOTA;
}

static uint32_t cores_least(uint32_t a, uint32_t b) {
    return a == CORES_NO_QUOTA || (b != CORES_NO_QUOTA && b < a) ? b : a;
}

/* Of the group at base/path and all above it, up to `base`. */
static uint32_t cores_of_groups(const char *base, const char *path) {
    char folder[2 * PATH_MAX];
    uint32_t least = CORES_NO_QUOTA;
    snprintf(folder, sizeof folder, "%s%s", base, strstr(path, "..") ? "" : path);
    for (;;) {
        least = cores_least(least, cores_of_group(folder));
        char *slash = strrchr(folder, '/');
        if (!slash || slash < folder + strlen(base))
            return least;
        *slash = '\0';
    }
}

/* Whether a list such as "cpu,cpuacct" has the controller of CPU time. */
static bool cores_has_cpu(const char *controllers) {
    for (const char *at = controllers; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, "cpu", 3) == 0 && (at[3] == ',' || at[3] == '\0'))
            return true;
    }
    return false;
}

/* A line is ID:CONTROLLERS:PATH; version 2 has no controllers there. */
static uint32_t cores_of_line(char *line, const char *mount) {
    char base[2 * PATH_MAX];
    char *controllers = strchr(line, ':'),
         *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return CORES_NO_QUOTA;
    *path++ = '\0';
    controllers++;
    path[strcspn(path, "\n")] = '\0';
    if (*controllers != '\0' && !cores_has_cpu(controllers))
        return CORES_NO_QUOTA;
    snprintf(base, sizeof base, "%s%s%s", mount, *controllers ? "/" : "", controllers);
    return cores_of_groups(base, path);
}

uint32_t cores_quota(const char *membership, const char *mount) {
    char line[CORES_LINE_MAX];
    uint32_t least = CORES_NO_QUOTA;
    FILE *file = fopen(membership, "re");
    while (file && fgets(line, sizeof line, file))
        least = cores_least(least, cores_of_line(line, mount));
    if (file)
        fclose(file);
    return least;
}

uint32_t cores_available(void) {
    cpu_set_t set;
    long cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                             : sysconf(_SC_NPROCESSORS_ONLN);
    return cores_least(cores_quota("/proc/self/cgroup", "/sys/fs/cgroup"),
                       cores > 0 ? (uint32_t)cores : 1);
}
