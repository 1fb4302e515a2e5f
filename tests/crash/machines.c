/* machines.c - one room over three machines, whose relays, workers and masters are killed while
 * people on all of them talk, and the redis-server between them, too, which keeps its data.
 *
 *     machines [-s SECONDS] [-c PEOPLE_A_MACHINE] [-l LINES_A_SECOND] [-r RANDOM] [-b BINARY]
 *     machines -p LIST [-n MOST] ...
 *
 * -p: instead of random deaths, one process dies at each fault point in the file LIST, at its 1st,
 * 2nd, ... hit up to the MOST-th; BINARY is built with -DCHATROOM_FAULTS.
 *
 * Judged: on each machine all people receive one order; in it every speaker's lines, whichever
 * machine they come from, are once and in order; a line that answers another, because its speaker
 * had received that, is never before it; private lines across are received once and in order, or
 * were refused, because the link was down.  At the end `who` has everybody, on each machine.  Exit
 * status 1 if anything was lost, doubled, reordered or before its cause. */
#include "ipc/clock.h"
#include "tests/crash/chaos.h"
#include "tests/crash/order.h"
#include "tests/crash/points.h"
#include "tests/crash/text.h"
#include "tests/crash/victim.h"
#include "tests/lib/redis.h"
#include "tests/lib/skip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* clang-format off */
enum {
    MACHINES = 3, PEOPLE_MAX = 300, SPEAKERS_MAX = 65536, WHISPERS_MAX = 65536,
    NAME_MAX_LEN = 32, LINE_MAX_LEN = 4200, PAST_SIZE = 2000, READ_SIZE = 65536,
    ENTER_MS = 60000, SETTLE_MS = 120000, LISTS_MS = 20000,
    ANSWERS = 4,         /* one line of so many that are received from elsewhere is answered */
    REDIS_LIFE_MS = 6000, REDIS_DEATH_MS = 1500, /* at most, random */
    REDIS_WAKE_MS = 7000, REDIS_SLEEP_MS = 2000,
    POINT_MS = 3000, POINT_REST_MS = 300 /* how long a point is waited for; talk behind it */
};
/* clang-format on */

static const char *const node[MACHINES] = {"paris", "london", "tokyo"};
static const char conf[] = "flood_rate = 0\nconnect_rate = 0\nhistory = 0\nmax_clients = 1000\n"
                           "worker_timeout = 1s\nmax_clients_per_address = 0\n";

struct person {
    int fd;
    uint32_t machine;
    enum { AWAY, LOGGING_IN, INSIDE, LEAVING } state;
    bool stays; /* the others come and go */
    uint64_t away_until;
    uint32_t speaker;
    char name[NAME_MAX_LEN];
    struct viewer viewer;
    struct text in, out, past;
    bool waits; /* its next line cannot be judged yet */
    bool answer;
    uint32_t cause, cause_number; /* what it answers next, if `answer` */
    /* Private lines to `partner`, a person of another machine, numbered from 1; both stay.  Each is
     * answered, in order: by its copy, or by a refusal, which reads like a notice to the room. */
    struct person *partner; /* NULL: none */
    uint32_t whispered, answered, received, refusals;
    enum { SENT, COPIED, REFUSED, HEARD } * whisper;
    /* The list that is arriving. */
    bool listing;
    uint32_t listed, strange;
    char stranger[64];
};

struct machine {
    struct victim victim;
    struct chaos chaos;
    struct room_order *order;
    char conf[512];
    uint64_t down, away; /* notices of the link, and of other machines */
};

static struct {
    uint32_t seconds, people, lines, random, most;
    const char *binary, *points;
    struct fault_table *table; /* with `points` */
    uint32_t tried, fired;
    struct machine machine[MACHINES];
    struct person person[PEOPLE_MAX];
    uint32_t count;
    uint8_t home[SPEAKERS_MAX]; /* a speaker's machine */
    bool inside[SPEAKERS_MAX];  /* it has not left */
    struct redis *redis;
    uint64_t redis_due, pause_due; /* clock_ms() of the next change */
    bool redis_paused;
    uint64_t said, answers, whispers, refusals, comings, redis_deaths, redis_pauses;
    uint64_t before_cause, private_wrong, unexpected, skipped, disconnects, lists_wrong;
} run;

