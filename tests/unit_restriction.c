/* unit_restriction.c - bans and mutes in the segment, and their texts. */
#include "ipc/address.h"
#include "ipc/clock.h"
#include "tests/unit_segment.h"

#include <arpa/inet.h>
#include <stdio.h>

static struct in6_addr address(const char *text) {
    struct in6_addr addr;
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return address_mapped(&v4);
    cr_assert_eq(inet_pton(AF_INET6, text, &addr), 1, "%s", text);
    return addr;
}

static struct network network(const char *text) {
    struct network net;
    char err[256];
    cr_assert(restriction_parse_network(text, &net, err, sizeof err), "%s: %s", text, err);
    return net;
}

Test(restriction, networks_as_operators_write_them) {
    static const struct {
        const char *text, *shown; /* NULL: as it was written */
    } good[] = {{"192.0.2.1", NULL},
                {"192.0.2.1/32", "192.0.2.1"},
                {"10.0.0.0/8", NULL},
                {"128.0.0.0/1", NULL},
                {"::1", NULL},
                {"2001:db8::/32", NULL},
                {"2001:DB8::5/128", "2001:db8::5"},
                {"8000::/1", NULL},
                {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
                {"::ffff:192.0.2.1", "192.0.2.1"}};
    static const char *const bad[] = {"",
                                      "10",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/08x",
                                      "10.0.0.0/8/8",
                                      "ann",
                                      "[::1]",
                                      "::1/129",
                                      "fe80::1%eth0",
                                      "1.2.3.4.5",
                                      "0.0.0.0/0",
                                      "::/0",
                                      "::ffff:0:0/96",
                                      "010.0.0.1",
                                      "10.1.2.3/8",
                                      "2001:db8::1/64",
                                      "::ffff:10.1.2.3/104",
                                      "/8",
                                      "10.0.0.0/1000"};
    char shown[NETWORK_TEXT], err[256];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct network net = network(good[i].text);
        cr_expect_str_eq(network_format(&net, shown), good[i].shown ? good[i].shown : good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct network net;
        err[0] = '\0';
        cr_expect_not(restriction_parse_network(bad[i], &net, err, sizeof err), "%s", bad[i]);
        cr_expect_gt(strlen(err), 10, "%s: no sentence", bad[i]);
    }
}

Test(restriction, bits_beyond_the_prefix_are_answered_with_what_was_meant) {
    struct network net;
    char err[256];
    cr_assert_not(restriction_parse_network("10.1.2.3/8", &net, err, sizeof err));
    cr_assert_str_eq(err, "10.1.2.3/8 has bits beyond its prefix: is 10.0.0.0/8 meant?");
    cr_assert_not(restriction_parse_network("2001:db8::7/61", &net, err, sizeof err));
    cr_assert_str_eq(err, "2001:db8::7/61 has bits beyond its prefix: is 2001:db8::/61 meant?");
    cr_assert_not(restriction_parse_network("0.0.0.0/0", &net, err, sizeof err));
    cr_assert_str_eq(err, "0.0.0.0/0 is everybody, and is not banned");
}

/* Compared with a look at bit after bit. */
Test(restriction, a_network_holds_the_addresses_with_its_prefix) {
    struct in6_addr a = address("2001:db8:ffff:1234:8765:4321:aaaa:5555");
    for (unsigned bits = 1; bits <= 128; bits++) {
        char text[80], shown[64], err[256];
        struct network net;
        sprintf(text, "%s/%u", address_format(&a, shown), bits);
        restriction_parse_network(text, &net, err, sizeof err); /* leaves the prefix */
        cr_expect(network_holds(&net, &a), "/%u", bits);
        for (unsigned bit = 0; bit < 128; bit++) {
            struct in6_addr other = a;
            other.s6_addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
            cr_expect_eq(network_holds(&net, &other), bit >= bits, "/%u, bit %u", bits, bit);
        }
    }
}

Test(restriction, wide_networks_of_ipv6_hold_no_ipv4_address) {
    struct in6_addr v4 = address("192.0.2.1"), v6 = address("::5");
    struct network all = network("::/1"), some = network("::/80"), half = network("128.0.0.0/1");
    cr_assert_not(network_holds(&all, &v4));
    cr_assert_not(network_holds(&some, &v4));
    cr_assert(network_holds(&all, &v6));
    cr_assert(network_holds(&half, &v4));
    cr_assert_not(network_holds(&half, &v6));
}

Test(restriction, times_are_rfc_3339_in_utc) {
    static const char *const good[] = {"2026-12-31T23:59:59Z", "2028-02-29T00:00:00Z",
                                       "1970-01-01T00:00:01Z", "9999-12-31T23:59:59Z"};
    static const char *const bad[] = {"",
                                      "--",
                                      "never",
                                      "2026-12-31",
                                      "2026-12-31 23:59:59Z",
                                      "2026-12-31T23:59:59",
                                      "2026-12-31T23:59:59+01:00",
                                      "2026-12-31T23:59:59.5Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-00-10T00:00:00Z",
                                      "2026-12-31T24:00:00Z",
                                      "2026-12-31T23:59:60Z",
                                      "1970-01-01T00:00:00Z",
                                      "1969-12-31T23:59:59Z",
                                      "2026-12-31T23:59:59Zx",
                                      "+026-12-31T23:59:59Z"};
    char text[RESTRICTION_TIME];
    uint64_t until;
    cr_assert(restriction_parse_time("-", &until));
    cr_assert_eq(until, 0);
    cr_assert_str_eq(restriction_format_time(0, text), "-");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_expect(restriction_parse_time(good[i], &until), "%s", good[i]);
        cr_expect_str_eq(restriction_format_time(until, text), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(restriction_parse_time(bad[i], &until), "%s", bad[i]);
}

Test(restriction, durations_have_a_unit) {
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"1s", 1000},    {"90s", 90000},    {"10m", 600000},
                {"2h", 7200000}, {"7d", 604800000}, {"3653d", 3653ull * 86400000}};
    static const char *const bad[] = {"",   "s",  "10",  "0s", "-5m",   "1.5h",         "10ms",
                                      "1w", "5M", "5 m", "m5", "3654d", "99999999999s", "1d1h"};
    uint64_t ms;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_expect(restriction_parse_duration(good[i].text, &ms), "%s", good[i].text);
        cr_expect_eq(ms, good[i].ms, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(restriction_parse_duration(bad[i], &ms), "%s", bad[i]);
}

Test(restriction, a_word_that_was_meant_as_a_duration_is_no_reason) {
    uint64_t until, now = clock_wall_ms();
    cr_assert_eq(restriction_read_term("10m", &until), TERM_GIVEN);
    cr_assert(until >= now + 600000 && until < now + 660000 && until % 1000 == 0);
    cr_assert_eq(restriction_read_term("-", &until), TERM_GIVEN);
    cr_assert_eq(until, 0);
    cr_assert_eq(restriction_read_term("10w", &until), TERM_BAD);
    cr_assert_eq(restriction_read_term("10", &until), TERM_BAD);
    cr_assert_eq(restriction_read_term("1.5h", &until), TERM_BAD);
    cr_assert_eq(restriction_read_term("10m,", &until), TERM_BAD);
    cr_assert_eq(restriction_read_term("-5m", &until), TERM_BAD);
    cr_assert_eq(restriction_read_term("+1h", &until), TERM_BAD);
    cr_assert_eq(restriction_read_term("2027-01-01T00:00:00Z", &until), TERM_BAD);
    cr_assert_eq(restriction_read_term("12:00", &until), TERM_BAD);
    cr_assert_eq(restriction_read_term("--", &until), TERM_NONE);
    cr_assert_eq(restriction_read_term("-spam", &until), TERM_NONE);
    cr_assert_eq(restriction_read_term("spam", &until), TERM_NONE);
    cr_assert_eq(restriction_read_term("", &until), TERM_NONE);
}

Test(restriction, a_duration_is_never_cut_short) {
    static const struct {
        const char *word;
        uint64_t ms;
    } given[] = {{"1s", 1000}, {"2s", 2000}, {"3m", 180000}, {"1h", 3600000}, {"1d", 86400000}};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        uint64_t until, begun = clock_wall_ms();
        cr_assert_eq(restriction_read_term(given[i].word, &until), TERM_GIVEN);
        cr_assert_geq(until, begun + given[i].ms, "%s", given[i].word);
        cr_assert_lt(until, clock_wall_ms() + given[i].ms + 1000, "%s", given[i].word);
        cr_assert_eq(until % 1000, 0, "%s: it is written and shown by the second", given[i].word);
    }
}

