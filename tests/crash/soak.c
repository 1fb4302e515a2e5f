/* soak.c - hundreds of simulated clients talk while the server's processes are killed, stopped,
 * reloaded and upgraded: no client may notice.  Prints what was done and what was received; exit
 * status 1 if anything was lost, doubled, reordered, disconnected or refused.
 *
 *     soak [-s SECONDS] [-c CLIENTS] [-l LINES_A_SECOND] [-k KILLS] [-p STOPS] [-h RELOADS]
 *          [-u UPGRADES] [-m KILLS_OF_THE_MASTER] [-t STOPS_OF_THE_MASTER]
 *          [-g KILLS_OF_THE_GUARDIAN] [-z STOPS_OF_THE_GUARDIAN] [-x KILLS_OF_BOTH]
 *          [-a KILLS_OF_THE_MASTER_AND_ALL_WORKERS] [-w KILLS_OF_THE_TRANSCRIPT]
 *          [-n CONNECTIONS_A_SECOND] [-f ROGUES] [-d PERCENT] [-r RANDOM] [-b BINARY]
 *
 * An operator moderates them by the chatroom-ctl beside BINARY (moderator.h).  -f: so many clients
 * at once flood the server and vanish (mob.h); their names and connections must be gone at the end.
 * The counts of -k -p -h -u -m -t -g -z -x -a -w are for the whole run, at random times.
 * -d: of all TCP packets so many percent are dropped, in a network of its own, by nft(8); where the
 * program may not do that, it says so and goes on without. */
#include "ipc/clock.h"
#include "tests/crash/chaos.h"
#include "tests/crash/crowd.h"
#include "tests/crash/mob.h"
#include "tests/crash/moderator.h"
#include "tests/crash/storm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    KICK_MS = 500, /* between two guests that are asked to leave */
    ENTER_MS = 30000,
    SETTLE_MS = 30000,
    ADDRESS_SPARE = 100
};

/* No guest is too fast: 300 guests say 400 lines a second.  Rogues are, and soon their lines are
 * dropped. */
static const char conf[] =
    "flood_rate = 30\nflood_burst = 100\nflood_wait = 300ms\nconnect_rate = 200\n"
    "connect_burst = 1000\nlogin_timeout = 0\nannounce_max = 0\n"
    "max_clients = 9000\nworker_timeout = 1s\nhistory = 5\nproxy_from = 127.0.3.1\n";

struct soak {
    uint32_t seconds, clients, lines, storm, rogues, dropped, random;
    uint32_t per_address; /* max_clients_per_address: more than guests connect at once */
    uint32_t count[CHAOS_KINDS];
    uint64_t silence_ms; /* longest, during the talk */
    const char *binary;
    struct victim victim;
    struct chaos chaos;
    struct crowd crowd;
    struct storm gusts;
    struct mob mob;
    struct moderator moderator;
    uint64_t kicked;
    uint32_t traces; /* of the mob, at the end */
    char conf[640];  /* without its `workers` line */
};

static uint32_t number(const char *text) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end != '\0' || end == text) {
        fprintf(stderr, "soak: not a number: %s\n", text);
        exit(2);
    }
    return (uint32_t)n;
}

static void options(struct soak *s, int argc, char **argv) {
    static const char kinds[] = "kphumtw?gaxz"; /* as in enum chaos_kind; there is no relay */
    int option;
    while ((option = getopt(argc, argv, "s:c:l:k:p:h:u:m:t:w:g:a:x:z:n:f:d:r:b:")) != -1) {
        const char *kind = option != '?' ? strchr(kinds, option) : NULL;
        if (kind)
            s->count[kind - kinds] = number(optarg);
        else if (option == 's')
            s->seconds = number(optarg);
        else if (option == 'c')
            s->clients = number(optarg);
        else if (option == 'l')
            s->lines = number(optarg);
        else if (option == 'n')
            s->storm = number(optarg);
        else if (option == 'f')
            s->rogues = number(optarg);
        else if (option == 'd')
            s->dropped = number(optarg);
        else if (option == 'r')
            s->random = number(optarg);
        else if (option == 'b')
            s->binary = optarg;
        else
            exit(2);
    }
}

/* How many of `rate` actions per second are due now, after `done` since `start`; at most 200. */
static uint32_t due(uint32_t rate, uint64_t start, uint64_t done) {
    uint64_t should = rate * (clock_ms() - start) / 1000;
    uint64_t n = should > done ? should - done : 0;
    return n < 200 ? (uint32_t)n : 200;
}

