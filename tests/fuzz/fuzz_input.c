/* fuzz_input.c - decodes a client's bytes into the text that other clients are sent, and asserts:
 *
 *   - any split of the input gives the same events, answers included, and the same edited lines,
 *     also if the server requests options in between;
 *   - the codec's state may be moved, and its old place overwritten, between any two calls;
 *   - there is no answer before the client's first telnet command, and answers stay in bounds;
 *   - any bytes of a line become valid, clean UTF-8 within the stated bounds, and no encoding of
 *     it is longer;
 *   - made regular, it is a clean part of the line that no blank begins or ends, and stays so; its
 *     command's word is ASCII;
 *   - bytes that are known to be another protocol's stay so when more follow, and no more than a
 *     few are waited for;
 *   - on any half-typed line, an editing key does the same as if the line had not been edited
 *     before, an erase key or a cursor key at least one byte, and drawing stays in bounds.
 *
 * The input's first byte chooses how it is split. */
#include "ipc/unicode.h"
#include "worker/protocol/draw.h"
#include "worker/protocol/edit.h"
#include "worker/protocol/foreign.h"
#include "worker/protocol/telnet.h"
#include "worker/protocol/telnet_option.h"
#include "worker/protocol/typed.h"
#include "worker/text/charset.h"
#include "worker/text/name.h"
#include "worker/text/regular.h"
#include "worker/text/sanitize.h"

#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

enum { INPUT_MAX = 4096, LOG_MAX = 64 * INPUT_MAX };

struct log {
    size_t len;
    uint8_t bytes[LOG_MAX];
};

static void log_bytes(struct log *log, const void *bytes, size_t n) {
    MUST(log->len + n <= sizeof log->bytes);
    memcpy(log->bytes + log->len, bytes, n);
    log->len += n;
}

/* Logs each byte of text as its own event, so that the split of a text does not matter. */
static void log_event(struct log *log, const struct telnet_event *ev) {
    if (ev->kind == TELNET_TEXT) {
        for (size_t i = 0; i < ev->len; i++)
            log_bytes(log, (uint8_t[]){TELNET_TEXT, ev->bytes[i]}, 2);
        return;
    }
    log_bytes(log, &ev->kind, 1);
    log_bytes(log, &ev->answer_len, 1);
    log_bytes(log, &ev->typed, 1);
    log_bytes(log, ev->answer, ev->answer_len);
    if (ev->kind == TELNET_TERMINAL)
        log_bytes(log, ev->bytes, ev->len);
    if (ev->kind == TELNET_WINDOW)
        log_bytes(log, &ev->columns, 2), log_bytes(log, &ev->rows, 2);
    if (ev->kind == TELNET_ECHO || ev->kind == TELNET_CHARSET)
        log_bytes(log, &ev->on, 1);
    if (ev->kind == TELNET_CHARSET && ev->on)
        log_bytes(log, &ev->encoding, 1);
}

struct line {
    enum encoding enc, read; /* what its client is sent, and read in */
    unsigned width;
    uint32_t len, behind;
    uint8_t bytes[INPUT_MAX];
    struct erase erase;
};
_Static_assert((int)INPUT_MAX <= (int)LINE_MAX_MAX, "all of it fits a line");

/* As worker/record/echo.c does. */
static struct drawn lay(const struct line *line, char text[TYPED_SHOWN_MAX]) {
    size_t cursor = line->len - line->behind;
    size_t from = typed_tail(line->read, line->bytes, cursor, line->width);
    MUST(from <= cursor && cursor - from <= TYPED_TAIL_MAX);
    size_t n = typed_shown(line->read, line->enc, line->bytes + from, cursor - from, text);
    struct drawn drawn = draw_lay(line->enc, line->width, text, n);
    MUST(drawn.text >= text && drawn.text + drawn.len == text + n && drawn.row < DRAW_ROWS);
    size_t head = typed_head(line->behind, line->width);
    MUST(head <= TYPED_HEAD_MAX);
    size_t more = typed_shown(line->read, line->enc, line->bytes + cursor, head, text + n);
    draw_lay_behind(line->enc, &drawn, more);
    MUST(drawn.end_row <= DRAW_ROWS && drawn.behind <= more && drawn.row <= drawn.end_row);
    for (size_t i = 0; i < n + more; i++)
        MUST((unsigned char)text[i] >= 0x20 && text[i] != 0x7F);
    return drawn;
}

static void check_clean(const char *text) {
    char copy[CHARSET_DECODE_MAX(INPUT_MAX)];
    size_t len = strlen(text);
    memcpy(copy, text, len);
    MUST(unicode_valid(text, len) && sanitize(copy, len) == len && regular_blanks(text) == 0);
}

