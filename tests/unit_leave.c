/* unit_leave.c - the end of a connection: each step once, any step again after a death, and nothing
 * closed or freed that is another's by then. */
#include "tests/unit_worker.h"
#include "worker/ledger/closing.h"
#include "worker/output/goodbye.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"
#include "worker/state/pause.h"

#include <criterion/criterion.h>
#include <fcntl.h>

static struct segment seg;
static struct worker worker;

static void set_up(void) {
    unit_segment(&seg, 65536);
    unit_worker(&worker, &seg);
}
TestSuite(leave, .init = set_up);

static enum client_state state_of(const struct client *c) {
    return client_state(atomic_load(&c->state_word));
}

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) != -1;
}

/* The peer has received the text, and then the end of the stream. */
static void assert_ended_after(int peer, const char *text) {
    char byte;
    unit_hears(peer, text);
    cr_assert_eq(recv(peer, &byte, 1, MSG_DONTWAIT), 0, "%s", strerror(errno));
}

static void all_steps(struct client *c) {
    leave_begin(&worker, c, NULL);
    closing_stage(&worker);
    unit_turn(&worker);
}

/* ---- the steps ---- */

Test(leave, it_begins_once) {
    int peer;
    struct client *c = unit_named(&worker, "ann", &peer);
    uint32_t fd = client_index(&worker, c);
    leave_begin(&worker, c, NULL);
    cr_assert_eq(state_of(c), CLIENT_CLOSING);
    cr_assert(pause_has(&worker, fd, PAUSE_CLOSING));
    cr_assert_eq(worker.closing.count, 1);
    cr_assert(is_open((int)fd), "its leave is not published yet");
    fd_queue_pop(&worker.closing);
    leave_begin(&worker, c, NULL);
    cr_assert_eq(worker.closing.count, 0, "it is no longer live");
}

Test(leave, the_room_is_told_and_then_the_connection_ends) {
    int peer[2];
    struct client *ann = unit_named(&worker, "ann", &peer[0]);
    unit_named(&worker, "bob", &peer[1]);
    int fd = (int)client_index(&worker, ann);
    leave_begin(&worker, ann, NULL);
    closing_stage(&worker);
    cr_assert_eq(worker.stage.count, 1);
    cr_assert_eq(worker.stage.line[0].line.people, -1);
    publish(&worker);
    cr_assert_eq(unit_holder(&worker, "ann"), NO_CLIENT, "the name is free at once");
    cr_assert(is_open(fd));
    unit_turn(&worker);
    cr_assert_eq(state_of(ann), CLIENT_FREE);
    cr_assert_not(is_open(fd));
    cr_assert_not(worker_serves(&worker, (uint32_t)fd));
    assert_ended_after(peer[0], "");
    unit_hears(peer[1], "ann has left the room.\r\n");
}

Test(leave, a_client_whose_join_was_never_seen_leaves_without_a_word) {
    int peer[2];
    struct client *c = unit_newcomer(&worker, &peer[0]);
    unit_named(&worker, "bob", &peer[1]);
    int fd = (int)client_index(&worker, c);
    leave_begin(&worker, c, NULL);
    closing_stage(&worker);
    cr_assert_eq(worker.stage.count, 0);
    cr_assert_eq(state_of(c), CLIENT_FREE);
    cr_assert_not(is_open(fd));
    unit_turn(&worker);
    unit_hears(peer[1], "");
}

/* A predecessor published the leave, and died before it finished. */
Test(leave, a_leave_that_is_in_the_ledger_is_not_announced_again) {
    int peer;
    struct client *c = unit_named(&worker, "ann", &peer);
    client_begin(c)->flags |= FACT_LEFT;
    client_commit(c);
    leave_begin(&worker, c, NULL);
    closing_stage(&worker);
    cr_assert_eq(worker.stage.count, 0);
    cr_assert_eq(state_of(c), CLIENT_FREE);
}

Test(leave, it_waits_while_the_stage_is_full) {
    int peer[3];
    struct client *c[3];
    for (int i = 0; i < 3; i++) {
        c[i] = unit_client(&worker, &peer[i]);
        leave_begin(&worker, c[i], NULL);
    }
    worker.stage.closed = true;
    closing_stage(&worker);
    cr_assert_eq(worker.closing.count, 3, "none is forgotten");
    cr_assert_eq(worker.stage.count, 0);
    worker.stage.closed = false;
    closing_stage(&worker);
    cr_assert_eq(worker.stage.count, 3);
    unit_turn(&worker);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(state_of(c[i]), CLIENT_FREE);
}

Test(leave, a_client_that_is_no_member_any_more_is_passed_over) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    leave_begin(&worker, c, NULL);
    member_remove(&worker, c);
    closing_stage(&worker);
    cr_assert_eq(worker.stage.count, 0);
    cr_assert_eq(worker.closing.count, 0);
    cr_assert_eq(state_of(c), CLIENT_CLOSING, "it is another worker's to finish");
}

/* ---- what is given back ---- */

static void take_every_kind_of_buffer(struct client *c) {
    static char text[2 * TX_DATA];
    struct change ch;
    memset(text, 'r', sizeof text);
    change_begin(&ch, &worker, c);
    cr_assert_not_null(change_rx(&ch));
    cr_assert_not_null(change_line_buffer(&ch));
    ch.f->line_len = 600;
    seg.ignore_lists[client_index(&worker, c)].more = buffer_take(&seg.ignore_more, ch.tag);
    ch.f->flags |= FACT_IGNORES;
    change_bytes(&ch, text, sizeof text);
    cr_assert(change_commit(&ch));
}

