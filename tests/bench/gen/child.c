/* child.c - the loop of one generator process, and what it does with each line received.
 *
 * Lines are only looked at here: a line is trusted when its stamp parses, its padding is whole, and
 * its sequence is the one this client expects of that speaker. */
#include "tests/bench/gen/child.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ns a line may take; a stamp from the future is beyond it too */
static const uint64_t WAITED_MAX = 60 * 1000000000ULL;

static uint64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}

uint32_t share_receivers(const struct options *o, uint32_t child, uint32_t speaker) {
    uint32_t count = share_first(o, child + 1) - share_first(o, child);
    if (child != 0 || o->proto->audience == HEARD_BY_ALL)
        return count;
    (void)speaker; /* all of them are clients of child 0 */
    return count - (o->proto->audience == HEARD_BY_OTHERS ? 1 : o->speakers);
}

void client_lost(struct child *c, struct client *cl) {
    close(cl->fd);
    cl->fd = -1;
    c->pending -= cl->waiting;
    cl->waiting = false;
    c->result->closed++;
}

/* This child has brought the line to all its receivers; the last child to say so completes it. */
static void line_finished(struct child *c, uint32_t s, uint32_t slot, uint64_t waited) {
    struct shared *sh = c->sh;
    if (atomic_fetch_add(&sh->done[s][slot], 1) + 1 != c->parties[s])
        return;
    sh->done[s][slot] = 0;
    hist_add(&c->result->last, waited);
    atomic_fetch_add(&sh->completed[s], 1);
    if (c->self != 0 && !atomic_exchange(&sh->kicked, true))
        eventfd_write(c->kick, 1);
}

/* Eight hex digits at once; what is no digit gives some number, which the checks then refuse. */
static uint32_t hex8(const char *at) {
    uint64_t x;
    memcpy(&x, at, sizeof x);
    x = (x & 0x0f0f0f0f0f0f0f0f) + 9 * (x >> 6 & 0x0101010101010101);
    x = __builtin_bswap64(x);
    x = (x | x >> 4) & 0x00ff00ff00ff00ff;
    x = (x | x >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(x | x >> 16);
}

void line_check(struct child *c, struct client *cl, const char *line, uint64_t now) {
    static char padding[BYTES_MAX];
    uint32_t bytes = c->sh->run.bytes;
    const char *end = c->o->proto->web ? "\"}" : "\r\n";
    if (!padding[0])
        memset(padding, 'x', sizeof padding);
    uint32_t s = (uint32_t)(line[1] - '0'), seq = hex8(line + 2);
    uint64_t stamp = (uint64_t)hex8(line + 10) << 32 | hex8(line + 18), waited = now - stamp;
    if (s >= SPEAKERS_MAX || waited > WAITED_MAX || memcmp(line + bytes - 2, end, 2) != 0 ||
        memcmp(line + STAMP, padding, bytes - STAMP - 2) != 0) {
        c->result->torn++;
        return;
    }
    c->result->gaps += seq != cl->next[s];
    cl->next[s] = seq + 1;
    c->result->deliveries++;
    hist_add(&c->result->receiver, waited);
    uint32_t slot = seq % SLOTS;
    if (++c->counted[s][slot] == c->expected[s]) {
        c->counted[s][slot] = 0;
        line_finished(c, s, slot, waited);
    }
}

void client_keep(struct client *cl, const char *at, size_t len) {
    if (!cl->kept)
        cl->kept = malloc(FRAME_MAX);
    memcpy(cl->kept, at, len);
    cl->rest = (uint16_t)len;
}

static void lines_check(struct child *c, struct client *cl, const char *at, const char *end) {
    uint64_t now = now_ns();
    while ((at = memchr(at, '^', (size_t)(end - at)))) {
        if ((size_t)(end - at) < c->sh->run.bytes) {
            client_keep(cl, at, (size_t)(end - at));
            return;
        }
        line_check(c, cl, at, now);
        at += c->sh->run.bytes;
    }
}

/* True: there may be more to read. */
static bool client_receive(struct child *c, struct client *cl) {
    size_t have = cl->rest;
    if (have)
        memcpy(c->buffer, cl->kept, have);
    ssize_t n = recv(cl->fd, c->buffer + have, BUFFER - have, 0);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        client_lost(c, cl);
        return false;
    }
    cl->rest = 0;
    if (c->o->proto->web)
        frames_feed(c, cl, c->buffer, c->buffer + have + n);
    else if (cl->step == STEP_DONE)
        lines_check(c, cl, c->buffer, c->buffer + have + n);
    else
        handshake_feed(c, cl, c->buffer, have + (size_t)n);
    return have + (size_t)n == BUFFER;
}

