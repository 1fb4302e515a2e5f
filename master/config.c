/* config.c - the table of keys, and the file's lines; see config.h.  The types are in
 * config_value.c. */
#include "master/config.h"

#include "ipc/log.h"
#include "master/config_value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define K 1024ull
#define M (K * K)
#define G (K * M)
#define HOUR 3600000ull
#define YEAR (8760 * HOUR)
#define AT(field) offsetof(struct config, field), sizeof(((struct config *)0)->field)

static const char *const languages[] = {"en", "zh", NULL};
static const char *const encodings[] = {"utf-8", "gbk", "big5", NULL};
static const char *const policies[] = {"skip", "disconnect", NULL};
static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const yesno[] = {"no", "yes", NULL};

enum { REPEATS = 1, RESTART = 2, INERT = 4 };

static const struct key {
    const char *name;
    bool (*parse)(const struct value_rule *rule, const char *text, void *config, char *err);
    struct value_rule rule; /* offset, size, min, max, words */
    unsigned flags;
    const char *preset; /* as it would be written; NULL: none */
} keys[] = {
    {"listen", value_listen, {AT(listen), 0, 0, NULL}, REPEATS, "[::]:6666"},
    {"room", value_room, {AT(room), 0, 0, NULL}, 0, "Chatroom"},
    {"workers", value_workers, {AT(workers), 1, WORKERS_MAX, NULL}, 0, "auto"},
    {"login", value_word, {AT(login), 0, 0, yesno}, 0, "yes"},
    {"language", value_word, {AT(language), 0, 0, languages}, 0, "en"},
    {"encoding", value_word, {AT(encoding), 0, 0, encodings}, 0, "utf-8"},
    {"history", value_number, {AT(history), 0, HISTORY_MAX, NULL}, 0, "20"},
    {"announce_max", value_number, {AT(announce_max), 0, UINT32_MAX, NULL}, 0, "1000"},
    {"motd", value_motd, {AT(motd_path), 0, 0, NULL}, 0, NULL},
    {"max_clients", value_number, {AT(max_clients), 1, 1000000, NULL}, RESTART, "10000"},
    {"max_clients_per_address", value_number, {AT(max_clients_per_address), 0, 1000000, NULL}, 0, "0"},
    {"line_max", value_size, {AT(line_max), LINE_MAX_MIN, LINE_MAX_MAX, NULL}, 0, "1024"},
    {"flood_rate", value_number, {AT(flood_rate), 0, 1000, NULL}, 0, "5"},
    {"flood_burst", value_number, {AT(flood_burst), 0, 100000, NULL}, 0, "20"},
    {"login_timeout", value_time, {AT(login_timeout_ms), 0, YEAR, NULL}, 0, "60s"},
    {"idle_timeout", value_time, {AT(idle_timeout_ms), 0, YEAR, NULL}, 0, "0"},
    {"slow_client", value_word, {AT(slow_client), 0, 0, policies}, 0, "skip"},
    {"worker_timeout", value_time, {AT(worker_timeout_ms), 100, HOUR, NULL}, 0, "2s"},
    {"ring_size", value_ring, {AT(ring_size), 64 * K, G, NULL}, RESTART, "4M"},
    {"log", value_path, {AT(log), 0, 0, NULL}, 0, "stderr"},
    {"log_level", value_word, {AT(log_level), 0, 0, levels}, 0, "info"},
    {"user", value_path, {AT(user), 0, 0, NULL}, RESTART, NULL},
    {"group", value_path, {AT(group), 0, 0, NULL}, RESTART, NULL},
    {"pidfile", value_path, {AT(pidfile), 0, 0, NULL}, 0, NULL},
    {"control", value_control, {AT(control), 0, 0, NULL}, INERT, NULL},
    {"bans", value_path, {AT(bans), 0, 0, NULL}, INERT, NULL},
    {"proxy_from", value_network, {AT(proxy_from), 0, 0, NULL}, REPEATS | INERT, NULL},
    {"transcript", value_path, {AT(transcript), 0, 0, NULL}, INERT, NULL},
    {"transcript_sync", value_time, {AT(transcript_sync_ms), 0, HOUR, NULL}, INERT, "100ms"},
};
enum { KEYS = sizeof keys / sizeof keys[0], LINE_LEN_MAX = 4096 };

const char *config_key(size_t index) { return index < KEYS ? keys[index].name : NULL; }
const char *config_default(size_t index) { return index < KEYS ? keys[index].preset : NULL; }

struct reader {
    const char *path;
    unsigned line;
    struct config *config;
    struct config_errors *errors;
    unsigned seen[KEYS]; /* the line a key was given in */
};

