/* restriction.c - see restriction.h. */
#include "ipc/restriction.h"

#include "ipc/fault.h"
#include "ipc/origin.h"
#include "ipc/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t restriction_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool restriction_stands(uint64_t until_ms, uint64_t now) {
    return until_ms == 0 || until_ms > now;
}

/* ---- looking ---- */

const struct ban *restriction_banned(const struct restriction_table *table,
                                     const struct in6_addr *addr, uint64_t now) {
    for (uint32_t i = 0; i < table->bans && i < BANS_MAX; i++) {
        const struct ban *ban = &table->ban[i];
        if (network_holds(&ban->network, addr) && restriction_stands(ban->until_ms, now))
            return ban;
    }
    return NULL;
}

static bool restriction_mutes(const struct mute *mute, uint64_t key, const struct in6_addr *addr,
                              uint16_t port) {
    if (mute->key != 0 ? mute->key == key
                       : mute->port == port && memcmp(&mute->addr, addr, sizeof *addr) == 0)
        return true;
    return mute->by_address && origin_same(&mute->addr, addr);
}

const struct mute *restriction_muted(const struct restriction_table *table, uint64_t key,
                                     const struct in6_addr *addr, uint16_t port, uint64_t now) {
    for (uint32_t i = 0; i < table->mutes && i < MUTES_MAX; i++) {
        const struct mute *mute = &table->mute[i];
        if (restriction_mutes(mute, key, addr, port) && restriction_stands(mute->until_ms, now))
            return mute;
    }
    return NULL;
}

uint64_t restriction_next_end(const struct restriction_table *table, uint64_t now) {
    uint64_t next = 0;
    for (uint32_t i = 0; i < table->mutes && i < MUTES_MAX; i++) {
        uint64_t until = table->mute[i].until_ms;
        if (until > now && (next == 0 || until < next))
            next = until;
    }
    return next;
}

/* ---- networks ---- */

bool restriction_parse_network(const char *text, struct network *out, char *err, size_t err_size) {
    char meant[NETWORK_TEXT];
    if (!network_parse(text, out)) {
        snprintf(err, err_size,
                 "\"%.60s\" is not an address or address/bits (such as 192.0.2.1, 10.0.0.0/8)",
                 text);
        return false;
    }
    if (network_is_everything(out)) {
        snprintf(err, err_size, "%.60s is everybody, and is not banned", text);
        return false;
    }
    struct network whole = {.addr = network_prefix(out), .bits = out->bits};
    if (network_same(&whole, out))
        return true;
    snprintf(err, err_size, "%.60s has bits beyond its prefix: is %s meant?", text,
             network_format(&whole, meant));
    return false;
}

/* ---- times ---- */

static bool restriction_time_shape(const char *text) {
    static const char shape[] = "0000-00-00T00:00:00Z";
    size_t i = 0;
    for (; shape[i] && text[i]; i++)
        if (shape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return false;
    return shape[i] == text[i];
}

static int restriction_digits(const char *text, int count) {
    int n = 0;
    for (int i = 0; i < count; i++)
        n = 10 * n + text[i] - '0';
    return n;
}

bool restriction_parse_time(const char *text, uint64_t *until_ms) {
    char back[RESTRICTION_TIME];
    *until_ms = 0;
    if (strcmp(text, "-") == 0)
        return true;
    if (!restriction_time_shape(text))
        return false;
    struct tm tm = {.tm_year = restriction_digits(text, 4) - 1900,
                    .tm_mon = restriction_digits(text + 5, 2) - 1,
                    .tm_mday = restriction_digits(text + 8, 2),
                    .tm_hour = restriction_digits(text + 11, 2),
                    .tm_min = restriction_digits(text + 14, 2),
                    .tm_sec = restriction_digits(text + 17, 2)};
    time_t seconds = timegm(&tm);
    if (seconds <= 0)
        return false;
    *until_ms = (uint64_t)seconds * 1000;
    /* A thirtieth of February becomes a day of March. */
    return strcmp(restriction_format_time(*until_ms, back), text) == 0;
}

const char *restriction_format_time(uint64_t until_ms, char out[RESTRICTION_TIME]) {
    time_t seconds = (time_t)(until_ms / 1000);
    struct tm tm;
    if (until_ms == 0 || !gmtime_r(&seconds, &tm) ||
        strftime(out, RESTRICTION_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        memcpy(out, "-", 2);
    return out;
}

bool restriction_parse_duration(const char *text, uint64_t *ms) {
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    const uint64_t most = 3653ull * 86400000;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 10 || text[digits] == '\0' || text[digits + 1] != '\0')
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].unit == text[digits]) {
            *ms = strtoull(text, NULL, 10) * units[i].ms;
            return *ms > 0 && *ms <= most;
        }
    }
    return false;
}

enum restriction_term restriction_read_term(const char *word, uint64_t *until_ms) {
    uint64_t ms;
    *until_ms = 0;
    if (strcmp(word, "-") == 0)
        return TERM_GIVEN;
    if (restriction_parse_duration(word, &ms)) {
        *until_ms = (restriction_now() + ms + 999) / 1000 * 1000; /* never too early */
        return TERM_GIVEN;
    }
    word += *word == '-' || *word == '+';
    return *word >= '0' && *word <= '9' ? TERM_BAD : TERM_NONE;
}

/* ---- reasons ---- */

/* Bytes of the printable character at `text`; 0: it is none. */
static size_t restriction_printable(const char *text, size_t len) {
    size_t n;
    int32_t cp = unicode_decode(text, len, &n);
    bool good = cp >= 0x20 && cp != 0x7f && !(cp >= 0x80 && cp < 0xa0) &&
                unicode_properties(cp).class != UNICODE_DROP;
    return good ? n : 0;
}

bool restriction_clean(const char *text, size_t len, char *out, size_t size) {
    size_t at = 0;
    for (size_t i = 0; i < len;) {
        size_t n = restriction_printable(text + i, len - i);
        const char *from = n > 0 ? text + i : " ";
        i += n > 0 ? n : 1;
        if (n <= 1 && *from == ' ' && (at == 0 || out[at - 1] == ' '))
            continue;
        if (at + (n > 0 ? n : 1) >= size)
            return false;
        memcpy(out + at, from, n > 0 ? n : 1);
        at += n > 0 ? n : 1;
    }
    while (at > 0 && out[at - 1] == ' ')
        at--;
    out[at] = '\0';
    return true;
}

/* ---- writing ---- */

struct restriction_table *restriction_edit(struct restrictions *restrictions, uint64_t now) {
    uint64_t generation = atomic_load_explicit(&restrictions->generation, memory_order_relaxed);
    const struct restriction_table *old = &restrictions->copy[generation & 1];
    struct restriction_table *next = &restrictions->copy[(generation + 1) & 1];
    next->bans = next->mutes = 0;
    for (uint32_t i = 0; i < old->bans; i++)
        if (restriction_stands(old->ban[i].until_ms, now))
            next->ban[next->bans++] = old->ban[i];
    for (uint32_t i = 0; i < old->mutes; i++)
        if (restriction_stands(old->mute[i].until_ms, now))
            next->mute[next->mutes++] = old->mute[i];
    FAULT("restriction.edit.after");
    return next;
}

void restriction_publish(struct restrictions *restrictions) {
    FAULT("restriction.publish.before");
    atomic_fetch_add(&restrictions->generation, 1);
    atomic_thread_fence(memory_order_seq_cst); /* before the next edit's stores */
    FAULT("restriction.publish.after");
}
