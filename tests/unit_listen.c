/* unit_listen.c - listening sockets: what accepted sockets inherit, ports that the kernel picks,
 * ports in use by another program.  Loopback addresses, ports picked by the kernel. */
#include "ipc/address.h"
#include "master/listen.h"
#include "tests/lib/skip.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(listen, .timeout = 180);

static struct listen_address address(const char *text, uint16_t port) {
    struct listen_address a = {.port = port, .ipv4 = !strchr(text, ':')};
    if (a.ipv4) {
        a.addr.s6_addr[10] = a.addr.s6_addr[11] = 0xff;
        inet_pton(AF_INET, text, &a.addr.s6_addr[12]);
    } else {
        inet_pton(AF_INET6, text, &a.addr);
    }
    return a;
}

static int connect_to(const char *text, uint16_t port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, text, &to.sin_addr);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static int option(int fd, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void open_well(struct listener *l, struct listen_address a) {
    char err[256] = "";
    cr_assert(listen_open(l, &a, false, err, sizeof err), "%s", err);
}

Test(listen, addresses_are_written_as_in_the_configuration) {
    static const struct {
        const char *address, *want;
    } cases[] = {{"::", "[::]:6666"}, {"::1", "[::1]:6666"}, {"127.0.0.1", "127.0.0.1:6666"}};
    char text[ENDPOINT_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct listen_address a = address(cases[i].address, 6666);
        cr_assert_str_eq(endpoint_format(&a.addr, a.port, text), cases[i].want);
    }
}

Test(listen, same_means_family_address_and_port) {
    struct listen_address a = address("127.0.0.1", 1), same = a, port = address("127.0.0.1", 2),
                          other = address("127.0.0.2", 1), v6 = address("::1", 1);
    cr_assert(listen_same(&a, &same));
    cr_assert(!listen_same(&a, &port));
    cr_assert(!listen_same(&a, &other));
    cr_assert(!listen_same(&a, &v6));
}

Test(listen, all_slots_share_the_port_that_was_picked) {
    static struct listener l;
    open_well(&l, address("127.0.0.1", 0));
    cr_assert_eq(l.configured.port, 0);
    cr_assert_neq(l.bound.port, 0);
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++) {
        struct sockaddr_in bound;
        socklen_t len = sizeof bound;
        cr_assert_eq(getsockname(l.fd[slot], (struct sockaddr *)&bound, &len), 0);
        cr_assert_eq(ntohs(bound.sin_port), l.bound.port);
        cr_assert_eq(fcntl(l.fd[slot], F_GETFD) & FD_CLOEXEC, 0, "an upgrade needs it");
        cr_assert(fcntl(l.fd[slot], F_GETFL) & O_NONBLOCK);
    }
    listen_close(&l);
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++)
        cr_assert_eq(l.fd[slot], -1);
}

Test(listen, only_a_slot_that_was_started_receives) {
    static struct listener l;
    open_well(&l, address("127.0.0.1", 0));
    cr_assert_eq(connect_to("127.0.0.1", l.bound.port), -1, "no slot listens yet");
    cr_assert(listen_start(&l, 3));
    cr_assert(listen_start(&l, 3), "once more is nothing");
    for (int i = 0; i < 8; i++) {
        int client = connect_to("127.0.0.1", l.bound.port);
        cr_assert_geq(client, 0);
        int accepted = accept(l.fd[3], NULL, NULL);
        cr_assert_geq(accepted, 0, "each is slot 3's");
        close(client);
        close(accepted);
    }
    listen_close(&l);
}

Test(listen, an_accepted_socket_inherits_what_the_listener_has) {
    static struct listener l;
    open_well(&l, address("127.0.0.1", 0));
    cr_assert(listen_start(&l, 5));
    int client = connect_to("127.0.0.1", l.bound.port), accepted = accept(l.fd[5], NULL, NULL);
    cr_assert_geq(accepted, 0);
    cr_assert_eq(option(accepted, SOL_SOCKET, SO_OOBINLINE), 1);
    cr_assert_eq(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_assert_eq(option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
    cr_assert_eq(option(accepted, IPPROTO_TCP, TCP_KEEPIDLE), SLOT_TAG + 5);
    close(client);
    close(accepted);
    listen_close(&l);
}

Test(listen, a_port_in_use_is_refused_with_its_address) {
    static struct listener first, second;
    static const char *const overlapping[] = {"127.0.0.1", "0.0.0.0"};
    open_well(&first, address("127.0.0.1", 0));
    cr_assert(listen_start(&first, 0));
    for (int i = 0; i < 2; i++) {
        char err[256], text[ENDPOINT_TEXT], want[256];
        struct listen_address a = address(overlapping[i], first.bound.port);
        cr_assert(!listen_open(&second, &a, false, err, sizeof err));
        snprintf(want, sizeof want, "listen %s: Address already in use",
                 endpoint_format(&a.addr, a.port, text));
        cr_assert_str_eq(err, want);
        cr_assert_eq(second.fd[0], -1);
    }
    listen_close(&first);
}

Test(listen, the_any_address_serves_both_families) {
    static struct listener l;
    char err[256];
    struct listen_address any = address("::", 0);
    if (!listen_open(&l, &any, false, err, sizeof err))
        skip_test("no IPv6 here: %s", err);
    cr_assert(listen_start(&l, 0));
    int client = connect_to("127.0.0.1", l.bound.port);
    cr_assert_geq(client, 0);
    close(client);
    listen_close(&l);
}

Test(listen, an_address_of_another_machine_is_refused) {
    static struct listener l;
    char err[256];
    struct listen_address elsewhere = address("192.0.2.1", 0); /* RFC 5737 */
    cr_assert(!listen_open(&l, &elsewhere, false, err, sizeof err));
    cr_assert_str_eq(err, "listen 192.0.2.1:0: Cannot assign requested address");
}
