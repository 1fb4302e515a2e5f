/* e2e_crowd.c - thousands of clients in one room: a worker is killed, workers are removed and
 * added, all names are listed, all clients leave at once.
 *
 * A crowd has CROWD clients, or as many as the descriptor limit allows; the test is then listed as
 * skipped in part.  Member 0 says numbered lines, and every member must receive each of them once,
 * in order, whatever happens to the server meanwhile. */
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"
#include "tests/lib/swarm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

TestSuite(crowd, .timeout = 900);

/* SPARE: descriptors that server and test need in addition to one for each client.  LOGINS: how
 * many clients log in at a time, so that the queue of new connections never overflows. */
enum { CROWD = 8000, CROWD_LEAST = 100, SPARE = 1000, LOGINS = 500 };

struct crowd {
    struct server *s;
    struct swarm *swarm;
    int people;
    int in;        /* members that have received their own join: 0 to in - 1 */
    int stamped;   /* members that have the answer to /timestamps on */
    int said;      /* numbered lines */
    int complete;  /* members that have received all of them */
    int listing;   /* the member that asks for a list; -1: none */
    char mark[64]; /* a line that it says after the list */
    int listed;    /* names received so far */
    bool list_begun, list_ended;
    struct {
        bool in, stamped, listed;
        int heard; /* numbered lines */
    } at[CROWD];
};

static struct crowd crowd;

/* ---- what members receive ---- */

static void crowd_heard_number(struct crowd *c, int member, int number) {
    cr_assert_eq(number, c->at[member].heard, "member %d heard line %d instead of %d", member,
                 number, c->at[member].heard);
    c->complete += ++c->at[member].heard == c->said;
}

/* Expects the list's first line, its names, and then the mark. */
static void crowd_heard_list(struct crowd *c, const char *line) {
    int named, end = 0;
    if (!c->list_begun) {
        cr_assert_str_eq(line, told(TOLD_LOOK));
        c->list_begun = true;
        return;
    }
    c->list_ended = strcmp(line, c->mark) == 0;
    if (c->list_ended)
        return;
    cr_assert(sscanf(line, "m%d%n", &named, &end) == 1 && line[end] == '\0' && named >= 0 &&
                  named < c->people,
              "in the list: %s", line);
    cr_assert(!c->at[named].listed, "listed twice: %s", line);
    c->at[named].listed = true;
    c->listed++;
}

static void crowd_heard(void *state, int member, const char *line) {
    struct crowd *c = state;
    int number, end = 0;
    char own[64];
    if (!c->at[member].in) {
        snprintf(own, sizeof own, "m%d has entered the room.", member);
        c->at[member].in = strcmp(line, own) == 0;
        c->in += c->at[member].in;
        return;
    }
    if (c->at[member].stamped) {
        cr_assert(strlen(line) > 8 && line[0] == '[' && strncmp(line + 6, "] ", 2) == 0,
                  "member %d heard a line without its time: %s", member, line);
        line += 8;
    }
    if (sscanf(line, "m0: line %d%n", &number, &end) == 1 && line[end] == '\0') {
        crowd_heard_number(c, member, number);
    } else if (strcmp(line, "*** Lines now begin with their time.") == 0) {
        c->at[member].stamped = true;
        c->stamped++;
    } else if (member == c->listing) {
        crowd_heard_list(c, line);
    } else if (strcmp(line, c->mark) != 0) {
        cr_assert(strstr(line, " has entered the room.") || strstr(line, " has left the room."),
                  "member %d heard: %s", member, line);
    }
}

/* ---- conditions of swarm_pump ---- */

static void crowd_is_whole(const struct crowd *c) {
    cr_assert_eq(c->swarm->ended, 0, "%d members were disconnected", c->swarm->ended);
}

static bool all_are_in(void *state) {
    const struct crowd *c = state;
    crowd_is_whole(c);
    return c->in == c->swarm->count;
}

static bool all_are_stamped(void *state) {
    const struct crowd *c = state;
    crowd_is_whole(c);
    return c->stamped == c->people / 4 * 3;
}

