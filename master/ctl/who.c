/* who.c - `chatroom-ctl who`: the people in the room, by name. */
#include "ipc/address.h"
#include "ipc/survey.h"
#include "master/ctl/commands.h"
#include "master/ctl/json.h"
#include "master/ctl/table.h"
#include "master/ctl/units.h"
#include "master/ctl/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct who_list {
    struct survey_client *at;
    uint32_t len;
};

static bool who_wanted(const struct survey_client *client, bool all) {
    bool in_room = (client->flags & (FACT_IN_ROOM | FACT_QUIET)) == FACT_IN_ROOM;
    return client->person && (all || in_room);
}

/* Those of records [from, from + count) that are wanted. */
static void who_add(const struct segment *seg, uint32_t from, uint32_t count, bool all,
                    struct who_list *list) {
    for (uint32_t i = from; i < from + count; i++) {
        struct survey_client *next = &list->at[list->len];
        if (survey_client(seg, i, next) && who_wanted(next, all))
            list->len++;
    }
}

/* False: out of memory. */
static bool who_collect(const struct segment *seg, bool all, struct who_list *list) {
    uint32_t own = survey_records(seg), remote = survey_remote_records(seg);
    list->len = 0;
    list->at = calloc((size_t)own + remote + 1, sizeof *list->at);
    if (!list->at)
        return false;
    who_add(seg, 0, own, all, list);
    who_add(seg, seg->clients.len, remote, all, list);
    return true;
}

/* By name; those without one behind, by address and port. */
static int who_compare(const void *a, const void *b) {
    const struct survey_client *x = a, *y = b;
    if (!x->name[0] != !y->name[0])
        return x->name[0] ? -1 : 1;
    int order = strcmp(x->name, y->name);
    if (order == 0)
        order = memcmp(&x->addr, &y->addr, sizeof x->addr);
    return order ? order : (int)x->port - (int)y->port;
}

static bool who_in_room(const struct survey_client *c) {
    return (c->flags & FACT_IN_ROOM) != 0;
}

/* What an operator may want to know of a client, in words. */
static const struct {
    const char *word;
    uint32_t flag;
    uint8_t web;
} who_mark[] = {
    {"muted", FACT_MUTED, 0},           {"kicked", FACT_KICKED, 0}, {"echo", FACT_ECHOED, 0},
    {"timestamps", FACT_TIMESTAMPS, 0}, {"quiet", FACT_QUIET, 0},   {"dropping", FACT_DROPPING, 0},
    {"proxy", FACT_PROXY, 0},           {"bot", 0, WEB_BOT},        {"away", 0, WEB_AWAY},
};
enum { WHO_MARKS = sizeof who_mark / sizeof who_mark[0] };

static bool who_marked(const struct survey_client *c, int mark) {
    return c->flags & who_mark[mark].flag || c->web & who_mark[mark].web;
}

static void who_marks(const struct survey_client *c, char *out, size_t size) {
    int at = snprintf(out, size, "%s%s", who_in_room(c) ? "" : "not-logged-in",
                      c->blocked ? " not-reading" : "");
    for (int i = 0; i < WHO_MARKS; i++) {
        if (who_marked(c, i))
            at += snprintf(out + at, size - (size_t)at, " %s", who_mark[i].word);
    }
    if (out[0] == ' ')
        memmove(out, out + 1, (size_t)at);
}

/* What only the machine knows that a person is connected to. */
static void who_cells(struct table *t, const struct survey_client *c) {
    char endpoint[ENDPOINT_TEXT], idle[UNITS_TEXT];
    table_cell(t, "%s", endpoint_format(&c->addr, c->port, endpoint));
    table_cell(t, "%s", units_short(idle, c->idle / 10));
    table_cell(t, "%s", survey_encoding_name(c->encoding));
    table_cell(t, "%u", c->slot);
}

static void who_print(const struct who_list *list) {
    struct table t;
    table_begin(&t, "NAME|ADDRESS|>IDLE|ENCODING|>WORKER|MARKS");
    for (uint32_t i = 0; i < list->len; i++) {
        const struct survey_client *c = &list->at[i];
        char marks[128];
        who_marks(c, marks, sizeof marks);
        table_cell(&t, "%s", c->name[0] ? c->name : "-");
        if (!c->remote)
            who_cells(&t, c);
        for (int k = 0; c->remote && k < 4; k++)
            table_cell(&t, "-");
        table_cell(&t, "%s", marks);
    }
    table_print(&t, stdout);
}

static void who_json_here(const struct survey_client *c) {
    char endpoint[ENDPOINT_TEXT];
    json_text("address", endpoint_format(&c->addr, c->port, endpoint));
    json_decimal("idle_seconds", (double)c->idle / 10);
    json_text("encoding", survey_encoding_name(c->encoding));
    json_number("worker", c->slot);
}

static void who_json_elsewhere(void) {
    static const char *const unknown[] = {"address", "idle_seconds", "encoding", "worker"};
    for (int i = 0; i < 4; i++)
        json_null(unknown[i]);
}

static void who_json(const struct who_list *list) {
    json_open(NULL, '{');
    json_open("people", '[');
    for (uint32_t i = 0; i < list->len; i++) {
        const struct survey_client *c = &list->at[i];
        json_open(NULL, '{');
        if (c->name[0])
            json_text("name", c->name);
        else
            json_null("name");
        if (c->remote)
            who_json_elsewhere();
        else
            who_json_here(c);
        json_bool("elsewhere", c->remote);
        json_bool("in_room", who_in_room(c));
        json_bool("not_reading", c->blocked);
        for (int k = 0; k < WHO_MARKS; k++)
            json_bool(who_mark[k].word, who_marked(c, k));
        json_close('}');
    }
    json_close(']');
    json_close('}');
}

int who_run(const struct ctl *ctl) {
    struct view view;
    struct who_list list;
    char err[VIEW_ERROR];
    bool all = ctl->argc == 1 && strcmp(ctl->argv[0], "--all") == 0;
    if (ctl->argc == 1 && !all)
        return ctl_usage(ctl, "who takes nothing, or --all");
    if (!view_open(&view, ctl->socket, err))
        return ctl_refused(ctl, "%s", err);
    bool collected = who_collect(&view.seg, all, &list);
    view_close(&view);
    if (!collected)
        return ctl_refused(ctl, "out of memory");
    qsort(list.at, list.len, sizeof *list.at, who_compare);
    if (ctl->json)
        who_json(&list);
    else
        who_print(&list);
    free(list.at);
    return CTL_DONE;
}
