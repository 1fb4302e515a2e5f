/* bare.c - the bare limit: what a chat server costs when it does nothing but chat.
 *
 * Accept, read, send to all; no names, no editing, no checks.  W processes with a listener each
 * (SO_REUSEPORT) and clients of their own.  A line travels between them through one ring in shared
 * memory, mapped twice in a row so that what is pending for a client is always one contiguous
 * send(): one line or sixty.  Numbers of other servers are ratios to this program's.
 *
 * Invariants: `end` counts all bytes ever published and is stored after the bytes; a client's `pos`
 * counts the bytes sent to it, in the same infinite array; a client whose `pos` is more than a ring
 * behind is closed, for its bytes are gone.
 *
 * bare [-w WORKERS] [-p PORT] [-g] [-f]
 *
 * -g: greet, so that a client sees when it was accepted.  -f: speak WebSocket frames instead: what
 * a client says in {"do":"say","text":...} is sent to all as an event of the form and the length
 * that Chatroom's events have, with one time and one number in all of them; nothing is checked.
 * Prints "ready PORT" and runs until SIGTERM. */
#include "tests/lib/frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, RING = 4 << 20, BUFFER = 64 << 10, PART = 4096, EVENTS = 256 };
enum { TAG_LISTENER = -1, TAG_BELL = -2 }; /* epoll data other than a descriptor */

static const char greeting[] = "Welcome\r\n";
/* The accept value is that of the key in RFC 6455, which the generator sends (1.3). */
static const char upgraded[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char hello[] = "{\"ev\":\"hello\",\"v\":1}", ok[] = "{\"ev\":\"ok\",\"re\":1}";
static const char say[] = "{\"do\":\"say\",\"text\":";
static const char said[] = "{\"ev\":\"say\",\"id\":\"0123456789abcdef-0000000004d2\","
                           "\"t\":\"2026-11-25T17:04:05.12Z\",\"who\":\"u0\",\"text\":";

struct shared {
    pthread_mutex_t lock; /* orders publishers */
    _Atomic uint64_t end;
    struct {
        _Alignas(64) _Atomic bool asleep;
        int bell;
    } worker[WORKERS_MAX];
};

struct client { /* what a flush touches, densely packed */
    uint64_t pos;
    int fd;
    bool blocked; /* EPOLLOUT is armed */
};

struct cold { /* by descriptor */
    uint32_t index;
    uint32_t part_len;
    char *part;    /* the beginning of a line or a frame whose end has not come */
    bool upgraded; /* -f: its HTTP request has been answered */
};

struct worker {
    struct shared *sh;
    char *ring;
    int self, workers, epoll, listener;
    bool greet, frames;
    struct client *client;
    struct cold *cold;
    uint32_t count, limit;
    size_t staged_len;
    char staged[16 * BUFFER]; /* lines read in this turn, not yet published */
    char input[BUFFER];       /* -f: of the client that is read */
};

static void die(const char *what) {
    perror(what);
    exit(1);
}

static char *ring_map(void) {
    int fd = memfd_create("bare", 0);
    if (fd < 0 || ftruncate(fd, RING) < 0)
        die("memfd");
    char *at = mmap(NULL, 2 * (size_t)RING, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int half = 0; half < 2; half++)
        if (mmap(at + (size_t)half * RING, RING, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                 0) == MAP_FAILED)
            die("mmap");
    close(fd);
    return at;
}

static int listener_open(uint16_t *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4096) < 0)
        die("listen");
    getsockname(fd, (struct sockaddr *)&a, &len);
    *port = ntohs(a.sin_port);
    return fd;
}

static void poll_change(struct worker *w, int op, int fd, int tag, uint32_t events) {
    struct epoll_event e = {.events = events, .data.fd = tag};
    if (epoll_ctl(w->epoll, op, fd, &e) < 0)
        die("epoll_ctl");
}

static void client_close(struct worker *w, int fd) {
    struct cold *cold = &w->cold[fd];
    struct client *last = &w->client[--w->count];
    w->client[cold->index] = *last;
    w->cold[last->fd].index = cold->index;
    free(cold->part);
    *cold = (struct cold){0};
    close(fd);
}

static void clients_accept(struct worker *w) {
    for (;;) {
        int fd = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0)
            return;
        if ((uint32_t)fd >= w->limit) {
            close(fd);
            return;
        }
        w->cold[fd].index = w->count;
        w->client[w->count++] = (struct client){.pos = w->sh->end, .fd = fd};
        poll_change(w, EPOLL_CTL_ADD, fd, fd, EPOLLIN);
        if (w->greet)
            send(fd, greeting, sizeof greeting - 1, MSG_NOSIGNAL);
    }
}

