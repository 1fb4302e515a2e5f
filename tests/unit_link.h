/* unit_link.h - a machine's link, without its machine: what it is told comes from the test, what
 * happens to it is text.
 *
 *     struct redis *r = redis_start("\n");
 *     struct machine *m = machine_start(r, "paris");
 *     machine_expect(m, "hello mark 7 turn 1");
 *     machine_pass(m, 7, 8, "one");
 *     machine_expect(m, "passed 8");
 *
 * Waiting runs the link, with a clock that a test may put forward.  What the link says to the log
 * is in m->log. */
#ifndef TESTS_UNIT_LINK_H
#define TESTS_UNIT_LINK_H

#include "ipc/clock.h"
#include "ipc/log.h"
#include "tests/lib/redis.h"
#include "worker/relay/link.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct machine {
    struct machine *next; /* all of the test */
    struct link *link;
    struct link_owner owner;
    struct config config;
    struct link_hello hello;
    uint32_t people; /* "0", "1", ...; every tenth is a bot */
    uint32_t hellos; /* how often it was asked */
    uint64_t ahead;  /* ms that its clock is put forward */
    struct link_event event;
    char text[16384]; /* of the last event */
    char log[16384];
};

static inline void machine_hello(void *arg, struct link_hello *out) {
    struct machine *m = arg;
    m->hellos++;
    *out = m->hello;
}

static inline bool machine_person(void *arg, uint32_t *at, char name[], size_t size,
                                  const char **value) {
    const struct machine *m = arg;
    if (*at >= m->people)
        return false;
    snprintf(name, size, "%u", *at);
    *value = *at % 10 == 0 ? "b" : "";
    ++*at;
    return true;
}

/* A configuration without an address: machine_address adds them. */
static inline struct machine *machine_new(const char *node) {
    static struct machine *machines; /* reachable for leak checkers */
    struct machine *m = calloc(1, sizeof *m);
    m->next = machines;
    machines = m;
    m->owner = (struct link_owner){m, machine_hello, machine_person};
    m->hello = (struct link_hello){.life = 0xabc, .acked = 7, .from = 7, .lines = 3};
    m->config.relay_keep = 1000;
    snprintf(m->config.node, sizeof m->config.node, "%s", node);
    m->link = link_make(&m->owner);
    log_copy_to(m->log, sizeof m->log);
    return m;
}

static inline void machine_address(struct machine *m, const char *host, uint16_t port) {
    struct relay_host *h = &m->config.relay[m->config.relay_count++];
    snprintf(h->host, sizeof h->host, "%s", host);
    h->port = port;
}

static inline struct machine *machine_start(const struct redis *r, const char *node) {
    struct machine *m = machine_new(node);
    machine_address(m, r->address, r->port);
    link_configure(m->link, &m->config);
    return m;
}

static inline uint64_t machine_now(const struct machine *m) {
    return clock_ms() + m->ahead;
}

/* The event as text. */
static inline const char *machine_tell(struct machine *m) {
    const struct link_event *e = &m->event;
    char *out = m->text;
    size_t size = sizeof m->text;
    switch (e->kind) {
    case LINK_HELLO: snprintf(out, size, "hello mark %" PRIu64 " turn %u", e->mark, e->turn); break;
    case LINK_LATER: snprintf(out, size, "later %" PRIx64, e->life); break;
    case LINK_LOST: snprintf(out, size, "lost"); break;
    case LINK_PASSED:
        if (e->result == LINK_OK)
            snprintf(out, size, "passed %" PRIu64, e->index);
        else
            snprintf(out, size, "gap %" PRIu64 " mark %" PRIu64 "%s", e->index, e->mark,
                     e->marked ? "" : " of none");
        break;
    case LINK_ITEM: snprintf(out, size, "item %.*s", (int)e->len, e->bytes); break;
    case LINK_READ: snprintf(out, size, "read"); break;
    case LINK_NODE:
        snprintf(out, size, "node %.*s life %" PRIx64 " turn %u mark %" PRIu64, (int)e->name_len,
                 e->name, e->life, e->turn, e->mark);
        break;
    case LINK_PERSON:
        snprintf(out, size, "person %.*s=%.*s", (int)e->name_len, e->name, (int)e->value_len,
                 e->value);
        break;
    case LINK_WORLD: snprintf(out, size, "world"); break;
    case LINK_HISTORY: snprintf(out, size, "history"); break;
    }
    return out;
}

