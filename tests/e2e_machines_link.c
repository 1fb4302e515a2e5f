/* e2e_machines_link.c - the link between machines, and the engine that they share, in trouble: the
 * room on each machine goes on, is told once, and has every line once when the trouble is over. */
#include "tests/lib/ctl.h"
#include "tests/lib/machines.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(machines_link, .timeout = 180);

enum { ANN, BOB, CAT };

static const char link_down[] = "*** The link to the other machines is down.",
                  link_up[] = "*** The link to the other machines is up again.";

/* `*** paris is back (1 person).` */
static const char *back(const char *node, int people) {
    static char text[128];
    snprintf(text, sizeof text, "*** %s is back (%d %s).", node, people,
             people == 1 ? "person" : "people");
    return text;
}
static const char *away(const char *node, int people) {
    static char text[128];
    snprintf(text, sizeof text, "*** %s is out of reach (%d %s).", node, people,
             people == 1 ? "person" : "people");
    return text;
}

static void all_told_down(struct machines *m) {
    guests_until(m->g, m->n, link_down);
}

/* ---- history ---- */

/* A machine that is new, and one that was started again, have what was said. */
Test(machines_link, a_new_machine_has_the_history_of_the_stream) {
    struct redis *r = redis_start("%s", "");
    struct server *paris = machine_start(r, "paris", "");
    struct guest *ann = guest_enter(paris, "ann");
    guest_say(ann, "first");
    guest_say(ann, "/me second");
    guest_say(ann, "third");
    guest_until(ann, "ann: third");
    guest_say(ann, "/msg ann not for all");
    guest_until(ann, "[ann] not for all");
    redis_until(r, "ann\n", "HGETALL", "chatroom:people:paris");
    struct server *london = machine_start(r, "london", "history = 10\n");
    int64_t deadline = wait_deadline();
    /* The history is in the ledger soon after the link is up. */
    for (int turn = 0, came = false; !came; turn++) {
        char name[32], comes[128]; /* of the last turn may be taken still */
        snprintf(name, sizeof name, "bob%d", turn);
        snprintf(comes, sizeof comes, "%s", told1(TOLD_COMES, name));
        struct guest *bob = guest_connect(london);
        guest_say(bob, "login %s", name);
        const char *line = guest_until_begins(bob, "");
        while (strcmp(line = guest_next(bob), comes) != 0)
            came |= strlen(line) == 24 && strcmp(line + 8, "ann@paris: third") == 0;
        guest_close(bob);
        cr_assert_gt(wait_left_ms(deadline), 0, "the history never came");
        wait_breath();
    }
    struct guest *eve = guest_connect(london);
    guest_say(eve, "login eve");
    guest_until(eve, "*** 3 earlier lines");
    guest_expect_earlier(eve, "ann@paris: first");
    guest_expect_earlier(eve, "* ann@paris second");
    guest_expect_earlier(eve, "ann@paris: third");
    server_stop(london);
    server_stop(paris);
}

Test(machines_link, a_machine_started_again_has_its_own_lines_as_its_own) {
    struct machines m;
    machines_start(&m, 2, "history = 10\n");
    machines_hear(&m, ANN, "mine");
    machines_hear(&m, BOB, "yours");
    server_stop(m.s[0]);
    m.s[0] = machine_start(m.redis, "paris", "history = 10\n");
    int64_t deadline = wait_deadline();
    for (int turn = 0, came = false; !came; turn++) {
        char name[32]; /* of the last turn may be taken still */
        snprintf(name, sizeof name, "eve%d", turn);
        struct guest *eve = guest_enter(m.s[0], name);
        guest_say(eve, "/history 10");
        const char *line = guest_until_begins(eve, "*** ");
        int n = atoi(line + 4), mine = 0, yours = 0;
        for (int i = 0; i < n; i++) {
            line = guest_next(eve);
            mine += strcmp(line + 8, "ann: mine") == 0;
            yours += strcmp(line + 8, "bob@london: yours") == 0;
        }
        cr_assert_leq(mine, 1);
        cr_assert_leq(yours, 1);
        came = mine == 1 && yours == 1;
        guest_close(eve);
        cr_assert_gt(wait_left_ms(deadline), 0, "the history never came");
    }
    machines_stop(&m);
}

