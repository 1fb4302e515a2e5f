/* e2e_scarce.c - what is scarce is shared: no crowd takes it from the others. */
#include "tests/lib/guest.h"
#include "tests/lib/skip.h"
#include "tests/lib/swarm.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(scarce, .timeout = 180);

/* ---- a crowd whose members say one line after another ---- */

struct crowd {
    struct swarm *swarm;
    int *heard; /* [member]: lines that contain `mark` */
    const char *mark;
    int wanted;
};

static void crowd_heard(void *state, int member, const char *line) {
    struct crowd *c = state;
    c->heard[member] += strstr(line, c->mark) != NULL;
}

static bool crowd_done(void *state) {
    struct crowd *c = state;
    int done = 0;
    for (int i = 0; i < c->swarm->count; i++)
        done += c->heard[i] > 0;
    return done >= c->wanted;
}

/* Waits until `wanted` members have received a line that contains the mark. */
static void crowd_wait(struct crowd *c, const char *mark, int wanted) {
    c->mark = mark;
    c->wanted = wanted;
    memset(c->heard, 0, (size_t)c->swarm->count * sizeof *c->heard);
    swarm_pump(c->swarm, crowd_done, c);
}

static void crowd_connect(struct crowd *c, struct server *s, int count) {
    *c = (struct crowd){.heard = calloc((size_t)count, sizeof(int)), .mark = "login <nick>"};
    c->swarm = swarm_connect(s, count, crowd_heard, c);
    crowd_wait(c, "login <nick>", count);
}

static void crowd_enter(struct crowd *c, struct server *s, int count) {
    crowd_connect(c, s, count);
    for (int i = 0; i < count; i++)
        swarm_say(c->swarm, i, "login m%d", i);
    crowd_wait(c, "has entered the room.", count);
}

/* ---- ignoring ---- */

static const char ignoring[] = "workers = 2\nhistory = 0\nflood_rate = 0\nconnect_rate = 0\n"
                               "announce_max = 1\nlogin_timeout = 0\n";

Test(scarce, two_thousand_people_who_ignore_somebody_take_it_from_nobody) {
    enum { PEOPLE = 2000 };
    struct server *s = server_start("%smax_clients = 2010\n", ignoring);
    struct crowd c;
    crowd_enter(&c, s, PEOPLE);
    for (int i = 0; i < PEOPLE; i++)
        swarm_say(c.swarm, i, "/ignore m%d", (i + 1) % PEOPLE);
    crowd_wait(&c, "You no longer see what m", PEOPLE);
    struct guest *ann = guest_enter(s, "ann");
    for (int i = 0; i < 15; i++) {
        guest_say(ann, "/ignore m%d", i);
        guest_expect(ann, "You no longer see what m%d says.", i);
    }
    server_stop(s);
}

Test(scarce, a_hundred_people_are_ignored_by_one) {
    enum { PEOPLE = 101 };
    struct server *s = server_start("%s", ignoring);
    struct crowd c;
    crowd_enter(&c, s, PEOPLE);
    struct guest *ann = guest_enter(s, "ann");
    for (int i = 0; i < 100; i++) {
        guest_say(ann, "/ignore m%d", i);
        guest_expect(ann, "You no longer see what m%d says.", i);
    }
    guest_say(ann, "/ignore m100");
    guest_expect(ann, "You ignore 100 people already; that is the most.");
    guest_say(ann, "/ignore m50");
    guest_expect(ann, "You no longer see what m50 says.");
    for (int i = 0; i < PEOPLE; i++)
        swarm_say(c.swarm, i, "hello");
    crowd_wait(&c, "m100: hello", PEOPLE);
    guest_expect(ann, "m100: hello");
    swarm_close(c.swarm, 7); /* its row makes room */
    guest_say(ann, "/msg m7 gone?");
    while (!strstr(guest_next(ann), "There is no")) {
        guest_say(ann, "/msg m7 gone?");
    }
    guest_say(ann, "/ignore m100");
    guest_until(ann, "You no longer see what m100 says.");
    server_stop(s);
}

static struct server *two_who_ignore(struct guest *g[3]) {
    struct server *s = server_start("workers = 2\nflood_rate = 0\nhistory = 20\n");
    static const char *const names[] = {"ann", "bob", "cat"};
    for (int i = 0; i < 3; i++)
        g[i] = guest_enter(s, names[i]);
    guest_until(g[0], "%s", told1(TOLD_COMES, "cat"));
    guest_until(g[1], "%s", told1(TOLD_COMES, "cat"));
    guest_say(g[0], "/ignore bob");
    guest_expect(g[0], "You no longer see what bob says.");
    return s;
}

/* ann does not see what g[1] says, and sees what the third says. */
static void hidden(struct guest *g[3], const char *name, const char *text) {
    guest_say(g[1], "%s", text);
    guests_until(g + 1, 2, told2(TOLD_SPEECH, name, text));
    guest_say(g[2], "after %s", text);
    char said[64];
    snprintf(said, sizeof said, "cat: after %s", text);
    guests_expect(g, 3, said);
}

