/* unit_relay_engine.h - an engine for unit tests of what the relay passes on: it does what the
 * scripts do (worker/relay/script.h), when the test says so.
 *
 *     pass_work(&relay)                       asks: up to LINK_WINDOW items
 *     unit_engine_run(n)                      the engine executes the first n of what it was asked
 *     unit_engine_answer(&relay, n)           the relay is told the first n of the answers
 *     unit_engine_lose(&relay)                the link is lost, with what was not executed
 *     unit_engine_hello(&relay)               and is back
 *
 * One engine a test process. */
#ifndef TESTS_UNIT_RELAY_ENGINE_H
#define TESTS_UNIT_RELAY_ENGINE_H

#include "tests/lib/fail.h"
#include "tests/unit_segment.h"
#include "worker/relay/own.h"
#include "worker/relay/pass.h"
#include "worker/relay/state.h"

#include <stdio.h>
#include <stdlib.h>

enum { UNIT_LIFE = 77, UNIT_ITEMS = 60000, UNIT_PEOPLE = 64 };

struct unit_ask {
    uint64_t life, prev, index;
    char op, name[LABEL_TEXT], name2[LABEL_TEXT];
    size_t len;
    char *payload;
};

struct unit_said {
    uint64_t index;
    enum link_result result;
    uint64_t mark;
    bool marked;
};

static struct unit_engine {
    bool marked; /* it has a mark of the life */
    uint64_t life, mark;
    uint32_t turn, failing; /* so many requests fail: out of memory */
    uint32_t buffer;        /* requests that the link takes; 0: LINK_WINDOW */
    uint32_t renewed;       /* times that the relay wanted another HELLO, */
    bool renew;             /* as it does now */
    struct unit_ask asked[LINK_WINDOW];
    struct unit_said said[LINK_WINDOW];
    uint32_t asked_count, said_count;
    uint64_t hello_acked;
    uint32_t hello_lines;
    char people[UNIT_PEOPLE][LABEL_TEXT + 2]; /* "ann", "bot b" */
    uint32_t items;
    char *item[UNIT_ITEMS]; /* the stream: payloads, NUL-terminated */
    uint64_t index[UNIT_ITEMS];
} unit_engine;

/* ---- people ---- */

static inline char *unit_person(const char *name) {
    size_t len = strlen(name);
    for (int i = 0; i < UNIT_PEOPLE; i++)
        if (strncmp(unit_engine.people[i], name, len) == 0 && unit_engine.people[i][len] == ' ')
            return unit_engine.people[i];
    return NULL;
}

static inline void unit_person_set(const char *name, const char *value) {
    char *at = unit_person(name);
    for (int i = 0; !at && i < UNIT_PEOPLE; i++)
        if (!unit_engine.people[i][0])
            at = unit_engine.people[i];
    cr_assert_not_null(at);
    snprintf(at, LABEL_TEXT + 2, "%s %s", name, value);
}

static inline void unit_person_clear(const char *name) {
    char *at = unit_person(name);
    if (at)
        at[0] = '\0';
}

static inline int unit_by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

/* "ann |bot b|", sorted; valid until the next call. */
static inline const char *unit_people(void) {
    static char out[UNIT_PEOPLE * (LABEL_TEXT + 3)];
    static char sorted[UNIT_PEOPLE][LABEL_TEXT + 2];
    memcpy(sorted, unit_engine.people, sizeof sorted);
    qsort(sorted, UNIT_PEOPLE, sizeof sorted[0], unit_by_name);
    out[0] = '\0';
    for (int i = 0; i < UNIT_PEOPLE; i++)
        if (sorted[i][0])
            sprintf(out + strlen(out), "%s|", sorted[i]);
    return out;
}

/* ---- the engine's side ---- */

static inline bool unit_link_pass(struct link *link, const struct link_pass *pass) {
    struct unit_engine *e = &unit_engine;
    uint32_t most = e->buffer > 0 ? e->buffer : LINK_WINDOW;
    (void)link;
    if (e->asked_count + e->said_count >= most)
        return false;
    struct unit_ask *ask = &e->asked[e->asked_count++];
    *ask = (struct unit_ask){.life = pass->life,
                             .prev = pass->prev,
                             .index = pass->index,
                             .op = pass->op,
                             .len = pass->len,
                             .payload = strndup(pass->payload, pass->len)};
    snprintf(ask->name, sizeof ask->name, "%s", pass->name);
    snprintf(ask->name2, sizeof ask->name2, "%s", pass->name2);
    return true;
}

static inline void unit_link_again(struct link *link, const char *why) {
    (void)link;
    cr_assert_neq(why[0], '\0');
    unit_engine.renew = true;
    unit_engine.renewed++;
}

static inline void unit_engine_add(const struct unit_ask *ask) {
    struct unit_engine *e = &unit_engine;
    cr_assert_lt(e->items, UNIT_ITEMS);
    e->index[e->items] = ask->index;
    e->item[e->items++] = ask->payload;
    if (ask->op == '+')
        unit_person_set(ask->name, ask->name2);
    if (ask->op == '-' || ask->op == 'r')
        unit_person_clear(ask->name);
    if (ask->op == 'r')
        unit_person_set(ask->name2, "");
    e->mark = ask->index;
}

static inline void unit_engine_execute(const struct unit_ask *ask) {
    struct unit_engine *e = &unit_engine;
    struct unit_said *said = &e->said[e->said_count++];
    bool marked = e->marked && e->life == ask->life;
    bool fits = marked && e->mark == ask->prev && e->failing == 0;
    *said = (struct unit_said){ask->index, fits ? LINK_OK : LINK_GAP, marked ? e->mark : 0, marked};
    e->failing -= e->failing > 0;
    if (fits)
        unit_engine_add(ask);
}

