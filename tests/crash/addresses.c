/* addresses.c - the number of clients of each address, while workers are killed: it is counted from
 * the records, so no death makes it drift.  Some addresses are the connection's own, others are
 * named by a PROXY header.
 *
 *     addresses -b BINARY [-k KILLS] [-r RANDOM]
 *
 * Clients come and go all the time; HELD of each address stay.  At the end max_clients_per_address
 * must let in exactly the rest, refuse the next, and let in one for each that leaves.  Exit status
 * 1 if a count is wrong or a client that stayed was disconnected. */
#include "ipc/clock.h"
#include "tests/crash/victim.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ADDRESSES = 16, /* the second half is named by headers */
    LIMIT = 6,
    HELD = 2,
    CHURN = 100, /* clients that come and go, of random addresses */
    KILL_EVERY_MS =
        25, /* of 16 workers, so that each lives long enough to be started again at once */
    PATIENCE_MS = 20000,
    CONNECTED = 1, /* states in /proc/net/tcp */
    CLOSE_WAIT = 8,
};

static const char conf[] = "workers = 16\nlogin_timeout = 0\nconnect_rate = 0\nhistory = 0\n"
                           "max_clients_per_address = 6\nproxy_from = 127.0.0.9\n"
                           "worker_timeout = 2s\nflood_rate = 0\n";

static struct victim victim;
static uint32_t randomness = 1, wrong;

static uint32_t random_below(uint32_t below) { /* xorshift32 */
    randomness ^= randomness << 13;
    randomness ^= randomness >> 17;
    randomness ^= randomness << 5;
    return randomness % below;
}

/* A connection of that address, which has said what is to be said first. */
static int come(uint32_t address) {
    static uint32_t port;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(victim.port)}, own = to;
    bool named = address >= ADDRESSES / 2;
    char header[80];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl(named ? 0x7f000009u : 0x7f080001u + address);
    own.sin_port = 0;
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("connect");
        exit(2);
    }
    int n = snprintf(header, sizeof header, "PROXY TCP4 203.0.113.%u 192.0.2.1 %u 6666\r\n",
                     address, ++port % 65536);
    if (named && send(fd, header, (size_t)n, MSG_NOSIGNAL) != n)
        perror("send");
    return fd;
}

/* Whether the server greets it; false: it is refused with a sentence.  Anything else is wrong. */
static bool greeted(int fd, uint32_t address) {
    static const char full[] = "Too many connections from your address.\r\n";
    uint64_t until = clock_ms() + PATIENCE_MS;
    char text[512] = "";
    size_t len = 0;
    while (clock_ms() < until && !strstr(text, "Use \"login <nick>\"\r\n") && !strstr(text, full)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        poll(&wait, 1, 100);
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, MSG_DONTWAIT);
        if (n == 0)
            break;
        len += n > 0 ? (size_t)n : 0;
        text[len] = '\0';
    }
    if (strncmp(text, "Welcome to Chatroom\r\n", 21) == 0)
        return true;
    if (strcmp(text, full) != 0) {
        printf("address %u: neither let in nor refused, but told \"%s\"\n", address, text);
        wrong++;
    }
    return false;
}

/* Connections that the server still has. */
static uint32_t connections(void) {
    FILE *file = fopen("/proc/net/tcp", "re");
    char line[512];
    unsigned port, state;
    uint32_t n = 0;
    while (file && fgets(line, sizeof line, file))
        n += sscanf(line, " %*u: %*x:%x %*x:%*x %x", &port, &state) == 2 && port == victim.port &&
             (state == CONNECTED || state == CLOSE_WAIT);
    if (file)
        fclose(file);
    return n;
}

/* Records of clients, by which it counts.  A connection that was reset has one, and no state in the
 * kernel any more, until its worker's successor has found it. */
static uint32_t records(void) {
    static const char key[] = "\"not_logged_in\":";
    char line[1024], path[VICTIM_PATH], status[4096];
    const char *slash = strrchr(victim.binary, '/');
    snprintf(line, sizeof line, "%.*s/chatroom-ctl -s %s --json status",
             slash ? (int)(slash - victim.binary) : 1, slash ? victim.binary : ".",
             victim_control(&victim, path));
    FILE *ctl = popen(line, "re");
    size_t len = ctl ? fread(status, 1, sizeof status - 1, ctl) : 0;
    status[len] = '\0';
    if (ctl)
        pclose(ctl);
    const char *at = strstr(status, key);
    return at ? (uint32_t)strtoul(at + sizeof key - 1, NULL, 10) : UINT32_MAX;
}

