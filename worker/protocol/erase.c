/* erase.c - see erase.h. */
#include "worker/protocol/erase.h"

#include "ipc/unicode.h"
#include "worker/text/charset.h"

#include <string.h>

/* clang-format off */
enum {
    UTF8_START = 1, /* a character begins here, read as UTF-8 */
    UTF8_CELL = 2,  /* and it is not joined to the one before, as a mark is */
    PAIR_START = 4, /* the same, read in the client's own encoding */
    PAIR_CELL = 8,
    PAIR_MISFIT = 16, /* it is no character of that encoding */
    UTF8_MARKS = UTF8_START | UTF8_CELL,
    PAIR_MARKS = PAIR_START | PAIR_CELL | PAIR_MISFIT,
};
/* clang-format on */

void erase_begin(struct erase *e, enum encoding enc) {
    memset(e, 0, sizeof *e);
    e->encoding = (uint8_t)enc;
    e->pair = (uint8_t)charset_own(enc);
}

static void erase_mark(struct erase *e, uint32_t at, size_t len, unsigned kind, unsigned marks) {
    for (size_t i = 0; i < len; i++)
        e->marks[at + i] = (uint8_t)(e->marks[at + i] & ~kind);
    e->marks[at] = (uint8_t)(e->marks[at] | marks);
}

/* ---- reading on ---- */

/* Whether p[0, n) is the beginning of a character of UTF-8, and not all of it. */
static bool erase_utf8_begins(const uint8_t *p, size_t n) {
    size_t need = *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : *p >= 0xC0 ? 2 : 1;
    for (size_t i = 1; i < n && i < need; i++)
        if ((p[i] & 0xC0) != 0x80)
            return false;
    return n < need;
}

/* Whether the character at `at` is one with what stands before it: a mark, what a joiner joins, a
 * skin tone, the second letter of a flag (UAX 29). */
static bool erase_is_joined(const struct erase *e, const uint8_t *line, uint32_t at, int32_t cp) {
    enum { FLAG_A = 0x1F1E6, FLAG_Z = 0x1F1FF, TONE_1 = 0x1F3FB, TONE_5 = 0x1F3FF };
    enum { ZWJ_BYTES = 3, FLAG_BYTES = 4 };
    if (unicode_properties(cp).columns == 0)
        return true;
    if (at >= ZWJ_BYTES && memcmp(line + at - ZWJ_BYTES, "\342\200\215", ZWJ_BYTES) == 0)
        return unicode_properties(cp).script == UNICODE_PICTOGRAPH;
    if (cp >= FLAG_A && cp <= FLAG_Z && at >= FLAG_BYTES) {
        size_t len;
        int32_t last = unicode_decode((const char *)line + at - FLAG_BYTES, FLAG_BYTES, &len);
        return last >= FLAG_A && last <= FLAG_Z && e->marks[at - FLAG_BYTES] & UTF8_CELL;
    }
    return cp >= TONE_1 && cp <= TONE_5 && at > 0 && line[at - 1] >= 0x80;
}

static void erase_read_utf8(struct erase *e, const uint8_t *line, uint32_t n) {
    while (e->utf8_to < n && !e->bad) {
        uint32_t at = e->utf8_to;
        size_t len;
        int32_t cp = unicode_decode((const char *)line + at, n - at, &len);
        if (cp == UNICODE_BAD) {
            e->bad = !erase_utf8_begins(line + at, n - at);
            return;
        }
        bool cell = !erase_is_joined(e, line, at, cp);
        erase_mark(e, at, len, UTF8_MARKS, cell ? UTF8_MARKS : UTF8_START);
        for (size_t i = 0; i < len; i++)
            e->points += charset_points(e->encoding, line[at + i]);
        e->utf8_to += (uint32_t)len;
    }
}

