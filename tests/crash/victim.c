/* victim.c - see victim.h. */
#include "tests/crash/victim.h"

#include "ipc/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MS = 20000, STOP_MS = 20000 };

static void die(const char *what) {
    perror(what);
    exit(2);
}

static char *path_of(const struct victim *v, const char *name, char out[256]) {
    snprintf(out, 256, "%s/%s", v->dir, name);
    return out;
}

const char *victim_control(const struct victim *v, char out[VICTIM_PATH]) {
    snprintf(out, VICTIM_PATH, "%s/%s", v->dir, v->elsewhere ? "control2" : "control");
    return out;
}

void victim_configure(const struct victim *v, const char *conf) {
    char control[VICTIM_PATH];
    char path[256], fresh[256];
    FILE *file = fopen(path_of(v, "fresh", fresh), "w");
    if (!file)
        die(fresh);
    fprintf(file,
            "listen = 127.0.0.1:%u\npidfile = %s/%s\ncontrol = %s\nbans = %s/bans\ntranscript = "
            "%s/transcript\n%s",
            v->port, v->dir, v->elsewhere ? "pid2" : "pid", victim_control(v, control), v->dir,
            v->dir, conf);
    if (fclose(file) != 0 || rename(fresh, path_of(v, "conf", path)) != 0)
        die(path);
}

static void victim_port(struct victim *v, const char *line) {
    const char *at = strstr(line, "listening on 127.0.0.1:");
    if (at)
        v->port = (uint16_t)atoi(strrchr(at, ':') ? strchr(at, ':') + 1 : "0");
}

static void victim_metrics(struct victim *v, const char *line) {
    static const char at[] = "metrics: http://127.0.0.1:";
    const char *found = strstr(line, at);
    if (found)
        v->metrics = (uint16_t)atoi(found + sizeof at - 1);
}

static void victim_line(struct victim *v, const char *line) {
    if (strstr(line, "ready: room")) {
        v->ready++;
        victim_port(v, line);
    }
    victim_metrics(v, line);
    const char *master = strstr(line, "master: pid ");
    if (master)
        v->last_master = (pid_t)atoi(master + strlen("master: pid "));
    v->reloaded += strstr(line, "reloaded: room") != NULL;
    v->reached += strstr(line, "\" is in reach") != NULL;
    v->upgraded += strstr(line, "upgraded: room") != NULL;
    v->again += strstr(line, "ready again: room") != NULL;
    if (strstr(line, " error ") || strstr(line, "Sanitizer") || strstr(line, "Assertion") ||
        strstr(line, "runtime error")) {
        v->errors++;
        fprintf(stderr, "LOG: %s\n", line);
    }
}

void victim_watch(struct victim *v) {
    ssize_t n;
    while ((n = read(v->log_fd, v->partial + v->partial_len,
                     sizeof v->partial - 1 - v->partial_len)) > 0) {
        v->partial_len += (uint32_t)n;
        v->partial[v->partial_len] = '\0';
        char *at = v->partial, *end;
        while ((end = strchr(at, '\n')) != NULL) {
            *end = '\0';
            victim_line(v, at);
            at = end + 1;
        }
        v->partial_len = (uint32_t)strlen(at);
        if (v->partial_len == sizeof v->partial - 1)
            v->partial_len = 0; /* longer than any line of the server */
        memmove(v->partial, at, v->partial_len);
    }
    int status;
    while (waitpid(-1, &status, WNOHANG) > 0)
        ;
}

/* A small process that kills the server's processes once this program ends, whatever ends it: the
 * server is built to survive, and would run on. */
static int cleaner_of(pid_t group) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe");
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid > 0) {
        close(ends[0]);
        return ends[1];
    }
    char byte;
    setsid();
    close(ends[1]);
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
        ;
    kill(-group, SIGKILL);
    _exit(0);
}

/* A server that is stopped while it binds keeps other servers of its network from binding
 * (master/listen_lock.h).  So the program enters a network of its own, where it may. */
bool victim_network(void) {
    static bool done;
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    if (done || unshare(CLONE_NEWNET) != 0)
        return done;
    done = true;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback) != 0)
        die("loopback");
    close(fd);
    return true;
}

