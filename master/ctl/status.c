/* status.c - `chatroom-ctl status`: the server in some lines, and its workers in a table. */
#include "ipc/address.h"
#include "master/ctl/commands.h"
#include "master/ctl/json.h"
#include "master/ctl/look.h"
#include "master/ctl/print.h"
#include "master/ctl/table.h"
#include "master/ctl/units.h"
#include "master/ctl/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct look status_before, status_now; /* large */

static const char *const status_kind[] = {"telnet", "control", "metrics", "web"};

static const char *status_kind_name(uint8_t kind) {
    return kind < sizeof status_kind / sizeof status_kind[0] ? status_kind[kind] : "unknown";
}

/* ---- for people ---- */

static void status_row(const char *label, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void status_row(const char *label, const char *fmt, ...) {
    char text[2048], clean[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    printf("%-15s%s\n", label, print_clean(clean, sizeof clean, text));
}

static void status_listening(const struct survey *s) {
    char text[2048] = "nowhere";
    size_t at = 0;
    for (uint32_t i = 0; i < s->listen_count && at + 2 * ENDPOINT_TEXT < sizeof text; i++) {
        char endpoint[ENDPOINT_TEXT];
        const struct listen_address *l = &s->listen[i];
        endpoint_format(&l->addr, l->port, endpoint);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s%s%s%s", i ? ", " : "", endpoint,
                               l->kind ? " (" : "", l->kind ? status_kind_name(l->kind) : "",
                               l->kind ? ")" : "");
    }
    status_row("listening", "%s", text);
}

static void status_people(const struct look *look) {
    char text[512], n[4][UNITS_TEXT];
    size_t at = (size_t)snprintf(text, sizeof text, "%s in the room",
                                 units_count(n[0], look->survey.people));
    const struct {
        uint32_t count;
        const char *what;
    } more[] = {{look->clients.not_logged_in, "not logged in"},
                {look->clients.quiet, "not announced yet"},
                {look->clients.muted, "muted"},
                {look->clients.blocked, "not reading"}};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (more[i].count > 0)
            at += (size_t)snprintf(text + at, sizeof text - at, ", %s %s",
                                   units_count(n[1], more[i].count), more[i].what);
    }
    status_row("people", "%s", text);
    status_row("connections", "%s of %s", units_count(n[2], look->survey.connections),
               units_count(n[3], look->survey.max_clients));
}

static unsigned status_percent(uint64_t used, uint64_t size) {
    return size ? (unsigned)((double)used / (double)size * 100 + 0.5) : 0;
}

static void status_memory(const struct look *look) {
    const struct survey *s = &look->survey;
    char n[4][UNITS_TEXT];
    status_row("rings", "utf-8 %u%%, gbk %u%%, big5 %u%%, side %u%%; ledger %u%%",
               status_percent(s->ring_used[ENC_UTF8], s->ring_size[ENC_UTF8]),
               status_percent(s->ring_used[ENC_GBK], s->ring_size[ENC_GBK]),
               status_percent(s->ring_used[ENC_BIG5], s->ring_size[ENC_BIG5]),
               status_percent(s->ring_used[RING_SIDE], s->ring_size[RING_SIDE]),
               status_percent(s->ledger_used, s->ledger_len));
    status_row("buffers", "%s of %s for input, %s of %s for replies",
               units_count(n[0], look->rx.used), units_count(n[1], look->rx.reserved),
               units_count(n[2], look->tx.used), units_count(n[3], look->tx.reserved));
}

static void status_counts(const struct survey *s) {
    char n[3][UNITS_TEXT];
    status_row("lines", "%s said, %s in all, %s delivered", units_count(n[0], s->said),
               units_count(n[1], s->lines), units_count(n[2], s->total.delivered));
    status_row("traffic", "%s out, %s in", units_bytes(n[0], (double)s->total.bytes_out),
               units_bytes(n[1], (double)s->total.bytes_in));
}

/* "up, 10.0.0.7:6379 as paris, lag 0, out 12, in 7, skipped 0/0" */
static const char *status_link(const struct survey_relay *r, char *out, size_t size) {
    char n[6][UNITS_TEXT];
    int at = r->up ? snprintf(out, size, "up, %s as %s", r->peer, r->node)
                   : snprintf(out, size, "down for %s as %s (%s)",
                              units_short(n[0], r->since_ms / 1000), r->node, r->state);
    at += snprintf(out + at, size - (size_t)at, ", lag %s, out %s, in %s, skipped %s/%s",
                   units_count(n[1], r->lag), units_count(n[2], r->lines_out),
                   units_count(n[3], r->lines_in), units_count(n[4], r->skipped_out),
                   units_count(n[5], r->skipped_in));
    if (r->refused > 0)
        snprintf(out + at, size - (size_t)at, ", refused %s", units_count(n[0], r->refused));
    return out;
}