/* ---- the engine stalls, dies, forgets ---- */

/* The link's end is told once; the room goes on; what was said meanwhile comes once, with its time,
 * and private lines are refused meanwhile. */
static void trouble_of_the_link(struct machines *m) {
    all_told_down(m);
    for (int i = 0; i < m->n; i++) {
        guest_say(m->g[i], "alone");
        guest_expect(m->g[i], "%s: alone", machine_name[i]);
    }
    guest_say(m->g[ANN], "/msg bob@london are you there?");
    guest_expect(m->g[ANN], "%s", link_down);
    cr_assert(machine_lists(machine_list(m->g[ANN], "who"), "bob@london"));
}

/* What was said alone is heard once, with its time or, if it took less than 10 s, without. */
static void heard_late(struct machines *m) {
    for (int to = 0; to < m->n; to++) {
        int up = 0;
        bool heard[MACHINES_MAX] = {false};
        heard[to] = true;
        for (int left = m->n; left > 0;) {
            const char *line = guest_next(m->g[to]);
            for (int from = 0; from < m->n; from++) {
                char want[64];
                snprintf(want, sizeof want, "%s: alone", machine_person(from, to));
                if (strcmp(line, want) != 0 &&
                    (strlen(line) != strlen(want) + 8 || strcmp(line + 8, want) != 0))
                    continue;
                cr_assert_not(heard[from], "twice: %s", line);
                heard[from] = true;
                left--;
            }
            cr_assert_neq(strcmp(line, link_down), 0);
            if (strcmp(line, link_up) == 0) {
                cr_assert_eq(++up, 1);
                left--;
            }
        }
    }
}

Test(machines_link, an_engine_that_stops_answering) {
    struct machines m;
    machines_start(&m, 2, "");
    redis_pause(m.redis);
    trouble_of_the_link(&m);
    redis_resume(m.redis);
    heard_late(&m);
    machines_talk(&m);
    machines_stop(&m);
}

/* CLIENT PAUSE for a moment is no trouble: nobody is told, lines wait. */
Test(machines_link, an_engine_that_is_slow_for_a_moment) {
    struct machines m;
    machines_start(&m, 2, "");
    redis_expect(m.redis, "OK", "CLIENT", "PAUSE", "1500", "ALL");
    guest_say(m.g[ANN], "one");
    guest_expect(m.g[ANN], "ann: one");
    guest_expect(m.g[BOB], "ann@paris: one");
    machines_talk(&m);
    machines_stop(&m);
}

Test(machines_link, an_engine_that_dies_and_kept_its_data) {
    struct machines m;
    machines_over(&m, 2, redis_start("appendonly yes\nappendfsync always\n"), "");
    machines_talk(&m);
    redis_kill(m.redis);
    trouble_of_the_link(&m);
    redis_again(m.redis);
    heard_late(&m);
    machines_talk(&m);
    machines_stop(&m);
}

Test(machines_link, an_engine_that_dies_and_forgets) {
    struct machines m;
    machines_start(&m, 2, "");
    machines_talk(&m);
    redis_kill(m.redis);
    trouble_of_the_link(&m);
    redis_again(m.redis);
    heard_late(&m);
    machines_talk(&m);
    machine_until_listed(m.g[ANN], "bob@london", true);
    redis_until(m.redis, "ann\n", "HGETALL", "chatroom:people:paris");
    machines_stop(&m);
}

