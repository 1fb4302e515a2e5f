/* e2e_order.c - many clients on several workers: all receive every line once, in one order. */
#include "tests/lib/checker.h"
#include "tests/lib/swarm.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(order, .timeout = 300);

enum { MEMBERS_MAX = 200 };

struct crowd {
    struct swarm *swarm;
    struct checker *checker;
    int members, speakers, lines; /* lines: of each speaker */
    int stays; /* members from this index on leave after `visit` lines; the others stay */
    int visit;
    bool in_room[MEMBERS_MAX], gone[MEMBERS_MAX], ended[MEMBERS_MAX];
    int heard_own[MEMBERS_MAX];
    int said[MEMBERS_MAX];
};

static void say_next(struct crowd *c, int member) {
    char line[64];
    snprintf(line, sizeof line, "m%d: line %d", member, c->said[member]);
    checker_sent(c->checker, member, line);
    swarm_say(c->swarm, member, "line %d", c->said[member]++);
}

static bool is_of_the_room(const char *line) {
    int member, end = 0;
    return (sscanf(line, "m%d: %n", &member, &end) == 1 && end > 0) ||
           strstr(line, " has entered the room.") || strstr(line, " has left the room.");
}

static void heard(void *state, int member, const char *line) {
    struct crowd *c = state;
    char own[64];
    if (c->gone[member] || c->ended[member] || !is_of_the_room(line))
        return;
    checker_saw(c->checker, member, line);
    if (!c->in_room[member]) {
        snprintf(own, sizeof own, "m%d has entered the room.", member);
        c->in_room[member] = strcmp(line, own) == 0;
    }
    snprintf(own, sizeof own, "m%d: line ", member);
    if (strncmp(line, own, strlen(own)) == 0)
        c->heard_own[member]++;
    if (strcmp(line, "m0: the end") == 0)
        c->ended[member] = true;
    if (member >= c->stays && checker_seen(c->checker, member) >= c->visit) {
        swarm_close(c->swarm, member);
        c->gone[member] = true;
    }
}

static bool everybody_is_in(void *state) {
    const struct crowd *c = state;
    for (int i = 0; i < c->members; i++)
        if (!c->in_room[i] && !c->gone[i])
            return false;
    return true;
}

/* A speaker says its next line once it has received its last one. */
static bool all_is_said_one_by_one(void *state) {
    struct crowd *c = state;
    bool done = true;
    for (int i = 0; i < c->speakers; i++) {
        if (c->heard_own[i] == c->said[i] && c->said[i] < c->lines)
            say_next(c, i);
        done = done && c->heard_own[i] == c->lines;
    }
    return done;
}

static bool all_is_said(void *state) {
    const struct crowd *c = state;
    for (int i = 0; i < c->speakers; i++)
        if (c->heard_own[i] < c->lines && !c->swarm->member[i].ended)
            return false;
    return true;
}

static bool all_heard_the_end(void *state) {
    const struct crowd *c = state;
    for (int i = 0; i < c->stays; i++)
        if (!c->ended[i] && !c->swarm->member[i].ended)
            return false;
    return true;
}

/* Makes a crowd on a new server with four workers. */
static struct crowd *crowd_new(struct server **s, int members, int speakers, int lines) {
    struct crowd *c = calloc(1, sizeof *c);
    *s = server_start(SERVER_QUIET(4) "login_timeout = 0\n");
    c->members = c->stays = members;
    c->speakers = speakers;
    c->lines = lines;
    c->checker = checker_new(members);
    c->swarm = swarm_connect(*s, members, heard, c);
    return c;
}

static void log_in(struct crowd *c, int from, int to) {
    char line[64];
    for (int i = from; i < to; i++) {
        snprintf(line, sizeof line, "m%d has entered the room.", i);
        checker_begins(c->checker, i, line);
        swarm_say(c->swarm, i, "login m%d", i);
    }
}

static void judge(struct crowd *c) {
    char why[512] = "";
    swarm_say(c->swarm, 0, "the end");
    checker_sent(c->checker, 0, "m0: the end");
    swarm_pump(c->swarm, all_heard_the_end, c);
    for (int i = 0; i < c->stays; i++)
        if (c->swarm->member[i].ended)
            checker_lost(c->checker, i);
    for (int i = c->stays; i < c->members; i++)
        checker_left(c->checker, i);
    cr_assert(checker_verdict(c->checker, why, sizeof why), "%s", why);
    checker_free(c->checker);
}

/* Connects each member again until worker `i % workers` serves it. */
static void spread(struct server *s, struct crowd *c, int workers) {
    for (int i = 0; i < c->members; i++)
        for (int tries = 0; server_worker_of(s, c->swarm->member[i].endpoint) != i % workers;
             tries++) {
            cr_assert_lt(tries, 1000, "worker %d never takes a connection", i % workers);
            swarm_reconnect(c->swarm, s, i);
        }
}

static int workers_used(struct server *s, const struct crowd *c) {
    bool used[SERVER_WORKERS_MAX] = {false};
    int n = 0;
    for (int i = 0; i < c->members; i++) {
        int k = server_worker_of(s, c->swarm->member[i].endpoint);
        n += !used[k];
        used[k] = true;
    }
    return n;
}

Test(order, two_hundred_clients_see_twenty_speakers_in_one_order) {
    struct server *s;
    struct crowd *c = crowd_new(&s, 200, 20, 50);
    log_in(c, 0, c->members);
    swarm_pump(c->swarm, everybody_is_in, c);
    cr_assert_eq(workers_used(s, c), 4);
    for (int line = 0; line < c->lines; line++)
        for (int i = 0; i < c->speakers; i++)
            say_next(c, i);
    swarm_pump(c->swarm, all_is_said, c);
    judge(c);
    server_stop(s);
}

/* Few clients and many short rounds: all workers compete for the gate all the time. */
Test(order, holds_when_all_workers_publish_at_once) {
    struct server *s;
    struct crowd *c = crowd_new(&s, 12, 12, 2000);
    spread(s, c, 4);
    log_in(c, 0, c->members);
    swarm_pump(c->swarm, everybody_is_in, c);
    swarm_pump(c->swarm, all_is_said_one_by_one, c);
    judge(c);
    server_stop(s);
}

Test(order, holds_while_others_come_and_go) {
    struct server *s;
    struct crowd *c = crowd_new(&s, 140, 10, 60);
    c->stays = 80;
    c->visit = 40;
    log_in(c, 0, c->stays);
    for (int i = c->stays; i < c->members; i++)
        c->gone[i] = true; /* not connected yet */
    swarm_pump(c->swarm, everybody_is_in, c);
    for (int i = c->stays; i < c->members; i++)
        c->gone[i] = false;
    log_in(c, c->stays, c->members);
    swarm_pump(c->swarm, all_is_said_one_by_one, c);
    int visits = 0;
    for (int i = c->stays; i < c->members; i++)
        visits += c->in_room[i] && c->gone[i];
    cr_assert_gt(visits, 0, "none came and went while others talked");
    judge(c);
    server_stop(s);
}