Test(leave, every_buffer_is_given_back) {
    int peer[2];
    struct client *c = unit_named(&worker, "ann", &peer[0]);
    struct client *bob = unit_named(&worker, "bob", &peer[1]);
    take_every_kind_of_buffer(c);
    take_every_kind_of_buffer(bob);
    c->mode = bob->mode = MODE_BLOCKED;
    cr_assert_eq(unit_buffers(&worker, c), 3);
    cr_assert_eq(buffer_used(&seg.rx_buffers), 2);
    all_steps(c);
    cr_assert_eq(buffer_used(&seg.tx_buffers), 3, "the other client's");
    cr_assert_eq(buffer_used(&seg.ignore_more), 1);
    cr_assert_eq(buffer_used(&seg.rx_buffers), 1);
    cr_assert_eq(unit_buffers(&worker, bob), 3);
}

/* With unread input in the socket, close() would reset the connection and the reply be lost. */
Test(leave, the_last_reply_arrives_though_input_was_never_read) {
    int peer;
    struct client *c = unit_newcomer(&worker, &peer);
    cr_assert_eq(send(peer, "never read\n", 11, 0), 11);
    goodbye(&worker, c, SAY_ROOM_FULL, NULL);
    closing_stage(&worker);
    assert_ended_after(peer, "The room is full.\r\n");
}

/* ---- again, after a death ---- */

static void make_closing(struct client *c) {
    uint64_t word = atomic_load(&c->state_word);
    atomic_store(&c->state_word, client_state_word(client_generation(word), CLIENT_CLOSING));
}

Test(leave, the_last_step_can_be_repeated) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    take_every_kind_of_buffer(c);
    c->mode = MODE_BLOCKED;
    make_closing(c);
    closing_finish(&worker, c);
    uint64_t word = atomic_load(&c->state_word);
    closing_finish(&worker, c);
    cr_assert_eq(atomic_load(&c->state_word), word, "a free record stays as it is");
    for (int i = 0; i < 2; i++) { /* the death came before the last store */
        make_closing(c);
        closing_finish(&worker, c);
        cr_assert_eq(atomic_load(&c->state_word), word);
    }
    cr_assert_eq(buffer_used(&seg.tx_buffers), 0);
    cr_assert_eq(worker.members.count, 0);
}

Test(leave, a_repeated_step_gives_back_no_buffer_that_another_client_took) {
    int peer[2];
    struct client *c = unit_client(&worker, &peer[0]), *other = unit_client(&worker, &peer[1]);
    take_every_kind_of_buffer(c);
    c->mode = MODE_BLOCKED;
    make_closing(c);
    closing_finish(&worker, c);
    take_every_kind_of_buffer(other); /* the same numbers */
    make_closing(c);
    closing_finish(&worker, c);
    cr_assert_eq(unit_buffers(&worker, other), 3);
    cr_assert_eq(buffer_used(&seg.rx_buffers), 1);
}

Test(leave, a_descriptor_that_is_another_socket_by_now_stays_open) {
    int peer, other[2];
    struct client *c = unit_client(&worker, &peer);
    int fd = (int)client_index(&worker, c);
    make_closing(c);
    closing_finish(&worker, c);
    cr_assert_not(is_open(fd));
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
    cr_assert(other[0] == fd || other[1] == fd, "the lowest number is used again");
    make_closing(c);
    closing_finish(&worker, c);
    cr_assert(is_open(fd));
    cr_assert_eq(send(other[0], "x", 1, MSG_NOSIGNAL), 1, "in both directions");
    cr_assert_eq(send(other[1], "x", 1, MSG_NOSIGNAL), 1);
    cr_assert_eq(state_of(c), CLIENT_FREE);
}

Test(leave, a_descriptor_that_is_no_socket_by_now_stays_open) {
    int peer, fds[2];
    struct client *c = unit_client(&worker, &peer);
    int fd = (int)client_index(&worker, c);
    make_closing(c);
    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(dup2(fds[0], fd), fd);
    closing_finish(&worker, c);
    cr_assert(is_open(fd));
    cr_assert_eq(state_of(c), CLIENT_FREE);
}

Test(leave, a_record_that_another_worker_has_claimed_is_left_to_it) {
    int peer;
    struct client *c = unit_client(&worker, &peer);
    int fd = (int)client_index(&worker, c);
    make_closing(c);
    uint32_t generation = client_claim(c, client_word(c), 3, c->cookie + 1);
    cr_assert_neq(generation, 0);
    uint64_t word = atomic_load(&c->state_word);
    closing_finish(&worker, c);
    cr_assert_eq(atomic_load(&c->state_word), word);
    cr_assert(is_open(fd));
}

/* The leave of a predecessor's client was applied while its descriptor was queued, and the number
 * was given to another client before the queue was looked at. */
Test(leave, a_queued_descriptor_of_a_former_client_stages_no_leave) {
    int peer;
    struct client *bob = unit_named(&worker, "bob", &peer);
    fd_queue_push(&worker.closing, client_index(&worker, bob));
    closing_stage(&worker);
    cr_assert_eq(worker.stage.count, 0);
    cr_assert_eq(worker.closing.count, 0);
    cr_assert_eq(state_of(bob), CLIENT_LIVE);
}
