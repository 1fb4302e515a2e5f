/* redis.c - see redis.h. */
#include "tests/lib/redis.h"

#include "tests/lib/skip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    REDIS_PORT = 20000, /* below those that the kernel picks */
    REDIS_TRIES = 20,
    REDIS_CONF_MAX = 8192,
    REDIS_LOG_SHOWN = 2000
};

static struct redis *engines; /* all of this process; a failed test prints their logs */
static void (*words_before)(void);

static void redis_show_logs(void) {
    for (struct redis *r = engines; r; r = r->next) {
        char *text = run_read_file(r->log);
        size_t len = text ? strlen(text) : 0;
        fprintf(stderr, "--- the end of %s\n%s---\n", r->log,
                len > REDIS_LOG_SHOWN ? text + len - REDIS_LOG_SHOWN
                : text                ? text
                                      : "");
        free(text);
    }
    if (words_before)
        words_before();
}

/* ---- one command ---- */

struct redis_bytes {
    char *at;
    size_t len, size;
};

static void redis_put(struct redis_bytes *b, const char *bytes, size_t n) {
    if (b->len + n + 1 > b->size) {
        b->size = 2 * (b->len + n + 1);
        b->at = realloc(b->at, b->size);
        if (!b->at)
            abort();
    }
    memcpy(b->at + b->len, bytes, n);
    b->len += n;
    b->at[b->len] = '\0';
}

static void redis_command(struct redis_bytes *out, const char *const argv[], const size_t lens[]) {
    char head[32];
    int count = 0;
    while (argv[count])
        count++;
    redis_put(out, head, (size_t)snprintf(head, sizeof head, "*%d\r\n", count));
    for (int i = 0; i < count; i++) {
        size_t len = lens ? lens[i] : strlen(argv[i]);
        redis_put(out, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", len));
        redis_put(out, argv[i], len);
        redis_put(out, "\r\n", 2);
    }
}

static void redis_word(struct redis_bytes *out, const char *bytes, size_t n) {
    if (out->len > 0)
        redis_put(out, "\n", 1);
    redis_put(out, bytes, n);
}

/* The bytes behind the reply that begins at `in`, which is added to `out`; NULL: it is not whole.
 */
static const char *redis_reply(const char *in, const char *end, struct redis_bytes *out) {
    const char *lf = in < end ? memchr(in, '\n', (size_t)(end - in)) : NULL;
    if (!lf)
        return NULL;
    long n = atol(in + 1);
    if ((*in == '$' || *in == '*') && n < 0) {
        redis_word(out, "(nil)", 5);
    } else if (*in == '$') {
        if (end - lf - 1 < n + 2)
            return NULL;
        redis_word(out, lf + 1, (size_t)n);
        return lf + 1 + n + 2;
    } else if (*in == '*') {
        const char *at = lf + 1;
        for (long i = 0; i < n && at; i++)
            at = redis_reply(at, end, out);
        return at;
    } else {
        const char *from = *in == '-' ? in : in + 1;
        redis_word(out, from, (size_t)(lf - 1 - from));
    }
    return lf + 1;
}

static int redis_connect(const struct redis *r) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(r->port)};
    inet_pton(AF_INET, r->address, &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The last of `replies` replies, into `out`.  NULL, or what went wrong. */
static const char *redis_receive(int fd, int replies, struct redis_bytes *out) {
    struct redis_bytes in = {0};
    int64_t deadline = wait_deadline();
    const char *wrong = NULL;
    for (int got = 0; got < replies && !wrong;) {
        const char *at = in.at, *end = in.at + in.len;
        for (got = 0; at && got < replies; got += at != NULL) {
            out->len = 0;
            at = redis_reply(at, end, out);
        }
        char bytes[65536];
        if (got == replies)
            break;
        if (!wait_fd(fd, POLLIN, deadline))
            wrong = "no reply";
        ssize_t n = wrong ? 0 : recv(fd, bytes, sizeof bytes, 0);
        if (n > 0)
            redis_put(&in, bytes, (size_t)n);
        else if (!wrong)
            wrong = "the connection ended";
    }
    free(in.at);
    return wrong;
}

/* NULL, or what went wrong; the reply is in *reply. */
static const char *redis_ask(const struct redis *r, const char *const argv[], const size_t lens[],
                             struct redis_bytes *reply) {
    struct redis_bytes out = {0};
    const char *auth[] = {"AUTH", r->user ? r->user : "default", r->password, NULL}, *wrong = NULL;
    int fd = redis_connect(r);
    if (fd < 0)
        return strerror(errno);
    if (r->password)
        redis_command(&out, auth, NULL);
    redis_command(&out, argv, lens);
    for (size_t sent = 0; sent < out.len && !wrong;) {
        ssize_t n = send(fd, out.at + sent, out.len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            wrong = strerror(errno);
        else
            sent += (size_t)n;
    }
    reply->len = 0;
    redis_put(reply, "", 0);
    if (!wrong)
        wrong = redis_receive(fd, r->password ? 2 : 1, reply);
    free(out.at);
    close(fd);
    return wrong;
}

static struct redis_bytes last_reply;

const char *redis_do_at(struct where where, const struct redis *r, const char *const argv[],
                        const size_t lens[]) {
    const char *wrong = redis_ask(r, argv, lens, &last_reply);
    if (wrong)
        fail_at(where, "redis %s, %s: %s", r->endpoint, argv[0], wrong);
    return last_reply.at;
}

void redis_expect_at(struct where where, const struct redis *r, const char *want,
                     const char *const argv[]) {
    const char *is = redis_do_at(where, r, argv, NULL);
    if (strcmp(is, want) != 0)
        fail_at(where, "redis %s, %s: \"%s\" instead of \"%s\"", r->endpoint, argv[0], is, want);
}

void redis_until_at(struct where where, const struct redis *r, const char *want,
                    const char *const argv[]) {
    int64_t deadline = wait_deadline();
    while (strcmp(redis_do_at(where, r, argv, NULL), want) != 0) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "redis %s, %s: \"%s\" never became \"%s\"", r->endpoint, argv[0],
                    last_reply.at, want);
        wait_breath();
    }
}