static void check_regular(const char *clean, size_t n, const char *raw, size_t raw_len) {
    static char text[CHARSET_DECODE_MAX(INPUT_MAX) + 1], once[sizeof text];
    memcpy(text, clean, n);
    struct regular line = regular_read(text, n);
    size_t len = strlen(line.text);
    MUST(line.text >= text && line.text + len <= text + n && line.first <= len);
    MUST(line.argument >= line.text + line.first && line.argument <= line.text + len);
    check_clean(line.text);
    check_clean(line.argument);
    for (const char *letter = line.word; *letter; letter++)
        MUST(*letter > ' ' && *letter <= '~' && !(*letter >= 'A' && *letter <= 'Z'));
    if (regular_as_typed(raw, raw_len, line.argument)) {
        size_t left = strlen(line.argument);
        MUST(left > 0 && memmem(raw, raw_len, line.argument, left));
    }
    if (line.mark == REGULAR_BARE && *line.text == '/') /* a slash stood before it */
        return;
    memcpy(once, line.text, len);
    struct regular again = regular_read(once, len);
    MUST(again.mark == line.mark && strcmp(again.word, line.word) == 0);
    MUST(strcmp(again.text, line.text) == 0 && strcmp(again.argument, line.argument) == 0);
}

static void check_line(const uint8_t *line, size_t n) {
    static const uint8_t key[16];
    static char raw[CHARSET_DECODE_MAX(INPUT_MAX) + 1];
    char utf8[CHARSET_DECODE_MAX(INPUT_MAX)];
    char wire[CHARSET_ENCODE_MAX(CHARSET_DECODE_MAX(INPUT_MAX))];
    for (int e = 0; e <= ENC_ONLY_UTF8; e++) {
        enum encoding enc = (enum encoding)e, used;
        ptrdiff_t len = charset_decode(line, n, enc, utf8, CHARSET_DECODE_MAX(n), &used);
        MUST(len >= 0 && unicode_valid(utf8, (size_t)len));
        MUST(len == 0 || charset_decode(line, n, enc, wire, (size_t)len - 1, &used) < 0);
        if (name_check(utf8, (size_t)len, "Chatroom") == NAME_OK) {
            MUST(sanitize(utf8, (size_t)len) == (size_t)len && len <= 4 * NAME_POINTS_MAX);
        }
        MUST(name_key(utf8, (size_t)len, key) != 0);
        memcpy(raw, utf8, (size_t)len);
        raw[len] = '\0';
        size_t clean = sanitize(utf8, (size_t)len);
        MUST(clean <= (size_t)len && unicode_valid(utf8, clean));
        MUST(sanitize(utf8, clean) == clean);
        check_regular(utf8, clean, raw, (size_t)len);
        for (size_t i = 0; i < clean; i++)
            MUST((unsigned char)utf8[i] >= 0x20 && utf8[i] != 0x7F);
        for (int out = 0; out < ENC_COUNT; out++) {
            size_t wrote = charset_encode((enum encoding)out, utf8, clean, wire, sizeof wire);
            MUST(wrote <= (out < ENC_RINGS ? clean : CHARSET_ENCODE_MAX(clean)));
            MUST(charset_encode((enum encoding)out, utf8, clean, wire, wrote) <= wrote);
        }
        for (size_t left = n; left > 0;) {
            size_t last = charset_last_start(charset_own(enc), line, left);
            MUST(last < left);
            left = n > 200 ? 0 : last; /* quadratic */
        }
    }
}

/* Applies a key to the half-typed line, and draws the change for the terminal. */
static void edit_line(struct line *line, const struct telnet_event *ev) {
    static char old[TYPED_SHOWN_MAX], now[TYPED_SHOWN_MAX], out[DRAW_MAX];
    static struct erase fresh; /* reads the whole line anew, and must come to the same */
    static uint8_t copy[INPUT_MAX];
    uint32_t was = line->len, cursor = line->len - line->behind;
    struct drawn before = lay(line, old);
    memcpy(copy, line->bytes, was);
    erase_begin(&fresh, line->read);
    struct edit anew = {.line = copy, .erase = &fresh, .len = was, .behind = line->behind};
    struct edit e = {
        .line = line->bytes, .erase = &line->erase, .len = was, .behind = line->behind};
    edit_key(&anew, ev);
    edit_key(&e, ev);
    MUST(anew.len == e.len && anew.behind == e.behind && memcmp(copy, line->bytes, e.len) == 0);
    MUST(e.len <= was + (ev->typed != 0) && e.behind <= e.len);
    MUST(ev->kind != TELNET_ERASE_CHAR || ev->typed || cursor == 0 || e.len < was);
    MUST(ev->kind != TELNET_LEFT || cursor == 0 || e.behind > line->behind);
    MUST(ev->kind != TELNET_RIGHT || line->behind == 0 || e.behind < line->behind);
    line->len = e.len;
    line->behind = e.behind;
    struct drawn after = lay(line, now);
    MUST(draw_change(line->enc, &before, &after, out) <= sizeof out);
    MUST(draw_away(&after, out) <= sizeof out);
    MUST(draw_show(&after, out) <= sizeof out);
}