Test(restriction, reasons_are_printable) {
    static const struct {
        const char *text, *clean;
    } rows[] = {{"floods the room", "floods the room"},
                {"  two  blanks\t\ttabs ", "two blanks tabs"},
                {"a\x1b[31mred\x07", "a [31mred"},
                {"line\r\nforged", "line forged"},
                {"\xff\xfe no UTF-8 \xc3", "no UTF-8"},
                {"\xe2\x80\xaereversed", "reversed"},
                {"\xc2\x9b"
                 "31m C1",
                 "31m C1"},
                {"\xe5\x88\xb7\xe5\xb1\x8f", "\xe5\x88\xb7\xe5\xb1\x8f"},
                {"\x01\x02", ""},
                {"", ""}};
    char out[BAN_REASON_MAX], longest[BAN_REASON_MAX + 1];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect(restriction_clean(rows[i].text, strlen(rows[i].text), out, sizeof out));
        cr_expect_str_eq(out, rows[i].clean);
    }
    memset(longest, 'x', sizeof longest);
    cr_assert(restriction_clean(longest, BAN_REASON_MAX - 1, out, sizeof out));
    cr_assert_eq(strlen(out), BAN_REASON_MAX - 1);
    cr_assert_not(restriction_clean(longest, BAN_REASON_MAX, out, sizeof out));
}