static void error_at(struct reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void error_at(struct reader *r, const char *fmt, ...) {
    struct config_errors *errors = r->errors;
    if (errors->count++ >= CONFIG_ERRORS_MAX)
        return;
    char *out = errors->text[errors->count - 1];
    int n = r->line > 0 ? snprintf(out, CONFIG_ERROR_LEN, "%s:%u: ", r->path, r->line)
                        : snprintf(out, CONFIG_ERROR_LEN, "%s: ", r->path);
    if (n < 0 || n >= CONFIG_ERROR_LEN)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(out + n, CONFIG_ERROR_LEN - (size_t)n, fmt, args);
    va_end(args);
}

static char *strip(char *text) {
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* The value in place: quotes taken off, a comment behind it cut.  False if the quotes are wrong. */
static bool unquote(char **value) {
    char *text = *value;
    if (*text != '"') {
        for (char *p = text; *p; p++) {
            if (*p == '#' && (p == text || p[-1] == ' ' || p[-1] == '\t')) {
                *p = '\0';
                break;
            }
        }
        *value = strip(text);
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
    char *after = strip(p + 1);
    if (*after != '\0' && *after != '#')
        return false;
    *out = '\0';
    *value = text;
    return true;
}

static size_t distance(const char *a, const char *b) {
    size_t common = 0, la = strlen(a), lb = strlen(b);
    while (a[common] && a[common] == b[common])
        common++;
    size_t tail = 0;
    while (tail < la - common && tail < lb - common && a[la - 1 - tail] == b[lb - 1 - tail])
        tail++;
    size_t ra = la - common - tail, rb = lb - common - tail;
    return ra > rb ? ra : rb;
}

static void unknown_key(struct reader *r, const char *name) {
    const char *near = NULL;
    size_t best = 3; /* more typing errors than that is another word */
    for (size_t i = 0; i < KEYS; i++) {
        size_t d = distance(name, keys[i].name);
        if (d < best) {
            best = d;
            near = keys[i].name;
        }
    }
    if (near)
        error_at(r, "unknown key \"%s\"; did you mean \"%s\"?", name, near);
    else
        error_at(r, "unknown key \"%s\"", name);
}

static void parse_line(struct reader *r, char *line) {
    line = strip(line);
    if (*line == '\0' || *line == '#')
        return;
    char *equals = strchr(line, '=');
    if (!equals) {
        error_at(r, "expected \"key = value\"");
        return;
    }
    *equals = '\0';
    char *name = strip(line), *value = strip(equals + 1), err[256];
    size_t i = 0;
    while (i < KEYS && strcmp(keys[i].name, name) != 0)
        i++;
    if (i == KEYS) {
        unknown_key(r, name);
        return;
    }
    if (r->seen[i] != 0 && !(keys[i].flags & REPEATS)) {
        error_at(r, "%s: given twice; first in line %u", name, r->seen[i]);
        return;
    }
    r->seen[i] = r->line;
    if (!unquote(&value))
        error_at(r, "%s: the quotes do not match", name);
    else if (!keys[i].parse(&keys[i].rule, value, r->config, err))
        error_at(r, "%s: %s", name, err);
}

static void set_defaults(struct config *config) {
    char err[256];
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < KEYS; i++) {
        if (keys[i].preset)
            keys[i].parse(&keys[i].rule, keys[i].preset, config, err);
    }
    config->listen_count = 0; /* the default stands only where no line says otherwise */
    config->listen[0].is_default = true;
}

static void read_lines(struct reader *r, FILE *file) {
    char line[LINE_LEN_MAX + 2];
    while (fgets(line, sizeof line, file)) {
        size_t len = strlen(line);
        r->line++;
        if (len > 0 && line[len - 1] != '\n' && !feof(file)) {
            /* Too long, or a NUL byte hides its end. */
            error_at(r, len > LINE_LEN_MAX ? "the line is longer than %d bytes"
                                           : "the line has a NUL byte (of at most %d bytes)",
                     LINE_LEN_MAX);
            int c = len > LINE_LEN_MAX ? 0 : '\n';
            while (c != '\n' && c != EOF)
                c = fgetc(file);
            continue;
        }
        bool bom = r->line == 1 && memcmp(line, "\xef\xbb\xbf", len < 3 ? len : 3) == 0 && len >= 3;
        parse_line(r, bom ? line + 3 : line);
    }
    if (ferror(file)) {
        r->line = 0;
        error_at(r, "%s", strerror(errno));
    }
}

int config_parse(const char *path, struct config *out, struct config_errors *errors) {
    struct reader r = {.path = path, .config = out, .errors = errors};
    errors->count = 0;
    set_defaults(out);
    FILE *file = fopen(path, "re");
    if (!file) {
        error_at(&r, "%s", strerror(errno));
        return -1;
    }
    read_lines(&r, file);
    fclose(file);
    if (out->listen_count == 0)
        out->listen_count = 1;
    return errors->count == 0 ? 0 : -1;
}

static uint32_t errors_kept(const struct config_errors *errors) {
    return errors->count < CONFIG_ERRORS_MAX ? errors->count : CONFIG_ERRORS_MAX;
}

void config_print_errors(const struct config_errors *errors, FILE *to) {
    for (uint32_t i = 0; i < errors_kept(errors); i++)
        fprintf(to, "%s\n", errors->text[i]);
    if (errors->count > CONFIG_ERRORS_MAX)
        fprintf(to, "and %u more errors\n", errors->count - CONFIG_ERRORS_MAX);
}

void config_log_errors(const struct config_errors *errors) {
    for (uint32_t i = 0; i < errors_kept(errors); i++)
        log_error("%s", errors->text[i]);
}

void config_keep(const struct config *old, struct config *next) {
    for (size_t i = 0; i < KEYS; i++) {
        const struct value_rule *rule = &keys[i].rule;
        char *to = (char *)next + rule->offset;
        const char *from = (const char *)old + rule->offset;
        if (!(keys[i].flags & RESTART) || memcmp(to, from, rule->size) == 0)
            continue;
        log_warn("%s: changed in the file; waits for a restart", keys[i].name);
        memcpy(to, from, rule->size);
    }
}

void config_log_inert(const struct config *config) {
    struct config preset;
    set_defaults(&preset);
    for (size_t i = 0; i < KEYS; i++) {
        const struct value_rule *rule = &keys[i].rule;
        if ((keys[i].flags & INERT) && memcmp((const char *)config + rule->offset,
                                              (const char *)&preset + rule->offset,
                                              rule->size) != 0)
            log_warn("%s: set, but this version does nothing with it yet", keys[i].name);
    }
}
