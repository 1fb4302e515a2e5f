/* metrics.c - see metrics.h. */
#include "ipc/metrics.h"

#include "ipc/layout.h"
#include "ipc/survey.h"
#include "ipc/version.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { METRICS_LINE_MAX = 256 };

struct metrics_text {
    char *out;
    size_t len;
};

/* A line that does not fit is left out, which METRICS_MAX rules out. */
static void metrics_line(struct metrics_text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void metrics_line(struct metrics_text *t, const char *fmt, ...) {
    char line[METRICS_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line - 1, fmt, args);
    va_end(args);
    if (n < 0 || n >= (int)sizeof line - 1 || (size_t)n + 1 > METRICS_MAX - t->len)
        return;
    line[n] = '\n';
    memcpy(t->out + t->len, line, (size_t)n + 1);
    t->len += (size_t)n + 1;
}

static void metrics_family(struct metrics_text *t, const char *name, const char *help) {
    size_t len = strlen(name);
    bool counter = len > 6 && strcmp(name + len - 6, "_total") == 0;
    metrics_line(t, "# HELP chatroom_%s %s", name, help);
    metrics_line(t, "# TYPE chatroom_%s %s", name, counter ? "counter" : "gauge");
}

/* `label` may be empty: `name="value"` otherwise. */
static void metrics_sample(struct metrics_text *t, const char *name, const char *label,
                           const char *value, uint64_t number) {
    if (*label)
        metrics_line(t, "chatroom_%s{%s=\"%s\"} %llu", name, label, value,
                     (unsigned long long)number);
    else
        metrics_line(t, "chatroom_%s %llu", name, (unsigned long long)number);
}

static void metrics_one(struct metrics_text *t, const char *name, const char *help,
                        uint64_t number) {
    metrics_family(t, name, help);
    metrics_sample(t, name, "", "", number);
}

/* ---- the server ---- */

static void metrics_server(struct metrics_text *t, const struct segment *seg,
                           const struct survey *s) {
    metrics_family(t, "build_info", "The program, and the layout of its shared memory.");
    metrics_line(t, "chatroom_build_info{version=\"%s\",layout=\"%08x\"} 1", CHATROOM_VERSION,
                 layout_number());
    metrics_family(t, "uptime_seconds", "Since the server was started; upgrades do not count.");
    metrics_line(t, "chatroom_uptime_seconds %llu.%03u", (unsigned long long)(s->uptime_ms / 1000),
                 (unsigned)(s->uptime_ms % 1000));
    metrics_one(t, "configurations_total", "Configurations that took effect, the first included.",
                s->config_version);
    metrics_one(t, "workers", "Processes that serve, by the configuration.", s->workers);
    metrics_one(t, "shared_memory_reserved_bytes", "Of rings, tables, records and buffers.",
                segment_reserved(seg));
}

/* ---- the room ---- */

static void metrics_room(struct metrics_text *t, const struct survey *s) {
    metrics_one(t, "people", "In the room.", s->people);
    metrics_one(t, "max_clients", "How many may be connected.", s->max_clients);
    metrics_family(t, "lines_total",
                   "Lines that the room was shown: speech, and the server's own.  Starts over at "
                   "2^32.");
    metrics_sample(t, "lines_total", "kind", "speech", s->said);
    metrics_sample(t, "lines_total", "kind", "other", s->lines - s->said);
    metrics_one(t, "ledger_entries_total",
                "Events of the room: lines, private ones too, and clients that changed workers.",
                s->count - 1);
}

static void metrics_rings(struct metrics_text *t, const struct survey *s) {
    metrics_family(t, "ring_used_bytes",
                   "Text that a worker may still send; beyond 5/8 of the size one is behind.");
    for (int e = 0; e < RING_COUNT; e++)
        metrics_sample(t, "ring_used_bytes", "ring", survey_ring_name(e), s->ring_used[e]);
    metrics_family(t, "ring_size_bytes", "Text that is kept at most.");
    for (int e = 0; e < RING_COUNT; e++)
        metrics_sample(t, "ring_size_bytes", "ring", survey_ring_name(e), s->ring_size[e]);
    metrics_one(t, "ledger_used_entries", "Entries that a worker still needs.", s->ledger_used);
    metrics_one(t, "ledger_size_entries", "Entries that are kept at most.", s->ledger_len);
}

static void metrics_pools(struct metrics_text *t, const struct segment *seg) {
    static const char *const name[] = {"input", "replies", "ignoring"};
    const struct survey_pool pool[] = {survey_pool(&seg->rx_buffers), survey_pool(&seg->tx_buffers),
                                       survey_pool(&seg->ignore_more)};
    metrics_family(t, "buffers_used", "Buffers of clients.");
    for (int i = 0; i < 3; i++)
        metrics_sample(t, "buffers_used", "pool", name[i], pool[i].used);
    metrics_family(t, "buffers_reserved", "Buffers that have memory by now.");
    for (int i = 0; i < 3; i++)
        metrics_sample(t, "buffers_reserved", "pool", name[i], pool[i].reserved);
}

static void metrics_transcript(struct metrics_text *t, const struct survey *s) {
    metrics_one(t, "transcript_active", "1: a process writes the transcript.", s->transcript);
    metrics_one(t, "transcript_lines_total", "Lines written to it.", s->transcript_lines);
    metrics_one(t, "transcript_missed_lines_total", "Lines that it does not have.",
                s->transcript_missed);
    metrics_one(t, "transcript_lag_entries", "Events of the room that it has not come to.",
                s->transcript_lag);
    metrics_one(t, "transcript_unsynced_bytes", "Written, and perhaps not on the disk yet.",
                s->transcript_unsynced);
}

static void metrics_relay(struct metrics_text *t, const struct survey_relay *r) {
    metrics_one(t, "relay_up", "1: the link to the other machines is up.", r->up);
    metrics_one(t, "relay_lag_items", "Of this machine, not acknowledged by the engine yet.",
                r->lag);
    metrics_one(t, "relay_lines_out_total", "Lines passed on to other machines.", r->lines_out);
    metrics_one(t, "relay_lines_in_total", "Lines of other machines that the room was shown.",
                r->lines_in);
    metrics_one(t, "relay_skipped_out_total", "Lines that other machines lack.", r->skipped_out);
    metrics_one(t, "relay_skipped_in_total", "Lines of other machines that the room lacks.",
                r->skipped_in);
    metrics_one(t, "relay_refused_total", "Items of other machines that were no good.", r->refused);
    metrics_family(
        t, "machine_people",
        "People in the room on another machine; as last known while chatroom_relay_up is 0.");
    for (uint32_t i = 0; i < r->machine_count; i++)
        metrics_sample(t, "machine_people", "machine", r->machine[i].name, r->machine[i].people);
    metrics_family(t, "machine_in_reach", "1: the other machine is in reach.");
    for (uint32_t i = 0; i < r->machine_count; i++)
        metrics_sample(t, "machine_in_reach", "machine", r->machine[i].name,
                       r->machine[i].in_reach);
}

/* ---- workers ---- */

/* A number of struct survey_slot. */
static const struct metrics_column {
    const char *name, *help;
    size_t offset, size;
} metrics_columns[] = {
#define COLUMN(name, field, help)                                                                  \
    { name, help, offsetof(struct survey_slot, field), sizeof(((struct survey_slot *)0)->field) }
    COLUMN("connections", clients, "People connected, whether in the room or not."),
    COLUMN("connections_accepted_total", counts.accepted, "Connections of any kind served."),
    COLUMN("connections_closed_total", counts.closed, "Of these, those that have ended."),
    COLUMN("received_bytes_total", counts.bytes_in, "What clients sent."),
    COLUMN("sent_bytes_total", counts.bytes_out, "What clients were sent."),
    COLUMN("sends_total", counts.sends, "System calls by which clients were sent it."),
    COLUMN("deliveries_total", counts.delivered, "Lines of the room times their receivers."),
    COLUMN("overruns_total", counts.overruns, "Times that a client too slow lost lines."),
    COLUMN("worker_lag_entries", lag, "Events of the room that the worker has not applied."),
    COLUMN("worker_deaths_total", died, "Processes that died in the worker's place."),
#undef COLUMN
};

static uint64_t metrics_number(const struct survey_slot *slot, const struct metrics_column *c) {
    const char *at = (const char *)slot + c->offset;
    uint64_t wide;
    uint32_t narrow;
    if (c->size == sizeof narrow) {
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, at, sizeof wide);
    return wide;
}

static void metrics_workers(struct metrics_text *t, const struct survey *s) {
    char worker[16];
    for (size_t i = 0; i < sizeof metrics_columns / sizeof metrics_columns[0]; i++) {
        const struct metrics_column *c = &metrics_columns[i];
        metrics_family(t, c->name, c->help);
        for (uint32_t k = 0; k < s->slots_used; k++) {
            snprintf(worker, sizeof worker, "%u", k);
            metrics_sample(t, c->name, "worker", worker, metrics_number(&s->slot[k], c));
        }
    }
    metrics_family(t, "worker_serving", "1: the worker serves clients.");
    for (uint32_t k = 0; k < s->slots_used; k++) {
        snprintf(worker, sizeof worker, "%u", k);
        metrics_sample(t, "worker_serving", "worker", worker, s->slot[k].state == SLOT_SERVING);
    }
}

static void metrics_refused(struct metrics_text *t, const struct survey *s) {
    static const char *const reason[REFUSED_REASONS] = {[REFUSED_RATE] = "connect_rate",
                                                        [REFUSED_FULL] = "max_clients",
                                                        [REFUSED_ADDRESS] =
                                                            "max_clients_per_address",
                                                        [REFUSED_BANNED] = "banned",
                                                        [REFUSED_MEMORY] = "memory",
                                                        [REFUSED_HTTP] = "metrics"};
    metrics_family(t, "connections_refused_total",
                   "Connections that were closed when they came, by the limit.");
    for (int i = 0; i < REFUSED_REASONS; i++) {
        uint64_t sum = 0;
        for (int k = 0; k < WORKERS_MAX; k++)
            sum += s->slot[k].refused[i];
        metrics_sample(t, "connections_refused_total", "reason", reason[i], sum);
    }
}

size_t metrics_render(const struct segment *seg, char out[METRICS_MAX]) {
    struct metrics_text t = {.out = out};
    struct survey s;
    survey_take(seg, &s);
    metrics_server(&t, seg, &s);
    metrics_room(&t, &s);
    metrics_rings(&t, &s);
    metrics_pools(&t, seg);
    metrics_transcript(&t, &s);
    metrics_relay(&t, &s.relay);
    metrics_workers(&t, &s);
    metrics_refused(&t, &s);
    return t.len;
}
