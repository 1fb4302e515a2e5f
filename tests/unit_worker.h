/* unit_worker.h - a worker without a loop, and clients of it on socket pairs, for tests of the code
 * between a client's record and its socket.  Everything lives until the test process ends.
 *
 * A test calls the steps of the loop one by one: unit_say or unit_type stages, unit_round
 * publishes, applies and answers, unit_flush sends, unit_hears compares what a peer has
 * received. */
#ifndef TESTS_UNIT_WORKER_H
#define TESTS_UNIT_WORKER_H

#include "tests/lib/fail.h"
#include "tests/unit_segment.h"
#include "worker/command/refusal.h"
#include "worker/command/say.h"
#include "worker/input/input.h"
#include "worker/ledger/accept.h"
#include "worker/ledger/apply.h"
#include "worker/ledger/publish.h"
#include "worker/output/flush.h"
#include "worker/record/change.h"
#include "worker/state/members.h"
#include "worker/state/speaker.h"
#include "worker/text/charset.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* ---- a worker ---- */

/* Makes a worker in slot 0 of the segment. */
static inline void unit_worker(struct worker *w, struct segment *seg) {
    memset(w, 0, sizeof *w);
    cr_assert_null(charset_init());
    unit_slot(seg, 0, SLOT_SERVING);
    w->seg = seg;
    w->slot = &seg->slots[0];
    w->me = segment_incarnation(seg, 0);
    w->slot->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->config = unit_config(65536);
    cr_assert(members_make(w, seg->clients.len));
    w->settled = true;
    atomic_store(&seg->header->fd_high, seg->clients.len - 1);
    stage_init(&w->stage, &seg->room, 0, seg->clients.rows);
    worker_read_clock(w);
}

/* Makes slot `i` asleep, with a bell. */
static inline void unit_sleeper(struct segment *seg, uint32_t i) {
    seg->slots[i].bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    cr_assert_geq(seg->slots[i].bell_fd, 0);
    atomic_store(&seg->header->slots_used, i + 1);
    atomic_store(&seg->slots[i].asleep, 1);
}

/* ---- clients ---- */

/* A live record with these facts for one end of a socket pair; *peer is the other end. */
static inline struct client *unit_open(struct worker *w, int *peer, const struct facts *facts) {
    int pair[2];
    struct in6_addr address = in6addr_loopback;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_lt((uint32_t)pair[0], w->seg->clients.len);
    struct client *c = worker_client(w, (uint32_t)pair[0]);
    uint64_t cookie = socket_cookie(pair[0]);
    cr_assert_neq(client_claim(c, client_word(c), w->index, cookie), 0);
    client_open(c, w->index, cookie, facts, &address, (uint16_t)pair[0]);
    if (atomic_load(&w->seg->header->fd_high) < (uint32_t)pair[0])
        atomic_store(&w->seg->header->fd_high, (uint32_t)pair[0]);
    member_add(w, c);
    *peer = pair[1];
    return c;
}

static inline struct facts unit_facts(const struct worker *w, uint32_t flags) {
    const struct room *room = &w->seg->room;
    uint64_t count = room_count(room);
    return (struct facts){.flags = flags | FACT_GREETED,
                          .seen = count,
                          .pos = flags & FACT_IN_ROOM ? room_entry(room, count - 1)->end[0] : 0,
                          .last_input = w->tenths,
                          .tat = w->now};
}

/* A client in the room with nothing received or sent; *peer is the other end of its socket. */
static inline struct client *unit_client(struct worker *w, int *peer) {
    struct facts facts = unit_facts(w, FACT_IN_ROOM);
    return unit_open(w, peer, &facts);
}

/* A client that was greeted and has not logged in. */
static inline struct client *unit_newcomer(struct worker *w, int *peer) {
    struct facts facts = unit_facts(w, 0);
    return unit_open(w, peer, &facts);
}

/* Valid until the next call. */
static inline const char *unit_name(const struct worker *w, const struct client *c) {
    static char name[NAME_TEXT];
    return client_name(&w->seg->clients, c, client_facts(c), name);
}

static inline void unit_set_name(const struct worker *w, struct client *c, const char *name) {
    client_set_name(&w->seg->clients, c, client_begin(c), name);
    client_commit(c);
}