void victim_start(struct victim *v, const char *binary, const char *conf) {
    char path[256], log[256];
    victim_network();
    memset(v, 0, sizeof *v);
    snprintf(v->dir, sizeof v->dir, "%s/chatroom-crash-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(v->dir) || !realpath(binary, v->binary))
        die(binary);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        die("prctl");
    victim_configure(v, conf);
    path_of(v, "log", log);
    v->log_fd = open(log, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    v->first = fork();
    if (v->first == 0) {
        int fd = open(log, O_WRONLY | O_APPEND);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        close(fd);
        setpgid(0, 0);
        execl(v->binary, v->binary, "-c", path_of(v, "conf", path), (char *)NULL);
        _exit(127);
    }
    v->cleaner_fd = cleaner_of(v->first);
    uint64_t until = clock_ms() + START_MS;
    while (v->ready == 0) {
        victim_watch(v);
        if (clock_ms() > until || kill(v->first, 0) != 0) {
            fprintf(stderr, "the server does not start: see %s\n", log);
            exit(2);
        }
        usleep(1000);
    }
    victim_configure(v, conf); /* with the port that the kernel picked */
}

static pid_t named_in(const struct victim *v, const char *name) {
    char path[256], text[32] = "";
    int fd = open(path_of(v, name, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 ? atoi(text) : 0;
}

/* While the pidfile moves, both files may exist. */
pid_t victim_named(const struct victim *v) {
    pid_t first = named_in(v, "pid"), second = named_in(v, "pid2");
    return first > 0 && (kill(first, 0) == 0 || second <= 0) ? first : second;
}

pid_t victim_guardian(const struct victim *v) {
    pid_t pid = victim_named(v);
    return pid > 0 && kill(pid, 0) == 0 ? pid : 0;
}

pid_t victim_master(const struct victim *v) {
    return v->last_master > 0 && kill(v->last_master, 0) == 0 ? v->last_master : 0;
}

static bool is_worker(pid_t pid) {
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *state = strrchr(text, ')');
    return state && strstr(text, "(worker ") && state[2] != 'Z' && state[2] != 'X';
}

/* Children of `parent`, which may be of several servers. */
static uint32_t workers_below(const struct victim *v, pid_t parent, pid_t guardian, pid_t *pid,
                              uint32_t count) {
    char path[64];
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "re");
    if (!file)
        return count;
    while (count < VICTIM_WORKERS_MAX && fscanf(file, "%d", &child) == 1) {
        /* a guardian that was a worker may have its old name still */
        if (child != guardian && getpgid(child) == v->first && is_worker(child))
            pid[count++] = child;
    }
    fclose(file);
    return count;
}

uint32_t victim_workers(const struct victim *v, pid_t pid[VICTIM_WORKERS_MAX]) {
    pid_t guardian = victim_guardian(v);
    uint32_t count = workers_below(v, getpid(), guardian, pid, 0);
    return guardian > 0 ? workers_below(v, guardian, guardian, pid, count) : count;
}

pid_t victim_process(const struct victim *v, const char *name) {
    DIR *dir = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        char path[300], text[64] = "";
        size_t n = strlen(name);
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid <= 0 || getpgid(pid) != v->first)
            continue;
        snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
        FILE *file = fopen(path, "re");
        if (file && fgets(text, sizeof text, file) && strncmp(text, name, n) == 0 &&
            text[n] == '\n')
            found = pid;
        if (file)
            fclose(file);
    }
    if (dir)
        closedir(dir);
    return found;
}

void victim_kill(struct victim *v) {
    kill(-v->first, SIGKILL);
    close(v->cleaner_fd);
    while (waitpid(-v->first, NULL, 0) > 0 || errno == EINTR)
        ;
}

bool victim_stop(struct victim *v) {
    uint64_t until = clock_ms() + STOP_MS;
    pid_t guardian = victim_guardian(v);
    int status = -1;
    if (guardian <= 0 || kill(guardian, SIGTERM) != 0) {
        fprintf(stderr, "there is no guardian to be stopped\n");
        victim_kill(v);
        return false;
    }
    while (waitpid(guardian, &status, WNOHANG) != guardian && clock_ms() < until)
        usleep(1000);
    victim_watch(v);
    /* Processes whose guardian was killed are children of this process: those that have ended are
     * reaped here and do not count as left behind. */
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    bool alone = kill(-v->first, 0) != 0;
    victim_kill(v);
    victim_watch(v);
    close(v->log_fd);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && alone)
        return true;
    fprintf(stderr, "the server did not end well (status %d%s)\n", status,
            alone ? "" : ", and left processes");
    return false;
}

void victim_forget(const struct victim *v, bool keep) {
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", v->dir);
    if (keep)
        fprintf(stderr, "its log is kept in %s\n", v->dir);
    else if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", v->dir);
}
