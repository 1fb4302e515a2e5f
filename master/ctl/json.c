/* json.c - see json.h. */
#include "master/ctl/json.h"

#include "ipc/unicode.h"
#include "master/ctl/print.h"

#include <stdio.h>
#include <string.h>

static bool json_comma; /* a value stands before the next one, at this depth */
static uint32_t json_depth;

static void json_escaped(int32_t cp) {
    unsigned above = (unsigned)cp - 0x10000;
    if (cp == UNICODE_BAD)
        fputs("\\ufffd", stdout);
    else if (cp < 0x10000)
        printf("\\u%04x", (unsigned)cp);
    else
        printf("\\u%04x\\u%04x", 0xD800 + (above >> 10), 0xDC00 + (above & 0x3FF));
}

static void json_string(const char *text) {
    size_t left = strlen(text), len;
    putchar('"');
    for (; left > 0; text += len, left -= len) {
        int32_t cp = unicode_decode(text, left, &len);
        if (cp == '"' || cp == '\\')
            printf("\\%c", (char)cp);
        else if (!print_shows(cp))
            json_escaped(cp);
        else
            fwrite(text, 1, len, stdout);
    }
    putchar('"');
}

static void json_key(const char *key) {
    if (json_comma)
        putchar(',');
    json_comma = true;
    if (key) {
        json_string(key);
        putchar(':');
    }
}

void json_open(const char *key, char bracket) {
    json_key(key);
    putchar(bracket);
    json_comma = false;
    json_depth++;
}

void json_close(char bracket) {
    putchar(bracket);
    json_comma = --json_depth > 0;
    if (json_depth == 0)
        putchar('\n');
}

void json_number(const char *key, uint64_t value) {
    json_key(key);
    printf("%llu", (unsigned long long)value);
}

void json_decimal(const char *key, double value) {
    json_key(key);
    printf("%.1f", value);
}

void json_text(const char *key, const char *text) {
    json_key(key);
    json_string(text);
}

void json_bool(const char *key, bool value) {
    json_key(key);
    fputs(value ? "true" : "false", stdout);
}

void json_null(const char *key) {
    json_key(key);
    fputs("null", stdout);
}
