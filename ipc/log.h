/* log.h - one event, one line, one write(2).
 *
 * The log's descriptor is the same number in every process (they share the descriptor table), so
 * the master reopens it for all with one dup2.  Nothing here allocates, locks or opens a
 * descriptor: a worker may die inside any of these calls.  Bytes a client sent go through
 * log_escape first. Lines longer than LOG_LINE_MAX are cut.  Safe from any thread and process; not
 * from a signal handler. */
#ifndef IPC_LOG_H
#define IPC_LOG_H

#include "ipc/config.h"

#include <stddef.h>

enum { LOG_LINE_MAX = 1024 };

/* Where lines go.  LOG_TO_SYSLOG: fd is an unconnected AF_UNIX datagram socket. */
enum log_target { LOG_TO_FD, LOG_TO_SYSLOG };

/* Before the first line: standard error.  The target is one word for all processes that share `fd`,
 * so that they change it together (NULL: LOG_TO_FD). */
void log_to(int fd, const uint32_t *target);
void log_set_level(enum log_level level);
void log_set_process(
    const char *process); /* "master", "worker 2": a string that lives on; not copied */

/* Each adds time, level, process, pid, and a line end.  log_errno_* append ": strerror(errno)". */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Printable form of what a client sent: printable ASCII and valid UTF-8 letters stay, everything
 * else (controls, DEL, C1, bidi overrides, invalid bytes, backslash) becomes \xNN.  Returns out. */
const char *log_escape(char *out, size_t out_size, const void *bytes, size_t len);

#endif
