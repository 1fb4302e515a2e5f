/* sanitize.c - see sanitize.h. */
#include "worker/text/sanitize.h"

#include "ipc/unicode.h"
#include "worker/text/hangul.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { ZWNJ = 0x200C, ZWJ = 0x200D, TEXT_STYLE = 0xFE0E, EMOJI_STYLE = 0xFE0F, KEYCAP = 0x20E3 };

/* What stands before the next character. */
struct sanitize_before {
    int32_t last;    /* kept; 0: none */
    unsigned marks;  /* on one character */
    unsigned blanks; /* in a row, marks and dropped characters aside */
    bool joins;      /* the letter before, marks aside, is of a script that joins letters */
    bool emoji;      /* it is an emoji */
};

static bool sanitize_joins(uint8_t script) {
    return script == UNICODE_ARABIC || script == UNICODE_MYANMAR || script == UNICODE_KHMER ||
           script == UNICODE_OTHER_SCRIPT ||
           (script >= UNICODE_DEVANAGARI && script <= UNICODE_SINHALA);
}

/* Whether an invisible character is kept between what stands before and `next`. */
static bool sanitize_keeps_joiner(const struct sanitize_before *before, int32_t cp, int32_t next) {
    int32_t last = before->last;
    bool style = cp == TEXT_STYLE || cp == EMOJI_STYLE;
    if (last == ZWJ || last == ZWNJ || (style && (last == TEXT_STYLE || last == EMOJI_STYLE)))
        return false;
    if (cp == ZWNJ || (cp == ZWJ && before->joins))
        return before->joins;
    if (cp == ZWJ)
        return before->emoji && next > 0 && unicode_properties(next).script == UNICODE_PICTOGRAPH;
    if (!style || before->marks > 0)
        return false;
    bool key = (last >= '0' && last <= '9') || last == '#' || last == '*';
    return before->emoji || (key && cp == EMOJI_STYLE && next == KEYCAP);
}

/* What the kept character is to those behind it. */
static void sanitize_kept(struct sanitize_before *before, int32_t cp, struct unicode_properties p) {
    bool mark = p.class == UNICODE_MARK, common = p.script == UNICODE_COMMON;
    before->last = cp;
    before->joins = mark && common ? before->joins : sanitize_joins(p.script);
    before->emoji = !mark && p.script == UNICODE_PICTOGRAPH;
}

/* The first code point of s[0, n); UNICODE_BAD: none. */
static int32_t sanitize_first(const char *s, size_t n) {
    size_t len;
    return n > 0 ? unicode_decode(s, n, &len) : UNICODE_BAD;
}

/* Whether the character is kept; behind[0, n) follows it, as typed. */
static bool sanitize_keep(struct sanitize_before *before, int32_t cp, const char *behind,
                          size_t n) {
    struct unicode_properties p = unicode_properties(cp);
    if (p.class == UNICODE_DROP) {
        bool keep = sanitize_keeps_joiner(before, cp, sanitize_first(behind, n));
        before->last = keep ? cp : before->last;
        return keep;
    }
    if (hangul_vowel(cp) || hangul_final(cp)) { /* they take no column, as marks */
        bool joins = hangul_joins(before->last, cp);
        before->last = joins ? cp : before->last;
        return joins;
    }
    if (p.class == UNICODE_MARK) {
        sanitize_kept(before, cp, p);
        return before->marks++ < SANITIZE_MARKS_MAX;
    }
    if (p.class == UNICODE_BLANK && before->blanks == SANITIZE_BLANKS_MAX) {
        before->marks = SANITIZE_MARKS_MAX; /* those on a dropped blank are dropped, too */
        return false;
    }
    sanitize_kept(before, cp, p);
    before->marks = 0;
    before->blanks = p.class == UNICODE_BLANK ? before->blanks + 1 : 0;
    return true;
}

static bool sanitize_is_visible(char byte) {
    return byte > ' ' && byte <= '~';
}

/* How many bytes at the start are visible ASCII and single spaces between it, which is most text:
 * nothing is to be decided.  Eight at a time; a word with any other byte is looked at byte by
 * byte. */
static size_t sanitize_plain(const char *s, size_t n) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, s + i, sizeof word);
        if ((word | (word - ones * 0x21) | (word + ones)) & tops)
            break;
    }
    while (i < n && (sanitize_is_visible(s[i]) ||
                     (s[i] == ' ' && i > 0 && i + 1 < n && sanitize_is_visible(s[i - 1]) &&
                      sanitize_is_visible(s[i + 1]))))
        i++;
    return i;
}

size_t sanitize(char *s, size_t n) {
    struct sanitize_before before = {.marks = SANITIZE_MARKS_MAX}; /* nothing to stand on */
    size_t to = 0, len;
    for (size_t from = 0; from < n; from += len) {
        len = sanitize_plain(s + from, n - from);
        if (len > 0) {
            before = (struct sanitize_before){.last = s[from + len - 1]};
            if (to < from)
                memmove(s + to, s + from, len);
            to += len;
            continue;
        }
        int32_t cp = unicode_decode(s + from, n - from, &len);
        if (cp == '\t' || cp == '\n' || cp == '\r')
            s[from] = (char)(cp = ' ');
        if (cp == UNICODE_BAD || !sanitize_keep(&before, cp, s + from + len, n - from - len))
            continue;
        memmove(s + to, s + from, len);
        to += len;
    }
    return to;
}
