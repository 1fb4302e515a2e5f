/* config_value.c - see config_value.h. */
#include "master/config_value.h"

#include "ipc/address.h"
#include "ipc/client.h"
#include "ipc/decimal.h"
#include "ipc/network.h"
#include "ipc/relay.h"
#include "ipc/unicode.h"
#include "master/cores.h"
#include "master/relay_url.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

const struct value_kind value_count = {"a number", {{"", 1}}};
const struct value_kind value_size = {"a size (such as 512, 64K, 4M, 1G)",
                                      {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}}};
const struct value_kind value_time = {
    "a time (such as 100ms, 60s, 5m, 1h)",
    {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}}};

static void value_store(const struct value_rule *rule, struct config *config, uint64_t value) {
    char *at = (char *)config + rule->offset;
    switch (rule->size) {
    case 1: *(uint8_t *)at = (uint8_t)value; break;
    case 4: *(uint32_t *)(void *)at = (uint32_t)value; break;
    default: *(uint64_t *)(void *)at = value; break;
    }
}

/* A bound in the largest unit that divides it. */
static void value_bound(char *out, size_t size, uint64_t value, const struct value_kind *kind) {
    const struct value_unit *best = NULL;
    for (const struct value_unit *u = kind->units; u->name; u++) {
        if (*u->name && value != 0 && value % u->factor == 0)
            best = u;
    }
    snprintf(out, size, "%llu%s", (unsigned long long)(best ? value / best->factor : value),
             best ? best->name : "");
}

static void value_range_text(const struct value_rule *rule, char out[VALUE_RANGE_SIZE]) {
    char min[24], max[24];
    value_bound(min, sizeof min, rule->min, rule->kind);
    value_bound(max, sizeof max, rule->max, rule->kind);
    snprintf(out, VALUE_RANGE_SIZE, "%s to %s", min, max);
}

static void value_words_text(const struct value_rule *rule, char out[VALUE_RANGE_SIZE]) {
    size_t at = 0;
    for (const char *const *w = rule->words; *w && at < VALUE_RANGE_SIZE; w++)
        at += (size_t)snprintf(out + at, VALUE_RANGE_SIZE - at, "%s%s", at ? ", " : "", *w);
}

const char *value_range(const struct value_rule *rule, char out[VALUE_RANGE_SIZE]) {
    out[0] = '\0';
    if (rule->kind)
        value_range_text(rule, out);
    else if (rule->words)
        value_words_text(rule, out);
    return out;
}

static bool value_parse_number(const struct value_rule *rule, const char *text, uint64_t *out,
                               char *err) {
    char *end, allowed[VALUE_RANGE_SIZE];
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    const struct value_unit *unit = rule->kind->units;
    while (unit->name && strcmp(unit->name, end) != 0)
        unit++;
    if (!isdigit((unsigned char)*text) || !unit->name) {
        snprintf(err, VALUE_ERR_SIZE, "\"%.100s\" is not %s", text, rule->kind->a);
        return false;
    }
    if (errno == ERANGE || n > UINT64_MAX / unit->factor || n * unit->factor < rule->min ||
        n * unit->factor > rule->max) {
        snprintf(err, VALUE_ERR_SIZE, "%.100s is out of range; it goes from %s", text,
                 value_range(rule, allowed));
        return false;
    }
    *out = n * unit->factor;
    return true;
}

bool value_number(const struct value_rule *rule, const char *text, struct config *config,
                  char *err) {
    uint64_t value;
    if (!value_parse_number(rule, text, &value, err))
        return false;
    value_store(rule, config, value);
    return true;
}

bool value_power(const struct value_rule *rule, const char *text, struct config *config,
                 char *err) {
    uint64_t value;
    if (!value_parse_number(rule, text, &value, err))
        return false;
    if (value & (value - 1)) {
        snprintf(err, VALUE_ERR_SIZE, "%.100s is not a power of two", text);
        return false;
    }
    value_store(rule, config, value);
    return true;
}