/* A death and a start within the 3 s in which nobody is told. */
Test(machines_link, an_engine_that_is_back_at_once) {
    struct machines m;
    machines_over(&m, 2, redis_start("appendonly yes\nappendfsync always\n"), "");
    redis_kill(m.redis);
    redis_again(m.redis);
    machines_hear(&m, ANN, "hello");
    machines_hear(&m, BOB, "hello");
    machines_talk(&m);
    machines_stop(&m);
}

Test(machines_link, an_engine_that_is_emptied) {
    struct machines m;
    machines_start(&m, 2, "");
    machines_talk(&m);
    redis_expect(m.redis, "OK", "FLUSHALL");
    for (int i = 0; i < 20; i++)
        guest_say(m.g[ANN], "line %d", i);
    for (int i = 0; i < 20; i++)
        guest_expect(m.g[ANN], "ann: line %d", i);
    for (int i = 0; i < 20; i++)
        guest_until(m.g[BOB], "ann@paris: line %d", i);
    redis_until(m.redis, "1", "HEXISTS", "chatroom:nodes", "paris");
    redis_until(m.redis, "1", "HEXISTS", "chatroom:nodes", "london");
    redis_until(m.redis, "ann\n", "HGETALL", "chatroom:people:paris");
    machines_settle(&m);
    machines_talk(&m);
    machine_until_listed(m.g[ANN], "bob@london", true);
    machine_until_listed(m.g[BOB], "ann@paris", true);
    machines_stop(&m);
}

/* Lines wait on their machine until the engine has memory again. */
Test(machines_link, an_engine_out_of_memory) {
    struct machines m;
    machines_start(&m, 2, "");
    redis_expect(m.redis, "OK", "CONFIG", "SET", "maxmemory", "1000");
    for (int i = 0; i < 5; i++) {
        guest_say(m.g[ANN], "line %d", i);
        guest_expect(m.g[ANN], "ann: line %d", i);
    }
    server_logged(m.s[0], "memory");
    redis_expect(m.redis, "OK", "CONFIG", "SET", "maxmemory", "0");
    for (int i = 0; i < 5; i++)
        guest_until(m.g[BOB], "ann@paris: line %d", i);
    machines_settle(&m);
    machines_talk(&m);
    machines_stop(&m);
}

/* The stream is cut while one machine does not read: what is missing there is said as a number. */
Test(machines_link, lines_that_the_stream_no_longer_has_are_counted) {
    enum { SAID = 2000 };
    struct machines m;
    machines_start(&m, 2, "relay_keep = 1000\n");
    pid_t relay = machine_relay_pid(m.s[1]);
    guest_say(m.g[BOB], "before");
    guest_until(m.g[ANN], "bob@london: before");
    guest_until(m.g[BOB], "bob: before");
    kill(server_master_pid(m.s[1]),
         SIGSTOP); /* else it takes the relay for hanging, and replaces it */
    kill(relay, SIGSTOP);
    for (int i = 0; i < SAID; i++)
        guest_say(m.g[ANN], "line %d", i);
    guest_until(m.g[ANN], "ann: line %d", SAID - 1);
    int64_t deadline = wait_deadline();
    while (!strstr(redis_do(m.redis, "XREVRANGE", "chatroom:lines", "+", "-", "COUNT", "1"),
                   "line 1999")) {
        cr_assert_gt(wait_left_ms(deadline), 0);
        wait_breath();
    }
    redis_do(m.redis, "XTRIM", "chatroom:lines", "MAXLEN", "=", "200");
    kill(relay, SIGCONT);
    kill(server_master_pid(m.s[1]), SIGCONT);
    int heard = 0, skipped = 0;
    for (const char *line;;) {
        line = guest_next(m.g[BOB]);
        int n;
        if (sscanf(line, "*** %d line", &n) == 1 && strstr(line, "skipped"))
            skipped += n;
        const char *said = strstr(line, "ann@paris: line ");
        heard += said != NULL;
        if (said && atoi(said + 16) == SAID - 1)
            break;
    }
    cr_assert_eq(heard + skipped, SAID, "%d heard, %d skipped", heard, skipped);
    cr_assert_gt(skipped, 0);
    machines_settle(&m);
    m.s[1]->workers_may_die = true;
    machines_stop(&m);
}

