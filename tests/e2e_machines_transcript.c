/* e2e_machines_transcript.c - a machine that writes a transcript, and the stream it shares. */
#include "tests/lib/machines.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(machines_transcript, .timeout = 90);

static int lines_with(const char *path, const char *text) {
    char line[1024];
    int n = 0;
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file, "%s", path);
    while (fgets(line, sizeof line, file))
        n += strstr(line, text) != NULL;
    fclose(file);
    return n;
}

/* Its history over a restart is the stream's alone, and is not written once more. */
Test(machines_transcript, has_each_line_once_over_a_restart) {
    char conf[400], path[300];
    struct redis *r = redis_start("save \"\"\n");
    struct server *london = machine_start(r, "london", "history = 10\n");
    snprintf(path, sizeof path, "%s/transcript", r->dir);
    snprintf(conf, sizeof conf, "history = 10\ntranscript = %s\n", path);
    struct server *paris = machine_start(r, "paris", conf);
    struct guest *ann = guest_enter(paris, "ann"), *bob = guest_enter(london, "bob");
    machine_until_listed(ann, "bob@london", true);
    guest_say(ann, "mine");
    guest_until(bob, "ann@paris: mine");
    guest_say(bob, "yours");
    guest_until(ann, "bob@london: yours");
    server_stop(paris);
    cr_expect_eq(lines_with(path, "say ann: mine"), 1);
    cr_expect_eq(lines_with(path, "say bob@london: yours"), 1);
    guest_say(bob, "meanwhile");
    guest_until(bob, "bob: meanwhile");
    paris = machine_start(r, "paris", conf);
    server_logged(paris, "relay: the link to");
    struct guest *eve = guest_enter(paris, "eve");
    int64_t deadline = wait_deadline();
    for (const char *line = ""; !strstr(line, "bob@london: meanwhile");) {
        cr_assert_gt(wait_left_ms(deadline), 0, "the history never came");
        guest_say(eve, "/history 10");
        line = guest_until_begins(eve, "*** ");
        int n = atoi(line + 4), mine = 0, yours = 0;
        for (int i = 0; i < n; i++) {
            line = guest_next(eve);
            mine += strstr(line, "ann: mine") != NULL;
            yours += strstr(line, "bob@london: yours") != NULL;
        }
        cr_assert(mine <= 1 && yours <= 1, "%d, %d", mine, yours);
    }
    guest_say(eve, "the end");
    guest_until(eve, "eve: the end");
    server_stop(paris);
    cr_expect_eq(lines_with(path, "ann: mine"), 1);
    cr_expect_eq(lines_with(path, "bob@london: yours"), 1);
    cr_expect_eq(lines_with(path, "eve: the end"), 1);
    server_stop(london);
}
