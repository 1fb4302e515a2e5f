/* e2e_convert.c - an upgrade to a binary with another layout of the segment: nobody is
 * disconnected, no line is lost.
 *
 * The other binary is the same program with fields added and moved (Makefile, LAYOUT_TEST). */
#include "tests/lib/checker.h"
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/swarm.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(convert_e2e, .timeout = 300);

static void replace(const struct server *s, const char *by) {
    static struct ran ran;
    char fresh[440];
    snprintf(fresh, sizeof fresh, "%s.new", s->binary);
    run(&ran, "cp", (char *)by, fresh);
    cr_assert_eq(ran.status, 0, "%s", ran.err);
    cr_assert_eq(rename(fresh, s->binary), 0);
}

/* A server of the other layout, with a binary of its own. */
static struct server *other_server(const char *conf) {
    static char binary[400];
    struct server *s = server_prepare();
    snprintf(binary, sizeof binary, "%s/chatroom-master", s->dir);
    s->binary = binary;
    s->workers_may_die = true;
    replace(s, run_other_path());
    server_launch(s, "%scontrol = %s\n", conf, ctl_socket(s));
    return s;
}

/* ---- with people talking ---- */

enum { TALKERS = 40, LINES = 5, UPGRADES = 4 };

struct talk {
    struct server *s;
    struct swarm *swarm;
    struct checker *checker;
    int upgrades; /* that were asked for */
    int said[TALKERS], heard[TALKERS], until[TALKERS];
    bool in[TALKERS], ended[TALKERS];
};

static void say_next(struct talk *t, int member) {
    char line[64];
    snprintf(line, sizeof line, "m%d: line %d", member, t->said[member]);
    checker_sent(t->checker, member, line);
    swarm_say(t->swarm, member, "line %d", t->said[member]++);
}

static void heard(void *state, int member, const char *line) {
    struct talk *t = state;
    char own[32];
    snprintf(own, sizeof own, "m%d: line ", member);
    if (line[0] == 'm' && (strstr(line, ": line ") || strstr(line, ": the end")))
        checker_saw(t->checker, member, line);
    t->heard[member] += strncmp(line, own, strlen(own)) == 0;
    snprintf(own, sizeof own, "m%d has entered the room.", member);
    t->in[member] |= strcmp(line, own) == 0;
    t->ended[member] |= strcmp(line, "m0: the end") == 0;
}

static bool all_are_in(void *state) {
    const struct talk *t = state;
    for (int i = 0; i < TALKERS; i++) {
        if (!t->in[i])
            return false;
    }
    return true;
}

/* Each talker has heard some lines of its own since the last upgrade was asked for. */
static bool all_have_talked(const struct talk *t) {
    for (int i = 0; i < TALKERS; i++) {
        if (t->heard[i] < t->until[i])
            return false;
    }
    return true;
}

static void upgrade_next(struct talk *t) {
    replace(t->s, t->upgrades++ % 2 == 0 ? run_server_path() : run_other_path());
    server_signal(t->s, SIGUSR2);
    for (int i = 0; i < TALKERS; i++)
        t->until[i] = t->said[i] + LINES;
}

/* Every talker has one line under way at any time, until the last upgrade is done. */
static bool all_upgrades_are_done(void *state) {
    struct talk *t = state;
    bool upgraded = server_log_count(t->s, "upgraded: ") == t->upgrades && all_have_talked(t);
    bool done = upgraded && t->upgrades == UPGRADES, quiet = true;
    if (upgraded && !done)
        upgrade_next(t);
    for (int i = 0; i < TALKERS; i++) {
        quiet = quiet && t->heard[i] == t->said[i];
        if (!done && t->heard[i] == t->said[i])
            say_next(t, i);
    }
    return done && quiet;
}

static bool all_heard_the_end(void *state) {
    const struct talk *t = state;
    for (int i = 0; i < TALKERS; i++) {
        if (!t->ended[i] && !t->swarm->member[i].ended)
            return false;
    }
    return true;
}

Test(convert_e2e, there_and_back_with_people_talking) {
    struct talk *t = calloc(1, sizeof *t);
    char why[512] = "";
    t->s = other_server(SERVER_QUIET(2));
    t->checker = checker_new(TALKERS);
    t->swarm = swarm_connect(t->s, TALKERS, heard, t);
    for (int i = 0; i < TALKERS; i++)
        swarm_say(t->swarm, i, "login m%d", i);
    swarm_pump(t->swarm, all_are_in, t);
    swarm_pump(t->swarm, all_upgrades_are_done, t);
    checker_sent(t->checker, 0, "m0: the end");
    swarm_say(t->swarm, 0, "the end");
    swarm_pump(t->swarm, all_heard_the_end, t);
    cr_assert_eq(t->swarm->ended, 0);
    cr_assert(checker_verdict(t->checker, why, sizeof why), "%s", why);
    checker_free(t->checker);
    server_stop(t->s);
}

