/* ghosts.c - clients whose network vanishes without a word: each is gone within three minutes,
 * whether others talk meanwhile or not, and its name and its place among its address's clients are
 * free.
 *
 *     ghosts -b BINARY
 *
 * Two servers in a network of their own, whose loopback interface is taken down: of one an operator
 * says something all the time, by its UNIX socket, the other is silent.  Needs root; without, exits
 * 0 and says so.  Takes three minutes. */
#include "ipc/clock.h"
#include "tests/crash/victim.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    LIMIT = 4, /* clients of an address */
    PATIENCE_MS = 20000,
    GONE_MS = 190000,
    SAY_EVERY_MS = 1000,
    CONNECTED = 1, /* states in /proc/net/tcp */
    CLOSE_WAIT = 8,
};

static const char conf[] = "workers = 2\nlogin_timeout = 0\nconnect_rate = 0\nhistory = 0\n"
                           "max_clients_per_address = 4\nflood_rate = 0\n"
                           "proxy_from = 127.0.0.9\n";

static uint32_t wrong;

static bool loopback(bool up) {
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool done = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
    close(fd);
    return done;
}

static void complain(const char *what, int n) {
    printf("%s (%d)\n", what, n);
    wrong++;
}

/* Reads until the text has come. */
static bool hears(int fd, const char *text) {
    uint64_t until = clock_ms() + PATIENCE_MS;
    char heard[4096] = "";
    size_t len = 0;
    while (clock_ms() < until && !strstr(heard, text)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        poll(&wait, 1, 100);
        ssize_t n = recv(fd, heard + len, sizeof heard - 1 - len, MSG_DONTWAIT);
        if (n == 0)
            break;
        len += n > 0 ? (size_t)n : 0;
        heard[len] = '\0';
    }
    return strstr(heard, text) != NULL;
}

/* The i-th client: half of them are named by a header. */
static int enter(const struct victim *v, int i) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(v->port)}, own = to;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[160] = "", name[32];
    size_t len = 0;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl(i < LIMIT ? 0x7f000002u : 0x7f000009u);
    own.sin_port = 0;
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        complain("no connection", i);
    if (i >= LIMIT)
        len = (size_t)sprintf(text, "PROXY TCP4 203.0.113.7 192.0.2.1 %d 6666\r\n", i);
    len += (size_t)sprintf(text + len, "login ghost%d\r\n", i);
    snprintf(name, sizeof name, "ghost%d has entered the room.", i);
    if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len || !hears(fd, name))
        complain("a client cannot log in", i);
    return fd;
}

static void say(const struct victim *v) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char path[VICTIM_PATH];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%.107s", victim_control(v, path));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        send(fd, "say is anybody there?\n", 22, MSG_NOSIGNAL) != 22 || !hears(fd, "ok"))
        complain("an operator cannot say anything", 0);
    close(fd);
}

static uint32_t connections(const struct victim *v) {
    FILE *file = fopen("/proc/net/tcp", "re");
    char line[512];
    unsigned port, state;
    uint32_t n = 0;
    while (file && fgets(line, sizeof line, file))
        n += sscanf(line, " %*u: %*x:%x %*x:%*x %x", &port, &state) == 2 && port == v->port &&
             (state == CONNECTED || state == CLOSE_WAIT);
    if (file)
        fclose(file);
    return n;
}

int main(int argc, char **argv) {
    static struct victim victim[2];
    static const char *const kind[] = {"talking", "silent"};
    uint64_t gone[2] = {0, 0};
    int fd[2][2 * LIMIT];
    if (argc != 3 || strcmp(argv[1], "-b") != 0)
        return 2;
    if (geteuid() != 0) {
        printf("ghosts: not run, because it needs root\n");
        return EXIT_SUCCESS;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int k = 0; k < 2; k++) {
        victim_start(&victim[k], argv[2], conf);
        for (int i = 0; i < 2 * LIMIT; i++)
            fd[k][i] = enter(&victim[k], i);
    }
    uint64_t begun = clock_ms(), say_at = begun;
    if (!loopback(false))
        complain("the loopback interface cannot be taken down", 0);
    while (clock_ms() - begun < GONE_MS && (!gone[0] || !gone[1])) {
        for (int k = 0; k < 2; k++) {
            victim_watch(&victim[k]);
            if (!gone[k] && connections(&victim[k]) == 0)
                gone[k] = clock_ms() - begun;
        }
        if (!gone[0] && clock_ms() >= say_at) {
            say(&victim[0]);
            say_at = clock_ms() + SAY_EVERY_MS;
        }
        usleep(100000);
    }
    loopback(true);
    for (int k = 0; k < 2; k++) {
        if (!gone[k])
            complain(kind[k], (int)connections(&victim[k]));
        printf("%s room: %d clients gone after %llu s\n", kind[k], 2 * LIMIT,
               (unsigned long long)gone[k] / 1000);
        for (int i = 0; i < 2 * LIMIT; i++) {
            close(fd[k][i]);
            fd[k][i] = enter(&victim[k], i); /* by the same names, from the same addresses */
        }
        for (int i = 0; i < 2 * LIMIT; i++)
            close(fd[k][i]);
        if (!victim_stop(&victim[k]))
            complain("a bad end", k);
        victim_forget(&victim[k], wrong > 0);
    }
    printf("ghosts: %s\n", wrong ? "FAILED" : "names and places are free again");
    return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
