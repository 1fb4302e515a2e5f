/* trouble.c - see trouble.h. */
#include "worker/relay/trouble.h"

#include "ipc/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Redis before version 7 puts the code of a command in a script into the middle of its error. */
static const struct {
    const char *code, *words;
} trouble_table[] = {
    {"NOAUTH", "it demands a password, and `relay` has none"},
    {"WRONGPASS", "the password or the user in `relay` is wrong"},
    {"READONLY", "it is a replica now (READONLY)"},
    {"OOM", "it is out of memory, and takes no lines (OOM: its maxmemory is reached)"},
    {"LOADING", "it is loading its data"},
    {"BUSY", "it is busy with a script (BUSY)"},
    {"MISCONF", "it cannot save its data, and takes no lines (MISCONF)"},
    {"NOREPLICAS", "it has too few replicas, and takes no lines (NOREPLICAS)"},
    {"MASTERDOWN", "it is a replica without its primary (MASTERDOWN)"},
    {"DENIED", "it is in protected mode, and refuses other machines (DENIED)"},
    {"NOSCRIPT", "it has forgotten the scripts (NOSCRIPT)"},
    {"UNBLOCKED", "it has become a replica (UNBLOCKED)"},
};
enum { TROUBLE_CODES = sizeof trouble_table / sizeof trouble_table[0] };

/* What engines say where a command in a script is not allowed to the user: two wordings. */
static const char *const trouble_rights[] = {"The user executing the script",
                                             "ACL failure in script"};

/* Whether the code stands in the text as a word, at its beginning or behind a `-`. */
static bool trouble_has(const char *text, const char *code) {
    size_t len = strlen(code);
    if (strncmp(text, code, len) == 0 && (text[len] == ' ' || text[len] == '\0'))
        return true;
    for (const char *at = text; (at = strstr(at, code)); at += len) {
        if (at > text && at[-1] == '-' && at[len] == ' ')
            return true;
    }
    return false;
}

const char *trouble_words(const char *error, size_t len, char out[TROUBLE_WORDS]) {
    char text[512];
    size_t kept = len < sizeof text - 1 ? len : sizeof text - 1;
    memcpy(text, error, kept);
    text[kept] = '\0';
    for (size_t i = 0; i < TROUBLE_CODES; i++) {
        if (trouble_has(text, trouble_table[i].code)) {
            snprintf(out, TROUBLE_WORDS, "%s", trouble_table[i].words);
            return out;
        }
    }
    for (size_t i = 0; i < sizeof trouble_rights / sizeof trouble_rights[0]; i++) {
        if (strstr(text, trouble_rights[i])) {
            snprintf(out, TROUBLE_WORDS, "its user has no right to a command that the relay needs");
            return out;
        }
    }
    snprintf(out, TROUBLE_WORDS, "it answers: ");
    log_escape(out + strlen(out), TROUBLE_WORDS - strlen(out), text, kept);
    return out;
}

/* FNV-1a. */
static uint64_t trouble_hash(const char *text) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static bool trouble_is_news(struct trouble *t) {
    uint64_t hash = trouble_hash(t->text);
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->said[i] == hash)
            return false;
    }
    if (t->count == TROUBLE_KINDS)
        return false;
    t->said[t->count++] = hash;
    return true;
}

void trouble_say(struct trouble *t, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(t->text, sizeof t->text, fmt, args);
    va_end(args);
    if (trouble_is_news(t))
        log_warn("%s", t->text);
}

void trouble_over(struct trouble *t) {
    t->count = 0;
}
