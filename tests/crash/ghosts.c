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
#include <sys/wait.h>
#include <unistd.h>

enum {
    LIMIT = 4, /* clients of an address */
    CLIENTS = 2 * LIMIT,
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

/* One server with its clients, in a network of its own.  Returns the exit status. */
static int room(const char *binary, bool talks) {
    static struct victim v;
    const char *kind = talks ? "a room that talks" : "a silent room";
    int fd[CLIENTS];
    victim_start(&v, binary, conf);
    for (int i = 0; i < CLIENTS; i++)
        fd[i] = enter(&v, i);
    if (!loopback(false))
        complain("the loopback interface cannot be taken down", 0);
    uint64_t begun = clock_ms(), say_at = begun, took;
    while ((took = clock_ms() - begun) < GONE_MS && connections(&v) > 0) {
        victim_watch(&v);
        if (talks && clock_ms() >= say_at) {
            say(&v);
            say_at = clock_ms() + SAY_EVERY_MS;
        }
        usleep(100000);
    }
    if (connections(&v) > 0)
        complain(kind, (int)connections(&v));
    printf("%s: %d clients gone after %llu s\n", kind, CLIENTS, (unsigned long long)took / 1000);
    loopback(true);
    for (int i = 0; i < CLIENTS; i++) { /* by the same names, from the same addresses */
        close(fd[i]);
        fd[i] = enter(&v, i);
    }
    for (int i = 0; i < CLIENTS; i++)
        close(fd[i]);
    if (!victim_stop(&v))
        complain("a bad end", 0);
    victim_forget(&v, wrong > 0);
    return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    int status, failed = 0;
    if (argc != 3 || strcmp(argv[1], "-b") != 0)
        return 2;
    if (geteuid() != 0) {
        printf("ghosts: not run, because it needs root\n");
        return EXIT_SUCCESS;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int talks = 0; talks < 2; talks++) {
        if (fork() == 0)
            return room(argv[2], talks);
    }
    while (wait(&status) > 0)
        failed += status != 0;
    printf("ghosts: %s\n", failed ? "FAILED" : "names and places are free again");
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
