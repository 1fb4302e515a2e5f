/* config_value.c - see config_value.h. */
#include "master/config_value.h"

#include "ipc/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { ERR_SIZE = 256 };

struct unit {
    const char *name;
    uint64_t factor;
};
static const struct unit plain_units[] = {{"", 1}, {NULL, 0}};
static const struct unit size_units[] = {
    {"", 1}, {"K", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}, {NULL, 0}};
/* A bare number of time is seconds, as people mean it; 0 needs no unit anyway. */
static const struct unit time_units[] = {
    {"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};

static void store(const struct value_rule *rule, void *config, uint64_t value) {
    char *at = (char *)config + rule->offset;
    switch (rule->size) {
    case 1: *(uint8_t *)at = (uint8_t)value; break;
    case 4: *(uint32_t *)(void *)at = (uint32_t)value; break;
    default: *(uint64_t *)(void *)at = value; break;
    }
}

/* The text of a bound in its unit. */
static void bound(char out[32], uint64_t value, const struct unit *units) {
    const struct unit *best = NULL;
    for (const struct unit *u = units; u->name; u++) {
        if (u->factor && value && value % u->factor == 0 && (!best || u->factor > best->factor) &&
            *u->name)
            best = u;
    }
    snprintf(out, 32, "%llu%s", (unsigned long long)(best ? value / best->factor : value),
             best ? best->name : "");
}

static bool quantity(const struct value_rule *rule, const char *text, const struct unit *units,
                     const char *kind, uint64_t *out, char *err) {
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    const struct unit *unit = units;
    while (unit->name && strcmp(unit->name, end) != 0)
        unit++;
    if (!isdigit((unsigned char)*text) || !unit->name) {
        snprintf(err, ERR_SIZE, "\"%.100s\" is not %s", text, kind);
        return false;
    }
    if (errno == ERANGE || n > UINT64_MAX / unit->factor || n * unit->factor < rule->min ||
        n * unit->factor > rule->max) {
        char min[32], max[32];
        bound(min, rule->min, units);
        bound(max, rule->max, units);
        snprintf(err, ERR_SIZE, "%.100s is out of range; it goes from %s to %s", text, min, max);
        return false;
    }
    *out = n * unit->factor;
    return true;
}

static bool stored(const struct value_rule *rule, const char *text, const struct unit *units,
                   const char *kind, void *config, char *err) {
    uint64_t value;
    if (!quantity(rule, text, units, kind, &value, err))
        return false;
    store(rule, config, value);
    return true;
}

bool value_number(const struct value_rule *rule, const char *text, void *config, char *err) {
    return stored(rule, text, plain_units, "a number", config, err);
}

bool value_size(const struct value_rule *rule, const char *text, void *config, char *err) {
    return stored(rule, text, size_units, "a size (such as 512, 64K, 4M)", config, err);
}

bool value_time(const struct value_rule *rule, const char *text, void *config, char *err) {
    return stored(rule, text, time_units, "a time (such as 100ms, 60s, 5m, 1h)", config, err);
}

bool value_ring(const struct value_rule *rule, const char *text, void *config, char *err) {
    uint64_t value;
    if (!quantity(rule, text, size_units, "a size (such as 4M)", &value, err))
        return false;
    if (value & (value - 1)) {
        snprintf(err, ERR_SIZE, "%.100s is not a power of two", text);
        return false;
    }
    store(rule, config, value);
    return true;
}

bool value_word(const struct value_rule *rule, const char *text, void *config, char *err) {
    for (uint64_t i = 0; rule->words[i]; i++) {
        if (strcmp(rule->words[i], text) == 0) {
            store(rule, config, i);
            return true;
        }
    }
    int n = snprintf(err, ERR_SIZE, "\"%.100s\" is not one of:", text);
    for (uint64_t i = 0; rule->words[i] && n < ERR_SIZE; i++)
        n += snprintf(err + n, ERR_SIZE - (size_t)n, " %s", rule->words[i]);
    return false;
}

bool value_workers(const struct value_rule *rule, const char *text, void *config, char *err) {
    if (strcmp(text, "auto") != 0)
        return value_number(rule, text, config, err);
    cpu_set_t cores;
    int n = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    store(rule, config, n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (uint64_t)n);
    return true;
}

static bool store_text(const struct value_rule *rule, const char *text, void *config, char *err) {
    size_t len = strlen(text);
    if (len == 0 || len >= rule->size) {
        snprintf(err, ERR_SIZE,
                 len == 0 ? "the value is empty" : "the value is longer than %zu bytes",
                 rule->size - 1);
        return false;
    }
    memset((char *)config + rule->offset, 0, rule->size);
    memcpy((char *)config + rule->offset, text, len);
    return true;
}

/* Strict enough for what people write into a file: no overlong forms, surrogates, or rest. */
static bool valid_utf8(const unsigned char *p, size_t n) {
    for (size_t i = 0; i < n;) {
        unsigned c = p[i++], more = c < 0x80 ? 0 : c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        unsigned long point = more == 0 ? c : c & (0x3Fu >> more);
        static const unsigned long least[] = {0, 0x80, 0x800, 0x10000};
        if ((c >= 0x80 && c < 0xC2) || c > 0xF4 || more > n - i)
            return false;
        for (unsigned k = 0; k < more; k++, i++) {
            if ((p[i] & 0xC0) != 0x80)
                return false;
            point = point << 6 | (p[i] & 0x3Fu);
        }
        if (point < least[more] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
            return false;
    }
    return true;
}

static bool has_control(const char *text, size_t n, bool lines) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool allowed = lines && (c == '\n' || c == '\r' || c == '\t' || c == 0x1b);
        if ((c < 0x20 && !allowed) || c == 0x7f)
            return true;
    }
    return false;
}

bool value_room(const struct value_rule *rule, const char *text, void *config, char *err) {
    if (has_control(text, strlen(text), false) ||
        !valid_utf8((const unsigned char *)text, strlen(text))) {
        snprintf(err, ERR_SIZE, "the name is not printable UTF-8");
        return false;
    }
    return store_text(rule, text, config, err);
}

bool value_path(const struct value_rule *rule, const char *text, void *config, char *err) {
    return store_text(rule, text, config, err);
}

bool value_control(const struct value_rule *rule, const char *text, void *config, char *err) {
    size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
    if (strlen(text) > max) {
        snprintf(err, ERR_SIZE, "the path of a socket has at most %zu bytes", max);
        return false;
    }
    return store_text(rule, text, config, err);
}

/* Lines of the file end with CR LF on the wire, whatever they end with in the file. */
static bool motd_store(struct config *c, const char *text, size_t n, const char *path, char *err) {
    uint32_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\r')
            continue;
        if (at + 2 > MOTD_MAX) {
            snprintf(err, ERR_SIZE, "%.150s: longer than %d bytes", path, MOTD_MAX);
            return false;
        }
        if (text[i] == '\n')
            c->motd[at++] = '\r';
        c->motd[at++] = text[i];
    }
    c->motd_len = at;
    return true;
}

