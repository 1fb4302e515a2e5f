/* text.c - see text.h. */
#include "worker/text/sanitize.h"

#include "ipc/unicode.h"

#include <stdbool.h>
#include <string.h>

static bool printable(char c) {
    return c >= 0x20 && c < 0x7F;
}

size_t sanitize(char *s, size_t n) {
    size_t from = 0, to, len;
    while (from < n && printable(s[from]))
        from++;
    unsigned marks =
        from > 0 ? 0 : SANITIZE_MARKS_MAX; /* at the start there is nothing to stand on */
    for (to = from; from < n; from += len) {
        int32_t cp = unicode_decode(s + from, n - from, &len);
        if (cp == '\t')
            s[from] = ' ';
        else if (cp == UNICODE_BAD)
            continue;
        else if (!printable(s[from])) {
            uint8_t kind = unicode_properties(cp).class;
            if (kind == UNICODE_DROP || (kind == UNICODE_MARK && marks == SANITIZE_MARKS_MAX))
                continue;
            marks = kind == UNICODE_MARK ? marks + 1 : 0;
            memmove(s + to, s + from, len);
            to += len;
            continue;
        }
        marks = 0;
        s[to++] = s[from];
    }
    return to;
}

size_t text_columns(const char *s, size_t n) {
    size_t columns = 0, len;
    for (size_t i = 0; i < n; i += len) {
        int32_t cp = unicode_decode(s + i, n - i, &len);
        columns += cp == UNICODE_BAD ? 1 : unicode_properties(cp).columns;
    }
    return columns;
}
