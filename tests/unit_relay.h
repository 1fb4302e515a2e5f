/* unit_relay.h - a relay without a process and without an engine: what the link would tell is
 * handed to it, and what it has made of the ledger is read.
 *
 * A test sends items of other machines (unit_send), and compares what the room has been told since
 * (unit_told).  A death is a second struct relay_process that adopts what the first has left
 * (unit_successor). */
#ifndef TESTS_UNIT_RELAY_H
#define TESTS_UNIT_RELAY_H

#include "ipc/clock.h"
#include "tests/unit_worker.h"
#include "worker/protocol/item.h"
#include "worker/relay/adopt.h"
#include "worker/relay/events.h"
#include "worker/relay/intake.h"
#include "worker/relay/own.h"
#include "worker/relay/place.h"
#include "worker/relay/remote.h"
#include "worker/relay/settle.h"
#include "worker/relay/world.h"

/* ---- a relay ---- */

static inline void unit_relay(struct relay_process *p, struct segment *seg) {
    static struct link_owner owner;
    memset(p, 0, sizeof *p);
    cr_assert_null(charset_init());
    if (seg->slots[RELAY_SLOT].bell_fd <= 0)
        seg->slots[RELAY_SLOT].bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    owner = (struct link_owner){p, own_hello, own_person};
    if (header_config(seg->header)->node[0] == '\0') {
        struct config config = unit_config(65536);
        strcpy(config.node, "london");
        segment_publish_config(seg, &config);
    }
    cr_assert(relay_make(p, seg, segment_incarnation(seg, RELAY_SLOT)));
    p->link = link_make(&owner);
    cr_assert_not_null(p->link);
    relay_adopt(p);
}

/* The link comes up; the stream's history is not wanted. */
static inline void unit_up(struct relay_process *p) {
    struct link_event ev = {.kind = LINK_HELLO, .turn = p->place.turn + 1, .last = {1000, 0}};
    p->place.filled = 1;
    cr_assert(relay_event(p, &ev));
}

/* A room with a worker in slot 0 and a relay whose link is up. */
#define UNIT_RELAY_ROOM(seg, worker, relay)                                                        \
    do {                                                                                           \
        unit_segment(seg, 65536);                                                                  \
        unit_worker(worker, seg);                                                                  \
        unit_relay(relay, seg);                                                                    \
        unit_up(relay);                                                                            \
        unit_sent = 0;                                                                             \
        unit_told_to = room_count(&(seg)->room);                                                   \
    } while (0)

/* ---- other machines ---- */

struct unit_machine {
    const char *node;
    uint64_t life, index, prev;
    uint32_t turn, lines;
    int64_t age_ms; /* of what it sends */
};
#define UNIT_PARIS                                                                                 \
    (struct unit_machine) {                                                                        \
        .node = "paris", .life = 7, .turn = 1, .index = 10, .prev = 10                             \
    }
#define UNIT_ROME                                                                                  \
    (struct unit_machine) {                                                                        \
        .node = "rome", .life = 9, .turn = 1, .index = 4, .prev = 4                                \
    }

enum { UNIT_SENT = 512 };
struct unit_sent {
    char bytes[ITEM_MAX];
    size_t len;
};
static struct unit_sent unit_stream[UNIT_SENT]; /* entry i has the id 2000 + i */
static uint32_t unit_sent;

/* The stream's item `i` is read. */
static inline bool unit_read(struct relay_process *p, uint32_t i) {
    struct link_event ev = {.kind = LINK_ITEM,
                            .id = {2000 + i, 0},
                            .bytes = unit_stream[i].bytes,
                            .len = unit_stream[i].len};
    return relay_event(p, &ev);
}

/* All of it, once more. */
static inline void unit_read_again(struct relay_process *p) {
    for (uint32_t i = 0; i < unit_sent; i++)
        cr_assert(unit_read(p, i));
    events_settle(p);
}

