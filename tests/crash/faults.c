/* faults.c - a process of the server dies (or is stopped) at each of its fault points, at the n-th
 * time it reaches the point, while simulated clients talk: no client may notice.
 *
 *     faults [-b BINARY] [-n MOST] [-k] [-o POINT] [-r RANDOM] LIST
 *
 * BINARY is built with -DCHATROOM_FAULTS, LIST is a file with the names of all points, one a line.
 * -n: the largest n; -k: only deaths, no stops; -o: this point alone.  Prints for each point how
 * often it was reached and how often it fired; exit status 1 if anything was lost, doubled,
 * reordered, disconnected or stuck, or if a point never fired.
 *
 * One server and one crowd are used for all trials; after a failure both are started anew, so that
 * each failure is printed with the trial that caused it. */
#include "ipc/clock.h"
#include "ipc/fault_table.h"
#include "tests/crash/crowd.h"
#include "tests/crash/victim.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    GUESTS = 40,
    LINES_A_SECOND = 900,
    OVERRUN_LINES = 9000, /* a second: more than all buffers to a client hold */
    OVERRUN_MS = 10000,
    FILL_MS = 2000,
    TRIES = 3,         /* trials before a point counts as never reached */
    DEAF_MS = 3000,    /* how long slow guests read nothing */
    TRIAL_MS = 4000,   /* time limit of one trial */
    STIMULUS_MS = 120, /* between two stimuli */
    DRAIN_MS = 1500,   /* longer than a removed address still accepts connections */
    RELOAD_MS = 500, /* so that between two reloads guests join, whose connections must then move */
    STOPPED_MS = 300,
    AFTERWARDS_MS = 10000, /* time limit until lines arrive again */
    AFTERWARDS_LINES = 40,
    REST_MS = 15000,
    RESETS = 50, /* more a second than connect_rate */
    RESET_LONG_MS = 15000,
    STRANGERS = 20,
    SCRAPES = 6,
    GROWN = 10, /* connections that stay: more than a step's (ipc/growth.h) */
    GROWN_MOST = 2000,
    STRANGER_LINES = 8000, /* more than flood_burst */
    POINTS_MAX = FAULT_POINTS_MAX,
};

/* No guest says so much that it is too fast: 9,000 lines a second are 40 guests'. */
static char conf[512] = "flood_rate = 1000\nflood_burst = 2000\nflood_wait = 0\n"
                        "login_timeout = 0\nring_size = 64K\nannounce_max = 0\n"
                        "connect_rate = 100\nconnect_burst = 300\n"
                        "worker_timeout = 500ms\nhistory = 5\nlog_level = info\n"
                        "proxy_from = 127.0.0.9\n";

