/* relay_url.c - see relay_url.h. */
#include "master/relay_url.h"

#include "ipc/address.h"
#include "ipc/decimal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RELAY_URL_FORM "redis://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...][/DB]"

struct relay_url {
    struct config *config;
    char *err;
    size_t err_size;
};

/* False, for the caller to return. */
static bool relay_url_wrong(const struct relay_url *u, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static bool relay_url_wrong(const struct relay_url *u, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(u->err, u->err_size, fmt, args);
    va_end(args);
    return false;
}

/* ---- user and password ---- */

static int relay_url_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* text[0, len) with each %XX as its byte. */
static bool relay_url_word(const struct relay_url *u, const char *what, const char *text,
                           size_t len, char out[RELAY_WORD_MAX]) {
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        int byte = (unsigned char)text[i];
        if (byte == '%') {
            int high = i + 2 < len ? relay_url_digit(text[i + 1]) : -1;
            int low = i + 2 < len ? relay_url_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return relay_url_wrong(u,
                                       "a %% in the %s is not followed by two hexadecimal digits "
                                       "(%% itself is %%25)",
                                       what);
            byte = high << 4 | low;
            i += 2;
        }
        if (byte == '\0')
            return relay_url_wrong(u, "the %s contains a NUL byte", what);
        if (at + 1 == RELAY_WORD_MAX)
            return relay_url_wrong(u, "the %s is longer than %d bytes", what, RELAY_WORD_MAX - 1);
        out[at++] = (char)byte;
    }
    return true;
}

/* text[0, len): what stands before the @. */
static bool relay_url_account(const struct relay_url *u, const char *text, size_t len) {
    const char *colon = memchr(text, ':', len);
    if (!colon)
        return relay_url_wrong(u, "before the @ stands USER:PASSWORD, or :PASSWORD");
    size_t user = (size_t)(colon - text);
    if (user + 1 == len)
        return relay_url_wrong(u, "the password is empty");
    return relay_url_word(u, "user", text, user, u->config->relay_user) &&
           relay_url_word(u, "password", colon + 1, len - user - 1, u->config->relay_password);
}

/* ---- addresses ---- */

/* Splits text[0, len) into host and port; *port is NULL without one.  NULL, or what is wrong. */
static const char *relay_url_split(const char *text, size_t len, char host[RELAY_HOST_LEN],
                                   const char **port) {
    bool bracket = len > 0 && *text == '[';
    const char *end = bracket ? memchr(text, ']', len) : memchr(text, ':', len);
    if (bracket && !end)
        return "a bracket is not closed";
    size_t from = bracket, to = end ? (size_t)(end - text) : len, rest = to + bracket;
    if (!bracket && end && memchr(end + 1, ':', len - rest - 1))
        return "an IPv6 address stands in brackets, as in [::1]:6379";
    if (to - from >= RELAY_HOST_LEN)
        return "its host is longer than 255 bytes";
    if (to == from)
        return "it has no host";
    memcpy(host, text + from, to - from);
    host[to - from] = '\0';
    if (rest < len && text[rest] != ':')
        return "behind the bracket stands :PORT";
    *port = rest < len ? text + rest + 1 : NULL;
    return NULL;
}

static const char *relay_url_host(const char *host, bool bracket) {
    struct in6_addr addr;
    bool ipv4;
    if (bracket)
        return address_parse(host, &addr, &ipv4) && !ipv4 ? NULL
                                                          : "in the brackets is no IPv6 address";
    for (const char *p = host; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
            return "its host is no name of letters, digits, -, _ and .";
    return NULL;
}

/* text[0, len): one HOST[:PORT]. */
static const char *relay_url_address(const char *text, size_t len, struct relay_host *out) {
    const char *port = NULL, *wrong = relay_url_split(text, len, out->host, &port);
    char digits[8] = "";
    uint32_t number = RELAY_PORT;
    if (!wrong)
        wrong = relay_url_host(out->host, *text == '[');
    if (wrong)
        return wrong;
    size_t n = port ? (size_t)(text + len - port) : 0;
    memcpy(digits, port ? port : "", n < sizeof digits ? n : 0);
    if (port && (!decimal_parse(digits, UINT16_MAX, &number) || number == 0))
        return "its port is not a number from 1 to 65535";
    out->port = (uint16_t)number;
    return NULL;
}

static bool relay_url_addresses(const struct relay_url *u, const char *text, size_t len) {
    struct config *config = u->config;
    for (size_t at = 0; at <= len; at++) {
        const char *comma = memchr(text + at, ',', len - at);
        size_t n = comma ? (size_t)(comma - text) - at : len - at;
        if (config->relay_count == RELAY_HOSTS_MAX)
            return relay_url_wrong(u, "more than %d addresses", RELAY_HOSTS_MAX);
        const char *wrong = relay_url_address(text + at, n, &config->relay[config->relay_count]);
        if (wrong)
            return relay_url_wrong(u, "address %u: %s", config->relay_count + 1, wrong);
        config->relay_count++;
        at += n;
    }
    return true;
}

/* ---- the whole ---- */

static void relay_url_clear(struct config *config) {
    memset(config->relay, 0, sizeof config->relay);
    memset(config->relay_user, 0, sizeof config->relay_user);
    memset(config->relay_password, 0, sizeof config->relay_password);
    config->relay_count = config->relay_db = 0;
}

static bool relay_url_read(const struct relay_url *u, const char *text) {
    if (strncmp(text, "rediss://", 9) == 0)
        return relay_url_wrong(u, "TLS is not spoken: put stunnel or a tunnel in between, and give "
                                  "its end as redis://...");
    if (strncmp(text, "redis://", 8) != 0)
        return relay_url_wrong(u, "the value is not " RELAY_URL_FORM);
    text += 8;
    const char *at = strrchr(text, '@');
    if (at && !relay_url_account(u, text, (size_t)(at - text)))
        return false;
    const char *hosts = at ? at + 1 : text, *slash = strchr(hosts, '/');
    if (slash && slash[1] != '\0' && !decimal_parse(slash + 1, RELAY_DB_MAX, &u->config->relay_db))
        return relay_url_wrong(u, "behind the / stands the number of a database, 0 to %d",
                               RELAY_DB_MAX);
    return relay_url_addresses(u, hosts, slash ? (size_t)(slash - hosts) : strlen(hosts));
}

bool relay_url_parse(const char *text, struct config *config, char *err, size_t err_size) {
    struct relay_url u = {config, err, err_size};
    relay_url_clear(config);
    if (*text == '\0' || relay_url_read(&u, text))
        return true;
    relay_url_clear(config);
    return false;
}
