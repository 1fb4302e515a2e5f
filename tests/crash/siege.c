/* siege.c - a table of attacks and faults, one after another, against a server on which 100
 * simulated clients of three encodings talk: none of them may notice.
 *
 *     siege -b BINARY [-m MS] [-o WHAT] [-r RANDOM] [-l]
 *
 * Each row lasts MS (1500), and then until lines arrive again.  What strangers send must never
 * reach the room; of rogues that log in (mob.h) only what they say.  -o: this row alone; -l: lists
 * the rows.  Exit status 1 if a client noticed anything, or the server did not end well. */
#include "ipc/clock.h"
#include "tests/crash/chaos.h"
#include "tests/crash/crowd.h"
#include "tests/crash/mob.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    GUESTS = 100,
    LINES_A_SECOND = 200,
    ENTER_MS = 30000,
    SETTLE_MS = 30000,
    AFTERWARDS_MS = 15000,
    AFTERWARDS_LINES = 40,
    STRANGERS_MAX = 300,
    PIECE = 2048, /* bytes a stranger sends in a turn */
    TURN_MS = 2,
    KICK_EVERY_MS = 100,
    ROTATE_EVERY_MS = 20,
    STOP_EVERY_MS = 200,
    RELOADED_MS = 10000,
    PIPE_BYTES = 4096, /* the least there is */
};

static const char conf[] = "flood_rate = 20\nflood_burst = 100\nflood_wait = 300ms\n"
                           "connect_rate = 200\nconnect_burst = 1000\nlogin_timeout = 1s\n"
                           "ring_size = 256K\nannounce_max = 0\nmax_clients = 1000\n"
                           "worker_timeout = 500ms\nhistory = 5\nproxy_from = 127.0.0.9\n"
                           "metrics = 127.0.0.1:0\ntranscript_sync = 20ms\n";

/* How strangers go about it. */
enum how {
    DEAF = 1,        /* they never read */
    RESET = 2,       /* ... and reset each connection once they have sent something */
    HALF_CLOSE = 4,  /* ... end their side of it then */
    URGENT = 8,      /* what they send is urgent data */
    TRICKLE = 16,    /* one byte a turn, once in all */
    BY_PROXY = 32,   /* they come from an address in proxy_from */
    RANDOM = 64,     /* random bytes behind what is given */
    SQUATTING = 128, /* they log in by the names of guests */
    CLOSE = 256,     /* they close each connection as soon as it is there */
    SEND_ONCE = 512, /* what is given once, not again and again */
    OPERATOR = 1024, /* they are connections of the control socket */
    BANS = 2048,     /* a quarter of them are operators, who ban and unban the others */
    KICKS = 4096,    /* guests that come and go are asked to leave */
    SCRAPE = 8192,   /* they are connections of the port of metrics */
    ROTATE = 16384,  /* the transcript is moved away, and opened anew, again and again */
    STOP = 32768,    /* the transcript's process is stopped, again and again */
    PIPE = 65536,    /* the log is a pipe that is not read, and then has no reader */
};

struct attack {
    const char *what;
    const char *bytes;
    uint32_t len;
    uint32_t strangers; /* connections at once */
    uint32_t how;
    uint32_t rogues; /* of the mob, which do only this: */
    enum rogue_act act;
    uint32_t rate; /* of chaos, per 1,000 s: */
    enum chaos_kind kind;
    int limit;   /* RLIMIT_..., lowered for all processes of the server, to */
    int lowered; /* so much; -1: what is in use */
};
#define NO_LIMIT (-1)
#define SENDS(literal) .bytes = literal, .len = sizeof(literal) - 1, .limit = NO_LIMIT
#define ROGUES(n, what) .rogues = n, .act = what, .limit = NO_LIMIT
#define CHAOS(what, n) .kind = what, .rate = n, .limit = NO_LIMIT

