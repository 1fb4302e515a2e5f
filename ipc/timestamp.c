/* timestamp.c - see timestamp.h. */
#include "ipc/timestamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* 0 is any digit. */
static const char timestamp_shape[][TIMESTAMP_TEXT] = {"0000-00-00T00:00:00Z",
                                                       "0000-00-00T00:00:00.000Z"};
_Static_assert(sizeof "0000-00-00T00:00:00Z" == TIMESTAMP_SECONDS + 1, "the form's length");
_Static_assert(sizeof "0000-00-00T00:00:00.000Z" == TIMESTAMP_MILLIS + 1, "the form's length");

static int timestamp_number(const char *text, int digits) {
    int value = 0;
    for (int i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

int64_t timestamp_read(const char *text, enum timestamp form) {
    struct tm at = {.tm_year = timestamp_number(text, 4) - 1900,
                    .tm_mon = timestamp_number(text + 5, 2) - 1,
                    .tm_mday = timestamp_number(text + 8, 2),
                    .tm_hour = timestamp_number(text + 11, 2),
                    .tm_min = timestamp_number(text + 14, 2),
                    .tm_sec = timestamp_number(text + 17, 2)};
    int ms = form == TIMESTAMP_MILLIS ? timestamp_number(text + 20, 3) : 0;
    return (int64_t)timegm(&at) * 1000 + ms;
}

void timestamp_write(char out[TIMESTAMP_TEXT], int64_t ms, enum timestamp form) {
    struct tm at;
    char text[80];
    time_t seconds = (time_t)(ms / 1000);
    memset(&at, 0, sizeof at);
    gmtime_r(&seconds, &at);
    int len = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", at.tm_year + 1900,
                       at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec);
    if (form == TIMESTAMP_MILLIS)
        len += snprintf(text + len, sizeof text - (size_t)len, ".%03d", (int)(ms % 1000));
    snprintf(text + len, sizeof text - (size_t)len, "Z");
    snprintf(out, TIMESTAMP_TEXT, "%.*s", (int)form, text);
}

/* Where the text is another than its time's own, such as at the month of 2026-13-01; `form`:
 * nowhere.
 */
static size_t timestamp_differs(const char *text, enum timestamp form) {
    char own[TIMESTAMP_TEXT];
    size_t i = 0;
    timestamp_write(own, timestamp_read(text, form), form);
    while (i < form && text[i] == own[i])
        i++;
    return i;
}

size_t timestamp_fits(const char *text, size_t len, enum timestamp form) {
    const char *shape = timestamp_shape[form == TIMESTAMP_MILLIS];
    size_t i = 0;
    for (; i < len && shape[i]; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !digit : text[i] != shape[i])
            return i;
    }
    return i < form ? i : timestamp_differs(text, form);
}
