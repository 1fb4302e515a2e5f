/* shared_object.c - see shared_object.h. */
#include "ipc/shared_object.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3: where sysctl vm.memfd_noexec is 2, no other is made */
#define MFD_NOEXEC_SEAL 8u
#endif

/* Free bytes of /dev/shm.  False: it is none that could be used, and *why says so. */
static bool shared_object_free(uint64_t *bytes, const char **why) {
    struct statfs fs;
    *why = "is missing";
    if (statfs("/dev/shm", &fs) != 0)
        return false;
    *why = "is no tmpfs";
    if ((uint64_t)fs.f_type != TMPFS_MAGIC)
        return false;
    *why = "is not writable";
    if (access("/dev/shm", W_OK | X_OK) != 0)
        return false;
    *bytes = fs.f_blocks == 0 ? UINT64_MAX : (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
    return true;
}

enum shared_object_kind shared_object_choose(size_t size) {
    uint64_t bytes;
    const char *why;
    bool plenty = shared_object_free(&bytes, &why) && bytes / SHARED_OBJECT_PLENTY >= size;
    return plenty ? SHARED_OBJECT_SHM : SHARED_OBJECT_MEMFD;
}

const char *shared_object_shm(size_t size, char *out, size_t out_size) {
    uint64_t bytes;
    const char *why;
    if (!shared_object_free(&bytes, &why))
        snprintf(out, out_size, "/dev/shm %s", why);
    else
        snprintf(out, out_size, "/dev/shm has %llu MB free, and %zu MB may be needed",
                 (unsigned long long)(bytes >> 20), (size >> 20) + 1);
    return out;
}

static int shared_object_shm_open(void) {
    for (int tries = 0; tries < 16; tries++) {
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return -1;
        char name[64];
        snprintf(name, sizeof name, "/chatroom-%016llx", (unsigned long long)random);
        int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0) {
            shm_unlink(name);
            fcntl(fd, F_SETFD, 0);
            return fd;
        }
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

static int shared_object_memfd(void) {
    static const char name[] = "chatroom-segment"; /* shown in /proc alone */
    int fd = memfd_create(name, MFD_NOEXEC_SEAL);
    return fd >= 0 || errno != EINVAL ? fd : memfd_create(name, 0);
}

int shared_object_make(enum shared_object_kind kind, size_t size) {
    int fd = kind == SHARED_OBJECT_SHM ? shared_object_shm_open() : shared_object_memfd();
    if (fd < 0 || ftruncate(fd, (off_t)size) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int shared_object_reserve(int fd, size_t at, size_t len) {
    int error;
    do
        error = posix_fallocate(fd, (off_t)at, (off_t)len);
    while (error == EINTR);
    return error;
}
