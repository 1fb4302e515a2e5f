/* units.c - see units.h. */
#include "master/ctl/units.h"

#include <stdio.h>
#include <string.h>

const char *units_count(char out[UNITS_TEXT], uint64_t n) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *units_rate(char out[UNITS_TEXT], double n) {
    if (n >= 100 || n < 0.05)
        return units_count(out, n > 0.05 ? (uint64_t)(n + 0.5) : 0);
    snprintf(out, UNITS_TEXT, "%.1f", n);
    return out;
}

const char *units_bytes(char out[UNITS_TEXT], double bytes) {
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
    int i = 0;
    for (; bytes >= 999.5 && i < 4; i++)
        bytes /= 1000;
    snprintf(out, UNITS_TEXT, i == 0 || bytes >= 99.95 ? "%.0f %s" : "%.1f %s", bytes, unit[i]);
    return out;
}

const char *units_short(char out[UNITS_TEXT], uint64_t seconds) {
    static const struct {
        uint32_t seconds;
        char unit;
    } step[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    int i = 0;
    while (i < 3 && seconds < step[i].seconds)
        i++;
    snprintf(out, UNITS_TEXT, "%llu%c", (unsigned long long)(seconds / step[i].seconds),
             step[i].unit);
    return out;
}

const char *units_long(char out[UNITS_TEXT], uint64_t seconds) {
    unsigned long long minutes = seconds / 60, days = minutes / 1440;
    if (seconds < 60)
        snprintf(out, UNITS_TEXT, "%llu second%s", (unsigned long long)seconds,
                 seconds == 1 ? "" : "s");
    else if (minutes < 60)
        snprintf(out, UNITS_TEXT, "%llu minute%s", minutes, minutes == 1 ? "" : "s");
    else if (days > 0)
        snprintf(out, UNITS_TEXT, "%llu day%s %llu:%02llu", days, days == 1 ? "" : "s",
                 minutes / 60 % 24, minutes % 60);
    else
        snprintf(out, UNITS_TEXT, "%llu:%02llu", minutes / 60, minutes % 60);
    return out;
}