/* A client in the room with a name, which is also in the name table. */
static inline struct client *unit_named(struct worker *w, const char *name, int *peer) {
    struct segment *seg = w->seg;
    const uint64_t keys[] = {speaker_key(w, name), speaker_look(w, name)};
    struct client *c = unit_client(w, peer);
    unit_set_name(w, c, name);
    uint64_t tag = client_tag(w, c);
    for (int i = 0; i < 2; i++) {
        cr_assert(name_table_claim(&seg->names, &seg->room, &seg->clients, 0, keys[i], 0,
                                   (uint32_t)tag, (uint32_t)(tag >> 32)));
        name_table_confirm(&seg->names, keys[i], (uint32_t)tag, (uint32_t)(tag >> 32), 0);
    }
    return c;
}

/* Index of the client that has the name; NO_CLIENT: none. */
static inline uint32_t unit_holder(struct worker *w, const char *name) {
    struct segment *seg = w->seg;
    uint32_t client, generation;
    bool found = name_table_find(&seg->names, &seg->room, &seg->clients, room_count(&seg->room),
                                 speaker_key(w, name), &client, &generation);
    return found ? client : NO_CLIENT;
}

/* ---- buffers ---- */

static inline uint32_t unit_buffers(struct worker *w, const struct client *c) {
    const struct buffer_pool *pool = &w->seg->tx_buffers;
    uint32_t n = 0;
    for (uint32_t buffer = 1; buffer <= pool->count; buffer++)
        n += buffer_owned(pool, buffer, client_tag(w, c));
    return n;
}

/* A private reply of `len` bytes, at most 64K, committed and not sent.  False: no buffer is free.
 */
static inline bool unit_reply(struct worker *w, struct client *c, size_t len) {
    static char text[65536];
    struct change ch;
    memset(text, 'r', sizeof text);
    change_begin(&ch, w, c);
    change_bytes(&ch, text, len);
    return change_commit(&ch);
}

/* Takes every free tx buffer; unit_give_buffers frees them. */
static inline void unit_take_buffers(struct worker *w) {
    while (buffer_take(&w->seg->tx_buffers, buffer_tag(NO_CLIENT, 1)) != NO_BUFFER)
        ;
}

static inline void unit_give_buffers(struct worker *w) {
    for (uint32_t buffer = 1; buffer <= w->seg->tx_buffers.count; buffer++)
        buffer_give(&w->seg->tx_buffers, buffer, buffer_tag(NO_CLIENT, 1));
}

/* ---- the steps of a turn ---- */

/* Stages a line of speech without input. */
static inline void unit_say(struct worker *w, struct client *c, const char *text) {
    struct line line = {.consumed = client_facts(c)->consumed};
    cr_assert_eq(say_speech(w, c, &line, text, false), LINE_STAGED);
}

/* The peer sends the text, and the worker reads as much as it can. */
static inline void unit_type(struct worker *w, struct client *c, int peer, const char *text) {
    uint32_t fd = client_index(w, c);
    cr_assert_eq(send(peer, text, strlen(text), 0), (ssize_t)strlen(text));
    w->interest.readable[fd] = 1;
    fd_queue_push(&w->ready, fd);
    input_read(w, w->ready.count, segment_now(w->seg) + 60000);
}

static inline void unit_round(struct worker *w) {
    publish(w);
    apply(w);
    refusal_answer(w);
}

static inline void unit_flush(struct worker *w) {
    flush_reply_pending(w);
    while (flush_slice(w))
        ;
}

static inline void unit_turn(struct worker *w) {
    unit_round(w);
    unit_flush(w);
}

/* Stages, publishes, applies and sends one line of speech. */
static inline void unit_speak(struct worker *w, struct client *c, const char *text) {
    unit_say(w, c, text);
    unit_turn(w);
}

/* ---- what a peer has received ---- */

/* Everything that the peer has received since the last call, NUL-terminated; valid until the next
 * call. */
static inline const char *unit_heard(int peer) {
    static char bytes[1 << 18];
    size_t len = 0;
    ssize_t n;
    while ((n = recv(peer, bytes + len, sizeof bytes - 1 - len, MSG_DONTWAIT)) > 0)
        len += (size_t)n;
    cr_assert(n == 0 || errno == EAGAIN, "recv: %s", strerror(errno));
    bytes[len] = '\0';
    return bytes;
}

static inline void unit_hears_at(struct where where, int peer, const char *text) {
    const char *heard = unit_heard(peer);
    if (strcmp(heard, text) != 0)
        fail_at(where, "heard \"%s\", not \"%s\"", heard, text);
}
#define unit_hears(peer, text) unit_hears_at(HERE, peer, text)

#endif