static void become(uint32_t want) {
    uint64_t until = clock_ms() + PATIENCE_MS;
    while ((connections() != want || records() != want) && clock_ms() < until) {
        victim_watch(&victim);
        usleep(5000);
    }
    if (connections() != want || records() != want) {
        printf("the server has %u connections and %u records instead of %u\n", connections(),
               records(), want);
        wrong++;
    }
}

/* Some come, some go, in every way. */
static void churn(void) {
    static int fd[CHURN];
    static bool made;
    for (int i = 0; i < CHURN && !made; i++)
        fd[i] = -1;
    made = true;
    for (int i = 0; i < 8; i++) {
        int *one = &fd[random_below(CHURN)];
        struct linger at_once = {.l_onoff = 1};
        if (*one < 0) {
            *one = come(random_below(ADDRESSES));
            continue;
        }
        if (random_below(2))
            setsockopt(*one, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(*one);
        *one = -1;
    }
}

static void churn_end(void) {
    for (int fd = 3; fd < 1024; fd++) { /* all but those that stay, which are above */
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
            ntohs(peer.sin_port) == victim.port)
            close(fd);
    }
}

static uint32_t kill_workers(uint32_t kills) {
    uint64_t next = clock_ms();
    uint32_t done = 0, turn = 0;
    while (done < kills) {
        pid_t pid[VICTIM_WORKERS_MAX];
        churn();
        victim_watch(&victim);
        if (clock_ms() < next) {
            usleep(1000);
            continue;
        }
        next = clock_ms() + KILL_EVERY_MS;
        uint32_t n = victim_workers(&victim, pid);
        if (n > 4)
            done += kill(pid[turn++ % n], SIGKILL) == 0;
    }
    return done;
}

/* `held` of the address are there: exactly the rest is let in, and one for each that leaves. */
static void exact(uint32_t address, uint32_t held, uint32_t others) {
    int fd[LIMIT];
    uint32_t in = held;
    for (; in < LIMIT; in++) {
        fd[in] = come(address);
        if (!greeted(fd[in], address))
            break;
    }
    for (int i = 0; i < 3 && in == LIMIT; i++) {
        int more = come(address);
        in += greeted(more, address);
        close(more);
    }
    if (in != LIMIT) {
        printf("address %u: %u are let in instead of %d\n", address, in, LIMIT);
        wrong++;
        in = in < LIMIT ? in : LIMIT;
    }
    for (uint32_t i = held; i < in; i++)
        close(fd[i]);
    become(others);
}

static void stay(int held[ADDRESSES][HELD]) {
    for (uint32_t address = 0; address < ADDRESSES; address++) {
        for (int i = 0; i < HELD; i++) {
            int fd = come(address);
            if (!greeted(fd, address))
                wrong++;
            held[address][i] = dup2(fd, 1024 + (int)address * HELD + i);
            close(fd);
        }
    }
}

static void stayed(int held[ADDRESSES][HELD]) {
    for (uint32_t address = 0; address < ADDRESSES; address++) {
        for (int i = 0; i < HELD; i++) {
            char byte;
            ssize_t n = recv(held[address][i], &byte, 1, MSG_DONTWAIT);
            if (n >= 0) {
                printf("address %u: a client that stayed was %s\n", address,
                       n ? "told something" : "disconnected");
                wrong++;
            }
        }
    }
}

int main(int argc, char **argv) {
    static int held[ADDRESSES][HELD];
    const char *binary = "./chatroom-master";
    uint32_t kills = 1000;
    int option;
    while ((option = getopt(argc, argv, "b:k:r:")) != -1) {
        switch (option) {
        case 'b': binary = optarg; break;
        case 'k': kills = (uint32_t)atoi(optarg); break;
        case 'r': randomness = (uint32_t)atoi(optarg) | 1; break;
        default: return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    victim_start(&victim, binary, conf);
    stay(held);
    uint32_t done = kill_workers(kills);
    churn_end();
    become(ADDRESSES * HELD);
    stayed(held);
    for (uint32_t address = 0; address < ADDRESSES; address++)
        exact(address, HELD, ADDRESSES * HELD);
    for (uint32_t address = 0; address < ADDRESSES; address++)
        for (int i = 0; i < HELD; i++)
            close(held[address][i]);
    become(0);
    for (uint32_t address = 0; address < ADDRESSES; address++)
        exact(address, 0, 0);
    bool ended_well = victim_stop(&victim);
    bool bad = wrong > 0 || !ended_well || victim.errors > 0;
    printf("%u kills, %d addresses: %s\n", done, ADDRESSES,
           bad ? "FAILED" : "all counts are exact");
    victim_forget(&victim, bad);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
