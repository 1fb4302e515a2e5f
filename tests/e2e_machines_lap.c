/* e2e_machines_lap.c - an engine that stands still for longer than the ring holds: what could not
 * be passed on is told everywhere as a number, and everybody knows who is here. */
#include "tests/lib/machines.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(machines_lap, .timeout = 180);

enum { ANN, BOB, SAID = 4000 };

/* Lines of ann's that bob hears, and those that he is told to have missed, up to the last. */
static int heard_or_told(struct guest *bob, int *skipped) {
    int heard = 0, n;
    for (;;) {
        const char *line = guest_next(bob);
        if (sscanf(line, "*** %d line", &n) == 1 && strstr(line, "skipped"))
            *skipped += n;
        const char *said = strstr(line, "ann@paris: line ");
        heard += said != NULL;
        if (said && atoi(said + 16) == SAID - 1)
            return heard;
    }
}

Test(machines_lap, what_is_overwritten_is_counted_exactly_and_people_are_known) {
    struct machines m;
    machines_start(&m, 2, "ring_size = 64K\n");
    struct guest *dan = guest_enter(m.s[ANN], "dan");
    machine_until_listed(m.g[BOB], "dan@paris", true);
    redis_pause(m.redis);
    guest_close(dan);
    struct guest *eve = guest_enter(m.s[ANN], "eve");
    for (int i = 0; i < SAID; i++)
        guest_say(m.g[ANN], "line %d", i);
    guest_until(m.g[ANN], "ann: line %d", SAID - 1);
    redis_resume(m.redis);
    int skipped = 0, heard = heard_or_told(m.g[BOB], &skipped);
    cr_assert_eq(heard + skipped, SAID, "%d heard, %d skipped", heard, skipped);
    cr_assert_gt(skipped, 0);
    machine_until_listed(m.g[BOB], "eve@paris", true);
    machine_until_listed(m.g[BOB], "dan@paris", false);
    guest_close(eve);
    machines_settle(&m);
    machines_stop(&m);
}