static void event_handle(struct child *c, struct epoll_event *e) {
    eventfd_t kicks;
    if (e->data.ptr == &c->control) {
        if (read(c->control, &c->command, 1) != 1)
            _exit(0); /* the parent is gone */
    } else if (e->data.ptr == &c->kick) {
        eventfd_read(c->kick, &kicks); /* first: a kick between the two would be lost otherwise */
        atomic_store(&c->sh->kicked, false);
    } else {
        struct client *cl = e->data.ptr;
        if (e->events & EPOLLOUT)
            speaker_flush(c, (uint32_t)(cl - c->client));
        bool more = e->events & ~(uint32_t)EPOLLOUT, ended = e->events & ~(EPOLLIN | EPOLLOUT);
        while (more && cl->fd >= 0)
            more = client_receive(c, cl) || ended;
    }
}

void child_pump(struct child *c, uint64_t deadline) {
    struct epoll_event events[EVENTS];
    struct timespec left = {0, 0};
    if (deadline != 0 && deadline != UINT64_MAX) {
        uint64_t now = now_ns(), ns = deadline > now ? deadline - now : 0;
        left = (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    }
    int n = epoll_pwait2(c->epoll, events, EVENTS, deadline == UINT64_MAX ? NULL : &left, NULL);
    for (int i = 0; i < n; i++)
        event_handle(c, &events[i]);
}

static uint32_t segments_in(const struct client *cl) {
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (cl->fd < 0 || getsockopt(cl->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return cl->segments;
    return info.tcpi_data_segs_in;
}

static void run_begin(struct child *c) {
    uint64_t closed = c->result->closed;
    *c->result = (struct result){.closed = closed};
    for (uint32_t i = 0; i < c->count; i++)
        c->client[i].segments = segments_in(&c->client[i]);
    c->began = now_ns();
    c->cpu_began = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void run_end(struct child *c) {
    c->result->cpu =
        (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - c->cpu_began) / (double)(now_ns() - c->began);
    for (uint32_t i = 0; i < c->count; i++)
        c->result->segments += segments_in(&c->client[i]) - c->client[i].segments;
}

static void obey(struct child *c, char command) {
    switch (command) {
    case COMMAND_ACCEPT: connect_all(c); break;
    case COMMAND_LOGIN: login_all(c); break;
    case COMMAND_HABIT: habit_all(c); break;
    case COMMAND_BEGIN: run_begin(c); break;
    case COMMAND_GO: speak_run(c); break;
    case COMMAND_END: run_end(c); break;
    }
    if (write(c->control, &command, 1) != 1)
        _exit(1);
}

static void child_pin(const struct options *o, uint32_t self) {
    cpu_set_t set;
    if (o->cores == 0)
        return;
    CPU_ZERO(&set);
    CPU_SET(o->core[self % o->cores], &set);
    sched_setaffinity(0, sizeof set, &set);
}

void child_run(struct shared *sh, const struct options *o, uint32_t self, int control, int kick) {
    struct child *c = calloc(1, sizeof *c);
    child_pin(o, self);
    prctl(PR_SET_TIMERSLACK, 1UL); /* an open loop's schedule is kept to the microsecond */
    c->sh = sh;
    c->o = o;
    c->self = self;
    c->control = control;
    c->kick = kick;
    c->result = &sh->result[self];
    c->first = share_first(o, self);
    c->count = share_first(o, self + 1) - c->first;
    c->client = calloc(c->count, sizeof *c->client);
    c->counted = calloc(SPEAKERS_MAX, sizeof *c->counted);
    for (uint32_t s = 0; s < SPEAKERS_MAX; s++) {
        c->expected[s] = share_receivers(o, self, s);
        for (uint32_t k = 0; k < o->children; k++)
            c->parties[s] += share_receivers(o, k, s) > 0;
    }
    c->epoll = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &c->control};
    epoll_ctl(c->epoll, EPOLL_CTL_ADD, control, &e);
    e.data.ptr = &c->kick;
    if (self == 0)
        epoll_ctl(c->epoll, EPOLL_CTL_ADD, kick, &e);
    for (;;) {
        child_pump(c, UINT64_MAX);
        char command = c->command;
        c->command = 0;
        if (command)
            obey(c, command);
    }
}