/* ---- what a person has ---- */

static void upgrade_to(struct server *s, const char *binary) {
    int before = server_log_count(s, "upgraded: ");
    replace(s, binary);
    server_signal(s, SIGUSR2);
    server_logged_more(s, "upgraded: ", before);
}

/* Half a line, an ignored person, the addressee of a reply, a mute, the history. */
Test(convert_e2e, what_a_person_has_is_kept) {
    struct server *s = other_server("workers = 2\n");
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    struct guest *both[] = {ann, bob};
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    guest_say(bob, "/msg ann psst");
    guest_expect(ann, "[bob] psst");
    guest_expect(bob, "[to ann] psst");
    guest_say(bob, "before");
    guests_expect(both, 2, "bob: before");
    guest_type(ann, "hel");
    upgrade_to(s, run_server_path());
    guest_type(ann, "lo\r\n");
    guests_expect(both, 2, "ann: hello");
    guest_say(ann, "/reply still there?");
    guest_expect(ann, "[to bob] still there?");
    guest_expect(bob, "[ann] still there?");
    guest_say(bob, "/history 2");
    upgrade_to(s, run_other_path());
    guest_until(bob, "*** 2 earlier lines");
    struct guest *cat = guest_enter(s, "cat");
    guest_expect(ann, "%s", told1(TOLD_COMES, "cat"));
    guest_until(bob, "%s", told1(TOLD_COMES, "cat"));
    guest_close(cat);
    guests_expect(both, 2, told1(TOLD_GOES, "cat"));
    server_stop(s);
}

/* Descriptors and memory of the old segment are not kept: a tool sees the new one. */
Test(convert_e2e, nothing_of_the_old_segment_is_left) {
    struct server *s = other_server(SERVER_QUIET(1));
    char objects[300];
    upgrade_to(s, run_server_path());
    snprintf(objects, sizeof objects,
             "for p in %d $(pgrep -P %d); do cat /proc/$p/maps; done | "
             "grep -E '/dev/shm/chatroom-|memfd:chatroom' | awk '{print $5}' | sort -u | wc -l",
             s->pid, s->pid);
    for (int64_t deadline = wait_deadline();; wait_breath()) {
        static struct ran ran;
        run(&ran, "sh", "-c", objects);
        if (atoi(ran.out) == 1)
            break;
        cr_assert_gt(wait_left_ms(deadline), 0, "%s objects", ran.out);
    }
    const struct ran *ran = ctl_run(s, "status");
    cr_assert_eq(ran->status, 0, "%s", ran->err);
    server_stop(s);
}

/* ---- refusals ---- */

/* The new segment does not fit into memory beside the old one: that is found before any worker is
 * stopped. */
Test(convert_e2e, hole_9_no_memory_for_a_second_segment) {
    struct server *s = other_server(SERVER_QUIET(1));
    struct guest *ann = guest_enter(s, "ann");
    const struct rlimit most = {1 << 20, 1 << 20};
    cr_assert_eq(prlimit(server_master_pid(s), RLIMIT_FSIZE, &most, NULL), 0);
    pid_t worker = server_worker_pid(s, 0);
    replace(s, run_server_path());
    server_signal(s, SIGUSR2);
    server_logged(s, "upgrade refused: shared memory: cannot reserve");
    cr_assert_eq(server_worker_pid(s, 0), worker);
    guest_say(ann, "still here");
    guest_expect(ann, "ann: still here");
    server_stop(s);
}

/* There was enough for the rehearsal, and is not for the conversion. */
Test(convert_e2e, hole_9_no_memory_any_more) {
    struct server *s = other_server(SERVER_QUIET(1));
    struct guest *ann = guest_enter(s, "ann");
    char text[1000], script[440];
    snprintf(text, sizeof text,
             "#!/bin/sh\n[ -n \"$CHATROOM_CHECK\" ] || ulimit -f 1000\nexec '%s' \"$@\"\n",
             run_server_path());
    snprintf(script, sizeof script, "%s.script", s->binary);
    run_write_file(HERE, script, text);
    cr_assert_eq(chmod(script, 0700), 0);
    cr_assert_eq(rename(script, s->binary), 0);
    server_signal(s, SIGUSR2);
    server_logged(s, "ready again: ");
    guest_say(ann, "still here");
    guest_expect(ann, "ann: still here");
    cr_assert_eq(kill(s->pid, 0), 0);
    server_stop(s);
}
