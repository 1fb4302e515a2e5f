/* config.c - see config.h.  The table of keys, and the parser of the file's lines; the parsers of
 * values are in config_value.c. */
#include "master/config.h"

#include "ipc/client.h"
#include "ipc/clock.h"
#include "ipc/log.h"
#include "master/bans.h"
#include "master/config_value.h"
#include "master/log_file.h"
#include "master/pidfile.h"
#include "master/transcript_file.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HOUR 3600000ull          /* ms */
#define SILENCE_MAX (576 * HOUR) /* a record keeps the time of the last input in 32 bits of ms */
#define AT(field) offsetof(struct config, field), sizeof(((struct config *)0)->field)

static const char *const config_languages[] = {"en", "zh", NULL};
static const char *const config_encodings[] = {"utf-8", "gbk", "big5", NULL};
static const char *const config_policies[] = {"skip", "disconnect", NULL};
static const char *const config_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const config_yes_no[] = {"no", "yes", NULL};

/* clang-format off */
#define NUMBER(field, min, max)  {AT(field), min, max, &value_count, NULL}
#define SIZE(field, min, max)    {AT(field), min, max, &value_size, NULL}
#define TIME(field, min, max)    {AT(field), min, max, &value_time, NULL}
#define WORD(field, words)       {AT(field), 0, 0, NULL, words}
#define OTHER(field)             {AT(field), 0, 0, NULL, NULL}

/* REPEATS: may be given more than once.  RESTART: a reload keeps the old value.  NAMES_FILE: the
 * value is a path. */
enum { REPEATS = 1, RESTART = 2, NAMES_FILE = 4 };

static const struct config_key {
    const char *name;
    const char *preset; /* the default, as in a file; empty: none, and the value may be empty */
    value_parser *parse;
    struct value_rule rule;
    unsigned flags;
} config_keys[] = {
    {"listen", "[::]:6666", value_listen, OTHER(listen), REPEATS},
    {"room", "Chatroom", value_room, OTHER(room), 0},
    {"workers", "auto", value_workers, NUMBER(workers, 1, WORKERS_MAX), 0},
    {"login", "yes", value_word, WORD(login, config_yes_no), 0},
    {"language", "en", value_word, WORD(language, config_languages), 0},
    {"encoding", "utf-8", value_word, WORD(encoding, config_encodings), 0},
    {"history", "20", value_number, NUMBER(history, 0, HISTORY_MAX), 0},
    {"announce_max", "1000", value_number, NUMBER(announce_max, 0, 1000000), 0},
    {"motd", "", value_motd, OTHER(motd_path), NAMES_FILE},
    {"max_clients", "10000", value_number, NUMBER(max_clients, 1, 1000000), RESTART},
    {"max_clients_per_address", "0", value_number, NUMBER(max_clients_per_address, 0, 1000000), 0},
    {"line_max", "1024", value_number, SIZE(line_max, LINE_MAX_MIN, LINE_MAX_MAX), 0},
    {"flood_rate", "5", value_number, NUMBER(flood_rate, 0, 1000), 0},
    {"flood_burst", "20", value_number, NUMBER(flood_burst, 0, 100000), 0},
    {"flood_wait", "10s", value_number, TIME(flood_wait_ms, 0, HOUR), 0},
    {"connect_rate", "20", value_number, NUMBER(connect_rate, 0, 1000000), 0},
    {"connect_burst", "200", value_number, NUMBER(connect_burst, 1, 1000000), 0},
    {"login_timeout", "60s", value_number, TIME(login_timeout_ms, 0, SILENCE_MAX), 0},
    {"idle_timeout", "0", value_number, TIME(idle_timeout_ms, 0, SILENCE_MAX), 0},
    {"slow_client", "skip", value_word, WORD(slow_client, config_policies), 0},
    {"worker_timeout", "2s", value_number, TIME(worker_timeout_ms, 100, HOUR), 0},
    {"ring_size", "4M", value_power, SIZE(ring_size, 1 << 16, 1 << 30), RESTART},
    {"log", "stderr", value_file, OTHER(log), NAMES_FILE},
    {"log_level", "info", value_word, WORD(log_level, config_levels), 0},
    {"user", "", value_user, OTHER(user), RESTART},
    {"group", "", value_group, OTHER(group), RESTART},
    {"pidfile", "", value_file, OTHER(pidfile), NAMES_FILE},
    {"control", "", value_socket, OTHER(control), NAMES_FILE},
    {"bans", "", value_text, OTHER(bans), NAMES_FILE},
    {"proxy_from", "", value_network, OTHER(proxy_from), REPEATS},
    {"transcript", "", value_file, OTHER(transcript), NAMES_FILE},
    {"transcript_sync", "100ms", value_number, TIME(transcript_sync_ms, 0, HOUR), 0},
    {"metrics", "", value_metrics, OTHER(listen), 0},
    {"web", "", value_web, OTHER(listen), REPEATS},
    {"web_host", "", value_web_host, OTHER(web_host), REPEATS},
    {"node", "", value_node, OTHER(node), 0},
    {"relay", "", value_relay, OTHER(relay), 0},
    {"relay_keep", "100000", value_number, NUMBER(relay_keep, 1000, 100000000), 0},
};
/* clang-format on */
enum { CONFIG_KEYS = sizeof config_keys / sizeof config_keys[0], CONFIG_LINE_MAX = 4096 };
_Static_assert((int)CONFIG_RANGE_LEN >= (int)VALUE_RANGE_SIZE,
               "config_range's buffer holds any range");

