/* decide.c - see decide.h. */
#include "worker/command/decide.h"

#include "worker/command/commands.h"
#include "worker/command/say.h"
#include "worker/record/encoding.h"
#include "worker/text/charset.h"
#include "worker/text/sanitize.h"

#include <string.h>
#include <strings.h>

static enum line_outcome decide_slash(struct invocation *inv, bool in_room) {
    size_t len = strcspn(inv->text, " ");
    const struct command *command = command_find(inv->text + 1, len - 1);
    if (!in_room && (!command || !(command->how & COMMAND_EARLY)))
        return invocation_say_text(inv, SAY_LOG_IN, NULL);
    if (command && !(command->how & COMMAND_NAMED && command_in_open_room(inv)))
        return command_run(inv, command, len);
    if (inv->line->plain_only)
        return LINE_LATER;
    inv->text[len] = '\0';
    return invocation_say_text(inv, SAY_UNKNOWN, inv->text);
}

static bool decide_is(const char *text, size_t len, const char *word) {
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

/* What people type alone on a line who do not know the room yet; NULL: nothing of that. */
static const struct command *decide_early_word(const char *text, size_t len) {
    static const struct {
        const char *word, *command;
    } words[] = {{"help", "help"}, {"?", "help"},   {"quit", "quit"},
                 {"exit", "quit"}, {"bye", "quit"}, {"logout", "logout"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (decide_is(text, len, words[i].word))
            return command_find(words[i].command, strlen(words[i].command));
    return NULL;
}

/* Before login.  A bare word is no name: scanners, and people who try `hello`, would become people.
 */
static enum line_outcome decide_before_login(struct invocation *inv) {
    size_t len = strcspn(inv->text, " ");
    const struct command *command = decide_early_word(inv->text, len);
    if (decide_is(inv->text, len, "login"))
        return command_login(inv, len);
    if (command && inv->text[len] == '\0')
        return command_run(inv, command, len);
    return invocation_say_text(inv, SAY_LOG_IN, NULL);
}

/* In the open room a line is speech.  A newcomer's `HELP` may be a scanner's: that is answered, and
 * nobody else is shown it. */
static enum line_outcome decide_in_open_room(struct invocation *inv) {
    if (*inv->text == '\0')
        return invocation_nothing(inv);
    if (inv->line->probe)
        return command_run(inv, command_find("help", 4), strlen(inv->text));
    return say_speech(inv->w, inv->c, inv->line, inv->text, false);
}

/* `login`, alone or with one word: not speech that begins so. */
static bool decide_logs_in(const char *text) {
    size_t len = strlen("login");
    return strncmp(text, "login", len) == 0 &&
           (text[len] == '\0' || (text[len] == ' ' && !strchr(text + len + 1, ' ')));
}

static enum line_outcome decide_in_room(struct invocation *inv) {
    if (command_in_open_room(inv))
        return decide_in_open_room(inv);
    if (*inv->text == '\0')
        return invocation_nothing(inv);
    size_t len = strcspn(inv->text, " ");
    const struct command *command = command_find(inv->text, len);
    bool alone = inv->text[len] == '\0';
    if (decide_logs_in(inv->text))
        return command_logged_in(inv);
    if (command && command->how & COMMAND_CLASSIC && !(command->how & COMMAND_TEXT) == alone)
        return command_run(inv, command, len);
    return say_speech(inv->w, inv->c, inv->line, inv->text, false);
}

/* A client that is sent UTF-8 by default and types GBK has a GBK terminal: it is switched, once. */
static bool decide_switches(const struct invocation *inv, enum encoding used) {
    const struct facts *f = client_facts(inv->c);
    return used == ENC_GBK && f->encoding == ENC_UTF8 &&
           !(f->flags & (FACT_ENC_CHOSEN | FACT_SWITCHED));
}

static enum line_outcome decide_switch(const struct invocation *inv) {
    struct change ch;
    struct words words = {.text = charset_label(ENC_GBK)};
    change_begin(&ch, inv->w, inv->c); /* the line itself is not consumed: it is decided again */
    encoding_switch(&ch, ENC_GBK);
    ch.f->flags |= FACT_SWITCHED;
    change_sentence(&ch, SAY_ENCODING_IS, &words);
    return invocation_done(inv, &ch);
}

static enum line_outcome decide_text(struct invocation *inv) {
    bool in_room = client_facts(inv->c)->flags & FACT_IN_ROOM;
    if (inv->text[0] == '/' && inv->text[1] == '/' && in_room)
        return say_speech(inv->w, inv->c, inv->line, inv->text + 1, false);
    if (inv->text[0] == '/')
        return decide_slash(inv, in_room);
    return in_room ? decide_in_room(inv) : decide_before_login(inv);
}

bool decide_leaves(const struct client *c, const struct line *line) {
    enum { WORD = 16 };
    const char *from = (const char *)line->bytes, *to = from + line->len;
    uint32_t flags = client_facts(c)->flags;
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (from < to && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    size_t len = (size_t)(to - from);
    if (line->overlong || len == 0 || len > WORD)
        return false;
    const struct command *command = NULL;
    if (*from == '/')
        command = command_find(from + 1, len - 1);
    else if (!(flags & FACT_IN_ROOM))
        command = decide_early_word(from, len);
    else if ((flags & FACT_NAMED) && (command = command_find(from, len)) != NULL)
        command = command->how & COMMAND_CLASSIC ? command : NULL;
    return command && command_leaves(command);
}

static enum line_outcome decide_too_long(const struct invocation *inv) {
    struct words words = {.n = inv->line->max};
    return inv->line->plain_only ? LINE_LATER : invocation_say(inv, SAY_TOO_LONG, &words);
}

enum line_outcome decide_line(struct worker *w, struct client *c, struct line *line) {
    char text[LINE_MAX_MAX + 1], raw[LINE_MAX_MAX + 1];
    struct invocation inv = {w, c, line, text, raw};
    enum encoding used = ENC_UTF8, enc = (enum encoding)client_facts(c)->encoding;
    if (line->overlong)
        return decide_too_long(&inv);
    ptrdiff_t len = charset_decode(line->bytes, line->len, enc, raw, w->config.line_max, &used);
    if (len < 0)
        return decide_too_long(&inv);
    if (decide_switches(&inv, used))
        return line->plain_only ? LINE_LATER : decide_switch(&inv);
    raw[len] = '\0';
    memcpy(text, raw, (size_t)len);
    text[sanitize(text, (size_t)len)] = '\0';
    /* A NUL in the line would end `raw` as a string early; a name with one must not be accepted. */
    if (strlen(raw) != (size_t)len)
        memset(raw, 1, (size_t)len);
    return decide_text(&inv);
}
