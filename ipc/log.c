/* log.c - see log.h.  Each line is built on the stack and written by one call. */
#include "ipc/log.h"

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

static const uint32_t to_fd = LOG_TO_FD;
static struct {
    int fd;
    const uint32_t *target; /* enum log_target */
    enum log_level level;
    const char *who;
} logger = {STDERR_FILENO, &to_fd, LOG_LEVEL_INFO, "master"};

void log_to(int fd, const uint32_t *target) {
    logger.fd = fd;
    logger.target = target ? target : &to_fd;
}
void log_set_level(enum log_level level) {
    logger.level = level;
}
void log_set_who(const char *who) {
    logger.who = who;
}

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const int syslog_severity[] = {3, 4, 6, 7};
enum { SYSLOG_DAEMON = 3 << 3 };

static size_t head_file(char *out, size_t size, enum log_level level) {
    struct timeval now;
    struct tm local;
    gettimeofday(&now, NULL);
    localtime_r(&now.tv_sec, &local);
    size_t at = strftime(out, size, "%Y-%m-%d %H:%M:%S", &local);
    int n = snprintf(out + at, size - at, ".%03d %s [%d] %s: ", (int)(now.tv_usec / 1000),
                     level_names[level], (int)getpid(), logger.who);
    return at + (n > 0 ? (size_t)n : 0);
}

/* RFC 3164; syslog(3) would keep a descriptor of its own in a table that all processes share. */
static size_t head_syslog(char *out, size_t size, enum log_level level) {
    time_t now = time(NULL);
    struct tm local;
    char when[32];
    localtime_r(&now, &local);
    strftime(when, sizeof when, "%b %e %H:%M:%S", &local);
    int n = snprintf(out, size, "<%d>%s chatroom[%d]: %s: ", SYSLOG_DAEMON | syslog_severity[level],
                     when, (int)getpid(), logger.who);
    return n > 0 ? (size_t)n : 0;
}

static void log_write(const char *line, size_t len, uint32_t target) {
    if (target == LOG_TO_FD) {
        /* A pipe that nobody empties, a terminal that is held: the room is worth more than the
         * line. */
        struct pollfd room = {.fd = logger.fd, .events = POLLOUT};
        if (poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT))
            return;
        (void)!write(logger.fd, line, len);
        return;
    }
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    (void)!sendto(logger.fd, line, len - 1, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to,
                  sizeof to);
}

static void log_line(enum log_level level, int error, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
static void log_line(enum log_level level, int error, const char *fmt, va_list args) {
    char line[LOG_LINE_MAX];
    const size_t size = sizeof line - 1; /* the line end always fits */
    if (level > logger.level)
        return;
    int saved = errno;
    uint32_t target = __atomic_load_n(logger.target, __ATOMIC_RELAXED);
    size_t at = target == LOG_TO_FD ? head_file(line, size, level) : head_syslog(line, size, level);
    int n = vsnprintf(line + at, size - at, fmt, args);
    at += n < 0 ? 0 : (size_t)n < size - at ? (size_t)n : size - at - 1;
    if (error != 0) {
        char text[128];
        n = snprintf(line + at, size - at, ": %s", strerror_r(error, text, sizeof text));
        at += n < 0 ? 0 : (size_t)n < size - at ? (size_t)n : size - at - 1;
    }
    line[at++] = '\n';
    log_write(line, at, target);
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

/* What a terminal would obey, or not show, or show elsewhere: C1 and the soft hyphen, marks of
 * direction and of joining, fillers, separators, variation selectors, surrogates, private use,
 * annotations, tags and all beyond.  (Valid UTF-8 is at most 10FFFF, and no surrogate anyway.) */
static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x7F, 0x9F},     {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},   {0x115F, 0x1160},
    {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
    {0x3164, 0x3164}, {0xD800, 0xF8FF}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0},
    {0xFFF0, 0xFFFC}, {0xFFFE, 0xFFFF}, {0xE0000, ~0u},
};

static bool shown(uint32_t point) {
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        if (point >= hidden[i].first && point <= hidden[i].last)
            return false;
    }
    return point >= 0x20 && point != '\\';
}

/* Length of the printable character at p[0, n), n > 0; 0 if there is none (RFC 3629, strictly). */
static size_t printable(const unsigned char *p, size_t n) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (len == 0 || len > n || p[0] > 0xF4)
        return 0;
    uint32_t point = len == 1 ? p[0] : p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (p[i] & 0x3Fu);
    }
    return point >= least[len] && shown(point) ? len : 0;
}

const char *log_escape(char *out, size_t out_size, const void *bytes, size_t len) {
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p = bytes;
    size_t at = 0;
    for (size_t i = 0; i < len && at + 5 <= out_size;) { /* the longest piece, and the NUL */
        size_t n = printable(p + i, len - i);
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
