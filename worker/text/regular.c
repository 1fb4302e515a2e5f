/* regular.c - see regular.h. */
#include "worker/text/regular.h"

#include "ipc/unicode.h"

#include <string.h>

static bool regular_is_blank(int32_t cp) {
    if (cp == ' ')
        return true;
    if ((cp > ' ' && cp < 0x80) || (cp > 0x3000 && cp < 0xFEFF))
        return false; /* most text: ASCII, Chinese, Japanese, Korean */
    if ((cp >= '\t' && cp <= '\r') || cp == 0x85 || cp == 0x2028 || cp == 0x2029)
        return true; /* the controls and separators of White_Space */
    return cp == 0x200B || cp == 0xFEFF || unicode_properties(cp).class == UNICODE_BLANK;
}

/* The first code point of a NUL-terminated text: the NUL ends a sequence that is cut there. */
static int32_t regular_first(const char *text, size_t *len) {
    return unicode_decode(text, 4 + 1, len);
}

/* The last code point of text[0, n), n > 0. */
static int32_t regular_last(const char *text, size_t n, size_t *len) {
    size_t from = n - 1;
    while (from > 0 && n - from < 4 && ((unsigned char)text[from] & 0xC0) == 0x80)
        from--;
    int32_t cp = unicode_decode(text + from, n - from, len);
    return *len == n - from ? cp : UNICODE_BAD;
}

/* The length of text[0, n) without the blanks at its end. */
static size_t regular_end(const char *text, size_t n) {
    size_t len;
    while (n > 0 && regular_is_blank(regular_last(text, n, &len)))
        n -= len;
    return n;
}

/* With the marks that stand on them. */
size_t regular_blanks(const char *text) {
    size_t at = 0, len;
    for (;; at += len) {
        int32_t cp = regular_first(text + at, &len);
        bool mark = at > 0 && cp > 0x7F && unicode_properties(cp).class == UNICODE_MARK;
        if (!mark && !regular_is_blank(cp))
            return at;
    }
}

size_t regular_word(const char *text) {
    size_t at = 0, len;
    for (; text[at]; at += len) {
        if (regular_is_blank(regular_first(text + at, &len)))
            break;
    }
    return at;
}

/* The ASCII of a character in either width, as a small letter; 0: it has none. */
static char regular_ascii(int32_t cp) {
    if (cp >= 0xFF01 && cp <= 0xFF5E)
        cp -= 0xFF01 - '!';
    if (cp >= 'A' && cp <= 'Z')
        cp += 'a' - 'A';
    return cp > ' ' && cp <= '~' ? (char)cp : 0;
}

static void regular_fold(const char *text, size_t n, char word[REGULAR_WORD]) {
    size_t to = 0, len;
    for (size_t from = 0; from < n; from += len) {
        char letter = regular_ascii(unicode_decode(text + from, n - from, &len));
        if (!letter || to == REGULAR_WORD - 1) {
            to = 0;
            break;
        }
        word[to++] = letter;
    }
    word[to] = '\0';
}

/* If the text begins with a slash of either width, that becomes a `/` at its new beginning. */
static bool regular_slash(char **text) {
    size_t len;
    if (regular_ascii(regular_first(*text, &len)) != '/')
        return false;
    *text += len - 1;
    **text = '/';
    return true;
}

/* Chinese input methods give an ideographic comma for the slash key, Japanese ones a middle dot; in
 * either width. */
static bool regular_comma(int32_t cp) {
    return cp == 0x3001 || cp == 0xFF64 || cp == 0x30FB || cp == 0xFF65;
}

/* Bytes of the line's mark. */
static size_t regular_mark(struct regular *line) {
    size_t len;
    char *second;
    if (regular_comma(regular_first(line->text, &len))) {
        line->mark = REGULAR_COMMA;
        return len;
    }
    if (!regular_slash(&line->text))
        return 0;
    second = line->text + 1;
    if (regular_slash(&second)) {
        line->text = second;
        return 0;
    }
    line->mark = REGULAR_SLASH;
    return 1;
}

/* The bytes before the line: blanks.  Before a slash also characters that could not be read, such
 * as the no-break space of another encoding: what follows is not to be spoken. */
static size_t regular_before(const char *text) {
    size_t blanks = regular_blanks(text), at = blanks, len;
    while (regular_first(text + at, &len) == UNICODE_REPLACEMENT)
        at += len + regular_blanks(text + at + len);
    return regular_ascii(regular_first(text + at, &len)) == '/' ? at : blanks;
}

struct regular regular_read(char *text, size_t n) {
    struct regular line = {.text = text, .mark = REGULAR_BARE};
    text[regular_end(text, n)] = '\0';
    line.text += regular_before(text);
    size_t mark = regular_mark(&line);
    line.first = regular_word(line.text);
    line.argument = line.text + line.first + regular_blanks(line.text + line.first);
    regular_fold(line.text + mark, line.first - mark, line.word);
    return line;
}

bool regular_as_typed(const char *raw, size_t n, const char *argument) {
    size_t end = regular_end(raw, n), len = strlen(argument), from = regular_blanks(raw);
    if (len >= end || memcmp(raw + end - len, argument, len) != 0)
        return false;
    size_t word = regular_end(raw, end - len); /* where the first one ends: only blanks follow */
    return word < end - len && from + regular_word(raw + from) == word;
}