/* Adds an item to the stream. */
static inline void unit_add(struct unit_machine *m, enum item_kind kind, const char *who,
                            const char *to, const char *text) {
    struct item item = {.life = m->life,
                        .turn = m->turn,
                        .kind = kind,
                        .ms = (int64_t)clock_wall_ms() - m->age_ms,
                        .text_len = strlen(text)};
    bool numbered = kind != ITEM_HELLO && kind != ITEM_END;
    bool line = kind == ITEM_SAY || kind == ITEM_ME || kind == ITEM_BARE;
    strcpy(item.node, m->node);
    strcpy(item.who, who);
    strcpy(item.to, to);
    strcpy(item.text, text);
    if (numbered) {
        item.prev = m->prev;
        m->prev = m->index += 2;
    }
    item.index = m->index;
    item.lines = m->lines += line;
    cr_assert_lt(unit_sent, UNIT_SENT);
    struct unit_sent *sent = &unit_stream[unit_sent++];
    sent->len = item_write(&item, sent->bytes);
}

static inline void unit_send_to(struct relay_process *p, struct unit_machine *m,
                                enum item_kind kind, const char *who, const char *to,
                                const char *text) {
    unit_add(m, kind, who, to, text);
    cr_assert(unit_read(p, unit_sent - 1));
    events_settle(p);
}
static inline void unit_send(struct relay_process *p, struct unit_machine *m, enum item_kind kind,
                             const char *who, const char *text) {
    unit_send_to(p, m, kind, who, "", text);
}

static inline void unit_world_node(struct relay_process *p, const struct unit_machine *m) {
    struct link_event ev = {.kind = LINK_NODE,
                            .name = m->node,
                            .name_len = strlen(m->node),
                            .life = m->life,
                            .turn = m->turn};
    cr_assert(relay_event(p, &ev));
}
static inline void unit_world_person(struct relay_process *p, const char *name) {
    struct link_event ev = {
        .kind = LINK_PERSON, .name = name, .name_len = strlen(name), .value = ""};
    cr_assert(relay_event(p, &ev));
}
static inline void unit_world_begin(struct relay_process *p) {
    world_begin(p, clock_us());
}
static inline void unit_world_end(struct relay_process *p) {
    struct link_event ev = {.kind = LINK_WORLD};
    cr_assert(relay_event(p, &ev));
    events_settle(p);
}

/* ---- the room ---- */

/* What was said in UTF-8 from entry `from` on, NUL-terminated; valid until the next call. */
static inline const char *unit_room(const struct segment *seg, uint64_t from) {
    static char text[1 << 16];
    const struct room *room = &seg->room;
    uint64_t count = room_count(room), start = room_start(room, from, ENC_UTF8);
    uint64_t end = room_end(room, count - 1, ENC_UTF8);
    cr_assert_lt(end - start, sizeof text);
    memcpy(text, room_text(room, ENC_UTF8, start), end - start);
    text[end - start] = '\0';
    return text;
}

/* Compares what was said since the last call. */
static uint64_t unit_told_to;
static inline void unit_told_at(struct where where, const struct segment *seg, const char *text) {
    const char *told = unit_room(seg, unit_told_to);
    unit_told_to = room_count(&seg->room);
    if (strcmp(told, text) != 0)
        fail_at(where, "the room was told \"%s\", not \"%s\"", told, text);
}
#define unit_told(seg, text) unit_told_at(HERE, seg, text)

static inline uint32_t unit_people(const struct segment *seg) {
    return room_entry(&seg->room, room_count(&seg->room) - 1)->people;
}

/* The remote record of that name; NULL: there is none in the room. */
static inline const struct client *unit_remote(const struct relay_process *p, const char *name) {
    const struct segment *seg = p->w.seg;
    uint32_t row = remote_find(p, speaker_key(&p->w, name));
    if (row == NO_ROW)
        return NULL;
    const struct client *c = relay_record(p, row);
    char text[NAME_TEXT];
    const char *called = client_name(&seg->clients, c, client_facts(c), text);
    bool there = client_live(c) && client_facts(c)->flags & FACT_IN_ROOM && called &&
                 strcmp(called, name) == 0;
    return there ? c : NULL;
}

#endif
