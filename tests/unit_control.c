/* unit_control.c - connections of the control socket in a worker: those without a record, those of
 * a worker that died, and how many there may be.  See HOLES: "Orphans have a kind". */
#include "tests/unit_worker.h"
#include "worker/ledger/accept.h"
#include "worker/ledger/adopt.h"
#include "worker/ledger/closing.h"
#include "worker/ledger/control.h"
#include "worker/record/leave.h"
#include "worker/state/account.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

static struct segment seg;
static struct worker worker;
static char dir[64];

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    seg.header->geometry.max_clients = 32;
    snprintf(dir, sizeof dir, "/tmp/chatroom-unit-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}
static void tear_down(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}
TestSuite(control_unit, .init = set_up, .fini = tear_down);

static struct sockaddr_un address(const char *name) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s/%s", dir, name);
    return at;
}

/* A listener in row `row` of the header. */
static void listener(int row, const char *name) {
    struct sockaddr_un at = address(name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 16), 0);
    atomic_store(&seg.header->control[row].fd, fd);
    snprintf(seg.header->control[row].path, sizeof seg.header->control[row].path, "%s",
             at.sun_path);
}

/* A connection that was accepted there and has no record; *peer is the other end. */
static int orphan(int row, int *peer) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%.100s", seg.header->control[row].path);
    *peer = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(connect(*peer, (struct sockaddr *)&at, sizeof at), 0);
    int fd = accept4(atomic_load(&seg.header->control[row].fd), NULL, NULL, SOCK_NONBLOCK);
    cr_assert_geq(fd, 0);
    cr_assert_lt((uint32_t)fd, seg.clients.len);
    return fd;
}

static enum client_state state_of(int fd) {
    return client_state(atomic_load(&seg.clients.at[fd].state_word));
}

static void hears_the_greeting(int peer) {
    char want[96];
    snprintf(want, sizeof want, "chatroom-control 1 %x %llu\n", seg.header->layout,
             (unsigned long long)seg.header->epoch_ms);
    unit_hears(peer, want);
}

Test(control_unit, hole_18_an_orphan_of_the_control_socket_is_known_and_served) {
    int peer;
    listener(0, "control");
    int fd = orphan(0, &peer);
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(state_of(fd), CLIENT_LIVE);
    cr_assert_eq(client_kind(&seg.clients.at[fd]), KIND_CONTROL);
    cr_assert_eq(worker.members.count, 1);
    cr_assert_eq(segment_connections(&seg), 0, "it counts for no limit");
    hears_the_greeting(peer);
    cr_assert(adopt_orphans(&worker), "and only once");
    unit_hears(peer, "");
}

Test(control_unit, hole_18_an_orphan_of_the_socket_before_a_reload_as_well) {
    int peer;
    listener(0, "before");
    int fd = orphan(0, &peer);
    listener(1, "after");
    atomic_store(&seg.header->control_serving, 1);
    close(atomic_exchange(&seg.header->control[0].fd, -1));
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(state_of(fd), CLIENT_LIVE);
    hears_the_greeting(peer);
}

Test(control_unit, hole_18_no_other_socket_is_taken_for_one) {
    int pair[2], peer;
    listener(0, "control");
    listener(1, "other");
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    int named = orphan(1, &peer);
    seg.header->control[1].path[0] = '\0';
    int of[] = {atomic_load(&seg.header->control[0].fd), atomic_load(&seg.header->control[1].fd),
                pair[0], pair[1], named};
    cr_assert(adopt_orphans(&worker));
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        cr_assert_eq(state_of(of[i]), CLIENT_FREE, "%zu", i);
        cr_assert_neq(fcntl(of[i], F_GETFD), -1, "%zu", i);
    }
}

static struct client *served(int *peer) {
    int fd = orphan(0, peer);
    accept_socket(&worker, fd, socket_cookie(fd), NULL);
    return worker_client(&worker, (uint32_t)fd);
}

/* The successor cannot know how much it was sent. */
Test(control_unit, a_successor_closes_it_without_a_word) {
    int peer;
    listener(0, "control");
    struct client *c = served(&peer);
    hears_the_greeting(peer);
    cr_assert(unit_reply(&worker, c, 10));
    struct worker next = {0};
    unit_worker(&next, &seg);
    adopt_client(&next, c);
    cr_assert_not(client_live(c));
    closing_stage(&next);
    unit_turn(&next);
    cr_assert_eq(state_of((int)client_index(&next, c)), CLIENT_FREE);
    cr_assert_eq(room_count(&seg.room), 1, "nobody is told");
    unit_hears(peer, "");
    char byte;
    cr_assert_eq(recv(peer, &byte, 1, MSG_DONTWAIT), 0, "it is closed");
}

Test(control_unit, a_row_is_free_when_its_client_is_gone) {
    int peer[CONTROL_MAX + 1];
    struct client *c[CONTROL_MAX + 1];
    listener(0, "control");
    for (int i = 0; i < CONTROL_MAX; i++) {
        c[i] = served(&peer[i]);
        cr_assert(client_live(c[i]), "%d", i);
    }
    for (int i = 0; i < 3; i++) {
        int extra;
        cr_assert_not(client_live(served(&extra)));
        unit_hears(extra, "no 8 connections are open already\n");
        close(extra);
        leave_begin(&worker, c[i], NULL);
        closing_stage(&worker);
        hears_the_greeting(peer[i]);
        close(peer[i]);
        c[i] = served(&peer[i]);
        cr_assert(client_live(c[i]), "%d", i);
    }
}

/* It pays for nothing, and nobody of ::1, whose network its address would be, pays for it. */
Test(control_unit, what_it_sends_is_charged_to_no_address) {
    int peer;
    listener(0, "control");
    struct client *c = served(&peer);
    hears_the_greeting(peer);
    worker.config.flood_rate = 1;
    worker.config.flood_burst = 1;
    for (int i = 0; i < 200; i++) {
        unit_type(&worker, c, peer, "foo\n");
        unit_turn(&worker);
        unit_hears(peer, "no this server has no command \"foo\"\n");
    }
    struct client *local = unit_client(&worker, &peer);
    cr_assert_eq(account_origin_wait(&worker, local), 0);
}
