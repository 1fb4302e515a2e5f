/* restore.c - see restore.h. */
#include "worker/transcript/restore.h"

#include "ipc/clock.h"
#include "ipc/log.h"
#include "ipc/unicode.h"
#include "worker/protocol/event.h"
#include "worker/text/charset.h"
#include "worker/text/name.h"
#include "worker/text/sanitize.h"
#include "worker/text/sentence.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESTORE_MS ((int64_t)RESTORE_DAYS * 24 * 3600 * 1000)

struct restore_line {
    const char *text;
    size_t len;
    int64_t ms;
    bool action;
};

struct restore {
    struct segment *seg;
    const struct config *config;
    int64_t now_ms;
    uint64_t from; /* the file's byte at which `text` begins */
    char *text;
    size_t len;
    struct event_clock clock;
    uint32_t bad, count;                   /* lines that are none; lines in `line` */
    struct restore_line line[HISTORY_MAX]; /* the last ones, as a ring */
};

/* ---- reading ---- */

/* False: there is nothing to read. */
static bool restore_read(struct restore *r, int fd) {
    struct stat is;
    if (fstat(fd, &is) != 0 || is.st_size == 0)
        return false;
    uint64_t size = (uint64_t)is.st_size;
    r->len = size < RESTORE_BYTES ? (size_t)size : RESTORE_BYTES;
    r->from = size - r->len;
    r->text = malloc(r->len);
    ssize_t n = r->text ? pread(fd, r->text, r->len, (off_t)r->from) : -1;
    if (n <= 0) {
        log_warn_errno("cannot read %s: no history from there", r->seg->header->transcript.path);
        return false;
    }
    r->len = (size_t)n;
    return true;
}

static void restore_bad(struct restore *r, const char *line, size_t byte) {
    if (r->bad++ == 0)
        log_warn("%s, byte %llu: no line of a transcript; passed over",
                 r->seg->header->transcript.path,
                 (unsigned long long)r->from + (size_t)(line - r->text) + byte);
}

static void restore_take(struct restore *r, const char *line, size_t len) {
    struct transcript_head head;
    size_t wrong = transcript_read_head(line, len, &head);
    if (head.len == 0 || len - head.len > SENTENCE_MAX - 2 ||
        !unicode_valid(line + head.len, len - head.len)) {
        restore_bad(r, line, head.len == 0 ? wrong : head.len);
        return;
    }
    bool said = head.kind == TRANSCRIPT_SAY || head.kind == TRANSCRIPT_ME;
    if (!said || head.ms < r->now_ms - RESTORE_MS || r->config->history == 0)
        return;
    r->line[r->count++ % r->config->history] =
        (struct restore_line){line + head.len, len - head.len, head.ms, head.kind == TRANSCRIPT_ME};
}

/* The first line of a file that is read from its middle is a part of one; so is a last line without
 * an end, which the transcript cuts off. */
static void restore_lines(struct restore *r) {
    const char *at = r->text, *end = r->text + r->len;
    const char *next = r->from > 0 ? memchr(at, '\n', r->len) : NULL;
    if (r->from > 0)
        at = next ? next + 1 : end;
    while (at < end && (next = memchr(at, '\n', (size_t)(end - at)))) {
        restore_take(r, at, (size_t)(next - at));
        at = next + 1;
    }
}

/* ---- the ledger ---- */

/* Whether a line begins with a name: "ann: hi", "* ann waves".  Lines of an open room may look like
 * anything. */
static bool restore_named(const struct restore *r, const struct restore_line *line) {
    size_t skip = line->action ? 2 : 0;
    const char *name = line->text + skip;
    if (line->len <= skip || (line->action && memcmp(line->text, "* ", 2) != 0))
        return false;
    const char *end = memchr(name, line->action ? ' ' : ':', line->len - skip);
    return end && name_check(name, (size_t)(end - name), r->config->room) == NAME_OK;
}

static uint16_t restore_flags(const struct restore *r, const struct restore_line *line) {
    bool named = r->config->login && restore_named(r, line);
    return (uint16_t)((line->action ? ENTRY_ACTION : 0) | (named ? 0 : ENTRY_BARE));
}

static uint32_t restore_ticks(const struct restore *r, const struct restore_line *line) {
    int64_t age = r->now_ms - line->ms;
    return segment_ticks(r->seg) - (uint32_t)(age > 0 ? age / 10 : 0);
}

/* The line as browsers are sent it: with the name, where it has one, apart from its text. */
static uint32_t restore_event(struct restore *r, const struct restore_line *line, const char *utf8,
                              size_t len, uint8_t frame[EVENT_LINE_MAX], uint32_t *id_at) {
    char who[NAME_BYTES_MAX + 1] = "";
    struct event_line event = {.kind = line->action ? EVENT_ME : EVENT_SAY,
                               .epoch = r->seg->room.shared->epoch,
                               .ms = line->ms,
                               .who = who,
                               .text = utf8,
                               .text_len = len};
    if (r->config->login && restore_named(r, line)) {
        size_t from = line->action ? 2 : 0;
        size_t end =
            (size_t)((const char *)memchr(utf8 + from, line->action ? ' ' : ':', len) - utf8);
        size_t text = end + (line->action ? 1 : 2);
        memcpy(who, utf8 + from, end - from);
        event.text = utf8 + text;
        event.text_len = len > text ? len - text : 0;
    }
    return (uint32_t)event_line(&r->clock, &event, frame, EVENT_LINE_MAX, id_at);
}

static void restore_append(struct restore *r, const struct restore_line *line) {
    static char utf8[SENTENCE_MAX], ring[ENC_RINGS][SENTENCE_MAX];
    static uint8_t frame[EVENT_LINE_MAX];
    struct room_line entry = {.entry = {.kind = ENTRY_SPEECH,
                                        .client = NO_CLIENT,
                                        .time = restore_ticks(r, line),
                                        .flags = restore_flags(r, line)}};
    struct batch batch;
    memcpy(utf8, line->text, line->len);
    size_t len = sanitize(utf8, line->len);
    memcpy(utf8 + len, "\r\n", 2);
    for (int e = 0; e < ENC_RINGS; e++) {
        entry.text[e] = ring[e];
        entry.len[e] =
            (uint32_t)charset_encode((enum encoding)e, utf8, len + 2, ring[e], sizeof ring[e]);
    }
    entry.text[RING_JSON] = frame;
    entry.len[RING_JSON] = restore_event(r, line, utf8, len, frame, &entry.id_at);
    room_begin(&r->seg->room, &batch);
    if (room_append(&r->seg->room, &batch, &entry))
        room_commit(&r->seg->room, &batch);
}

void restore_history(struct segment *seg) {
    static struct restore restore;
    struct restore *r = &restore;
    const struct transcript *t = &seg->header->transcript;
    int fd = t->fd[atomic_load(&t->file) & 1];
    *r = (struct restore){
        .seg = seg, .config = header_config(seg->header), .now_ms = (int64_t)clock_wall_ms()};
    if (fd >= 0 && !relay_configured(r->config) && restore_read(r, fd))
        restore_lines(r);
    uint32_t kept = r->count < r->config->history ? r->count : r->config->history;
    for (uint32_t i = r->count - kept; i < r->count && r->text; i++)
        restore_append(r, &r->line[i % r->config->history]);
    if (r->bad > 1)
        log_warn("%s: %u more such lines", t->path, r->bad - 1);
    free(r->text);
}