static void status_relay(const struct look *before, const struct look *now) {
    char text[1024];
    const struct survey_slot *s = &now->survey.slot[RELAY_SLOT];
    if (!now->survey.relay.configured)
        return;
    status_link(&now->survey.relay, text, sizeof text);
    if (look_shown(now, RELAY_SLOT))
        status_row("relay", "%s; pid %d, %s", text, s->pid, look_word(before, now, RELAY_SLOT));
    else
        status_row("relay", "%s; no process", text);
}

static void status_participants(const struct look *before, const struct look *now) {
    for (uint32_t slot = WORKERS_MAX; slot < SLOT_COUNT; slot++) {
        char name[SLOT_NAME], behind[UNITS_TEXT];
        const struct survey_slot *s = &now->survey.slot[slot];
        if (!look_shown(now, slot) || slot == RELAY_SLOT)
            continue;
        status_row(slot_name(slot, name), "pid %d, %s%s%s%s", s->pid, look_word(before, now, slot),
                   s->lag ? ", entries behind: " : "", s->lag ? units_count(behind, s->lag) : "",
                   slot == MASTER_SLOT && now->survey.ending ? ", saying goodbye" : "");
    }
}

static void status_print_server(const struct look *before, const struct look *now) {
    const struct survey *s = &now->survey;
    char up[UNITS_TEXT];
    status_row("room", "%s%s", s->room, s->login ? "" : " (open: no login)");
    status_row("up", "%s", units_long(up, s->uptime_ms / 1000));
    status_listening(s);
    status_participants(before, now);
    status_relay(before, now);
    if (now->foreign)
        status_row("processes",
                   "in another PID namespace, or without /proc: the ids are the server's "
                   "own, and none is called stopped or gone");
    status_row("configuration", "version %llu", (unsigned long long)s->config_version);
    status_people(now);
    status_counts(s);
    status_memory(now);
    if (s->gate_slot >= 0 && s->gate_slot == before->survey.gate_slot &&
        look_verdict(before, now, (uint32_t)s->gate_slot) != LOOK_WELL)
        status_row("gate", "HELD by worker %d", s->gate_slot);
}

static void status_print_machines(const struct survey_relay *r) {
    struct table t;
    char n[UNITS_TEXT];
    if (r->machine_count == 0)
        return;
    table_begin(&t, "MACHINE|>PEOPLE|STATE");
    for (uint32_t i = 0; i < r->machine_count; i++) {
        table_cell(&t, "%s", r->machine[i].name);
        table_cell(&t, "%s", units_count(n, r->machine[i].people));
        table_cell(&t, "%s", r->machine[i].in_reach ? "in reach" : "OUT OF REACH");
    }
    putchar('\n');
    table_print(&t, stdout);
}

static void status_print_workers(const struct look *before, const struct look *now) {
    struct table t;
    char n[4][UNITS_TEXT];
    table_begin(&t, ">WORKER|>PID|>CLIENTS|>LAG|>ACCEPTED|>OUT|>IN|>OVERRUNS|STATE");
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        const struct survey_slot *s = &now->survey.slot[i];
        if (s->state == SLOT_UNUSED)
            continue;
        table_cell(&t, "%u", i);
        table_cell(&t, "%d", s->pid);
        table_cell(&t, "%s", units_count(n[0], s->clients));
        table_cell(&t, "%s", units_count(n[0], s->lag));
        table_cell(&t, "%s", units_count(n[0], s->counts.accepted));
        table_cell(&t, "%s", units_bytes(n[0], (double)s->counts.bytes_out));
        table_cell(&t, "%s", units_bytes(n[0], (double)s->counts.bytes_in));
        table_cell(&t, "%s", units_count(n[0], s->counts.overruns));
        table_cell(&t, s->deaths ? "%s, deaths in a row: %u" : "%s", look_word(before, now, i),
                   s->deaths);
    }
    putchar('\n');
    table_print(&t, stdout);
}

/* ---- for programs ---- */

static void status_json_counts(const struct survey_counts *c) {
    json_number("accepted", c->accepted);
    json_number("closed", c->closed);
    json_number("sends", c->sends);
    json_number("bytes_out", c->bytes_out);
    json_number("bytes_in", c->bytes_in);
    json_number("overruns", c->overruns);
    json_number("delivered", c->delivered);
}

static void status_json_process(const struct look *before, const struct look *now, uint32_t i) {
    enum look_verdict verdict = look_verdict(before, now, i);
    json_number("pid", (uint64_t)(now->survey.slot[i].pid > 0 ? now->survey.slot[i].pid : 0));
    if (now->foreign) {
        json_null("alive");
        json_null("stopped");
    } else {
        json_bool("alive", now->process[i].exists);
        json_bool("stopped", now->process[i].stopped);
    }
    json_bool("stands_still", verdict == LOOK_STILL || verdict == LOOK_STOPPED);
}

static void status_json_used(const char *key, const char *name, uint64_t used, uint64_t size) {
    json_open(key, '{');
    if (name)
        json_text("name", name);
    json_number("used", used);
    json_number("size", size);
    json_close('}');
}