/* ---- machines ---- */

Test(machines_link, a_machine_killed_whole_is_one_notice_and_comes_back) {
    struct machines m;
    machines_start(&m, 3, "");
    machine_kill(m.s[0]);
    guest_expect(m.g[BOB], "%s", away("paris", 1));
    guest_expect(m.g[CAT], "%s", away("paris", 1));
    machine_until_listed(m.g[BOB], "ann@paris", false);
    guest_say(m.g[BOB], "/msg ann@paris hello?");
    guest_expect(m.g[BOB], "%s", told1(TOLD_NOBODY, "ann@paris"));
    guest_say(m.g[BOB], "so");
    guest_expect(m.g[BOB], "bob: so");
    guest_expect(m.g[CAT], "bob@london: so");
    m.s[0] = machine_start(m.redis, "paris", "");
    m.g[ANN] = guest_enter(m.s[0], "ann"); /* maybe before the others know that it is back */
    machines_meet(&m);
    machines_talk(&m);
    machines_stop(&m);
}

/* One that was out of reach, and lives, is back with its people. */
Test(machines_link, a_machine_that_stopped_for_a_while_is_back_with_its_people) {
    struct machines m;
    machines_start(&m, 2, "");
    kill(-m.s[0]->pid, SIGSTOP);
    guest_expect(m.g[BOB], "%s", away("paris", 1));
    machine_until_listed(m.g[BOB], "ann@paris", false);
    kill(-m.s[0]->pid, SIGCONT);
    guest_until(m.g[BOB], "%s", back("paris", 1));
    machine_until_listed(m.g[BOB], "ann@paris", true);
    m.s[0]->workers_may_die = true;
    machines_settle(&m);
    machines_talk(&m);
    machines_stop(&m);
}

/* Within its lease: the new life ends the old one. */
Test(machines_link, a_machine_started_again_at_once_keeps_its_name) {
    struct machines m;
    machines_start(&m, 2, "");
    char before[80], now[80];
    machine_kill(m.s[0]);
    snprintf(before, sizeof before, "%s", redis_do(m.redis, "HGET", "chatroom:nodes", "paris"));
    m.s[0] = machine_start(m.redis, "paris", "");
    int64_t deadline = wait_deadline();
    do {
        snprintf(now, sizeof now, "%s", redis_do(m.redis, "HGET", "chatroom:nodes", "paris"));
        cr_assert_gt(wait_left_ms(deadline), 0, "no second life");
        wait_breath();
    } while (strcmp(now, before) == 0);
    guest_expect(m.g[BOB], "%s", away("paris", 1));
    m.g[ANN] = guest_enter(m.s[0], "ann");
    machines_meet(&m);
    machines_talk(&m);
    machines_stop(&m);
}

Test(machines_link, a_second_machine_of_one_name_is_refused) {
    struct machines m;
    machines_start(&m, 2, "");
    struct server *other = server_prepare();
    server_launch(other, "%s", machine_conf(other, m.redis, "paris", ""));
    server_logged(other, "paris");
    server_logged(other, "another machine");
    struct guest *eve = guest_enter(other, "eve");
    guest_say(eve, "who hears me?");
    guest_until(eve, "eve: who hears me?");
    machines_talk(&m);
    machine_until_listed(m.g[BOB], "eve@paris", false);
    /* When the first is gone, the second takes its place. */
    server_stop(m.s[0]);
    m.s[0] = NULL;
    machine_linked(m.redis, "paris");
    machine_until_listed(m.g[BOB], "eve@paris", true);
    server_stop(other);
    machines_stop(&m);
}