/* clang-format off */
static const struct attack attacks[] = {
    {"half lines, byte by byte", SENDS("login some-slow-person-that-never-ends-its-line-and-goes-on-for-ever"), .strangers = 200, .how = TRICKLE},
    {"lines without an end", SENDS("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), .strangers = 50},
    {"lines of nothing", SENDS("\r\n\n\n \t\r\n"), .strangers = 50},
    {"a flood of connections", SENDS(""), .strangers = 200, .how = CLOSE},
    {"resets in the middle of a line", SENDS("login x"), .strangers = 50, .how = RESET},
    {"half-closed connections", SENDS("/help\r\nlogin 1 2\r\n"), .strangers = 100, .how = HALF_CLOSE},
    {"clients that ask and never read", SENDS("/help\r\n"), .strangers = 200, .how = DEAF},
    {"urgent data", SENDS("log\r\n"), .strangers = 50, .how = URGENT},
    {"subnegotiations without an end", SENDS("\xff\xfa\x18\0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), .strangers = 50},
    {"a flood of telnet options", SENDS("\xff\xfd\x01\xff\xfe\x01\xff\xfb\x1f\xff\xfd\x06\xff\xfb\x2a\xff\xf6"), .strangers = 50},
    {"random bytes", SENDS(""), .strangers = 50, .how = RANDOM},
    {"TLS hellos", SENDS("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\n"), .strangers = 50, .how = RANDOM},
    {"browsers", SENDS("POST / HTTP/1.1\r\nHost: a\r\n\r\nlogin spam\r\nbuy now\r\n"), .strangers = 50},
    {"ssh clients", SENDS("SSH-2.0-OpenSSH_9.6\r\nlogin spam\r\nbuy now\r\n"), .strangers = 50},
    {"names that are taken, and look like taken ones", SENDS(""), .strangers = 50, .how = SQUATTING},
    {"names that are none", SENDS("login aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nlogin \x1b[2J\r\nlogin a\xe2\x80\xae" "b\r\nlogin who\r\n"), .strangers = 50},
    {"escape sequences", SENDS("\x1b[2J\x1b]0;x\x07\x1bP\x1b[200~\x1bO"), .strangers = 50},
    {"PROXY headers that are none", SENDS("PROXY TCP4 1.2.3.4 nonsense\r\nlogin spam\r\nbuy now\r\n"), .strangers = 50, .how = BY_PROXY},
    {"PROXY headers that never end", SENDS("PROXY UNKNOWN                                                               "), .strangers = 200, .how = BY_PROXY | TRICKLE},
    {"PROXY headers, and resets", SENDS("PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\nlogin 1 2\r\n"), .strangers = 50, .how = BY_PROXY | RESET},
    {"health checks", SENDS("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"), .strangers = 100, .how = BY_PROXY | RESET},
    {"people who flood the room", ROGUES(24, ACT_SPEECH)},
    {"floods of /msg", ROGUES(24, ACT_PRIVATE)},
    {"floods of lists", ROGUES(24, ACT_LISTS)},
    {"floods of /nick", ROGUES(24, ACT_NICKS)},
    {"floods of keys", ROGUES(24, ACT_KEYS)},
    {"floods of all kinds that vanish", ROGUES(40, ACTS)},
    {"operators that end no line", SENDS("kick some-body-with-a-name-that-is-long"), .strangers = 20, .how = OPERATOR | TRICKLE},
    {"operators' lines that are none", SENDS("kick\nsay\nrequest x y z\nrequest 0123456789abcdef ban nobody\n\0\xff\n"), .strangers = 20, .how = OPERATOR | RANDOM},
    {"operators that never read", SENDS("kick nobody-of-that-name\n"), .strangers = 20, .how = OPERATOR | DEAF},
    {"bans and their ends", SENDS("login 1 2\r\n"), .strangers = 40, .how = BANS},
    {"metrics that are asked for and never read", SENDS("GET /metrics HTTP/1.0\r\n\r\n"), .strangers = 50, .how = SCRAPE | DEAF},
    {"metrics, and resets", SENDS("GET /metrics HTTP/1.0\r\n\r\n"), .strangers = 50, .how = SCRAPE | RESET},
    {"requests byte by byte", SENDS("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), .strangers = 50, .how = SCRAPE | TRICKLE},
    {"requests without an end", SENDS("GET /metrics HTTP/1.1\r\nX: "), .strangers = 50, .how = SCRAPE | RANDOM},
    {"a storm of transcripts that are moved away", SENDS(""), .how = ROTATE},
    {"kills of the transcript", CHAOS(CHAOS_WRITER, 10000)},
    {"a transcript that hangs", SENDS(""), .how = STOP},
    {"kicks", SENDS(""), .strangers = 0, .how = KICKS},
    {"kills of workers", CHAOS(CHAOS_KILL, 10000)},
    {"workers that hang", CHAOS(CHAOS_STOP, 3000)},
    {"kills of the master", CHAOS(CHAOS_MASTER, 1000)},
    {"a master that hangs", CHAOS(CHAOS_HALT, 1000)},
    {"kills of the guardian", CHAOS(CHAOS_GUARDIAN, 1000)},
    {"stops of the guardian", CHAOS(CHAOS_REST, 1000)},
    {"kills of guardian and master", CHAOS(CHAOS_BOTH, 1000)},
    {"kills of all but the guardian", CHAOS(CHAOS_ALL, 1000)},
    {"a storm of reloads, and of workers' numbers", CHAOS(CHAOS_RELOAD, 20000)},
    {"upgrades", CHAOS(CHAOS_UPGRADE, 2000)},
    {"a log that is a dead pipe", SENDS("x"), .strangers = 20, .how = RESET | PIPE},
    {"a full disk: no log, no transcript", .strangers = 20, .bytes = "x", .len = 1, .how = RESET, .limit = RLIMIT_FSIZE, .lowered = 0},
    {"no free descriptor", .strangers = 100, .bytes = "x", .len = 1, .how = SEND_ONCE, .limit = RLIMIT_NOFILE, .lowered = -1},
};
/* clang-format on */
enum { ATTACKS = sizeof attacks / sizeof attacks[0] };

struct stranger {
    int fd; /* -1: not connected */
    uint32_t at;
    bool operates;
};

struct siege {
    const char *binary, *only;
    uint32_t ms, random;
    const char *wrong; /* of this row; NULL: nothing */
    struct victim victim;
    struct chaos chaos;
    struct crowd crowd;
    struct stranger stranger[STRANGERS_MAX];
    uint64_t talked_from, talked, made;
};

static uint32_t siege_random(struct siege *s) { /* xorshift32 */
    s->random ^= s->random << 13;
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;
    return s->random;
}

static void talk(struct siege *s) {
    uint64_t due = LINES_A_SECOND * (clock_ms() - s->talked_from) / 1000;
    uint32_t lines = due > s->talked ? (uint32_t)(due - s->talked) : 0;
    s->talked = due;
    crowd_turn(&s->crowd, lines < 50 ? lines : 50, TURN_MS);
    victim_watch(&s->victim);
}

/* ---- strangers ---- */

static int operator_connect(const struct siege *s) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char path[VICTIM_PATH];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%.107s", victim_control(&s->victim, path));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

/* From 127.10.0.1 and so on: eight addresses. */
static void stranger_connect(struct siege *s, const struct attack *a, uint32_t i) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s->victim.port)}, own = to;
    s->made++;
    if (a->how & OPERATOR || (a->how & BANS && i % 4 == 0)) {
        s->stranger[i] = (struct stranger){.fd = operator_connect(s), .operates = true};
        return;
    }
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (a->how & SCRAPE)
        to.sin_port = htons(s->victim.metrics);
    own.sin_addr.s_addr = htonl(a->how & BY_PROXY ? 0x7f000009u : 0x7f0a0001u + i % 8);
    own.sin_port = 0;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    s->stranger[i] = (struct stranger){.fd = fd};
    if (bind(fd, (struct sockaddr *)&own, sizeof own) == 0 &&
        (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS))
        return;
    close(fd);
    s->stranger[i].fd = -1;
}

static void stranger_close(struct stranger *x, bool reset) {
    struct linger at_once = {.l_onoff = 1};
    if (x->fd < 0)
        return;
    if (reset)
        setsockopt(x->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(x->fd);
    x->fd = -1;
}

static uint32_t operator_bans(struct siege *s, char piece[PIECE]) {
    static unsigned long long id;
    uint32_t n = siege_random(s);
    return (uint32_t)snprintf(piece, PIECE, "request %016llx %sban 127.10.0.%u%s\n", ++id,
                              n % 2 ? "un" : "", 1 + n / 2 % 8, n % 2 ? "" : " 1s a siege");
}

/* What a stranger sends next; returns its length. */
static uint32_t stranger_piece(struct siege *s, const struct attack *a, const struct stranger *x,
                               char piece[PIECE]) {
    uint32_t n = 0;
    if (a->how & TRICKLE) {
        piece[0] = a->bytes[x->at < a->len ? x->at : 0];
        return x->at < a->len;
    }
    if (a->how & BANS && x->operates)
        return operator_bans(s, piece);
    if (a->how & SQUATTING) {
        const struct guest *g = &s->crowd.guest[siege_random(s) % GUESTS];
        if (g->role != ROLE_STAYS)
            return 0; /* another's name may be free just now */
        n = (uint32_t)snprintf(piece, PIECE, "login %s\r\n", g->name);
        if (siege_random(s) % 2)
            piece[6] = 'N'; /* equal but for its case */
        return n;
    }
    if (x->at > 0 && a->how & (SEND_ONCE | HALF_CLOSE))
        return 0;
    do {
        memcpy(piece + n, a->bytes, a->len);
        n += a->len;
    } while (!(a->how & (RANDOM | SEND_ONCE | HALF_CLOSE | RESET)) && a->len > 0 &&
             n + a->len <= PIECE);
    for (; a->how & RANDOM && n < PIECE; n++) /* no letters: nobody logs in by chance */
        piece[n] = (char)(siege_random(s) >> 8 | 0x80);
    return n;
}

/* False: the connection has ended. */
static bool stranger_turn(struct siege *s, const struct attack *a, struct stranger *x) {
    char piece[PIECE], heard[16384];
    uint32_t len = stranger_piece(s, a, x, piece);
    ssize_t n = 0;
    if (len > 0)
        n = send(x->fd, piece, len, MSG_DONTWAIT | MSG_NOSIGNAL | (a->how & URGENT ? MSG_OOB : 0));
    if (n < 0 && errno != EAGAIN && errno != ENOTCONN && errno != EINPROGRESS)
        return false;
    x->at += n > 0 ? (uint32_t)n : 0;
    if (x->at > 0 && a->how & HALF_CLOSE)
        shutdown(x->fd, SHUT_WR);
    if (a->how & (CLOSE | RESET) && (x->at > 0 || a->len == 0)) {
        stranger_close(x, a->how & RESET);
        return true;
    }
    if (a->how & DEAF)
        return true;
    n = recv(x->fd, heard, sizeof heard, MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == ENOTCONN));
}

static void strangers_turn(struct siege *s, const struct attack *a) {
    for (uint32_t i = 0; i < a->strangers; i++) {
        struct stranger *x = &s->stranger[i];
        if (x->fd < 0)
            stranger_connect(s, a, i);
        else if (!stranger_turn(s, a, x))
            stranger_close(x, true);
    }
}

/* ---- limits ---- */

/* The highest number that is in use, and one. */
static rlim_t descriptors_of(pid_t pid) {
    char path[64];
    rlim_t most = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        rlim_t fd = (rlim_t)atoi(e->d_name);
        most = fd > most ? fd : most;
    }
    if (dir)
        closedir(dir);
    return most + 1;
}

/* `value`: NULL: lowered. */
static void limit_all(struct siege *s, const struct attack *a, const struct rlimit *value,
                      struct rlimit *old) {
    pid_t pid[VICTIM_WORKERS_MAX + 3];
    uint32_t n = victim_workers(&s->victim, pid);
    pid[n++] = victim_guardian(&s->victim); /* first: a new master has its limits */
    pid[n++] = victim_master(&s->victim);
    if ((pid[n] = victim_process(&s->victim, "transcript")) > 0)
        n++;
    for (uint32_t i = 0; i < n; i++) {
        struct rlimit fresh = value ? *value : (struct rlimit){0, 0};
        if (!value) {
            prlimit(pid[i], (enum __rlimit_resource)a->limit, NULL, old);
            fresh.rlim_cur = a->lowered >= 0 ? (rlim_t)a->lowered : descriptors_of(pid[i]);
            fresh.rlim_max = old->rlim_max;
        }
        if (prlimit(pid[i], (enum __rlimit_resource)a->limit, &fresh, NULL) != 0)
            perror("prlimit");
    }
}

/* ---- the transcript and the log ---- */

/* A file that is moved away before the server has opened another is moved over. */
static void transcript_rotate(struct siege *s) {
    char from[VICTIM_PATH], to[VICTIM_PATH];
    pid_t guardian = victim_guardian(&s->victim);
    snprintf(from, sizeof from, "%s/transcript", s->victim.dir);
    snprintf(to, sizeof to, "%s/transcript.1", s->victim.dir);
    if (guardian > 0 && rename(from, to) == 0)
        s->made += kill(guardian, SIGUSR1) == 0;
}

static void transcript_signal(struct siege *s, int signal) {
    pid_t pid = victim_process(&s->victim, "transcript");
    if (pid > 0)
        s->made += kill(pid, signal) == 0 && signal == SIGSTOP;
}

static void log_to(struct siege *s, const char *path) {
    char text[1024];
    pid_t guardian = victim_guardian(&s->victim);
    snprintf(text, sizeof text, "%sworkers = %u\nlog = %s\n", conf, s->chaos.workers, path);
    victim_configure(&s->victim, text);
    if (guardian > 0)
        kill(guardian, SIGHUP);
}

static bool log_talks(struct siege *s, int pipe) {
    int waiting = 0;
    for (uint64_t begun = clock_ms(); waiting == 0 && clock_ms() - begun < RELOADED_MS;) {
        talk(s);
        ioctl(pipe, FIONREAD, &waiting);
    }
    return waiting > 0;
}

/* The descriptor of a reader that does not read.  One line fills the pipe, as poll() has it. */
static int pipe_begin(struct siege *s) {
    char path[VICTIM_PATH];
    snprintf(path, sizeof path, "%s/pipe", s->victim.dir);
    int fd = mkfifo(path, 0600) == 0 ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0 || fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES) < 0) {
        perror(path);
        exit(2);
    }
    log_to(s, path);
    if (!log_talks(s, fd))
        s->wrong = "no log comes into the pipe";
    return fd;
}

