/* unit_accept.c - connections without a record: which worker greets them, and that no other socket
 * is taken for one. */
#include "tests/unit_worker.h"
#include "worker/ledger/accept.h"
#include "worker/ledger/adopt.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

static struct segment seg;
static struct worker worker;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
    seg.header->geometry.max_clients = 100;
    for (int i = 0; i < LISTENERS_MAX; i++)
        memset(seg.header->listeners[i].fd, 0xff, sizeof seg.header->listeners[i].fd);
}
TestSuite(accept, .init = set_up);

/* A listener with the mark that the master sets, for slot 3. */
static int listener(struct sockaddr_in *at) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), tag = SLOT_TAG + 3;
    socklen_t len = sizeof *at;
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &tag, sizeof tag);
    cr_assert_eq(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
    cr_assert_eq(listen(fd, 5), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)at, &len), 0);
    return fd;
}

/* A connection that was accepted and has no record. */
static int orphan(int *peer) {
    struct sockaddr_in at;
    int from = listener(&at);
    *peer = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(*peer, (struct sockaddr *)&at, sizeof at), 0);
    int fd = accept(from, NULL, NULL);
    cr_assert_geq(fd, 0);
    cr_assert_lt((uint32_t)fd, seg.clients.len);
    close(from);
    atomic_store(&seg.header->fd_high, (uint32_t)fd);
    return fd;
}

static enum client_state state_of(int fd) {
    return client_state(atomic_load(&seg.clients.at[fd].state_word));
}

Test(accept, an_orphan_of_any_listener_is_adopted) {
    int peer, fd = orphan(&peer);
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(state_of(fd), CLIENT_LIVE);
    cr_assert_eq(worker.members.count, 1);
    cr_assert(adopt_orphans(&worker), "and only once");
    cr_assert_eq(worker.members.count, 1);
}

/* Its worker died before it raised fd_high, so no search by fd_high finds the descriptor. */
Test(accept, an_orphan_above_all_clients_is_adopted) {
    int peer, fd = orphan(&peer);
    atomic_store(&seg.header->fd_high, 0);
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(state_of(fd), CLIENT_LIVE);
}

Test(accept, a_claim_of_the_predecessor_is_made_again) {
    int peer, fd = orphan(&peer);
    cr_assert_eq(client_claim(&seg.clients.at[fd], client_word(&seg.clients.at[fd]), worker.index,
                              socket_cookie(fd)),
                 1);
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(state_of(fd), CLIENT_LIVE);
}

Test(accept, a_connection_that_another_worker_greets_is_left_to_it) {
    int peer, fd = orphan(&peer);
    cr_assert_eq(
        client_claim(&seg.clients.at[fd], client_word(&seg.clients.at[fd]), 1, socket_cookie(fd)),
        1);
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(state_of(fd), CLIENT_FILLING);
    cr_assert_eq(worker.members.count, 0);
}

/* Its record is free afterwards: the next connection with the same descriptor number is served. */
Test(accept, a_connection_reset_before_its_greeting_leaves_no_record) {
    struct linger at_once = {.l_onoff = 1};
    int peer, fd = orphan(&peer);
    cr_assert_eq(client_claim(&seg.clients.at[fd], client_word(&seg.clients.at[fd]), worker.index,
                              socket_cookie(fd)),
                 1);
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(peer);
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(state_of(fd), CLIENT_FREE);
    cr_assert_eq(fcntl(fd, F_GETFD), -1, "closed");
}

Test(accept, a_refused_connection_leaves_no_record) {
    int peer, fd = orphan(&peer);
    char said[100] = "";
    seg.header->geometry.max_clients = 0;
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(state_of(fd), CLIENT_FREE);
    cr_assert_eq(fcntl(fd, F_GETFD), -1, "closed");
    cr_assert_gt(recv(peer, said, sizeof said - 1, MSG_WAITALL), 0);
    cr_assert_str_eq(said, "The room is full.\r\n");
}

Test(accept, a_listener_is_no_orphan) {
    struct sockaddr_in at;
    int fd = listener(&at);
    atomic_store(&seg.header->fd_high, (uint32_t)fd);
    seg.header->listeners[5].fd[3] = fd; /* being opened: its state is not stored yet */
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(state_of(fd), CLIENT_FREE);
    cr_assert_neq(fcntl(fd, F_GETFD), -1, "still open");
}

Test(accept, while_listeners_are_made_nothing_is_taken_for_an_orphan) {
    int peer, fd = orphan(&peer);
    atomic_store(&seg.header->listeners_moves, 7);
    cr_assert_not(adopt_orphans(&worker), "to be done again");
    cr_assert_eq(state_of(fd), CLIENT_FREE);
    atomic_store(&seg.header->listeners_moves, 8);
    cr_assert(adopt_orphans(&worker));
    cr_assert_eq(state_of(fd), CLIENT_LIVE);
}

/* A worker was stopped between accept and claim.  Meanwhile another worker adopted the connection
 * and closed it, and its descriptor number is reused for a pipe. */
Test(accept, a_late_claim_of_a_reused_descriptor_changes_nothing) {
    int pipe_fds[2];
    cr_assert_eq(pipe(pipe_fds), 0);
    accept_socket(&worker, pipe_fds[0], socket_cookie(pipe_fds[0]), NULL);
    cr_assert_eq(state_of(pipe_fds[0]), CLIENT_FREE);
    cr_assert_neq(fcntl(pipe_fds[0], F_GETFD), -1, "still open");
}

