/* moderator.c - see moderator.h. */
#include "tests/crash/moderator.h"

#include "ipc/clock.h"
#include "ipc/header.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SAY_MS = 70, ORDER_MS = 700, LOOK_MS = 300, SPEAK_MS = 50, SLOW_LOOKS = 5 };

static const char moderator_full[] = " connections are open already";

static uint32_t moderator_random(struct moderator *o, uint32_t below) { /* xorshift32 */
    o->random ^= o->random << 13;
    o->random ^= o->random >> 17;
    o->random ^= o->random << 5;
    return o->random % below;
}

static void moderator_wrong(struct moderator *o, const char *what, const char *which) {
    order_complain(o->crowd->order, "MODERATOR: %s: %.300s", what, which);
    o->wrong++;
}

/* ---- chatroom-ctl ---- */

/* Its exit status is the last line that comes from `fd`, because victim_watch reaps all. */
static void task_begin(struct moderator *o, struct task *t, const char *fmt, const char *argument) {
    char line[1024], control[VICTIM_PATH];
    int ends[2];
    snprintf(t->command, sizeof t->command, fmt, argument);
    snprintf(line, sizeof line, "%s -s %s %s 2>&1; echo \"exit $?\"", o->ctl,
             victim_control(o->victim, control), t->command);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        perror("pipe");
        exit(2);
    }
    if (fork() == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    t->fd = ends[0];
    t->out.len = 0;
    t->since = clock_ms();
}

/* -1: it still runs; else its exit status. */
static int task_end(struct moderator *o, struct task *t) {
    char bytes[4096];
    ssize_t n;
    while ((n = read(t->fd, bytes, sizeof bytes)) > 0)
        text_add(&t->out, bytes, (size_t)n);
    bool hangs = clock_ms() - t->since > MODERATOR_PATIENCE_MS;
    if (n != 0 && !hangs)
        return -1;
    close(t->fd);
    t->fd = -1;
    text_add(&t->out, "", 1);
    t->said = t->out.at;
    const char *at = memrchr(t->said, 'e', t->out.len);
    int status = at && strncmp(at, "exit ", 5) == 0 ? atoi(at + 5) : 255;
    if (hangs || status > 1)
        moderator_wrong(o, t->command, hangs ? "does not end" : t->said);
    return status;
}

/* ---- duties ---- */

/* True when the duty's next step is due: 0, or nothing runs and it is time. */
static bool duty_due(const struct duty *d) {
    return d->task.fd < 0 && clock_ms() >= d->next;
}

static void duty_wait(struct duty *d, uint32_t ms) {
    d->next = clock_ms() + ms;
}

/* The end of the duty's chatroom-ctl: true if the request was obeyed, now or by one before whose
 * outcome is unknown.  The next step follows after `ms`; what was not obeyed is asked again. */
static bool duty_obeyed(struct moderator *o, struct duty *d, int status, uint32_t ms) {
    bool unknown = strstr(d->task.said, "unknown") || strstr(d->task.said, "nothing was done") ||
                   strstr(d->task.said, "does not answer") || strstr(d->task.said, "busy") ||
                   strstr(d->task.said, moderator_full);
    bool before = d->asked_again &&
                  (strstr(d->task.said, "is not banned") || strstr(d->task.said, "is not muted"));
    if (status == 0 || before) {
        d->asked_again = false;
        d->step++;
        duty_wait(d, ms);
        return true;
    }
    if (!unknown)
        moderator_wrong(o, d->task.command, d->task.said);
    d->asked_again = true;
    o->again++;
    duty_wait(d, 20);
    return false;
}

/* ---- announcements ---- */

