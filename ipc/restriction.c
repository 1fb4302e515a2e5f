/* restriction.c - see restriction.h. */
#include "ipc/restriction.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/origin.h"
#include "ipc/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

uint32_t restriction_copy_bans(const struct restriction_table *table, uint64_t now,
                               struct ban *out) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->bans && i < BANS_MAX; i++)
        if (restriction_stands(table->ban[i].until_ms, now))
            out[count++] = table->ban[i];
    return count;
}

uint32_t restriction_copy_mutes(const struct restriction_table *table, uint64_t now,
                                struct mute *out) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->mutes && i < MUTES_MAX; i++)
        if (restriction_stands(table->mute[i].until_ms, now))
            out[count++] = table->mute[i];
    return count;
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

bool restriction_parse_time(const char *text, uint64_t *until_ms) {
    size_t len = strlen(text);
    *until_ms = 0;
    if (strcmp(text, "-") == 0)
        return true;
    if (len != TIMESTAMP_SECONDS || timestamp_fits(text, len, TIMESTAMP_SECONDS) != len)
        return false;
    int64_t ms = timestamp_read(text, TIMESTAMP_SECONDS);
    *until_ms = ms > 0 ? (uint64_t)ms : 0;
    return ms > 0;
}

const char *restriction_format_time(uint64_t until_ms, char out[RESTRICTION_TIME]) {
    if (until_ms == 0)
        memcpy(out, "-", 2);
    else
        timestamp_write(out, (int64_t)until_ms, TIMESTAMP_SECONDS);
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
        *until_ms = (clock_wall_ms() + ms + 999) / 1000 * 1000; /* never too early */
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
    next->bans = restriction_copy_bans(old, now, next->ban);
    next->mutes = restriction_copy_mutes(old, now, next->mute);
    FAULT("restriction.edit.after");
    return next;
}

void restriction_publish(struct restrictions *restrictions) {
    FAULT("restriction.publish.before");
    atomic_fetch_add(&restrictions->generation, 1);
    atomic_thread_fence(memory_order_seq_cst); /* before the next edit's stores */
    FAULT("restriction.publish.after");
}
