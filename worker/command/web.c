/* web.c - see web.h. */
#include "worker/command/web.h"

#include "worker/command/commands.h"
#include "worker/command/decide.h"
#include "worker/command/takeover.h"
#include "worker/output/history.h"
#include "worker/output/resume.h"
#include "worker/protocol/event.h"
#include "worker/text/regular.h"
#include "worker/text/sanitize.h"

#include <stdio.h>
#include <string.h>

enum { WEB_LINE = LINE_MAX_MAX + 256 }; /* a text, behind a command's word and a name */

/* ---- objects ---- */

/* The row of the table of commands, and which key has its argument. */
static const struct web_verb {
    const char *command;
    enum json_key argument; /* JSON_KEYS: none */
} web_verbs[JSON_DO_UNKNOWN] = {
    [JSON_DO_LOGIN] = {"login", JSON_NAME},
    [JSON_DO_SAY] = {"say", JSON_TEXT},
    [JSON_DO_ME] = {"me", JSON_TEXT},
    [JSON_DO_MSG] = {"msg", JSON_TEXT},
    [JSON_DO_NICK] = {"nick", JSON_NAME},
    [JSON_DO_LOOK] = {"look", JSON_KEYS},
    [JSON_DO_WHO] = {"who", JSON_KEYS},
    [JSON_DO_IGNORE] = {"ignore", JSON_NAME},
    [JSON_DO_UNIGNORE] = {"unignore", JSON_NAME},
    [JSON_DO_HISTORY] = {"history", JSON_N},
    [JSON_DO_QUIT] = {"quit", JSON_KEYS},
};

struct web {
    struct invocation inv;
    const struct json *json;
    const struct json_kept *kept;
};

static void web_append(char *out, size_t *len, const void *bytes, size_t n) {
    memcpy(out + *len, bytes, n);
    *len += n;
    out[*len] = '\0';
}

/* Nothing where the message has no such string. */
static void web_append_string(char *out, size_t *len, const char *text) {
    if (text)
        web_append(out, len, text, strlen(text));
}

/* The line that a person would type, with a slash: out[WEB_LINE].  Returns its length. */
static size_t web_compose(const struct web *m, const struct web_verb *verb, char *out) {
    size_t len = 0;
    char digits[16] = "";
    web_append_string(out, &len, "/");
    web_append_string(out, &len, verb->command);
    web_append_string(out, &len, " ");
    if (json_what(m->json) == JSON_DO_MSG) {
        web_append_string(out, &len, json_string(m->json, m->kept, JSON_TO));
        web_append_string(out, &len, " ");
    }
    if (verb->argument == JSON_TEXT)
        web_append(out, &len, m->inv.line->bytes, m->inv.line->len);
    else if (verb->argument == JSON_N && json_given(m->json, JSON_N))
        snprintf(digits, sizeof digits, "%u", m->json->n);
    else if (verb->argument == JSON_NAME)
        web_append_string(out, &len, json_string(m->json, m->kept, JSON_NAME));
    web_append_string(out, &len, digits);
    return len;
}

/* Before login, and in the open room, what lines may ask for there. */
static bool web_allowed(const struct web *m, const struct command *command,
                        enum sentence *otherwise) {
    *otherwise = SAY_LOG_IN;
    if (!(client_facts(m->inv.c)->flags & FACT_IN_ROOM))
        return command->how & (COMMAND_EARLY | COMMAND_LOGIN);
    *otherwise = SAY_UNKNOWN;
    return !(command_in_open_room(&m->inv) && command->how & COMMAND_NAMED);
}

static enum line_outcome web_command(struct web *m, const struct web_verb *verb) {
    char raw[WEB_LINE], text[WEB_LINE];
    const struct command *command = command_find(verb->command);
    enum sentence otherwise;
    if (!web_allowed(m, command, &otherwise))
        return invocation_say_text(&m->inv, otherwise, verb->command);
    size_t len = web_compose(m, verb, raw);
    memcpy(text, raw, len);
    struct regular line = regular_read(text, sanitize(text, len));
    m->inv.text = line.argument;
    m->inv.as_typed = regular_as_typed(raw, len, line.argument);
    return command_run(&m->inv, command);
}

/* The message is not consumed, but decided again: then the client is what it says. */
static enum line_outcome web_declare(const struct web *m) {
    struct change ch;
    if (m->inv.line->plain_only)
        return LINE_LATER;
    change_begin(&ch, m->inv.w, m->inv.c);
    ch.f->web ^= WEB_BOT;
    return change_commit(&ch) ? LINE_DONE : LINE_NO_BUFFER;
}

/* *from: the entry behind the one that the client has seen; 0: that one is of another ledger.
 * False: it names none. */
static bool web_since(const struct web *m, uint64_t *from) {
    const char *id = json_string(m->json, m->kept, JSON_SINCE);
    uint64_t epoch, index;
    *from = 0;
    if (!id || !event_id_read(id, strlen(id), &epoch, &index))
        return false;
    if (epoch == m->inv.w->seg->room.shared->epoch)
        *from = index + 1;
    return true;
}

