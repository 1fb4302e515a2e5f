/* log.c - see log.h.  Each line is built on the stack and written by one call. */
#include "ipc/log.h"

#include "ipc/unicode.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct log_shared log_own;
static struct {
    int fd;
    struct log_shared *shared;
    enum log_level level;
    const char *process;
    char *copy; /* NULL: none */
    size_t copy_size;
} logger = {STDERR_FILENO, &log_own, LOG_LEVEL_INFO, "master", NULL, 0};

void log_to(int fd, struct log_shared *shared) {
    logger.fd = fd;
    logger.shared = shared ? shared : &log_own;
}
void log_set_torn(struct log_shared *shared, bool torn) {
    uint32_t mended = atomic_load(&shared->mended);
    atomic_store(&shared->torn, mended + torn);
}
void log_set_level(enum log_level level) {
    logger.level = level;
}
void log_set_process(const char *process) {
    logger.process = process;
    logger.copy = NULL;
}

void log_copy_to(char *out, size_t size) {
    logger.copy = out;
    logger.copy_size = size;
}

static const char *const log_level_names[] = {"error", "warn", "info", "debug"};
static const int log_severity[] = {3, 4, 6, 7};
enum { SYSLOG_DAEMON = 3 << 3 };

static size_t log_head_file(char *out, size_t size, enum log_level level) {
    struct timeval now;
    struct tm local;
    gettimeofday(&now, NULL);
    localtime_r(&now.tv_sec, &local);
    size_t at = strftime(out, size, "%Y-%m-%d %H:%M:%S", &local);
    int n = snprintf(out + at, size - at, ".%03d %s [%d] %s: ", (int)(now.tv_usec / 1000),
                     log_level_names[level], (int)getpid(), logger.process);
    return at + (n > 0 ? (size_t)n : 0);
}

/* RFC 3164; syslog(3) would keep a descriptor of its own in a table that all processes share. */
static size_t log_head_syslog(char *out, size_t size, enum log_level level) {
    time_t now = time(NULL);
    struct tm local;
    char when[32];
    localtime_r(&now, &local);
    strftime(when, sizeof when, "%b %e %H:%M:%S", &local);
    int n = snprintf(out, size, "<%d>%s chatroom[%d]: %s: ", SYSLOG_DAEMON | log_severity[level],
                     when, (int)getpid(), logger.process);
    return n > 0 ? (size_t)n : 0;
}

/* A line end lies at line[-1], to be written before the line where the file ends in a torn one. */
static void log_write_file(const char *line, size_t len) {
    struct log_shared *shared = logger.shared;
    uint32_t torn = atomic_load(&shared->torn);
    size_t end = torn != atomic_load(&shared->mended) ? 1 : 0;
    /* A pipe that is full, or a terminal that is held, would block: the line is lost instead. */
    struct pollfd room = {.fd = logger.fd, .events = POLLOUT};
    if (poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT))
        return;
    ssize_t n = write(logger.fd, line - end, len + end);
    if (n > (ssize_t)end && n < (ssize_t)(len + end))
        atomic_fetch_add(&shared->torn, 1);
    if (n > 0 && end > 0)
        atomic_store(&shared->mended, torn);
}

static void log_write_syslog(const char *line, size_t len) {
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = LOG_SYSLOG_PATH};
    (void)!sendto(logger.fd, line, len - 1, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to,
                  sizeof to);
}

/* Whole lines alone. */
static void log_copy(const char *line, size_t len) {
    size_t at = strlen(logger.copy);
    if (at + len + 2 <= logger.copy_size)
        snprintf(logger.copy + at, logger.copy_size - at, "%s%.*s", at > 0 ? "\n" : "", (int)len,
                 line);
}

static void log_line(enum log_level level, int error, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
static void log_line(enum log_level level, int error, const char *fmt, va_list args) {
    char text[1 + LOG_LINE_MAX] = "\n", *line = text + 1;
    const size_t size = LOG_LINE_MAX - 1; /* the line end always fits */
    bool copied = logger.copy && level <= LOG_LEVEL_WARN;
    if (level > logger.level && !copied)
        return;
    int saved = errno;
    bool to_file = atomic_load(&logger.shared->target) == LOG_TO_FD;
    size_t head = to_file ? log_head_file(line, size, level) : log_head_syslog(line, size, level);
    size_t at = head;
    int n = vsnprintf(line + at, size - at, fmt, args);
    at += n < 0 ? 0 : (size_t)n < size - at ? (size_t)n : size - at - 1;
    if (error != 0) {
        char why[128];
        n = snprintf(line + at, size - at, ": %s", strerror_r(error, why, sizeof why));
        at += n < 0 ? 0 : (size_t)n < size - at ? (size_t)n : size - at - 1;
    }
    if (copied)
        log_copy(line + head, at - head);
    line[at++] = '\n';
    if (level <= logger.level)
        (to_file ? log_write_file : log_write_syslog)(line, at);
    errno = saved;
}

#define LOGGER(name, level, error)                                                                 \
    void name(const char *fmt, ...) {                                                              \
        va_list args;                                                                              \
        int failed = error;                                                                        \
        va_start(args, fmt);                                                                       \
        log_line(level, failed, fmt, args);                                                        \
        va_end(args);                                                                              \
    }
LOGGER(log_error, LOG_LEVEL_ERROR, 0)
LOGGER(log_warn, LOG_LEVEL_WARN, 0)
LOGGER(log_info, LOG_LEVEL_INFO, 0)
LOGGER(log_debug, LOG_LEVEL_DEBUG, 0)
LOGGER(log_error_errno, LOG_LEVEL_ERROR, errno)
LOGGER(log_warn_errno, LOG_LEVEL_WARN, errno)

/* Length of the printable character at p[0, n), n > 0; 0 if there is none. */
static size_t log_printable(const char *p, size_t n) {
    size_t len;
    int32_t point = unicode_decode(p, n, &len);
    if (point == UNICODE_BAD || point == '\\')
        return 0;
    uint8_t class = unicode_properties(point).class;
    return class != UNICODE_DROP && class != UNICODE_UNASSIGNED ? len : 0;
}

const char *log_escape(char *out, size_t out_size, const void *bytes, size_t len) {
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p = bytes;
    size_t at = 0;
    for (size_t i = 0; i < len && at + 5 <= out_size;) { /* the longest piece, and the NUL */
        size_t n = log_printable((const char *)p + i, len - i);
        if (n > 0) {
            memcpy(out + at, p + i, n);
            at += n;
            i += n;
        } else {
            const char hex[] = {'\\', 'x', digits[p[i] >> 4], digits[p[i] & 15]};
            memcpy(out + at, hex, sizeof hex);
            at += sizeof hex;
            i++;
        }
    }
    if (out_size > 0)
        out[at] = '\0';
    return out;
}
