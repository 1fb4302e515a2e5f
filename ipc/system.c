/* system.c - see system.h. */
#include "ipc/system.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SYSTEM_DESCRIPTORS = 1 << 20 }; /* fs.nr_open, where it was not raised */

static void system_close_all(unsigned first) {
    struct rlimit limit = {.rlim_cur = SYSTEM_DESCRIPTORS};
    getrlimit(RLIMIT_NOFILE, &limit);
    for (unsigned fd = first; fd < limit.rlim_cur && fd < SYSTEM_DESCRIPTORS; fd++)
        close((int)fd);
}

void system_close_from(unsigned first) {
    if (syscall(SYS_close_range, first, ~0u, 0) == 0)
        return;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) {
        system_close_all(first);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        char *end;
        unsigned long fd = strtoul(entry->d_name, &end, 10);
        if (*end == '\0' && fd >= first && fd != (unsigned long)dirfd(dir))
            close((int)fd);
    }
    closedir(dir);
}

uint64_t system_pid_namespace(void) {
    struct stat is;
    return stat("/proc/self/ns/pid", &is) == 0 ? is.st_ino : 0;
}
