/* top.c - `chatroom-ctl top`: the server live, once a second, until `q`; without a terminal once.
 *
 * It asks nothing of the server but its memory, so it shows one that stands still as well. */
#include "ipc/clock.h"
#include "master/ctl/commands.h"
#include "master/ctl/json.h"
#include "master/ctl/look.h"
#include "master/ctl/print.h"
#include "master/ctl/screen.h"
#include "master/ctl/table.h"
#include "master/ctl/units.h"
#include "master/ctl/view.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TOP_MS = 1000, TOP_BAR = 24, TOP_MASTER_MS = 5000 };

/* Two looks, and what lies between them. */
struct top {
    struct look look[2];
    int now; /* index of the newer one */
    double seconds;
    bool seen_alive; /* some process of the server's existed: its pids are of this namespace */
    uint64_t master_beat, master_moved_ms;
};

static struct top top;

static const struct look *top_now(void) {
    return &top.look[top.now];
}
static const struct look *top_before(void) {
    return &top.look[!top.now];
}

static void top_take(const struct segment *seg) {
    top.now = !top.now;
    look_take(&top.look[top.now], seg);
    const struct survey *s = &top_now()->survey;
    top.seconds = (double)(s->taken_ms - top_before()->survey.taken_ms) / 1000;
    top.seen_alive |= !look_ended(top_now());
    if (s->slot[MASTER_SLOT].heartbeat != top.master_beat || top.master_moved_ms == 0) {
        top.master_beat = s->slot[MASTER_SLOT].heartbeat;
        top.master_moved_ms = s->taken_ms;
    }
}

/* ---- numbers ---- */

/* A second's worth of what grew from `before` to `now`; a count that fell belongs to no time. */
static double top_rate(uint64_t before, uint64_t now) {
    return now > before && top.seconds > 0 ? (double)(now - before) / top.seconds : 0;
}

/* The same of a count modulo 2^32. */
static double top_rate32(uint32_t before, uint32_t now) {
    return top_rate(0, (uint32_t)(now - before));
}

static double top_cpu(uint32_t slot) {
    if (top_before()->survey.slot[slot].pid != top_now()->survey.slot[slot].pid)
        return 0;
    return top_rate(top_before()->process[slot].cpu_ms, top_now()->process[slot].cpu_ms) / 10;
}

static double top_cpu_all(void) {
    double sum = 0;
    for (uint32_t i = 0; i < SLOT_COUNT; i++)
        sum += top_cpu(i);
    return sum;
}

/* "12.5"; "?" where the processes cannot be looked at. */
static const char *top_cpu_text(char out[UNITS_TEXT], double percent) {
    return top_now()->foreign ? "?" : units_rate(out, percent);
}

static void top_json_cpu(double percent) {
    if (top_now()->foreign)
        json_null("cpu_percent");
    else
        json_decimal("cpu_percent", percent);
}

/* The master's heartbeat moves once a second at least. */
static const char *top_word(uint32_t slot) {
    const char *word = look_word(top_before(), top_now(), slot);
    bool still = top_now()->survey.taken_ms - top.master_moved_ms > TOP_MASTER_MS;
    if (slot == MASTER_SLOT && still && strcmp(word, "runs") == 0)
        return "STANDS STILL";
    return word;
}

static bool top_worry(uint32_t slot) {
    const char *word = top_word(slot);
    return word[0] >= 'A' && word[0] <= 'Z';
}

/* ---- the text ---- */

static void top_print(FILE *out, const char *attribute, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void top_print(FILE *out, const char *attribute, const char *fmt, ...) {
    char text[TABLE_CELL], clean[TABLE_CELL];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(out, "%s%s\n", attribute, print_clean(clean, sizeof clean, text));
}

static void top_title(FILE *out) {
    char up[UNITS_TEXT], clock[16];
    time_t t = time(NULL);
    struct tm tm;
    strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&t, &tm));
    top_print(out, SCREEN_INVERSE, " %s  up %s  %s%s", top_now()->survey.room,
              units_long(up, top_now()->survey.uptime_ms / 1000), clock,
              top_now()->survey.ending ? "  SAYING GOODBYE" : "");
}

/* What stands still is named at the top as well: the table may be longer than the window. */
static void top_alarms(FILE *out) {
    char text[TABLE_CELL] = "", name[SLOT_NAME];
    size_t at = 0;
    for (uint32_t k = 0; k < SLOT_COUNT && at + 64 < sizeof text; k++) {
        uint32_t slot = look_slot(k);
        if (top_worry(slot))
            at += (size_t)snprintf(text + at, sizeof text - at, "  %s %s", slot_name(slot, name),
                                   top_word(slot));
    }
    if (top_now()->survey.relay.configured && !top_now()->survey.relay.up)
        at += (size_t)snprintf(text + at, sizeof text - at, "  link DOWN");
    top_print(out, at ? SCREEN_BOLD : "", "%s", text);
}