/* ---- who may speak to the engine ---- */

Test(machines_link, with_a_password) {
    struct redis *r = redis_prepare();
    r->password = "correct-horse";
    redis_launch(r, "requirepass correct-horse\n");
    struct machines m;
    machines_over(&m, 2, r, "");
    machines_talk(&m);
    cr_assert_eq(server_log_count(m.s[0], "correct-horse"), 0);
    machines_stop(&m);
}

Test(machines_link, with_a_user_of_the_engine_and_no_more_than_it_needs) {
    struct redis *r = redis_prepare();
    char acl[400], conf[500];
    snprintf(acl, sizeof acl, "%s/acl", r->dir);
    run_write_file(HERE, acl,
                   "user default off\n"
                   "user root on >top ~* &* +@all\n"
                   "user chat on >battery ~chatroom:* -@all +@connection +@scripting +@stream "
                   "+@hash +@string +@keyspace +role\n");
    snprintf(conf, sizeof conf, "aclfile %s\n", acl);
    r->user = "chat";
    r->password = "battery";
    redis_launch(r, "%s", conf);
    struct machines m;
    machines_over(&m, 2, r, "");
    machines_talk(&m);
    machines_stop(&m);
}

Test(machines_link, in_a_database_of_its_own) {
    struct redis *r = redis_start("%s", "");
    struct server *s[2];
    struct guest *g[2];
    for (int i = 0; i < 2; i++) {
        s[i] = server_prepare();
        server_launch(s[i], "%srelay = redis://%s/7\nnode = %s\n", server_quiet, r->endpoint,
                      machine_node[i]);
        g[i] = guest_enter(s[i], machine_name[i]);
    }
    machine_until_listed(g[0], "bob@london", true);
    machine_until_listed(g[1], "ann@paris", true);
    guest_say(g[0], "hello");
    guest_until(g[1], "ann@paris: hello");
    redis_expect(r, "0", "EXISTS", "chatroom:lines");
    server_stop(s[0]);
    server_stop(s[1]);
}

/* It is said, without the password, and tried again: the password is put right at the engine. */
Test(machines_link, a_wrong_password_is_said_and_tried_again) {
    struct redis *r = redis_prepare();
    r->password = "right-one";
    redis_launch(r, "requirepass right-one\n");
    struct server *s = server_prepare();
    server_launch(s, "%srelay = redis://:wrong-one@%s\nnode = paris\n", server_quiet, r->endpoint);
    server_logged(s, "password");
    cr_assert_eq(server_log_count(s, "wrong-one"), 0);
    struct guest *ann = guest_enter(s, "ann");
    guest_until(ann, "%s", link_down);
    redis_expect(r, "OK", "CONFIG", "SET", "requirepass", "wrong-one");
    r->password = "wrong-one";
    machine_linked(r, "paris");
    guest_until(ann, "%s", link_up);
    server_stop(s);
}

Test(machines_link, no_engine_at_the_start) {
    struct redis *r = redis_start("%s", "");
    redis_stop(r);
    struct server *s = server_prepare();
    server_launch(s, "%s", machine_conf(s, r, "paris", ""));
    struct guest *ann = guest_enter(s, "ann");
    guest_until(ann, "%s", link_down);
    guest_say(ann, "hello");
    guest_expect(ann, "ann: hello");
    redis_again(r);
    guest_until(ann, "%s", link_up);
    struct server *london = machine_start(r, "london", "");
    struct guest *bob = guest_enter(london, "bob");
    machine_until_listed(bob, "ann@paris", true);
    server_stop(s);
    server_stop(london);
}

/* ---- failover ---- */

