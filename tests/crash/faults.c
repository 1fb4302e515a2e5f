/* faults.c - a process of the server dies (or is stopped) at each of its fault points, at the n-th
 * time it reaches the point, while simulated clients talk: no client may notice.
 *
 *     faults [-b BINARY] [-n MOST] [-k] [-o POINT] [-r RANDOM] LIST
 *
 * BINARY is built with -DCHATROOM_FAULTS, and so is the one of another layout in other/ beside it.
 * LIST is a file with the names of all points, one a line.
 * -n: the largest n, but at least that at which a conversion is no rehearsal; -k: only deaths, no
 * stops; -o: this point alone.  Prints for each point how often it was reached and how often it
 * fired; exit status 1 if anything was lost, doubled, reordered, disconnected or stuck, or if a
 * point never fired.
 *
 * The server has a relay to a redis-server, and another machine beside it that these tests play;
 * where redis-server is not installed, the relay's points are left out.
 *
 * One server and one crowd are used for all trials; after a failure both are started anew, so that
 * each failure is printed with the trial that caused it. */
#include "ipc/clock.h"
#include "tests/crash/crowd.h"
#include "tests/crash/far.h"
#include "tests/crash/points.h"
#include "tests/crash/victim.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    GUESTS = 40,
    LINES_A_SECOND = 900,
    OVERRUN_LINES = 9000, /* a second: more than all buffers to a client hold */
    OVERRUN_MS = 10000,
    FILL_MS = 2000,
    EARLIER_MS = 3000,
    TRIES = 3,         /* trials before a point counts as never reached */
    DEAF_MS = 3000,    /* how long slow guests read nothing */
    TRIAL_MS = 4000,   /* time limit of one trial */
    STIMULUS_MS = 120, /* between two stimuli */
    DRAIN_MS = 1500,   /* longer than a removed address still accepts connections */
    CONVERT_MS = 500,  /* so that an upgrade ends before its file is replaced by the next */
    RELOAD_MS = 500, /* so that between two reloads guests join, whose connections must then move */
    STOPPED_MS = 300,
    AFTERWARDS_MS = 10000, /* time limit until lines arrive again */
    AFTERWARDS_LINES = 40,
    REST_MS = 15000,
    RESETS = 50, /* more a second than connect_rate */
    RESET_LONG_MS = 15000,
    CONVERT_LONG_MS = 10000,
    PING_MS = 40000, /* longer than between two pings */
    STRANGERS = 20,
    SCRAPES = 8,
    GROWN = 10, /* connections that stay: more than a step's (ipc/growth.h) */
    GROWN_MOST = 2000,
    STRANGER_LINES = 8000, /* more than flood_burst */
    ENGINE_MS = 4500,      /* longer than the room is not told that the link is down */
    FAR_PEOPLE = 9,        /* more than a step's (ipc/growth.h), */
    FAR_PEOPLE_MOST = 200,
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
    KILL_GUARDIAN,
    KILL_BOTH,
    STOP_GUARDIAN,
    KILL_ALL,
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
    LEAVE,
    CUT,
    PING,
    FAR,
    KILL_RELAY,
    RELOAD_RELAY,
    ENGINE,
    START,      /* the server starts anew */
    END,        /* it ends */
    CONVERT,    /* an upgrade to a binary with another layout, or back */
    EXEC_FAILS, /* an upgrade to a file that is no program any more when it is executed */
};
static const struct {
    const char *prefix;
    enum stimulus stimulus;
} stimuli[] = {
    {"relay.link", ENGINE},
    {"relay.end", RELOAD_RELAY},
    {"relay.enter", KILL_RELAY},
    {"relay.serving", KILL_RELAY},
    {"relay_process.prepared", KILL_RELAY},
    {"relay_process.aside", KILL_RELAY},
    {"relay_process.asked", RELOAD_RELAY},
    {"relay.", FAR},
    {"remote.", FAR},
    {"client.remote", FAR},
    {"segment.grow_remote", FAR},
    {"adopt.away", CUT},
    {"adopt.taken", CUT},
    {"adopt.", KILL},
    {"supervisor.transcript", REOPEN},
    {"supervisor.guard", KILL_GUARDIAN},
    {"supervisor.", KILL},
    {"gate.repair", KILL},
    {"slot.invite", KILL},
    {"slot.enter", KILL},
    {"move.", RELOAD},
    {"listeners.drained", DRAIN},
    {"listen.close", DRAIN},
    {"listen.cookie", RELOAD},
    {"listeners.", RELOAD},
    {"listen_lock.", RELOAD},
    {"reload.", RELOAD},
    {"segment.config", RELOAD},
    {"worker.retir", RELOAD},
    {"worker.serving", KILL},
    {"master.ready", START},
    {"master.ended", END},
    {"worker.ended", END},
    {"upgrade.exec.failed", EXEC_FAILS},
    {"guardian.lost", KILL_MASTER},
    {"guardian.adopt", UPGRADE},
    {"convert.", CONVERT},
    {"predecessor.", CONVERT},
    {"conversion.", CONVERT},
    {"guardian.make", KILL_GUARDIAN},
    {"guardian.", KILL},
    {"process.start.cloned", UPGRADE},
    {"process.", KILL},
    {"signals.", RELOAD},
    {"failover.", KILL_BOTH},
    {"lease.take", KILL_GUARDIAN},
    {"master.", KILL_MASTER},
    {"upgrade.", UPGRADE},
    {"web_page.", UPGRADE},
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
    {"publish.hold", KICK},
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
    {"send.span", SCRAPE},
    {"away.", CUT},
    {"ping.", PING},
    {"token.", LEAVE},
    {"takeover.", CUT},
    {"web.close", LEAVE},
    {"command.close", LEAVE},
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
} seconds[] = {{"adopt.closed.before", "leave.close.after"},
               {"adopt.away.before", "away.begin.after"},
               {"adopt.away.after", "away.begin.after"},
               {"adopt.taken.after", "takeover.commit.after"},
               {"takeover.undo.before", "takeover.mark.after"},
               {"takeover.undo.after", "takeover.mark.after"}};

