/* transcript.c - the transcript's process is killed again and again under load: what its files
 * have, in their order, is what a client saw, line for line.
 *
 *     transcript [-b BINARY] [-k KILLS]
 *
 * Now and then its file is moved away and reopened, a worker, the master or the guardian is killed,
 * or the binary is replaced.  Exit status 1 if a line is lost, doubled, reordered or different. */
#include "ipc/clock.h"
#include "tests/crash/victim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SPEAKERS = 4,
    KILL_MS = 260,   /* a life that is shorter counts as a death at the start (master/respawn.h) */
    ROUND_LINES = 5, /* of each speaker, every ROUND_MS */
    ROUND_MS = 5,
    WAIT_MS = 60000,
    TIME = 25 /* bytes before the kind */
};

static const char conf[] = "workers = 3\nflood_rate = 0\nconnect_rate = 0\nhistory = 0\n"
                           "transcript_sync = 20ms\nworker_timeout = 1s\n";

struct text {
    char *bytes;
    size_t len, size;
};

static struct victim victim;
static struct text heard;
static int listener, speaker[SPEAKERS];
static uint32_t said[SPEAKERS];
static int files = 1; /* opened so far */

static void die(const char *what) {
    fprintf(stderr, "transcript: %s\n", what);
    victim_kill(&victim);
    exit(1);
}

static void text_add(struct text *t, const char *bytes, size_t n) {
    if (t->len + n + 1 > t->size) {
        t->size = 2 * (t->len + n + 1);
        t->bytes = realloc(t->bytes, t->size);
        if (!t->bytes)
            die("out of memory");
    }
    memcpy(t->bytes + t->len, bytes, n);
    t->len += n;
    t->bytes[t->len] = '\0';
}

static int enter(const char *name) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(victim.port)};
    char line[64], got[512];
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    int n = snprintf(line, sizeof line, "login %s\r\n", name);
    if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
        die("send");
    /* Its own coming ends what it is greeted with. */
    size_t len = 0;
    char want[96];
    snprintf(want, sizeof want, "%s has entered the room.\r\n", name);
    do {
        ssize_t more = recv(fd, got + len, sizeof got - 1 - len, 0);
        if (more <= 0)
            die("a client was closed");
        len += (size_t)more;
        got[len] = '\0';
    } while (!strstr(got, want));
    if (heard.len == 0)
        text_add(&heard, want, strlen(want)); /* the first to enter is the listener */
    return fd;
}

static void listen_now(int ms) {
    static char bytes[1 << 16];
    struct pollfd wait[1 + SPEAKERS] = {{.fd = listener, .events = POLLIN}};
    for (int i = 0; i < SPEAKERS; i++)
        wait[1 + i] = (struct pollfd){.fd = speaker[i], .events = POLLIN};
    poll(wait, 1 + SPEAKERS, ms);
    for (int i = 0; i < 1 + SPEAKERS; i++) {
        ssize_t n = wait[i].fd > 0 ? recv(wait[i].fd, bytes, sizeof bytes, MSG_DONTWAIT) : -1;
        if (n == 0 || (n < 0 && errno != EAGAIN && wait[i].fd > 0))
            die("a client was closed");
        if (n > 0 && i == 0)
            text_add(&heard, bytes, (size_t)n);
    }
}

static void speak(void) {
    for (int i = 0; i < SPEAKERS; i++) {
        char lines[ROUND_LINES * 64];
        int n = 0;
        for (int k = 0; k < ROUND_LINES; k++)
            n += snprintf(lines + n, sizeof lines - (size_t)n, "%s%u\r\n",
                          k == 2 ? "/me does " : "", ++said[i]);
        if (send(speaker[i], lines, (size_t)n, MSG_NOSIGNAL) != n)
            die("send");
    }
}

/* ---- what is done to it ---- */

static void rotate(void) {
    char from[256], to[256];
    snprintf(from, sizeof from, "%s/transcript", victim.dir);
    snprintf(to, sizeof to, "%s/transcript.%d", victim.dir, files);
    files += rename(from, to) == 0;
    kill(victim_guardian(&victim), SIGUSR1);
}

