/* print.c - see print.h. */
#include "master/ctl/print.h"

#include "ipc/unicode.h"

#include <string.h>

bool print_shows(int32_t cp) {
    return cp >= ' ' && !(cp >= 0x7F && cp < 0xA0) && unicode_properties(cp).class != UNICODE_DROP;
}

void print_clean(FILE *out, const char *text) {
    size_t left = strlen(text), len;
    for (; left > 0; text += len, left -= len) {
        int32_t cp = unicode_decode(text, left, &len);
        if (!print_shows(cp))
            fputc('?', out);
        else
            fwrite(text, 1, len, out);
    }
}

static void print_json_escaped(int32_t cp) {
    unsigned above = (unsigned)cp - 0x10000;
    if (cp == UNICODE_BAD)
        fputs("\\ufffd", stdout);
    else if (cp < 0x10000)
        printf("\\u%04x", (unsigned)cp);
    else
        printf("\\u%04x\\u%04x", 0xD800 + (above >> 10), 0xDC00 + (above & 0x3FF));
}

void print_json_string(const char *text) {
    size_t left = strlen(text), len;
    putchar('"');
    for (; left > 0; text += len, left -= len) {
        int32_t cp = unicode_decode(text, left, &len);
        if (cp == '"' || cp == '\\')
            printf("\\%c", (char)cp);
        else if (!print_shows(cp))
            print_json_escaped(cp);
        else
            fwrite(text, 1, len, stdout);
    }
    putchar('"');
}