static bool any_heard_the_line(void *state) {
    const struct crowd *c = state;
    crowd_is_whole(c);
    return c->complete > 0;
}

static bool all_heard_the_line(void *state) {
    const struct crowd *c = state;
    crowd_is_whole(c);
    return c->complete == c->people;
}

static bool the_list_has_ended(void *state) {
    const struct crowd *c = state;
    crowd_is_whole(c);
    return c->list_ended;
}

static bool half_were_closed(void *state) {
    const struct crowd *c = state;
    return c->swarm->ended == c->people - c->people / 2;
}

/* ---- actions ---- */

static int crowd_size(void) {
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max >= CROWD + SPARE)
        return CROWD;
    if (limit.rlim_max < CROWD_LEAST + SPARE)
        skip_test("a crowd needs more than %d descriptors", CROWD_LEAST + SPARE);
    skip_part("%d people instead of %d: the descriptor limit is %d", (int)limit.rlim_max - SPARE,
              CROWD, (int)limit.rlim_max);
    return (int)limit.rlim_max - SPARE;
}

static const char crowd_conf[] = "workers = %d\nflood_rate = 0\nconnect_rate = 0\nhistory = "
                                 "0\nlogin_timeout = 0\nannounce_max = 1\n"
                                 "worker_timeout = 1m\nring_size = 1M\nmax_clients = %d\n";

static void crowd_reload(struct crowd *c, int workers) {
    server_configure(c->s, crowd_conf, workers, c->people + 1);
    server_signal(c->s, SIGHUP);
}

/* Connects all clients in groups, and logs them in as m0, m1, ... */
static void crowd_enter(struct crowd *c) {
    c->swarm = swarm_connect(c->s, 0, crowd_heard, c);
    while (c->in < c->people) {
        int from = c->in, more = c->people - from < LOGINS ? c->people - from : LOGINS;
        swarm_add(c->swarm, c->s, more);
        for (int i = from; i < from + more; i++)
            swarm_say(c->swarm, i, "login m%d", i);
        swarm_pump(c->swarm, all_are_in, c);
    }
}

static struct crowd *crowd_start(int workers) {
    struct crowd *c = &crowd;
    c->listing = -1;
    c->people = crowd_size();
    c->s = server_start(crowd_conf, workers, c->people + 1);
    crowd_enter(c);
    return c;
}

/* Three members in four switch timestamps on, so that their lines are not sent from the ring
 * directly. */
static void crowd_stamp(struct crowd *c) {
    for (int i = 1; i <= c->people / 4 * 3; i++)
        swarm_say(c->swarm, i, "/timestamps on");
    swarm_pump(c->swarm, all_are_stamped, c);
}

static void crowd_say(struct crowd *c) {
    swarm_say(c->swarm, 0, "line %d", c->said++);
    c->complete = 0;
}

static void wait_until_gone(pid_t pid) {
    for (int64_t deadline = wait_deadline(); kill(pid, 0) == 0 || errno != ESRCH; wait_breath())
        cr_assert_gt(wait_left_ms(deadline), 0, "process %d does not end", (int)pid);
}

/* ---- the tests ---- */

/* The successor must find out for each client how much of the current line has been sent. */
Test(crowd, a_killed_worker_has_one_successor_and_every_line_arrives_once) {
    struct crowd *c = crowd_start(1);
    c->s->workers_may_die = true;
    crowd_stamp(c);
    crowd_say(c);
    swarm_pump(c->swarm, any_heard_the_line, c);
    cr_assert_eq(kill(server_worker_pid(c->s, 0), SIGKILL), 0);
    swarm_pump(c->swarm, all_heard_the_line, c);
    crowd_say(c);
    swarm_pump(c->swarm, all_heard_the_line, c);
    cr_assert_eq(server_log_count(c->s, " was killed by signal "), 1, "the successor did not live");
    cr_assert_eq(server_log_count(c->s, "worker 0: pid "), 2);
    server_stop(c->s);
}