bool value_motd(const struct value_rule *rule, const char *text, void *config, char *err) {
    struct config *c = config;
    char bytes[MOTD_MAX + 1];
    if (!store_text(rule, text, config, err))
        return false;
    FILE *file = fopen(text, "re");
    size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    bool failed = !file || ferror(file);
    int error = errno;
    if (file)
        fclose(file);
    if (failed) {
        snprintf(err, ERR_SIZE, "%.150s: %s", text, strerror(error));
        return false;
    }
    if (has_control(bytes, n, true) || !valid_utf8((const unsigned char *)bytes, n)) {
        snprintf(err, ERR_SIZE, "%.150s: not UTF-8 text", text);
        return false;
    }
    return motd_store(c, bytes, n, text, err);
}

static bool address_parse(const char *text, struct in6_addr *out, bool *ipv4) {
    struct in_addr v4;
    *ipv4 = inet_pton(AF_INET, text, &v4) == 1;
    if (!*ipv4)
        return inet_pton(AF_INET6, text, out) == 1;
    memset(out, 0, sizeof *out);
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    memcpy(&out->s6_addr[12], &v4, 4);
    return true;
}

bool value_listen(const struct value_rule *rule, const char *text, void *config, char *err) {
    struct config *c = config;
    struct listen_address a = {0};
    char host[64];
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    bool bracket = len > 1 && text[0] == '[' && text[len - 1] == ']';
    if (bracket && len < sizeof host)
        snprintf(host, sizeof host, "%.*s", (int)len - 2, text + 1);
    else
        snprintf(host, sizeof host, "%.*s", (int)(len < 60 ? len : 60), text);
    if (strcmp(host, "*") == 0)
        snprintf(host, sizeof host, "::");
    char *end = NULL;
    unsigned long port = colon && isdigit((unsigned char)colon[1]) ? strtoul(colon + 1, &end, 10)
                                                                   : 65536;
    bool shaped = bracket || !strchr(host, ':') || strcmp(host, "::") == 0;
    if (!colon || !end || *end != '\0' || port > 65535 || !shaped ||
        !address_parse(host, &a.addr, &a.ipv4) || (bracket && a.ipv4)) {
        snprintf(err, ERR_SIZE,
                 "\"%.100s\" is not address:port (such as [::]:6666, 127.0.0.1:6666, *:6666)", text);
        return false;
    }
    if (c->listen_count == LISTEN_MAX) {
        snprintf(err, ERR_SIZE, "more than %d addresses", LISTEN_MAX);
        return false;
    }
    (void)rule;
    a.port = (uint16_t)port;
    c->listen[c->listen_count++] = a;
    return true;
}

bool value_network(const struct value_rule *rule, const char *text, void *config, char *err) {
    struct config *c = config;
    char host[64];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    struct network net = {0};
    bool ipv4 = false;
    snprintf(host, sizeof host, "%.*s", (int)(len < 60 ? len : 60), text);
    bool good = address_parse(host, &net.addr, &ipv4);
    unsigned long most = ipv4 ? 32 : 128, bits = most;
    char *end = NULL;
    if (slash)
        bits = isdigit((unsigned char)slash[1]) ? strtoul(slash + 1, &end, 10) : 999;
    if (!good || bits > most || (end && *end != '\0')) {
        snprintf(err, ERR_SIZE, "\"%.100s\" is not an address or address/bits", text);
        return false;
    }
    if (c->proxy_from_count == PROXY_FROM_MAX) {
        snprintf(err, ERR_SIZE, "more than %d networks", PROXY_FROM_MAX);
        return false;
    }
    (void)rule;
    net.bits = (uint8_t)(ipv4 ? bits + 96 : bits);
    c->proxy_from[c->proxy_from_count++] = net;
    return true;
}