/* Events that lead the server to points that talk alone does not reach. */
enum stimulus {
    TALK,
    KILL,
    RELOAD,
    DRAIN,
    KILL_MASTER,
    UPGRADE,
    DEAFEN,
    STOP_MASTER,
    RESET,
    MOVE_PIDFILE,
    FILL,
    STRANGER,
    RESET_LONG,
    IGNORE,
    GROW,
    HISTORY,
    SCRAPE,
    REQUEST,
    REQUEST_UPGRADE,
    PROXIED,
    KICK,
    MODERATE,
    REOPEN,
};
static const struct {
    const char *prefix;
    enum stimulus stimulus;
} stimuli[] = {
    {"adopt.", KILL},
    {"supervisor.transcript", REOPEN},
    {"supervisor.", KILL},
    {"gate.repair", KILL},
    {"slot.invite", KILL},
    {"slot.enter", KILL},
    {"move.", RELOAD},
    {"listeners.drained", DRAIN},
    {"listeners.", RELOAD},
    {"listen_lock.", RELOAD},
    {"reload.", RELOAD},
    {"segment.config", RELOAD},
    {"worker.retir", RELOAD},
    {"worker.serving", KILL},
    {"failover.kill", STOP_MASTER},
    {"failover.", KILL_MASTER},
    {"master.adopt", UPGRADE},
    {"lease.take", KILL_MASTER},
    {"master.", KILL_MASTER},
    {"upgrade.", UPGRADE},
    {"standby.", UPGRADE},
    {"flush.overrun", DEAFEN},
    {"room.progress", FILL},
    {"room.wait", FILL},
    {"gate.lock.waited", DEAFEN}, /* more lines a second cause more waiting */
    {"client.unclaim", RESET},
    {"accept.unheard", RESET},
    {"origin.", RESET},
    {"client_log.said", RESET_LONG}, /* sums are written after TALLY_SECONDS */
    {"client_log.end", RESET_LONG},
    {"client_log.", RESET},
    {"pidfile.", MOVE_PIDFILE},
    {"control_socket.", MOVE_PIDFILE}, /* which moves, too */
    {"control.", KICK},
    {"publish.order", KICK},
    {"apply.kicked", KICK},
    {"input.shortest", STRANGER},
    {"input.dropping", STRANGER},
    {"change.fresh", STRANGER},
    {"change.last", STRANGER},
    {"change.recall", STRANGER},
    {"ignore.", IGNORE},
    {"segment.grow", GROW},
    {"history.", HISTORY},
    {"tool.", SCRAPE},
    {"http.", SCRAPE},
    {"request.execute", REQUEST_UPGRADE},
    {"request.", REQUEST},
    {"bans.", MODERATE},
    {"restriction.", MODERATE},
    {"moderation.", MODERATE},
    {"slot.ring_master", REQUEST},
    {"client.address", PROXIED},
    {"header.", PROXIED},
    {"transcript.flip", REOPEN},
    {"transcript.end", REOPEN},
    {"transcript.serving", REOPEN},
    {"transcript_file.", REOPEN},
};

/* Points that are reached only after a death at another point. */
static const struct {
    const char *name, *after;
} seconds[] = {{"adopt.closed.before", "leave.close.after"}};

struct point {
    char name[FAULT_NAME_MAX];
    uint32_t trials, fired, failed;
};

struct bench {
    const char *binary, *only;
    uint32_t most, random, failures;
    bool kills_only;
    struct fault_table *table;
    struct point point[POINTS_MAX];
    uint32_t points;
    bool running;
    struct victim victim;
    struct crowd crowd;
    uint64_t talked_from, talked, stimulated;
    uint32_t lines_a_second;
    uint32_t workers;
    uint16_t metrics;  /* port */
    pid_t dead_master; /* killed or stopped, until another master runs; 0: a master runs */
};

static void talk_at(struct bench *b, uint32_t lines_a_second) {
    b->lines_a_second = lines_a_second;
    b->talked_from = clock_ms();
    b->talked = 0;
}

static void start(struct bench *b) {
    char text[1024];
    b->workers = 4;
    snprintf(text, sizeof text, "%sworkers = %u\n", conf, b->workers);
    atomic_store(&b->table->armed, 0);
    victim_start(&b->victim, b->binary, text);
    crowd_make(&b->crowd, GUESTS, b->victim.port, ++b->random, false);
    if (!crowd_enter(&b->crowd, REST_MS)) {
        fprintf(stderr, "the crowd cannot join\n");
        exit(2);
    }
    talk_at(b, LINES_A_SECOND);
    b->dead_master = 0;
    b->running = true;
}

static void stop(struct bench *b, bool failed) {
    b->running = false;
    for (uint32_t i = 0; i < GUESTS; i++)
        crowd_hang_up(&b->crowd, &b->crowd.guest[i]);
    if (failed)
        victim_kill(&b->victim);
    else if (!victim_stop(&b->victim))
        b->failures++;
    victim_forget(&b->victim, failed);
    crowd_free(&b->crowd);
}

static void talk(struct bench *b) {
    uint64_t due = b->lines_a_second * (clock_ms() - b->talked_from) / 1000;
    uint32_t lines = due > b->talked ? (uint32_t)(due - b->talked) : 0;
    b->talked = due;
    crowd_turn(&b->crowd, lines < 100 ? lines : 100, 1);
    victim_watch(&b->victim);
    pid_t master = b->dead_master ? victim_master(&b->victim) : 0;
    if (master != 0 && master != b->dead_master)
        b->dead_master = 0;
}

