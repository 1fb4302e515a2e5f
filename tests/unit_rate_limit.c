/* unit_rate_limit.c - the rate limit: every rate is kept exactly, the burst is as configured, and
 * the wrap of the 32-bit clock blocks no client. */
#include "worker/state/rate_limit.h"

#include <criterion/criterion.h>

TestSuite(rate_limit, .timeout = 180);

static struct config with(uint32_t rate, uint32_t burst) {
    return (struct config){.flood_rate = rate, .flood_burst = burst};
}

/* For a client that always has a line to send, asked every ms: how many lines are accepted in
 * [from, from + ms). */
static unsigned let_through(const struct config *config, uint32_t from, uint32_t ms) {
    uint32_t tat = from;
    unsigned lines = 0;
    for (uint32_t t = 0; t < ms; t++) {
        while (rate_limit_wait(config, tat, from + t) == 0) {
            tat = rate_limit_charge(config, tat, from + t, 1);
            cr_assert_lt(lines++, 1000000u);
        }
    }
    return lines;
}

Test(rate_limit, every_rate_is_kept_up_and_not_exceeded) {
    static const uint32_t starts[] = {0, 1, 12345, UINT32_MAX - 5000}; /* and across the wrap */
    for (uint32_t rate = 1; rate <= 1000;
         rate += 1 + rate / 50) { /* to 50 each, then by 2 in 100 */
        struct config config = with(rate, 20);
        for (int i = 0; i < 4; i++) {
            unsigned n = let_through(&config, starts[i], 20000), want = 20 * rate + 20;
            cr_assert(n + 2 >= want && n <= want + 2, "%u a second: %u lines, not %u", rate, n,
                      want);
        }
    }
}

/* Plus or minus one, if the interval of a line is no whole number of ms. */
Test(rate_limit, as_many_at_once_as_the_burst) {
    static const uint32_t bursts[] = {1, 2, 20, 100000};
    for (uint32_t rate = 1; rate <= 1000; rate += 37) {
        for (int i = 0; i < 4; i++) {
            struct config config = with(rate, bursts[i]);
            unsigned n = let_through(&config, 777, 1);
            cr_assert(n + 1 >= bursts[i] && n <= bursts[i] + 1 && n > 0, "%u of %u at %u", n,
                      bursts[i], rate);
        }
    }
}

/* A client that waits is looked at every 10 ms: the rate is kept up all the same. */
Test(rate_limit, a_late_look_costs_no_rate) {
    for (uint32_t rate = 200; rate <= 1000; rate += 100) {
        struct config config = with(rate, 1);
        uint32_t tat = 5000;
        unsigned lines = 0;
        for (uint32_t t = 5000; t < 15000; t += 10)
            for (; rate_limit_wait(&config, tat, t) == 0; lines++)
                tat = rate_limit_charge(&config, tat, t, 1);
        cr_assert(lines + rate / 50 + 2 >= 10 * rate && lines <= 10 * rate + rate / 50 + 2,
                  "%u a second: %u lines in 10 s", rate, lines);
    }
}

Test(rate_limit, many_at_once_cost_as_much_as_one_by_one) {
    for (uint32_t rate = 1; rate <= 1000; rate += 7) {
        struct config config = with(rate, 20);
        uint32_t one = 4000, all = rate_limit_charge(&config, 4000, 4000, 17);
        for (int i = 0; i < 17; i++)
            one = rate_limit_charge(&config, one, 4000, 1);
        cr_assert_eq(one, all, "%u a second", rate);
    }
}

Test(rate_limit, a_debt_is_bounded) {
    struct config config = with(1, 20);
    uint32_t tat = rate_limit_charge(&config, 4000, 4000, UINT32_MAX);
    cr_assert_eq(rate_limit_wait(&config, tat, 4000), RATE_LIMIT_DEBT_MAX_MS);
    cr_assert_eq(rate_limit_charge(&config, tat, 4000, 5), tat);
}

Test(rate_limit, a_long_silence_owes_nothing) {
    static const uint64_t days[] = {0, 1, 24, 25, 30, 49, 50, 60, 75};
    for (uint32_t rate = 1; rate <= 1000; rate += 333) {
        struct config config = with(rate, 20);
        uint32_t tat = 1000, now;
        for (int i = 0; i < 9; i++) {
            now = 1000 + 30000 + (uint32_t)(days[i] * 86400000);
            cr_assert_eq(rate_limit_ahead(&config, tat, now), 0, "after %d days", (int)days[i]);
            uint32_t after = rate_limit_charge(&config, tat, now, 1) - now + RATE_LIMIT_LATE_MS;
            cr_assert(after >= 1000 / rate && after <= 1000 / rate + 1, "after %d days",
                      (int)days[i]);
        }
    }
}

Test(rate_limit, rate_0_is_no_limit) {
    struct config config = with(0, 20);
    for (uint32_t now = 0; now < 3; now++) {
        cr_assert_eq(rate_limit_ahead(&config, 5000, now), 0);
        cr_assert_eq(rate_limit_charge(&config, 5000, now, 1), now);
    }
}
