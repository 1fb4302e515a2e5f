/* find.c - see find.h. */
#include "worker/relay/find.h"

#include <stdio.h>
#include <string.h>

/* ---- one address after the other ---- */

static void find_resolve(struct find *f, const struct relay_host *host, uint64_t now) {
    const char *form = strchr(host->host, ':') ? "[%s]:%u" : "%s:%u";
    f->at = *host;
    f->address = 0;
    f->greeting = false;
    snprintf(f->peer, sizeof f->peer, form, f->at.host, f->at.port);
    f->looked_up = resolve_begin(&f->names, f->at.host, f->at.port, now);
}

void find_begin(struct find *f, uint64_t now) {
    f->host %= f->count;
    f->tried = 0;
    f->slow = false;
    f->elsewhere = false;
    find_resolve(f, &f->hosts[f->host], now);
}

void find_skip(struct find *f) {
    f->host++;
}

void find_end(struct find *f) {
    resolve_end(&f->names);
}

static void find_greet(struct find *f, struct engine *e, const struct account *account,
                       uint64_t now) {
    f->greeting = true;
    engine_open(e, find_address(f), now);
    greet_begin(&f->greet, e, account, now);
}

/* False: all were tried. */
static bool find_next(struct find *f, struct engine *e, const struct account *account,
                      uint64_t now) {
    engine_close(e);
    if (f->greeting && ++f->address < f->names.count) { /* a name may be of several machines */
        find_greet(f, e, account, now);
        return true;
    }
    f->host = (f->host + 1) % f->count;
    f->elsewhere = false;
    if (++f->tried >= f->count)
        return false;
    find_resolve(f, &f->hosts[f->host], now);
    return true;
}

/* ---- what comes of it ---- */

static bool find_look_up(struct find *f, struct engine *e, const struct account *account,
                         struct trouble *t, uint64_t now) {
    if (f->looked_up == RESOLVE_BUSY)
        f->looked_up = resolve_work(&f->names, now);
    if (f->looked_up == RESOLVE_DONE)
        find_greet(f, e, account, now);
    if (f->looked_up != RESOLVE_FAILED)
        return true;
    trouble_say(t, "%s: %s", f->peer, f->names.wrong);
    return find_next(f, e, account, now);
}

static bool find_failed(struct find *f, struct engine *e, const struct account *account,
                        struct trouble *t, uint64_t now) {
    f->slow |= f->greet.slow;
    trouble_say(t, "%s: %s", f->peer, f->greet.wrong[0] ? f->greet.wrong : e->wrong);
    return find_next(f, e, account, now);
}

/* A Sentinel's word is followed once. */
static bool find_follow(struct find *f, struct engine *e, const struct account *account,
                        struct trouble *t, uint64_t now) {
    const struct relay_host primary = f->greet.primary;
    if (f->elsewhere) {
        snprintf(f->greet.wrong, sizeof f->greet.wrong, "it is named as a primary, and is none");
        return find_failed(f, e, account, t, now);
    }
    engine_close(e);
    f->elsewhere = true;
    find_resolve(f, &primary, now);
    return true;
}

static enum greet_state find_greeting(struct find *f, struct engine *e, uint64_t now) {
    engine_receive(e, now);
    enum greet_state state = greet_work(&f->greet, e, now);
    if (state == GREET_BUSY && !engine_send(e))
        return GREET_FAILED;
    return state;
}

enum find_state find_work(struct find *f, struct engine *e, const struct account *account,
                          struct trouble *t, uint64_t now) {
    for (;;) {
        bool more = true;
        if (!f->greeting) {
            more = find_look_up(f, e, account, t, now);
            if (more && !f->greeting && f->looked_up == RESOLVE_BUSY)
                return FIND_BUSY;
        } else {
            switch (find_greeting(f, e, now)) {
            case GREET_BUSY: return FIND_BUSY;
            case GREET_PRIMARY: return FIND_DONE;
            case GREET_ELSEWHERE: more = find_follow(f, e, account, t, now); break;
            case GREET_FAILED: more = find_failed(f, e, account, t, now); break;
            }
        }
        if (!more)
            return FIND_FAILED;
    }
}

uint64_t find_due(const struct find *f, const struct engine *e) {
    return f->greeting ? engine_due(e) : f->names.until;
}