Test(scarce, an_ignored_person_stays_ignored_over_deaths_and_an_upgrade) {
    struct guest *g[3];
    struct server *s = two_who_ignore(g);
    s->workers_may_die = true;
    hidden(g, "bob", "one");
    for (int k = 0; k < 2; k++) {
        pid_t pid = server_worker_pid(s, k);
        kill(pid, SIGKILL);
        server_logged(s, "was killed by signal 9");
        hidden(g, "bob", k == 0 ? "two" : "three");
    }
    guest_say(g[1], "/nick rob");
    guests_expect(g + 1, 2, told2(TOLD_NICK, "bob", "rob"));
    server_signal(s, SIGUSR2);
    server_logged(s, "upgraded: ");
    hidden(g, "rob", "four");
    server_configure(s, "workers = 1\nflood_rate = 0\nhistory = 20\n");
    server_signal(s, SIGHUP);
    server_logged(s, "reloaded: ");
    hidden(g, "rob", "five");
    guest_say(g[0], "/unignore bob");
    guest_expect(g[0], "%s", told1(TOLD_NOBODY, "bob"));
    guest_say(g[0], "/unignore rob");
    guest_expect(g[0], "You see what rob says again.");
    guest_say(g[1], "six");
    guests_expect(g, 3, "rob: six");
    server_stop(s);
}

/* Today's name of somebody else, and one's own. */
Test(scarce, an_ignored_persons_former_name_is_anybodys) {
    struct guest *g[3];
    struct server *s = two_who_ignore(g);
    guest_say(g[1], "/nick rob");
    guests_expect(g + 1, 2, told2(TOLD_NICK, "bob", "rob"));
    guest_say(g[2], "/nick bob");
    guests_expect(g, 3, told2(TOLD_NICK, "cat", "bob"));
    guest_say(g[2], "I am cat");
    guests_expect(g, 3, "bob: I am cat");
    guest_close(g[1]);
    guest_expect(g[0], "%s", told1(TOLD_GOES, "rob"));
    guest_expect(g[2], "%s", told1(TOLD_GOES, "rob"));
    guest_say(g[2], "/nick cat");
    guest_expect(g[0], "%s", told2(TOLD_NICK, "bob", "cat"));
    guest_say(g[0], "/nick bob");
    guest_expect(g[0], "%s", told2(TOLD_NICK, "ann", "bob"));
    guest_say(g[0], "my own line");
    guest_expect(g[0], "bob: my own line");
    g[1] = guest_enter(s, "rob");
    guest_expect(g[0], "%s", told1(TOLD_COMES, "rob"));
    guest_say(g[1], "another rob");
    guest_expect(g[0], "rob: another rob");
    server_stop(s);
}

/* ---- half-typed lines ---- */

/* Each member has sent 513 bytes without an end, and the server has read them: it answers a telnet
 * AYT behind them.  (The answer to the AYT before them is asked for with an option, which is 0.) */
static void half_lines(struct crowd *c) {
    char half[2 + 513 + 2];
    memset(half, 'x', sizeof half);
    memcpy(half, "\xff\xf6", 2);
    memcpy(half + 515, "\xff\xf6", 2);
    for (int i = 0; i < c->swarm->count; i++) {
        c->swarm->member[i].noise = true;
        swarm_send(c->swarm, i, half, sizeof half);
    }
    crowd_wait(c, told1(TOLD_HERE, "Chatroom"), c->swarm->count);
}

static void end_lines(struct crowd *c) {
    for (int i = 0; i < c->swarm->count; i++)
        swarm_say(c->swarm, i, ".");
}

/* Before the login no line is so long: none of them holds a buffer. */
Test(scarce, half_lines_of_five_hundred_strangers_are_no_burden) {
    struct server *s = server_start("%smax_clients = 600\n", ignoring);
    struct guest *ann = guest_enter(s, "ann");
    struct crowd c;
    crowd_connect(&c, s, 500);
    half_lines(&c);
    guest_say(ann, "/help");
    guest_expect(ann, "say TEXT            speak");
    struct guest *bob = guest_enter(s, "bob");
    end_lines(&c);
    crowd_wait(&c, told(TOLD_TOO_LONG), 500);
    guest_say(bob, "hello");
    guest_expect(bob, "bob: hello");
    server_stop(s);
}

/* There are 600 / 8 + 256 buffers, and half-typed lines may take a quarter of them.  A line that
 * finds none is too long; who is answered waits for none of them. */
Test(scarce, half_lines_of_five_hundred_people_leave_buffers_for_answers) {
    struct server *s = server_start("%smax_clients = 600\n", ignoring);
    struct guest *ann = guest_enter(s, "ann");
    struct crowd c;
    crowd_enter(&c, s, 500);
    half_lines(&c);
    for (int i = 0; i < 20; i++) {
        guest_say(ann, "/msg ann %d", i);
        guest_expect(ann, "[to ann] %d", i);
        guest_expect(ann, "[ann] %d", i);
    }
    struct guest *bob = guest_enter(s, "bob");
    end_lines(&c);
    crowd_wait(&c, told(TOLD_TOO_LONG), 500 - 331 / 4);
    guest_say(bob, "hello");
    guest_until(ann, "bob: hello");
    server_stop(s);
}