static void pipe_end(struct siege *s) {
    uint32_t reloaded = s->victim.reloaded;
    uint64_t begun = clock_ms();
    log_to(s, "stderr");
    while (s->victim.reloaded == reloaded && clock_ms() - begun < RELOADED_MS)
        talk(s);
    if (s->victim.reloaded == reloaded)
        s->wrong = "no reload brings the log back";
}

/* ---- one row ---- */

/* What is done beside the strangers; `due`: when it is due again. */
static void attack_turn(struct siege *s, const struct attack *a, uint64_t *due) {
    char path[VICTIM_PATH];
    uint64_t now = clock_ms();
    if (now < *due)
        return;
    if (a->how & KICKS) {
        crowd_kick(&s->crowd, victim_control(&s->victim, path));
        s->made++;
        *due = now + KICK_EVERY_MS;
    } else if (a->how & ROTATE) {
        transcript_rotate(s);
        *due = now + ROTATE_EVERY_MS;
    } else if (a->how & STOP) {
        transcript_signal(s, SIGSTOP);
        *due = now + STOP_EVERY_MS;
    }
}

static void attack_for(struct siege *s, const struct attack *a, struct mob *mob) {
    int pipe = a->how & PIPE ? pipe_begin(s) : -1;
    uint64_t begun = clock_ms(), due = 0;
    struct rlimit old;
    if (a->limit != NO_LIMIT)
        limit_all(s, a, NULL, &old);
    s->chaos.rate[a->kind] = a->rate;
    s->chaos.due[a->kind] = 1; /* at once */
    while (clock_ms() - begun < s->ms) {
        talk(s);
        strangers_turn(s, a);
        attack_turn(s, a, &due);
        if (pipe >= 0 && clock_ms() - begun > s->ms / 2) {
            close(pipe); /* no process reads it any more */
            pipe = -1;
        }
        if (a->rogues > 0)
            mob_turn(mob);
        if (a->rate > 0)
            chaos_turn(&s->chaos);
    }
    if (a->limit != NO_LIMIT)
        limit_all(s, a, &old, NULL);
    if (a->how & STOP)
        transcript_signal(s, SIGCONT);
    if (a->how & PIPE)
        pipe_end(s);
}

