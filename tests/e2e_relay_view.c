/* e2e_relay_view.c - what chatroom-ctl and the metrics show of a room over two machines, and what a
 * reload and an end make of it. */
#include "tests/lib/ctl.h"
#include "tests/lib/guest.h"
#include "tests/lib/redis.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(relay_view, .timeout = 180);

static struct redis *engine;
static struct server *paris, *london;

static struct server *machine(const char *node) {
    struct server *s = server_prepare();
    server_launch(s, SERVER_QUIET(2) "control = %s\nnode = %s\nrelay = redis://%s\n", ctl_socket(s),
                  node, engine->endpoint);
    return s;
}

static void set_up(void) {
    engine = redis_start("%s", "");
    paris = machine("paris");
    london = machine("london");
}

Test(relay_view, machines_and_their_people, .init = set_up) {
    char want[200];
    struct guest *ann = guest_enter(paris, "ann"), *bob = guest_enter(london, "bob");
    guest_enter(london, "eve");
    (void)bob;
    snprintf(want, sizeof want, "\nrelay          up, %s as paris, lag 0, out ", engine->endpoint);
    ctl_until(paris, want, "status");
    ctl_until(paris, "\nMACHINE  PEOPLE  STATE\nlondon        2  in reach\n", "status");
    ctl_until(paris, "\"machines\":[{\"name\":\"london\",\"people\":2,\"in_reach\":true}]",
              "status", "--json");
    ctl_until(paris, "\nMachines     1 of 1 in reach   2 people ", "top", "--once");
    ctl_until(paris, "\nchatroom_relay_up 1\n", "metrics");
    ctl_until(paris, "\nchatroom_machine_people{machine=\"london\"} 2\n", "metrics");
    ctl_until(london, "\nchatroom_machine_in_reach{machine=\"paris\"} 1\n", "metrics");
    server_stop(london);
    guest_until(ann, "*** london is out of reach (2 people).");
    ctl_until(paris, "\nlondon        2  OUT OF REACH\n", "status");
    server_stop(paris);
}

/* The relay's successor begins with the same life: nobody elsewhere is told. */
Test(relay_view, a_log_that_is_reopened_is_no_goodbye, .init = set_up) {
    struct guest *ann = guest_enter(paris, "ann"), *bob = guest_enter(london, "bob");
    ctl_until(london, "\nparis         1  in reach\n", "status");
    ctl_until(paris, "\nlondon        1  in reach\n", "status");
    server_configure(paris,
                     SERVER_QUIET(2) "control = %s\nnode = paris\nrelay = redis://%s\n"
                                     "log = %s/log\n",
                     ctl_socket(paris), engine->endpoint, paris->dir);
    ctl_ok(paris, "reload");
    snprintf(paris->log, sizeof paris->log, "%s/log", paris->dir);
    server_logged(paris, "relay: pid ");
    guest_say(ann, "here");
    static const char gone[] = "*** paris is out of reach";
    for (const char *line; strcmp(line = guest_next(bob), "ann@paris: here") != 0;)
        cr_assert_neq(strncmp(line, gone, sizeof gone - 1), 0, "%s", line);
    guest_say(bob, "there");
    guest_until(ann, "bob@london: there");
    server_stop(paris);
    server_stop(london);
}

/* Those elsewhere leave the room, and the others are told that this machine does. */
Test(relay_view, a_reload_without_it_is_a_goodbye, .init = set_up) {
    struct guest *ann = guest_enter(paris, "ann"), *bob = guest_enter(london, "bob");
    ctl_until(london, "\nparis         1  in reach\n", "status");
    ctl_until(paris, "\nlondon        1  in reach\n", "status");
    server_configure(paris, SERVER_QUIET(2) "control = %s\n", ctl_socket(paris));
    ctl_ok(paris, "reload");
    guest_until(bob, "*** paris is out of reach (1 person).");
    ctl_until(paris, "\npeople         1 in the room\n", "status");
    cr_assert_null(strstr(ctl_ok(paris, "status")->out, "relay"));
    guest_say(ann, "alone");
    guest_until(ann, "ann: alone");
    server_stop(paris);
    server_stop(london);
}
