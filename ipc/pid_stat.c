/* pid_stat.c - see pid_stat.h. */
#include "ipc/pid_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct pid_stat pid_stat_read(int32_t pid) {
    struct pid_stat is = {0};
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        is.exists = pid > 0 && (kill(pid, 0) == 0 || errno == EPERM); /* there may be no /proc */
        return is;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *name = strchr(text, '('), *name_end = strrchr(text, ')'); /* it may hold both */
    unsigned long long user = 0, system = 0;
    char state;
    if (!name || !name_end ||
        sscanf(name_end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &state, &user,
               &system) != 3)
        return is;
    snprintf(is.name, sizeof is.name, "%.*s", (int)(name_end - name - 1), name + 1);
    is.exists = state != 'Z' && state != 'X';
    is.stopped = state == 'T' || state == 't';
    is.cpu_ms = (user + system) * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
    return is;
}
