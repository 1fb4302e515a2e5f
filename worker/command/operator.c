/* operator.c - see operator.h. */
#include "worker/command/operator.h"

#include "ipc/log.h"
#include "ipc/unicode.h"
#include "worker/command/ask_master.h"
#include "worker/command/invocation.h"
#include "worker/command/say.h"
#include "worker/command/whom.h"
#include "worker/text/regular.h"
#include "worker/text/sanitize.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { OPERATOR_ANSWER_MAX = 512 };

void operator_answer(struct change *ch, const char *no) {
    if (no)
        change_bytes(ch, "no ", 3);
    change_bytes(ch, no ? no : "ok", no ? strlen(no) : 2);
    change_bytes(ch, "\n", 1);
}

static enum line_outcome operator_no(const struct invocation *inv, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static enum line_outcome operator_no(const struct invocation *inv, const char *fmt, ...) {
    char no[OPERATOR_ANSWER_MAX];
    struct change ch;
    va_list args;
    va_start(args, fmt);
    vsnprintf(no, sizeof no, fmt, args);
    va_end(args);
    invocation_begin(&ch, inv);
    operator_answer(&ch, no);
    return invocation_done(inv, &ch);
}

/* say TEXT */
static enum line_outcome operator_say(struct invocation *inv) {
    uint32_t max = inv->w->config.line_max;
    if (*inv->text == '\0')
        return operator_no(inv, "there is no text to say");
    if (strlen(inv->text) > max)
        return operator_no(inv, "the text is longer than %u bytes", max);
    return say_announcement(inv->w, inv->c, inv->line, inv->text);
}

/* Answered when the master has been asked, not when it has done it. */
static enum line_outcome operator_request(struct invocation *inv) {
    char text[ASK_MASTER_NO];
    const char *no = ask_master(inv, text);
    struct change ch;
    if (no)
        return operator_no(inv, "%s", no);
    invocation_begin(&ch, inv);
    operator_answer(&ch, NULL);
    return invocation_done(inv, &ch);
}

static enum line_outcome operator_elsewhere(const struct invocation *inv, const char *name) {
    return operator_no(inv, "%.128s is on another machine: only its own server can do that", name);
}

/* The client that the first argument names.  False: there is none, which is answered. */
static bool operator_whom(struct invocation *inv, struct whom *whom, enum line_outcome *outcome) {
    const char *name = invocation_word(&inv->text);
    char nobody[WHOM_NOBODY];
    if (*name == '\0')
        *outcome = operator_no(inv, "a name is missing");
    else if (strchr(name, '@'))
        *outcome = operator_elsewhere(inv, name);
    else if (!whom_any(inv->w, name, whom))
        *outcome = operator_no(inv, "%s", whom_nobody(inv->w, name, nobody));
    else if (client_is_remote(&inv->w->seg->clients, whom->client)) /* by its number */
        *outcome = operator_elsewhere(inv, whom->label);
    else
        return true;
    return false;
}

/* kick NAME [REASON] */
static enum line_outcome operator_kick(struct invocation *inv) {
    uint32_t max = inv->w->config.line_max;
    enum line_outcome outcome;
    struct whom whom;
    if (!operator_whom(inv, &whom, &outcome))
        return outcome;
    if (strlen(inv->text) > max)
        return operator_no(inv, "the reason is longer than %u bytes", max);
    struct addressee victim = {whom.label, whom.key, whom.client, whom.generation};
    return say_kick(inv->w, inv->c, inv->line, &victim, inv->text);
}

static const struct operator_command {
    const char *name;
    enum line_outcome (*run)(struct invocation *inv);
    bool logged; /* here: what the master is asked for, it logs */
} operator_commands[] = {
    {"say", operator_say, true},
    {"kick", operator_kick, true},
    {"request", operator_request, false},
};

/* The reason is told to the person alone, and a line may be said into an empty room. */
static void operator_log(const char *name, const char *text) {
    char shown[LOG_LINE_MAX];
    log_info("asked by an operator: %s %s", name,
             log_escape(shown, sizeof shown, text, strlen(text)));
}

static const struct operator_command *operator_find(const char *name) {
    for (size_t i = 0; i < sizeof operator_commands / sizeof operator_commands[0]; i++)
        if (strcmp(operator_commands[i].name, name) == 0)
            return &operator_commands[i];
    return NULL;
}

enum line_outcome operator_line(struct worker *w, struct client *c, struct line *line) {
    struct invocation inv = {.w = w, .c = c, .line = line, .as_typed = true};
    char text[OPERATOR_LINE_MAX + 1];
    if (line->overlong)
        return operator_no(&inv, "a line has at most %u bytes", (unsigned)OPERATOR_LINE_MAX);
    if (!unicode_valid((const char *)line->bytes, line->len) ||
        memchr(line->bytes, '\0', line->len))
        return operator_no(&inv, "the line is not text in UTF-8");
    memcpy(text, line->bytes, line->len);
    text[sanitize(text, line->len)] = '\0';
    inv.text = text + regular_blanks(text);
    const char *word = invocation_word(&inv.text);
    const struct operator_command *command = operator_find(word);
    if (!command)
        return operator_no(&inv, "this server has no command \"%.64s\"", word);
    char asked[LOG_LINE_MAX];
    snprintf(asked, sizeof asked, "%.*s", LOG_LINE_MAX - 1, inv.text);
    enum line_outcome outcome = command->run(&inv);
    if (command->logged && outcome == LINE_STAGED)
        operator_log(command->name, asked);
    return outcome;
}
