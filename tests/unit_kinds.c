/* unit_kinds.c - addresses of several kinds: which lines of the configuration make them, when one
 * listener stands for another, and how a socket says from which it came. */
#include "ipc/address.h"
#include "master/config.h"
#include "master/listen.h"
#include "master/listeners.h"
#include "tests/unit_segment.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

TestSuite(kinds, .timeout = 180);

static struct config config;
static struct config_errors errors;

static int parse(const char *text) {
    char path[32];
    int fd = memfd_create("chatroom.conf", 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    sprintf(path, "/proc/self/fd/%d", fd);
    int result = config_parse(path, &config, &errors);
    close(fd);
    return result;
}

static void address_is(uint32_t i, const char *endpoint, enum client_kind kind) {
    char text[ENDPOINT_TEXT];
    const struct listen_address *a = &config.listen[i];
    cr_assert_lt(i, config.listen_count);
    cr_expect_str_eq(endpoint_format(&a->addr, a->port, text), endpoint);
    cr_expect_eq(a->kind, kind);
}

Test(kinds, metrics_is_one_more_address) {
    cr_assert_eq(parse("metrics = 127.0.0.1:9100\n"), 0, "%s", errors.text[0]);
    cr_assert_eq(config.listen_count, 2, "the default of listen is there, too");
    address_is(0, "127.0.0.1:9100", KIND_METRICS);
    address_is(1, "[::]:6666", KIND_TELNET);
    cr_assert_eq(parse("listen = *:1\nmetrics = [::1]:2\nlisten = 127.0.0.1:3\n"), 0);
    cr_assert_eq(config.listen_count, 3);
    address_is(0, "[::]:1", KIND_TELNET);
    address_is(1, "[::1]:2", KIND_METRICS);
    address_is(2, "127.0.0.1:3", KIND_TELNET);
    cr_assert_eq(parse("metrics =\n"), 0);
    cr_assert_eq(config.listen_count, 1);
    address_is(0, "[::]:6666", KIND_TELNET);
    cr_assert_eq(parse("listen = 127.0.0.1:0\nmetrics = 127.0.0.1:0\n"), 0, "two ports");
}

static void bad(const char *text, unsigned line, const char *reason) {
    cr_assert_eq(parse(text), -1, "accepted: %s", text);
    cr_assert_eq(errors.count, 1, "%s: %u errors", text, errors.count);
    char want[32];
    snprintf(want, sizeof want, ":%u: ", line);
    char *at = strstr(errors.text[0], want);
    cr_assert(at, "%s: %s", text, errors.text[0]);
    cr_expect_str_eq(at + strlen(want), reason);
}

Test(kinds, a_port_has_one_kind) {
    bad("listen = [::]:7\nmetrics = 127.0.0.1:7\n", 2,
        "metrics: port 7 is that of listen (line 1)");
    bad("metrics = 127.0.0.1:7\nroom = x\nlisten = 127.0.0.2:7\n", 1,
        "metrics: port 7 is that of listen (line 3)");
    bad("\nmetrics = 127.0.0.1:6666\n", 2, "metrics: port 6666 is that of listen (its default)");
    bad("metrics = 127.0.0.1:7\nmetrics = 127.0.0.1:8\n", 2,
        "metrics: given twice; first in line 1");
    bad("metrics = nowhere\n", 1,
        "metrics: \"nowhere\" is not address:port (such as [::]:6666, 127.0.0.1:6666, *:6666); a "
        "name is not looked up: give its address, as in 127.0.0.1:6666 or [::1]:6666");
    bad("metrics = 7\n", 1,
        "metrics: \"7\" is not address:port (such as [::]:6666, 127.0.0.1:6666, *:6666)");
}

Test(kinds, so_many_addresses_of_all_kinds) {
    char text[1024] = "metrics = 127.0.0.1:99\n";
    for (int i = 1; i < LISTEN_MAX; i++)
        sprintf(text + strlen(text), "listen = 127.0.0.1:%d\n", i);
    cr_assert_eq(parse(text), 0, "%s", errors.text[0]);
    sprintf(text + strlen(text), "listen = 127.0.0.1:88\n");
    bad(text, LISTEN_MAX + 1, "listen: more than 16 addresses");
}

static struct listen_address address(const char *text, uint16_t port, enum client_kind kind) {
    struct listen_address a = {.port = port, .kind = (uint8_t)kind};
    struct in_addr v4;
    a.ipv4 = inet_pton(AF_INET, text, &v4) == 1;
    if (a.ipv4)
        a.addr = address_mapped(&v4);
    else
        cr_assert_eq(inet_pton(AF_INET6, text, &a.addr), 1);
    return a;
}

Test(kinds, one_listener_stands_for_another_of_its_kind) {
    struct listen_address any = address("::", 1, KIND_TELNET), one = address("127.0.0.1", 1, 0),
                          metrics = address("127.0.0.1", 1, KIND_METRICS),
                          other = address("127.0.0.2", 1, KIND_METRICS);
    cr_assert(listen_covers(&any, &one));
    cr_assert(!listen_covers(&any, &metrics));
    cr_assert(!listen_same(&one, &metrics));
    cr_assert(listen_receives(&any, &metrics) && listen_receives(&one, &metrics));
    cr_assert(!listen_receives(&other, &metrics));
}

static int option(int fd, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, name, &value, &len), 0);
    return value;
}