static void run(struct soak *s) {
    uint64_t start = clock_ms(), until = start + 1000ull * s->seconds, done = 0, next = start;
    char control[VICTIM_PATH];
    s->crowd.order->last_ms = s->crowd.order->silence_ms = 0;
    while (clock_ms() < until) {
        uint32_t lines = due(s->lines, start, done);
        done += lines;
        crowd_turn(&s->crowd, lines, 2);
        if (s->storm > 0)
            storm_turn(&s->gusts, due(s->storm, start, s->gusts.made + s->gusts.held_back));
        mob_turn(&s->mob);
        chaos_turn(&s->chaos);
        if (clock_ms() >= start + s->kicked * KICK_MS) {
            crowd_kick(&s->crowd, victim_control(&s->victim, control));
            s->kicked++;
        }
        moderator_turn(&s->moderator);
        victim_watch(&s->victim);
        if (clock_ms() >= next && isatty(STDERR_FILENO)) {
            fprintf(stderr, "\r%llu s: %llu lines, %llu kills ",
                    (unsigned long long)(clock_ms() - start) / 1000,
                    (unsigned long long)s->crowd.order->len,
                    (unsigned long long)s->chaos.done[CHAOS_KILL]);
            next += 1000;
        }
    }
}

static void print(const char *what, uint64_t n) {
    printf("%-28s %llu\n", what, (unsigned long long)n);
}

static void report_done(const struct soak *s) {
    const struct crowd *c = &s->crowd;
    printf("seconds %u, clients %u, random %u\n", s->seconds, s->clients, s->random);
    print("kills of workers", s->chaos.done[CHAOS_KILL]);
    print("stops", s->chaos.done[CHAOS_STOP]);
    print("reloads", s->chaos.done[CHAOS_RELOAD]);
    print("upgrades", s->chaos.done[CHAOS_UPGRADE]);
    print("kills of the transcript", s->chaos.done[CHAOS_WRITER]);
    print("kills of the master", s->chaos.done[CHAOS_MASTER]);
    print("stops of the master", s->chaos.done[CHAOS_HALT]);
    print("of it and all workers", s->chaos.done[CHAOS_ALL]);
    print("kills of the guardian", s->chaos.done[CHAOS_GUARDIAN]);
    print("stops of the guardian", s->chaos.done[CHAOS_REST]);
    print("kills of both", s->chaos.done[CHAOS_BOTH]);
    print("percent of packets dropped", s->dropped);
    print("lines said", c->said);
    print("lines in the room", c->order->len);
    print("private lines", c->whispers);
    print("lists asked for", c->asks);
    print("comings", c->comings);
    print("of browsers", c->browsed);
    print("slow browsers cut", c->cut);
    print("browsers that came back", c->returns);
    print("guests asked to leave", s->kicked);
    print("bans", s->moderator.bans);
    print("guests told that", c->banned);
    print("mutes", s->moderator.mutes);
    print("lines refused by them", s->moderator.refusals);
    print("announcements", s->moderator.says);
    print("orders to the master", s->moderator.orders);
    print("orders given again", s->moderator.again);
    print("looks", s->moderator.looks);
    print("scrapes of metrics", s->moderator.scrapes);
    print("control connections cut", s->moderator.loiterers);
    print("overruns of slow readers", c->overruns - c->quick_overruns);
    print("longest silence, ms", s->silence_ms);
    print("slowest line, ms", c->order->slowest_ms);
    print("slowest reload, ms", s->chaos.slowest_reload_ms);
    print("slowest upgrade, ms", s->chaos.slowest_upgrade_ms);
    print("slowest new master, ms", s->chaos.slowest_master_ms);
    print("slowest new guardian, ms", s->chaos.slowest_guardian_ms);
    if (s->rogues > 0) {
        print("rogues", s->mob.made);
        print("rogues logged in", s->mob.logged_in);
        print("bytes of rogues", s->mob.bytes);
        print("notices of dropped lines", s->mob.notices);
        print("connections too many", s->mob.knocks);
    }
    if (s->storm > 0) {
        print("connections made", s->gusts.made);
        print("connections greeted", s->gusts.greeted);
        print("slowest greeting, ms", s->gusts.slowest_ms);
    }
}

/* All of these must be zero. */
static uint64_t report_violations(struct soak *s, bool settled, bool ended_well) {
    const struct crowd *c = &s->crowd;
    printf("and these must be zero:\n");
    print("disconnects", c->disconnects);
    print("lost", c->order->lost);
    print("doubled", c->order->doubled);
    print("reordered", c->order->reordered);
    print("heard from muted or banned", c->order->forbidden);
    print("private lost", c->private_lost);
    print("private doubled", c->private_doubled);
    print("lists cut or wrong", c->lists_bad);
    print("unexpected lines", c->unexpected);
    print("overruns of quick readers", c->quick_overruns);
    print("refused", c->refused + s->gusts.refused + s->mob.refused);
    print("reset", s->gusts.reset);
    print("unserved", s->gusts.unserved);
    print("rogues not ended", s->mob.unended);
    print("traces of rogues", s->traces);
    print("wrong for the operator", s->moderator.wrong);
    print("unanswered", s->chaos.unanswered);
    print("errors in the log", s->victim.errors);
    print("lines or answers missing", !settled);
    print("did not end well", !ended_well);
    return crowd_violations(&s->crowd) + c->quick_overruns + s->gusts.refused + s->gusts.reset +
           s->gusts.unserved + mob_violations(&s->mob) + s->traces + s->moderator.wrong +
           s->chaos.unanswered + s->victim.errors + !settled + !ended_well;
}