static void publish(struct worker *w) {
    struct shared *sh = w->sh;
    pthread_mutex_lock(&sh->lock);
    uint64_t end = sh->end;
    memcpy(w->ring + end % RING, w->staged, w->staged_len);
    atomic_store_explicit(&sh->end, end + w->staged_len, memory_order_release);
    pthread_mutex_unlock(&sh->lock);
    w->staged_len = 0;
    atomic_thread_fence(memory_order_seq_cst);
    for (int k = 0; k < w->workers; k++)
        if (k != w->self && atomic_exchange(&sh->worker[k].asleep, false))
            eventfd_write(sh->worker[k].bell, 1);
}

/* Reads behind the client's part into `at`, which has room for BUFFER bytes; returns how many bytes
 * are there, 0 if none came. */
static size_t client_receive(struct worker *w, int fd, char *at) {
    struct cold *cold = &w->cold[fd];
    if (cold->part_len)
        memcpy(at, cold->part, cold->part_len);
    ssize_t n = recv(fd, at + cold->part_len, BUFFER - cold->part_len, 0);
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0) {
        client_close(w, fd);
        return 0;
    }
    return cold->part_len + (size_t)n;
}

static void client_keep(struct cold *cold, const char *at, size_t len) {
    cold->part_len = 0;
    if (len == 0 || len > PART)
        return;
    if (!cold->part)
        cold->part = malloc(PART);
    cold->part_len = (uint32_t)len;
    memcpy(cold->part, at, len);
}

/* Stages the whole lines that fd has for us; the rest waits in its part. */
static void client_read(struct worker *w, int fd) {
    if (w->staged_len + BUFFER > sizeof w->staged)
        publish(w);
    char *at = w->staged + w->staged_len;
    size_t have = client_receive(w, fd, at);
    char *newline = memrchr(at, '\n', have);
    size_t whole = newline ? (size_t)(newline - at) + 1 : 0;
    w->staged_len += whole;
    if (have > 0)
        client_keep(&w->cold[fd], at + whole, have - whole);
}

static void frame_send(int fd, const char *text, size_t len) {
    char bytes[FRAME_HEAD_MAX + 64], *payload = bytes + FRAME_HEAD_MAX;
    memcpy(payload, text, len);
    char *at = frame_before(payload, len, FRAME_TEXT, false);
    send(fd, at, (size_t)(payload + len - at), MSG_NOSIGNAL);
}

/* Stages what a message says, or takes it for a login. */
static void message_take(struct worker *w, int fd, const char *message, size_t len) {
    size_t before = sizeof say - 1, rest = len - before;
    if (len < before || memcmp(message, say, before) != 0) {
        frame_send(fd, ok, sizeof ok - 1);
        return;
    }
    if (w->staged_len + BUFFER > sizeof w->staged)
        publish(w);
    char *at = w->staged + w->staged_len,
         *payload = at + (sizeof said - 1 + rest > FRAME_SHORT ? 4 : 2);
    memcpy(payload, said, sizeof said - 1);
    memcpy(payload + sizeof said - 1, message + before, rest);
    frame_before(payload, sizeof said - 1 + rest, FRAME_TEXT, false);
    w->staged_len = (size_t)(payload + sizeof said - 1 + rest - w->staged);
}

/* Answers the HTTP request, whatever it asks for; returns its length, 0 before its end has come. */
static size_t client_upgrade(struct worker *w, int fd, const char *at, size_t have) {
    const char *end = memmem(at, have, "\r\n\r\n", 4);
    if (!end)
        return 0;
    w->cold[fd].upgraded = true;
    send(fd, upgraded, sizeof upgraded - 1, MSG_NOSIGNAL);
    frame_send(fd, hello, sizeof hello - 1);
    return (size_t)(end + 4 - at);
}

/* The same of a client that speaks frames. */
static void client_read_frames(struct worker *w, int fd) {
    struct frame f;
    char *at = w->input;
    size_t have = client_receive(w, fd, at), taken = 0;
    if (have == 0)
        return;
    if (!w->cold[fd].upgraded)
        taken = client_upgrade(w, fd, at, have);
    while (w->cold[fd].upgraded && frame_read(&f, at + taken, have - taken) && f.whole) {
        char *payload = at + taken + f.head;
        frame_mask(payload, f.len, payload - FRAME_MASK);
        if (f.opcode == FRAME_TEXT)
            message_take(w, fd, payload, f.len);
        taken += f.head + f.len;
    }
    client_keep(&w->cold[fd], at + taken, have - taken);
}