static void top_people(FILE *out) {
    const struct look *look = top_now();
    char n[6][UNITS_TEXT];
    top_print(out, "", "People       %s in the room   %s not logged in   %s muted   %s not reading",
              units_count(n[0], look->survey.people),
              units_count(n[1], look->clients.not_logged_in),
              units_count(n[2], look->clients.muted), units_count(n[3], look->clients.blocked));
    top_print(out, "", "Connections  %s of %s   %s accepted/s",
              units_count(n[4], look->survey.connections),
              units_count(n[5], look->survey.max_clients),
              units_rate(n[0], top_rate(top_before()->survey.total.accepted,
                                        look->survey.total.accepted)));
}

static void top_flow(FILE *out) {
    const struct survey *a = &top_before()->survey, *b = &top_now()->survey;
    char n[5][UNITS_TEXT];
    top_print(out, "", "Lines        %s/s   %s delivered/s   %s/s out   %s/s in   cpu %s%%",
              units_rate(n[0], top_rate32(a->lines, b->lines)),
              units_rate(n[1], top_rate(a->total.delivered, b->total.delivered)),
              units_bytes(n[2], top_rate(a->total.bytes_out, b->total.bytes_out)),
              units_bytes(n[3], top_rate(a->total.bytes_in, b->total.bytes_in)),
              top_cpu_text(n[4], top_cpu_all()));
}

/* Of a room over several machines. */
static void top_relay(FILE *out) {
    const struct survey_relay *a = &top_before()->survey.relay, *b = &top_now()->survey.relay;
    uint64_t people = 0, in_reach = 0;
    char n[6][UNITS_TEXT];
    if (!b->configured)
        return;
    for (uint32_t i = 0; i < b->machine_count; i++) {
        in_reach += b->machine[i].in_reach;
        people += b->machine[i].in_reach ? b->machine[i].people : 0;
    }
    top_print(out, "", "Machines     %s of %s in reach   %s people   %s/s out   %s/s in   lag %s",
              units_count(n[0], in_reach), units_count(n[1], b->machine_count),
              units_count(n[2], people), units_rate(n[3], top_rate(a->lines_out, b->lines_out)),
              units_rate(n[4], top_rate(a->lines_in, b->lines_in)), units_count(n[5], b->lag));
}

/* "[||||||       25%]": the number stands in the bar, at its right end. */
static void top_bar(char out[TOP_BAR + 3], uint64_t used, uint64_t size) {
    double share = size ? (double)used / (double)size : 0;
    char number[8];
    int len = snprintf(number, sizeof number, "%u%%", (unsigned)(share * 100 + 0.5) % 1000);
    memset(out, ' ', TOP_BAR + 2);
    memset(out + 1, '|', (size_t)(share * TOP_BAR + 0.5));
    memcpy(out + 1 + TOP_BAR - len, number, (size_t)len);
    out[0] = '[';
    out[TOP_BAR + 1] = ']';
    out[TOP_BAR + 2] = '\0';
}

/* Text that is kept for readers; half is usual, because text is kept for clients that come. */
static void top_rings(FILE *out) {
    const struct survey *s = &top_now()->survey;
    char bar[SENT_RINGS + 1][TOP_BAR + 3];
    for (int e = 0; e < SENT_RINGS; e++)
        top_bar(bar[e], s->ring_used[e], s->ring_size[e]);
    top_bar(bar[SENT_RINGS], s->ledger_used, s->ledger_len);
    top_print(out, "", "utf-8 %s   gbk    %s", bar[ENC_UTF8], bar[ENC_GBK]);
    top_print(out, "", "big5  %s   ledger %s%s", bar[ENC_BIG5], bar[SENT_RINGS],
              s->waiting ? "  FULL: producers wait" : "");
    top_print(out, "", "json  %s", bar[RING_JSON]);
}

static void top_row(struct table *t, uint32_t slot) {
    const struct survey_slot *a = &top_before()->survey.slot[slot],
                             *b = &top_now()->survey.slot[slot];
    char n[UNITS_TEXT], name[SLOT_NAME];
    bool worker = slot < WORKERS_MAX;
    table_cell(t, "%s", slot_name(slot, name));
    table_cell(t, "%d", b->pid);
    table_cell(t, "%s", top_cpu_text(n, top_cpu(slot)));
    table_cell(t, "%s", worker ? units_count(n, b->clients) : "");
    table_cell(t, "%s", slot < MASTER_SLOT ? units_count(n, b->lag) : "");
    double delivered = top_rate(a->counts.delivered, b->counts.delivered);
    table_cell(t, "%s", worker ? units_rate(n, delivered) : "");
    double bytes = top_rate(a->counts.bytes_out, b->counts.bytes_out);
    table_cell(t, "%s", worker ? units_bytes(n, bytes) : "");
    bytes = top_rate(a->counts.bytes_in, b->counts.bytes_in);
    table_cell(t, "%s", worker ? units_bytes(n, bytes) : "");
    table_cell(t, "%s", top_word(slot));
}

