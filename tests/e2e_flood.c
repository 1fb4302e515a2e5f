/* e2e_flood.c - the rate limit (flood_rate, flood_burst): everything that a client sends is
 * charged, and a client that has to wait delays no other. */
#include "tests/lib/guest.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

TestSuite(too_fast, .timeout = 180);

enum { RATE = 5, BURST = 20, SENT = 300 };

/* Milliseconds since wait_deadline() returned `deadline`. */
static int passed_ms(int64_t deadline) {
    return WAIT_SECONDS * 1000 - wait_left_ms(deadline);
}

/* The elapsed time is what is tested: nothing is waited for. */
static void let_pass(int ms) {
    int64_t deadline = wait_deadline();
    while (passed_ms(deadline) < ms)
        poll(NULL, 0, ms - passed_ms(deadline));
}

/* Sends `line` SENT times in one write.  The k-th answer must not arrive before the rate limit
 * allows it: (k - BURST) / RATE seconds after `since`, when nothing had been sent.  This is a lower
 * bound, so load on the machine cannot break it; 100 ms are for the resolution of clocks. */
static void is_slowed(struct guest *g, int64_t since, const char *line, char answers[2][128],
                      int lines) {
    enum { ANSWERS = BURST + 2 * RATE };
    char all[SENT * 64], *end = all;
    for (int i = 0; i < SENT; i++)
        end += sprintf(end, "%s\r\n", line);
    guest_send(g, all, (size_t)(end - all));
    for (int k = 1; k <= ANSWERS; k++) {
        for (int i = 0; i < lines; i++)
            guest_expect(g, "%s", answers[i]);
        int passed = passed_ms(since), earliest = (k - BURST) * 1000 / RATE - 100;
        cr_assert_geq(passed, earliest, "\"%s\": answer %d after %d ms", line, k, passed);
    }
}

/* `second` is NULL if the answer has one line. */
static void is_charged(bool logged_in, const char *line, const char *first, const char *second) {
    char answers[2][128]; /* copied, because the result of `told` is overwritten by later calls */
    snprintf(answers[0], sizeof answers[0], "%s", first);
    snprintf(answers[1], sizeof answers[1], "%s", second ? second : "");
    struct server *s =
        server_start("workers = 2\nhistory = 0\nflood_rate = %d\nflood_burst = %d\n", RATE, BURST);
    guest_enter(s, "ann");
    int64_t since = wait_deadline();
    struct guest *g = logged_in ? guest_enter(s, "bob") : guest_connect(s);
    if (!logged_in)
        guest_until(g, "%s", told(TOLD_HOW));
    is_slowed(g, since, line, answers, second ? 2 : 1);
    server_stop(s);
}

Test(too_fast, a_login_by_a_taken_name_is_charged) {
    is_charged(false, "login ann", told1(TOLD_TAKEN, "ann"), told(TOLD_TRY_AGAIN));
}
Test(too_fast, a_line_before_login_is_charged) {
    is_charged(false, "hello you", told(TOLD_LOG_IN), told(TOLD_HOW));
}
Test(too_fast, a_nick_that_is_taken_is_charged) {
    is_charged(true, "/nick ann", told1(TOLD_TAKEN, "ann"), told(TOLD_TRY_AGAIN));
}
Test(too_fast, a_private_line_to_an_absent_name_is_charged) {
    is_charged(true, "/msg nobody hello", told1(TOLD_NOBODY, "nobody"), NULL);
}
Test(too_fast, an_unknown_command_is_charged) {
    is_charged(true, "/nosuch", told1(TOLD_UNKNOWN, "/nosuch"), told(TOLD_HELP));
}

/* bob's second line is due a second after his first, and ann's after hers, which is later: bob's
 * must be first, although ann began to wait first.  True if it is. */
static bool due_first_comes_first(struct guest *ann, struct guest *bob) {
    struct guest *g[2] = {ann, bob};
    let_pass(1100); /* the rate limit of both has recovered */
    guest_say(bob, "first");
    guests_expect(g, 2, "bob: first");
    let_pass(300);
    guest_type(ann, "first\r\nsecond\r\n");
    guests_expect(g, 2, "ann: first");
    let_pass(100); /* ann's line is waiting now */
    guest_say(bob, "second");
    bool well = strcmp(guest_next(ann), "bob: second") == 0;
    guest_expect(ann, well ? "ann: second" : "bob: second");
    guest_until(bob, well ? "ann: second" : "bob: second");
    return well;
}

/* On a machine under load more than those 300 ms may pass at once; then both lines are due.  So one
 * success in several tries is enough. */
Test(too_fast, a_client_that_waits_delays_no_other_that_is_due_before_it) {
    struct server *s = server_start("workers = 1\nhistory = 0\nflood_rate = 1\nflood_burst = 1\n");
    struct guest *ann = guest_enter(s, "ann"), *bob = guest_enter(s, "bob");
    guest_expect(ann, "%s", told1(TOLD_COMES, "bob"));
    bool well = false;
    for (int tries = 0; tries < 8 && !well; tries++)
        well = due_first_comes_first(ann, bob);
    cr_assert(well, "it is read only when the other's time has come");
    server_stop(s);
}
