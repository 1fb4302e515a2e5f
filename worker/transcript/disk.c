/* disk.c - see disk.h. */
#include "worker/transcript/disk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DISK_BLOCK = 64 << 10 };

/* Reads all of [at, at + n).  False with errno. */
static bool disk_read(int fd, char *block, size_t n, uint64_t at) {
    ssize_t got = pread(fd, block, n, (off_t)at);
    if (got >= 0 && (size_t)got < n)
        errno = EAGAIN; /* shortened meanwhile */
    return got == (ssize_t)n;
}

bool disk_whole(int fd, uint64_t *offset, uint64_t *beyond) {
    static char block[DISK_BLOCK];
    struct stat is;
    bool found = false;
    if (fstat(fd, &is) != 0)
        return false;
    uint64_t size = (uint64_t)is.st_size, whole = 0;
    for (uint64_t at = size; at > 0 && (!found || size - at < DISK_LOOK);) {
        size_t n = at < DISK_BLOCK ? (size_t)at : DISK_BLOCK;
        at -= n;
        if (!disk_read(fd, block, n, at))
            return false;
        const char *nul = memchr(block, '\0', n);
        if (nul) { /* all behind it is bad */
            found = false;
            n = (size_t)(nul - block);
        }
        const char *end = found ? NULL : memrchr(block, '\n', n);
        if (end) {
            found = true;
            whole = at + (uint64_t)(end - block) + 1;
        }
    }
    *offset = found ? whole : 0;
    *beyond = size - *offset;
    return true;
}

bool disk_cut(int fd, uint64_t *offset, bool *shortened) {
    struct stat is;
    uint64_t beyond;
    if (fstat(fd, &is) != 0)
        return false;
    if ((uint64_t)is.st_size < *offset) {
        *shortened = true;
        if (!disk_whole(fd, offset, &beyond))
            return false;
    }
    return (uint64_t)is.st_size <= *offset || ftruncate(fd, (off_t)*offset) == 0;
}

bool disk_append(int fd, uint64_t *offset, const char *bytes, size_t len) {
    ssize_t n = write(fd, bytes, len);
    if (n == (ssize_t)len) {
        *offset += len;
        return true;
    }
    int error = n < 0 ? errno : ENOSPC;
    if (n > 0)
        (void)!ftruncate(fd, (off_t)*offset);
    errno = error;
    return false;
}

bool disk_is_full(int error) {
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}
