/* path.c - see path.h. */
#include "master/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *path_folder(const char *path, char out[PATH_LEN_MAX]) {
    const char *slash = strrchr(path, '/');
    int len = !slash ? 0 : slash > path ? (int)(slash - path) : 1;
    snprintf(out, PATH_LEN_MAX, "%.*s", len ? len : 1, len ? path : ".");
    return out;
}

bool path_sync_folder(const char *path) {
    char folder[PATH_LEN_MAX];
    int fd = open(path_folder(path, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL); /* some file systems do not */
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return synced;
}
