/* unit_store_return.c - a start with what a descriptor store has kept: every descriptor to its
 * place, whatever number it comes back as.  Each start is a child process, whose descriptors are
 * arranged as a service manager does. */
#include "ipc/address.h"
#include "ipc/layout.h"
#include "ipc/system.h"
#include "master/listeners.h"
#include "master/store_return.h"
#include "tests/unit_worker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { HANDED_MAX = 64, HIGH = 200 };

static struct segment seg;
static struct worker worker;
static struct {
    int fd[HANDED_MAX];
    char names[8 * HANDED_MAX];
    int count;
} handed;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    seg.header->master.addresses = 4;
    memset(&handed, 0, sizeof handed);
}
TestSuite(store_return, .init = set_up, .timeout = 180);

static void hand(int fd, const char *name) {
    size_t len = strlen(handed.names);
    snprintf(handed.names + len, sizeof handed.names - len, "%s%s", len ? ":" : "", name);
    handed.fd[handed.count++] = fd;
}

/* Gives this process, a child, what was handed as numbers 3 and up, and nothing else. */
static void arrange(void) {
    char number[16];
    for (int i = 0; i < handed.count; i++)
        handed.fd[i] = fcntl(handed.fd[i], F_DUPFD, HIGH);
    for (int i = 0; i < handed.count; i++)
        dup2(handed.fd[i], 3 + i);
    system_close_from(3 + (unsigned)handed.count);
    snprintf(number, sizeof number, "%d", handed.count);
    setenv("LISTEN_FDS", number, 1);
    snprintf(number, sizeof number, "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
    setenv("LISTEN_FDNAMES", handed.names, 1);
}

/* In the child: fails the test by its exit status. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not %s\n", __FILE__, __LINE__, #condition);                    \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static struct segment back; /* the child's */

static bool take(void) {
    static struct store_returned got;
    char err[256] = "";
    bool taken = store_returned(&got) && store_take(&got, &back, err, sizeof err);
    if (!taken)
        fprintf(stderr, "%s\n", err);
    return taken;
}

/* Runs body in a child that was given what was handed. */
static void life(void (*body)(void)) {
    pid_t pid = unit_fork();
    if (pid == 0) {
        arrange();
        body();
        _exit(0);
    }
    cr_assert_eq(unit_join(pid), 0);
}

static uint64_t cookie_of(int fd) {
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

static enum client_state state_of(uint32_t fd) {
    return client_state(client_word(&back.clients.at[fd]));
}

static int open_descriptors(void) {
    int n = 0;
    for (int fd = 3; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* ---- what is handed over ---- */

static void nothing_for_this_process(void) {
    static struct store_returned got;
    setenv("LISTEN_PID", "1", 1);
    CHECK(!store_returned(&got));
    CHECK(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL);
    CHECK(getenv("LISTEN_FDNAMES") == NULL);
    CHECK(fcntl(3, F_GETFD) >= 0); /* whatever it is */
}
Test(store_return, what_is_meant_for_another_process_is_left_alone) {
    hand(seg.fd, "s1");
    life(nothing_for_this_process);
}

static void no_segment(void) {
    CHECK(!take());
    CHECK(open_descriptors() == 0);
}
/* A connection that nobody serves must not stay open in the store. */
Test(store_return, without_a_segment_connections_end) {
    int peer;
    char byte;
    struct client *c = unit_client(&worker, &peer);
    hand((int)client_index(&worker, c), "c");
    life(no_segment);
    cr_assert_eq(recv(peer, &byte, 1, MSG_DONTWAIT), 0);
}

static void nothing_of_ours(void) {
    static struct store_returned got;
    CHECK(!store_returned(&got));
    CHECK(open_descriptors() == 0);
}
Test(store_return, names_of_others_are_of_no_use) {
    hand(seg.fd, "web.socket");
    hand(seg.fd, "s");
    hand(seg.fd, "stored");
    life(nothing_of_ours);
}

/* ---- places ---- */

enum { PEOPLE = 12 };
static uint32_t number[PEOPLE];
static int mine[PEOPLE]; /* the server's ends */
static int people;

static void people_say_their_number(void) {
    CHECK(take());
    for (int i = 0; i < people; i++) {
        char text[16];
        snprintf(text, sizeof text, "%u", number[i]);
        CHECK(cookie_of((int)number[i]) == atomic_load(&back.clients.at[number[i]].cookie));
        CHECK(write((int)number[i], text, strlen(text)) == (ssize_t)strlen(text));
    }
    CHECK(open_descriptors() == handed.count);
    CHECK(cookie_of(back.fd) == 0 && fcntl(back.fd, F_GETFD) >= 0);
}

/* In a limit of as many descriptors as are handed over, and one. */
static void people_in_a_tight_limit(void) {
    struct rlimit limit = {(rlim_t)handed.count + 4, (rlim_t)handed.count + 4};
    CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    people_say_their_number();
}

/* Clients with the numbers from `first` on. */
static void enter(int count, int first, int peer[]) {
    for (people = 0; people < count; people++) {
        struct facts facts = unit_facts(&worker, FACT_IN_ROOM);
        int pair[2], at = first + people;
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        peer[people] = fcntl(pair[1], F_DUPFD, HIGH);
        mine[people] = fcntl(pair[0], F_DUPFD, HIGH);
        struct client *c = worker_client(&worker, (uint32_t)at);
        cr_assert_neq(client_claim(c, client_word(c), 0, cookie_of(mine[people])), 0);
        client_open(c, 0, cookie_of(mine[people]), &facts, &in6addr_loopback, 1);
        number[people] = (uint32_t)at;
        close(pair[0]);
        close(pair[1]);
    }
}

static void hears(const int peer[]) {
    for (int i = 0; i < people; i++) {
        char text[16];
        snprintf(text, sizeof text, "%u", number[i]);
        unit_hears(peer[i], text);
    }
}

/* Records are indexed by descriptor, and the manager hands out 3 to n. */
Test(store_return, hole_7_each_socket_comes_to_its_number) {
    int peer[PEOPLE];
    enter(PEOPLE, 20, peer);
    for (int i = 0; i < PEOPLE; i++)
        hand(mine[i], "c");
    hand(seg.fd, "s1");
    life(people_say_their_number);
    hears(peer);
}

/* Each item lies where another belongs: reversed, and turned round by one. */
Test(store_return, hole_7_numbers_in_cycles) {
    int peer[PEOPLE];
    enter(PEOPLE, 3, peer);
    for (int i = PEOPLE; i-- > 0;)
        hand(mine[i], "c");
    hand(seg.fd, "s1");
    life(people_say_their_number);
    hears(peer);
    memset(&handed, 0, sizeof handed);
    hand(seg.fd, "s1");
    for (int i = 0; i < PEOPLE; i++)
        hand(mine[(i + 5) % PEOPLE], "c");
    life(people_say_their_number);
    hears(peer);
}

Test(store_return, hole_7_a_table_with_room_for_one_more) {
    int peer[PEOPLE];
    enter(PEOPLE, 4, peer);
    if (geteuid() != 0)
        return;
    for (int i = 0; i < PEOPLE; i++)
        hand(mine[(i + 1) % PEOPLE], "c");
    hand(seg.fd, "s1");
    life(people_in_a_tight_limit);
    hears(peer);
}

/* A takeover was cut: two records name one socket. */
static void two_numbers(void) {
    CHECK(take());
    CHECK(cookie_of((int)number[0]) == cookie_of((int)number[1]));
    CHECK(cookie_of((int)number[0]) == atomic_load(&back.clients.at[number[0]].cookie));
}
Test(store_return, a_socket_that_two_records_name_has_two_numbers) {
    int peer[PEOPLE];
    enter(2, 5, peer);
    atomic_store(&seg.clients.at[6].cookie, cookie_of(mine[0]));
    hand(seg.fd, "s1");
    hand(mine[0], "c");
    life(two_numbers);
}

/* ---- what did not come back ---- */

static void held(void) {
    CHECK(take());
    for (int i = 0; i < people; i++) {
        struct tcp_info info = {0};
        socklen_t len = sizeof info;
        int fd = (int)number[i];
        uint64_t cookie = atomic_load(&back.clients.at[fd].cookie);
        CHECK(state_of(number[i]) == CLIENT_LIVE);
        CHECK(cookie != 0 && cookie == cookie_of(fd));
        CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
        CHECK(info.tcpi_state == TCP_CLOSE);
    }
    CHECK(dup(back.fd) > (int)number[people - 1]); /* none of these numbers is free */
}
/* The segment itself comes back under a number of a client's. */
Test(store_return, the_number_of_a_client_that_did_not_come_back_is_no_other_connections) {
    int peer[PEOPLE];
    enter(PEOPLE, 3, peer);
    hand(seg.fd, "s1");
    life(held);
}

static void free_numbers(void) {
    CHECK(take());
    CHECK(open_descriptors() == 1);
}
Test(store_return, numbers_of_records_that_are_free_stay_free) {
    int peer[PEOPLE];
    enter(PEOPLE, 3, peer);
    for (int i = 0; i < PEOPLE; i++)
        atomic_store(&seg.clients.at[number[i]].state_word, client_state_word(1, CLIENT_FREE));
    hand(seg.fd, "s1");
    life(free_numbers);
}

static void one_client(void) {
    CHECK(take());
    CHECK(open_descriptors() == 2);
}
Test(store_return, hole_6_what_matches_nothing_is_shut_down_both_ways) {
    int peer[PEOPLE], stranger[2], other[2];
    char byte;
    enter(1, 9, peer);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, stranger), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
    hand(stranger[0], "c");
    hand(mine[0], "c");
    hand(other[0], "web.socket");
    hand(seg.fd, "s1");
    hand(stranger[0], "c"); /* the same once more */
    life(one_client);
    cr_assert_eq(recv(stranger[1], &byte, 1, MSG_DONTWAIT), 0,
                 "its end is seen, though the store "
                 "has a copy");
    cr_assert_eq(recv(other[1], &byte, 1, MSG_DONTWAIT), -1, "not ours to end");
    cr_assert_eq(recv(peer[0], &byte, 1, MSG_DONTWAIT), -1);
}

/* ---- listeners ---- */

static void listeners_are_back(void) {
    CHECK(take());
    const struct listener *l = &back.header->listeners[0], *draining = &back.header->listeners[1];
    for (uint32_t k = 0; k < WORKERS_MAX; k++) {
        int on = 0;
        socklen_t len = sizeof on;
        CHECK(draining->fd[k] == -1);
        if (k == 1) {
            CHECK(cookie_of(l->fd[k]) == l->cookie[k] && l->listening[k]);
            CHECK(getsockopt(l->fd[k], SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on);
        } else {
            CHECK(l->fd[k] == -1 && !l->listening[k] && l->cookie[k] == 0);
        }
    }
    CHECK(atomic_load(&l->state) == LISTENER_SERVING);
    CHECK(atomic_load(&draining->state) == LISTENER_UNUSED);
    CHECK(open_descriptors() == 2);
}
Test(store_return, listeners_come_to_their_slots) {
    struct config config = {.listen_count = 2};
    struct in_addr v4 = {.s_addr = htonl(INADDR_LOOPBACK)};
    char err[512];
    for (int i = 0; i < 2; i++)
        config.listen[i] = (struct listen_address){
            .addr = address_mapped(&v4), .ipv4 = true, .kind = i ? KIND_WEB : KIND_TELNET};
    cr_assert(listeners_configure(&seg, &config, err, sizeof err), "%s", err);
    cr_assert(listeners_assign(&seg, 2));
    atomic_store(&seg.header->listeners[1].state, LISTENER_DRAINING);
    hand(seg.header->listeners[0].fd[1], "l"); /* slot 0's did not come back */
    hand(seg.header->listeners[1].fd[1], "l");
    hand(seg.fd, "s1");
    life(listeners_are_back);
}

static void not_returned_to(void) {
    char err[256] = "";
    CHECK(take());
    CHECK(listeners_return(&back, err, sizeof err));
    CHECK(back.header->listeners[0].state == LISTENER_UNUSED);
    CHECK(back.header->listeners[0].fd[0] == -1);
}
/* Whether it is damaged, or gone from the machine: it is no reason not to start. */
Test(store_return, an_address_that_cannot_be_bound_is_given_up) {
    struct listener *l = &seg.header->listeners[0];
    atomic_store(&l->state, LISTENER_SERVING);
    memset(&l->bound.addr, 0x7f, sizeof l->bound.addr);
    l->bound.port = 6666;
    hand(seg.fd, "s1");
    life(not_returned_to);
}

/* ---- the segment ---- */

static void cleared(void) {
    CHECK(take());
    const struct segment_header *h = back.header;
    CHECK(h->shutdown == 0 && h->orders == 0 && h->ready == 0 && h->standby == 0);
    CHECK(h->execute == 0 && h->workers == 0 && h->master.reloading == 0 && h->doing == 0);
    CHECK(h->listeners_moves % 2 == 0);
    CHECK(h->master.log_fd == -1 && h->master.binary_fd == -1 && h->view_fd == -1);
    CHECK(h->control[0].fd == -1 && h->transcript.fd[0] == -1 && h->transcript.fd[1] == -1);
    CHECK(back.requests[0].state == REQUEST_FREE && back.requests[0].id == 0);
    CHECK(gate_owner(back.gate) == 0);
    for (int i = 0; i < SLOT_COUNT; i++) {
        const struct slot *slot = &back.slots[i];
        CHECK(slot->pid == 0 && slot->pidfd == -1 && slot->entry == 0);
        CHECK(slot->epoll_fd == -1 && slot->bell_fd == -1);
    }
    CHECK(back.slots[0].state == SLOT_DEAD && back.slots[1].state == SLOT_UNUSED);
    gate_lock(back.gate, 7, NULL);
}
/* A restart's end comes back with the segment. */
Test(store_return, hole_5_a_new_life_clears_what_was_asked_of_the_last) {
    struct segment_header *h = seg.header;
    h->shutdown = h->doing = h->orders = h->ready = h->standby = h->execute = 1;
    h->listeners_moves = 3;
    h->master.reloading = 1;
    atomic_store(&h->control[0].fd, 5);
    h->transcript.fd[1] = h->view_fd = h->master.binary_fd = 6;
    cr_assert_eq(request_add(seg.requests, 77, "shutdown", ""), REQUEST_ADDED);
    cr_assert(request_take(&seg.requests[0]));
    atomic_store(&seg.slots[MASTER_SLOT].entry, 9);
    atomic_store(&seg.slots[MASTER_SLOT].pid, 9);
    atomic_store(&seg.slots[0].incarnation, 0x500);
    gate_lock(seg.gate, 0x500, NULL);
    hand(seg.fd, "s1");
    life(cleared);
}

static void refused(void) {
    CHECK(!take());
    CHECK(open_descriptors() == 0);
}
static void accepted(void) {
    CHECK(take());
}
Test(store_return, hole_7_a_segment_that_came_back_three_times_in_vain_is_refused) {
    int peer[PEOPLE];
    char byte;
    enter(1, 9, peer);
    hand(seg.fd, "s1");
    hand(mine[0], "c");
    for (int i = 0; i < STORE_TRIES; i++)
        life(accepted);
    cr_assert_eq(recv(peer[0], &byte, 1, MSG_DONTWAIT), -1);
    life(refused);
    cr_assert_eq(recv(peer[0], &byte, 1, MSG_DONTWAIT), 0);
}

static void taken_and_failed(void) {
    CHECK(take());
    store_failed(&back);
}
/* The cause may lie elsewhere, and go away; or in the segment, and stay. */
Test(store_return, a_start_that_fails_with_an_error_may_be_tried_often_but_not_for_ever) {
    hand(seg.fd, "s1");
    for (int i = 0; i < 2 * STORE_TRIES; i++)
        life(taken_and_failed);
    cr_assert_eq(seg.header->unserved, 2 * STORE_TRIES * STORE_FAILURE);
    life(accepted);
    atomic_store(&seg.header->unserved, STORE_FAILURES * STORE_FAILURE);
    life(refused);
    cr_assert_eq(seg.header->unserved, STORE_FAILURES * STORE_FAILURE);
}

static void nobody_is_connected(void) {
    CHECK(take());
    CHECK(segment_connections(&back) == 0);
}
/* An unused slot has no worker that would correct it: the room would be full for ever. */
Test(store_return, connections_are_counted_anew) {
    atomic_store(&seg.slots[WORKERS_MAX - 1].clients, 1u << 30);
    hand(seg.fd, "s1");
    life(nobody_is_connected);
}

Test(store_return, a_segment_whose_geometry_is_damaged_is_refused) {
    const struct geometry sound = seg.header->geometry;
    hand(seg.fd, "s1");
    seg.header->geometry.clients_len = 0;
    life(refused);
    seg.header->geometry = sound;
    seg.header->geometry.ledger_len = UINT32_MAX;
    life(refused);
}

Test(store_return, a_file_that_is_no_segment_is_not_written_to) {
    int fd = memfd_create("another's", MFD_CLOEXEC);
    uint8_t *page = malloc(sizeof(struct segment_header));
    cr_assert_eq(ftruncate(fd, sizeof(struct segment_header)), 0);
    hand(fd, "s1");
    life(refused);
    cr_assert_eq(pread(fd, page, sizeof(struct segment_header), 0), sizeof(struct segment_header));
    for (size_t i = 0; i < sizeof(struct segment_header); i++)
        cr_assert_eq(page[i], 0);
    free(page);
}

Test(store_return, a_segment_that_an_upgrade_has_left_is_refused) {
    atomic_store(&seg.header->unserved, UNSERVED_SUPERSEDED);
    hand(seg.fd, "s1");
    life(refused);
    cr_assert_eq(seg.header->unserved, UNSERVED_SUPERSEDED);
}

Test(store_return, hole_7_a_segment_that_does_not_fit_is_refused) {
    seg.header->layout ^= 1;
    seg.header->rows = 0; /* nor can it be converted */
    hand(seg.fd, "s1");
    life(refused);
}

static void converted(void) {
    people_say_their_number();
    CHECK(back.header->layout == layout_number());
    CHECK(back.header->layout != seg.header->layout);
}
Test(store_return, a_segment_of_another_layout_is_converted) {
    int peer[PEOPLE];
    enter(PEOPLE, 3, peer);
    for (int i = PEOPLE; i-- > 0;)
        hand(mine[i], "c");
    hand(seg.fd, "s1");
    seg.header->layout ^= 1;
    life(converted);
    hears(peer);
}

Test(store_return, what_is_no_segment_is_refused) {
    int fd = open("/proc/self/exe", O_RDONLY), ends[2];
    cr_assert_eq(pipe(ends), 0);
    hand(ends[0], "s1");
    life(refused);
    handed.fd[0] = fd;
    life(refused);
}
