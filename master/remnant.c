/* remnant.c - see remnant.h. */
#include "master/remnant.h"

#include "ipc/clock.h"
#include "ipc/log.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { REMNANT_MS = 5000, REMNANT_DEATH_MS = 1000, REMNANT_QUIET = 3, REMNANT_PAUSE_US = 2000 };

/* Whether the process maps the object, to write to it. */
static bool remnant_uses(pid_t pid, const struct stat *object) {
    char path[64], line[512], access[8];
    unsigned major, minor;
    unsigned long inode;
    bool uses = false;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && !uses && fgets(line, sizeof line, file)) {
        int fields = sscanf(line, "%*x-%*x %7s %*x %x:%x %lu", access, &major, &minor, &inode);
        uses = fields == 4 && access[1] == 'w' && inode == object->st_ino &&
               makedev(major, minor) == object->st_dev;
    }
    if (file)
        fclose(file);
    return uses;
}

/* Whether it used the object, and is or was being killed.  Its pidfd is opened before the look: a
 * pid may be another process's a moment later. */
static bool remnant_end(pid_t pid, const struct stat *object) {
    struct pollfd death = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    if (death.fd < 0)
        return false;
    bool uses = remnant_uses(pid, object);
    if (uses && syscall(SYS_pidfd_send_signal, death.fd, SIGKILL, NULL, 0) == 0) {
        log_warn("process %d of the life before is left; killing it", (int)pid);
        (void)poll(&death, 1, REMNANT_DEATH_MS);
    }
    close(death.fd);
    return uses;
}

/* How many were found; the last in *pid. */
static int remnant_look(const struct stat *object, pid_t *pid) {
    DIR *dir = opendir("/proc");
    int found = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        pid_t other = (pid_t)atoi(entry->d_name);
        if (other <= 0 || other == getpid() || !remnant_end(other, object))
            continue;
        *pid = other;
        found++;
    }
    if (dir)
        closedir(dir);
    return found;
}

/* One that was just about to start another may have done so: several looks must find none. */
bool remnant_kill(int object, char *err, size_t err_size) {
    uint64_t until = clock_ms() + REMNANT_MS;
    struct stat is;
    pid_t pid = 0;
    if (fstat(object, &is) != 0)
        return true;
    for (int quiet = 0; quiet < REMNANT_QUIET;) {
        quiet = remnant_look(&is, &pid) > 0 ? 0 : quiet + 1;
        if (quiet == 0 && clock_ms() >= until) {
            snprintf(err, err_size, "process %d of the life before does not end", (int)pid);
            return false;
        }
        if (pid != 0) /* else there never was one */
            usleep(REMNANT_PAUSE_US);
    }
    return true;
}