const char *config_key(size_t index) {
    return index < CONFIG_KEYS ? config_keys[index].name : NULL;
}
const char *config_default(size_t index) {
    return index < CONFIG_KEYS ? config_keys[index].preset : NULL;
}
bool config_waits_for_restart(size_t index) {
    return index < CONFIG_KEYS && config_keys[index].flags & RESTART;
}
const char *config_range(size_t index, char out[CONFIG_RANGE_LEN]) {
    return index < CONFIG_KEYS ? value_range(&config_keys[index].rule, out) : NULL;
}

struct config_reader {
    const char *path;
    unsigned line;
    struct config *config;
    struct config_errors *errors;
    unsigned seen[CONFIG_KEYS];  /* the line in which each key was given; 0: none */
    bool wrong[CONFIG_KEYS];     /* its value was an error */
    unsigned listen[LISTEN_MAX]; /* the same of each address */
};

static void config_error(struct config_reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void config_error(struct config_reader *r, const char *fmt, ...) {
    char reason[CONFIG_ERROR_LEN];
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    config_errors_add(r->errors, r->path, r->line, reason);
}

static char *config_strip(char *text) {
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* Removes quotes and a comment after the value, in place.  False if the quotes do not match. */
static bool config_unquote(char **value) {
    char *text = *value;
    if (*text != '"') {
        for (char *p = text; *p; p++) {
            if (*p == '#' && (p == text || p[-1] == ' ' || p[-1] == '\t')) {
                *p = '\0';
                break;
            }
        }
        *value = config_strip(text);
        return true;
    }
    char *out = ++text, *p = text;
    for (; *p && *p != '"'; p++) {
        if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        *out++ = *p;
    }
    if (*p != '"')
        return false;
    char *after = config_strip(p + 1);
    if (*after != '\0' && *after != '#')
        return false;
    *out = '\0';
    *value = text;
    return true;
}

/* How many letters of the longer word lie outside the common beginning and end. */
static size_t config_distance(const char *a, const char *b) {
    size_t common = 0, la = strlen(a), lb = strlen(b);
    while (a[common] && a[common] == b[common])
        common++;
    size_t tail = 0;
    while (tail < la - common && tail < lb - common && a[la - 1 - tail] == b[lb - 1 - tail])
        tail++;
    size_t ra = la - common - tail, rb = lb - common - tail;
    return ra > rb ? ra : rb;
}

static void config_unknown_key(struct config_reader *r, const char *name) {
    const char *near = NULL;
    size_t best = 3; /* with more wrong letters it is another word */
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        size_t d = config_distance(name, config_keys[i].name);
        if (d < best) {
            best = d;
            near = config_keys[i].name;
        }
    }
    if (near)
        config_error(r, "unknown key \"%s\"; did you mean \"%s\"?", name, near);
    else
        config_error(r, "unknown key \"%s\"", name);
}

static void config_parse_value(struct config_reader *r, const struct config_key *key, char *value) {
    char err[VALUE_ERR_SIZE];
    uint32_t addresses = r->config->listen_count;
    r->wrong[key - config_keys] = true;
    if (!config_unquote(&value))
        config_error(r, "%s: the quotes do not match", key->name);
    else if (*value == '\0' && *key->preset != '\0')
        config_error(r, "%s: the value is empty", key->name);
    else if (*value == '\0' && key->flags & REPEATS)
        return;
    else if (!key->parse(&key->rule, value, r->config, err))
        config_error(r, "%s: %s", key->name, err);
    else
        r->wrong[key - config_keys] = false;
    if (r->config->listen_count > addresses)
        r->listen[addresses] = r->line;
}

static void config_parse_line(struct config_reader *r, char *line) {
    line = config_strip(line);
    if (*line == '\0' || *line == '#')
        return;
    char *equals = strchr(line, '=');
    if (!equals || equals == line) {
        config_error(r, "expected \"key = value\"");
        return;
    }
    *equals = '\0';
    char *name = config_strip(line);
    size_t i = 0;
    while (i < CONFIG_KEYS && strcmp(config_keys[i].name, name) != 0)
        i++;
    if (i == CONFIG_KEYS) {
        config_unknown_key(r, name);
    } else if (r->seen[i] != 0 && !(config_keys[i].flags & REPEATS)) {
        config_error(r, "%s: given twice; first in line %u", name, r->seen[i]);
    } else {
        r->seen[i] = r->line;
        config_parse_value(r, &config_keys[i], config_strip(equals + 1));
    }
}

bool config_set(struct config *config, const char *key, const char *value, char *err,
                size_t err_size) {
    char reason[VALUE_ERR_SIZE] = "there is no such key";
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        if (strcmp(config_keys[i].name, key) == 0 &&
            config_keys[i].parse(&config_keys[i].rule, value, config, reason))
            return true;
    }
    snprintf(err, err_size, "%s: %s", key, reason);
    return false;
}