Test(machines_link, the_primary_of_a_list_is_found_again) {
    struct redis *first = redis_start("%s", ""), *second = redis_replica(first);
    struct server *s[2];
    struct machines m = {.n = 2, .redis = second};
    for (int i = 0; i < 2; i++) {
        s[i] = server_prepare();
        server_launch(s[i], "%srelay = redis://%s,%s\nnode = %s\n", server_quiet, second->endpoint,
                      first->endpoint, machine_node[i]);
        machine_linked(first, machine_node[i]);
        m.s[i] = s[i];
        m.g[i] = guest_enter(s[i], machine_name[i]);
    }
    machines_meet(&m);
    machines_talk(&m);
    redis_kill(first);
    redis_expect(second, "OK", "REPLICAOF", "NO", "ONE");
    machines_settle(&m);
    machines_talk(&m);
    machines_stop(&m);
}

/* The replica lacks the last lines; they are passed on again, and nobody hears them twice. */
Test(machines_link, a_replica_that_lacks_the_last_lines) {
    struct redis *first = redis_start("%s", ""), *second = redis_replica(first);
    struct machines m = {.n = 2, .redis = second};
    for (int i = 0; i < 2; i++) {
        m.s[i] = server_prepare();
        server_launch(m.s[i], "%srelay = redis://%s,%s\nnode = %s\n", server_quiet, first->endpoint,
                      second->endpoint, machine_node[i]);
        machine_linked(first, machine_node[i]);
        m.g[i] = guest_enter(m.s[i], machine_name[i]);
    }
    machines_meet(&m);
    redis_expect(second, "OK", "REPLICAOF", "NO", "ONE"); /* it gets no more */
    redis_expect(second, "OK", "REPLICAOF", "127.0.0.1", "1");
    machines_talk(&m);
    machines_talk(&m);
    redis_kill(first);
    redis_expect(second, "OK", "REPLICAOF", "NO", "ONE");
    machines_settle(&m);
    machines_talk(&m);
    machines_stop(&m);
}

/* ---- the processes of a machine ---- */

enum { TALK = 60, DEATHS = 6 };

/* The speaker's lines, each once and in order. */
static void heard_once(struct guest *g, const char *who, int count) {
    int next = 0;
    size_t n = strlen(who);
    while (next < count) {
        const char *line = guest_next(g);
        if (strncmp(line, who, n) == 0 && strncmp(line + n, ": line ", 7) == 0) {
            cr_assert_eq(atoi(line + n + 7), next, "%s behind %d", line, next - 1);
            next++;
        }
    }
}

static void kill_the_relay(struct server *s) {
    machine_kill_relay(s);
}
static void kill_a_worker(struct server *s) {
    static int turn;
    kill(server_worker_pid(s, turn++ % 2), SIGKILL);
}

/* Two people talk while `harm` is done to paris; every line is heard everywhere, once. */
static void survives(struct machines *m, void (*harm)(struct server *)) {
    machines_start(m, 3, "");
    int said = 0;
    m->s[0]->workers_may_die = true;
    for (int death = 0; death < DEATHS; death++) {
        for (int i = 0; i < TALK; i++, said++) {
            guest_say(m->g[ANN], "line %d", said);
            guest_say(m->g[BOB], "line %d", said);
            if (i == TALK / 2)
                harm(m->s[0]);
        }
    }
    heard_once(m->g[CAT], "ann@paris", said);
    heard_once(m->g[BOB], "ann@paris", said);
    heard_once(m->g[ANN], "bob@london", said);
    machines_settle(m);
    machines_talk(m);
}

Test(machines_link, a_relay_that_is_killed_under_talk_loses_and_doubles_nothing) {
    struct machines m;
    survives(&m, kill_the_relay);
    machines_stop(&m);
}

Test(machines_link, a_worker_that_is_killed_under_talk_loses_and_doubles_nothing) {
    struct machines m;
    survives(&m, kill_a_worker);
    machines_stop(&m);
}

static void kill_the_master(struct server *s) {
    server_new_master(s);
}
static void kill_the_guardian(struct server *s) {
    server_new_guardian(s);
}