/* Opens connections and resets them before they are greeted.  They come from an address of their
 * own: beyond connect_rate they are closed, and the crowd's are not. */
static void reset(struct bench *b) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(b->victim.port)}, own = to;
    struct linger at_once = {.l_onoff = 1};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 9);
    own.sin_port = 0;
    for (int i = 0; i < RESETS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        (void)!bind(fd, (struct sockaddr *)&own, sizeof own);
        (void)!connect(fd, (struct sockaddr *)&to, sizeof to);
        close(fd);
    }
}

/* Clients that do not log in: half a line, then keys that replace its end, then more lines at once
 * than a client may send, which are dropped; then they close. */
static void strangers(struct bench *b) {
    static int fd[STRANGERS];
    static char lines[STRANGER_LINES];
    static unsigned turn;
    static const struct {
        const char *bytes;
        size_t len;
    } step[] = {{"\xff\xfd\x01"
                 "a line",
                 9},
                {"\b\b\bxyz", 6},
                {"\x1b[Dq\r\x1b[A\x1b[B", 11},
                {lines, STRANGER_LINES}};
    enum { STEPS = sizeof step / sizeof *step };
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(b->victim.port)};
    unsigned now = turn++ % (STEPS + 1);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(lines, '\n', sizeof lines);
    for (int i = 0; i < STRANGERS; i++) {
        if (now == 0) {
            fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            (void)!connect(fd[i], (struct sockaddr *)&to, sizeof to);
        }
        if (now < STEPS)
            (void)!send(fd[i], step[now].bytes, step[now].len, MSG_DONTWAIT | MSG_NOSIGNAL);
        else
            close(fd[i]);
    }
}

/* Connections that stay open, so that later ones have descriptors that none had before. */
static void grow(struct bench *b) {
    static uint32_t grown;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(b->victim.port)}, own = to;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_port = 0;
    for (int i = 0; i < GROWN && grown < GROWN_MOST; i++, grown++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + grown);
        (void)!bind(fd, (struct sockaddr *)&own, sizeof own);
        (void)!connect(fd, (struct sockaddr *)&to, sizeof to);
    }
}

/* Requests for metrics, of which a half is finished by the next call, and what must not follow one.
 */
