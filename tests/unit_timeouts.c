/* unit_timeouts.c - clients that are idle too long, or do not log in, for any value of the
 * clocks. */
#include "tests/unit_worker.h"
#include "worker/timeouts.h"

#include <criterion/criterion.h>

#define DAY_MS 86400000ull
#define DAY_TENTHS 864000u

static struct segment seg;
static struct worker worker;
static struct timeouts timeouts;

/* The segment is three years old. */
static void set_up(void) {
    unit_segment(&seg, 65536);
    seg.header->epoch_ms -= 3 * 365 * DAY_MS;
    unit_worker(&worker, &seg);
    worker.config.idle_timeout_ms = 600000;
    worker.config.login_timeout_ms = 60000;
}
TestSuite(timeouts, .init = set_up);

/* Sets the last input to this many tenths of a second before the current round. */
static void silent_for(struct client *c, uint32_t tenths) {
    client_begin(c)->last_input = worker.tenths - tenths;
    client_commit(c);
}

static void look(void) {
    worker.now += TIMEOUTS_MS;
    timeouts_look(&worker, &timeouts);
}

/* Whether timeouts_look closes the client, with a sentence. */
static bool times_out(struct client *c, int peer) {
    look();
    if (client_live(c)) {
        unit_hears(peer, "");
        return false;
    }
    unit_hears(peer, "*** Goodbye: no word from you.\r\n");
    return true;
}

Test(timeouts, a_silent_client_leaves_when_its_time_is_over) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    silent_for(c, 5999);
    cr_assert_not(times_out(c, peer));
    silent_for(c, 6000);
    cr_assert(times_out(c, peer));
    cr_assert_eq(worker.closing.count, 1);
}

Test(timeouts, a_silence_of_any_length_is_over) {
    static const uint32_t days[] = {1, 24, 25, 26, 49, 50, 51, 400, 1000};
    for (int i = 0; i < 9; i++) {
        int peer;
        struct client *c = unit_client(&worker, &peer);
        silent_for(c, days[i] * DAY_TENTHS);
        cr_assert(times_out(c, peer), "%u days", days[i]);
        member_remove(&worker, c);
    }
}

Test(timeouts, a_long_limit_is_kept_to_over_any_number_of_days) {
    static const uint32_t days[] = {24, 25, 26, 49, 50, 51, 400};
    for (int i = 0; i < 7; i++) {
        int peer;
        struct client *c = unit_client(&worker, &peer);
        worker.config.idle_timeout_ms = days[i] * DAY_MS;
        silent_for(c, days[i] * DAY_TENTHS - 1);
        cr_assert_not(times_out(c, peer), "%u days, less a moment", days[i]);
        silent_for(c, days[i] * DAY_TENTHS);
        cr_assert(times_out(c, peer), "%u days", days[i]);
        member_remove(&worker, c);
    }
}

/* The line was applied with a time read later than the clock of this round. */
Test(timeouts, input_in_the_same_turn_is_no_silence) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    silent_for(c, (uint32_t)-1);
    cr_assert_not(times_out(c, peer));
    silent_for(c, (uint32_t)-100);
    cr_assert_not(times_out(c, peer));
    silent_for(c, 0);
    cr_assert_not(times_out(c, peer));
}

Test(timeouts, before_login_the_login_timeout_counts_and_no_other) {
    int peer[2];
    struct client *newcomer = unit_newcomer(&worker, &peer[0]);
    struct client *member = unit_client(&worker, &peer[1]);
    silent_for(newcomer, 599);
    silent_for(member, 700);
    look();
    cr_assert(client_live(newcomer) && client_live(member));
    silent_for(newcomer, 600);
    look();
    cr_assert(client_live(member), "it is in the room");
    cr_assert_not(client_live(newcomer));
    unit_hears(peer[0], "*** Goodbye: you did not log in.\r\n");
}

/* Input before the login does not extend the login timeout. */
Test(timeouts, lines_before_login_do_not_renew_the_time) {
    int peer;
    struct client *c = unit_newcomer(&worker, &peer);
    silent_for(c, 500);
    uint32_t came = client_facts(c)->last_input;
    unit_type(&worker, c, peer, "hello there\n");
    cr_assert_gt(client_facts(c)->consumed, 0);
    cr_assert_eq(client_facts(c)->last_input, came);
}

Test(timeouts, lines_in_the_room_renew_the_time) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    silent_for(c, 5000);
    unit_type(&worker, c, peer, "hello\n");
    unit_turn(&worker);
    unit_heard(peer);
    uint32_t said = client_facts(c)->last_input; /* of the entry, which may be after the turn's */
    cr_assert_lt((int32_t)(worker.tenths - said), 4000);
    worker.tenths = said + 5999;
    cr_assert_not(times_out(c, peer));
    worker.tenths += 1;
    cr_assert(times_out(c, peer));
}

Test(timeouts, without_a_limit_no_silence_is_too_long) {
    int peer[2];
    struct client *c[2] = {unit_client(&worker, &peer[0]), unit_newcomer(&worker, &peer[1])};
    worker.config.idle_timeout_ms = worker.config.login_timeout_ms = 0;
    for (int i = 0; i < 2; i++) {
        silent_for(c[i], 400 * DAY_TENTHS);
        cr_assert_not(times_out(c[i], peer[i]));
    }
    worker.config.login_timeout_ms = 500 * DAY_MS; /* so that members are looked at */
    cr_assert_not(times_out(c[0], peer[0]));
}

Test(timeouts, the_loop_wakes_only_for_members_that_can_time_out) {
    int peer;
    cr_assert_not(timeouts_possible(&worker), "no members");
    unit_client(&worker, &peer);
    cr_assert(timeouts_possible(&worker));
    worker.config.idle_timeout_ms = 0;
    cr_assert_not(timeouts_possible(&worker), "it is in the room");
    unit_newcomer(&worker, &peer);
    cr_assert(timeouts_possible(&worker));
    worker.config.login_timeout_ms = 0;
    cr_assert_not(timeouts_possible(&worker));
}

Test(timeouts, members_are_looked_at_once_an_interval) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    look();
    silent_for(c, 6000);
    worker.now += TIMEOUTS_MS - 1;
    timeouts_look(&worker, &timeouts);
    cr_assert(client_live(c));
    worker.now += 1;
    timeouts_look(&worker, &timeouts);
    cr_assert_not(client_live(c));
}

/* Each client that leaves changes members[] while it is walked. */
Test(timeouts, all_that_are_due_leave_in_one_look) {
    int peer[8];
    struct client *c[8];
    for (int i = 0; i < 8; i++) {
        c[i] = unit_client(&worker, &peer[i]);
        silent_for(c[i], i == 3 ? 0 : 6000);
    }
    look();
    for (int i = 0; i < 8; i++)
        cr_assert_eq(client_live(c[i]), i == 3, "client %d", i);
    cr_assert_eq(worker.closing.count, 7);
}
