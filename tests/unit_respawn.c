/* unit_respawn.c - how long the master waits before it replaces a dead worker. */
#include "master/respawn.h"

#include <criterion/criterion.h>

TestSuite(respawn, .timeout = 180);

Test(respawn, a_worker_that_lived_is_replaced_at_once_and_others_ever_later) {
    static const struct {
        uint32_t deaths;
        uint64_t lived_ms;
        struct respawn want;
    } cases[] = {
        {0, 0, {1, 0}},        {1, 0, {2, 20}},    {1, 249, {2, 20}},       {1, 250, {1, 0}},
        {2, 0, {3, 40}},       {6, 10, {7, 640}},  {7, 10, {8, 1000}},      {8, 10, {9, 1000}},
        {100, 0, {101, 1000}}, {100, 250, {1, 0}}, {0, UINT64_MAX, {1, 0}}, {63, 0, {64, 1000}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct respawn is = respawn_after(cases[i].deaths, cases[i].lived_ms);
        cr_assert_eq(is.deaths, cases[i].want.deaths, "case %zu: %u deaths", i, is.deaths);
        cr_assert_eq(is.pause_ms, cases[i].want.pause_ms, "case %zu: %lu ms", i,
                     (unsigned long)is.pause_ms);
    }
}

/* A worker that adopts its clients, and dies of the first line that it reads, each time. */
Test(respawn, a_worker_that_dies_soon_after_each_start_is_delayed) {
    uint32_t deaths = 0;
    uint64_t paused = 0;
    for (int i = 0; i < 20; i++) {
        struct respawn next = respawn_after(deaths, 30);
        deaths = next.deaths;
        paused += next.pause_ms;
    }
    cr_assert_eq(deaths, 20);
    cr_assert_geq(paused, 10000, "%lu ms", (unsigned long)paused);
}

/* A worker that is killed after random times: the pause never becomes long. */
Test(respawn, a_worker_that_is_killed_at_random_is_not_delayed) {
    static const uint64_t lived[] = {800, 100, 1500, 200, 50, 900, 10, 400, 2000, 240, 30, 700};
    uint32_t deaths = 0;
    for (size_t i = 0; i < 120; i++) {
        struct respawn next = respawn_after(deaths, lived[i % 12]);
        deaths = next.deaths;
        cr_assert_leq(next.pause_ms, 40, "after %zu deaths", i);
    }
}