static void harm(int turn) {
    pid_t pid[VICTIM_WORKERS_MAX];
    pid_t guardian = victim_guardian(&victim), master = victim_master(&victim);
    if (turn % 11 == 3)
        rotate();
    if (turn % 7 == 5 && victim_workers(&victim, pid) > 0)
        kill(pid[0], SIGKILL);
    if (turn % 23 == 13 && guardian > 0)
        kill(guardian, SIGUSR2);
    if (turn % 29 == 19 && master > 0)
        kill(master, SIGKILL);
    if (turn % 31 == 7 && guardian > 0)
        kill(guardian, SIGKILL);
}

static void run(int kills) {
    int done = 0;
    for (int turn = 0; done < kills; turn++) {
        uint64_t until = clock_ms() + KILL_MS + (uint64_t)(rand() % 40);
        pid_t pid;
        for (uint64_t now, next = 0; (now = clock_ms()) < until;) {
            if (now >= next) {
                speak();
                next = now + ROUND_MS;
            }
            listen_now((int)(next - now));
            victim_watch(&victim);
        }
        pid = victim_process(&victim, "transcript");
        if (pid > 0 && kill(pid, SIGKILL) == 0)
            done++;
        harm(turn);
    }
}

/* ---- what has come of it ---- */

static void hear_all(void) {
    uint64_t until = clock_ms() + WAIT_MS;
    for (int i = 0; i < SPEAKERS; i++) {
        char last[64];
        snprintf(last, sizeof last, "n%d: %u\r\n", i, said[i]);
        while (!memmem(heard.bytes + (heard.len > 65536 ? heard.len - 65536 : 0),
                       heard.len > 65536 ? 65536 : heard.len, last, strlen(last))) {
            listen_now(50);
            if (clock_ms() > until)
                die("a client did not hear everything");
        }
    }
}

static void read_file(struct text *t, const char *name) {
    char path[300], line[8192];
    snprintf(path, sizeof path, "%s/%s", victim.dir, name);
    FILE *file = fopen(path, "re");
    if (!file)
        die("a file is missing");
    while (fgets(line, sizeof line, file)) {
        const char *end = strchr(line, '\n'),
                   *text = strlen(line) > TIME ? strchr(line + TIME, ' ') : NULL;
        if (!end || !text)
            die("a line of a file is torn");
        text_add(t, text + 1, (size_t)(end - text - 1));
        text_add(t, "\r\n", 2);
    }
    fclose(file);
}

static int compare(const struct text *is) {
    const char *a = heard.bytes, *b = is->bytes;
    uint32_t line = 1;
    for (; *a && *a == *b; a++, b++)
        line += *a == '\n';
    if (!*a && !*b) {
        printf("%u lines in %d files, each once and in order\n", line - 1, files);
        return 0;
    }
    printf("line %u differs: heard %.40s, written %.40s\n", line, *a ? a : "nothing",
           *b ? b : "nothing");
    return 1;
}

int main(int argc, char **argv) {
    const char *binary = "./chatroom-master";
    int kills = 200, option;
    struct text is = {0};
    while ((option = getopt(argc, argv, "b:k:")) != -1) {
        if (option == 'b')
            binary = optarg;
        else if (option == 'k')
            kills = atoi(optarg);
        else
            return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    victim_start(&victim, binary, conf);
    listener = enter("listener");
    for (int i = 0; i < SPEAKERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        speaker[i] = enter(name);
    }
    run(kills);
    speak();
    hear_all();
    if (!victim_stop(&victim))
        die("the server does not end");
    for (int i = 1; i < files; i++) {
        char name[32];
        snprintf(name, sizeof name, "transcript.%d", i);
        read_file(&is, name);
    }
    read_file(&is, "transcript");
    int differs = compare(&is);
    printf("%d kills of the transcript\n", kills);
    victim_forget(&victim, differs);
    return differs;
}
