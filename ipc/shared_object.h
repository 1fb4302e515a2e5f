/* shared_object.h - the memory object behind the segment, without a name: only inheritance leads to
 * it.
 *
 * POSIX shared memory (shm_open, unlinked at once) where /dev/shm is a tmpfs with plenty of room;
 * else a memfd (Linux 3.17), which needs no file system and is limited by the machine's memory or
 * the control group's alone.  Docker gives a container 64 MB of /dev/shm, a chroot often none.
 * Where one of the two fails, the other is tried.
 *
 * An object is as large as it will ever be from the start; its memory is reserved piece by piece
 * (shared_object_reserve).  What is not reserved must not even be read through a mapping: the
 * kernel would look for memory then, and end the process with SIGBUS where it finds none. */
#ifndef IPC_SHARED_OBJECT_H
#define IPC_SHARED_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shared_object_kind { SHARED_OBJECT_SHM, SHARED_OBJECT_MEMFD };

/* Plenty: so many times the object's size.  /dev/shm is shared with other programs, and what is not
 * reserved at the start is not kept free. */
enum { SHARED_OBJECT_PLENTY = 4 };

/* The kind to try first for an object of `size` bytes. */
enum shared_object_kind shared_object_choose(size_t size);

/* What /dev/shm is to an object of `size` bytes, as `/dev/shm is missing` or `/dev/shm has 63 MB
 * free, and 50 MB may be needed`.  Returns out. */
const char *shared_object_shm(size_t size, char *out, size_t out_size);

/* A descriptor that an execve keeps, or -1 with errno. */
int shared_object_make(enum shared_object_kind kind, size_t size);

/* Reserves memory for these bytes; 0 or an errno, and then all of them may be without memory that
 * were so before.  The same bytes are reserved by one process at a time: where a second one is
 * killed, the kernel takes back what neither has used. */
int shared_object_reserve(int fd, size_t at, size_t len);

#endif