static void scrape(struct bench *b) {
    static const char whole[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    enum { HALF = 25, BEHIND = 3000 };
    static int fd[SCRAPES];
    static bool open;
    static char behind[BEHIND];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(b->metrics)}, own = to;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 9);
    own.sin_port = 0;
    for (int i = 0; i < SCRAPES && open; i++) {
        (void)!send(fd[i], whole + HALF, sizeof whole - 1 - HALF, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (i % 2)
            (void)!send(fd[i], behind, sizeof behind, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    for (int i = 0; i < SCRAPES; i++) {
        if (open)
            close(fd[i]);
        fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)!bind(fd[i], (struct sockaddr *)&own, sizeof own);
        (void)!connect(fd[i], (struct sockaddr *)&to, sizeof to);
        (void)!send(fd[i], whole, i < SCRAPES / 2 ? HALF : sizeof whole - 1,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    open = true;
}

/* One line of an operator, whose answer is not read.  The last connections stay open. */
static void operate(struct bench *b, const char *line) {
    static int kept[4] = {-1, -1, -1, -1};
    static unsigned turn;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int *fd = &kept[turn++ % 4];
    if (*fd >= 0)
        close(*fd);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    char path[VICTIM_PATH];
    snprintf(to.sun_path, sizeof to.sun_path, "%.107s", victim_control(&b->victim, path));
    (void)!connect(*fd, (struct sockaddr *)&to, sizeof to);
    (void)!send(*fd, line, strlen(line), MSG_NOSIGNAL);
}

static void request(struct bench *b, bool upgrade) {
    static const char *const verbs[] = {"loglevel info", "reopen", "reload"};
    static uint64_t id;
    char line[128];
    id++;
    snprintf(line, sizeof line, "request %016llx %s\n", (unsigned long long)id,
             upgrade ? "upgrade" : verbs[id % 3]);
    operate(b, line);
}

/* Connections from a proxy: half a header, its rest, a line; then they close. */
static void proxied(struct bench *b) {
    static int fd[STRANGERS];
    static unsigned turn;
    static const char *const step[] = {"PROXY TCP4 192.0.2.1 192.", "0.2.2 5 6666\r\nsay",
                                       " x\r\n"};
    enum { STEPS = sizeof step / sizeof *step };
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(b->victim.port)}, own = to;
    unsigned now = turn++ % (STEPS + 1);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 8);
    own.sin_port = 0;
    for (int i = 0; i < STRANGERS; i++) {
        if (now == 0) {
            fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            (void)!bind(fd[i], (struct sockaddr *)&own, sizeof own);
            (void)!connect(fd[i], (struct sockaddr *)&to, sizeof to);
        }
        if (now < STEPS)
            (void)!send(fd[i], step[now], strlen(step[now]), MSG_DONTWAIT | MSG_NOSIGNAL);
        else
            close(fd[i]);
    }
}

/* The transcript is moved away, as logrotate does, and begun anew. */
static void reopen(struct bench *b) {
    char from[256], to[256];
    snprintf(from, sizeof from, "%s/transcript", b->victim.dir);
    snprintf(to, sizeof to, "%s/transcript.1", b->victim.dir);
    (void)!rename(from, to);
    kill(victim_master(&b->victim), SIGUSR1);
}

static void stimulate(struct bench *b, enum stimulus stimulus) {
    pid_t pid[VICTIM_WORKERS_MAX], master = victim_master(&b->victim);
    uint32_t n = victim_workers(&b->victim, pid);
    char text[1024], path[VICTIM_PATH];
    uint64_t period = stimulus == RELOAD  ? RELOAD_MS
                      : stimulus == DRAIN ? DRAIN_MS
                      : stimulus == FILL  ? FILL_MS
                                          : STIMULUS_MS;
    if (stimulus == TALK || clock_ms() - b->stimulated < period || b->dead_master || master == 0 ||
        n < 2)
        return;
    b->stimulated = clock_ms();
    switch (stimulus) {
    case TALK: break;
    case RESET:
    case RESET_LONG: reset(b); break;
    case STRANGER: strangers(b); break;
    case GROW: grow(b); break;
    case IGNORE: crowd_ignore(&b->crowd); break;
    case PROXIED: proxied(b); break;
    case MODERATE: crowd_moderate(&b->crowd, victim_control(&b->victim, path)); break;
    case HISTORY: crowd_history(&b->crowd); break;
    case SCRAPE: scrape(b); break;
    case REQUEST:
    case REQUEST_UPGRADE: request(b, stimulus == REQUEST_UPGRADE); break;
    case KICK: crowd_kick(&b->crowd, victim_control(&b->victim, path)); break;
    case REOPEN: reopen(b); break;
    case DEAFEN: crowd_deafen(&b->crowd, DEAF_MS); break;
    case FILL: kill(pid[0], SIGSTOP); break; /* its guard stays, and the ring fills */
    case KILL: kill(pid[crowd_random(&b->crowd, n)], SIGKILL); break;
    case UPGRADE: kill(master, SIGUSR2); break;
    case KILL_MASTER:
    case STOP_MASTER: /* a stopped master is killed by the workers in time */
        b->dead_master = master;
        kill(master, stimulus == KILL_MASTER ? SIGKILL : SIGSTOP);
        break;
    case MOVE_PIDFILE: b->victim.elsewhere = !b->victim.elsewhere; /* fall through */
    case RELOAD:
    case DRAIN:
        /* Guests that connect again are spread over all workers, so that some must move when
         * `workers` is reduced. */
        b->workers = b->workers == 5 ? 3 : 5;
        if (b->workers == 3)
            crowd_send_away(&b->crowd);
        snprintf(text, sizeof text, "%sworkers = %u\n%s", conf, b->workers,
                 b->workers == 5 ? "listen = 127.0.0.2:0\n" : "");
        victim_configure(&b->victim, text);
        kill(master, SIGHUP);
        break;
    }
}

static enum stimulus stimulus_for(const char *name) {
    for (size_t i = 0; i < sizeof stimuli / sizeof stimuli[0]; i++) {
        if (strncmp(name, stimuli[i].prefix, strlen(stimuli[i].prefix)) == 0)
            return stimuli[i].stimulus;
    }
    return TALK;
}

static void arm(struct fault_table *t, const char *name) {
    uint64_t key = fault_key(name), then = 0;
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        if (strcmp(name, seconds[i].name) == 0) {
            then = key;
            key = fault_key(seconds[i].after);
        }
    }
    atomic_store(&t->then, then);
    atomic_store_explicit(&t->armed, key, memory_order_release);
}