/* And the promise about vanished networks holds for each. */
Test(kinds, an_accepted_socket_says_its_kind) {
    for (int kind = KIND_TELNET; kind <= KIND_WEB; kind++) {
        static struct listener l;
        char err[256];
        struct listen_address a = address("127.0.0.1", 0, (enum client_kind)kind);
        cr_assert(listen_open(&l, &a, false, err, sizeof err), "%s", err);
        cr_assert(listen_start(&l, 63));
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(l.bound.port)};
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int client = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_eq(connect(client, (struct sockaddr *)&to, sizeof to), 0);
        int accepted = accept(l.fd[63], NULL, NULL), between = option(accepted, TCP_KEEPINTVL);
        cr_assert_eq(between, KIND_TAG - kind);
        int longest = option(accepted, TCP_KEEPIDLE) + option(accepted, TCP_KEEPCNT) * between;
        cr_assert_leq(longest * 21 / 20, 180, "gone within 3 minutes");
        close(client);
        close(accepted);
        listen_close(&l);
    }
}

static struct segment seg;

static uint32_t state_of(int i) {
    return atomic_load(&seg.header->listeners[i].state);
}

static void configure(const char *text) {
    char err[256];
    cr_assert_eq(parse(text), 0, "%s", errors.text[0]);
    cr_assert(listeners_configure(&seg, &config, err, sizeof err), "%s", err);
}

static void named(enum client_kind kind, const char *want) {
    char text[LISTENERS_TEXT];
    cr_assert_str_eq(listeners_format(&seg, &config, kind, text), want);
}

Test(kinds, a_reload_adds_moves_and_removes_each) {
    char text[256], endpoint[64];
    unit_segment(&seg, 65536);
    seg.header->master.addresses = LISTENERS_MAX;
    configure("listen = 127.0.0.1:0\n");
    named(KIND_METRICS, "");
    configure("listen = 127.0.0.1:0\nmetrics = 127.0.0.1:0\n");
    uint16_t port = seg.header->listeners[1].bound.port;
    cr_assert_neq(port, seg.header->listeners[0].bound.port);
    sprintf(endpoint, "127.0.0.1:%u", port);
    named(KIND_METRICS, endpoint);
    /* The same place as the other kind: a listener of its own, beside the one that is drained. */
    sprintf(text, "listen = 127.0.0.1:0\nlisten = 127.0.0.1:%u\n", port);
    configure(text);
    named(KIND_METRICS, "");
    cr_assert_eq(state_of(1), LISTENER_DRAINING);
    cr_assert_eq(state_of(2), LISTENER_SERVING);
    cr_assert_eq(seg.header->listeners[2].bound.kind, KIND_TELNET);
    configure("listen = 127.0.0.1:0\n");
    cr_assert_eq(state_of(2), LISTENER_DRAINING);
    listeners_close_drained(&seg);
    cr_assert_eq(state_of(0), LISTENER_SERVING);
}
