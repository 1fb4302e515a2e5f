/* pty.c - see pty.h. */
#include "tests/lib/pty.h"

#include "tests/lib/run.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct pty *ptys;

static bool is_installed(const char *program) {
    char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin"), *rest = path;
    bool found = false;
    for (char *dir; !found && (dir = strsep(&rest, ":"));) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", dir, program);
        found = access(file, X_OK) == 0;
    }
    free(path);
    return found;
}

static void exec_on_terminal(char *const argv[]) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    execvp(argv[0], argv);
    _exit(127);
}

struct pty *pty_run_at(struct where where, char *const argv[]) {
    if (!is_installed(argv[0]))
        return NULL;
    struct pty *p = calloc(1, sizeof *p);
    struct winsize window = {.ws_row = 24, .ws_col = 80};
    p->next = ptys;
    ptys = p;
    p->screen = calloc(1, p->size = 65536);
    p->pid = forkpty(&p->fd, NULL, NULL, &window);
    if (p->pid < 0)
        fail_at(where, "forkpty: %s", strerror(errno));
    if (p->pid == 0)
        exec_on_terminal(argv);
    return p;
}

void pty_type_at(struct where where, struct pty *p, const char *keys) {
    size_t len = strlen(keys);
    if (write(p->fd, keys, len) != (ssize_t)len)
        fail_at(where, "the keyboard: %s", strerror(errno));
}

/* Reads what is available.  False: the program has closed its terminal. */
static bool look(struct pty *p) {
    if (p->size - p->len < 4096)
        p->screen = realloc(p->screen, p->size *= 2);
    ssize_t n = read(p->fd, p->screen + p->len, p->size - p->len - 1);
    for (ssize_t i = 0; i < n; i++, p->len++)
        if (p->screen[p->len] == '\0')
            p->screen[p->len] = '@';
    p->screen[p->len] = '\0';
    return n > 0 || errno == EINTR;
}

void pty_expect_at(struct where where, struct pty *p, const char *text) {
    int64_t deadline = wait_deadline();
    char *found;
    while (!(found = strstr(p->screen + p->at, text))) {
        if (!wait_fd(p->fd, POLLIN, deadline))
            fail_at(where, "the screen never showed \"%s\"; all of it:\n%s", text, p->screen);
        if (!look(p))
            fail_at(where, "the program ended before \"%s\"; all of it:\n%s", text, p->screen);
    }
    p->at = (size_t)(found - p->screen) + strlen(text);
}

void pty_more_at(struct where where, struct pty *p, int64_t deadline) {
    if (wait_left_ms(deadline) == 0 || !wait_fd(p->fd, POLLIN, deadline))
        fail_at(where, "the screen does not show it; all of it:\n%s", p->screen);
    if (!look(p))
        fail_at(where, "the program has ended; all of it:\n%s", p->screen);
}

void pty_resize(struct pty *p, unsigned rows, unsigned columns) {
    struct winsize window = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    ioctl(p->fd, TIOCSWINSZ, &window);
}

int pty_end_at(struct where where, struct pty *p) {
    int status = 0;
    int64_t deadline = wait_deadline();
    while (wait_fd(p->fd, POLLIN, deadline) && look(p))
        ;
    if (!run_wait(p->pid, &status, deadline))
        fail_at(where, "the program does not end; the screen:\n%s", p->screen);
    close(p->fd);
    return status;
}