/* A browser that comes back: in its place, or as anybody. */
static enum line_outcome web_login(struct web *m) {
    const char *name = json_string(m->json, m->kept, JSON_NAME);
    const char *token = json_string(m->json, m->kept, JSON_TOKEN);
    enum line_outcome outcome;
    (void)web_since(m, &m->inv.line->from);
    if (name && takeover(&m->inv, name, token, &outcome))
        return outcome;
    return web_command(m, &web_verbs[JSON_DO_LOGIN]);
}

/* Charged by what it sends, as earlier lines are. */
static void web_resume(struct change *ch, uint64_t from) {
    const struct worker *w = ch->w;
    resume_private(ch, from, atomic_load_explicit(&w->slot->cursor, memory_order_relaxed));
    resume_room(ch, from);
    uint64_t end = room_end(&w->seg->room, room_count(&w->seg->room) - 1, ch->f->ring);
    ch->answered += (uint32_t)(end - ch->f->pos);
}

/* All that was said since, again; since an event of another ledger, the history of a login. */
static enum line_outcome web_again(const struct web *m) {
    struct change ch;
    uint64_t from;
    if (!(client_facts(m->inv.c)->flags & FACT_IN_ROOM))
        return invocation_say_text(&m->inv, SAY_LOG_IN, NULL);
    if (!web_since(m, &from))
        return invocation_say_text(&m->inv, SAY_NO_JSON, "\"since\" is no event's id");
    invocation_begin(&ch, &m->inv);
    if (from != 0)
        web_resume(&ch, from);
    else
        history_begin(&ch, m->inv.w->config.history, HISTORY_ASKED);
    return invocation_done(&m->inv, &ch);
}

/* It shows that the connection lives, not that the person does. */
static enum line_outcome web_ping(const struct web *m) {
    struct change ch;
    invocation_begin(&ch, &m->inv);
    ch.f->last_input = client_facts(m->inv.c)->last_input;
    change_ok(&ch);
    return invocation_done(&m->inv, &ch);
}

/* A name with a blank in it would be a name and a text. */
static bool web_is_one_word(const char *name) {
    return *name && regular_blanks(name) == 0 && name[regular_word(name)] == '\0';
}

static enum line_outcome web_no_do(const struct web *m) {
    char verbs[JSON_VERBS_MAX];
    json_verbs_list(verbs);
    return invocation_say_text(&m->inv, SAY_NO_DO, verbs);
}

static enum line_outcome web_object(struct web *m) {
    enum json_do what = json_what(m->json);
    const char *to = json_string(m->json, m->kept, JSON_TO);
    bool in_room = client_facts(m->inv.c)->flags & FACT_IN_ROOM;
    bool bot = client_facts(m->inv.c)->web & WEB_BOT;
    if (m->inv.line->overlong)
        return decide_too_long(&m->inv);
    if (what == JSON_DO_PING)
        return web_ping(m);
    if (what == JSON_DO_SINCE)
        return web_again(m);
    if (what == JSON_DO_UNKNOWN || !web_verbs[what].command)
        return web_no_do(m);
    if (what == JSON_DO_MSG && in_room && (!to || !web_is_one_word(to)))
        return invocation_say_text(&m->inv, to ? SAY_NOBODY : SAY_WHAT_TO_SAY,
                                   to ? to : "/msg NAME TEXT");
    if (what == JSON_DO_LOGIN && !in_room && bot != m->json->bot)
        return web_declare(m);
    if (what == JSON_DO_LOGIN && !in_room)
        return web_login(m);
    return web_command(m, &web_verbs[what]);
}

/* ---- all messages ---- */

static enum line_outcome web_bad(const struct web *m) {
    static const char *const why[] = {[JSON_WRONG_FORM] = "is no JSON object",
                                      [JSON_WRONG_DEPTH] = "is nested too deeply",
                                      [JSON_WRONG_TWICE] = "comes twice",
                                      [JSON_WRONG_VALUE] = "has a wrong value"};
    bool of_key = m->json->wrong >= JSON_WRONG_TWICE;
    char text[64];
    snprintf(text, sizeof text, of_key ? "\"%s\" %s" : "%s %s",
             of_key ? json_wrong_key(m->json) : "it", why[m->json->wrong]);
    return invocation_say_text(&m->inv, SAY_NO_JSON, text);
}

enum line_outcome web_message(struct worker *w, struct client *c, struct line *line,
                              struct json *json, const struct json_kept *kept) {
    struct web m = {.inv = {.w = w, .c = c, .line = line}, .json = json, .kept = kept};
    enum json_result is = json_end(json);
    line->overlong = json->too_long;
    line->numbered = is != JSON_SPEECH && json_given(json, JSON_RE);
    line->re = json->re;
    if (is == JSON_SPEECH)
        return decide_line(w, c, line);
    return is == JSON_BAD ? web_bad(&m) : web_object(&m);
}

bool web_leaves(const struct worker *w, const struct client *c, struct line *line,
                struct json *json) {
    enum json_result is = json_end(json);
    line->overlong = json->too_long;
    if (is == JSON_SPEECH)
        return decide_leaves(w, c, line);
    return is == JSON_OBJECT && json_what(json) == JSON_DO_QUIT;
}