/* Arms the point and waits; returns the pid that reached it, 0: none did in time. */
static pid_t fire(struct bench *b, const char *name, uint32_t nth, int signo) {
    struct fault_table *t = b->table;
    uint64_t begun = clock_ms();
    pid_t fired;
    bool overrun = stimulus_for(name) == DEAFEN || stimulus_for(name) == FILL;
    uint32_t patience = stimulus_for(name) == RESET_LONG               ? RESET_LONG_MS
                        : overrun || stimulus_for(name) == STOP_MASTER ? OVERRUN_MS
                                                                       : TRIAL_MS;
    talk_at(b, overrun ? OVERRUN_LINES : LINES_A_SECOND);
    atomic_store(&t->fired, 0);
    atomic_store(&t->left, nth);
    atomic_store(&t->signal, signo);
    atomic_store(&t->then_signal, signo);
    arm(t, name);
    while ((fired = atomic_load(&t->fired)) == 0 && clock_ms() - begun < patience) {
        /* In the second half of the time, random stimuli are tried. */
        bool late = clock_ms() - begun > TRIAL_MS / 2 && stimulus_for(name) == TALK;
        stimulate(b,
                  late ? (enum stimulus)(1 + crowd_random(&b->crowd, RELOAD)) : stimulus_for(name));
        talk(b);
    }
    talk_at(b, LINES_A_SECOND);
    atomic_store(&t->then, 0);
    atomic_store(&t->armed, 0);
    fired = atomic_load(&t->fired);
    if (fired != 0 && signo == SIGKILL && victim_named(&b->victim) == fired)
        b->dead_master = fired;
    return fired;
}

/* After a trial: lines arrive again, and a master runs.  NULL, or what is wrong. */
static const char *afterwards(struct bench *b, pid_t fired, int signo) {
    uint64_t begun = clock_ms(), now;
    size_t from = b->crowd.order->len;
    bool stopped = signo == SIGSTOP;
    while ((now = clock_ms()) - begun < AFTERWARDS_MS) {
        talk(b);
        if (stopped && now - begun > STOPPED_MS) {
            kill(fired, SIGCONT); /* no effect if the watchdog has replaced it by now */
            stopped = false;
        }
        if (crowd_violations(&b->crowd) != 0)
            return "clients noticed";
        if (b->crowd.order->len - from >= AFTERWARDS_LINES && !b->dead_master && !stopped)
            return NULL;
    }
    return b->dead_master ? "no master" : "no more lines arrive";
}

static void failed(struct bench *b, struct point *p, uint32_t nth, int signo, const char *why) {
    printf("FAILED  %s, hit %u, %s: %s\n", p->name, nth, strsignal(signo), why);
    p->failed++;
    b->failures++;
    stop(b, true);
}

static void trial(struct bench *b, struct point *p, uint32_t nth, int signo) {
    if (!b->running)
        start(b);
    p->trials++;
    pid_t fired = fire(b, p->name, nth, signo);
    p->fired += fired != 0;
    const char *why = afterwards(b, fired, fired ? signo : 0);
    if (why)
        failed(b, p, nth, signo, why);
}