static void status_json_pool(const char *name, struct survey_pool pool) {
    json_open(NULL, '{');
    json_text("name", name);
    json_number("used", pool.used);
    json_number("reserved", pool.reserved);
    json_number("size", pool.most);
    json_close('}');
}

static void status_json_memory(const struct look *look) {
    const struct survey *s = &look->survey;
    json_open("rings", '[');
    for (int e = 0; e < RING_COUNT; e++)
        status_json_used(NULL, survey_ring_name(e), s->ring_used[e], s->ring_size[e]);
    json_close(']');
    status_json_used("ledger", NULL, s->ledger_used, s->ledger_len);
    json_open("buffers", '[');
    status_json_pool("input", look->rx);
    status_json_pool("replies", look->tx);
    status_json_pool("ignoring", look->ignore_more);
    json_close(']');
}

static void status_json_workers(const struct look *before, const struct look *now) {
    json_open("workers", '[');
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        const struct survey_slot *s = &now->survey.slot[i];
        if (s->state == SLOT_UNUSED)
            continue;
        json_open(NULL, '{');
        json_number("worker", i);
        json_text("state", survey_state_name(s->state));
        status_json_process(before, now, i);
        json_number("clients", s->clients);
        json_number("lag", s->lag);
        json_number("kept", s->flush_lag);
        json_number("deaths", s->deaths);
        status_json_counts(&s->counts);
        json_close('}');
    }
    json_close(']');
}

static void status_json_listen(const struct survey *s) {
    json_open("listen", '[');
    for (uint32_t i = 0; i < s->listen_count; i++) {
        char endpoint[ENDPOINT_TEXT];
        json_open(NULL, '{');
        json_text("address", endpoint_format(&s->listen[i].addr, s->listen[i].port, endpoint));
        json_text("kind", status_kind_name(s->listen[i].kind));
        json_close('}');
    }
    json_close(']');
}

static void status_json_server(const struct look *look) {
    const struct survey *s = &look->survey;
    json_text("room", s->room);
    json_bool("login", s->login);
    json_bool("ending", s->ending);
    json_decimal("uptime_seconds", (double)s->uptime_ms / 1000);
    json_number("configuration", s->config_version);
    json_number("people", s->people);
    json_number("not_logged_in", look->clients.not_logged_in);
    json_number("quiet", look->clients.quiet);
    json_number("muted", look->clients.muted);
    json_number("not_reading", look->clients.blocked);
    json_number("connections", s->connections);
    json_number("max_clients", s->max_clients);
    json_number("said", s->said);
    json_number("lines", s->lines);
    json_number("entries", s->count);
    if (s->gate_slot >= 0)
        json_number("gate_held_by", (uint64_t)s->gate_slot);
    else
        json_null("gate_held_by");
    status_json_counts(&s->total);
}

static void status_json_link(const struct survey_relay *r) {
    if (!r->configured)
        return;
    json_open("link", '{');
    json_bool("up", r->up);
    json_text("node", r->node);
    json_text("engine", r->peer);
    json_text("state", r->state);
    json_decimal("since_seconds", (double)r->since_ms / 1000);
    json_number("lag", r->lag);
    json_number("lines_out", r->lines_out);
    json_number("lines_in", r->lines_in);
    json_number("skipped_out", r->skipped_out);
    json_number("skipped_in", r->skipped_in);
    json_number("refused", r->refused);
    json_open("machines", '[');
    for (uint32_t i = 0; i < r->machine_count; i++) {
        json_open(NULL, '{');
        json_text("name", r->machine[i].name);
        json_number("people", r->machine[i].people);
        json_bool("in_reach", r->machine[i].in_reach);
        json_close('}');
    }
    json_close(']');
    json_close('}');
}

static void status_json(const struct view *view, const struct look *before,
                        const struct look *now) {
    json_open(NULL, '{');
    json_bool("answered", view->answered);
    status_json_server(now);
    status_json_listen(&now->survey);
    for (uint32_t slot = WORKERS_MAX; slot < SLOT_COUNT; slot++) {
        char name[SLOT_NAME];
        if (!look_shown(now, slot))
            continue;
        json_open(slot_name(slot, name), '{');
        status_json_process(before, now, slot);
        json_number("lag", now->survey.slot[slot].lag);
        json_close('}');
    }
    status_json_link(&now->survey.relay);
    status_json_memory(now);
    status_json_workers(before, now);
    json_close('}');
}

int status_run(const struct ctl *ctl) {
    struct view view;
    char err[VIEW_ERROR];
    if (!view_open(&view, ctl->socket, err))
        return ctl_refused(ctl, "%s", err);
    look_twice(&status_before, &status_now, &view.seg);
    if (ctl->json) {
        status_json(&view, &status_before, &status_now);
    } else {
        if (!view.answered)
            puts("NO WORKER ANSWERS; read from the server's memory:\n");
        status_print_server(&status_before, &status_now);
        status_print_machines(&status_now.survey.relay);
        status_print_workers(&status_before, &status_now);
    }
    view_close(&view);
    return CTL_DONE;
}
