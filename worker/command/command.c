/* command.c - the table of commands, and what a line means; see command.h. */
#include "worker/command/command.h"

#include "worker/command/invocation.h"
#include "worker/command/preferences.h"
#include "worker/command/say.h"
#include "worker/output/flush.h"
#include "worker/output/who.h"
#include "worker/record/leave.h"
#include "worker/text/charset.h"
#include "worker/text/name.h"
#include "worker/text/sanitize.h"

#include <string.h>

const char *const encoding_names[ENC_COUNT] = {"utf-8", "gbk", "big5"};

static bool name_good(const struct invocation *call, const char *name) {
    return name_check(name, strlen(name), call->w->config.room) == NAME_OK;
}

static enum line_outcome do_login(struct invocation *call) {
    if (*call->raw == '\0')
        return invocation_say_text(call, SAY_NO_NAME, NULL);
    if (!name_good(call, call->raw))
        return invocation_say_text(call, SAY_NOT_A_NAME, call->text);
    return say_join(call->w, call->c, call->line, call->raw);
}

static enum line_outcome do_quit(struct invocation *call) {
    flush_client(call->w, call->c);
    leave_begin(call->w, call->c, NULL);
    return LINE_GONE;
}

static enum line_outcome do_list(struct invocation *call, uint32_t which) {
    struct change ch;
    invocation_edit(&ch, call);
    who_begin(&ch, which);
    return invocation_done(call, &ch);
}

static enum line_outcome do_look(struct invocation *call) {
    return do_list(call, FACT_LIST_ROOM);
}
static enum line_outcome do_who(struct invocation *call) {
    return do_list(call, FACT_LIST_ALL);
}

static enum line_outcome do_say(struct invocation *call) {
    if (*call->text == '\0')
        return invocation_say_text(call, SAY_WHAT_TO_SAY, "say TEXT");
    return say_speech(call->w, call->c, call->line, call->text, strlen(call->text), false);
}

static enum line_outcome do_me(struct invocation *call) {
    if (*call->text == '\0')
        return invocation_say_text(call, SAY_WHAT_TO_SAY, "/me TEXT");
    return say_speech(call->w, call->c, call->line, call->text, strlen(call->text), true);
}

static enum line_outcome do_nick(struct invocation *call) {
    if (*call->raw == '\0')
        return invocation_say_text(call, SAY_NO_NAME, NULL);
    if (!name_good(call, call->raw))
        return invocation_say_text(call, SAY_NOT_A_NAME, call->text);
    char called[NAME_BYTES_MAX + 1];
    if (strcmp(client_called(call->c, client_facts(call->c), called), call->raw) == 0) {
        struct words words = {.name = called, .text = called}; /* no news for others */
        return invocation_say(call, SAY_NICK, &words);
    }
    return say_nick(call->w, call->c, call->line, call->raw);
}

static enum line_outcome do_msg(struct invocation *call) {
    char *text = call->text, *name = invocation_word(&text);
    struct worker *w = call->w;
    if (*name == '\0' || *text == '\0')
        return invocation_say_text(call, SAY_WHAT_TO_SAY, "/msg NAME TEXT");
    if (client_facts(call->c)->flags & FACT_NAMED)
        return say_private(w, call->c, call->line, name,
                           name_key(name, strlen(name), w->seg->header->name_key), NOBODY, 0, text);
    uint32_t client, generation;
    if (!invocation_endpoint(w, name, &client, &generation))
        return invocation_say_text(call, SAY_NOBODY, name);
    return say_private(w, call->c, call->line, name, 0, client, generation, text);
}

static enum line_outcome do_reply(struct invocation *call) {
    const struct facts *f = client_facts(call->c);
    struct worker *w = call->w;
    uint32_t client = f->reply_client, expected = f->reply_generation, generation;
    struct facts other;
    char called[80 + NAME_BYTES_MAX];
    if (*call->text == '\0')
        return invocation_say_text(call, SAY_WHAT_TO_SAY, "/reply TEXT");
    if (expected == 0 || client >= w->seg->clients.len ||
        !client_peek(worker_client(w, client), &other, &generation) || generation != expected)
        return invocation_say_text(call, SAY_NO_REPLY_TO, NULL);
    if (other.flags & FACT_NAMED)
        client_called(worker_client(w, client), &other, called);
    else
        client_endpoint(worker_client(w, client), called);
    return say_private(w, call->c, call->line, called, 0, client, generation, call->text);
}