/* Each asks for more than its socket holds, and reads nothing.  Before the login their answers have
 * half of the pool, and where that is full they are disconnected. */
Test(scarce, strangers_who_do_not_read_keep_no_answers_from_others) {
    enum { STRANGERS = 350 };
    struct server *s = server_start("%smax_clients = 600\n", ignoring);
    struct guest *ann = guest_enter(s, "ann"), *g[STRANGERS];
    static char help[3000 * 7 + 1];
    for (int i = 0; i < 3000; i++)
        memcpy(help + i * 7, "/help\r\n", 7);
    for (int i = 0; i < STRANGERS; i++) {
        g[i] = guest_connect_as(s, .receive_buffer = 4096);
        (void)!send(g[i]->fd, help, sizeof help - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    server_logged(s, "does not read before its login");
    for (int i = 0; i < 20; i++) {
        guest_say(ann, "/msg ann %d", i);
        guest_expect(ann, "[to ann] %d", i);
        guest_expect(ann, "[ann] %d", i);
    }
    struct guest *bob = guest_enter(s, "bob");
    guest_say(bob, "hello");
    guest_until(ann, "bob: hello");
    server_stop(s);
}

/* ---- the open room: people by address and port ---- */

static struct server *open_room(const char *listen) {
    return server_start("workers = 2\nlogin = no\nflood_rate = 0\nhistory = 0\n%s", listen);
}

Test(scarce, in_the_open_room_a_person_is_its_address_and_port) {
    struct server *s = open_room("");
    struct guest *g[2];
    char wrong[80];
    for (int i = 0; i < 2; i++) {
        g[i] = guest_connect(s);
        guest_until(g[i], "%s", told1(TOLD_COMES, "127.0.0.1"));
    }
    guest_expect(g[0], "%s", told1(TOLD_COMES, "127.0.0.1"));
    guest_say(g[0], "/msg %s hello", g[1]->endpoint);
    guest_expect(g[0], "%s", told2(TOLD_COPY, g[1]->endpoint, "hello"));
    guest_expect(g[1], "%s", told2(TOLD_PRIVATE, g[0]->endpoint, "hello"));
    unsigned port = (unsigned)atoi(strchr(g[1]->endpoint, ':') + 1);
    static const char *const forms[] = {"127.0.0.1:%u0", "127.0.0.2:%u",   "127.0.0.1",
                                        "[::1]:%u",      "127.0.0.1:%u:",  "127.0.0.1:+%u",
                                        ":%u",           "[127.0.0.1]:%u", "127.0.0.1.:%u",
                                        "[]:%u",         "[::ffff:1]x:%u"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        snprintf(wrong, sizeof wrong, forms[i], port);
        guest_say(g[0], "/msg %s hello", wrong);
        guest_expect(g[0], "%s", told1(TOLD_NOBODY, wrong));
    }
    guest_say(g[0], "/ignore %s", g[1]->endpoint);
    guest_expect(g[0], "You no longer see what %s says.", g[1]->endpoint);
    guest_say(g[1], "hidden");
    guest_expect(g[1], "hidden");
    guest_say(g[0], "shown");
    guests_expect(g, 2, "shown");
    server_stop(s);
}

Test(scarce, in_the_open_room_an_address_of_ipv6_stands_in_brackets) {
    skip_unless_ipv6();
    struct server *s = open_room("listen = [::]:0\n");
    struct guest *g[2];
    g[0] = guest_connect(s);
    guest_until(g[0], "%s", told1(TOLD_COMES, "127.0.0.1"));
    g[1] = guest_connect_as(s, .to = "::1");
    guests_until(g, 2, told1(TOLD_COMES, "::1"));
    guest_say(g[0], "/msg %s hello", g[1]->endpoint);
    guest_expect(g[0], "%s", told2(TOLD_COPY, g[1]->endpoint, "hello"));
    guest_expect(g[1], "%s", told2(TOLD_PRIVATE, g[0]->endpoint, "hello"));
    guest_say(g[1], "/msg %s hi", g[0]->endpoint); /* IPv4 of the same listener, as it is shown */
    guest_expect(g[1], "%s", told2(TOLD_COPY, g[0]->endpoint, "hi"));
    guest_expect(g[0], "%s", told2(TOLD_PRIVATE, g[1]->endpoint, "hi"));
    const char *port = strrchr(g[1]->endpoint, ':');
    guest_say(g[0], "/msg [::2]%s hello", port);
    guest_until_begins(g[0], "There is no \"[::2]:");
    guest_say(g[0], "/msg ::1%s hello", port);
    guest_until_begins(g[0], "There is no \"::1:");
    guest_say(g[0], "/msg [::1%s hello", port);
    guest_until_begins(g[0], "There is no \"[::1:");
    server_stop(s);
}
