/* disk.h - the transcript's file: bytes are appended behind an offset, and what lies beyond it is
 * cut off.
 *
 * The file may be changed by others between any two calls: logrotate's copytruncate shortens it. It
 * is written with O_APPEND, so that a write never leaves a hole behind its end, which would be read
 * as NULs; and it is only ever shortened.  Each call may wait for the disk as long as that takes.
 */
#ifndef WORKER_TRANSCRIPT_DISK_H
#define WORKER_TRANSCRIPT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes the file end at *offset, or at the end of its last whole line if it is shorter: then
 * *offset moves there and *shortened is set.  False with errno. */
bool disk_cut(int fd, uint64_t *offset, bool *shortened);

/* After disk_cut: appends all bytes, and moves *offset behind them; or none.  False with errno. */
bool disk_append(int fd, uint64_t *offset, const char *bytes, size_t len);
/* Whether an error of disk_append is want of room: fewer bytes may fit. */
bool disk_is_full(int error);

/* Where the file's last whole line ends.  A crash of the machine leaves a part of a line, or NULs
 * where the bytes did not reach the disk: the last DISK_LOOK bytes, or more if all of those are
 * bad, are searched for them.  *beyond: the bytes behind it.  False with errno. */
enum { DISK_LOOK = 1 << 20 };
bool disk_whole(int fd, uint64_t *offset, uint64_t *beyond);

#endif
