/* unit_listeners.c - which addresses are open: what a new configuration opens, closes and keeps,
 * and what a successor does with a change that a dead master left half done.  Loopback addresses,
 * ports picked by the kernel. */
#include "ipc/address.h"
#include "master/listeners.h"
#include "tests/unit_segment.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

enum { ADDRESSES = 3, WORKERS = 4 };

static struct segment seg;
static struct config configured; /* the last that was tried */
static char err[512];

static void set_up(void) {
    unit_segment(&seg, 65536);
    seg.header->master.addresses = ADDRESSES;
}
TestSuite(listeners, .init = set_up, .timeout = 180);

/* Each change of listeners raises listeners_moves to a new even number; it is odd during the
 * change, and workers wait until it is even. */
static void changed(void) {
    static uint32_t before;
    uint32_t moves = atomic_load(&seg.header->listeners_moves);
    cr_assert_eq(moves % 2, 0);
    cr_assert_gt(moves, before);
    before = moves;
}

static void add(struct config *config, const char *address, uint16_t port) {
    struct listen_address *a = &config->listen[config->listen_count++];
    struct in_addr v4;
    *a = (struct listen_address){.port = port, .ipv4 = true};
    cr_assert_eq(inet_pton(AF_INET, address, &v4), 1);
    a->addr = address_mapped(&v4);
}

static void configure(const struct config *config) {
    configured = *config;
    cr_assert(listeners_configure(&seg, config, err, sizeof err), "%s", err);
    changed();
}

/* Configures a single address. */
static void configure_one(const char *address, uint16_t port) {
    struct config config = {0};
    add(&config, address, port);
    configure(&config);
}

static uint32_t state_of(int i) {
    return atomic_load(&seg.header->listeners[i].state);
}
static uint16_t port_of(int i) {
    return seg.header->listeners[i].bound.port;
}
static bool is_open(int fd) {
    return fd >= 0 && fcntl(fd, F_GETFD) >= 0;
}
static bool listens(int i, uint32_t slot) {
    int value = 0;
    socklen_t len = sizeof value;
    cr_assert_eq(
        getsockopt(seg.header->listeners[i].fd[slot], SOL_SOCKET, SO_ACCEPTCONN, &value, &len), 0);
    return value;
}