/* ---- the table ---- */

static struct segment seg;

static void begin(void) {
    unit_segment(&seg, 65536);
}

static void ban(const char *text, uint64_t until) {
    struct restriction_table *table = restriction_edit(seg.restrictions, clock_wall_ms());
    table->ban[table->bans++] = (struct ban){.network = network(text), .until_ms = until};
    restriction_publish(seg.restrictions);
}

static bool banned(const char *text) {
    struct in6_addr addr = address(text);
    struct restriction_look look = restriction_begin(seg.restrictions);
    return restriction_banned(look.table, &addr, clock_wall_ms()) != NULL;
}

Test(restriction, a_ban_holds_until_its_time, .init = begin) {
    uint64_t now = clock_wall_ms();
    ban("192.0.2.0/24", 0);
    ban("198.51.100.7", now + 3600000);
    ban("203.0.113.9", now - 1);
    cr_assert(banned("192.0.2.77"));
    cr_assert(banned("198.51.100.7"));
    cr_assert_not(banned("198.51.100.8"));
    cr_assert_not(banned("203.0.113.9"));
    struct restriction_table *next = restriction_edit(seg.restrictions, now);
    cr_assert_eq(next->bans, 2, "one that has ended is dropped at the next writing");
}

Test(restriction, nothing_is_seen_of_a_table_that_is_not_published, .init = begin) {
    ban("192.0.2.1", 0);
    struct restriction_table *next = restriction_edit(seg.restrictions, clock_wall_ms());
    next->bans = 0; /* and here its master dies */
    cr_assert(banned("192.0.2.1"));
    next = restriction_edit(seg.restrictions, clock_wall_ms());
    cr_assert_eq(next->bans, 1, "the next master begins with the table in effect");
}

