/* sanitize.c - see sanitize.h. */
#include "worker/text/sanitize.h"

#include "ipc/unicode.h"
#include "worker/text/hangul.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What stands before the next character. */
struct sanitize_before {
    int32_t last;    /* kept; 0: ASCII or none */
    unsigned marks;  /* on one character */
    unsigned blanks; /* in a row, marks and dropped characters aside */
};

/* Whether the character is kept. */
static bool sanitize_keep(struct sanitize_before *before, int32_t cp) {
    uint8_t class = cp > ' ' && cp <= '~' ? UNICODE_OTHER : unicode_properties(cp).class;
    if (class == UNICODE_DROP)
        return false;
    if (hangul_vowel(cp) || hangul_final(cp)) { /* they take no column, as marks */
        bool joins = hangul_joins(before->last, cp);
        before->last = joins ? cp : before->last;
        return joins;
    }
    if (class == UNICODE_MARK) {
        before->last = cp;
        return before->marks++ < SANITIZE_MARKS_MAX;
    }
    if (class == UNICODE_BLANK && before->blanks == SANITIZE_BLANKS_MAX) {
        before->marks = SANITIZE_MARKS_MAX; /* those on a dropped blank are dropped, too */
        return false;
    }
    before->last = cp;
    before->marks = 0;
    before->blanks = class == UNICODE_BLANK ? before->blanks + 1 : 0;
    return true;
}

/* How many bytes at the start are visible ASCII, which is most text: nothing is to be decided.
 * Eight at a time; a word with any other byte is looked at byte by byte. */
static size_t sanitize_visible(const char *s, size_t n) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, s + i, sizeof word);
        if ((word | (word - ones * 0x21) | (word + ones)) & tops)
            break;
    }
    while (i < n && s[i] > ' ' && s[i] <= '~')
        i++;
    return i;
}

size_t sanitize(char *s, size_t n) {
    struct sanitize_before before = {.marks = SANITIZE_MARKS_MAX}; /* nothing to stand on */
    size_t to = 0, len;
    for (size_t from = 0; from < n; from += len) {
        len = sanitize_visible(s + from, n - from);
        if (len > 0) {
            before = (struct sanitize_before){.last = 0};
            if (to < from)
                memmove(s + to, s + from, len);
            to += len;
            continue;
        }
        int32_t cp = unicode_decode(s + from, n - from, &len);
        if (cp == '\t')
            s[from] = (char)(cp = ' ');
        if (cp == UNICODE_BAD || !sanitize_keep(&before, cp))
            continue;
        memmove(s + to, s + from, len);
        to += len;
    }
    return to;
}