/* ---- beyond connect_rate ---- */

static union address_any peer_of(int fd) {
    union address_any peer;
    cr_assert(accept_peer(fd, &peer));
    return peer;
}

Test(accept, what_comes_too_fast_is_reset_and_leaves_no_record) {
    char byte;
    int peer, fd = orphan(&peer);
    union address_any unheard = peer_of(fd);
    accept_socket(&worker, fd, socket_cookie(fd), &unheard);
    cr_assert_eq(state_of(fd), CLIENT_FREE);
    cr_assert_eq(fcntl(fd, F_GETFD), -1, "closed");
    cr_assert_eq(recv(peer, &byte, 1, 0), -1);
    cr_assert_eq(errno, ECONNRESET);
}

/* Another worker found the connection as an orphan, and is about to serve it: it may hold the
 * claim, or serve already. */
Test(accept, what_comes_too_fast_is_not_closed_under_another_worker) {
    struct facts facts = {0};
    struct in6_addr addr = IN6ADDR_LOOPBACK_INIT;
    int peer, fd = orphan(&peer);
    union address_any unheard = peer_of(fd);
    struct client *c = &seg.clients.at[fd];
    cr_assert_eq(client_claim(c, client_word(c), 1, socket_cookie(fd)), 1);
    accept_socket(&worker, fd, socket_cookie(fd), &unheard);
    cr_assert_eq(state_of(fd), CLIENT_FILLING);
    cr_assert_neq(fcntl(fd, F_GETFD), -1, "still open");
    client_open(c, 1, socket_cookie(fd), &facts, &addr, 5);
    accept_socket(&worker, fd, socket_cookie(fd), &unheard);
    cr_assert_eq(state_of(fd), CLIENT_LIVE);
    cr_assert_neq(fcntl(fd, F_GETFD), -1, "still open");
}

/* ... or has closed it, and the number is a pipe's, or the next connection's. */
Test(accept, what_comes_too_fast_is_not_closed_for_a_reused_descriptor) {
    int pipe_fds[2], peers[2], first = orphan(&peers[0]);
    union address_any unheard = peer_of(first);
    uint64_t cookie = socket_cookie(first);
    cr_assert_eq(pipe(pipe_fds), 0);
    cr_assert_eq(dup2(pipe_fds[0], first), first);
    accept_socket(&worker, first, cookie, &unheard);
    cr_assert_neq(fcntl(first, F_GETFD), -1, "still open");
    accept_socket(&worker, first, socket_cookie(first), &unheard);
    cr_assert_neq(fcntl(first, F_GETFD), -1, "still open");
    int next = orphan(&peers[1]);
    accept_socket(&worker, next, socket_cookie(next), &unheard);
    cr_assert_eq(state_of(next), CLIENT_LIVE, "served: it is not the one that came too fast");
}

/* Otherwise the other workers would accept more clients meanwhile than max_clients. */
Test(accept, while_adopting_the_count_of_clients_is_the_predecessors) {
    int peer;
    atomic_store(&worker.slot->clients, 40);
    worker.adopting = true;
    unit_client(&worker, &peer);
    cr_assert_eq(segment_connections(&seg), 40);
    worker.adopting = false;
    members_publish_count(&worker);
    cr_assert_eq(segment_connections(&seg), 1);
}

/* What a worker does that found an orphan under the number, and comes to claim it when that is
 * closed and the number is another client's. */
static void claimed_late(uint64_t word, int fd) {
    struct client *c = &seg.clients.at[fd];
    accept_socket(&worker, fd, socket_cookie(fd) + 1, NULL);
    cr_assert_eq(client_word(c), word, "the record is the other client's");
    cr_assert_eq(worker.members.count, 0);
    cr_assert_neq(fcntl(fd, F_GETFD), -1, "so is the descriptor");
}

Test(accept, an_orphan_that_is_gone_takes_no_record_from_a_client_that_is_served) {
    int peer, fd = orphan(&peer);
    struct client *c = &seg.clients.at[fd];
    struct facts facts = {.kind = KIND_TELNET};
    cr_assert_eq(client_claim(c, client_word(c), 1, socket_cookie(fd)), 1);
    client_open(c, 1, socket_cookie(fd), &facts, &(struct in6_addr){0}, 1);
    claimed_late(client_state_word(1, CLIENT_LIVE), fd);
    atomic_store(&c->state_word, client_state_word(1, CLIENT_CLOSING));
    claimed_late(client_state_word(1, CLIENT_CLOSING), fd);
}

Test(accept, an_orphan_that_is_gone_takes_no_record_from_a_client_that_comes) {
    int peer, fd = orphan(&peer);
    struct client *c = &seg.clients.at[fd];
    cr_assert_eq(client_claim(c, client_word(c), 1, socket_cookie(fd)), 1);
    claimed_late(client_word(c), fd);
}

/* The word was read before the number became this socket's: its client's claim has changed it. */
Test(accept, a_claim_by_an_old_word_fails) {
    int peer, fd = orphan(&peer);
    struct client *c = &seg.clients.at[fd];
    uint64_t word = client_word(c);
    cr_assert_eq(client_claim(c, word, 1, socket_cookie(fd)), 1);
    cr_assert_eq(client_claim(c, word, 2, socket_cookie(fd) + 1), 0);
    cr_assert_eq(client_filler(client_word(c)), 1);
}