static void say_turn(struct moderator *o) {
    struct duty *d = &o->say;
    const struct speaker *s = &o->crowd->order->speaker[o->speaker];
    int status;
    if (d->task.fd >= 0 && (status = task_end(o, &d->task)) >= 0) {
        d->step = status == 0; /* 1: it must be heard */
        if (status == 1 && !strstr(d->task.said, "the room shows") &&
            !strstr(d->task.said, "does not answer") && !strstr(d->task.said, moderator_full))
            moderator_wrong(o, d->task.command, d->task.said);
        o->again += status == 1;
        duty_wait(d, SAY_MS);
    }
    if (d->task.fd >= 0)
        return;
    if (d->step == 1 && s->seen < o->announced) {
        if (clock_ms() > d->next + MODERATOR_PATIENCE_MS) {
            moderator_wrong(o, "was answered and is not heard", d->task.command);
            d->step = 0;
        }
        return;
    }
    d->step = 0;
    if (o->over || !duty_due(d))
        return;
    char text[32];
    snprintf(text, sizeof text, "'a%u.%u ;'", o->speaker, ++o->announced);
    task_begin(o, &d->task, "say %s", text);
    o->says++;
}

/* ---- bans ---- */

enum { BAN_NONE, BAN_ASKED, BAN_STANDS, BAN_ENDING };

static const char *outcast_text(uint32_t i, char out[INET_ADDRSTRLEN]) {
    struct in_addr at = {.s_addr = htonl(crowd_outcast(i))};
    return inet_ntop(AF_INET, &at, out, INET_ADDRSTRLEN);
}

/* From now on the guests from there may be closed. */
static void outcast_doom(struct moderator *o, uint32_t i) {
    struct crowd *c = o->crowd;
    c->outcast[i] = true;
    for (uint32_t k = 0; k < c->count; k++) {
        struct guest *g = &c->guest[k];
        if (g->from != crowd_outcast(i) || g->fd < 0)
            continue;
        g->doomed = true;
        c->order->speaker[g->speaker].excused = true;
    }
}

/* From now on nothing may be heard that they say. */
static void outcast_silence(struct moderator *o, uint32_t i) {
    struct crowd *c = o->crowd;
    for (uint32_t k = 0; k < c->count; k++) {
        struct guest *g = &c->guest[k];
        struct speaker *s = &c->order->speaker[g->speaker];
        if (g->from != crowd_outcast(i) || g->fd < 0)
            continue;
        s->must_fail = (struct span){s->sent, UINT32_MAX};
        s->silent_from = o->announced + 1;
    }
}

/* None of them is inside while the ban stands.  False: some may still be about to be closed. */
static bool outcast_gone(struct moderator *o, uint32_t i, uint64_t since) {
    struct crowd *c = o->crowd;
    bool gone = true;
    for (uint32_t k = 0; k < c->count; k++) {
        struct guest *g = &c->guest[k];
        if (g->from != crowd_outcast(i) || g->state != GUEST_INSIDE)
            continue;
        if (g->since > since)
            moderator_wrong(o, "comes in, and is banned", g->name);
        else if (clock_ms() - since > MODERATOR_PATIENCE_MS)
            moderator_wrong(o, "stays, and is banned", g->name);
        else
            gone = false;
    }
    return gone;
}

static void outcast_ended(struct moderator *o, uint32_t i, int status) {
    struct duty *d = &o->outcast[i];
    if (!duty_obeyed(o, d, status,
                     d->step == BAN_ASKED ? 300 + moderator_random(o, 1500)
                                          : 1000 + moderator_random(o, 2000)))
        return;
    if (d->step == BAN_STANDS) {
        outcast_silence(o, i);
        o->bans++;
    } else {
        o->crowd->outcast[i] = false;
        d->step = BAN_NONE;
    }
}