Test(restriction, a_look_that_a_publication_overtook_is_repeated, .init = begin) {
    struct restriction_look look = restriction_begin(seg.restrictions);
    cr_assert_not(restriction_changed(seg.restrictions, &look));
    ban("192.0.2.1", 0);
    cr_assert(restriction_changed(seg.restrictions, &look));
}

static const struct mute *muted(uint64_t key, const char *addr, uint16_t port) {
    struct in6_addr a = address(addr);
    return restriction_muted(restriction_begin(seg.restrictions).table, key, &a, port,
                             clock_wall_ms());
}

static void mute(struct mute m) {
    struct restriction_table *table = restriction_edit(seg.restrictions, clock_wall_ms());
    table->mute[table->mutes++] = m;
    restriction_publish(seg.restrictions);
}

Test(restriction, a_mute_holds_for_a_name_and_for_an_address_that_was_nobody_elses, .init = begin) {
    mute((struct mute){.key = 7, .addr = address("192.0.2.1"), .by_address = 1});
    mute((struct mute){.key = 8, .addr = address("192.0.2.2")});
    mute((struct mute){.key = 9, .addr = address("2001:db8::1"), .by_address = 1});
    cr_assert(muted(7, "198.51.100.1", 1));
    cr_assert(muted(1, "192.0.2.1", 1), "under another name");
    cr_assert(muted(0, "192.0.2.1", 1), "before it has a name");
    cr_assert(muted(8, "198.51.100.1", 1));
    cr_assert_not(muted(1, "192.0.2.2", 1), "a neighbour");
    cr_assert(muted(1, "2001:db8::77", 1), "of one /64");
    cr_assert_not(muted(1, "2001:db8:0:1::1", 1));
}

Test(restriction, a_guests_mute_holds_for_its_address_and_port, .init = begin) {
    mute((struct mute){.addr = address("192.0.2.1"), .port = 4000});
    cr_assert(muted(0, "192.0.2.1", 4000));
    cr_assert_not(muted(0, "192.0.2.1", 4001));
    cr_assert_not(muted(0, "192.0.2.2", 4000));
}

Test(restriction, the_next_end_is_the_soonest_to_come, .init = begin) {
    uint64_t now = clock_wall_ms();
    cr_assert_eq(restriction_next_end(restriction_begin(seg.restrictions).table, now), 0);
    mute((struct mute){.key = 1});
    cr_assert_eq(restriction_next_end(restriction_begin(seg.restrictions).table, now), 0);
    mute((struct mute){.key = 2, .until_ms = now + 900000});
    mute((struct mute){.key = 3, .until_ms = now + 300000});
    cr_assert_eq(restriction_next_end(restriction_begin(seg.restrictions).table, now),
                 now + 300000);
    cr_assert_eq(restriction_next_end(restriction_begin(seg.restrictions).table, now + 300000),
                 now + 900000);
}

/* A writer that never stops, and a reader that must never see half of a table. */
static bool writes(struct segment *s, int tables) {
    for (int i = 1; i <= tables; i++) {
        struct restriction_table *table = restriction_edit(s->restrictions, 0);
        table->bans = BANS_MAX;
        for (uint32_t k = 0; k < BANS_MAX; k++)
            table->ban[k].until_ms = (uint64_t)i;
        restriction_publish(s->restrictions);
    }
    return true;
}

Test(restriction, a_reader_sees_one_table_or_another, .init = begin) {
    pid_t writer = unit_child(writes, &seg, 2000);
    uint64_t last = 0;
    while (last < 2000) {
        struct restriction_look look = restriction_begin(seg.restrictions);
        uint64_t first = look.table->ban[0].until_ms;
        bool same = true;
        for (uint32_t k = 1; k < look.table->bans && k < BANS_MAX; k++)
            same = same && look.table->ban[k].until_ms == first;
        if (restriction_changed(seg.restrictions, &look))
            continue;
        cr_assert(same);
        last = first;
    }
    cr_assert_eq(unit_join(writer), 0);
}