static enum line_outcome do_help(struct invocation *call);

static bool invocation_in_open_room(const struct invocation *call) {
    return (client_facts(call->c)->flags & (FACT_IN_ROOM | FACT_NAMED)) == FACT_IN_ROOM;
}

/* CLASSIC: without a slash too, `say` before a text, the others alone on a line.  EARLY: before
 * login too.  PLAIN: may join a batch behind other lines of the same client.  NAMED: not in the
 * open room. */
enum { CLASSIC = 1, EARLY = 2, PLAIN = 4, NAMED = 8 };

/* clang-format off */
static const struct command {
    const char *name;
    enum line_outcome (*run)(struct invocation *call);
    unsigned how;
    const char *help[LANG_COUNT];
} commands[] = {
    {"say", do_say, CLASSIC | PLAIN,
     {"say TEXT            speak",
      "say TEXT            说话"}},
    {"look", do_look, CLASSIC,
     {"look                who is in the room",
      "look                谁在聊天室里"}},
    {"who", do_who, CLASSIC,
     {"who                 who is logged in, and how long idle",
      "who                 谁已登录, 空闲多久"}},
    {"logout", do_quit, CLASSIC | EARLY,
     {"logout, /quit       leave",
      "logout, /quit       离开"}},
    {"quit", do_quit, EARLY, {NULL, NULL}},
    {"me", do_me, PLAIN,
     {"/me TEXT            * NAME TEXT",
      "/me TEXT            * 名字 TEXT"}},
    {"msg", do_msg, 0,
     {"/msg NAME TEXT      to one person, privately",
      "/msg NAME TEXT      悄悄话"}},
    {"reply", do_reply, 0,
     {"/reply TEXT         to whoever wrote to you last",
      "/reply TEXT         回复悄悄话"}},
    {"nick", do_nick, NAMED,
     {"/nick NAME          change your name",
      "/nick NAME          改名"}},
    {"ignore", preferences_ignore, 0,
     {"/ignore NAME        hide somebody's lines",
      "/ignore NAME        屏蔽某人"}},
    {"unignore", preferences_unignore, 0,
     {"/unignore NAME      show them again",
      "/unignore NAME      取消屏蔽"}},
    {"encoding", preferences_encoding, EARLY,
     {"/encoding NAME      utf-8, gbk or big5",
      "/encoding NAME      utf-8、gbk 或 big5"}},
    {"timestamps", preferences_timestamps, 0,
     {"/timestamps on|off  times before lines",
      "/timestamps on|off  显示时间"}},
    {"history", preferences_history, 0,
     {"/history N          the last N lines again",
      "/history N          再看最后N行"}},
    {"help", do_help, EARLY,
     {"/help               this list; //TEXT says a line that begins with a slash",
      "/help               本列表; //TEXT 说以斜杠开头的话"}},
};
/* clang-format on */
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static enum line_outcome do_help(struct invocation *call) {
    struct change ch;
    invocation_edit(&ch, call);
    bool open = invocation_in_open_room(call);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const char *help = commands[i].help[call->w->config.language];
        unsigned how = commands[i].how;
        if (!help || (open && how & NAMED))
            continue;
        if (open && how & CLASSIC) { /* with a slash there, and the columns as they are */
            const char *space = strstr(help, "  ");
            change_bytes(&ch, "/", 1);
            change_utf8(&ch, help, (size_t)(space - help));
            help = space + 1;
        }
        change_utf8(&ch, help, strlen(help));
        change_bytes(&ch, "\r\n", 2);
    }
    return invocation_done(call, &ch);
}

static const struct command *command_find(const char *name, size_t len) {
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strlen(commands[i].name) == len && memcmp(commands[i].name, name, len) == 0)
            return &commands[i];
    }
    return NULL;
}

/* ---- what a line means ---- */

static void invocation_args(struct invocation *call, size_t name_len) {
    call->text += name_len;
    call->text += strspn(call->text, " ");
    call->raw += name_len;
    call->raw += strspn(call->raw, " ");
}

static enum line_outcome invocation_run(struct invocation *call, const struct command *command,
                                        size_t name_len) {
    if (call->line->plain_only && !(command->how & PLAIN))
        return LINE_LATER;
    invocation_args(call, name_len);
    return command->run(call);
}