/* ---- the process ---- */

/* The first such program in $PATH. */
static bool redis_in_path(const char *name, char *file, size_t size) {
    const char *path = getenv("PATH");
    for (const char *at = path ? path : ""; *at;) {
        size_t len = strcspn(at, ":");
        snprintf(file, size, "%.*s/%s", (int)len, at, name);
        if (access(file, X_OK) == 0)
            return true;
        at += len + (at[len] == ':');
    }
    return false;
}

/* The server is one program with redis-check-rdb, which does what its name says.  The latter's
 * package starts no service of its own, so it is the one that scripts/test installs. */
static void redis_find(struct where where, struct redis *r) {
    char file[512];
    if (!redis_in_path("redis-server", file, sizeof file) &&
        !redis_in_path("redis-check-rdb", file, sizeof file))
        skip_test("redis-server is not installed");
    run_make_dir(where, r->dir, sizeof r->dir);
    snprintf(r->binary, sizeof r->binary, "%s/redis-server", r->dir);
    if (symlink(file, r->binary) != 0)
        fail_at(where, "%s: %s", r->binary, strerror(errno));
}

/* 127.128.0.0 on: the test's pid has 22 bits at most. */
static void redis_place(struct redis *r) {
    static uint16_t port = REDIS_PORT;
    unsigned pid = (unsigned)getpid();
    if (!r->address[0])
        snprintf(r->address, sizeof r->address, "127.%u.%u.%u", 128 | (pid >> 16 & 63),
                 pid >> 8 & 255, pid & 255);
    r->port = ++port;
}

struct redis *redis_prepare_at(struct where where) {
    struct redis *r = calloc(1, sizeof *r);
    redis_find(where, r);
    snprintf(r->conf, sizeof r->conf, "%s/redis.conf", r->dir);
    snprintf(r->log, sizeof r->log, "%s/log", r->dir);
    r->cleaner[0] = run_cleaner(where, 0, r->dir);
    r->cleaner[1] = -1;
    r->next = engines;
    engines = r;
    if (fail_last_words != redis_show_logs) {
        words_before = fail_last_words;
        fail_last_words = redis_show_logs;
    }
    return r;
}

/* False: it has ended, as where its port is another's. */
static bool redis_begins(struct where where, struct redis *r) {
    static const char *const ping[] = {"PING", NULL};
    struct redis_bytes reply = {0};
    char *argv[] = {r->binary, r->conf, r->sentinel ? "--sentinel" : NULL, NULL};
    int status;
    r->pid = run_start(where, argv, r->log, r->log);
    r->cleaner[1] = run_cleaner(where, r->pid, NULL);
    r->stopped = false;
    for (int64_t deadline = wait_deadline(); wait_left_ms(deadline) > 0; wait_breath()) {
        if (waitpid(r->pid, &status, WNOHANG) != 0) {
            close(r->cleaner[1]);
            free(reply.at);
            return false;
        }
        if (!redis_ask(r, ping, NULL, &reply) && strcmp(reply.at, "PONG") == 0) {
            free(reply.at);
            return true;
        }
    }
    fail_at(where, "redis %s does not answer", r->endpoint);
}