/* A port that is free now. */
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

static bool nft(const char *rules) {
    FILE *to = popen("PATH=$PATH:/usr/sbin nft -f - 2>&1", "w");
    return to && fputs(rules, to) >= 0 && pclose(to) == 0;
}

static void drop_packets(struct soak *s) {
    char rules[200];
    snprintf(rules, sizeof rules,
             "table inet lossy {\nchain input {\ntype filter hook input priority 0;\n"
             "meta l4proto tcp numgen random mod 100 < %u drop\n}\n}\n",
             s->dropped);
    if (s->dropped == 0 || (victim_network() && nft(rules)))
        return;
    printf("no packet is dropped: that needs root and nft(8)\n");
    s->dropped = 0;
}

/* Where packets are dropped, a connection stands still for seconds: the ring keeps more than is
 * said meanwhile. */
static void begin(struct soak *s) {
    char first[1024];
    drop_packets(s);
    uint16_t metrics = free_port(), web = free_port();
    s->per_address = s->clients + ADDRESS_SPARE;
    snprintf(s->conf, sizeof s->conf,
             "%smax_clients_per_address = %u\nmetrics = 127.0.0.1:%u\nweb = 127.0.0.1:%u\n"
             "ring_size = %s\n",
             conf, s->per_address, metrics, web, s->dropped ? "1M" : "128K");
    snprintf(first, sizeof first, "%sworkers = 4\n", s->conf);
    victim_start(&s->victim, s->binary, first);
    chaos_make(&s->chaos, &s->victim, s->conf, s->random);
    for (int kind = 0; kind < CHAOS_KINDS && s->seconds > 0; kind++)
        s->chaos.rate[kind] = (uint32_t)(s->count[kind] * 1000ull / s->seconds);
    crowd_make(&s->crowd, s->clients, s->victim.port, s->random, false);
    crowd_spread(&s->crowd);
    crowd_browsers(&s->crowd, web);
    moderator_make(&s->moderator, &s->victim, &s->crowd, s->binary, metrics, s->random);
    storm_make(&s->gusts, s->victim.port);
    mob_make(&s->mob, s->rogues, s->victim.port, s->random, s->crowd.order);
}

static void await_mob(struct soak *s) {
    uint64_t until = clock_ms() + (s->dropped ? MOB_PATIENCE_LOSSY_MS : MOB_PATIENCE_MS);
    while (mob_left(&s->mob) > 0 && clock_ms() < until)
        crowd_turn(&s->crowd, 0, 50);
}

int main(int argc, char **argv) {
    static struct soak s = {.seconds = 30, .clients = 300, .lines = 400, .rogues = 24, .random = 1};
    struct rlimit files = {20000, 20000};
    s.binary = getenv("CHATROOM_MASTER") ? getenv("CHATROOM_MASTER") : "./chatroom-master";
    options(&s, argc, argv);
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    begin(&s);
    bool settled = crowd_enter(&s.crowd, ENTER_MS);
    if (settled) {
        run(&s);
        s.silence_ms = s.crowd.order->silence_ms;
        chaos_settle(&s.chaos);
        if (s.dropped > 0)
            nft("delete table inet lossy\n");
        moderator_settle(&s.moderator);
        storm_settle(&s.gusts);
        while (!mob_ended(&s.mob))
            crowd_turn(&s.crowd, 0, 5);
        await_mob(&s); /* the crowd answers pings meanwhile */
        settled = crowd_settle(&s.crowd, SETTLE_MS);
        s.traces = mob_traces(&s.mob, s.per_address);
        moderator_count(&s.moderator, s.per_address);
    }
    report_done(&s);
    for (uint32_t i = 0; i < s.clients; i++) /* before the server's goodbye */
        crowd_hang_up(&s.crowd, &s.crowd.guest[i]);
    bool ended_well = victim_stop(&s.victim);
    if (settled)
        moderator_compare(&s.moderator);
    uint64_t bad = report_violations(&s, settled, ended_well);
    printf("%s\n", bad ? "FAILED" : "ok");
    victim_forget(&s.victim, bad);
    mob_free(&s.mob);
    moderator_free(&s.moderator);
    crowd_free(&s.crowd);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