static void config_set_defaults(struct config *config) {
    char err[VALUE_ERR_SIZE];
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        bool good = *config_keys[i].preset == '\0' ||
                    config_keys[i].parse(&config_keys[i].rule, config_keys[i].preset, config, err);
        assert(good);
        (void)good;
    }
    /* A `listen` line replaces the default instead of adding to it. */
    memset(config->listen, 0, sizeof config->listen);
    config->listen_count = 0;
}

static void config_read_lines(struct config_reader *r, FILE *file) {
    static const char bom[] = "\xEF\xBB\xBF";
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, file)) > 0) {
        r->line++;
        if (len > CONFIG_LINE_MAX)
            config_error(r, "the line is longer than %d bytes", CONFIG_LINE_MAX);
        else if (memchr(line, '\0', (size_t)len))
            config_error(r, "the line has a NUL byte");
        else
            config_parse_line(r, r->line == 1 && strncmp(line, bom, 3) == 0 ? line + 3 : line);
    }
    free(line);
    if (ferror(file)) {
        r->line = 0;
        config_error(r, "%s", strerror(errno));
    }
}

/* ---- one file, one use ---- */

/* Of files that do not exist yet. */
static bool config_same_place(const char *a, const char *b) {
    const char *const path[2] = {a, b}, *name[2];
    char folder[2][PATH_MAX];
    struct stat is[2];
    bool found = true;
    for (int i = 0; i < 2; i++) {
        const char *slash = strrchr(path[i], '/');
        name[i] = slash ? slash + 1 : path[i];
        snprintf(folder[i], sizeof folder[i], "%.*s.", (int)(name[i] - path[i]), path[i]);
        found = stat(folder[i], &is[i]) == 0 && found;
    }
    return strcmp(a, b) == 0 || (found && strcmp(name[0], name[1]) == 0 &&
                                 is[0].st_ino == is[1].st_ino && is[0].st_dev == is[1].st_dev);
}

/* A device may have several uses: /dev/null often has. */
static bool config_same_file(const char *a, const char *b) {
    struct stat x, y;
    if (stat(a, &x) != 0 || stat(b, &y) != 0)
        return config_same_place(a, b);
    return !S_ISCHR(x.st_mode) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

/* The path that a key names; NULL: it names none. */
static const char *config_path(const struct config *config, size_t key) {
    const char *path = (const char *)config + config_keys[key].rule.offset;
    if (!(config_keys[key].flags & NAMES_FILE) || *path == '\0')
        return NULL;
    return path != config->log || log_file_is_path(config) ? path : NULL;
}

/* A pidfile at the path of the log, or of the configuration itself, would replace that file. */
static void config_check_files(struct config_reader *r) {
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const char *path = config_path(r->config, i);
        r->line = r->seen[i];
        if (path && config_same_file(path, r->path))
            config_error(r, "%s: %s is this configuration file", config_keys[i].name, path);
        for (size_t k = 0; path && k < CONFIG_KEYS; k++) {
            const char *other = config_path(r->config, k);
            if (other && r->seen[k] < r->seen[i] && config_same_file(path, other))
                config_error(r, "%s: %s is the file of %s (line %u)", config_keys[i].name, path,
                             config_keys[k].name, r->seen[k]);
        }
    }
}

/* ---- addresses ---- */

static const char *config_kind(const struct listen_address *a) {
    return a->kind == KIND_METRICS ? "metrics" : a->kind == KIND_WEB ? "web" : "listen";
}

