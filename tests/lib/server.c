/* server.c - see server.h. */
#include "tests/lib/server.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

const char server_quiet[] = SERVER_QUIET(2);

static struct server *servers; /* all of this process; a failed test prints their logs */

enum { LOG_SHOWN = 4000 };

static void show_logs(void) {
    for (struct server *s = servers; s; s = s->next) {
        const char *paths[] = {s->log, strcmp(s->log, s->err) ? s->err : NULL};
        for (int i = 0; i < 2 && paths[i]; i++) {
            char *text = run_read_file(paths[i]);
            if (!text)
                continue;
            size_t len = strlen(text);
            fprintf(stderr, "--- the end of %s\n%s---\n", paths[i],
                    len > LOG_SHOWN ? text + len - LOG_SHOWN : text);
            free(text);
        }
    }
}

struct server *server_prepare_at(struct where where) {
    struct server *s = calloc(1, sizeof *s);
    run_make_dir(where, s->dir, sizeof s->dir);
    snprintf(s->conf, sizeof s->conf, "%s/chatroom.conf", s->dir);
    snprintf(s->err, sizeof s->err, "%s/stderr", s->dir);
    snprintf(s->log, sizeof s->log, "%s", s->err);
    s->cleaner[0] = run_cleaner(where, 0, s->dir);
    s->cleaner[1] = -1;
    s->next = servers;
    servers = s;
    fail_last_words = show_logs;
    return s;
}

static void configure(struct where where, struct server *s, const char *fmt, va_list args) {
    char given[8192], text[8192 + 64];
    vsnprintf(given, sizeof given, fmt, args);
    bool listens = strncmp(given, "listen", 6) == 0 || strstr(given, "\nlisten");
    snprintf(text, sizeof text, "%s%s", given, listens ? "" : "\nlisten = 127.0.0.1:0\n");
    run_write_file(where, s->conf, text);
}

void server_configure_at(struct where where, struct server *s, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    configure(where, s, fmt, args);
    va_end(args);
}

/* Removes the next line from the text of a log, and ends it with a NUL; NULL: no complete line is
 * left.  Searching a long log as one string is slow with a sanitizer, which measures the rest of
 * the string at each call. */
static char *log_next(char **rest, const char *end) {
    char *line = *rest, *lf = memchr(line, '\n', (size_t)(end - line));
    if (!lf)
        return NULL;
    *lf = '\0';
    *rest = lf + 1;
    return line;
}

/* The last line of the log that contains `text`, copied; NULL: none does. */
static const char *log_find(const struct server *s, const char *text) {
    static char found[2048];
    char *log = run_read_file(s->log), *rest = log, *last = NULL;
    if (!log)
        return NULL;
    const char *end = log + strlen(log);
    for (char *line; (line = log_next(&rest, end));)
        if (strstr(line, text))
            last = line;
    if (last)
        snprintf(found, sizeof found, "%s", last);
    free(log);
    return last ? found : NULL;
}

int server_log_count(const struct server *s, const char *text) {
    char *log = run_read_file(s->log), *rest = log;
    const char *end = log ? log + strlen(log) : NULL;
    int n = 0;
    for (char *line; log && (line = log_next(&rest, end));)
        n += strstr(line, text) != NULL;
    free(log);
    return n;
}

static bool has_ended(const struct server *s) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
}

static const char *log_wait(struct where where, struct server *s, const char *text) {
    int64_t deadline = wait_deadline();
    for (;;) {
        bool ended = has_ended(s);
        const char *line = log_find(s, text);
        if (line)
            return line;
        if (ended)
            fail_at(where, "the server ended before it logged \"%s\"", text);
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "the log never said \"%s\"", text);
        wait_breath();
    }
}

const char *server_logged_at(struct where where, struct server *s, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return log_wait(where, s, text);
}

void server_wait_ready_at(struct where where, struct server *s) {
    const char *line = log_wait(where, s, "ready: room ");
    const char *at = strstr(line, ", listening on ");
    const char *end = at ? strstr(at, " workers, pid ") : NULL;
    while (end && end > at && *end != ',')
        end--;
    if (!end || end == at || sscanf(end, ", %d workers", &s->workers) != 1)
        fail_at(where, "not a ready line: %s", line);
    at += strlen(", listening on ");
    snprintf(s->listening, sizeof s->listening, "%.*s", (int)(end - at), at);
    char first[256];
    snprintf(first, sizeof first, "%s", s->listening);
    first[strcspn(first, ",")] = '\0';
    char *colon = strrchr(first, ':');
    s->port = colon ? (uint16_t)atoi(colon + 1) : 0;
    if (s->port == 0)
        fail_at(where, "no port in the ready line: %s", line);
}

void server_launch_at(struct where where, struct server *s, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    configure(where, s, fmt, args);
    va_end(args);
    char *argv[] = {s->binary ? s->binary : run_server_path(), "-c", s->conf, NULL};
    s->pid = run_start(where, argv, s->err, s->err);
    s->cleaner[1] = run_cleaner(where, s->pid, NULL);
    server_wait_ready_at(where, s);
}