static enum line_outcome slash_line(struct invocation *call, bool in_room) {
    size_t len = strcspn(call->text, " ");
    const struct command *command = command_find(call->text + 1, len - 1);
    if (!in_room && (!command || !(command->how & EARLY)))
        return invocation_say_text(call, SAY_LOG_IN, NULL);
    if (command && !(command->how & NAMED && invocation_in_open_room(call)))
        return invocation_run(call, command, len);
    if (call->line->plain_only)
        return LINE_LATER;
    call->text[len] = '\0';
    return invocation_say_text(call, SAY_UNKNOWN, call->text);
}

static enum line_outcome stranger_line(struct invocation *call) {
    size_t len = strcspn(call->text, " ");
    if (len == 5 && memcmp(call->text, "login", 5) == 0) {
        invocation_args(call, 5);
        return do_login(call);
    }
    if (strcmp(call->text, "logout") == 0)
        return do_quit(call);
    bool word = len > 0 && call->text[len] == '\0';
    const struct command *command = command_find(call->text, len);
    if (!word || (command && command->how & CLASSIC))
        return invocation_say_text(call, SAY_LOG_IN, NULL);
    return do_login(call);
}

static enum line_outcome room_line(struct invocation *call, bool open) {
    const char *text = call->text;
    size_t len = strcspn(text, " ");
    if (open || (*text == '\0'))
        return *text == '\0' && !open
                   ? invocation_nothing(call)
                   : say_speech(call->w, call->c, call->line, text, strlen(text), false);
    const struct command *command = command_find(text, len);
    if (command && command->how & CLASSIC && (command->run == do_say) == (text[len] != '\0'))
        return invocation_run(call, command, len);
    return say_speech(call->w, call->c, call->line, text, strlen(text), false);
}

/* Somebody who is sent UTF-8 by default and types GBK plainly has a GBK terminal. */
static bool invocation_switches(const struct invocation *call, enum encoding used) {
    const struct facts *f = client_facts(call->c);
    return used == ENC_GBK && f->encoding == ENC_UTF8 &&
           !(f->flags & (FACT_ENC_CHOSEN | FACT_SWITCHED));
}

static enum line_outcome invocation_switch(const struct invocation *call) {
    struct change ch;
    struct words words = {.text = encoding_names[ENC_GBK]};
    change_begin(&ch, call->w, call->c); /* the line itself is handled anew */
    command_switch(&ch, ENC_GBK);
    ch.f->flags |= FACT_SWITCHED;
    change_sentence(&ch, SAY_ENCODING_IS, &words);
    return invocation_done(call, &ch);
}

enum line_outcome command_line(struct worker *w, struct client *c, struct line *line) {
    char text[LINE_MAX_MAX + 1], raw[LINE_MAX_MAX + 1];
    struct invocation call = {w, c, line, text, raw};
    const struct facts *f = client_facts(c);
    if (line->overlong && line->plain_only)
        return LINE_LATER;
    if (line->overlong)
        return invocation_say_text(&call, SAY_TOO_LONG, NULL);
    enum encoding used = ENC_UTF8;
    ptrdiff_t len = charset_decode(line->bytes, line->len, (enum encoding)f->encoding, raw,
                                   w->config.line_max, &used);
    if (len < 0 || invocation_switches(&call, used)) {
        if (line->plain_only)
            return LINE_LATER;
        return len < 0 ? invocation_say_text(&call, SAY_TOO_LONG, NULL) : invocation_switch(&call);
    }
    raw[len] = '\0';
    memcpy(text, raw, (size_t)len);
    text[sanitize(text, (size_t)len)] = '\0';
    /* A NUL in the line ends `raw` as a string, so such a name differs from its clean form; names
     * are never clean if cleaning changed them. */
    if (strlen(raw) != (size_t)len)
        memset(raw, 1, (size_t)len);
    bool in_room = f->flags & FACT_IN_ROOM;
    if (text[0] == '/' && text[1] == '/' && in_room) {
        call.text++;
        return say_speech(w, c, line, call.text, strlen(call.text), false);
    }
    if (text[0] == '/')
        return slash_line(&call, in_room);
    return in_room ? room_line(&call, invocation_in_open_room(&call)) : stranger_line(&call);
}