bool value_workers(const struct value_rule *rule, const char *text, struct config *config,
                   char *err) {
    if (strcmp(text, "auto") != 0 && !isdigit((unsigned char)*text)) {
        snprintf(err, VALUE_ERR_SIZE, "\"%.100s\" is neither a number nor auto", text);
        return false;
    }
    if (strcmp(text, "auto") != 0)
        return value_number(rule, text, config, err);
    uint64_t n = cores_available();
    value_store(rule, config, n < rule->min ? rule->min : n > rule->max ? rule->max : n);
    return true;
}

bool value_word(const struct value_rule *rule, const char *text, struct config *config, char *err) {
    char allowed[VALUE_RANGE_SIZE];
    for (uint64_t i = 0; rule->words[i]; i++) {
        if (strcmp(rule->words[i], text) == 0) {
            value_store(rule, config, i);
            return true;
        }
    }
    snprintf(err, VALUE_ERR_SIZE, "\"%.100s\" is not one of: %s", text, value_range(rule, allowed));
    return false;
}

static bool value_too_long(size_t max, char *err) {
    snprintf(err, VALUE_ERR_SIZE, "the value is longer than %zu bytes", max);
    return false;
}

bool value_text(const struct value_rule *rule, const char *text, struct config *config, char *err) {
    size_t len = strlen(text);
    if (len >= rule->size)
        return value_too_long(rule->size - 1, err);
    memset((char *)config + rule->offset, 0, rule->size); /* config_keep compares whole fields */
    memcpy((char *)config + rule->offset, text, len);
    return true;
}

bool value_file(const struct value_rule *rule, const char *text, struct config *config, char *err) {
    const char *slash = strrchr(text, '/'), *wrong = NULL, *about = text;
    char folder[PATH_MAX];
    struct stat is;
    if (!value_text(rule, text, config, err))
        return false;
    snprintf(folder, sizeof folder, "%.*s/", slash ? (int)(slash - text) : 1, slash ? text : ".");
    if (*text != '\0' && stat(folder, &is) != 0) {
        about = folder;
        if (errno != EACCES) /* after privileges were dropped, the folder may be unreadable */
            wrong = strerror(errno);
    } else if (stat(text, &is) == 0 && S_ISDIR(is.st_mode)) {
        wrong = strerror(EISDIR);
    }
    if (wrong)
        snprintf(err, VALUE_ERR_SIZE, "%.150s: %s", about, wrong);
    return !wrong;
}

static bool value_account(const struct value_rule *rule, const char *text, bool exists,
                          struct config *config, char *err) {
    if (!value_text(rule, text, config, err))
        return false;
    if (*text != '\0' && !exists)
        snprintf(err, VALUE_ERR_SIZE, "there is no \"%s\" on this machine", text);
    return *text == '\0' || exists;
}

bool value_user(const struct value_rule *rule, const char *text, struct config *config, char *err) {
    return value_account(rule, text, getpwnam(text) != NULL, config, err);
}

bool value_group(const struct value_rule *rule, const char *text, struct config *config,
                 char *err) {
    return value_account(rule, text, getgrnam(text) != NULL, config, err);
}

bool value_socket(const struct value_rule *rule, const char *text, struct config *config,
                  char *err) {
    size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
    return strlen(text) <= max ? value_text(rule, text, config, err) : value_too_long(max, err);
}

/* Whether valid UTF-8 has a control character (C0, DEL, C1) that is not in `allowed`. */
static bool value_has_control(const char *text, size_t n, const char *allowed) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xC2 && i + 1 < n && (unsigned char)text[i + 1] < 0xA0;
        if (((c < 0x20 || c == 0x7F) && (c == '\0' || !strchr(allowed, c))) || c1)
            return true;
    }
    return false;
}

bool value_room(const struct value_rule *rule, const char *text, struct config *config, char *err) {
    size_t n = strlen(text);
    if (n == 0 || !unicode_valid(text, n) || value_has_control(text, n, "")) {
        snprintf(err, VALUE_ERR_SIZE, n == 0 ? "the value is empty" : "not printable UTF-8");
        return false;
    }
    return value_text(rule, text, config, err);
}

