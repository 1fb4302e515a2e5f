/* print.c - see print.h. */
#include "master/ctl/print.h"

#include "ipc/unicode.h"

#include <string.h>

void print_clean(FILE *out, const char *text) {
    size_t left = strlen(text), len;
    for (; left > 0; text += len, left -= len) {
        int32_t cp = unicode_decode(text, left, &len);
        if (cp < ' ' || (cp >= 0x7F && cp < 0xA0))
            fputc('?', out);
        else
            fwrite(text, 1, len, out);
    }
}

void print_json_string(const char *text) {
    size_t left = strlen(text), len;
    putchar('"');
    for (; left > 0; text += len, left -= len) {
        int32_t cp = unicode_decode(text, left, &len);
        if (cp == UNICODE_BAD)
            fputs("\\ufffd", stdout);
        else if (cp == '"' || cp == '\\')
            printf("\\%c", (char)cp);
        else if (cp < ' ' || (cp >= 0x7F && cp < 0xA0))
            printf("\\u%04x", (unsigned)cp);
        else
            fwrite(text, 1, len, stdout);
    }
    putchar('"');
}
