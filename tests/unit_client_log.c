/* unit_client_log.c - the log's lines about connections: how many there are, and that what is not
 * written is counted and said, also after a death. */
#include "ipc/address.h"
#include "ipc/log.h"
#include "tests/unit_worker.h"
#include "worker/ledger/accept.h"
#include "worker/record/leave.h"
#include "worker/state/client_log.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static struct segment seg;
static struct worker worker;
static int log_fd;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    memset(seg.header->name_key, 7, sizeof seg.header->name_key); /* the same places in each run */
    char path[] = "/tmp/chatroom-unit-XXXXXX";
    log_fd = mkstemp(path);
    cr_assert_geq(log_fd, 0);
    unlink(path);
    fcntl(log_fd, F_SETFL, O_APPEND);
    log_to(log_fd, NULL);
}
TestSuite(client_log, .init = set_up);

/* How many lines of the log contain the text. */
static int lines(const char *text) {
    static char log[1 << 20];
    ssize_t n = pread(log_fd, log, sizeof log - 1, 0);
    int found = 0;
    cr_assert_geq(n, 0);
    log[n] = '\0';
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n"))
        found += strstr(line, text) != NULL;
    return found;
}

static struct in6_addr address(const char *text) {
    struct in6_addr addr;
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return address_mapped(&v4);
    cr_assert_eq(inet_pton(AF_INET6, text, &addr), 1, "%s", text);
    return addr;
}

static void connected(const char *from, int times) {
    struct in6_addr addr = address(from);
    for (int i = 0; i < times; i++)
        client_log(&worker, TALLY_CONNECTED, &addr, (uint16_t)(1000 + i), "connected");
}

/* As if the segment were so much older. */
static void later(uint32_t seconds) {
    seg.header->epoch_ms -= seconds * 1000ull;
}

/* ---- what is written ---- */

Test(client_log, a_few_lines_are_written_as_they_are) {
    connected("192.0.2.1", 1);
    cr_assert_eq(lines("client 192.0.2.1:1000 connected"), 1);
    connected("192.0.2.1", ORIGIN_LOGGED - 1);
    cr_assert_eq(lines(" connected"), ORIGIN_LOGGED);
    cr_assert_eq(client_log_timeout(&worker), -1, "nothing is counted");
}

/* A second may pass meanwhile, hence the range. */
Test(client_log, more_from_one_address_are_counted_and_said_once) {
    connected("192.0.2.1", 1000);
    int written = lines(":1");
    cr_assert_geq(written, ORIGIN_LOGGED);
    cr_assert_leq(written, 3 * ORIGIN_LOGGED);
    connected("192.0.2.2", 1);
    cr_assert_eq(lines("client 192.0.2.2:1000 connected"), 1, "another address");
    client_log_look(&worker);
    cr_assert_eq(lines(" more "), 0, "not yet");
    cr_assert_gt(client_log_timeout(&worker), 0);
    cr_assert_leq(client_log_timeout(&worker), TALLY_SECONDS * 1000);
    later(TALLY_SECONDS);
    cr_assert_eq(client_log_timeout(&worker), 0);
    client_log_look(&worker);
    char sum[128];
    snprintf(sum, sizeof sum, "client 192.0.2.1: %d more connected in 10 s",
             1000 - lines("client 192.0.2.1:1"));
    cr_assert_eq(lines(sum), 1, "%s", sum);
    cr_assert_eq(client_log_timeout(&worker), -1);
    later(TALLY_SECONDS);
    client_log_look(&worker);
    cr_assert_eq(lines(" more "), 1);
}

Test(client_log, each_kind_has_its_number) {
    struct in6_addr addr = address("2001:db8:1:2:3::4");
    for (int i = 0; i < 3; i++)
        client_log_count(&worker, TALLY_UNHEARD, &addr);
    client_log_count(&worker, TALLY_NAMED, &addr);
    addr = address("2001:db8:1:2:ffff::4"); /* of the same /64 */
    client_log_count(&worker, TALLY_DISCONNECTED, &addr);
    client_log_end(&worker);
    cr_assert_eq(lines("client 2001:db8:1:2::/64: 3 closed unheard (connect_rate), 1 more named, "
                       "1 more disconnected in 1 s"),
                 1);
}

/* Names and ends have an account of their own: each connection that is logged has its end logged.
 */