/* An address of the default, if the file names none of its kind. */
static void config_default_listen(struct config_reader *r) {
    char err[VALUE_ERR_SIZE];
    for (uint32_t i = 0; i < r->config->listen_count; i++)
        if (r->config->listen[i].kind == KIND_TELNET)
            return;
    if (!value_listen(&config_keys[0].rule, config_keys[0].preset, r->config, err))
        config_error(r, "listen: %s", err);
}

/* A client finds one protocol on a port.  Port 0 is another one each time. */
static void config_check_ports(struct config_reader *r) {
    const struct listen_address *a = r->config->listen;
    for (uint32_t i = 0; i < r->config->listen_count; i++) {
        for (uint32_t k = 0; k < r->config->listen_count; k++) {
            bool both = k != i && a[k].kind < a[i].kind && a[k].port == a[i].port && a[i].port != 0;
            r->line = r->listen[i];
            if (both && r->listen[k] > 0)
                config_error(r, "%s: port %u is that of %s (line %u)", config_kind(&a[i]),
                             a[i].port, config_kind(&a[k]), r->listen[k]);
            else if (both)
                config_error(r, "%s: port %u is that of %s (its default)", config_kind(&a[i]),
                             a[i].port, config_kind(&a[k]));
        }
    }
}

/* ---- more machines ---- */

static size_t config_index(const char *key) {
    size_t i = 0;
    while (strcmp(config_keys[i].name, key) != 0)
        i++;
    return i;
}

/* A `node` that is wrong has an error of its own. */
static void config_check_relay(struct config_reader *r) {
    r->line = r->seen[config_index("relay")];
    if (r->config->relay_count > 0 && r->config->node[0] == '\0' && !r->wrong[config_index("node")])
        config_error(r, "relay: this machine needs a name among the others: node = NAME");
}

static bool config_read(struct config_reader *r) {
    r->errors->count = 0;
    config_set_defaults(r->config);
    const char *wrong;
    FILE *file = value_open(r->path, &wrong);
    if (!file) {
        config_error(r, "%s", wrong);
        return false;
    }
    config_read_lines(r, file);
    fclose(file);
    config_check_files(r);
    config_default_listen(r);
    config_check_ports(r);
    config_check_relay(r);
    return r->errors->count == 0;
}

int config_parse(const char *path, struct config *out, struct config_errors *errors) {
    struct config_reader r = {.path = path, .config = out, .errors = errors};
    return config_read(&r) ? 0 : -1;
}

/* The reasons begin with the key's name. */
static void config_check_opening(struct config_reader *r, const void *field, bool opens,
                                 const char *err) {
    size_t i = 0;
    while ((const char *)r->config + config_keys[i].rule.offset != (const char *)field)
        i++;
    r->line = r->seen[i];
    if (!opens)
        config_error(r, "%s", err);
}

/* Where the file may be, and then its lines, each named with its own place. */
static void config_check_bans(struct config_reader *r) {
    static struct ban_list list;
    char err[CONFIG_ERROR_LEN];
    bool may = bans_check(r->config, err, sizeof err);
    config_check_opening(r, r->config->bans, may, err);
    if (may)
        bans_read(r->config->bans, clock_wall_ms(), &list, r->errors);
}

int config_check(const char *path, struct config *out, struct config_errors *errors) {
    struct config_reader r = {.path = path, .config = out, .errors = errors};
    char err[CONFIG_ERROR_LEN] = "";
    if (!config_read(&r))
        return -1;
    config_check_opening(&r, out->log, log_file_check(out, err, sizeof err), err);
    config_check_opening(&r, out->pidfile, pidfile_check(out, err, sizeof err), err);
    config_check_bans(&r);
    config_check_opening(&r, out->transcript, transcript_file_check(out, err, sizeof err), err);
    return errors->count == 0 ? 0 : -1;
}

const char *config_restart_key(const struct config *old, const struct config *next) {
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const struct value_rule *rule = &config_keys[i].rule;
        if ((config_keys[i].flags & RESTART) &&
            memcmp((const char *)old + rule->offset, (const char *)next + rule->offset,
                   rule->size) != 0)
            return config_keys[i].name;
    }
    return NULL;
}

void config_keep(const struct config *old, struct config *next) {
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const struct value_rule *rule = &config_keys[i].rule;
        char *to = (char *)next + rule->offset;
        const char *from = (const char *)old + rule->offset;
        if (!(config_keys[i].flags & RESTART) || memcmp(to, from, rule->size) == 0)
            continue;
        log_warn("%s: changed in the file; waits for a restart", config_keys[i].name);
        memcpy(to, from, rule->size);
    }
}