static void erase_read_pairs(struct erase *e, const uint8_t *line, uint32_t n) {
    while (e->pair_to < n) {
        uint32_t at = e->pair_to;
        size_t columns, len = charset_length(e->pair, line + at, n - at, &columns);
        unsigned marks = columns > 0 ? PAIR_START | PAIR_CELL : PAIR_START;
        if (charset_half(e->pair, line + at, n - at))
            return;
        if (len > 1 && !charset_has(e->pair, line + at, len)) {
            marks |= PAIR_MISFIT;
            e->misfits++;
        }
        erase_mark(e, at, len, PAIR_MARKS, marks);
        e->pair_to += (uint32_t)len;
    }
}

bool erase_in_utf8(struct erase *e, const uint8_t *line, uint32_t n) {
    erase_read_utf8(e, line, n);
    erase_read_pairs(e, line, n);
    if (e->bad)
        return false;
    return e->encoding == ENC_UTF8 || e->encoding == ENC_ONLY_UTF8 ||
           (e->utf8_to == n && (e->points >= CHARSET_PROOF || e->misfits > 0));
}

/* ---- erasing ---- */

/* The last place up to `to`, before which a reading has come, at which a character begins. */
static uint32_t erase_start(const struct erase *e, uint32_t to, uint32_t read, unsigned start) {
    while (to > 0 && to < read && !(e->marks[to] & start))
        to--;
    return to;
}

/* What was read beyond is forgotten.  Where a character was cut, it is read again, and so is the
 * last one that is left: what a byte is in a double-byte encoding depends on the next. */
void erase_to(struct erase *e, const uint8_t *line, uint32_t n) {
    uint32_t utf8_to = e->utf8_to, pair_to = e->pair_to;
    if (n < utf8_to)
        utf8_to = erase_start(e, n, e->utf8_to, UTF8_START);
    if (n < pair_to)
        pair_to = n > 0 ? erase_start(e, n - 1, e->pair_to, PAIR_START) : 0;
    for (uint32_t i = utf8_to; i < e->utf8_to; i++)
        e->points -= charset_points(e->encoding, line[i]);
    for (uint32_t i = pair_to; i < e->pair_to; i++)
        e->misfits -= (e->marks[i] & PAIR_MISFIT) != 0;
    e->utf8_to = utf8_to;
    e->pair_to = pair_to;
    e->bad = false; /* found again at once, if it is still there */
}

uint32_t erase_half(struct erase *e, const uint8_t *line, uint32_t n) {
    return n - (erase_in_utf8(e, line, n) ? e->utf8_to : e->pair_to);
}

uint32_t erase_before(struct erase *e, const uint8_t *line, uint32_t n, uint32_t at) {
    bool utf8 = erase_in_utf8(e, line, n);
    unsigned cell = utf8 ? UTF8_CELL : PAIR_CELL;
    uint32_t read = utf8 ? e->utf8_to : e->pair_to;
    if (at > read)
        return read;
    while (at > 0 && !(e->marks[--at] & cell))
        ;
    return at;
}

uint32_t erase_after(struct erase *e, const uint8_t *line, uint32_t n, uint32_t at) {
    bool utf8 = erase_in_utf8(e, line, n);
    unsigned cell = utf8 ? UTF8_CELL : PAIR_CELL;
    uint32_t read = utf8 ? e->utf8_to : e->pair_to;
    if (at >= read)
        return n;
    for (at++; at < read && !(e->marks[at] & cell);)
        at++;
    return at;
}

uint32_t erase_char(struct erase *e, const uint8_t *line, uint32_t n) {
    uint32_t to = erase_before(e, line, n, n);
    erase_to(e, line, to);
    return to;
}

uint32_t erase_word(struct erase *e, const uint8_t *line, uint32_t n) {
    while (n > 0 && line[n - 1] == ' ')
        n--;
    erase_to(e, line, n);
    while (n > 0 && line[n - 1] != ' ')
        n = erase_char(e, line, n);
    return n;
}
