/* log.h - one event, one line, one write(2).
 *
 * The log's descriptor is the same number in every process (they share the descriptor table), so
 * the master reopens it for all with one dup2.  Nothing here allocates, locks or opens a
 * descriptor: a worker may die inside any of these calls.  Bytes a client sent go through
 * log_escape first. Lines longer than LOG_LINE_MAX are cut.  Safe from any thread and process; not
 * from a signal handler.
 *
 * A line for which there is no room (a full disk, RLIMIT_FSIZE, a full pipe) is lost.  If a part of
 * it was written, the next line of any process begins with a line end, so that two events are never
 * one line; an empty line may result. */
#ifndef IPC_LOG_H
#define IPC_LOG_H

#include "ipc/config.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_LINE_MAX = 1024 };
#define LOG_SYSLOG_PATH "/dev/log"

/* Where lines go.  LOG_TO_SYSLOG: fd is an unconnected AF_UNIX datagram socket. */
enum log_target { LOG_TO_FD, LOG_TO_SYSLOG };

/* What all processes that share the descriptor have in common.  Every one of them stores `torn` and
 * `mended`: a process that dies between its write and its store leaves at worst one line that is
 * glued to a torn one, or one empty line. */
struct log_shared {
    _Atomic uint32_t target; /* enum log_target */
    _Atomic uint32_t torn;   /* moves when a part of a line was written */
    _Atomic uint32_t mended; /* `torn` as it was when a line end was written after it */
};

/* Before the first line: standard error.  NULL: LOG_TO_FD, and the rest is this process's own. */
void log_to(int fd, struct log_shared *shared);
/* The file has been opened: whether its last line has no end. */
void log_set_torn(struct log_shared *shared, bool torn);
void log_set_level(enum log_level level);
/* This process, from its start on: "master", "worker 2".  The string lives on; it is not copied.
 * What the parent had copied (log_copy_to) is no concern of it. */
void log_set_process(const char *process);

/* Each adds time, level, process, pid, and a line end.  log_errno_* append ": strerror(errno)". */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* From now on each error and warning of this process is also appended to out[size], a string:
 * without time, level and process, lines parted by a line end; what does not fit is left out.  Also
 * those that the level keeps out of the log.  NULL: no longer. */
void log_copy_to(char *out, size_t size);

/* Printable form of what a client sent: printable ASCII and valid UTF-8 letters stay, everything
 * else (controls, DEL, C1, bidi overrides, invalid bytes, backslash) becomes \xNN.  Returns out. */
const char *log_escape(char *out, size_t out_size, const void *bytes, size_t len);

#endif
