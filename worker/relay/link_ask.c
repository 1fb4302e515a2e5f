/* link_ask.c - see link_ask.h. */
#include "worker/relay/link_ask.h"

#include "ipc/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ASK_PERSON = NAME_BYTES_MAX + 32, /* bytes of one in a command, with its value */
    ASK_HEAD = 512,                   /* of a command with its fixed arguments */
};

static const char *link_script_name(enum script script) {
    static char names[SCRIPTS][SCRIPT_NAME];
    if (names[script][0] == '\0')
        script_name(script, names[script]);
    return names[script];
}

/* ---- the row ---- */

static bool link_ask_may(const struct link *l, size_t bytes) {
    return l->count < LINK_QUESTIONS && engine_has_room(&l->writer, bytes);
}

static void link_ask_add(struct link *l, uint32_t kind, uint64_t index) {
    resp_commit(&l->writer.tx);
    engine_asked(&l->writer, l->now);
    l->question[(l->first + l->count++) % LINK_QUESTIONS] = (struct link_question){index, kind};
}

/* A script with `more` arguments behind node and life. */
static void link_ask_script(struct link *l, enum script script, size_t more) {
    struct resp_writer *w = &l->writer.tx;
    resp_put_array(w, 5 + more);
    resp_put_text(w, "EVALSHA");
    resp_put_bulk(w, link_script_name(script), SCRIPT_NAME - 1);
    resp_put_bulk(w, "0", 1);
    resp_put_text(w, l->target.node);
    resp_put_bulk(w, l->life, sizeof l->life - 1);
}

static void link_ask_date(struct link *l) {
    resp_put_number(&l->writer.tx, clock_wall_ms());
    resp_put_number(&l->writer.tx, l->target.keep);
}

/* ---- coming into reach ---- */

void link_ask_prepare(struct link *l) {
    struct resp_writer *w = &l->writer.tx;
    for (int i = 0; i < SCRIPTS; i++) {
        resp_put_array(w, 3);
        resp_put_text(w, "SCRIPT");
        resp_put_text(w, "LOAD");
        resp_put_text(w, script_text((enum script)i));
        link_ask_add(l, LINK_LOAD, 0);
    }
    resp_put_array(w, 2);
    resp_put_text(w, "INFO");
    resp_put_text(w, "memory");
    link_ask_add(l, LINK_INFO, 0);
}

bool link_ask_claim(struct link *l) {
    if (!link_ask_may(l, ASK_HEAD))
        return false;
    memset(&l->hello, 0, sizeof l->hello);
    l->owner->hello(l->owner->arg, &l->hello);
    snprintf(l->life, sizeof l->life, "%016" PRIx64, l->hello.life);
    l->person_at = 0;
    l->claimed = false;
    l->enter_sent = false;
    link_ask_script(l, SCRIPT_CLAIM, 1);
    resp_put_number(&l->writer.tx, LINK_LEASE_MS);
    link_ask_add(l, SCRIPT_CLAIM, 0);
    return true;
}

/* Returns how many people were put into the command. */
static uint32_t link_ask_people(struct link *l) {
    struct {
        char name[NAME_BYTES_MAX + 1];
        const char *value;
    } people[LINK_PEOPLE];
    uint32_t n = 0;
    while (n < LINK_PEOPLE && l->owner->person(l->owner->arg, &l->person_at, people[n].name,
                                               sizeof people[n].name, &people[n].value))
        n++;
    if (n == 0)
        return 0;
    link_ask_script(l, SCRIPT_PEOPLE, 2 * (size_t)n);
    for (uint32_t i = 0; i < n; i++) {
        resp_put_text(&l->writer.tx, people[i].name);
        resp_put_text(&l->writer.tx, people[i].value);
    }
    link_ask_add(l, SCRIPT_PEOPLE, 0);
    return n;
}

