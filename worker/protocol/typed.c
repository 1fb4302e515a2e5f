/* typed.c - see typed.h. */
#include "worker/protocol/typed.h"

#include "ipc/unicode.h"
#include "worker/text/charset.h"
#include "worker/text/sanitize.h"

#include <stdbool.h>
#include <string.h>

/* How many bytes at the end of the line begin a character of UTF-8 and do not finish it. */
static size_t typed_utf8_half(const uint8_t *line, size_t n) {
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        uint8_t byte = line[n - back];
        if ((byte & 0xC0) == 0x80)
            continue;
        size_t need = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return need > back ? back : 0;
    }
    return 0;
}

/* What the line is in, as far as that shows, and how long a half character at its end is. */
static enum encoding typed_in(enum encoding read, const uint8_t *line, size_t n, size_t *half) {
    *half = 0;
    if (charset_is_utf8(read, line, n))
        return ENC_UTF8;
    *half = typed_utf8_half(line, n);
    if (read == ENC_ONLY_UTF8 || (read == ENC_UTF8 && unicode_valid((const char *)line, n - *half)))
        return ENC_UTF8;
    enum encoding in = charset_own(read);
    size_t last = charset_last_start(in, line, n);
    *half = charset_half(in, line + last, n - last) ? n - last : 0;
    return in;
}

/* From `keep` bytes before the end to a chunk more. */
static size_t typed_cut(size_t n, size_t keep, size_t chunk) {
    return n > keep ? (n - keep) / chunk * chunk : 0;
}

/* The first character of two bytes or one that begins at `at` or behind it.  A byte of ASCII ends
 * one, whatever it is; from there on they follow in pairs. */
static size_t typed_pair_start(const uint8_t *line, size_t at) {
    size_t run = at;
    for (uint64_t word; run >= sizeof word; run -= sizeof word) {
        memcpy(&word, line + run - sizeof word, sizeof word);
        if (~word & 0x8080808080808080u)
            break;
    }
    while (run > 0 && line[run - 1] >= 0x80)
        run--;
    if (!memchr(line + run, 0x80, at - run) && !memchr(line + run, 0xFF, at - run))
        return at + ((at - run) & 1);
    while (run < at) /* these two are characters of one byte */
        run += line[run] == 0x80 || line[run] == 0xFF ? 1 : 2;
    return run;
}

/* The first character that begins at `at` or behind it, in `in`.  No byte below a digit is part of
 * a character of several bytes. */
static size_t typed_start(enum encoding in, const uint8_t *line, size_t at, size_t n) {
    size_t run = at, columns;
    if (charset_pairs(in))
        return typed_pair_start(line, at);
    while (run > 0 && line[run - 1] >= '0')
        run--;
    while (run < at)
        run += charset_length(in, line + run, n - run, &columns);
    return run;
}

size_t typed_head(size_t n, unsigned width) {
    size_t most = 4 * (size_t)(width > 0 && width < TYPED_WIDTH_MAX ? width : TYPED_WIDTH_MAX);
    return n < most ? n : most;
}

/* A column takes at most one byte in ASCII and pairs, three in UTF-8, four in GB18030. */
size_t typed_tail(enum encoding read, const uint8_t *line, size_t n, unsigned width) {
    width = width < TYPED_WIDTH_MAX ? width : TYPED_WIDTH_MAX;
    size_t chunk = width > 0 ? width : 40,
           near = typed_cut(n, width > 0 ? 2 * chunk : chunk, chunk);
    size_t far = width > 0 ? typed_cut(n, 4 * chunk, chunk) : near, half;
    if (near == 0 || (line[near - 1] < 0x80 && unicode_ascii(line + near, n - near) == n - near))
        return near;
    size_t from = far;
    for (int i = 0; from > 0 && i < 3 && (line[from] & 0xC0) == 0x80; i++)
        from++;
    enum encoding in = typed_in(read, line + from, n - from, &half);
    if (in == ENC_UTF8)
        return from;
    return typed_start(in, line, charset_pairs(in) ? near : far, n);
}

size_t typed_shown(enum encoding read, enum encoding sent, const uint8_t *line, size_t n,
                   char *out) {
    char utf8[CHARSET_DECODE_MAX(LINE_MAX_MAX)];
    enum encoding used;
    size_t half = 0;
    bool same = unicode_ascii(line, n) == n;
    if (!same && typed_in(read, line, n, &half) == ENC_UTF8)
        same = sent == ENC_UTF8 && unicode_valid((const char *)line, n - half);
    if (same) {
        memcpy(out, line, n - half);
        return sanitize(out, n - half);
    }
    ptrdiff_t len = charset_decode(line, n - half, read, utf8, sizeof utf8, &used);
    size_t clean = len > 0 ? sanitize(utf8, (size_t)len) : 0;
    return charset_encode(sent, utf8, clean, out, TYPED_SHOWN_BYTES * n);
}