/* One send of all that is pending.  False: the client was closed. */
static bool client_flush(struct worker *w, struct client *c, uint64_t end) {
    if (end - c->pos > RING - BUFFER) {
        fprintf(stderr, "bare: a client fell a ring behind\n");
        client_close(w, c->fd);
        return false;
    }
    ssize_t n = send(c->fd, w->ring + c->pos % RING, end - c->pos, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        client_close(w, c->fd);
        return false;
    }
    c->pos += n > 0 ? (uint64_t)n : 0;
    if (c->blocked != (c->pos != end)) {
        c->blocked = !c->blocked;
        poll_change(w, EPOLL_CTL_MOD, c->fd, c->fd, c->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    return true;
}

static void flush_all(struct worker *w, uint64_t end) {
    for (uint32_t i = 0; i < w->count;) {
        struct client *c = &w->client[i];
        bool owed = c->pos != end && !c->blocked;
        i += !owed || client_flush(w, c, end); /* a closed one is replaced by the last */
    }
}

static void event_handle(struct worker *w, const struct epoll_event *e) {
    int tag = e->data.fd;
    eventfd_t rings;
    if (tag == TAG_LISTENER) {
        clients_accept(w);
    } else if (tag == TAG_BELL) {
        eventfd_read(w->sh->worker[w->self].bell, &rings);
    } else {
        if (e->events & EPOLLOUT &&
            !client_flush(w, &w->client[w->cold[tag].index],
                          atomic_load_explicit(&w->sh->end, memory_order_acquire)))
            return;
        if (e->events & ~(uint32_t)EPOLLOUT)
            (w->frames ? client_read_frames : client_read)(w, tag);
    }
}

static void worker_run(struct worker *w) {
    struct epoll_event events[EVENTS];
    uint64_t flushed = w->sh->end;
    w->epoll = epoll_create1(0);
    poll_change(w, EPOLL_CTL_ADD, w->listener, TAG_LISTENER, EPOLLIN);
    poll_change(w, EPOLL_CTL_ADD, w->sh->worker[w->self].bell, TAG_BELL, EPOLLIN);
    for (;;) {
        atomic_store(&w->sh->worker[w->self].asleep, true); /* before the look at `end` */
        int n = epoll_wait(w->epoll, events, EVENTS, w->sh->end == flushed ? -1 : 0);
        atomic_store(&w->sh->worker[w->self].asleep, false);
        for (int i = 0; i < n; i++)
            event_handle(w, &events[i]);
        if (w->staged_len)
            publish(w);
        uint64_t end = atomic_load_explicit(&w->sh->end, memory_order_acquire);
        if (end != flushed)
            flush_all(w, end);
        flushed = end;
    }
}

static struct worker *worker_new(struct shared *sh, char *ring, int self, int workers) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        die("worker");
    w->sh = sh;
    w->ring = ring;
    w->self = self;
    w->workers = workers;
    w->limit = files.rlim_cur < 1000000 ? (uint32_t)files.rlim_cur : 1000000;
    w->client = calloc(w->limit, sizeof *w->client);
    w->cold = calloc(w->limit, sizeof *w->cold);
    if (!w->client || !w->cold)
        die("clients");
    return w;
}

static struct shared *shared_new(int workers) {
    struct shared *sh =
        mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sh == MAP_FAILED)
        die("mmap");
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&sh->lock, &attr);
    for (int k = 0; k < workers; k++)
        sh->worker[k].bell = eventfd(0, EFD_NONBLOCK);
    return sh;
}

int main(int argc, char **argv) {
    int workers = 1, listener[WORKERS_MAX], option;
    uint16_t port = 0;
    bool greet = false, frames = false;
    while ((option = getopt(argc, argv, "w:p:gf")) != -1) {
        switch (option) {
        case 'w': workers = atoi(optarg); break;
        case 'p': port = (uint16_t)atoi(optarg); break;
        case 'g': greet = true; break;
        case 'f': frames = true; break;
        default: return 2;
        }
    }
    if (workers < 1 || workers > WORKERS_MAX)
        return 2;
    struct shared *sh = shared_new(workers);
    char *ring = ring_map();
    for (int k = 0; k < workers; k++)
        listener[k] = listener_open(&port);
    for (int k = 0; k < workers; k++) {
        pid_t parent = getpid();
        if (fork() != 0)
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        struct worker *w = worker_new(sh, ring, k, workers);
        w->greet = greet;
        w->frames = frames;
        w->listener = listener[k];
        for (int other = 0; other < workers; other++)
            if (other != k)
                close(listener[other]);
        worker_run(w);
    }
    for (int k = 0; k < workers; k++)
        close(listener[k]);
    printf("ready %u\n", port);
    fflush(stdout);
    while (wait(NULL) > 0)
        ;
    return 0;
}
