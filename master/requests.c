/* requests.c - see requests.h. */
#include "master/requests.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "master/config.h"
#include "master/log_file.h"
#include "master/moderation.h"
#include "master/process.h"
#include "master/relay_process.h"
#include "master/reload.h"
#include "master/transcript_file.h"
#include "master/upgrade.h"

#include <stdio.h>
#include <string.h>

/* The request under way was tried before, by a master that died: it may have done it. */
static bool requests_again;

/* A verb's function: `text` is its arguments.  True: done; false: refused.  It may write sentences
 * for the operator into answer[size], which is empty, one a line without the last line end. */
typedef bool requests_function(struct master *m, const char *text, char *answer, size_t size);

static bool requests_reload(struct master *m, const char *text, char *answer, size_t size) {
    (void)text;
    if (!reload(&m->supervisor))
        return false;
    snprintf(answer, size, "reloaded");
    return true;
}

static bool requests_reopen(struct master *m, const char *text, char *answer, size_t size) {
    struct segment_header *h = m->seg.header;
    (void)text;
    bool log = log_file_reopen(&h->master, header_config(h));
    relay_process_ask(&m->seg);
    if (!transcript_file_reopen(&m->seg, header_config(h)) || !log)
        return false;
    snprintf(answer, size, "%s",
             header_config(h)->transcript[0] ? "log and transcript reopened" : "log reopened");
    return true;
}

/* Until the next reload, which reads the file. */
static bool requests_loglevel(struct master *m, const char *text, char *answer, size_t size) {
    static struct config config;
    config = *header_config(m->seg.header);
    if (!config_set(&config, "log_level", text, answer, size))
        return false;
    segment_publish_config(&m->seg, &config);
    process_ring_all(&m->seg);
    log_set_level(config.log_level);
    log_info("log level %s, until the next reload", text);
    snprintf(answer, size, "log level %s, until the next reload", text);
    return true;
}

/* Does not return if the new binary runs: this row is ended by the next master. */
static bool requests_upgrade(struct master *m, const char *text, char *answer, size_t size) {
    (void)text;
    (void)answer;
    (void)size;
    upgrade(&m->supervisor, m->argv);
    return false;
}

static bool requests_ban(struct master *m, const char *text, char *answer, size_t size) {
    return moderation_ban(&m->seg, text, answer, size);
}

static bool requests_unban(struct master *m, const char *text, char *answer, size_t size) {
    return moderation_unban(&m->seg, text, requests_again, answer, size);
}

static bool requests_mute(struct master *m, const char *text, char *answer, size_t size) {
    return moderation_mute(&m->seg, text, answer, size);
}

static bool requests_unmute(struct master *m, const char *text, char *answer, size_t size) {
    return moderation_unmute(&m->seg, text, requests_again, answer, size);
}

static const struct requests_verb {
    const char *name;
    requests_function *run; /* NULL: the server ends; the row stays TAKEN */
    bool keyed;             /* the first word is a name's key, which tells a person nothing */
} requests_verbs[] = {
    {"reload", requests_reload, false},
    {"reopen", requests_reopen, false},
    {"loglevel", requests_loglevel, false},
    {"upgrade", requests_upgrade, false},
    {"shutdown", NULL, false},
    {"ban", requests_ban, false},
    {"unban", requests_unban, false},
    {"mute", requests_mute, true},
    {"unmute", requests_unmute, true},
};

/* NULL: there is none of that name. */
static const struct requests_verb *requests_find(const char *name) {
    for (size_t i = 0; i < sizeof requests_verbs / sizeof requests_verbs[0]; i++) {
        if (strcmp(requests_verbs[i].name, name) == 0)
            return &requests_verbs[i];
    }
    return NULL;
}

/* The answer and what was logged, as whole lines, as far as they fit. */
static void requests_join(char out[REQUEST_TEXT_LEN], const char *answer, const char *logged) {
    static const char more[] = "... the log has the rest";
    size_t room = REQUEST_TEXT_LEN - sizeof more - 1, at = 0;
    for (const char *part = answer; part; part = part == answer ? logged : NULL) {
        for (const char *line = part; *line;) {
            size_t len = strcspn(line, "\n");
            if (at + len + 1 > room) {
                snprintf(out + at, REQUEST_TEXT_LEN - at, "%s%s", at > 0 ? "\n" : "", more);
                return;
            }
            at += (size_t)snprintf(out + at, REQUEST_TEXT_LEN - at, "%s%.*s", at > 0 ? "\n" : "",
                                   (int)len, line);
            line += len + (line[len] == '\n');
        }
    }
    out[at] = '\0';
}

static void requests_carry_out(struct master *m, struct request *row,
                               const struct requests_verb *verb) {
    static char answer[2 * REQUEST_TEXT_LEN], logged[2 * REQUEST_TEXT_LEN];
    char outcome[REQUEST_TEXT_LEN], shown[2 * REQUEST_TEXT_LEN];
    const char *said = row->text + (verb->keyed ? strcspn(row->text, " ") : 0);
    said += strspn(said, " ");
    answer[0] = logged[0] = '\0';
    log_info("asked by an operator: %s%s%s", row->verb, *said ? " " : "",
             log_escape(shown, sizeof shown, said, strlen(said)));
    log_copy_to(logged, sizeof logged);
    bool done = verb->run(m, row->text, answer, sizeof answer);
    log_copy_to(NULL, 0);
    if (!done && answer[0] != '\0')
        log_info("%s refused: %s", row->verb,
                 log_escape(shown, sizeof shown, answer, strlen(answer)));
    else if (!done && logged[0] == '\0')
        snprintf(answer, sizeof answer, "the log has the reason");
    requests_join(outcome, answer, logged);
    request_end(row, done, outcome);
}

bool requests_run(struct master *m) {
    struct request *row = request_next(m->seg.requests);
    if (!row)
        return true;
    const struct requests_verb *verb = requests_find(row->verb);
    bool in_time = request_take(row);
    requests_again = row->tries > 1;
    if (!verb)
        request_end(row, false, "the server knows no such request");
    else if (!verb->run)
        return false;
    else if (!in_time)
        request_end(row, false, "the server's master process died twice while it did this");
    else
        requests_carry_out(m, row, verb);
    return true;
}