static void redis_configure(struct where where, const struct redis *r, const char *more) {
    char text[REDIS_CONF_MAX + 512];
    char server[128] = "";
    if (!r->sentinel) /* others find it where it listens, not where it connects from */
        snprintf(server, sizeof server,
                 "save \"\"\nenable-debug-command yes\nreplica-announce-ip %s\n", r->address);
    snprintf(text, sizeof text, "bind %s\nport %u\ndir %s\nprotected-mode no\n%s%s", r->address,
             r->port, r->dir, server, more);
    run_write_file(where, r->conf, text);
}

static void redis_launch_as(struct where where, struct redis *r, const char *more) {
    bool chosen = r->port != 0;
    for (int i = 0; i < REDIS_TRIES; i++) {
        if (!chosen)
            redis_place(r);
        snprintf(r->endpoint, sizeof r->endpoint, "%s:%u", r->address, r->port);
        redis_configure(where, r, more);
        if (redis_begins(where, r))
            return;
        if (chosen)
            break;
    }
    fail_at(where, "redis %s does not start", r->endpoint);
}

void redis_launch_at(struct where where, struct redis *r, const char *fmt, ...) {
    char more[REDIS_CONF_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(more, sizeof more, fmt, args);
    va_end(args);
    redis_launch_as(where, r, more);
}

struct redis *redis_start_at(struct where where, const char *fmt, ...) {
    char more[REDIS_CONF_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(more, sizeof more, fmt, args);
    va_end(args);
    struct redis *r = redis_prepare_at(where);
    redis_launch_as(where, r, more);
    return r;
}

struct redis *redis_replica_at(struct where where, const struct redis *primary) {
    struct redis *r = redis_prepare_at(where);
    char more[1024], auth[512] = "";
    int64_t deadline = wait_deadline();
    r->user = primary->user;
    r->password = primary->password;
    if (r->password)
        snprintf(auth, sizeof auth, "masteruser %s\nmasterauth %s\n", r->user ? r->user : "default",
                 r->password);
    snprintf(more, sizeof more, "replicaof %s %u\nrepl-diskless-sync-delay 0\n%s", primary->address,
             primary->port, auth);
    redis_launch_as(where, r, more);
    while (!strstr(redis_do(r, "INFO", "replication"), "master_link_status:up")) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "redis %s does not follow %s", r->endpoint, primary->endpoint);
        wait_breath();
    }
    return r;
}

struct redis *redis_sentinel_at(struct where where, const struct redis *primary, const char *name) {
    struct redis *r = redis_prepare_at(where);
    char more[1024], auth[512] = "";
    if (primary->password)
        snprintf(auth, sizeof auth, "sentinel auth-user %s %s\nsentinel auth-pass %s %s\n", name,
                 primary->user ? primary->user : "default", name, primary->password);
    snprintf(more, sizeof more,
             "sentinel monitor %s %s %u 1\n%ssentinel down-after-milliseconds %s 1000\n"
             "sentinel failover-timeout %s 5000\n",
             name, primary->address, primary->port, auth, name, name);
    r->sentinel = true;
    redis_launch_as(where, r, more);
    return r;
}

/* Another part of the program may reap it. */
static void redis_end(struct where where, struct redis *r, int signal) {
    if (r->stopped)
        return;
    kill(r->pid, signal);
    kill(r->pid, SIGCONT);
    for (int64_t deadline = wait_deadline(); waitpid(r->pid, NULL, WNOHANG) == 0; wait_breath())
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "redis %s does not end", r->endpoint);
    close(r->cleaner[1]);
    r->cleaner[1] = -1;
    r->stopped = true;
}

void redis_kill_at(struct where where, struct redis *r) {
    redis_end(where, r, SIGKILL);
}

void redis_stop_at(struct where where, struct redis *r) {
    redis_end(where, r, SIGTERM);
}

void redis_again_at(struct where where, struct redis *r) {
    int64_t deadline = wait_deadline();
    while (!redis_begins(where, r)) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "redis %s does not start again", r->endpoint);
        wait_breath();
    }
}

void redis_pause(struct redis *r) {
    kill(r->pid, SIGSTOP);
}

void redis_resume(struct redis *r) {
    kill(r->pid, SIGCONT);
}