static void top_slots(FILE *out) {
    struct table t;
    table_begin(&t, "PROCESS|>PID|>CPU%|>CLIENTS|>LAG|>DELIVERED/s|>OUT/s|>IN/s|STATE");
    for (uint32_t k = 0; k < SLOT_COUNT; k++) {
        if (look_shown(top_now(), look_slot(k)))
            top_row(&t, look_slot(k));
    }
    fputs(SCREEN_INVERSE, out);
    table_print(&t, out);
}

/* From malloc; NULL: no memory. */
static char *top_text(void) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    top_title(out);
    top_alarms(out);
    top_people(out);
    top_flow(out);
    top_relay(out);
    top_rings(out);
    fputc('\n', out);
    top_slots(out);
    fclose(out);
    return text;
}

/* ---- once ---- */

static void top_json_link(const struct survey_relay *a, const struct survey_relay *b) {
    if (!b->configured)
        return;
    json_open("link", '{');
    json_bool("up", b->up);
    json_number("lag", b->lag);
    json_decimal("lines_out_per_second", top_rate(a->lines_out, b->lines_out));
    json_decimal("lines_in_per_second", top_rate(a->lines_in, b->lines_in));
    json_close('}');
}

static void top_json(void) {
    const struct survey *a = &top_before()->survey, *b = &top_now()->survey;
    json_open(NULL, '{');
    json_text("room", b->room);
    json_number("people", b->people);
    json_number("connections", b->connections);
    json_decimal("lines_per_second", top_rate32(a->lines, b->lines));
    json_decimal("delivered_per_second", top_rate(a->total.delivered, b->total.delivered));
    json_decimal("bytes_out_per_second", top_rate(a->total.bytes_out, b->total.bytes_out));
    json_decimal("bytes_in_per_second", top_rate(a->total.bytes_in, b->total.bytes_in));
    top_json_cpu(top_cpu_all());
    top_json_link(&a->relay, &b->relay);
    json_open("processes", '[');
    for (uint32_t k = 0; k < SLOT_COUNT; k++) {
        char name[SLOT_NAME];
        uint32_t slot = look_slot(k);
        if (!look_shown(top_now(), slot))
            continue;
        json_open(NULL, '{');
        json_text("process", slot_name(slot, name));
        json_number("pid", (uint64_t)(b->slot[slot].pid > 0 ? b->slot[slot].pid : 0));
        json_text("state", top_word(slot));
        top_json_cpu(top_cpu(slot));
        json_number("clients", b->slot[slot].clients);
        json_number("lag", b->slot[slot].lag);
        json_close('}');
    }
    json_close(']');
    json_close('}');
}

static int top_once(const struct ctl *ctl, const struct view *view) {
    usleep(TOP_MS * 1000);
    top_take(&view->seg);
    if (ctl->json) {
        top_json();
        return CTL_DONE;
    }
    char *text = top_text();
    for (const char *at = text; at && *at; at++) { /* without what a screen makes of it */
        if (*at != SCREEN_INVERSE[0] && *at != SCREEN_BOLD[0])
            putchar(*at);
    }
    free(text);
    return text ? CTL_DONE : CTL_REFUSED;
}

/* ---- live ---- */

static void top_draw(void) {
    char *text = top_text();
    if (text)
        screen_draw(text);
    free(text);
}

/* Until the user or a signal ends it, or the server does: returns what ended it. */
static enum screen_event top_live(const struct view *view) {
    uint64_t next = top_now()->survey.taken_ms + TOP_MS;
    top_draw();
    for (;;) {
        uint64_t now = clock_ms();
        enum screen_event event = screen_wait(now < next ? (int)(next - now) : 0);
        if (event == SCREEN_SIGNAL || event == SCREEN_LOST ||
            (event == SCREEN_KEY && (screen_key() == 'q' || screen_key() == 'Q')))
            return event;
        if (event == SCREEN_TIME) {
            top_take(&view->seg);
            next = clock_ms() + TOP_MS;
            if (top.seen_alive && look_ended(top_now()))
                return SCREEN_TIME;
        }
        if (event != SCREEN_KEY)
            top_draw();
    }
}

static int top_show(const struct ctl *ctl, const struct view *view) {
    if (!screen_begin())
        return top_once(ctl, view);
    enum screen_event end = top_live(view);
    screen_end();
    if (end == SCREEN_TIME)
        return ctl_refused(ctl, "the server has ended");
    if (end == SCREEN_SIGNAL && screen_signal() != SIGINT) {
        signal(screen_signal(), SIG_DFL);
        raise(screen_signal());
    }
    return CTL_DONE;
}

int top_run(const struct ctl *ctl) {
    struct view view;
    char err[VIEW_ERROR];
    bool once = ctl->argc == 1 && strcmp(ctl->argv[0], "--once") == 0;
    if (ctl->argc == 1 && !once)
        return ctl_usage(ctl, "top takes nothing, or --once");
    if (!view_open(&view, ctl->socket, err))
        return ctl_refused(ctl, "%s", err);
    view_lost = screen_abandon;
    top_take(&view.seg);
    top_take(&view.seg);
    int status = once || ctl->json ? top_once(ctl, &view) : top_show(ctl, &view);
    view_close(&view);
    return status;
}