FILE *value_open(const char *path, const char **wrong) {
    struct stat is;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    *wrong = NULL;
    if (fd < 0 || fstat(fd, &is) != 0)
        *wrong = strerror(errno);
    else if (S_ISDIR(is.st_mode))
        *wrong = strerror(EISDIR);
    else if (!S_ISREG(is.st_mode) && is.st_rdev != makedev(1, 3))
        *wrong = "not a regular file";
    else if (is.st_size > VALUE_FILE_MAX)
        *wrong = "larger than 1M";
    FILE *file = *wrong ? NULL : fdopen(fd, "r");
    if (!file && fd >= 0)
        close(fd);
    if (!file && !*wrong)
        *wrong = strerror(errno);
    return file;
}

/* Returns how many bytes were read, at most `size`; on failure *wrong is the reason, else NULL. */
static size_t value_read_file(const char *path, char *bytes, size_t size, const char **wrong) {
    FILE *file = value_open(path, wrong);
    if (!file)
        return 0;
    size_t n = fread(bytes, 1, size, file);
    if (ferror(file))
        *wrong = strerror(errno);
    fclose(file);
    return n;
}

/* Stores the text as it is sent: without a byte order mark, with CR LF line ends.  False if it is
 * too long. */
static bool value_store_motd(struct config *config, const char *text, size_t n) {
    size_t at = 0;
    size_t bom = n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (size_t i = bom; i < n; i++) {
        if (text[i] == '\r')
            continue;
        if (at + 1 + (text[i] == '\n') > MOTD_MAX)
            return false;
        if (text[i] == '\n')
            config->motd[at++] = '\r';
        config->motd[at++] = text[i];
    }
    config->motd_len = (uint32_t)at;
    return true;
}

bool value_motd(const struct value_rule *rule, const char *text, struct config *config, char *err) {
    char bytes[2 * MOTD_MAX]; /* a line end in the file may have two bytes already */
    if (!value_text(rule, text, config, err))
        return false;
    if (*text == '\0')
        return true;
    const char *wrong;
    size_t n = value_read_file(text, bytes, sizeof bytes, &wrong);
    if (!wrong && !value_store_motd(config, bytes, n))
        wrong = "longer than 8192 bytes, a line end counting two";
    else if (!wrong && (!unicode_valid(bytes, n) || value_has_control(bytes, n, "\t\n\r\033")))
        wrong = "not UTF-8 text";
    if (wrong)
        snprintf(err, VALUE_ERR_SIZE, "%.150s: %s", text, wrong);
    return !wrong;
}

/* "*", "1.2.3.4" or "[::1]", of `len` bytes.  [::ffff:1.2.3.4] is 1.2.3.4. */
static bool value_parse_host(const char *text, size_t len, struct listen_address *out) {
    char host[INET6_ADDRSTRLEN];
    bool bracket = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (len == 1 && *text == '*') {
        out->addr = in6addr_any;
        return true;
    }
    if (bracket) {
        text++;
        len -= 2;
    }
    if (len >= sizeof host)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    bool good = address_parse(host, &out->addr, &out->ipv4) && bracket == !out->ipv4;
    out->ipv4 |= IN6_IS_ADDR_V4MAPPED(&out->addr);
    return good;
}

/* What is meant instead, if the text of `len` bytes before the port is no address. */
static const char *value_host_hint(const char *text, size_t len) {
    if (memchr(text, '%', len))
        return "an address of one interface (%) cannot be listened on alone; [::] has all of them";
    if (*text != '[' && memchr(text, ':', len))
        return "an IPv6 address stands in brackets, as in [::1]:6666";
    if (isalpha((unsigned char)*text))
        return "a name is not looked up: give its address, as in 127.0.0.1:6666 or [::1]:6666";
    return "";
}

/* Addresses that no socket can be bound to; NULL: it is none of them. */
static const char *value_unlistenable(const struct listen_address *a) {
    if (IN6_IS_ADDR_LINKLOCAL(&a->addr))
        return "a link-local address belongs to one interface; listen on [::], which has all of "
               "them";
    if (IN6_IS_ADDR_MULTICAST(&a->addr) || (a->ipv4 && a->addr.s6_addr[12] >= 224))
        return "a multicast or broadcast address cannot be listened on";
    return NULL;
}

