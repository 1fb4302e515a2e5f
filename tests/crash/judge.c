/* judge.c - tests the checker of order.h: a correct run passes, every seeded fault is found.
 *
 * Many small rooms are made at random: some viewers join later, one is overrun and gets a notice.
 * What each viewer receives is passed to the checker in random portions.  Then the same with one
 * fault. */
#include "tests/crash/judge_web.h"
#include "tests/crash/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VIEWERS = 5, LINES = 60, ROUNDS = 100 };

enum fault {
    GOOD,
    HASTY_DROPPED,  /* no viewer receives a line of a speaker that is too fast: no fault either */
    REFUSED,        /* ... of a speaker that is told it may not say it: no fault either */
    ONE_MISSES,     /* one viewer does not receive a line */
    ONE_SEES_TWICE, /* one viewer receives a line twice */
    ONE_SEES_SWAPPED,
    ONE_SEES_OTHER, /* one viewer receives a line that no other receives */
    ONE_STOPS,      /* one viewer does not receive the last lines */
    WRONG_NOTICE,   /* the notice of the overrun viewer has a wrong number */
    ROOM_MISSES,    /* no viewer receives a line */
    ROOM_SEES_TWICE,
    ROOM_SWAPS, /* two lines of one speaker are swapped for all viewers */
    HASTY_TWICE,
    HASTY_SWAPS,
    REFUSED_IN_SILENCE,
    REFUSED_TOO_EARLY,
    REFUSED_BUT_HEARD,
    FORBIDDEN,
    TOO_LATE, /* the speaker may say nothing behind another's line, and does */
    FAULTS
};
static const char *const names[] = {"good",
                                    "hasty dropped",
                                    "refused",
                                    "one misses",
                                    "one sees twice",
                                    "one sees swapped",
                                    "one sees other",
                                    "one stops",
                                    "wrong notice",
                                    "room misses",
                                    "room sees twice",
                                    "room swaps",
                                    "hasty twice",
                                    "hasty swaps",
                                    "refused in silence",
                                    "refused too early",
                                    "refused but heard",
                                    "forbidden",
                                    "too late"};

struct line {
    char text[32];
    enum order_kind kind;
    uint32_t speaker, number, skipped; /* skipped: the line is a notice of so many */
};

struct room {
    struct line line[LINES + 2];
    uint32_t len;
    struct line saw[VIEWERS][LINES + 8];
    uint32_t saws[VIEWERS], shown[VIEWERS];
};

static uint32_t below(uint32_t n) {
    return (uint32_t)random() % n;
}

static void remove_at(struct line *line, uint32_t *len, uint32_t at) {
    memmove(&line[at], &line[at + 1], (--*len - at) * sizeof *line);
}
static void insert_at(struct line *line, uint32_t *len, uint32_t at, struct line what) {
    memmove(&line[at + 1], &line[at], ((*len)++ - at) * sizeof *line);
    line[at] = what;
}
static void swap(struct line *a, struct line *b) {
    struct line c = *a;
    *a = *b;
    *b = c;
}

/* The speaker of the line is restrained for the time of this line. */
static void restrain(struct speaker *s, uint32_t number, enum fault fault) {
    bool refused = fault == REFUSED || (fault >= REFUSED_IN_SILENCE && fault <= FORBIDDEN);
    if (!refused)
        return;
    s->may_fail = (struct span){number - (fault != REFUSED_TOO_EARLY), number};
    s->must_fail = (struct span){number - (fault == FORBIDDEN), number};
    s->refused += fault == REFUSED || fault == REFUSED_TOO_EARLY || fault == REFUSED_BUT_HEARD;
}

/* All viewers join first, then viewers 0 to 2 speak in turn; the line at index `at` is by viewer
 * `at % 3`. */
