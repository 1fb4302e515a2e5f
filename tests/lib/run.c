/* run.c - see run.h. */
#include "tests/lib/run.h"

#include "ipc/system.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void run_make_dir(struct where where, char *dir, unsigned size) {
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, size, "%s/chatroom-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(dir))
        fail_at(where, "mkdtemp %s: %s", dir, strerror(errno));
}

void run_write_file(struct where where, const char *path, const char *text) {
    char fresh[4096];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *f = fopen(fresh, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0 || rename(fresh, path) != 0)
        fail_at(where, "%s: %s", path, strerror(errno));
}

char *run_read_file(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    size_t len = 0, size = 65536;
    char *text = malloc(size);
    ssize_t n;
    while ((n = read(fd, text + len, size - len - 1)) > 0) {
        len += (size_t)n;
        char *more = size - len < 2 ? realloc(text, size *= 2) : text;
        if (!more)
            abort();
        text = more;
    }
    text[len] = '\0';
    close(fd);
    return text;
}

void (*run_before_exec)(void);

static void exec_program(char *const argv[], const char *out, const char *err) {
    setpgid(0, 0);
    int in = open("/dev/null", O_RDONLY);
    int o = open(out, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int e = open(err, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (in < 0 || o < 0 || e < 0 || dup2(in, 0) < 0 || dup2(o, 1) < 0 || dup2(e, 2) < 0)
        _exit(126);
    system_close_from(3);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    if (run_before_exec)
        run_before_exec();
    execvp(argv[0], argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

pid_t run_start(struct where where, char *const argv[], const char *out, const char *err) {
    pid_t pid = fork();
    if (pid < 0)
        fail_at(where, "fork: %s", strerror(errno));
    if (pid == 0)
        exec_program(argv, out, err);
    setpgid(pid, pid); /* parent and child both call setpgid, because either may run first */
    return pid;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void cleaner_main(int pipe_end, pid_t group, const char *dir) {
    char byte;
    setsid(); /* a Ctrl-C at the tests' terminal must not end the cleaner before the tests */
    dup2(pipe_end, 0);
    system_close_from(1);
    while (read(0, &byte, 1) < 0 && errno == EINTR)
        ;
    if (group > 0)
        kill(-group, SIGKILL);
    if (dir && !getenv("CHATROOM_TEST_KEEP"))
        nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    _exit(0);
}

/* Returns when the cleaner has closed what it was forked with: a socket that the test closes later
 * is then closed. */
int run_cleaner(struct where where, pid_t group, const char *dir) {
    int ends[2], forked[2];
    char byte;
    if (pipe2(ends, O_CLOEXEC) < 0 || pipe2(forked, O_CLOEXEC) < 0)
        fail_at(where, "pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        fail_at(where, "fork: %s", strerror(errno));
    if (pid == 0)
        cleaner_main(ends[0], group, dir);
    close(ends[0]);
    close(forked[1]);
    while (read(forked[0], &byte, 1) < 0 && errno == EINTR)
        ;
    close(forked[0]);
    return ends[1];
}

bool run_wait(pid_t pid, int *status, int64_t deadline) {
    for (;;) {
        pid_t got = waitpid(pid, status, WNOHANG);
        if (got == pid)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
        if (wait_left_ms(deadline) == 0)
            return false;
        wait_breath();
    }
}

static void take_output(const char *path, char *out) {
    char *text = run_read_file(path);
    snprintf(out, RUN_OUTPUT_MAX, "%s", text ? text : "");
    free(text);
}

void run_at(struct where where, struct ran *ran, char *const argv[]) {
    char dir[256], out[300], err[300];
    run_make_dir(where, dir, sizeof dir);
    snprintf(out, sizeof out, "%s/out", dir);
    snprintf(err, sizeof err, "%s/err", dir);
    pid_t pid = run_start(where, argv, out, err);
    int cleaner = run_cleaner(where, pid, dir);
    int status = 0;
    if (!run_wait(pid, &status, wait_deadline()))
        fail_at(where, "%s did not end", argv[0]);
    take_output(out, ran->out);
    take_output(err, ran->err);
    ran->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    close(cleaner);
}

char *run_server_path(void) {
    char *path = getenv("CHATROOM_MASTER");
    return path && *path ? path : "./chatroom-master";
}

char *run_other_path(void) {
    static char path[PATH_MAX + 32];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
    path[n > 0 ? n : 0] = '\0';
    strcpy(strrchr(path, '/') + 1, "other/chatroom-master");
    return path;
}
