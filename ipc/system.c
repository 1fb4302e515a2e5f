/* system.c - see system.h. */
#include "ipc/system.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
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

bool system_readable(int fd) {
    struct pollfd look = {.fd = fd, .events = POLLIN};
    return fd >= 0 && poll(&look, 1, 0) == 1 && (look.revents & POLLIN);
}

static const char system_oom_path[] = "/proc/self/oom_score_adj";
enum { SYSTEM_OOM_MAX = 1000 };

int system_oom_score(void) {
    char text[16] = "";
    int fd = open(system_oom_path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    if (fd >= 0)
        close(fd);
    return atoi(text);
}

void system_set_oom_score(int score) {
    char text[16];
    int len = snprintf(text, sizeof text, "%d", score < SYSTEM_OOM_MAX ? score : SYSTEM_OOM_MAX);
    int fd = open(system_oom_path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, text, (size_t)len);
    close(fd);
}
