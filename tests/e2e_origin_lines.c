/* e2e_origin_lines.c - an address may say 50 times what one client may: many clients, or one that
 * comes again and again, get no more; other addresses do not notice. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(origin_lines, .timeout = 180);

enum { RATE = 2, TIMES = 50 };

static struct server *slow_server(int burst) {
    return server_start("workers = 2\nhistory = 0\nconnect_rate = 0\nannounce_max = 1\n"
                        "flood_rate = %d\nflood_burst = %d\n",
                        RATE, burst);
}

static int passed_ms(int64_t since) {
    return WAIT_SECONDS * 1000 - wait_left_ms(since);
}

/* The k-th line of the address must not come before its account allows it. */
static void is_not_early(int64_t since, int burst, int k) {
    int earliest = (k - TIMES * burst) * 1000 / (TIMES * RATE) - 100;
    cr_assert_geq(passed_ms(since), earliest, "line %d after %d ms", k, passed_ms(since));
}

Test(origin_lines, many_clients_of_one_address_share_an_account) {
    enum { CLIENTS = 150, LINES = 3, BURST = 1 };
    struct server *s = slow_server(BURST);
    struct guest *g[CLIENTS];
    int64_t since = wait_deadline();
    struct guest *ann = guest_enter_as(s, "ann", .from = "127.0.0.2");
    for (int i = 0; i < CLIENTS; i++) {
        g[i] = guest_connect(s);
        guest_say(g[i], "login g%d", i);
        for (int k = 0; k < LINES; k++)
            guest_say(g[i], "line %d", k);
    }
    guest_say(ann, "meanwhile"); /* delayed by none of them */
    bool meanwhile = false;
    for (int k = 1; k <= CLIENTS * LINES;) {
        const char *line = guest_next(ann);
        if (line[0] != 'g' || !strstr(line, ": line ")) {
            meanwhile |= strcmp(line, "ann: meanwhile") == 0;
            continue;
        }
        is_not_early(since, BURST, k++); /* logging in cost a line each as well */
        cr_assert(meanwhile || k < CLIENTS, "a line of another address waits for theirs");
    }
    server_stop(s);
}

Test(origin_lines, a_client_that_comes_again_gets_no_new_burst) {
    enum { TURNS = 120, BURST = 2 }; /* the client's own: its login and its line do not wait */
    struct server *s = slow_server(BURST);
    int64_t since = wait_deadline();
    struct guest *ann = guest_enter_as(s, "ann", .from = "127.0.0.2");
    for (int i = 0; i < TURNS; i++) {
        struct guest *g = guest_connect(s);
        guest_say(g, "login g%d", i);
        guest_until(g, "%s", told(TOLD_HOW));
        char own[64];
        snprintf(own, sizeof own, "g%d: hello", i);
        guest_say(g, "hello");
        guest_until(g, "%s", own);
        is_not_early(since, BURST, 2 * (i + 1));
        guest_close(g);
    }
    guest_say(ann, "the end");
    guest_until(ann, "ann: the end");
    server_stop(s);
}