struct server *server_start_at(struct where where, const char *fmt, ...) {
    char conf[8192];
    va_list args;
    va_start(args, fmt);
    vsnprintf(conf, sizeof conf, fmt, args);
    va_end(args);
    struct server *s = server_prepare_at(where);
    server_launch_at(where, s, "%s", conf);
    return s;
}

void server_signal(struct server *s, int signal) {
    kill(s->pid, signal);
}

static void check_sanitizers(struct where where, struct server *s) {
    static const char *const marks[] = {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                                        "WARNING: ThreadSanitizer", "runtime error:"};
    char *text = run_read_file(s->err);
    for (size_t i = 0; text && i < sizeof marks / sizeof marks[0]; i++)
        if (strstr(text, marks[i]))
            fail_at(where, "the server's standard error says \"%s\"", marks[i]);
    free(text);
}

static void check_workers(struct where where, struct server *s) {
    char *log = run_read_file(s->log), *rest = log;
    const char *end = log ? log + strlen(log) : NULL;
    int started[SERVER_WORKERS_MAX] = {0};
    for (char *at; log && (at = log_next(&rest, end));) {
        int k, pid;
        while ((at = strstr(at, "worker "))) {
            if (sscanf(at, "worker %d: pid %d", &k, &pid) == 2 && k >= 0 &&
                k < SERVER_WORKERS_MAX && ++started[k] > 1)
                fail_at(where, "worker %d died and was replaced", k);
            at++;
        }
    }
    free(log);
}

/* True once no process of the group is left.  Processes whose guardian was killed are children of
 * this process (server_kill), which reaps them. */
static bool group_gone(pid_t group) {
    while (waitpid(-group, NULL, WNOHANG) > 0)
        ;
    return kill(-group, 0) < 0 && errno == ESRCH;
}

void server_ended_at(struct where where, struct server *s) {
    int status = 0;
    int64_t deadline = wait_deadline();
    if (!run_wait(s->pid, &status, deadline))
        fail_at(where, "the server did not end");
    check_sanitizers(where, s);
    if (!s->workers_may_die)
        check_workers(where, s);
    if (!WIFEXITED(status))
        fail_at(where, "the server died of signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        fail_at(where, "the server's exit status is %d", WEXITSTATUS(status));
    while (!group_gone(s->pid)) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "the server left processes behind");
        wait_breath();
    }
    close(s->cleaner[1]);
    close(s->cleaner[0]);
    struct server **at = &servers;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    free(s);
}

void server_stop_at(struct where where, struct server *s) {
    server_signal(s, SIGTERM);
    server_ended_at(where, s);
}

static pid_t server_pid_in(const char *line, const char *text) {
    return (pid_t)atoi(strstr(line, text) + strlen(text));
}

pid_t server_master_pid_at(struct where where, struct server *s) {
    static const char text[] = "master: pid ";
    return server_pid_in(log_wait(where, s, text), text);
}

void server_logged_more_at(struct where where, const struct server *s, const char *text,
                           int before) {
    for (int64_t deadline = wait_deadline(); server_log_count(s, text) <= before; wait_breath()) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "the log never said \"%s\" again", text);
    }
}

pid_t server_new_master_at(struct where where, struct server *s) {
    pid_t old = server_master_pid_at(where, s);
    int before = server_log_count(s, "ready again: ");
    kill(old, SIGKILL);
    server_logged_more_at(where, s, "ready again: ", before);
    return server_master_pid_at(where, s);
}

void server_adopt_orphans(void) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void server_await_guardian_at(struct where where, struct server *s) {
    pid_t old = s->pid;
    int status;
    if (!run_wait(old, &status, wait_deadline()))
        fail_at(where, "the guardian did not end");
    for (int64_t deadline = wait_deadline(); s->pid == old; wait_breath()) {
        const char *line = log_find(s, "ready again: ");
        s->pid = line ? server_pid_in(line, ", pid ") : old;
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "no other guardian");
    }
}

void server_new_guardian_at(struct where where, struct server *s, const pid_t *kills, int count) {
    int status;
    pid_t orphan[SERVER_WORKERS_MAX] = {0}; /* those that are not reaped yet can be found by kill */
    server_adopt_orphans();
    for (int i = 0; i < count; i++) {
        orphan[i] = kills[i] == s->pid ? 0 : kills[i];
        kill(kills[i], SIGKILL);
    }
    server_await_guardian_at(where, s);
    for (int i = 0; i < count; i++) {
        if (orphan[i] != 0)
            (void)run_wait(orphan[i], &status, wait_deadline());
    }
    for (int64_t deadline = wait_deadline(); kill(server_master_pid_at(where, s), 0) != 0;) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "no other master");
        wait_breath();
    }
}

pid_t server_worker_pid_at(struct where where, struct server *s, int k) {
    char text[64];
    snprintf(text, sizeof text, "worker %d: pid ", k);
    return server_pid_in(log_wait(where, s, text), text);
}

int server_worker_of_at(struct where where, struct server *s, const char *endpoint) {
    char text[128];
    snprintf(text, sizeof text, "client %s connected", endpoint);
    const char *line = log_wait(where, s, text);
    const char *worker = strstr(line, "worker ");
    if (!worker || worker > strstr(line, text))
        fail_at(where, "no worker named in: %s", line);
    return atoi(worker + strlen("worker "));
}