/* One turn of a relay's loop, as far as it concerns the link.  True: an event. */
static inline bool machine_turn(struct machine *m, int wait_ms) {
    struct pollfd polls[LINK_POLLS];
    if (link_next(m->link, &m->event))
        return true;
    int n = link_polls(m->link, polls), timeout = link_timeout(m->link, machine_now(m));
    poll(polls, (nfds_t)n, timeout < 0 || timeout > wait_ms ? wait_ms : timeout);
    link_work(m->link, machine_now(m));
    return link_next(m->link, &m->event);
}

static inline const char *machine_next_at(struct where where, struct machine *m) {
    for (int64_t deadline = wait_deadline(); !machine_turn(m, 50);) {
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "no event; link: %s; log:\n%s", link_state(m->link), m->log);
    }
    return machine_tell(m);
}
#define machine_next(m) machine_next_at(HERE, m)

static inline void machine_expect_at(struct where where, struct machine *m, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static inline void machine_expect_at(struct where where, struct machine *m, const char *fmt, ...) {
    char want[16384];
    va_list args;
    va_start(args, fmt);
    vsnprintf(want, sizeof want, fmt, args);
    va_end(args);
    const char *got = machine_next_at(where, m);
    if (strcmp(got, want) != 0)
        fail_at(where, "expected: %s\ngot:      %s\nlink: %s; log:\n%s", want, got,
                link_state(m->link), m->log);
}
#define machine_expect(m, ...) machine_expect_at(HERE, m, __VA_ARGS__)

/* Runs the link until its log has the text; no event may come meanwhile. */
static inline void machine_until_said_at(struct where where, struct machine *m, const char *text) {
    for (int64_t deadline = wait_deadline(); !strstr(m->log, text);) {
        if (machine_turn(m, 50))
            fail_at(where, "event while waiting for \"%s\": %s", text, machine_tell(m));
        if (wait_left_ms(deadline) == 0)
            fail_at(where, "the log has no \"%s\":\n%s", text, m->log);
    }
}
#define machine_until_said(m, text) machine_until_said_at(HERE, m, text)

/* How often the log has the text. */
static inline unsigned machine_said(const struct machine *m, const char *text) {
    unsigned n = 0;
    for (const char *at = m->log; (at = strstr(at, text)); at += strlen(text))
        n++;
    return n;
}

static inline bool machine_pass(struct machine *m, uint64_t prev, uint64_t index,
                                const char *payload) {
    return link_pass(m->link, &(struct link_pass){.life = m->hello.life,
                                                  .prev = prev,
                                                  .index = index,
                                                  .payload = payload,
                                                  .len = strlen(payload)});
}

static inline bool machine_pass_op(struct machine *m, uint64_t prev, uint64_t index, char op,
                                   const char *name, const char *name2) {
    return link_pass(m->link, &(struct link_pass){.life = m->hello.life,
                                                  .prev = prev,
                                                  .index = index,
                                                  .payload = "x",
                                                  .len = 1,
                                                  .op = op,
                                                  .name = name,
                                                  .name2 = name2});
}

/* An answered question shows that all before it were. */
static inline void machine_round_trip_at(struct where where, struct machine *m) {
    if (!link_world(m->link))
        fail_at(where, "no room for a question");
    while (strcmp(machine_next_at(where, m), "world") != 0) {
    }
}
#define machine_round_trip(m) machine_round_trip_at(HERE, m)

#endif