static void attack_end(struct siege *s, const struct attack *a, struct mob *mob) {
    for (uint32_t i = 0; i < STRANGERS_MAX; i++)
        stranger_close(&s->stranger[i], i % 2);
    while (!mob_ended(mob))
        talk(s);
    s->chaos.rate[a->kind] = 0;
    while (s->chaos.awaited || s->chaos.reload_next) { /* the talk goes on meanwhile */
        talk(s);
        chaos_turn(&s->chaos);
    }
    chaos_settle(&s->chaos);
}

/* Lines arrive again.  NULL, or what is wrong. */
static const char *afterwards(struct siege *s) {
    uint64_t begun = clock_ms();
    size_t from = s->crowd.order->len;
    while (clock_ms() - begun < AFTERWARDS_MS && s->crowd.order->len - from < AFTERWARDS_LINES)
        talk(s);
    if (crowd_violations(&s->crowd) != 0)
        return "clients noticed";
    return s->crowd.order->len - from < AFTERWARDS_LINES ? "no more lines arrive" : NULL;
}

static bool row(struct siege *s, const struct attack *a) {
    struct mob mob;
    uint64_t made = s->made, done = s->chaos.done[a->kind];
    size_t from = s->crowd.order->len;
    mob_make(&mob, a->rogues, s->victim.port, siege_random(s), s->crowd.order);
    mob.only = a->rogues > 0 ? a->act : ACTS;
    s->crowd.order->last_ms = s->crowd.order->silence_ms = 0;
    attack_for(s, a, &mob);
    attack_end(s, a, &mob);
    const char *why = afterwards(s);
    why = why ? why : s->wrong;
    uint64_t faults = a->rate > 0 ? s->chaos.done[a->kind] - done : 0;
    if (!why && mob_violations(&mob) > 0)
        why = "rogues were not ended";
    if (!why && a->rate > 0 && faults == 0)
        why = "nothing was done";
    printf("%-48s %-6s %5llu %-11s  %5zu lines, longest silence %4llu ms%s%s\n", a->what,
           why ? "FAILED" : "ok", (unsigned long long)(s->made - made + mob.made + faults),
           a->rate > 0 ? "faults" : "connections", s->crowd.order->len - from,
           (unsigned long long)s->crowd.order->silence_ms, why ? ": " : "", why ? why : "");
    mob_free(&mob);
    return why == NULL;
}