static void outcast_turn(struct moderator *o, uint32_t i) {
    static uint64_t stands[CROWD_OUTCASTS];
    char address[INET_ADDRSTRLEN];
    struct duty *d = &o->outcast[i];
    int status = d->task.fd >= 0 ? task_end(o, &d->task) : -1;
    if (status >= 0) {
        outcast_ended(o, i, status);
        stands[i] = clock_ms();
    }
    bool gone = d->step != BAN_STANDS || outcast_gone(o, i, stands[i]);
    if (!duty_due(d) || !gone || (o->over && d->step == BAN_NONE))
        return;
    if (d->step == BAN_NONE || d->step == BAN_STANDS)
        d->step++;
    if (d->step == BAN_ASKED)
        outcast_doom(o, i);
    task_begin(o, &d->task, d->step == BAN_ASKED ? "ban %s 1h a reason" : "unban %s",
               outcast_text(i, address));
}

/* ---- mutes ---- */

enum { MUTE_NONE, MUTE_ASKED, MUTE_STANDS, MUTE_HUSHED, MUTE_ENDING, MUTE_FREE };

static bool gag_accounted(const struct moderator *o, const struct guest *g) {
    const struct speaker *s = &o->crowd->order->speaker[g->speaker];
    return g->out.len == 0 && s->heard + s->refused == s->sent;
}

/* A guest that stays, and of which nothing is under way that a mute would refuse. */
static bool gag_choose(struct moderator *o, struct gag *gag) {
    struct crowd *c = o->crowd;
    struct guest *g = &c->guest[1 + moderator_random(o, c->count - 1)];
    if (g->role != ROLE_STAYS || g->state != GUEST_INSIDE || g->fd < 0 || g->gagged ||
        !gag_accounted(o, g) || g->copied != g->whispered ||
        c->guest[g->partner].heard != g->whispered)
        return false;
    struct speaker *s = &c->order->speaker[g->speaker];
    s->may_fail = (struct span){s->seen, UINT32_MAX}; /* those sent since were refused before */
    s->must_fail = (struct span){0, 0};
    gag->guest = g;
    gag->refused = s->refused;
    gag->timed = moderator_random(o, 3) == 0;
    g->gagged = true;
    g->freed = 0;
    return true;
}

static void gag_speak(struct moderator *o, struct gag *gag) {
    if (clock_ms() - gag->spoke < SPEAK_MS || gag->guest->out.len > 0)
        return;
    gag->spoke = clock_ms();
    crowd_say(o->crowd, gag->guest);
}

static void gag_ended(struct moderator *o, struct gag *gag, int status) {
    struct duty *d = &gag->duty;
    struct speaker *s = &o->crowd->order->speaker[gag->guest->speaker];
    if (!duty_obeyed(o, d, status, 300 + moderator_random(o, 1200)))
        return;
    if (d->step == MUTE_STANDS) {
        s->must_fail = (struct span){s->sent, gag->timed ? s->sent : UINT32_MAX};
        s->silent_from = gag->timed ? 0 : o->announced + 1;
        o->mutes++;
    } else {
        s->may_fail.to = s->sent;
    }
}

/* What happens between two requests.  True: the next is due. */
static bool gag_step(struct moderator *o, struct gag *gag) {
    struct duty *d = &gag->duty;
    struct guest *g = gag->guest;
    struct speaker *s = &o->crowd->order->speaker[g->speaker];
    bool late = clock_ms() > d->next + MODERATOR_PATIENCE_MS;
    if (d->step == MUTE_STANDS && gag->timed && (g->freed > 0 || late)) {
        s->may_fail.to = s->sent;
        d->step = MUTE_FREE;
    } else if (d->step == MUTE_STANDS && !gag->timed && duty_due(d)) {
        g->hushed = true;
        d->step = MUTE_HUSHED;
    } else if (d->step == MUTE_HUSHED && (gag_accounted(o, g) || late)) {
        g->hushed = false;
        s->must_fail.to = s->sent;
        s->silent_from = 0;
        d->step = MUTE_ENDING;
    } else if (d->step == MUTE_FREE && gag_accounted(o, g) &&
               (g->freed > 0 || (late && s->refused == gag->refused))) {
        g->gagged = false; /* not told anything: its worker stood still all the time */
        d->step = MUTE_NONE;
        o->refusals += s->refused - gag->refused;
    } else if (d->step == MUTE_FREE && late) {
        moderator_wrong(o,
                        g->freed ? "lines are neither heard nor refused" : "is not told of its end",
                        g->name);
        d->step = MUTE_NONE;
    }
    return duty_due(d) && (d->step == MUTE_ASKED || d->step == MUTE_ENDING);
}

