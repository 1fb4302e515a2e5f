/* mob.c - see mob.h. */
#include "tests/crash/mob.h"

#include "ipc/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LIFE_MS = 2000,
    REST_MS = 500, /* between two lives */
    OUT_MAX = 8192,
    OUT_ROOM = 4096,   /* of them for what comes last */
    OUT_TURN = 2048,   /* bytes written in a turn */
    READ_SIZE = 16384, /* bytes read in a turn */
    LONG_LINE = 3000,  /* more than line_max */
    /* So often in a life, because what long answers cost has to be waited for, and how long a
     * client has been too fast begins anew with each death of its worker. */
    TELNET_MOST = 600,
    LISTS_MOST = 6,
    ADDRESSES = 16, /* 127.9.0.1 and so on */
    KNOCKS = 100,   /* at once, from 127.9.1.1 */
    KNOCK_MS = 300, /* more than connect_rate */
    CONNECTED = 1,  /* states in /proc/net/tcp */
    CLOSE_WAIT = 8,
};
#define MOB_NET 0x7f090000u /* 127.9.0.0/16 */

enum rogue_end { END_FIN, END_RESET, END_HALF_CLOSE, END_QUIT, ENDS };

struct rogue {
    int fd; /* -1: not connected */
    bool named, deaf, once, ending;
    enum rogue_act act;
    enum rogue_end end;
    uint32_t speaker, lines, nicks;
    uint64_t until; /* clock_ms(): of its life, its rest, or the server's time to end its stream */
    uint32_t out_len;
    char out[OUT_MAX];
};

static uint32_t mob_random(struct mob *m, uint32_t below) { /* xorshift32 */
    m->random ^= m->random << 13;
    m->random ^= m->random >> 17;
    m->random ^= m->random << 5;
    return m->random % below;
}

void mob_make(struct mob *m, uint32_t count, uint16_t port, uint32_t seed,
              struct room_order *order) {
    *m = (struct mob){
        .order = order, .count = count, .port = port, .random = seed | 1, .only = ACTS};
    m->rogue = calloc(count + 1, sizeof *m->rogue);
    if (!m->rogue)
        abort();
    for (uint32_t i = 0; i < count; i++)
        m->rogue[i].fd = -1;
}

void mob_free(struct mob *m) {
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->rogue[i].fd >= 0)
            close(m->rogue[i].fd);
    }
    free(m->rogue);
}

/* A non-blocking connection from 127.9.0.0 + address; -1: the kernel refuses it. */
static int mob_connect(struct mob *m, uint32_t address) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(m->port)}, from = to;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(MOB_NET + address);
    from.sin_port = 0;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
        (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS))
        return fd;
    if (m->refused++ == 0)
        perror("MOB: connect");
    close(fd);
    return -1;
}