Test(machines_link, a_master_that_is_killed_under_talk_is_not_noticed) {
    struct machines m;
    survives(&m, kill_the_master);
    machines_stop(&m);
}

Test(machines_link, a_guardian_that_is_killed_under_talk_is_not_noticed) {
    struct machines m;
    survives(&m, kill_the_guardian);
    machines_stop(&m);
}

Test(machines_link, an_upgrade_under_talk) {
    struct machines m;
    machines_start(&m, 2, "");
    m.s[0]->workers_may_die = true;
    for (int i = 0; i < 40; i++) {
        guest_say(m.g[ANN], "line %d", i);
        guest_say(m.g[BOB], "line %d", i);
        if (i == 20)
            server_signal(m.s[0], SIGUSR2);
    }
    heard_once(m.g[ANN], "bob@london", 40);
    heard_once(m.g[BOB], "ann@paris", 40);
    server_logged(m.s[0], "upgraded: ");
    machines_settle(&m);
    machines_talk(&m);
    machines_stop(&m);
}

Test(machines_link, a_relay_that_hangs_is_replaced) {
    struct machines m;
    machines_start(&m, 2, "worker_timeout = 500ms\n");
    m.s[0]->workers_may_die = true;
    pid_t pid = machine_relay_pid(m.s[0]);
    kill(pid, SIGSTOP);
    int64_t deadline = wait_deadline();
    while (machine_relay_pid(m.s[0]) == pid) {
        cr_assert_gt(wait_left_ms(deadline), 0, "the relay was not replaced");
        wait_breath();
    }
    machines_settle(&m);
    machines_talk(&m);
    machines_stop(&m);
}

/* ---- reload ---- */

Test(machines_link, a_reload_adds_a_relay_and_takes_it_away) {
    struct redis *r = redis_start("%s", "");
    struct server *london = machine_start(r, "london", ""),
                  *paris = server_start("%s", server_quiet);
    struct guest *bob = guest_enter(london, "bob"), *ann = guest_enter(paris, "ann");
    guest_say(ann, "alone");
    guest_expect(ann, "ann: alone");
    server_configure(paris, "%srelay = %s\nnode = paris\n", server_quiet, machine_url(r));
    server_signal(paris, SIGHUP);
    machine_until_listed(bob, "ann@paris", true);
    machine_until_listed(ann, "bob@london", true);
    guest_say(ann, "hello");
    guest_until(bob, "ann@paris: hello");
    server_configure(paris, "%s", server_quiet);
    server_signal(paris, SIGHUP);
    guest_until(bob, "%s", away("paris", 1));
    machine_until_listed(bob, "ann@paris", false);
    machine_until_listed(ann, "bob@london", false);
    guest_say(ann, "alone again");
    guest_until(ann, "ann: alone again");
    server_stop(paris);
    server_stop(london);
}

Test(machines_link, a_reload_gives_a_machine_another_name) {
    struct machines m;
    machines_start(&m, 2, "");
    server_configure(m.s[0], "%s", machine_conf(m.s[0], m.redis, "rome", ""));
    server_signal(m.s[0], SIGHUP);
    machine_until_listed(m.g[BOB], "ann@rome", true);
    machine_until_listed(m.g[BOB], "ann@paris", false);
    guest_say(m.g[ANN], "where am I?");
    guest_until(m.g[BOB], "ann@rome: where am I?");
    machines_stop(&m);
}

Test(machines_link, a_reload_moves_a_machine_to_another_engine) {
    struct machines m;
    machines_start(&m, 2, "");
    struct redis *other = redis_start("%s", "");
    for (int i = 0; i < 2; i++) {
        server_configure(m.s[i], "%s", machine_conf(m.s[i], other, machine_node[i], ""));
        server_signal(m.s[i], SIGHUP);
        machine_linked(other, machine_node[i]);
    }
    machines_meet(&m);
    machines_talk(&m);
    machines_stop(&m);
}