static void gag_turn(struct moderator *o, struct gag *gag) {
    struct duty *d = &gag->duty;
    int status = d->task.fd >= 0 ? task_end(o, &d->task) : -1;
    if (d->step == MUTE_NONE) {
        if (o->over || !duty_due(d) || !gag_choose(o, gag))
            return;
        d->step = MUTE_ASKED;
    }
    if (gag->guest->state != GUEST_INSIDE) {
        moderator_wrong(o, "was closed", gag->guest->name);
        d->step = MUTE_NONE;
        return;
    }
    if (!gag->guest->hushed && d->step != MUTE_FREE)
        gag_speak(o, gag);
    if (status >= 0)
        gag_ended(o, gag, status);
    if (!gag_step(o, gag))
        return;
    task_begin(o, &d->task,
               d->step == MUTE_ENDING ? "unmute %s"
               : gag->timed           ? "mute %s 2s"
                                      : "mute %s",
               gag->guest->name);
}

/* ---- the master's, and looks ---- */

static void order_turn(struct moderator *o) {
    static const char *const orders[] = {"reopen", "reload", "loglevel debug", "loglevel info"};
    struct duty *d = &o->order;
    char from[256], to[256];
    int status = d->task.fd >= 0 ? task_end(o, &d->task) : -1;
    if (status >= 0)
        duty_obeyed(o, d, status, moderator_random(o, ORDER_MS));
    if (!duty_due(d) || o->over)
        return;
    if (d->step % 4 == 0 && !d->asked_again) {
        snprintf(from, sizeof from, "%s/transcript", o->victim->dir);
        snprintf(to, sizeof to, "%s/transcript.%u", o->victim->dir, o->moved);
        o->moved += rename(from, to) == 0;
    }
    task_begin(o, &d->task, "%s", orders[d->step % 4]);
    o->orders++;
}

static void look_turn(struct moderator *o) {
    static const char *const looks[] = {"status", "status --json", "who",        "who --json",
                                        "bans",   "bans --json",   "who --all",  "metrics",
                                        "status", "top --once",    "who --json", "metrics"};
    struct duty *d = &o->look;
    int status = d->task.fd >= 0 ? task_end(o, &d->task) : -1;
    bool slow = status == 1 && strstr(d->task.said, "too many processes to be searched");
    if (status >= 0)
        d->step =
            slow ? d->step + 1 : 0; /* in a row: a machine under load has no time for it, once */
    o->again += slow;
    if ((status == 1 && (!slow || d->step == SLOW_LOOKS)) || (status == 0 && d->task.out.len < 10))
        moderator_wrong(o, d->task.command, d->task.said);
    if (status >= 0)
        duty_wait(d, moderator_random(o, LOOK_MS));
    if (!duty_due(d) || o->over)
        return;
    task_begin(o, &d->task, "%s", looks[o->looks++ % (sizeof looks / sizeof *looks)]);
}

/* ---- connections of other kinds ---- */

/* -1: the kernel refuses it. */
static int loiterer_connect(struct moderator *o) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char control[VICTIM_PATH];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%.107s", victim_control(o->victim, control));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static void loiterer_turn(struct moderator *o, uint32_t i) {
    static const char *const begun[] = {"say half a line", "", "kick n1", "request 12",
                                        "nonsense\nsay "};
    int *fd = &o->loiterer[i].fd;
    if (clock_ms() < o->loiterer[i].until && !o->over)
        return;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    o->loiterer[i].until = clock_ms() + moderator_random(o, 3000);
    if (o->over || moderator_random(o, 3) == 0)
        return;
    const char *text = begun[moderator_random(o, sizeof begun / sizeof *begun)];
    if ((*fd = loiterer_connect(o)) < 0)
        return;
    (void)!send(*fd, text, strlen(text), MSG_NOSIGNAL);
    if (moderator_random(o, 2))
        shutdown(*fd, SHUT_WR);
    o->loiterers++;
}

