/* link_connect.c - see link.h: the life of the two connections. */
#include "worker/relay/link.h"

#include "ipc/log.h"
#include "worker/relay/link_answer.h"
#include "worker/relay/link_ask.h"
#include "worker/relay/link_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the end of the connections ---- */

static uint64_t link_pause(struct link *l, uint32_t pause) {
    static const uint32_t pauses[LINK_PAUSES] = {0, 500, 1000, 2000, 5000, 10000};
    uint32_t usual = pauses[l->failures < LINK_PAUSES ? l->failures : LINK_PAUSES - 1];
    l->failures++;
    if (pause == LINK_TAKEN_MS)
        return usual < LINK_TAKEN_MS ? usual : LINK_TAKEN_MS;
    return usual > pause ? usual : pause;
}

static void link_close(struct link *l) {
    if (l->phase == LINK_IS_UP && l->now >= l->up_at + LINK_STEADY_MS) {
        l->failures = 0;
        trouble_over(&l->trouble);
    }
    l->lost |= l->phase == LINK_IS_UP && !l->entered;
    l->entered = false;
    l->later = false;
    l->ending = 0;
    l->count = l->passing = 0;
    l->reading = l->reader_ready = false;
    l->claimed = l->enter_sent = false;
    l->phase = LINK_WAITING;
    engine_close(&l->writer);
    engine_close(&l->reader);
    find_end(&l->find);
}

void link_fail(struct link *l, uint32_t pause, const char *why) {
    link_close(l);
    trouble_say(&l->trouble, "%s: %s", l->find.peer, why);
    l->retry_at = l->now + link_pause(l, pause);
    snprintf(l->state, sizeof l->state, "%s", l->trouble.text);
}

void link_again(struct link *l, const char *why) {
    if (l->phase == LINK_IS_UP)
        link_fail(l, 0, why);
}

void link_leave(struct link *l) {
    log_info("node \"%s\" has left %s", l->target.node, l->find.peer);
    link_close(l);
    l->gone = true;
    snprintf(l->state, sizeof l->state, "left");
}

/* ---- what is configured ---- */

struct link *link_make(const struct link_owner *owner) {
    struct link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->owner = owner;
    engine_make(&l->writer, l->writer_tx, sizeof l->writer_tx, l->writer_rx, sizeof l->writer_rx);
    engine_make(&l->reader, l->reader_tx, sizeof l->reader_tx, l->reader_rx, sizeof l->reader_rx);
    return l;
}

static void link_read_target(struct link_target *t, const struct config *config) {
    memset(t, 0, sizeof *t);
    t->count = config->node[0] ? config->relay_count : 0;
    t->keep = config->relay_keep;
    t->account.db = config->relay_db;
    for (uint32_t i = 0; i < t->count; i++) {
        t->hosts[i].port = config->relay[i].port;
        snprintf(t->hosts[i].host, sizeof t->hosts[i].host, "%s", config->relay[i].host);
    }
    snprintf(t->node, sizeof t->node, "%s", config->node);
    snprintf(t->account.user, sizeof t->account.user, "%s", config->relay_user);
    snprintf(t->account.password, sizeof t->account.password, "%s", config->relay_password);
}

void link_configure(struct link *l, const struct config *config) {
    struct link_target target;
    link_read_target(&target, config);
    l->target.keep = target.keep;
    l->retry_at = l->gone ? 0 : l->retry_at;
    l->gone = false;
    if (memcmp(&target, &l->target, sizeof target) == 0)
        return;
    link_close(l);
    l->target = target;
    l->find.hosts = l->target.hosts;
    l->find.count = l->target.count;
    l->find.host = 0;
    l->failures = 0;
    l->retry_at = 0;
    trouble_over(&l->trouble);
    snprintf(l->state, sizeof l->state, "%s", target.count ? "connecting" : "not configured");
}

/* ---- its beginning ---- */

static void link_search(struct link *l) {
    l->phase = LINK_FINDING;
    find_begin(&l->find, l->now);
}

static void link_find(struct link *l) {
    switch (find_work(&l->find, &l->writer, &l->target.account, &l->trouble, l->now)) {
    case FIND_BUSY: return;
    case FIND_DONE:
        l->phase = LINK_PREPARING;
        link_ask_prepare(l);
        engine_open(&l->reader, find_address(&l->find), l->now);
        greet_begin(&l->greet, &l->reader, &l->target.account, l->now);
        return;
    case FIND_FAILED:
        link_close(l);
        l->retry_at = l->now + link_pause(l, l->find.slow ? LINK_SLOW_MS : 0);
        snprintf(l->state, sizeof l->state, "%s", l->trouble.text);
        return;
    }
}

/* What is wrong with a connection ends both. */
static void link_look(struct link *l, const struct engine *e) {
    char why[sizeof e->wrong];
    if (l->phase == LINK_WAITING || e->wrong[0] == '\0')
        return;
    if (e->silent)
        find_skip(&l->find);
    snprintf(why, sizeof why, "%s", e->wrong);
    link_fail(l, 0, why);
}

static void link_prepare(struct link *l) {
    if (!l->reader_ready) {
        switch (greet_work(&l->greet, &l->reader, l->now)) {
        case GREET_BUSY: break;
        case GREET_PRIMARY: l->reader_ready = true; break;
        case GREET_ELSEWHERE: link_fail(l, 0, "it is now a Sentinel"); return;
        case GREET_FAILED:
            if (l->greet.wrong[0])
                link_fail(l, l->greet.slow ? LINK_SLOW_MS : 0, l->greet.wrong);
            return;
        }
    }
    if (l->reader_ready && l->count == 0) {
        l->phase = LINK_ENTERING;
        l->beat_at = l->now;
        l->claim_due = true;
    }
}

