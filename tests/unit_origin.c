/* unit_origin.c - the accounts of addresses: what they let through, whom they count together, and
 * what they withstand: two processes at once, a death at any point, more addresses than places. */
#include "ipc/address.h"
#include "ipc/network.h"
#include "ipc/origin.h"
#include "tests/unit_segment.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>

enum { RATE = 20, BURST = 200 };
#define SECOND 1000000ull
static const uint64_t start = 1000 * SECOND;

static struct segment seg;
static struct config config;

static void set_up(void) {
    unit_segment(&seg, 65536);
    memset(seg.header->name_key, 7, sizeof seg.header->name_key); /* the same places in each run */
    config = unit_config(65536);
    config.connect_rate = RATE;
    config.connect_burst = BURST;
    config.flood_rate = 5;
    config.flood_burst = 20;
}
TestSuite(origin, .init = set_up);

static struct in6_addr address(const char *text) {
    struct in6_addr addr;
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return address_mapped(&v4);
    cr_assert_eq(inet_pton(AF_INET6, text, &addr), 1, "%s", text);
    return addr;
}

static bool connects(const char *from, uint64_t now) {
    struct in6_addr addr = address(from);
    return origin_try(&seg.origins, &addr, &config, ORIGIN_CONNECTIONS, now);
}

/* How many of `most` the account lets through at that moment. */
static int connections(const char *from, uint64_t now, int most) {
    int n = 0;
    for (int i = 0; i < most; i++)
        n += connects(from, now);
    return n;
}

static uint32_t wait_of(const char *from, uint64_t now) {
    struct in6_addr addr = address(from);
    return origin_wait(&seg.origins, &addr, &config, ORIGIN_LINES, now);
}

static void says(const char *from, uint32_t units, uint64_t now) {
    struct in6_addr addr = address(from);
    origin_charge(&seg.origins, &addr, &config, ORIGIN_LINES, units, now);
}

/* ---- what an account lets through ---- */

Test(origin, a_burst_and_then_the_rate) {
    cr_assert_eq(connections("192.0.2.1", start, 300), BURST);
    cr_assert_eq(connections("192.0.2.1", start + SECOND, 300), RATE);
    cr_assert_eq(connections("192.0.2.1", start + 1000 * SECOND, 300), BURST, "and no more");
}

Test(origin, the_first_moments_of_a_segment_are_like_any) {
    cr_assert_eq(connections("192.0.2.1", 0, 300), BURST);
    cr_assert_eq(connections("192.0.2.1", SECOND, 300), RATE);
}

Test(origin, a_refused_connection_costs_nothing) {
    cr_assert_eq(connections("192.0.2.1", start, 100000), BURST);
    cr_assert_eq(connections("192.0.2.1", start + SECOND, 300), RATE);
}

Test(origin, a_rate_of_0_is_no_limit) {
    config.connect_rate = config.flood_rate = 0;
    cr_assert_eq(connections("192.0.2.1", start, 10000), 10000);
    says("192.0.2.1", 1000000, start);
    cr_assert_eq(wait_of("192.0.2.1", start), 0);
}

Test(origin, a_burst_of_1_is_one_at_once) {
    config.connect_burst = 1;
    cr_assert_eq(connections("192.0.2.1", start, 10), 1);
    cr_assert_eq(connections("192.0.2.1", start + SECOND / RATE, 10), 1);
}

/* 50 times what a client may: 1000 at once, 250 a second. */
Test(origin, lines_are_charged_and_wait) {
    says("192.0.2.1", 999, start);
    cr_assert_eq(wait_of("192.0.2.1", start), 0);
    says("192.0.2.1", 1, start);
    cr_assert_eq(wait_of("192.0.2.1", start), 4);
    cr_assert_eq(wait_of("192.0.2.1", start + 3000), 1);
    cr_assert_eq(wait_of("192.0.2.1", start + 4000), 0);
    cr_assert_eq(connections("192.0.2.1", start, 300), BURST, "another account");
}