static void scrape_end(struct moderator *o) {
    static const char well[] = "HTTP/1.1 200 ";
    const struct text *t = &o->scraped;
    const char *length = t->len ? memmem(t->at, t->len, "Content-Length: ", 16) : NULL;
    const char *body = t->len ? memmem(t->at, t->len, "\r\n\r\n", 4) : NULL;
    if (!length || !body || strncmp(t->at, well, sizeof well - 1) != 0 ||
        strtoul(length + 16, NULL, 10) != (size_t)(t->at + t->len - body - 4))
        moderator_wrong(o, "metrics, cut or wrong", t->len ? t->at : "nothing");
    close(o->scrape_fd);
    o->scrape_fd = -1;
}

static void scrape_turn(struct moderator *o) {
    static const char get[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char bytes[4096];
    struct text *t = &o->scraped;
    if (o->metrics == 0)
        return;
    if (o->scrape_fd < 0) {
        if (o->over || clock_ms() - o->scrape_since < LOOK_MS)
            return;
        o->scrape_fd = crowd_connect(o->metrics, 0, false, 0);
        t->len = 0;
        o->scrape_since = clock_ms();
        o->scrape_asked = false;
        if (o->scrape_fd < 0)
            moderator_wrong(o, "metrics", strerror(errno));
        o->scrapes++;
        return;
    }
    if (!o->scrape_asked && send(o->scrape_fd, get, sizeof get - 1, MSG_NOSIGNAL) > 0)
        o->scrape_asked = true; /* else it is not connected yet, or the end is seen below */
    ssize_t n = recv(o->scrape_fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0)
        text_add(t, bytes, (size_t)n);
    else if (n == 0 || errno != EAGAIN || clock_ms() - o->scrape_since > MODERATOR_PATIENCE_MS)
        scrape_end(o);
}

/* ---- all of it ---- */

void moderator_make(struct moderator *o, struct victim *v, struct crowd *c, const char *binary,
                    uint16_t metrics, uint32_t seed) {
    *o = (struct moderator){.victim = v,
                            .crowd = c,
                            .random = seed | 1,
                            .metrics = metrics,
                            .scrape_fd = -1,
                            .speaker = order_speaker(c->order)};
    const char *slash = strrchr(binary, '/');
    snprintf(o->ctl, sizeof o->ctl, "%.*s/chatroom-ctl", slash ? (int)(slash - binary) : 1,
             slash ? binary : ".");
    c->order->announcer = o->speaker;
    c->order->speaker[o->speaker].hasty = true; /* one whose outcome is unknown may be missing */
    o->say.task.fd = o->order.task.fd = o->look.task.fd = -1;
    for (int i = 0; i < CROWD_OUTCASTS; i++)
        o->outcast[i].task.fd = -1;
    for (int i = 0; i < MODERATOR_GAGS; i++)
        o->gag[i].duty.task.fd = -1;
    for (int i = 0; i < MODERATOR_LOITERERS; i++)
        o->loiterer[i].fd = -1;
}

void moderator_turn(struct moderator *o) {
    say_turn(o);
    order_turn(o);
    look_turn(o);
    scrape_turn(o);
    for (uint32_t i = 0; i < CROWD_OUTCASTS; i++)
        outcast_turn(o, i);
    for (uint32_t i = 0; i < MODERATOR_GAGS; i++)
        gag_turn(o, &o->gag[i]);
    for (uint32_t i = 0; i < MODERATOR_LOITERERS; i++)
        loiterer_turn(o, i);
}

static bool moderator_idle(const struct moderator *o) {
    bool idle = o->say.task.fd < 0 && o->order.task.fd < 0 && o->look.task.fd < 0 &&
                o->scrape_fd < 0 && o->say.step == 0;
    for (int i = 0; i < CROWD_OUTCASTS; i++)
        idle = idle && o->outcast[i].step == BAN_NONE && o->outcast[i].task.fd < 0;
    for (int i = 0; i < MODERATOR_GAGS; i++)
        idle = idle && o->gag[i].duty.step == MUTE_NONE;
    return idle;
}

bool moderator_settle(struct moderator *o) {
    uint64_t until = clock_ms() + 3 * MODERATOR_PATIENCE_MS;
    o->over = true;
    while (!moderator_idle(o) && clock_ms() < until) {
        moderator_turn(o);
        crowd_turn(o->crowd, 0, 2);
        victim_watch(o->victim);
    }
    if (!moderator_idle(o))
        moderator_wrong(o, "does not come to an end", "");
    return moderator_idle(o);
}

void moderator_free(struct moderator *o) {
    free(o->scraped.at);
    free(o->say.task.out.at);
    free(o->order.task.out.at);
    free(o->look.task.out.at);
    for (int i = 0; i < CROWD_OUTCASTS; i++)
        free(o->outcast[i].task.out.at);
    for (int i = 0; i < MODERATOR_GAGS; i++)
        free(o->gag[i].duty.task.out.at);
}

/* ---- the counts ---- */

static const char *count_ask(struct moderator *o, const char *command) {
    task_begin(o, &o->look.task, "%s", command);
    int status;
    while ((status = task_end(o, &o->look.task)) < 0)
        crowd_turn(o->crowd, 0, 1);
    if (status != 0)
        moderator_wrong(o, command, o->look.task.said);
    return o->look.task.said;
}

/* The line "NAME  ADDRESS:PORT  ..." */
static bool count_lists(const char *who, const struct guest *g) {
    char line[CROWD_NAME_MAX + 2], endpoint[64];
    uint32_t from = g->from ? g->from : INADDR_LOOPBACK;
    if (g->nicks > 0)
        snprintf(line, sizeof line, "\nn%uk%u-", g->speaker, g->nicks);
    else
        snprintf(line, sizeof line, "\nn%u-", g->speaker);
    snprintf(endpoint, sizeof endpoint, "%u.%u.%u.%u:%u ", from >> 24, from >> 16 & 255,
             from >> 8 & 255, from & 255, g->port);
    const char *at = strstr(who, line), *found = at ? strstr(at, endpoint) : NULL;
    return found && found < at + 1 + strcspn(at + 1, "\n");
}

static void count_names(struct moderator *o) {
    const struct crowd *c = o->crowd;
    const char *who = count_ask(o, "who");
    uint32_t lines = 0, guests = 0;
    for (const char *at = who; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct guest *g = &c->guest[i];
        if (g->state != GUEST_INSIDE)
            continue;
        guests++;
        if (!count_lists(who, g))
            moderator_wrong(o, "is not listed, or at another address", g->name);
    }
    if (lines != guests + 2) /* the head, and the exit status */
        moderator_wrong(o, "the list has other names", who);
}

/* How many connections of the address are let in, one after another: two workers that accept in one
 * instant may each take the last place. */
static uint32_t count_let_in(struct moderator *o, uint32_t from, uint32_t most) {
    int *fd = calloc(most, sizeof *fd);
    uint32_t in = 0;
    bool proxied = from >> 24 == 0xc6;
    static const char header[] = "PROXY TCP4 198.51.100.1 127.0.0.1 5 6\r\n";
    for (uint32_t i = 0; fd && i < most; i++) {
        fd[i] = crowd_connect(o->crowd->port, from, proxied, 0);
        if (proxied)
            (void)!send(fd[i], header, sizeof header - 1, MSG_NOSIGNAL);
        char text[256] = "";
        struct pollfd wait = {.fd = fd[i], .events = POLLIN};
        (void)!poll(&wait, 1, MODERATOR_PATIENCE_MS);
        (void)!recv(fd[i], text, sizeof text - 1, MSG_DONTWAIT);
        in += strncmp(text, "Welcome", 7) == 0;
    }
    for (uint32_t i = 0; fd && i < most; i++)
        close(fd[i]);
    free(fd);
    return in;
}

/* All places for control connections are free again, and there are no more. */
static void count_places(struct moderator *o) {
    int fd[CONTROL_MAX + 2];
    uint32_t in = 0;
    for (int i = 0; i < CONTROL_MAX + 2; i++) {
        char text[128] = "";
        struct pollfd wait = {.fd = fd[i] = loiterer_connect(o), .events = POLLIN};
        (void)!poll(&wait, 1, MODERATOR_PATIENCE_MS);
        (void)!recv(fd[i], text, sizeof text - 1, MSG_DONTWAIT);
        in += strncmp(text, "chatroom-control ", 17) == 0;
    }
    for (int i = 0; i < CONTROL_MAX + 2; i++)
        close(fd[i]);
    if (in != CONTROL_MAX)
        moderator_wrong(o, "there are not CONTROL_MAX places", in < CONTROL_MAX ? "fewer" : "more");
}

void moderator_count(struct moderator *o, uint32_t per_address) {
    count_places(o);
    count_names(o);
    for (uint32_t i = 0; i < CROWD_OUTCASTS; i++) {
        char text[INET_ADDRSTRLEN + 32];
        uint32_t there = 0;
        for (uint32_t k = 0; k < o->crowd->count; k++)
            there += o->crowd->guest[k].from == crowd_outcast(i) &&
                     o->crowd->guest[k].state == GUEST_INSIDE;
        uint32_t in = count_let_in(o, crowd_outcast(i), per_address - there + 5);
        outcast_text(i, text);
        snprintf(text + strlen(text), 32, ": %u of %u", in, per_address - there);
        if (in != per_address - there)
            moderator_wrong(o, "lets in", text);
    }
    if (!strstr(count_ask(o, "bans"), "no address is banned"))
        moderator_wrong(o, "a ban is left", o->look.task.said);
}

/* ---- the transcript ---- */

/* What the crowd has not heard any more: it hangs up, and the server ends. */
static bool compare_end(const char *text) {
    static const char left[] = " has left the room.";
    size_t len = strlen(text);
    return (len > sizeof left && strcmp(text + len - (sizeof left - 1), left) == 0) ||
           strcmp(text, "*** The server is going down.") == 0;
}

/* False: the line is not the next one. */
static bool compare_line(struct moderator *o, size_t *at, char *line) {
    const struct room_order *order = o->crowd->order;
    char *end = strchr(line, '\n'),
         *text = strlen(line) > TRANSCRIPT_TIME ? strchr(line + TRANSCRIPT_TIME + 1, ' ') : NULL;
    if (!end || !text)
        return false;
    *end = '\0';
    if (*at == order->len)
        return compare_end(text + 1);
    return order->line[(*at)++] == order_hash(text + 1);
}

void moderator_compare(struct moderator *o) {
    char path[256], line[8192];
    size_t at = 0;
    for (uint32_t i = 0; i <= o->moved; i++) {
        snprintf(path, sizeof path, "%s/transcript", o->victim->dir);
        if (i < o->moved)
            snprintf(path, sizeof path, "%s/transcript.%u", o->victim->dir, i);
        FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof line, file)) {
            if (compare_line(o, &at, line))
                continue;
            fprintf(stderr, "%s, line %zu of the room: ", path, at);
            moderator_wrong(o, "the transcript has another line", line);
            fclose(file);
            return;
        }
        if (!file)
            moderator_wrong(o, "is missing", path);
        else
            fclose(file);
    }
    if (at != o->crowd->order->len)
        moderator_wrong(o, "the transcript ends too early", line);
}