/* Requests the next option of the list, as a server does. */
static void ask_something(struct telnet *t, unsigned turn, struct log *log) {
    static const struct {
        uint8_t verb, option;
    } asked[] = {
        {TELNET_WILL, TELNET_OPT_ECHO}, {TELNET_DO, TELNET_OPT_BINARY},
        {TELNET_WILL, TELNET_OPT_SGA},  {TELNET_WILL, TELNET_OPT_CHARSET},
        {TELNET_WONT, TELNET_OPT_ECHO}, {TELNET_DO, TELNET_OPT_NAWS},
        {TELNET_DONT, TELNET_OPT_NAWS}, {TELNET_DO, TELNET_OPT_TTYPE},
    };
    struct telnet_event ev = {0};
    unsigned i = turn % (sizeof asked / sizeof asked[0]);
    if (!telnet_ask(t, asked[i].verb, (enum telnet_option)asked[i].option, &ev))
        return;
    MUST(telnet_spoken(t));
    log_event(log, &ev);
}

/* Feeds in[0, n) in pieces: whole, byte by byte, or of sizes drawn from `seed`. */
static void run(const uint8_t *in, size_t n, unsigned seed, bool lines, struct log *log) {
    struct telnet place[2] = {{0}, {0}}, *t = &place[0];
    uint8_t sub[TELNET_SUB_MAX];
    uint16_t sub_len = 0;
    struct line line = {.enc = (enum encoding)(n % ENC_COUNT), .width = n % 5 * 20};
    line.read = n % 7 == 0 ? ENC_ONLY_UTF8 : line.enc;
    erase_begin(&line.erase, line.read);
    unsigned turn = 0;
    log->len = 0;
    for (size_t at = 0, size; at < n; at += size) {
        seed = seed * 1103515245u + 12345u;
        size = seed == 12345u ? n : 1 + (seed >> 16) % 13;
        size = size < n - at ? size : n - at;
        uint8_t *piece = malloc(size); /* so that the sanitizer sees a read beyond it */
        memcpy(piece, in + at, size);
        for (size_t i = 0, used; i < size; i += used) {
            struct telnet_event ev;
            used = telnet_next(t, sub, &sub_len, piece + i, size - i, &ev);
            MUST(used >= 1 && used <= size - i && sub_len <= TELNET_SUB_MAX);
            MUST(ev.answer_len <= TELNET_ANSWER_MAX);
            MUST(ev.answer_len == 0 || telnet_spoken(t));
            if (ev.kind != TELNET_NONE)
                log_event(log, &ev);
            if (ev.kind == TELNET_TEXT) {
                MUST(ev.len <= INPUT_MAX - line.len);
                struct edit e = {line.bytes, &line.erase, line.len, line.behind, false};
                edit_text(&e, ev.bytes, (uint32_t)ev.len);
                line.len = e.len;
            } else if (ev.kind == TELNET_END_OF_LINE) {
                if (lines)
                    check_line(line.bytes, line.len);
                log_bytes(log, line.bytes, line.len);
                line.len = line.behind = 0;
                erase_begin(&line.erase, line.read);
            } else if (ev.kind != TELNET_NONE && ev.kind != TELNET_TEXT) {
                edit_line(&line, &ev);
                if (ev.kind == TELNET_AYT || ev.kind == TELNET_REPRINT)
                    ask_something(t, turn++, log);
            }
            struct telnet *other = t == &place[0] ? &place[1] : &place[0];
            *other = *t;
            memset(t, 0xAA, sizeof *t);
            t = other;
        }
        free(piece);
    }
    if (lines)
        check_line(line.bytes, line.len);
    log_bytes(log, line.bytes, line.len);
}

/* The first bytes of a connection, in copies of their exact length. */
static void check_foreign(const uint8_t *in, size_t n) {
    bool closed = false;
    for (size_t len = 1; len <= n && len <= 64; len++) {
        uint8_t *first = malloc(len);
        MUST(first);
        memcpy(first, in, len);
        enum foreign opening = foreign_opening(first, len), text = foreign_text(first, len);
        bool closes = foreign_closes(opening) || foreign_closes(text);
        MUST(!closed || closes);
        MUST(opening != FOREIGN_MORE || len <= 33);
        closed = closes;
        for (int finished = 0; finished < 2; finished++) {
            enum foreign line = foreign_line(first, len, finished);
            MUST(line < FOREIGN_COUNT && line != FOREIGN_MORE);
            MUST(foreign_closes(line) == (foreign_reason(line) != NULL));
            MUST(line != FOREIGN_WORD || finished);
        }
        free(first);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    MUST(charset_init() == NULL);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct log whole, split;
    if (size < 1 || size > INPUT_MAX)
        return 0;
    check_foreign(data + 1, size - 1);
    run(data + 1, size - 1, 0, true, &whole);
    run(data + 1, size - 1, data[0] + 1u, false, &split);
    MUST(whole.len == split.len && memcmp(whole.bytes, split.bytes, whole.len) == 0);
    return 0;
}