static void try_point(struct bench *b, struct point *p) {
    static const uint32_t nths[] = {1, 2, 3, 5, 9, 17, 33, 65};
    for (size_t i = 0; i < sizeof nths / sizeof nths[0] && nths[i] <= b->most; i++) {
        uint32_t before = p->fired;
        for (int tries = 0; tries < (nths[i] == 1 ? TRIES : 1) && p->fired == before; tries++) {
            if (tries > 0 && b->running)
                stop(b, false); /* a new crowd, whose guests are spread over all workers again */
            trial(b, p, nths[i], SIGKILL);
        }
        if (p->fired == before)
            break; /* it is not reached so often; larger n are not tried */
        if (nths[i] == 1 && !b->kills_only)
            trial(b, p, 1, SIGSTOP);
    }
    if (b->running && !crowd_rest(&b->crowd, REST_MS))
        failed(b, p, 0, SIGKILL, "something never arrived");
    talk_at(b, LINES_A_SECOND);
}

static uint64_t hits(const struct bench *b, const char *name) {
    uint64_t key = fault_key(name);
    for (int i = 0; i < FAULT_POINTS_MAX; i++) {
        if (atomic_load(&b->table->at[i].key) == key)
            return atomic_load(&b->table->at[i].hits);
    }
    return 0;
}

static uint32_t report(struct bench *b) {
    uint32_t never = 0;
    printf("%-28s %12s %7s %7s\n", "point", "hits", "trials", "fired");
    for (uint32_t i = 0; i < b->points; i++) {
        const struct point *p = &b->point[i];
        const char *remark = p->failed ? "FAILED" : p->trials && !p->fired ? "never" : "";
        printf("%-28s %12llu %7u %7u %s\n", p->name, (unsigned long long)hits(b, p->name),
               p->trials, p->fired, remark);
        never += p->fired == 0 && p->trials > 0;
    }
    printf("%u points, %u never fired, %u failures\n", b->points, never, b->failures);
    return b->kills_only ? 0 : never; /* a run with -k is short and may miss points */
}

static void read_points(struct bench *b, const char *path) {
    FILE *file = fopen(path, "re");
    char name[FAULT_NAME_MAX];
    if (!file) {
        perror(path);
        exit(2);
    }
    while (fscanf(file, "%47s", name) == 1) {
        if (b->points == POINTS_MAX) {
            fprintf(stderr, "%s: more than %d points\n", path, POINTS_MAX);
            exit(2);
        }
        struct point *p = &b->point[b->points++];
        snprintf(p->name, sizeof p->name, "%s", name);
    }
    fclose(file);
}

static void make_table(struct bench *b) {
    char path[] = "/tmp/chatroom-faults-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, sizeof *b->table) != 0) {
        perror(path);
        exit(2);
    }
    b->table = mmap(NULL, sizeof *b->table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    /* An upgraded binary opens the table again, after its name is gone. */
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/fd/%d", (int)getpid(), fd);
    setenv(FAULT_FILE_VARIABLE, name, 1);
    unlink(path);
}

/* A port that is free now, and of no other use after a reload. */
static void choose_metrics(struct bench *b) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        perror("a port for metrics");
        exit(2);
    }
    close(fd);
    b->metrics = ntohs(at.sin_port);
    snprintf(conf + strlen(conf), sizeof conf - strlen(conf), "metrics = 127.0.0.1:%u\n",
             b->metrics);
}

int main(int argc, char **argv) {
    static struct bench b = {.most = 9, .random = 1};
    int option;
    while ((option = getopt(argc, argv, "b:n:ko:r:")) != -1) {
        switch (option) {
        case 'b': b.binary = optarg; break;
        case 'n': b.most = (uint32_t)atoi(optarg); break;
        case 'k': b.kills_only = true; break;
        case 'o': b.only = optarg; break;
        case 'r': b.random = (uint32_t)atoi(optarg); break;
        default: return 2;
        }
    }
    if (!b.binary || optind + 1 != argc) {
        fprintf(stderr, "usage: faults -b BINARY LIST\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    choose_metrics(&b);
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_points(&b, argv[optind]);
    make_table(&b);
    for (uint32_t i = 0; i < b.points; i++) {
        if (!b.only || strcmp(b.only, b.point[i].name) == 0)
            try_point(&b, &b.point[i]);
    }
    if (b.running)
        stop(&b, false);
    uint32_t never = report(&b);
    return b.failures || never ? EXIT_FAILURE : EXIT_SUCCESS;
}