struct point {
    char name[FAULT_NAME_MAX];
    uint32_t trials, fired, failed;
};

struct bench {
    const char *binary, *only;
    char other[512]; /* the binary with another layout */
    char copy[64];   /* of one of them, in a folder of its own: what the victim was started by */
    const char *at_start; /* the point to be armed before the next start; NULL: none */
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
    uint16_t metrics, web; /* ports */
    pid_t dead_master;     /* killed or stopped, until another master runs; 0: a master runs */
    pid_t dead_guardian;   /* the same */
};

static void talk_at(struct bench *b, uint32_t lines_a_second) {
    b->lines_a_second = lines_a_second;
    b->talked_from = clock_ms();
    b->talked = 0;
}

static bool relayed = true; /* a relay was configured last */

/* What was said before the server began is in its room before a guest is: it would look like lines
 * that are new to one. */
static void await_earlier(struct bench *b) {
    uint64_t until = clock_ms() + EARLIER_MS;
    while (far_begun() && b->victim.reached == 0 && clock_ms() < until) {
        victim_watch(&b->victim);
        usleep(1000);
    }
}

static void start(struct bench *b) {
    char text[1024], relay[FAR_CONF];
    b->workers = 4;
    relayed = true;
    far_engine_back();
    snprintf(text, sizeof text, "%sworkers = %u\n%s", conf, b->workers, far_conf(relayed, relay));
    atomic_store(&b->table->armed, b->at_start ? fault_key(b->at_start) : 0);
    b->at_start = NULL;
    victim_start(&b->victim, b->copy, text);
    await_earlier(b);
    crowd_make(&b->crowd, GUESTS, b->victim.port, ++b->random, false);
    crowd_browsers(&b->crowd, b->web);
    if (!crowd_enter(&b->crowd, REST_MS)) {
        fprintf(stderr, "the crowd cannot join\n");
        exit(2);
    }
    talk_at(b, LINES_A_SECOND);
    b->dead_master = b->dead_guardian = 0;
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
    pid_t guardian = b->dead_guardian ? victim_guardian(&b->victim) : 0;
    if (master != 0 && master != b->dead_master)
        b->dead_master = 0;
    if (guardian != 0 && guardian != b->dead_guardian)
        b->dead_guardian = 0;
}

