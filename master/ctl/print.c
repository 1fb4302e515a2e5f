/* print.c - see print.h. */
#include "master/ctl/print.h"

#include "ipc/unicode.h"

#include <string.h>

bool print_shows(int32_t cp) {
    return cp >= ' ' && !(cp >= 0x7F && cp < 0xA0) && unicode_properties(cp).class != UNICODE_DROP;
}

const char *print_clean(char *out, size_t size, const char *text) {
    size_t left = strlen(text), len, at = 0;
    for (; left > 0 && at + 5 < size; text += len, left -= len) {
        if (!print_shows(unicode_decode(text, left, &len))) {
            out[at++] = '?';
            continue;
        }
        memcpy(out + at, text, len);
        at += len;
    }
    out[at] = '\0';
    return out;
}