void link_ask_enter(struct link *l) {
    struct resp_writer *w = &l->writer.tx;
    while (link_ask_may(l, ASK_HEAD + LINK_PEOPLE * ASK_PERSON + LINK_SPARE)) {
        if (link_ask_people(l) > 0)
            continue;
        link_ask_script(l, SCRIPT_ENTER, 6);
        link_ask_date(l);
        resp_put_number(w, l->hello.turn);
        resp_put_number(w, l->hello.acked);
        resp_put_number(w, l->hello.lines);
        resp_put_number(w, l->hello.from);
        link_ask_add(l, SCRIPT_ENTER, 0);
        l->enter_sent = true;
        return;
    }
}

bool link_ask_beat(struct link *l, bool judge) {
    if (!link_ask_may(l, ASK_HEAD))
        return false;
    link_ask_script(l, SCRIPT_BEAT, 4);
    link_ask_date(l);
    resp_put_number(&l->writer.tx, LINK_LEASE_MS);
    resp_put_number(&l->writer.tx, judge);
    link_ask_add(l, SCRIPT_BEAT, 0);
    return true;
}

/* ---- up ---- */

bool link_pass(struct link *l, const struct link_pass *pass) {
    struct resp_writer *w = &l->writer.tx;
    if (l->phase != LINK_IS_UP || l->passing >= LINK_WINDOW ||
        !link_ask_may(l, pass->len + ASK_HEAD + 2 * ASK_PERSON + LINK_SPARE))
        return false;
    link_ask_script(l, SCRIPT_PASS, pass->op ? 7 : 4);
    resp_put_number(w, pass->prev);
    resp_put_number(w, pass->index);
    resp_put_bulk(w, pass->payload, pass->len);
    resp_put_number(w, l->target.keep);
    if (pass->op) {
        resp_put_bulk(w, &pass->op, 1);
        resp_put_text(w, pass->name);
        resp_put_text(w, pass->name2 ? pass->name2 : "");
    }
    l->passing++;
    link_ask_add(l, SCRIPT_PASS, pass->index);
    return true;
}

bool link_world(struct link *l) {
    if (l->phase != LINK_IS_UP || !link_ask_may(l, ASK_HEAD))
        return false;
    link_ask_script(l, SCRIPT_WORLD, 0);
    link_ask_add(l, SCRIPT_WORLD, 0);
    return true;
}

bool link_history(struct link *l, uint32_t items) {
    struct resp_writer *w = &l->writer.tx;
    if (l->phase != LINK_IS_UP || !link_ask_may(l, ASK_HEAD))
        return false;
    resp_put_array(w, 6);
    resp_put_text(w, "XREVRANGE");
    resp_put_text(w, "chatroom:lines");
    resp_put_text(w, "+");
    resp_put_text(w, "-");
    resp_put_text(w, "COUNT");
    resp_put_number(w, items);
    link_ask_add(l, LINK_PAST, 0);
    return true;
}

bool link_bye(struct link *l, uint64_t life) {
    if (l->phase != LINK_IS_UP || life != l->hello.life || !link_ask_may(l, ASK_HEAD))
        return false;
    link_ask_script(l, SCRIPT_BYE, 2);
    link_ask_date(l);
    link_ask_add(l, SCRIPT_BYE, 0);
    return true;
}

static void link_ask_read(struct link *l) {
    enum { BLOCK_MS = 2000 }; /* well below ENGINE_SILENT_MS */
    struct resp_writer *w = &l->reader.tx;
    char id[48];
    snprintf(id, sizeof id, "%" PRIu64 "-%" PRIu64, l->after.ms, l->after.seq);
    resp_put_array(w, 8);
    resp_put_text(w, "XREAD");
    resp_put_text(w, "COUNT");
    resp_put_number(w, LINK_ITEMS);
    resp_put_text(w, "BLOCK");
    resp_put_number(w, BLOCK_MS);
    resp_put_text(w, "STREAMS");
    resp_put_text(w, "chatroom:lines");
    resp_put_text(w, id);
    if (!resp_commit(w))
        return;
    l->reading = true;
    engine_asked(&l->reader, l->now);
}

void link_read(struct link *l, struct stream_id after) {
    l->after = after;
    if (l->phase == LINK_IS_UP && !l->reading)
        link_ask_read(l);
}