/* ---- people ---- */

static uint32_t random_below(uint32_t below) { /* xorshift32 */
    run.random ^= run.random << 13;
    run.random ^= run.random >> 17;
    run.random ^= run.random << 5;
    return run.random % below;
}

static void complain(const struct person *p, uint64_t *count, const char *fmt, ...) {
    char text[LINE_MAX_LEN + 200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ++*count;
    order_complain(run.machine[p->machine].order, "%s on %s: %s", p->name, node[p->machine], text);
}

static void person_types(struct person *p, const char *fmt, ...) {
    char line[LINE_MAX_LEN];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    text_add(&p->out, line, (size_t)n);
}

/* Its number is the same in each machine's order. */
static uint32_t new_speaker(uint32_t machine) {
    uint32_t speaker = 0;
    for (uint32_t m = 0; m < MACHINES; m++)
        speaker = order_speaker(run.machine[m].order);
    if (speaker >= SPEAKERS_MAX)
        fail_at(HERE, "more than %d speakers", SPEAKERS_MAX);
    run.home[speaker] = (uint8_t)machine;
    return speaker;
}

static void person_comes(struct person *p) {
    struct machine *m = &run.machine[p->machine];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(m->victim.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(p->fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail_at(HERE, "connect: %s", strerror(errno));
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    p->speaker = new_speaker(p->machine);
    snprintf(p->name, sizeof p->name, "n%u-x", p->speaker);
    p->in.len = p->out.len = p->past.len = 0;
    p->waits = p->answer = p->listing = false;
    p->state = LOGGING_IN;
    order_entering(m->order, &p->viewer);
    person_types(p, "login %s\r\n", p->name);
    run.comings++;
    run.inside[p->speaker] = true;
}

static void person_gone(struct person *p) {
    order_outside(run.machine[p->machine].order, &p->viewer);
    close(p->fd);
    p->fd = -1;
    p->out.len = 0; /* the LF of its "logout", which the server did not wait for */
    p->state = AWAY;
}

static void person_leaves(struct person *p) {
    p->away_until = clock_ms() + random_below(1500);
    person_types(p, "logout\r\n");
    p->state = LEAVING;
    run.inside[p->speaker] = false;
}

static void person_says(struct person *p) {
    static const char dots[] = "................................................................";
    const struct room_order *own = run.machine[p->machine].order;
    char answer[40] = "";
    if (p->answer)
        snprintf(answer, sizeof answer, ">%u.%u ", p->cause, p->cause_number);
    run.answers += p->answer;
    p->answer = false;
    person_types(p, "m%u.%u %s%.*s;\r\n", p->speaker, own->speaker[p->speaker].sent + 1, answer,
                 (int)random_below(sizeof dots), dots);
    for (uint32_t m = 0; m < MACHINES; m++)
        order_sent(run.machine[m].order, p->speaker);
    run.said++;
}

static void person_whispers(struct person *p) {
    const struct person *to = p->partner;
    if (!to || to->state != INSIDE || p->whispered + 1 == WHISPERS_MAX)
        return;
    p->whispered++;
    person_types(p, "/msg %s@%s p%u;\r\n", to->name, node[to->machine], p->whispered);
    run.whispers++;
}

static void person_acts(struct person *p) {
    uint32_t dice = random_below(100);
    if (p->state != INSIDE || p->out.len > 4096)
        return;
    if (!p->stays && dice < 8)
        person_leaves(p);
    else if (p->stays && dice < 10)
        person_whispers(p);
    else
        person_says(p);
}

/* ---- what they receive ---- */

/* "[21:04] " before a line that is late. */
static const char *without_time(const char *line) {
    bool time = strlen(line) > 8 && line[0] == '[' && line[1] >= '0' && line[1] <= '9' &&
                line[3] == ':' && line[6] == ']';
    return time ? line + 8 : line;
}

/* "n12-x" or "n12-x@paris", as that machine's people see it; *rest: what follows. */
static bool parse_name(const struct person *p, const char *text, uint32_t *speaker,
                       const char **rest) {
    char *end;
    if (text[0] != 'n' || text[1] < '0' || text[1] > '9')
        return false;
    *speaker = (uint32_t)strtoul(text + 1, &end, 10);
    if (strncmp(end, "-x", 2) != 0 || *speaker >= run.machine[0].order->speakers)
        return false;
    *rest = end + 2;
    uint32_t home = run.home[*speaker];
    if (home == p->machine)
        return **rest != '@';
    size_t n = strlen(node[home]);
    if (**rest != '@' || strncmp(*rest + 1, node[home], n) != 0)
        return false;
    *rest += 1 + n;
    return true;
}

/* ": m12.7 >3.9 ...;" of that speaker. */
static bool parse_speech(const char *rest, struct order_line *line, bool *answers, uint32_t *cause,
                         uint32_t *cause_number) {
    uint32_t speaker;
    int end = 0;
    size_t n = strlen(rest);
    if (sscanf(rest, ": m%u.%u %n", &speaker, &line->number, &end) != 2 || end == 0 ||
        speaker != line->speaker || rest[n - 1] != ';')
        return false;
    *answers = sscanf(rest + end, ">%u.%u ", cause, cause_number) == 2;
    line->kind = ORDER_SPEECH;
    return true;
}

static enum order_answer hear_room(struct person *p, const struct order_line *line, bool answers,
                                   uint32_t cause, uint32_t cause_number) {
    struct room_order *o = run.machine[p->machine].order;
    if (order_see(o, &p->viewer, line) == ORDER_WAIT)
        return ORDER_WAIT;
    if (line->kind != ORDER_SPEECH)
        return ORDER_SEEN;
    if (answers && (cause >= o->speakers || o->speaker[cause].seen < cause_number))
        complain(p, &run.before_cause, "BEFORE WHAT IT ANSWERS: %s", line->text);
    if (run.home[line->speaker] != p->machine && random_below(ANSWERS) == 0) {
        p->answer = true;
        p->cause = line->speaker;
        p->cause_number = line->number;
    }
    return ORDER_SEEN;
}

/* The copy of that private line: those before it that were not answered were refused. */
static void hear_copy(struct person *p, uint32_t number) {
    uint32_t between = number - p->answered - 1;
    if (number <= p->answered || number > p->whispered || between > p->refusals) {
        complain(p, &run.private_wrong, "a copy of %u behind %u, and %u refusals", number,
                 p->answered, p->refusals);
        return;
    }
    for (uint32_t i = p->answered + 1; i < number; i++) {
        if (p->whisper[i] != SENT)
            complain(p, &run.private_wrong, "%u was refused, and received", i);
        p->whisper[i] = REFUSED;
        run.refusals++;
    }
    p->answered = number;
    p->refusals = 0;
    if (p->whisper[number] == SENT)
        p->whisper[number] = COPIED;
}

/* "[n1-x@paris] p7;", or its copy, "[to n2-x@london] p7;" */
static bool hear_private(struct person *p, const char *line) {
    const char *rest;
    uint32_t speaker, number;
    bool copy = strncmp(line, "[to ", 4) == 0;
    struct person *partner = p->partner;
    if (line[0] != '[' || !parse_name(p, line + (copy ? 4 : 1), &speaker, &rest) ||
        sscanf(rest, "] p%u;", &number) != 1)
        return false;
    if (!partner || speaker != partner->speaker || number >= WHISPERS_MAX) {
        complain(p, &run.private_wrong, "a private line of another: %s", line);
    } else if (copy) {
        hear_copy(p, number);
    } else {
        if (number <= p->received || partner->whisper[number] >= REFUSED)
            complain(p, &run.private_wrong, "DOUBLED, reordered or refused: %s", line);
        p->received = number;
        partner->whisper[number] = HEARD;
    }
    return true;
}

static bool hear_notice(struct person *p, const char *line) {
    struct machine *m = &run.machine[p->machine];
    bool link = strncmp(line, "*** The link to the other machines is ", 38) == 0;
    bool away = strstr(line, " is out of reach (") || strstr(line, " is back (");
    bool absent = p->answered < p->whispered && strncmp(line, "There is no \"", 13) == 0;
    p->refusals += link || absent;
    m->down += link;
    m->away += away && line[0] == '*';
    return link || absent || (away && line[0] == '*');
}

static bool hear_list(struct person *p, const char *line) {
    const char *rest;
    uint32_t speaker;
    if (strcmp(line, "The following are logged in:") == 0) {
        p->listing = true;
        p->listed = p->strange = 0;
        return true;
    }
    if (!p->listing)
        return false;
    if (strncmp(line, "Unknown command: ", 17) == 0) {
        p->listing = false;
        return true;
    }
    if (parse_name(p, line, &speaker, &rest) && (*rest == '\0' || *rest == ' ') &&
        !strstr(rest, " has ")) {
        p->listed += run.inside[speaker];
        p->strange += !run.inside[speaker];
        if (!run.inside[speaker])
            snprintf(p->stranger, sizeof p->stranger, "%s", line);
        return true;
    }
    return false;
}

static enum order_answer hear_inside(struct person *p, const char *line) {
    struct order_line room = {.text = line};
    const char *rest;
    uint32_t cause = 0, number = 0, skipped;
    bool answers = false;
    if (strncmp(line, "Use \"/help\"", 11) == 0 || hear_list(p, line))
        return ORDER_SEEN;
    if (parse_name(p, line, &room.speaker, &rest)) {
        bool comes = strcmp(rest, " has entered the room.") == 0;
        room.kind = comes ? ORDER_COMES : ORDER_GOES;
        if (comes || strcmp(rest, " has left the room.") == 0 ||
            parse_speech(rest, &room, &answers, &cause, &number))
            return hear_room(p, &room, answers, cause, number);
    }
    if (hear_private(p, line))
        return ORDER_SEEN;
    if (sscanf(line, "*** %u line", &skipped) == 1 && strstr(line, "skipped")) {
        complain(p, &run.skipped, "%s", line);
        return ORDER_SEEN;
    }
    if (hear_notice(p, line))
        return ORDER_SEEN;
    complain(p, &run.unexpected, "unexpected: %s", line);
    return ORDER_SEEN;
}

static enum order_answer person_hears(struct person *p, const char *line) {
    struct order_line room = {.text = line, .kind = ORDER_COMES};
    const char *rest;
    if (p->state == INSIDE || p->state == LEAVING)
        return p->viewer.where == VIEWER_INSIDE ? hear_inside(p, without_time(line)) : ORDER_SEEN;
    if (!parse_name(p, line, &room.speaker, &rest) || room.speaker != p->speaker ||
        strcmp(rest, " has entered the room.") != 0)
        return ORDER_SEEN;
    if (order_see(run.machine[p->machine].order, &p->viewer, &room) == ORDER_WAIT)
        return ORDER_WAIT;
    p->state = INSIDE;
    return ORDER_SEEN;
}

static void person_remembers(struct person *p, const char *line) {
    size_t n = strnlen(line, 70);
    if (p->past.len + n + 1 > PAST_SIZE)
        text_drop(&p->past, p->past.len < n + 200 ? p->past.len : n + 200);
    text_add(&p->past, line, n);
    text_add(&p->past, "\n", 1);
}

/* All whole lines, up to one that must wait. */
static void person_lines(struct person *p) {
    char *at = p->in.at, *end = p->in.at + p->in.len, *stop;
    struct room_order *o = run.machine[p->machine].order;
    p->waits = false;
    while (at < end && (stop = memchr(at, '\n', (size_t)(end - at)))) {
        char *tail = stop > at && stop[-1] == '\r' ? stop - 1 : stop, saved = *tail;
        int told = o->told;
        *tail = '\0';
        p->waits = person_hears(p, at) == ORDER_WAIT;
        if (!p->waits && o->told != told)
            order_complain(o, "... received by %s on %s after:\n%.*s", p->name, node[p->machine],
                           (int)p->past.len, p->past.at);
        if (!p->waits)
            person_remembers(p, at);
        *tail = saved;
        if (p->waits)
            break;
        at = stop + 1;
    }
    text_drop(&p->in, p->in.at ? (size_t)(at - p->in.at) : 0);
}

static void person_reads(struct person *p) {
    char bytes[READ_SIZE];
    ssize_t n = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) {
        text_add(&p->in, bytes, (size_t)n);
        if (!p->waits)
            person_lines(p);
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (p->state == LEAVING && p->waits)
        return; /* it is gone once all it has received is judged */
    if (p->state != LEAVING) {
        complain(p, &run.disconnects, "DISCONNECTED: %s", n == 0 ? "end" : strerror(errno));
        for (uint32_t m = 0; m < MACHINES; m++)
            run.machine[m].order->speaker[p->speaker].excused = true;
        run.inside[p->speaker] = false;
        p->away_until = clock_ms() + 1000;
    }
    person_gone(p);
}

static void person_writes(struct person *p) {
    size_t n = p->out.len;
    if (p->fd < 0 || n == 0)
        return;
    if (n > 2 && random_below(3) == 0)
        n = 2 + random_below((uint32_t)n - 2); /* a line is read in halves */
    ssize_t sent = send(p->fd, p->out.at, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0)
        text_drop(&p->out, (size_t)sent);
}

/* The first of a machine is in before the others come: no other could judge the first joins. */
static bool person_may_come(const struct person *p, uint64_t now) {
    const struct person *first = &run.person[p->machine];
    return p->state == AWAY && now >= p->away_until && (p == first || first->state == INSIDE);
}

static void people_turn(uint32_t lines, int ms) {
    static struct pollfd polls[PEOPLE_MAX];
    uint64_t now = clock_ms();
    for (uint32_t i = 0; i < lines; i++)
        person_acts(&run.person[random_below(run.count)]);
    for (uint32_t i = 0; i < run.count; i++) {
        struct person *p = &run.person[i];
        if (person_may_come(p, now))
            person_comes(p);
        if (p->waits)
            person_lines(p);
        person_writes(p);
        polls[i] = (struct pollfd){.fd = p->fd, .events = POLLIN};
    }
    if (poll(polls, run.count, ms) <= 0)
        return;
    for (uint32_t i = 0; i < run.count; i++)
        if (polls[i].revents)
            person_reads(&run.person[i]);
}

/* ---- redis ---- */

static void redis_turn(void) {
    uint64_t now = clock_ms();
    if (run.redis_paused && now >= run.pause_due) {
        redis_resume(run.redis);
        run.redis_paused = false;
        run.pause_due = now + random_below(REDIS_WAKE_MS);
    } else if (!run.redis_paused && !run.redis->stopped && now >= run.pause_due) {
        redis_pause(run.redis);
        run.redis_paused = true;
        run.redis_pauses++;
        run.pause_due = now + random_below(REDIS_SLEEP_MS);
    }
    if (run.redis_paused || now < run.redis_due)
        return;
    if (run.redis->stopped) {
        redis_again(run.redis);
        run.redis_due = clock_ms() + random_below(REDIS_LIFE_MS);
    } else {
        redis_kill(run.redis);
        run.redis_deaths++;
        run.redis_due = clock_ms() + random_below(REDIS_DEATH_MS);
    }
}

static void redis_settle(void) {
    if (run.redis_paused)
        redis_resume(run.redis);
    run.redis_paused = false;
    if (run.redis->stopped)
        redis_again(run.redis);
}

/* ---- the run ---- */

static void options(int argc, char **argv) {
    int option;
    while ((option = getopt(argc, argv, "s:c:l:r:b:p:n:")) != -1) {
        uint32_t n = optarg ? (uint32_t)strtoul(optarg, NULL, 10) : 0;
        switch (option) {
        case 's': run.seconds = n; break;
        case 'c': run.people = n; break;
        case 'l': run.lines = n; break;
        case 'r': run.random = n | 1; break;
        case 'b': run.binary = optarg; break;
        case 'p': run.points = optarg; break;
        case 'n': run.most = n; break;
        default: exit(2);
        }
    }
    if (run.people < 2 || run.people * MACHINES > PEOPLE_MAX)
        fail_at(HERE, "-c: 2 to %d", PEOPLE_MAX / MACHINES);
}

static void begin_machine(uint32_t i) {
    static const uint32_t rates[CHAOS_KINDS] = {
        /* a 1,000 seconds */
        [CHAOS_KILL] = 1500, [CHAOS_STOP] = 300,    [CHAOS_RELOAD] = 60, [CHAOS_UPGRADE] = 40,
        [CHAOS_MASTER] = 40, [CHAOS_GUARDIAN] = 20, [CHAOS_ALL] = 20,    [CHAOS_BOTH] = 10,
        [CHAOS_HALT] = 0,    [CHAOS_WRITER] = 0,    [CHAOS_RELAY] = 700};
    static const uint32_t of_points[CHAOS_KINDS] = {[CHAOS_RELOAD] = 60, /* what leads to them */
                                                    [CHAOS_UPGRADE] = 60,
                                                    [CHAOS_RELAY] = 300};
    struct machine *m = &run.machine[i];
    char first[600];
    m->order = order_new();
    snprintf(m->conf, sizeof m->conf, "%srelay = redis://%s\nnode = %s\n", conf,
             run.redis->endpoint, node[i]);
    snprintf(first, sizeof first, "%sworkers = 2\n", m->conf);
    victim_start(&m->victim, run.binary, first);
    chaos_make(&m->chaos, &m->victim, m->conf, run.random + 7919 * i);
    memcpy(m->chaos.rate, run.points ? of_points : rates, sizeof rates);
}

static void begin(void) {
    if (run.points)
        run.table = points_table();
    victim_network();
    run.redis = redis_start("appendonly yes\nappendfsync always\n");
    for (uint32_t i = 0; i < MACHINES; i++)
        begin_machine(i);
    for (uint32_t i = 0; i < MACHINES; i++)
        redis_until(run.redis, "1", "HEXISTS", "chatroom:nodes", node[i]);
    run.count = run.people * MACHINES;
    for (uint32_t i = 0; i < run.count; i++) {
        struct person *p = &run.person[i];
        uint32_t row = i / MACHINES;
        p->fd = -1;
        p->machine = i % MACHINES;
        p->stays = row % 4 != 3;
        p->whisper = calloc(WHISPERS_MAX, sizeof *p->whisper);
        if (p->stays && p->machine == row % MACHINES) { /* and the next machine's of its row */
            p->partner = &run.person[row * MACHINES + (row + 1) % MACHINES];
            p->partner->partner = p;
        }
    }
}

static bool all_inside(void) {
    uint32_t inside = 0;
    for (uint32_t i = 0; i < run.count; i++)
        inside += run.person[i].state == INSIDE;
    return inside == run.count;
}

static bool enter(void) {
    uint64_t until = clock_ms() + ENTER_MS;
    while (!all_inside() && clock_ms() < until)
        people_turn(0, 5);
    return all_inside();
}

/* What is due of the talk since `start`, of which `done` lines are said. */
static void turn(uint64_t start, uint64_t *done) {
    uint64_t should = run.lines * (clock_ms() - start) / 1000;
    uint32_t lines = should - *done < 100 ? (uint32_t)(should - *done) : 100;
    *done += lines;
    people_turn(lines, 2);
    for (uint32_t m = 0; m < MACHINES; m++) {
        chaos_turn(&run.machine[m].chaos);
        victim_watch(&run.machine[m].victim);
    }
}

static void talk(void) {
    uint64_t start = clock_ms(), until = start + 1000ull * run.seconds, done = 0;
    run.redis_due = start + random_below(REDIS_LIFE_MS);
    run.pause_due = start + random_below(REDIS_WAKE_MS);
    while (clock_ms() < until) {
        turn(start, &done);
        redis_turn();
    }
}

/* ---- fault points ---- */

static uint64_t complaints(void) {
    uint64_t n =
        run.before_cause + run.private_wrong + run.unexpected + run.skipped + run.disconnects;
    for (uint32_t m = 0; m < MACHINES; m++)
        n += (uint64_t)run.machine[m].order->told;
    return n;
}

/* Of any machine's processes the first to be there for the n-th time dies.  False: none was. */
static bool point_fires(const char *name, uint32_t nth) {
    struct fault_table *t = run.table;
    uint64_t start = clock_ms(), done = 0, before = complaints();
    atomic_store(&t->fired, 0);
    atomic_store(&t->left, nth);
    atomic_store(&t->signal, SIGKILL);
    atomic_store(&t->then, 0);
    atomic_store_explicit(&t->armed, fault_key(name), memory_order_release);
    while (atomic_load(&t->fired) == 0 && clock_ms() < start + POINT_MS)
        turn(start, &done);
    atomic_store(&t->armed, 0);
    bool fired = atomic_load(&t->fired) != 0;
    for (uint64_t until = clock_ms() + POINT_REST_MS; fired && clock_ms() < until;)
        turn(start, &done);
    if (complaints() != before)
        printf("the above came with %s, hit %u\n", name, nth);
    return fired;
}

static void try_points(void) {
    FILE *file = fopen(run.points, "re");
    char name[FAULT_NAME_MAX];
    if (!file)
        fail_at(HERE, "%s: %s", run.points, strerror(errno));
    while (fscanf(file, "%47s", name) == 1) {
        bool fired = true;
        run.tried++;
        for (uint32_t nth = 1; fired && nth <= run.most; nth *= 2) {
            fired = point_fires(name, nth);
            run.fired += fired && nth == 1;
            if (!fired && nth == 1)
                printf("never reached: %s\n", name);
        }
    }
    fclose(file);
}

/* What the person still waits for; NULL: nothing. */
static const char *wants(const struct person *p) {
    if (p->state == LOGGING_IN)
        return "its coming";
    if (p->state == LEAVING)
        return "the end of its stream";
    if (p->out.len > 0 || p->waits)
        return "what it sent, or others to have seen what it sees";
    if (p->state == INSIDE && p->viewer.at != run.machine[p->machine].order->len)
        return "lines that others have seen";
    if (p->answered != p->whispered)
        return "the answer to a private line";
    for (uint32_t i = 1; i <= p->whispered; i++)
        if (p->whisper[i] == COPIED)
            return "its partner to receive a private line";
    return p->listing ? "the end of a list" : NULL;
}

static bool settled(bool tell) {
    bool well = true;
    for (uint32_t m = 0; m < MACHINES; m++)
        well &= order_complete(run.machine[m].order);
    for (uint32_t i = 0; i < run.count && (well || tell); i++) {
        const char *what = wants(&run.person[i]);
        well &= what == NULL;
        if (what && tell)
            fprintf(stderr, "%s on %s waits for %s\n", run.person[i].name,
                    node[run.person[i].machine], what);
    }
    return well;
}

static bool settle(void) {
    uint64_t until = clock_ms() + SETTLE_MS;
    for (uint32_t i = 0; i < run.count; i++)
        run.person[i].away_until = UINT64_MAX;
    for (uint32_t turn = 1; !settled(false) && clock_ms() < until; turn++) {
        people_turn(0, 5);
        for (uint32_t i = 0; turn % 256 == 0 && i < run.count; i++)
            if (run.person[i].answered != run.person[i].whispered)
                person_whispers(&run.person[i]); /* its copy shows that others were refused */
        for (uint32_t m = 0; m < MACHINES; m++)
            victim_watch(&run.machine[m].victim);
    }
    return settled(true);
}

static void ask(struct person *p) {
    uint64_t until = clock_ms() + SETTLE_MS;
    p->listing = true;
    person_types(p, "who\r\n/zz\r\n");
    while (p->listing && p->state == INSIDE && clock_ms() < until)
        people_turn(0, 5);
}

/* On each machine its first person asks, until all that have left elsewhere have left here. */
static void check_lists(void) {
    uint32_t inside = 0;
    for (uint32_t i = 0; i < run.count; i++)
        inside += run.person[i].state == INSIDE;
    for (uint32_t m = 0; m < MACHINES; m++) {
        struct person *p = &run.person[m];
        uint64_t until = clock_ms() + LISTS_MS;
        do
            ask(p);
        while ((p->listed != inside || p->strange > 0) && clock_ms() < until);
        if (p->listed != inside || p->strange > 0)
            complain(p, &run.lists_wrong, "who has %u of %u people, and %u others, as %s",
                     p->listed, inside, p->strange, p->stranger);
    }
}

static uint64_t done(enum chaos_kind kind) {
    uint64_t n = 0;
    for (uint32_t m = 0; m < MACHINES; m++)
        n += run.machine[m].chaos.done[kind];
    return n;
}

static uint64_t print(const char *what, uint64_t n) {
    printf("%-32s %llu\n", what, (unsigned long long)n);
    return n;
}

static void report_done(void) {
    uint64_t down = 0, away = 0;
    for (uint32_t m = 0; m < MACHINES; m++) {
        down += run.machine[m].down;
        away += run.machine[m].away;
    }
    if (run.points)
        print("fault points", run.tried), print("of them fired", run.fired);
    else
        print("seconds", run.seconds);
    print("people", run.count);
    print("kills of relays", done(CHAOS_RELAY));
    print("kills of workers", done(CHAOS_KILL));
    print("stops of workers", done(CHAOS_STOP));
    print("kills of masters", done(CHAOS_MASTER));
    print("of all but a guardian", done(CHAOS_ALL));
    print("of guardians", done(CHAOS_GUARDIAN));
    print("of guardian and master", done(CHAOS_BOTH));
    print("reloads", done(CHAOS_RELOAD));
    print("upgrades", done(CHAOS_UPGRADE));
    print("kills of redis", run.redis_deaths);
    print("stops of redis", run.redis_pauses);
    print("lines said", run.said);
    print("of them answers", run.answers);
    print("private lines", run.whispers);
    print("of them refused", run.refusals);
    print("comings", run.comings);
    print("notices of the link", down);
    print("notices of machines", away);
}

/* All of these must be zero. */
static uint64_t report_violations(bool well, bool ended) {
    uint64_t lost = 0, doubled = 0, reordered = 0, unanswered = 0, errors = 0;
    for (uint32_t m = 0; m < MACHINES; m++) {
        struct machine *at = &run.machine[m];
        lost += at->order->lost;
        doubled += at->order->doubled;
        reordered += at->order->reordered;
        unanswered += run.points ? 0 : at->chaos.unanswered; /* the one asked may have died */
        errors += at->victim.errors;
    }
    printf("and these must be zero:\n");
    return print("lost", lost) + print("doubled", doubled) + print("reordered", reordered) +
           print("before their cause", run.before_cause) +
           print("private lost, doubled, reordered", run.private_wrong) +
           print("told to be skipped", run.skipped) + print("unexpected", run.unexpected) +
           print("disconnects", run.disconnects) + print("lists wrong", run.lists_wrong) +
           print("unanswered by a master", unanswered) + print("errors in the logs", errors) +
           print("lines or answers missing", !well) + print("did not end well", !ended);
}

static bool end(void) {
    bool well = true;
    for (uint32_t m = 0; m < MACHINES; m++) {
        struct room_order *o = run.machine[m].order;
        order_finish(o);
        for (uint32_t i = 0; i < run.count; i++)
            if (run.person[i].machine == m && run.person[i].state == INSIDE)
                order_finish_viewer(o, &run.person[i].viewer);
    }
    for (uint32_t i = 0; i < run.count; i++)
        if (run.person[i].fd >= 0)
            person_gone(&run.person[i]);
    for (uint32_t m = 0; m < MACHINES; m++)
        well &= victim_stop(&run.machine[m].victim);
    return well;
}

int main(int argc, char **argv) {
    run.seconds = 30;
    run.people = 12;
    run.lines = 150;
    run.most = 1;
    run.random = 1;
    run.binary = getenv("CHATROOM_MASTER") ? getenv("CHATROOM_MASTER") : "./chatroom-master";
    options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    begin();
    bool well = enter();
    if (!well)
        settled(true);
    if (well) {
        if (run.points)
            try_points();
        else
            talk();
        redis_settle();
        for (uint32_t m = 0; m < MACHINES; m++)
            chaos_settle(&run.machine[m].chaos);
        well = settle();
        check_lists();
    }
    report_done();
    bool ended = end();
    uint64_t bad = report_violations(well, ended);
    printf("%s\n", bad ? "FAILED" : "ok");
    for (uint32_t m = 0; m < MACHINES; m++)
        victim_forget(&run.machine[m].victim, bad);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