static void begin(struct siege *s) {
    char first[1024];
    snprintf(first, sizeof first, "%sworkers = 4\n", conf);
    victim_start(&s->victim, s->binary, first);
    chaos_make(&s->chaos, &s->victim, conf, siege_random(s));
    crowd_make(&s->crowd, GUESTS, s->victim.port, siege_random(s), false);
    s->crowd.encodings = true;
    for (uint32_t i = 0; i < STRANGERS_MAX; i++)
        s->stranger[i].fd = -1;
    if (!crowd_enter(&s->crowd, ENTER_MS)) {
        fprintf(stderr, "the crowd cannot join\n");
        exit(2);
    }
    s->talked_from = clock_ms();
}

static bool end(struct siege *s, bool well) {
    bool settled = well && crowd_settle(&s->crowd, SETTLE_MS);
    for (uint32_t i = 0; i < GUESTS; i++)
        crowd_hang_up(&s->crowd, &s->crowd.guest[i]);
    bool ended_well = victim_stop(&s->victim);
    uint64_t bad = crowd_violations(&s->crowd) + s->crowd.quick_overruns + s->chaos.unanswered +
                   s->victim.errors + !settled + !ended_well;
    if (bad)
        printf("violations %llu, overruns of quick readers %llu, unanswered %llu, errors %u%s%s\n",
               (unsigned long long)crowd_violations(&s->crowd),
               (unsigned long long)s->crowd.quick_overruns, (unsigned long long)s->chaos.unanswered,
               s->victim.errors, settled ? "" : ", something never arrived",
               ended_well ? "" : ", a bad end");
    victim_forget(&s->victim, bad);
    crowd_free(&s->crowd);
    return bad == 0;
}

static int list(void) {
    for (size_t i = 0; i < ATTACKS; i++)
        printf("%s\n", attacks[i].what);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    static struct siege s = {.binary = "./chatroom-master", .ms = 1500, .random = 1};
    struct rlimit files = {8192, 8192};
    uint32_t done = 0;
    int option;
    while ((option = getopt(argc, argv, "b:m:o:r:l")) != -1) {
        switch (option) {
        case 'b': s.binary = optarg; break;
        case 'm': s.ms = (uint32_t)atoi(optarg); break;
        case 'o': s.only = optarg; break;
        case 'r': s.random = (uint32_t)atoi(optarg) | 1; break;
        case 'l': return list();
        default: return 2;
        }
    }
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    begin(&s);
    bool well = true;
    for (size_t i = 0; i < ATTACKS && well; i++) {
        if (s.only && strcmp(s.only, attacks[i].what) != 0)
            continue;
        well = row(&s, &attacks[i]);
        done++;
    }
    well = end(&s, well) && done > 0;
    printf("%u kinds of attack or fault, %d clients: %s\n", done, GUESTS,
           well ? "nobody noticed" : "FAILED");
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