static void room_make(struct room *r, struct room_order *o, enum fault fault) {
    uint32_t sent[VIEWERS] = {0};
    memset(r, 0, sizeof *r);
    for (uint32_t i = 0; i < LINES; i++) {
        struct line *line = &r->line[r->len++];
        line->speaker = i < VIEWERS ? i : i % 3;
        line->kind = i < VIEWERS ? ORDER_COMES : ORDER_SPEECH;
        if (i >= VIEWERS) {
            line->number = ++sent[line->speaker];
            order_sent(o, line->speaker);
        }
        sprintf(line->text, "%u: %d.%u", line->speaker, line->kind, line->number);
    }
    uint32_t at = VIEWERS + 1 + below(LINES - VIEWERS - 8);
    struct speaker *s = &o->speaker[r->line[at].speaker];
    s->hasty = fault == HASTY_DROPPED || fault == HASTY_TWICE || fault == HASTY_SWAPS;
    restrain(s, r->line[at].number, fault);
    if (fault == TOO_LATE) {
        o->announcer = r->line[at - 1].speaker;
        s->silent_from = r->line[at - 1].number;
    }
    if (fault == ROOM_MISSES || fault == HASTY_DROPPED || fault == REFUSED ||
        fault == REFUSED_IN_SILENCE || fault == REFUSED_TOO_EARLY)
        remove_at(r->line, &r->len, at);
    if (fault == ROOM_SEES_TWICE || fault == HASTY_TWICE)
        insert_at(r->line, &r->len, at, r->line[at]);
    if (fault == ROOM_SWAPS || fault == HASTY_SWAPS)
        swap(&r->line[at], &r->line[at + 3]);
}

/* What viewer v receives: all lines from its own join on; viewer 4 is overrun. */
static void viewer_make(struct room *r, uint32_t v, enum fault fault) {
    struct line *saw = r->saw[v];
    uint32_t *len = &r->saws[v], at, skipped = 1 + below(10);
    for (uint32_t i = v; i < r->len; i++)
        saw[(*len)++] = r->line[i];
    if (v == 4) {
        at = VIEWERS + below(20);
        for (uint32_t i = 0; i < skipped; i++)
            remove_at(saw, len, at);
        if (fault == WRONG_NOTICE)
            skipped += 2;
        insert_at(saw, len, at, (struct line){.skipped = skipped});
    }
    if (v != 3)
        return;
    at = 5 + below(*len - 12);
    if (fault == ONE_MISSES)
        remove_at(saw, len, at);
    if (fault == ONE_SEES_TWICE)
        insert_at(saw, len, at, saw[at]);
    if (fault == ONE_SEES_SWAPPED)
        swap(&saw[at], &saw[at + 1 + below(3)]);
    if (fault == ONE_SEES_OTHER)
        strcpy(saw[at].text, "0: something else");
    if (fault == ONE_STOPS)
        *len -= 1 + below(3);
}

static bool show(struct room_order *o, struct viewer *viewer, const struct line *line) {
    if (line->skipped) {
        order_skip(o, viewer, line->skipped);
        return true;
    }
    struct order_line l = {line->text, line->kind, line->speaker, line->number};
    return order_see(o, viewer, &l) == ORDER_SEEN;
}

static bool found(enum fault fault) {
    struct room_order *o = order_new();
    static struct room room;
    struct viewer viewer[VIEWERS];
    o->told = 1 << 20; /* no complaints: the faults are seeded */
    for (uint32_t v = 0; v < VIEWERS; v++) {
        order_speaker(o);
        order_entering(o, &viewer[v]);
    }
    room_make(&room, o, fault);
    for (uint32_t v = 0; v < VIEWERS; v++)
        viewer_make(&room, v, fault);
    show(o, &viewer[0], &room.saw[0][room.shown[0]++]); /* it joins before the others */
    for (uint32_t tries = 0; tries < 20000; tries++) {
        uint32_t v = below(VIEWERS);
        for (uint32_t n = below(6); n > 0 && room.shown[v] < room.saws[v]; n--) {
            if (!show(o, &viewer[v], &room.saw[v][room.shown[v]]))
                break;
            room.shown[v]++;
        }
    }
    order_finish(o);
    uint64_t bad = 0;
    for (uint32_t v = 0; v < VIEWERS; v++) {
        order_finish_viewer(o, &viewer[v]);
        bad += room.shown[v] < room.saws[v];
    }
    bad += o->lost + o->doubled + o->reordered + o->forbidden;
    order_free(o);
    return bad != 0;
}

int main(void) {
    uint32_t failures = 0;
    for (int fault = GOOD; fault < FAULTS; fault++) {
        uint32_t n = 0;
        for (uint32_t round = 0; round < ROUNDS; round++) {
            srandom(round);
            n += found((enum fault)fault);
        }
        printf("%-18s found in %u of %d\n", names[fault], n, ROUNDS);
        failures += n != (fault <= REFUSED ? 0 : ROUNDS);
    }
    failures += judge_web();
    printf("%s\n", failures ? "FAILED" : "ok");
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