static void reset_at_close(int fd) {
    struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static void mob_knock(struct mob *m) {
    m->knock_at = clock_ms() + KNOCK_MS;
    for (int i = 0; i < KNOCKS; i++) {
        int fd = mob_connect(m, 0x101);
        if (fd < 0)
            continue;
        reset_at_close(fd);
        close(fd);
        m->knocks++;
    }
}

/* ---- what a rogue sends ---- */

static void rogue_add(struct rogue *r, const char *bytes, size_t len) {
    if (len > OUT_MAX - r->out_len)
        return;
    memcpy(r->out + r->out_len, bytes, len);
    r->out_len += (uint32_t)len;
}

static void rogue_type(struct rogue *r, const char *text) {
    rogue_add(r, text, strlen(text));
}

/* As the guests' names: 24 bytes. */
static void rogue_name(const struct rogue *r, char name[32]) {
    int n = r->nicks ? snprintf(name, 32, "n%uk%u-", r->speaker, r->nicks)
                     : snprintf(name, 32, "n%u-", r->speaker);
    snprintf(name + n, 32 - (size_t)n, "%.*s", 24 - n, "rogue-rogue-rogue-rogue");
}

static void type_speech(struct rogue *r) {
    char line[64];
    snprintf(line, sizeof line, "m%u.%u ;\r\n", r->speaker, ++r->lines);
    rogue_type(r, line);
}

static void type_nick(struct rogue *r) {
    char name[32], line[64];
    r->nicks++;
    rogue_name(r, name);
    snprintf(line, sizeof line, "/nick %s\r\n", name);
    rogue_type(r, line);
}

/* To itself or to another rogue, which may be gone. */
static void type_private(struct mob *m, struct rogue *r) {
    const struct rogue *other = &m->rogue[mob_random(m, m->count)];
    char name[32], line[80];
    rogue_name(other->named ? other : r, name);
    snprintf(line, sizeof line, "/msg %s something private\r\n", name);
    rogue_type(r, line);
}

static void type_long_line(struct rogue *r) {
    char line[LONG_LINE];
    memset(line, 'x', sizeof line);
    rogue_add(r, line, sizeof line);
    rogue_type(r, "\r\n");
}

/* What is left of these keys and no line's end begins with a slash: it is never spoken. */
static const char keys[] =
    "/a line\b\b\x1b[D\x1b[D\x1b[3~\x1b[Cx\x05yz\x01\x05\x1b[H\x1b[F\x17/msg "
    "n1\t\x15/\xff\xf7\xff\xf8";
/* Offers, refusals, a window's size, a subnegotiation without its end. */
static const char telnet[] = "\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfd\x01\xff\xfe"
                             "\x01\xff\xf6\xff\xf1\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xf0\xff\xfd"
                             "\x63\xff\xfb\x2a\xff\xfa\x2a\x01;utf-8";

static void type_telnet(struct rogue *r) {
    rogue_add(r, telnet, sizeof telnet - 1);
    r->once = ++r->lines == TELNET_MOST;
}

static void type_lists(struct rogue *r) {
    rogue_type(r, "/history\r\nwho\r\nlook\r\n/help\r\n");
    r->once = ++r->lines == LISTS_MOST;
}

/* Fills the empty buffer with more of its act. */
static void rogue_act(struct mob *m, struct rogue *r) {
    bool more = !r->once;
    for (r->once |= r->act == ACT_NOTHING || r->act >= ACT_HALF_LINE; more;) {
        switch (r->act) {
        case ACT_BLANKS: rogue_type(r, "\n\n\r\n"); break;
        case ACT_SPEECH: type_speech(r); break;
        case ACT_NICKS: type_nick(r); break;
        case ACT_KEYS: rogue_add(r, keys, sizeof keys - 1); break;
        case ACT_TELNET: type_telnet(r); break;
        case ACT_LONG_LINES: type_long_line(r); break;
        case ACT_LISTS: type_lists(r); break;
        case ACT_PRIVATE: type_private(m, r); break;
        case ACT_HALF_LINE: rogue_type(r, "/half a line"); break;
        case ACT_HTTP: rogue_type(r, "GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n"); break;
        default: break;
        }
        more = !r->once && r->out_len < OUT_MAX - OUT_ROOM;
    }
}

/* ---- a rogue's life ---- */

static void rogue_login(struct mob *m, struct rogue *r) {
    char name[32], line[64];
    r->speaker = order_speaker(m->order);
    m->order->speaker[r->speaker].hasty = true;
    rogue_name(r, name);
    int n = snprintf(line, sizeof line, "login %s\r\n", name);
    if (mob_random(m, 4) == 0) { /* a part of it: behind the number, which is another's otherwise */
        r->act = ACT_NOTHING;
        r->end = (enum rogue_end)mob_random(m, END_QUIT);
        n -= 1 + (int)mob_random(m, 8);
    } else {
        r->named = true;
        m->logged_in++;
    }
    rogue_add(r, line, (size_t)n);
}

static void rogue_begin(struct mob *m, struct rogue *r, uint64_t now) {
    bool stranger = mob_random(m, 2) == 0;
    *r = (struct rogue){.fd = mob_connect(m, 1 + mob_random(m, ADDRESSES)),
                        .act = m->only != ACTS
                                   ? m->only
                                   : (enum rogue_act)mob_random(m, stranger ? ACTS : ACT_HTTP),
                        .end = (enum rogue_end)mob_random(m, ENDS),
                        .deaf = mob_random(m, 4) == 0,
                        .until = now + mob_random(m, LIFE_MS)};
    if (r->fd < 0)
        return;
    m->made++;
    if (!stranger)
        rogue_login(m, r);
}

static void rogue_gone(struct mob *m, struct rogue *r) {
    close(r->fd);
    r->fd = -1;
    r->named = false;
    r->until = clock_ms() + mob_random(m, REST_MS);
}

static void rogue_end(struct mob *m, struct rogue *r, uint64_t now) {
    r->ending = true;
    r->deaf = false;
    r->until = now + MOB_PATIENCE_MS;
    if (r->end == END_QUIT) {
        rogue_type(r,
                   "\xff\xf0\r\n/quit\r\n"); /* SE first: the telnet act ends in a subnegotiation */
        return;
    }
    r->out_len = 0;
    if (r->end == END_HALF_CLOSE) {
        shutdown(r->fd, SHUT_WR);
        return;
    }
    if (r->end == END_RESET)
        reset_at_close(r->fd);
    rogue_gone(m, r);
}

/* False: the connection has ended. */
static bool rogue_write(struct mob *m, struct rogue *r) {
    if (r->out_len == 0)
        return true;
    uint32_t turn = r->out_len < OUT_TURN ? r->out_len : OUT_TURN;
    ssize_t n = send(r->fd, r->out, turn, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN;
    m->bytes += (uint64_t)n;
    r->out_len -= (uint32_t)n;
    memmove(r->out, r->out + n, r->out_len);
    return true;
}

static bool rogue_read(struct mob *m, struct rogue *r) {
    static const char notice[] = "were dropped: too fast.";
    char bytes[READ_SIZE];
    if (r->deaf)
        return true;
    ssize_t n = recv(r->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    m->notices += n > 0 && memmem(bytes, (size_t)n, notice, sizeof notice - 1) != NULL;
    return n > 0 || (n < 0 && errno == EAGAIN);
}

static void rogue_turn(struct mob *m, struct rogue *r, uint64_t now) {
    if (!r->ending && r->out_len == 0)
        rogue_act(m, r);
    bool open = rogue_write(m, r);
    open &= rogue_read(m, r);
    if (!open) {
        rogue_gone(m, r);
    } else if (now >= r->until && r->ending) {
        if (m->unended++ < 5)
            fprintf(stderr, "MOB: n%u- is not ended (act %d, end %d)\n", r->speaker, (int)r->act,
                    (int)r->end);
        rogue_gone(m, r);
    } else if (now >= r->until) {
        rogue_end(m, r, now);
    }
}

void mob_turn(struct mob *m) {
    uint64_t now = clock_ms();
    if (m->count > 0 && now >= m->knock_at)
        mob_knock(m);
    for (uint32_t i = 0; i < m->count; i++) {
        struct rogue *r = &m->rogue[i];
        if (r->fd >= 0)
            rogue_turn(m, r, now);
        else if (now >= r->until)
            rogue_begin(m, r, now);
    }
}

bool mob_ended(struct mob *m) {
    uint64_t now = clock_ms();
    bool ended = true;
    for (uint32_t i = 0; i < m->count; i++) {
        struct rogue *r = &m->rogue[i];
        if (r->fd >= 0)
            rogue_turn(m, r, now);
        ended &= r->fd < 0;
    }
    return ended;
}

uint64_t mob_violations(const struct mob *m) {
    return m->refused + m->unended;
}

/* ---- what is left of them ---- */

/* Sockets of the server whose peer has one of the mob's addresses. */
uint32_t mob_left(const struct mob *m) {
    FILE *file = fopen("/proc/net/tcp", "re");
    char line[512];
    unsigned port, peer, state;
    uint32_t left = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, " %*u: %*x:%x %x:%*x %x", &port, &peer, &state) == 3 && port == m->port &&
            (ntohl(peer) & 0xffff0000u) == MOB_NET && (state == CONNECTED || state == CLOSE_WAIT))
            left++;
    }
    if (file)
        fclose(file);
    return left;
}

static bool greeted(int fd, uint64_t until) {
    char text[512];
    size_t len = 0;
    while (clock_ms() < until) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        poll(&wait, 1, 100);
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
        len += n > 0 ? (size_t)n : 0;
        text[len] = '\0';
        if (strstr(text, "Use \"login <nick>\"\r\n"))
            return true;
    }
    return false;
}

uint32_t mob_traces(const struct mob *m, uint32_t per_address) {
    struct mob again = {.port = m->port};
    uint64_t until = clock_ms() + MOB_PATIENCE_MS;
    uint32_t left = mob_left(m), in = 0;
    if (m->count == 0)
        return 0;
    int *fd = calloc(per_address, sizeof *fd);
    for (uint32_t i = 0; fd && i < per_address; i++)
        fd[i] = mob_connect(&again, 1 + m->random % ADDRESSES);
    for (uint32_t i = 0; fd && i < per_address; i++) {
        in += greeted(fd[i], until);
        close(fd[i]);
    }
    free(fd);
    if (left > 0 || in < per_address)
        fprintf(stderr, "MOB: %u sockets are left, %u of %u let in again\n", left, in, per_address);
    return left + per_address - in;
}
