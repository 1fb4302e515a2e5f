/* json.c - see json.h. */
#include "master/ctl/json.h"

#include "master/ctl/print.h"

#include <stdio.h>

static bool json_comma; /* a value stands before the next one, at this depth */
static uint32_t json_depth;

static void json_key(const char *key) {
    if (json_comma)
        putchar(',');
    json_comma = true;
    if (key) {
        print_json_string(key);
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
    print_json_string(text);
}

void json_bool(const char *key, bool value) {
    json_key(key);
    fputs(value ? "true" : "false", stdout);
}

void json_null(const char *key) {
    json_key(key);
    fputs("null", stdout);
}