static inline void unit_engine_run(uint32_t n) {
    struct unit_engine *e = &unit_engine;
    for (uint32_t i = 0; i < n && e->asked_count > 0; i++) {
        unit_engine_execute(&e->asked[0]);
        memmove(&e->asked[0], &e->asked[1], --e->asked_count * sizeof e->asked[0]);
    }
}

static inline void unit_engine_answer(struct relay_process *p, uint32_t n) {
    struct unit_engine *e = &unit_engine;
    for (uint32_t i = 0; i < n && e->said_count > 0; i++) {
        struct unit_said said = e->said[0];
        memmove(&e->said[0], &e->said[1], --e->said_count * sizeof e->said[0]);
        struct link_event ev = {.kind = LINK_PASSED,
                                .result = said.result,
                                .index = said.index,
                                .mark = said.mark,
                                .marked = said.marked};
        pass_answer(p, &ev);
    }
}

/* The relay is not told: it is dead. */
static inline void unit_engine_drop(void) {
    unit_engine.asked_count = unit_engine.said_count = 0;
    unit_engine.renew = false;
}

static inline void unit_engine_lose(struct relay_process *p) {
    unit_engine_drop();
    pass_lost(p);
}

static inline void unit_engine_hello(struct relay_process *p) {
    struct unit_engine *e = &unit_engine;
    struct link_hello hello;
    char name[LABEL_TEXT];
    const char *value;
    uint32_t at = 0;
    own_hello(p, &hello);
    e->hello_acked = hello.acked;
    e->hello_lines = hello.lines;
    if (!e->marked || e->life != hello.life)
        e->mark = hello.from;
    e->life = hello.life;
    e->marked = true;
    memset(e->people, 0, sizeof e->people);
    while (own_person(p, &at, name, sizeof name, &value))
        unit_person_set(name, value);
    struct link_event ev = {.kind = LINK_HELLO, .mark = e->mark, .turn = ++e->turn};
    pass_hello(p, &ev);
}

/* Does what the relay wants of the link. */
static inline void unit_engine_renew(struct relay_process *p) {
    if (!unit_engine.renew)
        return;
    unit_engine_lose(p);
    unit_engine_hello(p);
}

/* Until all is passed on. */
static inline void unit_engine_all(struct relay_process *p) {
    for (int turns = 0; turns < 2000; turns++) {
        pass_work(p);
        unit_engine_run(LINK_WINDOW);
        unit_engine_answer(p, LINK_WINDOW);
        unit_engine_renew(p);
        if (pass_done(p, room_count(&p->w.seg->room)))
            return;
    }
    cr_assert_fail("it is never done");
}

/* ---- the relay ---- */

static inline void unit_passing_begin(struct relay_process *p) {
    pass_begin(p);
    p->pass.send = unit_link_pass;
    p->pass.again = unit_link_again;
}

/* Takes up the shared place, as a process that begins, with all of the ledger applied. */
static inline void unit_passing(struct relay_process *p, struct segment *seg) {
    memset(p, 0, sizeof *p);
    p->w.seg = seg;
    p->w.index = RELAY_SLOT;
    p->w.slot = &seg->slots[RELAY_SLOT];
    p->shared = &seg->header->relay;
    p->place = *relay_place(p->shared);
    if (p->place.index == 0)
        p->place.index = 1;
    strcpy(p->node, "paris");
    p->place.life = UNIT_LIFE;
    unit_passing_begin(p);
}

/* What the relay's loop does with the ledger, as far as passing on depends on it. */
static inline void unit_passing_apply(struct relay_process *p) {
    for (; p->place.index < room_count(&p->w.seg->room); p->place.index++)
        p->place.own_lines += pass_is_line(room_entry(&p->w.seg->room, p->place.index));
}

static inline void unit_passing_commit(struct relay_process *p) {
    uint32_t turn = atomic_load(&p->shared->turn);
    p->shared->place[(turn + 1) & 1] = p->place;
    atomic_store(&p->shared->turn, turn + 1);
}

/* The n-th item of the stream, as a reader has it; valid until the next call. */
static inline const struct item *unit_item(uint32_t n) {
    static struct item item;
    cr_assert_lt(n, unit_engine.items, "there are %u items", unit_engine.items);
    const char *text = unit_engine.item[n];
    const char *wrong = item_read(text, strlen(text), "Units", &item);
    cr_assert_null(wrong, "\"%s\": %s", text, wrong);
    return &item;
}

static inline const char *unit_kind(enum item_kind kind) {
    static const char *const names[ITEM_KINDS] = {
        [ITEM_SAY] = "say",       [ITEM_ME] = "me",        [ITEM_BARE] = "bare",
        [ITEM_JOIN] = "join",     [ITEM_LEAVE] = "leave",  [ITEM_NICK] = "nick",
        [ITEM_KICK] = "kick",     [ITEM_SYS] = "sys",      [ITEM_MSG] = "msg",
        [ITEM_NOBODY] = "nobody", [ITEM_UNREAD] = "unread"};
    return names[kind];
}

/* The items since the last call are these, "KIND WHO TO TEXT|" each. */
static inline void unit_passes_at(struct where where, struct relay_process *p, const char *want) {
    static uint32_t seen;
    char got[16384] = "";
    unit_passing_apply(p);
    unit_engine_all(p);
    for (; seen < unit_engine.items; seen++) {
        const struct item *item = unit_item(seen);
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s %s %s %s|", unit_kind(item->kind),
                 item->who, item->to, item->text);
    }
    if (strcmp(got, want) != 0)
        fail_at(where, "passes \"%s\", not \"%s\"", got, want);
}
#define unit_passes(p, want) unit_passes_at(HERE, p, want)

#endif