static void formatted(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void formatted(const char *fmt, ...) {
    char text[LISTENERS_TEXT], want[LISTENERS_TEXT];
    va_list args;
    va_start(args, fmt);
    vsnprintf(want, sizeof want, fmt, args);
    va_end(args);
    cr_assert_str_eq(listeners_format(&seg, &configured, KIND_TELNET, text), want);
}

Test(listeners, addresses_are_opened_and_closed) {
    struct config config = {0};
    add(&config, "127.0.0.1", 0);
    add(&config, "127.0.0.2", 0);
    configure(&config);
    formatted("127.0.0.1:%u, 127.0.0.2:%u", port_of(0), port_of(1));
    config.listen_count = 1;
    add(&config, "127.0.0.3", 0);
    configure(&config);
    formatted("127.0.0.1:%u, 127.0.0.3:%u", port_of(0), port_of(2));
    cr_assert_eq(state_of(1), LISTENER_DRAINING);
    int fd = seg.header->listeners[1].fd[0];
    cr_assert(is_open(fd), "what waits in its queue is served first");
    listeners_close_drained(&seg);
    changed();
    cr_assert_eq(state_of(1), LISTENER_UNUSED);
    cr_assert(!is_open(fd));
    cr_assert_eq(seg.header->listeners[1].fd[0], -1);
    formatted("127.0.0.1:%u, 127.0.0.3:%u", port_of(0), port_of(2));
}

Test(listeners, port_0_keeps_the_port_that_the_kernel_picked) {
    configure_one("127.0.0.1", 0);
    int fd = seg.header->listeners[0].fd[0];
    uint16_t port = port_of(0);
    configure_one("127.0.0.1", port);
    configure_one("127.0.0.1", 0);
    cr_assert_eq(state_of(0), LISTENER_SERVING);
    cr_assert_eq(state_of(1), LISTENER_UNUSED);
    cr_assert_eq(seg.header->listeners[0].fd[0], fd);
}

Test(listeners, an_address_configured_again_while_draining_stays) {
    struct config both = {0};
    add(&both, "127.0.0.1", 0);
    add(&both, "127.0.0.2", 0);
    configure(&both);
    configure_one("127.0.0.1", 0);
    cr_assert_eq(state_of(1), LISTENER_DRAINING);
    configure(&both);
    cr_assert_eq(state_of(1), LISTENER_SERVING);
    listeners_close_drained(&seg);
    changed();
    cr_assert(is_open(seg.header->listeners[1].fd[0]));
}

/* The narrower listener's queue may have connections; the wider listener accepts new ones. */
Test(listeners, an_address_that_a_wider_one_covers_stays) {
    configure_one("127.0.0.1", 0);
    cr_assert(listeners_assign(&seg, WORKERS)); /* another program could not bind next to it */
    configure_one("0.0.0.0", port_of(0));
    cr_assert_eq(state_of(0), LISTENER_SERVING);
    cr_assert_eq(state_of(1), LISTENER_SERVING);
    cr_assert_eq(port_of(1), port_of(0));
    configure_one("127.0.0.1", port_of(0));
    cr_assert_eq(state_of(0), LISTENER_SERVING);
    cr_assert_eq(state_of(1), LISTENER_DRAINING);
}

Test(listeners, an_address_that_cannot_be_bound_changes_nothing) {
    struct config config = {0};
    configure_one("127.0.0.1", 0);
    add(&config, "127.0.0.2", 0);
    add(&config, "192.0.2.1", 0); /* RFC 5737: no address of this machine */
    cr_assert(!listeners_configure(&seg, &config, err, sizeof err));
    changed();
    cr_assert_str_eq(err, "listen 192.0.2.1:0: Cannot assign requested address");
    formatted("127.0.0.1:%u", port_of(0));
    for (int i = 1; i < LISTENERS_MAX; i++) {
        cr_assert_eq(state_of(i), LISTENER_UNUSED);
        cr_assert_eq(seg.header->listeners[i].fd[0], -1);
    }
}

Test(listeners, no_more_than_there_are_descriptors_for) {
    struct config config = {0};
    for (int i = 0; i <= ADDRESSES; i++)
        add(&config, "127.0.0.1", 0);
    for (int i = 0; i <= ADDRESSES; i++)
        config.listen[i].addr.s6_addr[15] = (uint8_t)(i + 1);
    cr_assert(!listeners_configure(&seg, &config, err, sizeof err));
    changed();
    cr_assert_str_eq(err, "listen: no descriptors for more than 3 addresses at a time");
    formatted("%s", "");
    config.listen_count = ADDRESSES;
    configure(&config);
    configure_one("127.0.0.1", 0);
    listeners_close_drained(&seg);
    changed();
    config.listen_count = 2;
    configure(&config);
}

Test(listeners, a_successor_closes_what_is_half_open) {
    struct listener *opening = &seg.header->listeners[1], *closing = &seg.header->listeners[2];
    configure_one("127.0.0.1", 0);
    *opening = seg.header->listeners[0]; /* bound for the first slots, and not marked as serving */
    atomic_store(&opening->state, LISTENER_UNUSED);
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++)
        opening->fd[slot] = slot < 5 ? dup(seg.header->listeners[0].fd[slot]) : -1;
    int opened = opening->fd[4];
    *closing = *opening; /* and one that was closed for the first slots */
    atomic_store(&closing->state, LISTENER_DRAINING);
    for (uint32_t slot = 0; slot < WORKERS_MAX; slot++)
        closing->fd[slot] = slot == 7 ? dup(seg.header->listeners[0].fd[slot]) : -1;
    int left = closing->fd[7];
    atomic_store(&seg.header->listeners_moves, 5);
    listeners_repair(&seg);
    changed();
    cr_assert(!is_open(opened) && !is_open(left));
    cr_assert_eq(opening->fd[4], -1);
    cr_assert_eq(state_of(2), LISTENER_UNUSED);
    cr_assert(is_open(seg.header->listeners[0].fd[0]));
    formatted("127.0.0.1:%u", port_of(0));
}

/* Draining, and not being closed yet: the new master closes it when it is time. */
Test(listeners, a_successor_leaves_what_is_draining) {
    configure_one("127.0.0.1", 0);
    configure_one("127.0.0.2", 0);
    listeners_repair(&seg);
    changed();
    cr_assert_eq(state_of(0), LISTENER_DRAINING);
    cr_assert(is_open(seg.header->listeners[0].fd[0]));
}

Test(listeners, every_socket_is_polled_by_a_slot_that_serves) {
    const struct segment_header *h = seg.header;
    configure_one("127.0.0.1", 0);
    cr_assert(listeners_assign(&seg, WORKERS));
    cr_assert_eq(atomic_load(&h->workers), WORKERS);
    for (uint32_t k = 0; k < WORKERS_MAX; k++) {
        cr_assert_eq(listens(0, k), k < WORKERS);
        cr_assert_lt(atomic_load(&h->polled_by[k]), WORKERS);
        cr_assert(k >= WORKERS || atomic_load(&h->polled_by[k]) == k);
    }
    cr_assert(listeners_assign(&seg, 1));
    cr_assert_eq(atomic_load(&h->workers), 1);
    cr_assert_eq(atomic_load(&h->slots_used), WORKERS, "those have sockets that listen");
    for (uint32_t k = 0; k < WORKERS_MAX; k++)
        cr_assert_eq(atomic_load(&h->polled_by[k]), 0);
}

Test(listeners, a_listen_error_is_reported) {
    configure_one("127.0.0.1", 0);
    int32_t *fd = &seg.header->listeners[0].fd[1];
    close(*fd);
    *fd = open("/dev/null", O_RDWR);
    cr_assert(!listeners_assign(&seg, WORKERS));
    cr_assert_eq(errno, ENOTSOCK);
    cr_assert(listens(0, 0) && listens(0, 2), "the others do");
}