static bool value_listen_kind(const char *text, enum client_kind kind, struct config *config,
                              char *err) {
    struct listen_address a = {.kind = (uint8_t)kind};
    uint32_t port;
    const char *colon = strrchr(text, ':'), *wrong;
    if (!colon || !decimal_parse(colon + 1, UINT16_MAX, &port) ||
        !value_parse_host(text, (size_t)(colon - text), &a)) {
        wrong = value_host_hint(text, colon ? (size_t)(colon - text) : 0);
        snprintf(err, VALUE_ERR_SIZE,
                 "\"%.60s\" is not address:port (such as [::]:6666, 127.0.0.1:6666, *:6666)%s%s",
                 text, *wrong ? "; " : "", wrong);
        return false;
    }
    wrong = value_unlistenable(&a);
    if (wrong) {
        snprintf(err, VALUE_ERR_SIZE, "%.60s: %s", text, wrong);
        return false;
    }
    if (config->listen_count == LISTEN_MAX) {
        snprintf(err, VALUE_ERR_SIZE, "more than %d addresses", LISTEN_MAX);
        return false;
    }
    a.port = (uint16_t)port;
    config->listen[config->listen_count++] = a;
    return true;
}

bool value_listen(const struct value_rule *rule, const char *text, struct config *config,
                  char *err) {
    (void)rule;
    return value_listen_kind(text, KIND_TELNET, config, err);
}

bool value_metrics(const struct value_rule *rule, const char *text, struct config *config,
                   char *err) {
    (void)rule;
    return *text == '\0' || value_listen_kind(text, KIND_METRICS, config, err);
}

bool value_web(const struct value_rule *rule, const char *text, struct config *config, char *err) {
    (void)rule;
    return *text == '\0' || value_listen_kind(text, KIND_WEB, config, err);
}

/* Why a text is no name of a host, or none that is wanted here; NULL: it is one. */
static const char *value_not_host(const char *text) {
    size_t len = strlen(text);
    struct in6_addr addr;
    bool ipv4;
    if (len >= WEB_HOST_LEN)
        return "longer than 255 bytes";
    if (strstr(text, "://") || strchr(text, '/'))
        return "a name alone, without https:// or a path";
    if (address_parse(text, &addr, &ipv4) || *text == '[')
        return "an address needs no mention";
    if (strchr(text, ':'))
        return "a name alone: the port does not matter";
    for (const char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
            return "not a name of letters, digits, - and . (others are written as xn--...)";
    if (*text == '.' || text[len - 1] == '.' || strstr(text, ".."))
        return "a name neither begins nor ends with a dot, nor has two in a row";
    return NULL;
}

bool value_web_host(const struct value_rule *rule, const char *text, struct config *config,
                    char *err) {
    (void)rule;
    const char *wrong = value_not_host(text);
    if (!wrong && config->web_host_count == WEB_HOST_MAX)
        wrong = "more than 16 names";
    if (wrong) {
        snprintf(err, VALUE_ERR_SIZE, "\"%.100s\": %s", text, wrong);
        return false;
    }
    strcpy(config->web_host[config->web_host_count++], text);
    return true;
}

bool value_network(const struct value_rule *rule, const char *text, struct config *config,
                   char *err) {
    (void)rule;
    struct network net;
    if (!network_parse(text, &net)) {
        snprintf(err, VALUE_ERR_SIZE,
                 "\"%.100s\" is not an address or address/bits (such as 10.0.0.0/8)", text);
        return false;
    }
    if (config->proxy_from_count == PROXY_FROM_MAX) {
        snprintf(err, VALUE_ERR_SIZE, "more than %d networks", PROXY_FROM_MAX);
        return false;
    }
    config->proxy_from[config->proxy_from_count++] = net;
    return true;
}

bool value_node(const struct value_rule *rule, const char *text, struct config *config, char *err) {
    if (*text != '\0' && !relay_is_node(text)) {
        snprintf(err, VALUE_ERR_SIZE,
                 "\"%.60s\" is no machine's name: 1 to %d small letters, digits and -, and it "
                 "begins with no -",
                 text, NODE_NAME_MAX - 1);
        return false;
    }
    return value_text(rule, text, config, err);
}

bool value_relay(const struct value_rule *rule, const char *text, struct config *config,
                 char *err) {
    (void)rule;
    return relay_url_parse(text, config, err, VALUE_ERR_SIZE);
}