static void link_enter(struct link *l) {
    if (l->claim_due && !l->later)
        l->claim_due = !link_ask_claim(l);
    if (l->claimed && !l->enter_sent)
        link_ask_enter(l);
}

/* 0: it has no lease to keep. */
static uint64_t link_beat_due(const struct link *l) {
    return l->claimed ? l->beat_at + LINK_BEAT_MS : 0;
}

/* One for which there is no room is left out: what fills the buffer is to be answered first. */
static void link_beat(struct link *l) {
    bool judge = l->phase == LINK_IS_UP && l->now >= l->up_at + LINK_JUDGE_MS;
    if (!l->claimed || l->now < link_beat_due(l))
        return;
    l->beat_at = l->now;
    link_ask_beat(l, judge);
}

/* ---- the loop ---- */

/* Before it is up the link reads its answers itself: none of them is an event of its own. */
static void link_progress(struct link *l) {
    struct resp_element el;
    struct link_event none;
    while (l->phase != LINK_WAITING && l->phase != LINK_IS_UP &&
           engine_read(&l->writer, l->now, &el))
        link_answer(l, &el, &none);
    link_look(l, &l->writer);
    if (l->phase == LINK_PREPARING)
        link_prepare(l);
    if (l->phase == LINK_ENTERING)
        link_enter(l);
}

void link_send(struct link *l) {
    if (l->phase <= LINK_FINDING)
        return;
    engine_send(&l->writer);
    engine_send(&l->reader);
}

void link_work(struct link *l, uint64_t now_ms) {
    l->now = now_ms;
    if (l->phase == LINK_WAITING && l->target.count > 0 && !l->gone && now_ms >= l->retry_at)
        link_search(l);
    if (l->phase == LINK_FINDING)
        link_find(l);
    if (l->phase <= LINK_FINDING)
        return;
    engine_receive(&l->writer, now_ms);
    engine_receive(&l->reader, now_ms);
    link_progress(l);
    link_beat(l);
    link_send(l);
    link_look(l, &l->writer);
    link_look(l, &l->reader);
}

static bool link_give(struct link *l, enum link_event_kind kind, struct link_event *out) {
    *out = l->event;
    out->kind = kind;
    return true;
}

static bool link_due_event(struct link *l, struct link_event *out) {
    if (l->lost) {
        l->lost = false;
        return link_give(l, LINK_LOST, out);
    }
    if (l->later) {
        l->later = false;
        l->claim_due = true;
        link_give(l, LINK_LATER, out);
        out->life = l->later_life;
        return true;
    }
    if (l->entered) {
        l->entered = false;
        return link_give(l, LINK_HELLO, out);
    }
    if (l->ending != 0) {
        enum link_event_kind kind = (enum link_event_kind)(l->ending - 1);
        l->ending = 0;
        return link_give(l, kind, out);
    }
    return false;
}

bool link_next(struct link *l, struct link_event *out) {
    struct resp_element el;
    memset(out, 0, sizeof *out);
    if (link_due_event(l, out))
        return true;
    while (l->phase == LINK_IS_UP && engine_read(&l->writer, l->now, &el)) {
        if (link_answer(l, &el, out) || link_due_event(l, out))
            return true;
    }
    while (l->phase == LINK_IS_UP && engine_read(&l->reader, l->now, &el)) {
        if (link_answer_read(l, &el, out) || link_due_event(l, out))
            return true;
    }
    link_look(l, &l->writer);
    link_look(l, &l->reader);
    return link_due_event(l, out);
}

/* ---- waiting ---- */

static int link_poll(const struct engine *e, struct pollfd *out) {
    short events = engine_events(e);
    *out = (struct pollfd){.fd = e->fd, .events = events};
    return events != 0;
}

int link_polls(const struct link *l, struct pollfd polls[LINK_POLLS]) {
    int n = 0;
    if (l->phase == LINK_FINDING && !l->find.greeting) {
        polls[n++] = (struct pollfd){.fd = l->find.names.fd, .events = POLLIN};
        return n;
    }
    n += link_poll(&l->writer, &polls[n]);
    n += link_poll(&l->reader, &polls[n]);
    return n;
}

static void link_sooner(uint64_t *due, uint64_t at) {
    if (at != 0 && at < *due)
        *due = at;
}

int link_timeout(const struct link *l, uint64_t now_ms) {
    uint64_t due = UINT64_MAX;
    if (l->lost || l->later || l->entered || l->ending)
        return 0;
    if (l->phase == LINK_WAITING)
        due = l->target.count > 0 && !l->gone ? l->retry_at : UINT64_MAX;
    else if (l->phase == LINK_FINDING)
        link_sooner(&due, find_due(&l->find, &l->writer));
    if (l->phase > LINK_FINDING) {
        link_sooner(&due, engine_due(&l->writer));
        link_sooner(&due, engine_due(&l->reader));
    }
    link_sooner(&due, link_beat_due(l));
    if (due == UINT64_MAX)
        return -1;
    return due > now_ms ? (int)(due - now_ms) : 0;
}

/* ---- what it is like ---- */

bool link_is_up(const struct link *l) {
    return l->phase == LINK_IS_UP && !l->entered;
}

const char *link_peer(const struct link *l) {
    return l->phase > LINK_FINDING ? l->find.peer : "";
}

const char *link_state(const struct link *l) {
    return l->phase == LINK_IS_UP ? "up" : l->state;
}

uint32_t link_waiting(const struct link *l) {
    return l->passing;
}
