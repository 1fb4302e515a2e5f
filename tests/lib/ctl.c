/* ctl.c - see ctl.h. */
#include "tests/lib/ctl.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CTL_ARGUMENTS = 32 };

char *ctl_path(void) {
    char *path = getenv("CHATROOM_CTL");
    return path && *path ? path : "./chatroom-ctl";
}

char *ctl_socket(const struct server *s) {
    static char path[300];
    snprintf(path, sizeof path, "%s/control", s->dir);
    return path;
}

struct server *ctl_server_at(struct where where, const char *fmt, ...) {
    char rest[4096];
    struct server *s = server_prepare_at(where);
    va_list args;
    va_start(args, fmt);
    vsnprintf(rest, sizeof rest, fmt, args);
    va_end(args);
    server_launch_at(where, s, "%scontrol = %s\n", rest, ctl_socket(s));
    return s;
}

const struct ran *ctl_run_at(struct where where, const struct server *s, char *const arguments[]) {
    static struct ran ran;
    char *argv[CTL_ARGUMENTS] = {ctl_path(), "-s", ctl_socket(s)};
    for (int i = 0; arguments[i] && i + 4 < CTL_ARGUMENTS; i++)
        argv[3 + i] = arguments[i];
    run_at(where, &ran, argv);
    return &ran;
}

const struct ran *ctl_ok_at(struct where where, const struct server *s, char *const arguments[]) {
    const struct ran *ran = ctl_run_at(where, s, arguments);
    if (ran->status != 0 || ran->err[0] != '\0')
        fail_at(where, "chatroom-ctl %s: status %d: %s%s", arguments[0], ran->status, ran->out,
                ran->err);
    return ran;
}

const char *ctl_until_at(struct where where, const struct server *s, const char *want,
                         char *const arguments[]) {
    int64_t deadline = wait_deadline();
    for (;;) {
        const struct ran *ran = ctl_run_at(where, s, arguments);
        if (ran->status == 0 && strstr(ran->out, want))
            return ran->out;
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "no %s in %s%s", want, ran->out, ran->err);
        wait_breath();
    }
}

void ctl_refused_at(struct where where, const struct server *s, const char *sentence,
                    char *const arguments[]) {
    char want[1024];
    const struct ran *ran = ctl_run_at(where, s, arguments);
    snprintf(want, sizeof want, "chatroom-ctl: %s\n", sentence);
    if (ran->status != 1 || strcmp(ran->err, want) != 0 || ran->out[0] != '\0')
        fail_at(where, "chatroom-ctl %s: status %d, \"%s%s\" instead of \"%s\"", arguments[0],
                ran->status, ran->out, ran->err, want);
}

int ctl_connect_at(struct where where, const struct server *s) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.107s", ctl_socket(s));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail_at(where, "%s: %s", address.sun_path, strerror(errno));
    return fd;
}

bool ctl_line_at(struct where where, int fd, char *line, size_t size) {
    int64_t deadline = wait_deadline();
    for (size_t len = 0;; len++) {
        if (len + 1 == size || !wait_fd(fd, POLLIN, deadline))
            fail_at(where, "no whole line came");
        ssize_t n = read(fd, line + len, 1);
        bool ended = n == 1 && line[len] == '\n';
        if (n <= 0 || ended) {
            line[len] = '\0';
            return ended;
        }
    }
}