Test(client_log, connections_do_not_use_up_other_lines) {
    struct in6_addr addr = address("192.0.2.1");
    connected("192.0.2.1", 100);
    client_log(&worker, TALLY_DISCONNECTED, &addr, 1000, "disconnected");
    cr_assert_eq(lines("client 192.0.2.1:1000 disconnected"), 1);
}

/* ---- many addresses ---- */

Test(client_log, a_worker_writes_so_many_whatever_their_number) {
    char from[64];
    for (int i = 0; i < 5000; i++) {
        snprintf(from, sizeof from, "2001:db8:%x::1", i);
        connected(from, 1);
    }
    int written = lines(":1000 connected");
    cr_assert_geq(written, CLIENT_LOG_RATE);
    cr_assert_leq(written, 3 * CLIENT_LOG_RATE);
    client_log_end(&worker);
    cr_assert_eq(lines(" more "), TALLY_ROWS);
    char sum[128];
    snprintf(sum, sizeof sum, "clients of other addresses: %d more connected in ",
             5000 - written - (TALLY_ROWS - 1));
    cr_assert_eq(lines(sum), 1, "%s", sum);
}

Test(client_log, rows_are_free_again_once_they_are_said) {
    char from[64];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < TALLY_ROWS - 1; i++) {
            snprintf(from, sizeof from, "192.0.%d.%d", round, i);
            struct in6_addr addr = address(from);
            client_log_count(&worker, TALLY_NAMED, &addr);
        }
        client_log_end(&worker);
    }
    cr_assert_eq(lines("1 more named"), 3 * (TALLY_ROWS - 1));
    cr_assert_eq(lines("other addresses"), 0);
}

/* ---- a death ---- */

Test(client_log, a_successor_says_what_the_dead_worker_counted) {
    static struct worker successor;
    struct in6_addr addr = address("192.0.2.1");
    client_log_count(&worker, TALLY_UNHEARD, &addr);
    unit_worker(&successor, &seg);
    client_log_count(&successor, TALLY_UNHEARD, &addr);
    cr_assert_leq(client_log_timeout(&successor), TALLY_SECONDS * 1000);
    later(TALLY_SECONDS);
    client_log_look(&successor);
    cr_assert_eq(lines("client 192.0.2.1: 2 closed unheard (connect_rate) in 10 s"), 1);
}

/* The time is stored first, then the row is taken, then the count is raised. */
Test(client_log, a_death_before_the_count_leaves_nothing_stuck) {
    struct tally *tally = &worker.slot->tally;
    atomic_store(&tally->since_us, segment_us(&seg) | 1);
    later(TALLY_SECONDS);
    client_log_look(&worker);
    cr_assert_eq(client_log_timeout(&worker), -1);
    tally->row[1].addr = address("192.0.2.9");
    atomic_store(&tally->row[1].used, 1);
    connected("192.0.2.1", 100);
    client_log_end(&worker);
    cr_assert_eq(lines(" more connected"), 1);
    cr_assert_eq(lines("192.0.2.9"), 0);
    cr_assert_eq(atomic_load(&tally->row[1].used), 0);
}

/* ---- who writes such lines ---- */

Test(client_log, names_and_ends_are_bounded) {
    enum { PEOPLE = 20, NAMES = 10 };
    struct client *c[PEOPLE];
    int peer[PEOPLE];
    char line[64];
    for (int i = 0; i < PEOPLE; i++) {
        snprintf(line, sizeof line, "p%d", i);
        c[i] = unit_named(&worker, line, &peer[i]);
    }
    for (int k = 0; k < NAMES; k++) {
        for (int i = 0; i < PEOPLE; i++) {
            snprintf(line, sizeof line, "/nick p%dx%d\r\n", i, k);
            unit_type(&worker, c[i], peer[i], line);
            unit_turn(&worker);
        }
    }
    for (int i = 0; i < PEOPLE; i++)
        leave_begin(&worker, c[i], "a reason");
    int written = lines(" is p"), ends = lines(" disconnected: a reason");
    cr_assert_geq(written, ORIGIN_LOGGED_OTHERS);
    cr_assert_lt(written + ends, PEOPLE * NAMES);
    client_log_end(&worker);
    snprintf(line, sizeof line, "%d more named", PEOPLE * NAMES - written);
    cr_assert_eq(lines(line), 1, "%s", line);
    if (ends < PEOPLE) {
        snprintf(line, sizeof line, "%d more disconnected", PEOPLE - ends);
        cr_assert_eq(lines(line), 1, "%s", line);
    }
}