/* What costs many units is let through whole, but is not forgiven. */
Test(origin, many_units_at_once_are_owed) {
    says("192.0.2.1", 1000, start);
    says("192.0.2.1", 500, start);
    cr_assert_eq(wait_of("192.0.2.1", start), 4 + 500 * 4);
    says("192.0.2.1", UINT32_MAX, start);
    cr_assert_eq(wait_of("192.0.2.1", start), 4000, "a burst's time at most");
}

/* ---- a reload ---- */

/* The account is 10 minutes ahead. */
Test(origin, a_faster_rate_applies_at_once) {
    config.connect_rate = 1;
    config.connect_burst = 600;
    cr_assert_eq(connections("192.0.2.1", start, 700), 600);
    config.connect_rate = 1000;
    config.connect_burst = 10;
    cr_assert_eq(connections("192.0.2.1", start, 100), 10);
    cr_assert_eq(connections("192.0.2.1", start + SECOND / 1000, 100), 1);
}

Test(origin, a_slower_rate_applies_at_once) {
    config.connect_rate = 1000;
    cr_assert_eq(connections("192.0.2.1", start, 300), BURST);
    config.connect_rate = 1;
    config.connect_burst = 1;
    cr_assert_eq(connections("192.0.2.1", start + SECOND, 10), 1);
    cr_assert_eq(connections("192.0.2.1", start + SECOND + SECOND / 2, 10), 0);
}

/* ---- whom it counts together ---- */

Test(origin, an_ipv6_address_counts_by_its_64) {
    cr_assert_eq(connections("2001:db8:1:2::1", start, 300), BURST);
    cr_assert_not(connects("2001:db8:1:2:ffff::5", start));
    cr_assert(connects("2001:db8:1:3::1", start));
}

Test(origin, an_ipv4_address_counts_by_itself) {
    cr_assert_eq(connections("192.0.2.1", start, 300), BURST);
    cr_assert(connects("192.0.2.2", start));
    cr_assert(connects("::c000:201", start), "not mapped, so in ::/64");
}

Test(origin, same_is_what_accounts_count_together) {
    static const char *const pairs[][3] = {
        {"192.0.2.1", "192.0.2.1", "1"},       {"192.0.2.1", "192.0.2.2", ""},
        {"2001:db8::1", "2001:db8::2", "1"},   {"2001:db8::1", "2001:db8:0:1::1", ""},
        {"192.0.2.1", "::ffff:c000:201", "1"}, {"192.0.2.1", "::1", ""},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct in6_addr a = address(pairs[i][0]), b = address(pairs[i][1]);
        cr_expect_eq(origin_same(&a, &b), pairs[i][2][0] == '1', "%s %s", pairs[i][0], pairs[i][1]);
    }
}

/* ---- more origins than places ---- */

/* So many /64s that each place is shared by several. */
static void overflow(void) {
    for (uint32_t i = 0; i < 16 * seg.origins.len; i++) {
        char text[64];
        snprintf(text, sizeof text, "2001:db8:%x:%x::1", i >> 16, i & 0xffff);
        connects(text, start);
    }
}

Test(origin, no_number_of_others_brings_a_new_burst) {
    cr_assert_eq(connections("2001:db9::1", start, 300), BURST);
    cr_assert_eq(connections("192.0.2.1", start, 300), BURST);
    overflow();
    cr_assert_not(connects("2001:db9::1", start));
    cr_assert_not(connects("192.0.2.1", start));
}

Test(origin, ipv6_does_no_harm_to_ipv4) {
    config.connect_burst = 1;
    overflow();
    for (int i = 1; i < 30; i++) {
        char text[32];
        snprintf(text, sizeof text, "192.0.2.%d", i);
        cr_assert(connects(text, start), "%s", text);
    }
}

/* 500 at their limit: 1 in 20 of the others is refused; 1 in 8 would be with a single row. */
Test(origin, a_flood_from_many_is_harm_to_few) {
    char text[64];
    int refused = 0;
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "198.51.%d.%d", i / 250, i % 250);
        connections(text, start, BURST);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "203.0.%d.%d", i / 250, i % 250);
        refused += !connects(text, start);
    }
    cr_assert_leq(refused, 90, "%d of 1000", refused);
}