/* For another master or guardian. */
static bool is_waiting(const struct bench *b) {
    return b->dead_master != 0 || b->dead_guardian != 0;
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

/* Requests for metrics and for the page, of which a half is finished by the next call, and what
 * must not follow one. */
static void scrape(struct bench *b) {
    static const char *const whole[] = {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"};
    enum { HALF = 25, BEHIND = 3000 };
    static int fd[SCRAPES];
    static bool open;
    static char behind[BEHIND];
    struct sockaddr_in to = {.sin_family = AF_INET}, own = to;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 9);
    for (int i = 0; i < SCRAPES && open; i++) {
        const char *rest = whole[i % 2] + HALF;
        (void)!send(fd[i], rest, strlen(rest), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (i % 3 == 0)
            (void)!send(fd[i], behind, sizeof behind, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    for (int i = 0; i < SCRAPES; i++) {
        if (open)
            close(fd[i]);
        fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        to.sin_port = htons(i % 2 ? b->web : b->metrics);
        (void)!bind(fd[i], (struct sockaddr *)&own, sizeof own);
        (void)!connect(fd[i], (struct sockaddr *)&to, sizeof to);
        (void)!send(fd[i], whole[i % 2], i < SCRAPES / 2 ? HALF : strlen(whole[i % 2]),
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
    kill(victim_guardian(&b->victim), SIGUSR1);
}

/* The binary on disk: what the victim's next upgrade executes. */
static void place_binary(const struct bench *b, const char *binary) {
    char command[1024];
    snprintf(command, sizeof command, "cp '%s' '%s.new' && mv '%s.new' '%s'", binary, b->copy,
             b->copy, b->copy);
    if (system(command) != 0)
        exit(2);
}

/* The two layouts take turns: where the old binary went on after a death, the next upgrade
 * converts nothing, and the one behind it does. */
static void upgrade_to_other(const struct bench *b, pid_t guardian) {
    static bool other;
    other = !other;
    place_binary(b, other ? b->other : b->binary);
    kill(guardian, SIGUSR2);
}

/* Its file agrees to an upgrade, and then cannot be executed. */
static void upgrade_to_none(const struct bench *b, pid_t guardian) {
    char fresh[80];
    snprintf(fresh, sizeof fresh, "%s.new", b->copy);
    FILE *file = fopen(fresh, "we");
    if (!file)
        return;
    fprintf(file, "#!/bin/sh\nchmod a-x '%s'\nexec '%s' \"$@\"\n", b->copy, b->binary);
    fchmod(fileno(file), 0700);
    if (fclose(file) == 0 && rename(fresh, b->copy) == 0)
        kill(guardian, SIGUSR2);
}

static void stimulate(struct bench *b, enum stimulus stimulus) {
    pid_t pid[VICTIM_WORKERS_MAX];
    pid_t guardian = victim_guardian(&b->victim), master = victim_master(&b->victim);
    uint32_t n = victim_workers(&b->victim, pid);
    char text[1024], path[VICTIM_PATH], relay[FAR_CONF];
    uint64_t period = stimulus == RELOAD || stimulus == RELOAD_RELAY ? RELOAD_MS
                      : stimulus == DRAIN                            ? DRAIN_MS
                      : stimulus == FILL                             ? FILL_MS
                      : stimulus == ENGINE                           ? ENGINE_MS
                      : stimulus == CONVERT                          ? CONVERT_MS
                                                                     : STIMULUS_MS;
    if (stimulus == TALK || clock_ms() - b->stimulated < period || is_waiting(b) || guardian == 0 ||
        master == 0 || n < 2)
        return;
    b->stimulated = clock_ms();
    switch (stimulus) {
    case TALK:
    case START:
    case END:
    case PING: break; /* it comes by itself */
    case CONVERT: upgrade_to_other(b, guardian); break;
    case EXEC_FAILS: upgrade_to_none(b, guardian); break;
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
    case LEAVE: crowd_send_away(&b->crowd); break;
    case CUT: crowd_cut(&b->crowd); break;
    case DEAFEN: crowd_deafen(&b->crowd, DEAF_MS); break;
    case FILL: kill(pid[0], SIGSTOP); break; /* its guard stays, and the ring fills */
    case KILL: kill(pid[crowd_random(&b->crowd, n)], SIGKILL); break;
    case UPGRADE: kill(guardian, SIGUSR2); break;
    case FAR: far_turn(); break;
    case ENGINE: far_engine_turn(); break;
    case KILL_RELAY:
        if (victim_process(&b->victim, "relay") > 0)
            kill(victim_process(&b->victim, "relay"), SIGKILL);
        break;
    case RELOAD_RELAY:
        relayed = !relayed;
        snprintf(text, sizeof text, "%sworkers = %u\n%s", conf, b->workers,
                 far_conf(relayed, relay));
        victim_configure(&b->victim, text);
        kill(guardian, SIGHUP);
        break;
    case KILL_MASTER:
    case STOP_MASTER: /* a stopped master is killed by the guardian in time */
        b->dead_master = master;
        kill(master, stimulus == KILL_MASTER ? SIGKILL : SIGSTOP);
        break;
    case KILL_GUARDIAN:
    case KILL_BOTH:
        b->dead_guardian = guardian;
        kill(guardian, SIGKILL);
        if (stimulus == KILL_GUARDIAN)
            break;
        b->dead_master = master;
        kill(master, SIGKILL);
        break;
    case STOP_GUARDIAN: kill(guardian, SIGSTOP); break; /* the master continues it */
    case KILL_ALL:
        b->dead_master = master;
        kill(master, SIGKILL);
        while (n-- > 0)
            kill(pid[n], SIGKILL);
        break;
    case MOVE_PIDFILE: b->victim.elsewhere = !b->victim.elsewhere; /* fall through */
    case RELOAD:
    case DRAIN:
        /* Guests that connect again are spread over all workers, so that some must move when
         * `workers` is reduced. */
        b->workers = b->workers == 5 ? 3 : 5;
        if (b->workers == 3)
            crowd_send_away(&b->crowd);
        snprintf(text, sizeof text, "%sworkers = %u\n%s%s", conf, b->workers,
                 b->workers == 5 ? "listen = 127.0.0.2:0\n" : "", far_conf(relayed, relay));
        victim_configure(&b->victim, text);
        kill(guardian, SIGHUP);
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

/* One that an earlier trial began would take the point's hits. */
static void await_upgrade(struct bench *b) {
    uint64_t begun = clock_ms();
    while (clock_ms() - begun < CONVERT_MS)
        talk(b);
}

/* Arms the point and waits; returns the pid that reached it, 0: none did in time. */
static pid_t fire(struct bench *b, const char *name, uint32_t nth, int signo) {
    struct fault_table *t = b->table;
    uint64_t begun;
    pid_t fired;
    bool overrun = stimulus_for(name) == DEAFEN || stimulus_for(name) == FILL;
    uint32_t patience = stimulus_for(name) == RESET_LONG               ? RESET_LONG_MS
                        : stimulus_for(name) == PING                   ? PING_MS
                        : stimulus_for(name) == ENGINE                 ? 4 * ENGINE_MS
                        : stimulus_for(name) == CONVERT                ? CONVERT_LONG_MS
                        : overrun || stimulus_for(name) == STOP_MASTER ? OVERRUN_MS
                                                                       : TRIAL_MS;
    talk_at(b, overrun ? OVERRUN_LINES : LINES_A_SECOND);
    if (stimulus_for(name) == CONVERT)
        await_upgrade(b);
    begun = clock_ms();
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
    far_engine_back();
    if (stimulus_for(name) == EXEC_FAILS)
        place_binary(b, b->binary);
    atomic_store(&t->then, 0);
    atomic_store(&t->armed, 0);
    fired = atomic_load(&t->fired);
    if (fired != 0 && signo == SIGKILL && b->victim.last_master == fired)
        b->dead_master = fired;
    if (fired != 0 && signo == SIGKILL && victim_named(&b->victim) == fired)
        b->dead_guardian = fired;
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
        if (b->crowd.order->len - from >= AFTERWARDS_LINES && !is_waiting(b) && !stopped)
            return NULL;
    }
    return b->dead_master ? "no master" : b->dead_guardian ? "no guardian" : "no more lines arrive";
}

static void failed(struct bench *b, struct point *p, uint32_t nth, int signo, const char *why) {
    printf("FAILED  %s, hit %u, %s: %s\n", p->name, nth, strsignal(signo), why);
    p->failed++;
    b->failures++;
    stop(b, true);
}

/* A point that is reached once in a server's life: as it starts, or as it ends. */
static void trial_of_a_life(struct bench *b, struct point *p, int signo) {
    struct fault_table *t = b->table;
    bool end = stimulus_for(p->name) == END;
    if (b->running && !end)
        stop(b, false);
    atomic_store(&t->fired, 0);
    atomic_store(&t->left, 1);
    atomic_store(&t->signal, signo);
    atomic_store(&t->then, 0);
    if (!end)
        b->at_start = p->name;
    if (!b->running)
        start(b);
    if (end) {
        uint32_t failures = b->failures;
        atomic_store(&t->armed, fault_key(p->name));
        stop(b, false);
        p->failed += b->failures > failures;
    }
    pid_t fired = atomic_load(&t->fired);
    atomic_store(&t->armed, 0);
    p->trials++;
    p->fired += fired != 0;
    const char *why = end ? NULL : afterwards(b, fired, fired ? signo : 0);
    if (why)
        failed(b, p, 1, signo, why);
}

static void trial(struct bench *b, struct point *p, uint32_t nth, int signo) {
    if (stimulus_for(p->name) == START || stimulus_for(p->name) == END) {
        trial_of_a_life(b, p, signo);
        return;
    }
    if (!b->running)
        start(b);
    p->trials++;
    pid_t fired = fire(b, p->name, nth, signo);
    p->fired += fired != 0;
    const char *why = afterwards(b, fired, fired ? signo : 0);
    if (why)
        failed(b, p, nth, signo, why);
}

/* Whether the point is the relay's and there is none. */
static bool is_left_out(const char *name) {
    enum stimulus of = stimulus_for(name);
    return !far_begun() && (of == FAR || of == KILL_RELAY || of == RELOAD_RELAY || of == ENGINE);
}

/* A conversion is rehearsed first, by a process that may die. */
static uint32_t first_in_earnest(const char *name) {
    return strncmp(name, "convert.", strlen("convert.")) == 0 ? 2 : 1;
}

static void try_point(struct bench *b, struct point *p) {
    static const uint32_t nths[] = {1, 2, 3, 5, 9, 17, 33, 65};
    if (is_left_out(p->name))
        return;
    bool once = stimulus_for(p->name) == START || stimulus_for(p->name) == END;
    uint32_t first = first_in_earnest(p->name), most = once ? 1 : b->most > first ? b->most : first;
    for (size_t i = 0; i < sizeof nths / sizeof nths[0] && nths[i] <= most; i++) {
        uint32_t before = p->fired;
        for (int tries = 0; tries < (nths[i] == 1 ? TRIES : 1) && p->fired == before; tries++) {
            if (tries > 0 && b->running)
                stop(b, false); /* a new crowd, whose guests are spread over all workers again */
            trial(b, p, nths[i], SIGKILL);
        }
        if (p->fired == before)
            break; /* it is not reached so often; larger n are not tried */
        if (nths[i] == first && !b->kills_only)
            trial(b, p, first, SIGSTOP);
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

/* A port that is free now, and of no other use after a reload. */
static uint16_t free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        perror("a port");
        exit(2);
    }
    close(fd);
    return ntohs(at.sin_port);
}

static void choose_ports(struct bench *b) {
    b->metrics = free_port();
    b->web = free_port();
    snprintf(conf + strlen(conf), sizeof conf - strlen(conf),
             "metrics = 127.0.0.1:%u\nweb = 127.0.0.1:%u\n", b->metrics, b->web);
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
    b.binary = b.binary ? realpath(b.binary, NULL) : NULL;
    if (!b.binary || optind + 1 != argc) {
        fprintf(stderr, "usage: faults -b BINARY LIST\n");
        return 2;
    }
    points_other(b.binary, b.other, sizeof b.other);
    signal(SIGPIPE, SIG_IGN);
    choose_ports(&b);
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_points(&b, argv[optind]);
    b.table = points_table();
    victim_network();
    snprintf(b.copy, sizeof b.copy, "/tmp/chatroom-faults-XXXXXX");
    if (!mkdtemp(b.copy)) {
        perror(b.copy);
        return 2;
    }
    strcat(b.copy, "/chatroom-master");
    place_binary(&b, b.binary);
    far_begin();
    for (uint32_t i = 0; i < b.points; i++) {
        if (!b.only || strcmp(b.only, b.point[i].name) == 0)
            try_point(&b, &b.point[i]);
    }
    if (b.running)
        stop(&b, false);
    unlink(b.copy);
    *strrchr(b.copy, '/') = '\0';
    rmdir(b.copy);
    uint32_t never = report(&b);
    return b.failures || never ? EXIT_FAILURE : EXIT_SUCCESS;
}