/* A line is being sent during each change. */
Test(crowd, moves_to_one_worker_while_a_line_is_said_and_two_serve_again) {
    struct crowd *c = crowd_start(2);
    pid_t second = server_worker_pid(c->s, 1);
    c->s->workers_may_die = true; /* a reload starts it again */
    crowd_stamp(c);
    crowd_say(c);
    swarm_pump(c->swarm, any_heard_the_line, c);
    crowd_reload(c, 1);
    swarm_pump(c->swarm, all_heard_the_line, c);
    crowd_say(c);
    wait_until_gone(second);
    swarm_pump(c->swarm, all_heard_the_line, c);
    crowd_say(c);
    swarm_pump(c->swarm, any_heard_the_line, c);
    crowd_reload(c, 2);
    swarm_pump(c->swarm, all_heard_the_line, c);
    for (int64_t d = wait_deadline(); server_worker_pid(c->s, 1) == second; wait_breath())
        cr_assert_gt(wait_left_ms(d), 0, "no second worker again");
    crowd_say(c);
    swarm_pump(c->swarm, all_heard_the_line, c);
    cr_assert_eq(server_log_count(c->s, " was killed by signal "), 0);
    cr_assert_eq(server_log_count(c->s, "worker 0: pid "), 1);
    cr_assert_eq(server_log_count(c->s, "worker 1: pid "), 2);
    server_stop(c->s);
}

Test(crowd, look_lists_every_name_once) {
    struct crowd *c = crowd_start(2);
    c->listing = c->people / 2;
    snprintf(c->mark, sizeof c->mark, "m%d: that is all", c->listing);
    swarm_say(c->swarm, c->listing, "look");
    swarm_say(c->swarm, c->listing, "that is all");
    swarm_pump(c->swarm, the_list_has_ended, c);
    cr_assert_eq(c->listed, c->people);
    server_stop(c->s);
}

/* Disconnected, as the log says: a line for each, or a line with their number. */
static int gone(const struct server *s) {
    char *log = run_read_file(s->log);
    int n = 0;
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
        char *sum = strstr(line, " more disconnected");
        while (sum && sum > line && sum[-1] >= '0' && sum[-1] <= '9')
            sum--;
        n += sum ? atoi(sum) : strstr(line, " disconnected") != NULL;
    }
    free(log);
    return n;
}

/* Waits until `look` lists one name only: the server reads the ends of connections one by one.  Its
 * log is read first, because a long list takes long. */
static void look_until_alone(const struct crowd *c, struct guest *g) {
    char end[64];
    int64_t deadline = wait_deadline();
    while (gone(c->s) < c->people) {
        cr_assert_gt(wait_left_ms(deadline), 0, "not all of %d have left", c->people);
        wait_breath();
    }
    for (int round = 0, names = 0; names != 1; round++) {
        cr_assert_gt(wait_left_ms(deadline), 0, "%d names are still listed", names);
        guest_say(g, "look");
        guest_say(g, "end %d", round);
        snprintf(end, sizeof end, "late: end %d", round);
        guest_until(g, "%s", told(TOLD_LOOK));
        for (names = 0; strcmp(guest_next(g), end) != 0;)
            names += strstr(g->line, " has left the room.") == NULL;
    }
}

/* Half of the clients close their connections, half send a command to leave.  Then as many can join
 * again under the same names. */
Test(crowd, all_leave_at_once_and_the_room_is_empty) {
    struct crowd *c = crowd_start(2);
    for (int i = 0; i < c->people; i++) {
        if (i % 2)
            swarm_close(c->swarm, i);
        else
            swarm_say(c->swarm, i, "/quit");
    }
    swarm_pump(c->swarm, half_were_closed, c);
    struct guest *late = guest_enter(c->s, "late");
    look_until_alone(c, late);
    memset(c->at, 0, sizeof c->at);
    c->in = 0;
    crowd_enter(c);
    crowd_say(c);
    swarm_pump(c->swarm, all_heard_the_line, c);
    server_stop(c->s);
}