/* It falls back with the clock, however long it was flooded. */
Test(origin, no_account_is_further_ahead_than_its_burst) {
    for (int i = 0; i < 1000; i++)
        connections("192.0.2.1", start + i * SECOND, 2 * RATE);
    cr_assert_eq(connections("192.0.2.1", start + 1010 * SECOND, 300), BURST);
}

/* ---- processes ---- */

Test(origin, two_processes_share_an_account) {
    enum { EACH = 50000 };
    config.connect_rate = 1;
    config.connect_burst = EACH;
    int pipe_fds[2], n[2] = {0};
    cr_assert_eq(pipe(pipe_fds), 0);
    for (int k = 0; k < 2; k++) {
        if (unit_fork() == 0) {
            int passed = connections("192.0.2.1", start, EACH);
            (void)!write(pipe_fds[1], &passed, sizeof passed);
            _exit(0);
        }
    }
    for (int k = 0; k < 2; k++)
        cr_assert_eq(read(pipe_fds[0], &n[k], sizeof n[k]), sizeof n[k]);
    /* Two charges at the same instant may count once. */
    cr_assert_geq(n[0] + n[1], EACH, "%d + %d", n[0], n[1]);
    cr_assert_leq(n[0] + n[1], EACH + EACH / 2, "%d + %d", n[0], n[1]);
    cr_assert_not(connects("192.0.2.1", start));
}

/* A death between the rows: one increment is lost, the account goes on. */
Test(origin, a_charge_in_one_row_alone_is_harmless) {
    struct origin before[ORIGIN_ROWS * 4096];
    size_t row = sizeof before / ORIGIN_ROWS;
    cr_assert_eq(seg.origins.len, 4096);
    cr_assert_eq(connections("192.0.2.1", start, BURST - 1), BURST - 1);
    memcpy(before, seg.origins.at, sizeof before);
    cr_assert(connects("192.0.2.1", start));
    memcpy(seg.origins.at, before, row);
    cr_assert_eq(connections("192.0.2.1", start, 10), 1);
    memcpy((char *)seg.origins.at + row, (char *)before + row, row);
    cr_assert_eq(connections("192.0.2.1", start, 10), 1);
    cr_assert_eq(connections("192.0.2.1", start + SECOND, 300), RATE);
}

Test(origin, the_table_follows_from_the_number_of_clients) {
    cr_assert_eq(origin_table_len(1), 4096);
    cr_assert_eq(origin_table_len(10000), 4096);
    cr_assert_eq(origin_table_len(100000), 32768);
    cr_assert_eq(origin_table_len(1000000), 262144);
    cr_assert_leq(sizeof(struct origin) * ORIGIN_ROWS * origin_table_len(10000), 512 << 10);
}

/* ---- networks ---- */

Test(origin, address_within_a_network) {
    static const struct {
        const char *net;
        uint8_t bits;
        const char *addr;
        bool within;
    } cases[] = {
        {"192.0.2.0", 96 + 24, "192.0.2.77", true},
        {"192.0.2.0", 96 + 24, "192.0.3.77", false},
        {"192.0.2.8", 96 + 30, "192.0.2.11", true},
        {"192.0.2.8", 96 + 30, "192.0.2.12", false},
        {"192.0.2.8", 128, "192.0.2.8", true},
        {"192.0.2.8", 128, "192.0.2.9", false},
        {"2001:db8::", 33, "2001:db8::1", true},
        {"2001:db8::", 33, "2001:db8:8000::1", false},
        {"::", 0, "2001:db8::1", true},
        {"0.0.0.0", 96, "192.0.2.1", true},
        {"0.0.0.0", 96, "2001:db8::1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct network net[2] = {{.addr = address("203.0.113.1"), .bits = 128},
                                 {.addr = address(cases[i].net), .bits = cases[i].bits}};
        struct in6_addr addr = address(cases[i].addr);
        cr_expect_eq(network_any_holds(net, 2, &addr), cases[i].within, "%s/%d %s", cases[i].net,
                     cases[i].bits, cases[i].addr);
        cr_expect_not(network_any_holds(net, 1, &addr), "%s", cases[i].addr);
    }
}
