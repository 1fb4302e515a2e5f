/* sanitize.c - see sanitize.h. */
#include "worker/text/sanitize.h"

#include "ipc/unicode.h"

#include <stdbool.h>
#include <string.h>

static bool sanitize_plain(char c) {
    return c >= 0x20 && c < 0x7F;
}

size_t sanitize(char *s, size_t n) {
    size_t from = 0, to, len;
    while (from < n && sanitize_plain(s[from]))
        from++;
    unsigned marks =
        from > 0 ? 0 : SANITIZE_MARKS_MAX; /* at the start there is nothing to stand on */
    for (to = from; from < n; from += len) {
        int32_t cp = unicode_decode(s + from, n - from, &len);
        if (cp == '\t')
            s[from] = ' ';
        else if (cp == UNICODE_BAD)
            continue;
        else if (!sanitize_plain(s[from])) {
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
